#!/usr/bin/env bats
# kist pull and push on a bad day: cuts, delays, short and damaged answers, 429, 500, 401. Everything
# ends with the right digest or says why, and a second try transfers the rest only: the proxy counts.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need_root
  need curl sqlite3
  faulty_image
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() { faulty_setup; }
teardown() { rm -rf "$T"; }

partial() { stat -c %s "$KIST_ROOT/root/blobs/partial/${BIG#sha256:}"; }
complete() { # the image is there, whole, under its digest, and nothing half is left
  [[ $(kist inspect "$FAULTY/app:1" | jq -r '.[0].RepoDigests[0]') == "$FAULTY/app@$DIGEST" ]]
  local d
  for d in $(kist inspect "$FAULTY/app:1" | jq -r '.[0].RootFS.Layers[]'); do
    sha256sum "$KIST_ROOT/root/layers/${d#sha256:}/tar" | grep -q "^${d#sha256:}"
  done
  [[ -z $(find "$KIST_ROOT/root/blobs/partial" "$KIST_ROOT/root/tmp" -mindepth 1) ]]
}
nothing_visible() {
  [[ -z $(kist images -aq) ]]
}

@test "a connection that is cut is taken up with a range request, unseen" {
  fault "GET /blobs/$BIG cut=6000000 times=1" "GET /blobs/$BIG cut=3000000 times=1"
  kist pull -q "$FAULTY/app:1"
  complete
  [[ $(sqlite3 "$KIST_ROOT/root/kist.db" 'SELECT count(*) FROM lease') == 0 ]]
  (($(received) < ALL_SIZE + 400000))
  [[ $(fault_stats '.by["GET blobs"]') == 5 ]]
}

@test "a pull that is cut to the end keeps what came; the next command transfers the rest only" {
  fault "GET /blobs/$BIG cut=8000000 times=1" "GET /blobs/$BIG hang-up"
  fails_with 1 "$BIG" kist pull --retry 1 "$FAULTY/app:1"
  nothing_visible
  have=$(partial)
  ((have > 7500000 && have <= 8000000))
  fault ''
  fault_reset
  run -0 --separate-stderr kist pull "$FAULTY/app:1"
  [[ $stderr == *"resumed at "* && $stderr == *"were here"* ]]
  complete
  (($(received) < BIG_SIZE - have + 200000))
}

@test "Ctrl-C and kill -9 keep what came, too" {
  for signal in TERM KILL; do
    rm -rf "$KIST_ROOT/root"
    fault "GET /blobs/$BIG rate=6000000"
    # bash starts jobs in the background with SIGINT ignored: SIGTERM stands for Ctrl-C
    "$KIST_BUILD/kist-transport" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" pull "$FAULTY/app:1" >"$T/out" 2>&1 3>&- &
    pid=$!
    for _ in $(seq 100); do
      [[ $(partial 2>/dev/null || echo 0) -gt 1000000 ]] && break
      sleep 0.05
    done
    kill -$signal $pid
    status=0
    wait $pid || status=$?
    [[ $signal == KILL ]] || { [[ $status == 143 ]] && grep -q "the next pull goes on" "$T/out"; }
    nothing_visible
    have=$(partial)
    ((have > 1000000))
    fault ''
    fault_reset
    kist pull -q "$FAULTY/app:1"
    complete
    (($(received) < ALL_SIZE - have + 200000))
  done
}

@test "bytes that are damaged on the way are found and fetched anew; for ever wrong ones are refused" {
  fault "GET /blobs/$BIG corrupt=5000000 times=1"
  run -0 --separate-stderr kist pull "$FAULTY/app:1"
  [[ $stderr == *"fetched anew"* ]]
  complete
  rm -rf "$KIST_ROOT/root"
  fault "GET /blobs/$BIG corrupt=5000000"
  run -1 --separate-stderr kist pull "$FAULTY/app:1"
  [[ $stderr == *"$BIG"* ]]
  nothing_visible
  [[ ! -e $KIST_ROOT/root/blobs/partial/${BIG#sha256:} ]]
}

@test "a partial blob that is torn on the disk costs one more fetch, nothing else" {
  fault "GET /blobs/$BIG cut=8000000 times=1" "GET /blobs/$BIG hang-up"
  run ! kist pull -q --retry 0 "$FAULTY/app:1"
  printf 'torn' | dd of="$KIST_ROOT/root/blobs/partial/${BIG#sha256:}" bs=1 seek=1000000 conv=notrunc 2>/dev/null
  fault ''
  run -0 --separate-stderr kist pull "$FAULTY/app:1"
  [[ $stderr == *"fetched anew"* ]]
  complete
}

@test "of a partial blob that is torn on the disk, what came before the tear is kept" {
  fault "GET /blobs/$BIG cut=4000000 times=1" "GET /blobs/$BIG hang-up"
  run ! kist pull -q --retry 0 "$FAULTY/app:1"
  before=$(partial)
  fault "GET /blobs/$BIG cut=3000000 times=1" "GET /blobs/$BIG hang-up"
  run ! kist pull -q --retry 0 "$FAULTY/app:1"
  (($(partial) > before))
  [[ -f $KIST_ROOT/root/blobs/partial/${BIG#sha256:}.marks ]]
  printf 'torn' | dd of="$KIST_ROOT/root/blobs/partial/${BIG#sha256:}" bs=1 seek=$((before + 1000000)) conv=notrunc 2>/dev/null
  fault ''
  fault_reset
  run -0 --separate-stderr kist pull "$FAULTY/app:1"
  [[ $stderr == *"from where the disk has lost it"* ]]
  complete
  # what comes behind the tear may have been asked for before it was seen
  (($(received) < 2 * BIG_SIZE - before - before))
}

@test "a registry that knows no ranges still ends well" {
  fault "GET /blobs/$BIG cut=8000000 times=1" "GET /blobs/$BIG hang-up"
  run ! kist pull -q --retry 0 "$FAULTY/app:1"
  fault "GET /blobs/ no-range"
  kist pull -q "$FAULTY/app:1"
  complete
}

@test "short answers, delays, 429 with Retry-After, 500: tried again" {
  fault "GET /blobs/$BIG truncate=1000000 times=1" "GET /manifests/ status=500 times=2" \
    "GET /blobs/ status=429 retry-after=1 times=1" "GET /blobs/ delay=0.5 times=1"
  kist pull -q "$FAULTY/app:1"
  complete
}

@test "what never gets better says so" {
  fault "GET /manifests/ status=500"
  fails_with 1 "500" kist pull --retry 1 "$FAULTY/app:1"
  fault "GET /blobs/ status=429"
  fails_with 1 "429" kist pull --retry 1 "$FAULTY/app:1"
  fault "GET /manifests/ status=401"
  fails_with 1 "kist login" kist pull "$FAULTY/app:1"
  fault "* . hang-up"
  fails_with 1 "pull '$FAULTY/app:1'" kist pull --retry 0 "$FAULTY/app:1"
  nothing_visible
}

@test "a manifest that is not what the tag was is an error that shows both digests" {
  other=sha256:$(printf other | sha256sum | cut -d' ' -f1)
  fault "GET /manifests/1 digest=$other"
  fails_with 1 "$other" kist pull "$FAULTY/app:1"
  [[ $output == *"$DIGEST"* ]]
  fault "GET /manifests/ corrupt=20"
  fails_with 1 "sha256:" kist pull "$FAULTY/app:1"
  fault "GET /manifests/ truncate=100"
  run ! kist pull --retry 0 "$FAULTY/app:1"
  nothing_visible
}

@test "two pulls of one layer at once do the work once" {
  fault "GET /blobs/$BIG rate=12000000"
  kist pull "$FAULTY/app:1" >"$T/1" 2>&1 3>&- &
  first=$!
  sleep 0.2
  kist pull "$FAULTY/app:1" >"$T/2" 2>&1 3>&- &
  second=$!
  wait $first
  wait $second
  complete
  (($(received) < ALL_SIZE + 200000))
  grep -q "another kist fetches it" "$T/1" "$T/2"
}

@test "a push that is cut goes on, or starts over, and ends with the same digest" {
  kist pull -q "$FAULTY/app:1"
  kist tag "$FAULTY/app:1" localhost/app:1
  for rule in "PATCH|PUT /blobs/uploads/ cut-request=4000000 times=1" "POST /blobs/uploads/ status=500 times=1" \
    "PUT /manifests/ status=500 times=1" "PUT /manifests/ delay=1 times=1" "POST /blobs/uploads/ status=429 retry-after=1 times=1"; do
    name=p$((n++))
    if [[ $rule == *'|'* ]]; then
      rest=${rule#* }
      fault "PATCH $rest" "PUT $rest"
    else
      fault "$rule"
    fi
    # another registry's name: nothing can be mounted
    sqlite3 "$KIST_ROOT/root/kist.db" 'DELETE FROM blob_place'
    rm -rf "$REGISTRY_DIR/data/docker/registry/v2/blobs/sha256/${BIG:7:2}/${BIG:7}"
    kist push -q localhost/app:1 "$FAULTY/$name:1"
    [[ $(skopeo inspect --tls-verify=false "docker://$REGISTRY/$name:1" | jq -r .Digest) == "$DIGEST" ]]
  done
  skopeo copy -q --dest-tls-verify=false "oci:$KIST_ROOT/layout:1" "docker://$REGISTRY/again:1"
}

@test "a push that fails names nothing and says why; compressed streams are made again" {
  kist pull -q "$FAULTY/app:1"
  fault "PUT /manifests/ status=403"
  fails_with 1 "push '$FAULTY/x:1'" kist push --retry 0 "$FAULTY/app:1" "$FAULTY/x:1"
  run ! skopeo inspect --tls-verify=false "docker://$REGISTRY/x:1"
  fault "PATCH /blobs/uploads/ cut-request=3000000 times=1"
  kist push -q --compression zstd "$FAULTY/app:1" "$FAULTY/z:1"
  fault ''
  kist push -q --compression zstd:1 --digestfile "$T/d1" "$FAULTY/app:1" "$FAULTY/z1:1"
  fault "PATCH /blobs/uploads/ cut-request=2000000 times=1" "PATCH /blobs/uploads/ cut-request=1000000 times=1"
  rm -rf "$KIST_ROOT/root"
  fault ''
  kist pull -q "$FAULTY/z:1"
  skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/z:1" "oci:$T/z:1"
}

@test "a compressed blob that is damaged in the store is fetched anew" {
  kist pull -q "$FAULTY/app:1"
  kist rmi "$FAULTY/app:1" >/dev/null
  kist pull -q "$FAULTY/app:1"
  # the layers go, the blobs stay: as after another image's removal
  layer=$(kist inspect "$FAULTY/app:1" | jq -r '.[0].RootFS.Layers[0]')
  cp "$KIST_ROOT/root/blobs/sha256/${BIG#sha256:}" "$T/blob"
  kist rmi "$FAULTY/app:1" >/dev/null
  [[ ! -e $KIST_ROOT/root/layers/${layer#sha256:} ]]
  printf 'torn' | dd of="$T/blob" bs=1 seek=1000000 conv=notrunc 2>/dev/null
  cp "$T/blob" "$KIST_ROOT/root/blobs/sha256/${BIG#sha256:}"
  run -0 --separate-stderr kist pull "$FAULTY/app:1"
  [[ $stderr == *"fetched anew"* ]]
  complete
}

@test "words of a hostile index do not reach the terminal as they are" {
  index='{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"'$DIGEST'","size":'$(stat -c %s "$KIST_ROOT/layout/blobs/sha256/${DIGEST#sha256:}")',"platform":{"os":"\u001b[31mlinux","architecture":"evil\u001b]0;x\u0007"}}]}'
  curl -fsS -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' --data-binary "$index" "http://$REGISTRY/v2/app/manifests/evil"
  run -1 --separate-stderr kist pull "$FAULTY/app:evil"
  [[ $stderr == *"no image for linux/amd64"* && $stderr != *$'\033'* && $stderr != *$'\a'* ]]
}
