#!/usr/bin/env bats
# kist build and images of registries: FROM and COPY --from fetch what is not here, while the rest of
# the build goes on; --pull.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need_root
  need busybox jq curl skopeo
  registry_start
  faultproxy_start "$REGISTRY"
  busybox_image "$REGISTRY/one:1"
  kist push -q "$REGISTRY/one:1"
  echo two >"$KIST_ROOT/rootfs/two"
  head -c 6000000 /dev/urandom >"$KIST_ROOT/rootfs/large"
  tar -C "$KIST_ROOT/rootfs" -cf "$KIST_ROOT/two.tar" .
  kist import -c 'ENV WHO=two' -c 'ONBUILD COPY f /onbuild' "$KIST_ROOT/two.tar" "$REGISTRY/two:1" >/dev/null
  kist push -q "$REGISTRY/two:1"
}
teardown_file() {
  servers_stop
  kist_teardown_file
}
setup() {
  T=$(mktemp -d "$KIST_ROOT/t.XXXXXX")
  echo file >"$T/f"
  rm -rf "$KIST_ROOT/root" "$KIST_ROOT/run"
  fault ''
  fault_reset
}
teardown() { rm -rf "$T"; }

@test "FROM and COPY --from of images that are not here" {
  printf 'FROM %s AS a\nRUN echo $WHO >/who; cat /onbuild >>/who\nFROM %s\nCOPY --from=a /who /\nCOPY --from=%s /two /\nRUN cat /who /two\n' \
    "$FAULTY/two:1" "$FAULTY/one:1" "$FAULTY/two:1" >"$T/Dockerfile"
  run -0 --separate-stderr kist build --network none -t x "$T"
  [[ $stderr == *"[fetch $FAULTY/two:1]"*"done"* ]]
  [[ $(kist run --rm --network none x cat /who /two | tr '\n' ' ') == "two file two " ]]
  # and now everything is here: nobody is asked
  fault_reset
  kist build -q --network none -t x "$T"
  [[ $(fault_stats .requests) == 0 ]]
}

@test "the layers come while the context is read and other stages run" {
  layer=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/two:1" | jq -r '.layers[0].digest')
  fault "GET /blobs/$layer delay=2"
  printf 'FROM %s AS a\nCOPY f /f\nRUN echo first\nFROM %s\nCOPY --from=a /f /g\nRUN echo second\n' \
    "$FAULTY/one:1" "$FAULTY/two:1" >"$T/Dockerfile"
  run -0 --separate-stderr kist build --network none -t x "$T"
  lines=$(grep -nE '\| first|fetch.*two:1.*done|\| second' <<<"$stderr" | sed 's/.*| //; s/.*done.*/fetched/' | tr '\n' ' ')
  [[ $lines == "first fetched second " ]]
}

@test "a build whose steps are all in the cache still waits for its base" {
  printf 'FROM %s\nENV A=b\n' "$FAULTY/one:1" >"$T/Dockerfile"
  kist build -q -t x "$T"
  kist run --rm --network none x true
}

@test "--pull: always, newer, missing, never" {
  printf 'FROM %s\nRUN cat /two >/was || true\n' "$FAULTY/one:1" >"$T/Dockerfile"
  fails_with 1 "there is no image" kist build --pull=never "$T"
  [[ $(fault_stats .requests) == 0 ]]
  kist build -q --network none -t x "$T"
  old=$(kist images -q --no-trunc x)
  # the name moves in the registry
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/one:1" "docker://$REGISTRY/keep:1"
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/two:1" "docker://$REGISTRY/one:1"
  kist build -q --network none -t x "$T"
  [[ $(kist images -q --no-trunc x) == "$old" ]]
  kist build -q --network none --pull -t x "$T"
  [[ $(kist images -q --no-trunc x) != "$old" ]]
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/keep:1" "docker://$REGISTRY/one:1"
  fault '* . hang-up'
  kist build -q --network none --retry 0 --pull=newer -t x "$T"
  fails_with 1 "$FAULTY/one:1" kist build --network none --retry 0 --pull=always -t x "$T"
  fails_with 1 "--pull=sometimes" kist build --pull=sometimes "$T"
}

@test "what cannot be had says where it was looked for, in the place of the Dockerfile" {
  printf 'FROM %s\n' "$FAULTY/none:1" >"$T/Dockerfile"
  fails_with 1 "Dockerfile:1:6: there is no image '$FAULTY/none:1' in the store" kist build "$T"
  [[ $output == *"no such tag or manifest"* ]]
  printf 'FROM nosuch\n' >"$T/Dockerfile"
  KIST_CONFIG=/dev/null fails_with 1 "names no registry" kist build "$T"
  [[ $output == *"docker.io/library/nosuch"* ]]
}

@test "a layer that cannot be fetched ends the build, with nothing half made" {
  layer=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/two:1" | jq -r '.layers[0].digest')
  fault "GET /blobs/$layer cut=1000000 times=1" "GET /blobs/$layer hang-up"
  printf 'FROM %s\nRUN true\n' "$FAULTY/two:1" >"$T/Dockerfile"
  fails_with 1 "fetch '$FAULTY/two:1'" kist build --network none --retry 1 "$T"
  [[ -z $(kist images -aq) ]]
  fault ''
  fault_reset
  kist build -q --network none "$T"
  size=$(skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/two:1" | jq '.layers[0].size')
  (($(fault_stats .to_client) < size - 500000))
}
