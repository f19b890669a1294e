#!/usr/bin/env bats
# kist pull: what comes, from whom it may come, what is asked for again, platforms, names; podman,
# skopeo and docker as those who wrote it.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need_root
  need skopeo jq zstd
  registry_start
  faultproxy_start "$REGISTRY"
  mk three --layer 300k --layer 2m:zstd --layer 100k:none
  mk many --layer 200k --platform linux/amd64 --platform linux/arm64 --platform linux/arm/v7
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() {
  T=$(mktemp -d "$KIST_ROOT/t.XXXXXX")
  kist_fresh
}
teardown() { rm -rf "$T"; }

# A store of this test's own: pulls look at what is there.
kist_fresh() {
  rm -rf "$KIST_ROOT/root" "$KIST_ROOT/run"
  fault_reset
  fault ''
}

# mk NAME ARGS...: an image of tests/tools/mkimage.py in the registry, as NAME:1
mk() {
  local name=$1
  shift
  rm -rf "$KIST_ROOT/layout.$name"
  "$BATS_TEST_DIRNAME/../tools/mkimage.py" "$KIST_ROOT/layout.$name" "$@" >"$KIST_ROOT/digest.$name"
  skopeo copy -q --all --preserve-digests --dest-tls-verify=false "oci:$KIST_ROOT/layout.$name:1" "docker://$REGISTRY/$name:1"
}
digest_of() { cat "$KIST_ROOT/digest.$1"; }
# the layers in the store are those of the image, byte for byte
same_layers() { # NAME
  local d
  for d in $(kist inspect "$FAULTY/$1:1" | jq -r '.[0].RootFS.Layers[]'); do
    sha256sum "$KIST_ROOT/root/layers/${d#sha256:}/tar" | grep -q "^${d#sha256:}"
  done
}

@test "an image comes with its digest, its layers and its name" {
  run -0 --separate-stderr kist pull "$FAULTY/three:1"
  [[ ${lines[0]} == "Digest: $(digest_of three)" ]]
  [[ ${lines[1]} == "Status: Downloaded newer image for $FAULTY/three:1" ]]
  [[ ${lines[2]} == "$FAULTY/three:1" ]]
  [[ $(kist inspect "$FAULTY/three:1" | jq -r '.[0].RepoDigests[0]') == "$FAULTY/three@$(digest_of three)" ]]
  same_layers three
  # every compressed byte once, and no plain layer twice
  [[ $(find "$KIST_ROOT/root/blobs/partial" -type f | wc -l) == 0 ]]
  [[ $(ls "$KIST_ROOT/root/blobs/sha256" | wc -l) == 4 ]]
}

@test "what is there costs one request for the name, and none for a digest" {
  kist pull -q "$FAULTY/three:1"
  fault_reset
  run -0 --separate-stderr kist pull "$FAULTY/three:1"
  [[ $output == *"Image is up to date"* ]]
  [[ $(fault_stats .requests) == 1 ]]
  [[ $(fault_stats .by | jq -r keys[]) == "HEAD manifests" ]]
  fault_reset
  kist pull -q "$FAULTY/three@$(digest_of three)"
  [[ $(fault_stats .requests) == 0 ]]
  # the other name of the same image: its documents, no layer
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/three:1" "docker://$REGISTRY/three:2"
  kist pull -q "$FAULTY/three:2"
  [[ $(fault_stats '.by["GET blobs"]') == null ]]
}

@test "one line a layer, and plain lines where there is no terminal" {
  run -0 --separate-stderr kist pull "$FAULTY/three:1"
  [[ $(grep -c 'done' <<<"$stderr") == 3 ]]
  [[ $stderr == *"total "*"fetched"* ]]
  [[ $stderr != *$'\033'* ]]
  run -0 --separate-stderr kist pull "$FAULTY/three:1"
  [[ $(grep -c 'exists' <<<"$stderr") == 3 ]]
  kist_fresh
  run -0 --separate-stderr kist pull -q "$FAULTY/three:1"
  [[ $output == "$FAULTY/three:1" && -z $stderr ]]
  need script
  kist_fresh
  script -qec "'$KIST_BUILD/kist' --root '$KIST_ROOT/root' --runroot '$KIST_ROOT/run' pull $FAULTY/three:1" /dev/null >"$T/tty"
  grep -q 'done' "$T/tty"
}

@test "platforms of an index: this machine's, another, all of them" {
  kist pull -q "$FAULTY/many:1"
  [[ $(kist inspect "$FAULTY/many:1" | jq -r '.[0].Architecture') == amd64 ]]
  kist inspect "$FAULTY/many:1" | jq -r '.[0].RepoDigests[]' | grep -q "$(digest_of many)"
  fault_reset
  kist pull -q "$FAULTY/many:1"
  [[ $(fault_stats .requests) == 1 ]]
  kist pull -q --platform linux/arm64 "$FAULTY/many:1"
  [[ $(kist inspect "$FAULTY/many:1" | jq -r '.[0].Architecture') == arm64 ]]
  kist pull -q --platform arm/v7 "$FAULTY/many:1" 2>/dev/null && false
  kist pull -q --platform linux/arm "$FAULTY/many:1"
  [[ $(kist inspect "$FAULTY/many:1" | jq -r '.[0].Architecture') == arm ]]
  fails_with 1 "no image for linux/s390x in the index (it has linux/amd64, linux/arm64, linux/arm/v7)" \
    kist pull --platform linux/s390x "$FAULTY/many:1"
  fails_with 1 "there is no image for linux/arm64" kist pull --platform linux/arm64 "$FAULTY/three:1"
  fails_with 1 "only images for linux" kist pull --platform windows/amd64 "$FAULTY/many:1"
  kist_fresh
  kist pull -q --all "$FAULTY/many:1"
  [[ $(kist images -aq --no-trunc | sort -u | wc -l) == 3 ]]
  [[ $(kist inspect "$FAULTY/many:1" | jq -r '.[0].Architecture') == amd64 ]]
  # the platforms belong to the name: they stay until it goes
  kist prune -f >/dev/null
  [[ $(kist images -aq --no-trunc | sort -u | wc -l) == 3 ]]
  kist rmi "$FAULTY/many:1" >/dev/null
  kist prune -f >/dev/null
  [[ -z $(kist images -aq) ]]
}

@test "all tags of a repository" {
  mk tags --layer 10k
  for t in 2 3; do skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/tags:1" "docker://$REGISTRY/tags:$t"; done
  run -0 --separate-stderr kist pull -q -a "$FAULTY/tags"
  [[ $(sort <<<"$output" | tr '\n' ' ') == "$FAULTY/tags:1 $FAULTY/tags:2 $FAULTY/tags:3 " ]]
  fails_with 1 "all tags" kist pull -a "$FAULTY/tags:1"
}

@test "--policy decides whether anybody is asked" {
  fails_with 1 "none may be pulled" kist pull --policy never "$FAULTY/three:1"
  kist pull -q --policy missing "$FAULTY/three:1"
  fault_reset
  kist pull -q --policy missing "$FAULTY/three:1"
  kist pull -q --policy never --digestfile "$T/d" "$FAULTY/three:1"
  [[ $(<"$T/d") == "$(digest_of three)" ]]
  [[ $(fault_stats .requests) == 0 ]]
  fault '* . hang-up'
  run -0 --separate-stderr kist pull --retry 0 --policy newer "$FAULTY/three:1"
  [[ $stderr == *"the image that is here is used"* ]]
  fails_with 1 "pull '$FAULTY/three:1'" kist pull --retry 0 "$FAULTY/three:1"
  fails_with 1 "--policy" kist pull --policy sometimes "$FAULTY/three:1"
  fails_with 125 "--pull 'sometimes'" kist run --pull sometimes "$FAULTY/three:1" true
  fails_with 1 "--authfile '$T/none' does not exist" kist pull --authfile "$T/none" "$FAULTY/three:1"
  fails_with 1 "kist copy oci:$T/x:1 store:NAME" kist pull "oci:$T/x:1"
}

@test "short names come from the list only, and the message shows what was tried" {
  export KIST_CONFIG=$T/config.yaml
  echo '{}' >"$KIST_CONFIG"
  fails_with 1 "the short name 'three:1' names no registry" kist pull three:1
  [[ $output == *"docker.io/library/three:1"* ]]
  printf 'short-names:\n  registries: ["%s/none", "%s"]\n' "$FAULTY" "$FAULTY" >"$KIST_CONFIG"
  run -0 --separate-stderr kist pull -q three:1
  [[ $output == "$FAULTY/three:1" ]]
  fails_with 1 "tried $FAULTY/none/nothing:1" kist pull nothing:1
  [[ $output == *"$FAULTY/nothing:1"* ]]
}

@test "an artifact is no image, an absent tag has a clear error" {
  fails_with 1 "no such tag or manifest" kist pull "$FAULTY/three:none"
  printf x >"$T/file"
  config=$(printf '{}' | sha256sum | cut -d' ' -f1)
  mkdir -p "$T/a/blobs/sha256"
  printf '{}' >"$T/a/blobs/sha256/$config"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"application/x-thing","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:%s","size":2},"layers":[{"mediaType":"application/x-thing","digest":"sha256:%s","size":2}]}' "$config" "$config" >"$T/m"
  m=$(sha256sum <"$T/m" | cut -d' ' -f1)
  mv "$T/m" "$T/a/blobs/sha256/$m"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$T/a/oci-layout"
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"1"}}]}' "$m" "$(stat -c %s "$T/a/blobs/sha256/$m")" >"$T/a/index.json"
  skopeo copy -q --dest-tls-verify=false "oci:$T/a:1" "docker://$REGISTRY/thing:1"
  fails_with 1 "it is no image but 'application/x-thing'" kist pull "$FAULTY/thing:1"
}

@test "limits stop what is too large, and say what raises them" {
  fails_with 1 "--max-layer-size" kist pull --max-layer-size 50k "$FAULTY/three:1"
  # 200 MB of zeros in 15 kB
  truncate -s 200m "$T/zeros"
  tar -C "$T" -cf "$T/z.tar" zeros
  kist import "$T/z.tar" "$REGISTRY/bomb:2" >/dev/null
  kist push -q --compression zstd:19 "$REGISTRY/bomb:2"
  kist rmi "$REGISTRY/bomb:2" >/dev/null
  kist prune -f >/dev/null
  fails_with 1 "unpacks to more than" kist pull --max-layer-size 100m --max-ratio 20000 "$FAULTY/bomb:2"
  [[ $output == *"--max-layer-size"* ]]
  fails_with 1 "decompression bomb" kist pull --max-ratio 100 "$FAULTY/bomb:2"
  [[ $output == *"--max-ratio"* ]]
  [[ -z $(kist images -q) && -z $(find "$KIST_ROOT/root/blobs/partial" -type f) ]]
  # zeros that somebody means, up to 1 GiB
  kist pull -q "$FAULTY/bomb:2"
}

@test "with TLS, a certificate directory and a password" {
  need htpasswd
  local REGISTRY_DIR
  (
    registry_start tls htpasswd user pass
    skopeo copy -q --dest-creds user:pass --dest-cert-dir "$(dirname "$REGISTRY_DIR/ca.crt")" "oci:$KIST_ROOT/layout.three:1" "docker://$REGISTRY/sec:1" 2>/dev/null ||
      skopeo copy -q --dest-creds user:pass --dest-tls-verify=false "oci:$KIST_ROOT/layout.three:1" "docker://$REGISTRY/sec:1"
    mkdir "$T/certs"
    cp "$REGISTRY_DIR/ca.crt" "$T/certs/"
    fails_with 1 "certificate" kist pull --retry 0 --creds user:pass "$REGISTRY/sec:1"
    export REGISTRY_AUTH_FILE=$T/none
    fails_with 1 "kist login" kist pull --cert-dir "$T/certs" "$REGISTRY/sec:1"
    fails_with 1 "pull '$REGISTRY/sec:1'" kist pull --cert-dir "$T/certs" --creds user:wrong "$REGISTRY/sec:1"
    kist pull -q --cert-dir "$T/certs" --creds user:pass "$REGISTRY/sec:1"
    kist rmi "$REGISTRY/sec:1" >/dev/null
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf user:pass | base64)" >"$T/auth.json"
    kist pull -q --tls-verify=false --authfile "$T/auth.json" "$REGISTRY/sec:1"
  )
}

@test "what podman, buildah, docker and skopeo pushed is pulled with their digest" {
  need podman buildah
  kist pull -q "$REGISTRY/three:1" >/dev/null
  kist tag "$REGISTRY/three:1" localhost/three:1
  kist save -o "$T/three.tar" localhost/three:1
  podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs load -qi "$T/three.tar" >/dev/null
  podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs push -q --tls-verify=false --digestfile "$T/d1" localhost/three:1 "$REGISTRY/podman:1"
  podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs push -q --tls-verify=false --format v2s2 --digestfile "$T/d2" localhost/three:1 "$REGISTRY/podman:2"
  buildah --root "$T/p" --runroot "$T/pr" --storage-driver vfs push -q --tls-verify=false --digestfile "$T/d3" --compression-format zstd localhost/three:1 "docker://$REGISTRY/buildah:3" 2>/dev/null ||
    buildah --root "$T/p" --runroot "$T/pr" --storage-driver vfs push -q --tls-verify=false --digestfile "$T/d3" localhost/three:1 "docker://$REGISTRY/buildah:3"
  for i in 1 2; do
    run -0 --separate-stderr kist pull "$FAULTY/podman:$i"
    [[ ${lines[0]} == "Digest: $(<"$T/d$i")" ]]
  done
  run -0 --separate-stderr kist pull "$FAULTY/buildah:3"
  [[ ${lines[0]} == "Digest: $(<"$T/d3")" ]]
}

@test "run and create fetch what is not here" {
  need busybox
  busybox_rootfs "$T/fs"
  tar -C "$T/fs" -cf "$T/fs.tar" .
  kist import -c 'CMD ["/bin/sh"]' "$T/fs.tar" "$REGISTRY/bb:1" >/dev/null
  kist push -q "$REGISTRY/bb:1"
  kist rmi "$REGISTRY/bb:1" >/dev/null
  run -0 --separate-stderr kist run --rm --network none "$FAULTY/bb:1" echo hello
  [[ $output == hello && $stderr == *"is not here"* && $stderr == *"done"* ]]
  kist rmi "$FAULTY/bb:1" >/dev/null
  run -0 --separate-stderr kist create -q --name made "$FAULTY/bb:1" true
  [[ ${#output} == 64 && -z $stderr ]]
  kist rm made >/dev/null
  kist rmi "$FAULTY/bb:1" >/dev/null
  fault_reset
  fails_with 125 "no such image" kist run --rm --pull never "$FAULTY/bb:1" true
  [[ $(fault_stats .requests) == 0 ]]
  fails_with 125 "no such tag or manifest" kist run --rm "$FAULTY/bb:none" true
  kist run -q --rm --network none "$FAULTY/bb:1" true
  fault_reset
  kist run -q --rm --network none --pull always "$FAULTY/bb:1" true
  [[ $(fault_stats .requests) == 1 ]]
  kist run -q --rm --network none "$FAULTY/bb:1" true
  [[ $(fault_stats .requests) == 1 ]]
}
