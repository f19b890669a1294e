#!/usr/bin/env bats
# kist save: forms, compression, names, repeatable bytes, what others read.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  command -v busybox >/dev/null || skip "busybox is not installed"
  busybox_image localhost/base:1
  export W=$KIST_ROOT/work
  mkdir -p "$W"
}
teardown_file() { kist_teardown_file; }

setup() { T=$(mktemp -d "$KIST_ROOT/t.XXXXXX"); }
teardown() { rm -rf "$T"; }

@test "a docker-archive holds plain layers and a manifest" {
  kist save -o "$T/a.tar" localhost/base:1
  run -0 tar -xOf "$T/a.tar" manifest.json
  [[ $output == *'"RepoTags":["localhost/base:1"]'* ]]
  layer=$(jq -r '.[0].Layers[0]' <<<"$output")
  tar -xOf "$T/a.tar" "$layer" | cmp - "$KIST_ROOT/rootfs.tar"
}

@test "standard output and -o give the same bytes, twice" {
  for format in docker-archive oci-archive; do
    kist save --format $format -o "$T/a.tar" localhost/base:1
    kist save --format $format localhost/base:1 | cmp - "$T/a.tar"
  done
}

@test "every layer compression, and the way back keeps the digest" {
  for c in gzip zstd none; do
    kist save --format oci-dir --compression $c -o "$T/$c" localhost/base:1
    digest=$(jq -r '.manifests[0].digest' "$T/$c/index.json")
    type=$(jq -r '.layers[0].mediaType' "$T/$c/blobs/sha256/${digest#sha256:}")
    case $c in none) [[ $type == *.tar ]] ;; *) [[ $type == *.tar+$c ]] ;; esac
    "$KIST_BUILD/kist" --root "$T/root-$c" --runroot "$T/run" load -qi "$T/$c"
    "$KIST_BUILD/kist" --root "$T/root-$c" --runroot "$T/run" save --format oci-dir -o "$T/$c-back" localhost/base:1
    [[ $(jq -r '.manifests[0].digest' "$T/$c-back/index.json") == "$digest" ]]
    diff -r "$T/$c/blobs" "$T/$c-back/blobs"
  done
}

@test "what is written validates against the specification" {
  data=$BATS_TEST_DIRNAME/../../../shared/data/image-spec-schema
  [[ -d $data ]] || skip "the shared schemas are not there"
  python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
  kist save --format oci-dir -o "$T/d" localhost/base:1
  v=$BATS_TEST_DIRNAME/../data/validate-json
  manifest=$(jq -r '.manifests[0].digest' "$T/d/index.json")
  config=$(jq -r .config.digest "$T/d/blobs/sha256/${manifest#sha256:}")
  "$v" "$data/image-index-schema.json" "$T/d/index.json"
  "$v" "$data/image-layout-schema.json" "$T/d/oci-layout"
  "$v" "$data/image-manifest-schema.json" "$T/d/blobs/sha256/${manifest#sha256:}"
  "$v" "$data/config-schema.json" "$T/d/blobs/sha256/${config#sha256:}"
}

@test "several images share their layers in one archive" {
  kist tag localhost/base:1 docker.io/library/other:2
  echo 'x' >"$T/f"
  tar -C "$T" -cf "$T/f.tar" f
  kist import "$T/f.tar" small:1 >/dev/null
  kist save -o "$T/a.tar" localhost/base:1 other:2 small:1
  run -0 tar -xOf "$T/a.tar" manifest.json
  [[ $(jq length <<<"$output") == 2 ]]
  [[ $(jq -c '.[0].RepoTags' <<<"$output") == '["localhost/base:1","other:2"]' ]]
  kist save --format oci-archive -o "$T/o.tar" localhost/base:1 other:2 small:1
  "$KIST_BUILD/kist" --root "$T/root" --runroot "$T/run" load -i "$T/o.tar" >"$T/out"
  [[ $(grep -c "Loaded image:" "$T/out") == 3 ]]
  kist rmi other:2 small:1 >/dev/null
}

@test "by id there is no name" {
  id=$(kist images -q localhost/base:1)
  kist save -o "$T/a.tar" "$id"
  [[ $(tar -xOf "$T/a.tar" manifest.json | jq -c '.[0].RepoTags') == null ]]
}

@test "healthcheck, onbuild and shell survive every trip" {
  kist import -c 'HEALTHCHECK --interval=5s --retries=2 CMD ["true"]' -c 'ONBUILD RUN x' \
    -c 'SHELL ["/bin/ash","-ec"]' -c 'STOPSIGNAL SIGUSR1' "$KIST_ROOT/rootfs.tar" trip:1 >/dev/null
  id=$(kist images -q --no-trunc trip:1)
  for format in docker-archive oci-archive; do
    kist save --format $format -o "$T/$format" trip:1
    rm -rf "$T/root"
    "$KIST_BUILD/kist" --root "$T/root" --runroot "$T/run" load -qi "$T/$format"
    [[ $("$KIST_BUILD/kist" --root "$T/root" --runroot "$T/run" images -q --no-trunc) == "$id" ]]
  done
  config=$(tar -xOf "$T/docker-archive" "${id#sha256:}.json")
  [[ $(jq -c .config.Healthcheck <<<"$config") == '{"Test":["CMD","true"],"Interval":5000000000,"Retries":2}' ]]
  [[ $(jq -c .config.OnBuild <<<"$config") == '["RUN x"]' ]]
  [[ $(jq -c .config.Shell <<<"$config") == '["/bin/ash","-ec"]' ]]
  kist rmi trip:1 >/dev/null
}

@test "what cannot be is refused, and leaves nothing" {
  fails_with 1 "no such image" kist save -o "$T/x" absent
  [[ ! -e $T/x ]]
  fails_with 1 "--format" kist save --format qcow2 -o "$T/x" localhost/base:1
  fails_with 1 "gzip, zstd or none" kist save --format oci-dir --compression lz4 -o "$T/x" localhost/base:1
  fails_with 1 "plain" kist save --compression gzip -o "$T/x" localhost/base:1
  fails_with 1 "needs -o" kist save --format oci-dir localhost/base:1
  mkdir "$T/full"
  touch "$T/full/f"
  fails_with 1 "not empty" kist save --format oci-dir -o "$T/full" localhost/base:1
  fails_with 1 "No such file" kist save -o "$T/none/x" localhost/base:1
  run -1 bash -c "'$KIST_BUILD/kist' --root '$KIST_ROOT/root' --runroot '$KIST_ROOT/run' save localhost/base:1 >/dev/full"
  [[ $output == *"No space left"* ]]
  [[ -z $(find "$T" -name 'x*') ]]
}

@test "a terminal gets no archive" {
  need script
  run script -qec "'$KIST_BUILD/kist' --root '$KIST_ROOT/root' --runroot '$KIST_ROOT/run' save localhost/base:1" /dev/null
  [[ $status == 1 && $output == *"terminal"* ]]
}

@test "skopeo, umoci and podman read it" {
  need skopeo
  kist save -o "$T/a.tar" localhost/base:1
  kist save --format oci-archive -o "$T/o.tar" localhost/base:1
  kist save --format oci-dir --compression zstd -o "$T/z" localhost/base:1
  kist save --format oci-dir -o "$T/d" localhost/base:1
  skopeo inspect "docker-archive:$T/a.tar" >/dev/null
  skopeo inspect "oci-archive:$T/o.tar" >/dev/null
  skopeo copy -q "oci:$T/z:1" "oci:$T/copy:1"
  if command -v umoci >/dev/null; then
    umoci unpack --image "$T/d:1" "$T/bundle"
    [[ -x $T/bundle/rootfs/bin/busybox ]]
  fi
  command -v podman >/dev/null || return 0
  for f in a.tar o.tar; do
    podman --root "$T/p" --runroot "$T/pr" load -qi "$T/$f"
  done
  [[ $(podman --root "$T/p" --runroot "$T/pr" images -q) ]]
  podman --root "$T/p" --runroot "$T/pr" rmi -af >/dev/null
}
