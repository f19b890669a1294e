#!/usr/bin/env bats
# Every document that leaves kist validates against the specifications' schemas, and an image with
# every field of a config comes back from other tools as it went.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image localhost/base:1
  mkdir -p "$KIST_ROOT/ctx"
  cat >"$KIST_ROOT/ctx/Dockerfile" <<'D'
FROM localhost/base:1
LABEL a=b
ENV X=1
EXPOSE 80/tcp 53/udp
VOLUME /v
WORKDIR /w
COPY Dockerfile /
HEALTHCHECK --interval=5s --timeout=3s --start-period=1s --retries=4 CMD true
ONBUILD RUN x
SHELL ["/bin/sh", "-ec"]
STOPSIGNAL SIGUSR1
MAINTAINER me
ENTRYPOINT ["sleep"]
CMD ["100"]
D
  kist build -q -t full:1 "$KIST_ROOT/ctx" >/dev/null
}
teardown_file() { kist_teardown_file; }
setup() { T=$(mktemp -d "$KIST_ROOT/t.XXXXXX"); }

SCHEMAS=$BATS_TEST_DIRNAME/../../../shared/data
need_schemas() {
  [[ -d $SCHEMAS ]] || skip "the shared schemas are not there"
  python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
}
valid() { # SCHEMA FILE
  "$BATS_TEST_DIRNAME/../data/validate-json" "$SCHEMAS/$1" "$2"
}
layout_is_valid() { # DIRECTORY
  local m c
  valid image-spec-schema/image-index-schema.json "$1/index.json"
  valid image-spec-schema/image-layout-schema.json "$1/oci-layout"
  for m in $(jq -r '.manifests[].digest' "$1/index.json"); do
    m=$1/blobs/sha256/${m#*:}
    valid image-spec-schema/image-manifest-schema.json "$m"
    c=$(jq -r .config.digest "$m")
    valid image-spec-schema/config-schema.json "$1/blobs/sha256/${c#*:}"
  done
}

@test "the schemas refuse what is wrong: this test can fail" {
  need_schemas
  echo '{"schemaVersion":2}' >"$T/bad"
  run ! valid image-spec-schema/image-manifest-schema.json "$T/bad"
}

@test "layouts: every form, every compression" {
  need_schemas
  for c in gzip zstd none; do
    kist save --format oci-dir --compression $c -o "$T/$c" full:1 base:1
    layout_is_valid "$T/$c"
    kist save --format oci-archive --compression $c -o "$T/$c.tar" full:1 base:1
    mkdir "$T/$c.x"
    tar -C "$T/$c.x" -xf "$T/$c.tar"
    layout_is_valid "$T/$c.x"
    diff -r "$T/$c" "$T/$c.x"
  done
}

@test "the config of a docker-archive" {
  need_schemas
  kist save -o "$T/a.tar" full:1
  tar -C "$T" -xf "$T/a.tar"
  valid image-spec-schema/config-schema.json "$T/$(jq -r '.[0].Config' "$T/manifest.json")"
}

@test "images of import and commit" {
  need_schemas
  kist import -c 'ENV A=1' -c 'HEALTHCHECK NONE' "$KIST_ROOT/rootfs.tar" imported:1 >/dev/null
  kist run --name changed --network none base:1 touch /new
  kist commit changed committed:1 >/dev/null
  kist save --format oci-dir -o "$T/d" imported:1 committed:1
  layout_is_valid "$T/d"
}

@test "the runtime's config of a container with many options" {
  need_schemas
  id=$(kist run -d --network none -v /tmp:/t:ro --tmpfs /x:size=1m --cap-add NET_ADMIN --cap-drop KILL \
    --ulimit nofile=100:200 --pids-limit 50 --read-only --hostname h -e A=b --stop-signal INT full:1 2>/dev/null)
  valid runtime-spec-schema/config-schema.json <(sed 1,2d "$KIST_ROOT/run/containers/$id/state")
  valid runtime-spec-schema/state-schema.json <("$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/run/containers" \
    state "$id" 2>/dev/null) || skip "the state is not shown under this root"
  kist rm -f "$id" >/dev/null
}

# config_of LAYOUT: what matters of the only image's config
config_of() {
  local m c
  m=$(jq -r '.manifests[0].digest' "$1/index.json")
  c=$(jq -r .config.digest "$1/blobs/sha256/${m#*:}")
  jq -S '.config' "$1/blobs/sha256/${c#*:}"
}

@test "through podman and back: every field, every layer" {
  need podman
  P=(podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs)
  kist save --format oci-dir -o "$T/before" full:1
  kist save -o "$T/a.tar" full:1
  "${P[@]}" load -qi "$T/a.tar" >/dev/null 2>&1 || skip "podman does not work here"
  "${P[@]}" save -q -o "$T/back.tar" localhost/full:1
  "${P[@]}" rmi -af >/dev/null
  before=$(kist images -q --no-trunc full:1)
  k() { "$KIST_BUILD/kist" --root "$T/root" --runroot "$T/run" "$@"; }
  run -0 k load -i "$T/back.tar"
  [[ $output == "Loaded image: localhost/full:1" ]]
  k save --format oci-dir -o "$T/after" full:1
  diff <(config_of "$T/before") <(config_of "$T/after")
  [[ $(k images -q --no-trunc full:1) == "$before" ]]
  # the layers, compressed by us both times, are the same bytes
  diff <(jq -r '.layers[].digest' "$T"/before/blobs/sha256/"$(jq -r '.manifests[0].digest' "$T/before/index.json" | cut -d: -f2)") \
    <(jq -r '.layers[].digest' "$T"/after/blobs/sha256/"$(jq -r '.manifests[0].digest' "$T/after/index.json" | cut -d: -f2)")
}

@test "through skopeo and back: docker-archive, OCI archive, directory" {
  need skopeo
  kist save --format oci-dir -o "$T/before" full:1
  want=$(config_of "$T/before")
  for c in gzip zstd none; do
    kist save --format oci-archive --compression $c -o "$T/$c.tar" full:1
    via=docker-archive # which knows no zstd
    [[ $c != zstd ]] || via=oci-archive
    skopeo copy -q --insecure-policy "oci-archive:$T/$c.tar" "$via:$T/$c.via:localhost/x/$c:1"
    skopeo copy -q --insecure-policy "$via:$T/$c.via" "oci:$T/$c.dir:1"
    k() { "$KIST_BUILD/kist" --root "$T/root-$c" --runroot "$T/run" "$@"; }
    k load -qi "$T/$c.via" >/dev/null
    k load -qi "$T/$c.dir" >/dev/null
    k save --format oci-dir -o "$T/$c.after" "x/$c:1"
    diff <(echo "$want") <(config_of "$T/$c.after")
    k run --rm --network none --entrypoint sh "x/$c:1" -c '[ -f /Dockerfile ]'
  done
}

@test "what buildah commits runs here" {
  need buildah
  B=(buildah --root "$T/b" --runroot "$T/br" --storage-driver vfs)
  printf 'FROM scratch\nADD rootfs.tar /\nHEALTHCHECK CMD true\nONBUILD RUN y\nCMD ["echo","from buildah"]\n' >"$T/Dockerfile"
  cp "$KIST_ROOT/rootfs.tar" "$T/rootfs.tar"
  for format in oci docker; do
    "${B[@]}" bud -q --isolation chroot --format $format -t localhost/bud:$format -f "$T/Dockerfile" "$T" >/dev/null 2>&1 ||
      skip "buildah does not work here"
    "${B[@]}" push -q localhost/bud:$format "oci-archive:$T/$format.tar:localhost/bud:$format" >/dev/null
    kist load -qi "$T/$format.tar" >/dev/null
    [[ $(kist run --rm --network none bud:$format) == "from buildah" ]]
  done
  "${B[@]}" rmi -af >/dev/null
}
