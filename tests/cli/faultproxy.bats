#!/usr/bin/env bats
# The fault proxy does what its rules say: tests of kist rely on it.
# shellcheck disable=SC2034,SC2154
bats_require_minimum_version 1.5.0
load lib.bash
load registry.bash

setup_file() {
  need curl jq
  registry_start
  faultproxy_start "$REGISTRY"
}
teardown_file() { servers_stop; }
setup() {
  fault "* ^/none status=418"
  fault_reset
  B=http://$FAULTY/v2/t/blobs
}

# put SIZE: uploads a blob through the proxy and prints its digest
put() {
  head -c "$1" /dev/urandom >"$BATS_TEST_TMPDIR/blob"
  local digest location
  digest=sha256:$(sha256sum <"$BATS_TEST_TMPDIR/blob" | cut -d' ' -f1)
  location=$(curl -fsS -X POST -o /dev/null -D - "$B/uploads/" | tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  [[ $location == "http://$FAULTY/"* ]]
  location=$(curl -fsS -X PATCH -H 'Transfer-Encoding: chunked' -T "$BATS_TEST_TMPDIR/blob" -o /dev/null -D - "$location" |
    tr -d '\r' | sed -n 's/^[Ll]ocation: //p')
  curl -fsS -X PUT -H 'Content-Length: 0' "$location&digest=$digest"
  echo "$digest"
}

@test "passes requests and chunked bodies on, and counts" {
  local digest
  digest=$(put 300000)
  curl -fsS "$B/$digest" | cmp - "$BATS_TEST_TMPDIR/blob"
  [[ $(fault_stats .to_client) -ge 300000 && $(fault_stats .from_client) -ge 300000 ]]
  [[ $(fault_stats '.by["GET blobs"]') == 1 ]]
}

@test "cuts, truncates, corrupts, forgets ranges" {
  local digest
  digest=$(put 300000)
  fault "GET /blobs/ cut=1000 times=1" "GET /blobs/ truncate=2000 times=1" \
    "GET /blobs/ corrupt=5 times=1" "GET /blobs/ no-range times=1"
  run ! curl -fsS -o "$BATS_TEST_TMPDIR/got" "$B/$digest"
  [[ $(stat -c %s "$BATS_TEST_TMPDIR/got") == 1000 ]]
  [[ $(curl -fsS "$B/$digest" | wc -c) == 2000 ]]
  curl -fsS "$B/$digest" -o "$BATS_TEST_TMPDIR/got"
  [[ $(cmp -l "$BATS_TEST_TMPDIR/got" "$BATS_TEST_TMPDIR/blob" | wc -l) == 1 ]]
  [[ $(curl -sS -r 100- -w '%{http_code}' -o /dev/null "$B/$digest") == 200 ]]
  [[ $(curl -sS -r 100- -w '%{http_code}' -o /dev/null "$B/$digest") == 206 ]]
}

@test "answers errors in turn, some later" {
  fault "GET ^/v2/$ status=429 retry-after=7 times=1" "GET ^/v2/$ status=500 times=1" \
    "GET ^/v2/$ status=401 skip=1 times=1"
  local i want=(429 500 200 401 200)
  for i in 0 1 2 3 4; do
    [[ $(curl -sS -w '%{http_code}' -o /dev/null "http://$FAULTY/v2/") == "${want[i]}" ]]
  done
  grep -q 'status=429 retry-after=7' <(sed 's/in=.*out=[0-9]* //' "$FAULTY_LOG")
}
