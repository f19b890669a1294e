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

# slow_context FILE: its first half; the rest when the registry has been asked for a layer
slow_context() {
  local half=$(($(stat -c %s "$1") / 2)) i
  head -c "$half" "$1"
  for ((i = 0; i < 200; i++)); do
    [[ $(fault_stats '.by["GET blobs"] // 0') -ge 2 ]] && break
    sleep 0.05
  done
  fault_stats '.by["GET blobs"] // 0' >"$T/asked"
  tail -c +$((half + 1)) "$1"
}

@test "FROM begins while the context still comes through standard input" {
  printf 'FROM %s\nCOPY big /\n' "$FAULTY/two:1" >"$T/Dockerfile"
  head -c 400000 /dev/urandom >"$T/big"
  tar -C "$T" -cf "$T/context.tar" Dockerfile f big
  gzip -k "$T/context.tar"
  local f
  for f in context.tar context.tar.gz; do
    rm -rf "$KIST_ROOT/root"
    fault_reset
    slow_context "$T/$f" | kist build -q -t x -
    [[ $(<"$T/asked") -ge 2 ]]
    [[ $(fault_stats '.by["GET manifests"]') == 1 ]]
    kist run --rm --network none x cat /big | cmp - "$T/big"
  done
  # what comes late counts: another Dockerfile, and the end of the patience
  mkdir "$T/late"
  printf 'FROM scratch\nCOPY Dockerfile /\n' >"$T/late/Dockerfile"
  tar -C "$T/late" -rf "$T/context.tar" Dockerfile
  rm -rf "$KIST_ROOT/root"
  kist build -q -t late - <"$T/context.tar"
  [[ $(kist inspect -f '{{json .RootFS.Layers}}' late | jq length) == 1 ]]
  rm -rf "$KIST_ROOT/root"
  fault_reset
  mkfifo "$T/fifo"
  "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" build -t x - <"$T/fifo" >"$T/out" 2>&1 3>&- &
  local pid=$! status=0 i
  exec 9>"$T/fifo"
  head -c 100000 "$T/context.tar" >&9
  for ((i = 0; i < 200; i++)); do
    [[ $(fault_stats .requests) -ge 1 ]] && break
    sleep 0.05
  done
  kill -TERM $pid
  wait $pid || status=$?
  exec 9>&-
  [[ $status == 143 && $(<"$T/out") == "kist: interrupted" ]]
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
