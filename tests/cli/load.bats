#!/usr/bin/env bats
# kist load: every form of archive, names, hostile and broken input.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  command -v busybox >/dev/null || skip "busybox is not installed"
  export W=$KIST_ROOT/work
  mkdir -p "$W"
  busybox_image localhost/base:1
  kist save -o "$W/docker.tar" localhost/base:1
  kist save --format oci-archive -o "$W/oci.tar" localhost/base:1
  kist save --format oci-dir -o "$W/app-dir" localhost/base:1
  kist save --format oci-dir --compression zstd -o "$W/zstd-dir" localhost/base:1
  ID=$(kist inspect --format '{{.Id}}' localhost/base:1 2>/dev/null || kist images -q --no-trunc localhost/base:1)
  export ID
}
teardown_file() { kist_teardown_file; }

setup() { FRESH=$(mktemp -d "$KIST_ROOT/fresh.XXXXXX"); }
teardown() {
  umount "$FRESH/root" 2>/dev/null || true
  rm -rf "$FRESH"
}

# kist with a store that is empty at the beginning of each test
fresh() { "$KIST_BUILD/kist" --root "$FRESH/root" --runroot "$FRESH/run" "$@"; }

# Nothing of a failed load is left: no image, layer, compressed blob, temporary file.
nothing_left() {
  local left
  [[ -z $(fresh images -q) ]] || { echo "an image is left"; return 1; }
  left=$(find "$FRESH/root/layers" "$FRESH/root/tmp" -mindepth 1 2>/dev/null || true)
  [[ -z $left ]] || { echo "left: $left"; return 1; }
  left=$(find "$FRESH/root/blobs" -type f -size +64k 2>/dev/null || true)
  [[ -z $left ]] || { echo "left: $left"; return 1; }
}

# unpack ARCHIVE: into $FRESH/x, to be damaged
unpack() {
  mkdir "$FRESH/x"
  tar -C "$FRESH/x" -xf "$1"
}
repack() { tar -C "$FRESH/x" -cf "$FRESH/x.tar" "$@"; }

@test "every form is recognised by its content" {
  gzip -c "$W/docker.tar" >"$FRESH/docker.gz"
  xz -0c "$W/oci.tar" >"$FRESH/oci.xz"
  for input in "$W/docker.tar" "$W/oci.tar" "$W/app-dir" "$W/zstd-dir" "$FRESH/docker.gz" "$FRESH/oci.xz"; do
    rm -rf "$FRESH/root"
    run -0 fresh load -i "$input"
    [[ $output == "Loaded image: localhost/base:1" ]]
    [[ $(fresh images -q --no-trunc) == "$ID" ]]
  done
}

@test "standard input: a file, a pipe, compressed" {
  run -0 fresh load <"$W/docker.tar"
  [[ $output == "Loaded image: localhost/base:1" ]]
  rm -rf "$FRESH/root"
  cat "$W/docker.tar" | fresh load -q
  [[ $(fresh images -q --no-trunc) == "$ID" ]]
  rm -rf "$FRESH/root"
  gzip -c "$W/oci.tar" | fresh load -q
  [[ $(fresh images -q --no-trunc) == "$ID" ]]
}

@test "a pipe whose documents come first or last gives the same" {
  unpack "$W/oci.tar"
  for order in "index.json oci-layout blobs" "blobs index.json oci-layout"; do
    rm -rf "$FRESH/root"
    # shellcheck disable=SC2086
    tar -C "$FRESH/x" -c $order | fresh load -q
    [[ $(fresh images -q --no-trunc) == "$ID" ]]
  done
}

@test "loading again changes nothing" {
  fresh load -qi "$W/docker.tar"
  before=$(find "$FRESH/root/layers" "$FRESH/root/blobs" | sort)
  fresh load -qi "$W/docker.tar"
  [[ $(find "$FRESH/root/layers" "$FRESH/root/blobs" | sort) == "$before" ]]
}

@test "names without a registry are docker.io's" {
  unpack "$W/docker.tar"
  sed -i 's|"RepoTags":\[[^]]*\]|"RepoTags":["alpine:3.18","quay.io/a/b:c"]|' "$FRESH/x/manifest.json"
  repack .
  run -0 fresh load -i "$FRESH/x.tar"
  [[ $output == *"Loaded image: alpine:3.18"* && $output == *"Loaded image: quay.io/a/b:c"* ]]
  fresh images --format json | grep -q docker.io/library/alpine || fresh images | grep -q alpine
}

@test "an image without a name is told by its id" {
  unpack "$W/docker.tar"
  sed -i 's|"RepoTags":\[[^]]*\]|"RepoTags":null|' "$FRESH/x/manifest.json"
  repack .
  run -0 fresh load -i "$FRESH/x.tar"
  [[ $output == "Loaded image ID: $ID" ]]
}

@test "a layout that names only a tag is called after its file" {
  cp -r "$W/app-dir" "$FRESH/my-app"
  jq '.manifests[0].annotations={"org.opencontainers.image.ref.name":"v7"}' \
    "$W/app-dir/index.json" >"$FRESH/my-app/index.json"
  run -0 fresh load -i "$FRESH/my-app"
  [[ $output == "Loaded image: localhost/my-app:v7" ]]
}

@test "an index within the index: the platform of this machine" {
  need jq
  cp -r "$W/app-dir" "$FRESH/x"
  entry=$(jq -c '.manifests[0] | del(.annotations)' "$W/app-dir/index.json")
  nested=$(jq -cn --argjson m "$entry" '{schemaVersion:2,mediaType:"application/vnd.oci.image.index.v1+json",
    manifests:[($m | .platform={os:"linux",architecture:"vax"} | .digest="sha256:" + ("0" * 64)), $m]}')
  hex=$(printf %s "$nested" | sha256sum | cut -d' ' -f1)
  printf %s "$nested" >"$FRESH/x/blobs/sha256/$hex"
  jq -n --arg d "sha256:$hex" --argjson n "${#nested}" '{schemaVersion:2,manifests:[{mediaType:
    "application/vnd.oci.image.index.v1+json",digest:$d,size:$n,annotations:{"org.opencontainers.image.ref.name":"a/b:c"}}]}' \
    >"$FRESH/x/index.json"
  run -0 fresh load -i "$FRESH/x"
  [[ $output == "Loaded image: localhost/a/b:c" ]]
  [[ $(fresh images -q --no-trunc) == "$ID" ]]
}

@test "what is no archive is refused with a word about it" {
  head -c 5000 /dev/urandom >"$FRESH/noise"
  fails_with 1 "not a tar header" fresh load -i "$FRESH/noise"
  fails_with 1 "kist import" fresh load -i "$KIST_ROOT/rootfs.tar"
  fails_with 1 "No such file" fresh load -i "$FRESH/absent"
  mkdir "$FRESH/empty"
  fails_with 1 "neither a docker-archive" fresh load -i "$FRESH/empty"
  fails_with 1 "neither a docker-archive" fresh load </dev/null
  nothing_left
}

@test "truncated archives" {
  size=$(stat -c %s "$W/docker.tar")
  for part in $((size / 2)) $((size - 2000)) 700; do
    head -c "$part" "$W/docker.tar" >"$FRESH/cut.tar"
    run ! fresh load -i "$FRESH/cut.tar"
    nothing_left
    run ! bash -c "cat '$FRESH/cut.tar' | '$KIST_BUILD/kist' --root '$FRESH/root' --runroot '$FRESH/run' load"
    nothing_left
  done
}

@test "a layer that is not what its digest says" {
  unpack "$W/docker.tar"
  layer=$(ls "$FRESH"/x/*.tar)
  printf X | dd of="$layer" bs=1 seek=100000 conv=notrunc status=none
  repack .
  fails_with 1 "instead of" fresh load -i "$FRESH/x.tar"
  nothing_left
  run ! bash -c "cat '$FRESH/x.tar' | '$KIST_BUILD/kist' --root '$FRESH/root' --runroot '$FRESH/run' load"
  [[ $output == *"the config expects"* ]]
  nothing_left
}

@test "a compressed layer, a config, a manifest that are not what their digests say" {
  for which in layer config manifest; do
    rm -rf "$FRESH/x"
    cp -r "$W/app-dir" "$FRESH/x"
    manifest=$(jq -r '.manifests[0].digest' "$FRESH/x/index.json")
    case $which in
      manifest) blob=$manifest ;;
      config) blob=$(jq -r .config.digest "$FRESH/x/blobs/sha256/${manifest#sha256:}") ;;
      layer) blob=$(jq -r '.layers[0].digest' "$FRESH/x/blobs/sha256/${manifest#sha256:}") ;;
    esac
    blob=$FRESH/x/blobs/sha256/${blob#sha256:}
    printf '\x20' | dd of="$blob" bs=1 seek=$(($(stat -c %s "$blob") / 2)) conv=notrunc status=none
    run ! fresh load -i "$FRESH/x"
    nothing_left
    run ! bash -c "tar -C '$FRESH/x' -c . | '$KIST_BUILD/kist' --root '$FRESH/root' --runroot '$FRESH/run' load"
    nothing_left
  done
}

@test "missing parts are named" {
  unpack "$W/docker.tar"
  rm "$FRESH"/x/*.tar
  repack .
  fails_with 1 "is not there" fresh load -i "$FRESH/x.tar"
  cp -r "$W/app-dir" "$FRESH/y"
  rm "$FRESH"/y/blobs/sha256/"${ID#sha256:}"
  fails_with 1 "${ID#sha256:}" fresh load -i "$FRESH/y"
  nothing_left
}

@test "paths that lead outside are refused" {
  for path in ../../etc/passwd /etc/passwd a/../../../x; do
    rm -rf "$FRESH/x"
    unpack "$W/docker.tar"
    sed -i "s|\"Config\":\"[^\"]*\"|\"Config\":\"$path\"|" "$FRESH/x/manifest.json"
    repack .
    fails_with 1 "not a name inside the archive" fresh load -i "$FRESH/x.tar"
  done
  mkdir "$FRESH/dir"
  ln -s /etc/passwd "$FRESH/dir/manifest.json"
  run ! fresh load -i "$FRESH/dir"
  [[ $output != *root:* ]]
  nothing_left
}

@test "documents that are not JSON, huge, or nested 100,000 deep" {
  unpack "$W/docker.tar"
  printf '{' >"$FRESH/x/manifest.json"
  repack .
  fails_with 1 "not valid JSON" fresh load -i "$FRESH/x.tar"
  head -c 100000 /dev/zero | tr '\0' '[' >"$FRESH/x/manifest.json"
  repack .
  fails_with 1 "nested deeper" fresh load -i "$FRESH/x.tar"
  fails_with 1 "nested deeper" fresh load <"$FRESH/x.tar"
  head -c 20000000 /dev/zero | tr '\0' ' ' >"$FRESH/x/manifest.json"
  repack .
  fails_with 1 "limit" fresh load -i "$FRESH/x.tar"
  nothing_left
}

@test "a link of the archive to itself" {
  mkdir "$FRESH/x"
  ln -s manifest.json "$FRESH/x/manifest.json"
  repack .
  run ! fresh load -i "$FRESH/x.tar"
  nothing_left
}

@test "a full disk" {
  mkdir -p "$FRESH/root"
  mount -t tmpfs -o size=1200k none "$FRESH/root" || skip "cannot mount a tmpfs"
  run fresh load -i "$W/docker.tar"
  echo "$output"
  [[ $status == 1 && $output == *"No space left"* ]]
  nothing_left
}

@test "killed at any moment: the next command cleans up" {
  cp -r "$W/app-dir" "$FRESH/in"
  for ms in 1 3 6 10 20; do
    "$KIST_BUILD/kist" --root "$FRESH/root" --runroot "$FRESH/run" load -qi "$FRESH/in" &
    pid=$!
    sleep "0.0$(printf %02d "$ms")"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    [[ $(fresh images -q --no-trunc) == "$ID" || -z $(fresh images -q) ]]
    [[ -z $(find "$FRESH/root/tmp" -mindepth 1) ]]
  done
  fresh load -qi "$FRESH/in"
  [[ $(fresh images -q --no-trunc) == "$ID" ]]
}

@test "two loads into one store at once" {
  fresh load -qi "$W/docker.tar" &
  a=$!
  fresh load -qi "$W/app-dir" &
  b=$!
  wait "$a"
  wait "$b"
  [[ $(fresh images -q --no-trunc) == "$ID" ]]
}

@test "docker's newer archives: a layout with a manifest.json" {
  cp -r "$W/app-dir" "$FRESH/x"
  manifest=$(jq -r '.manifests[0].digest' "$FRESH/x/index.json")
  layer=$(jq -r '.layers[0].digest' "$FRESH/x/blobs/sha256/${manifest#sha256:}")
  printf '[{"Config":"blobs/sha256/%s","RepoTags":["new:1"],"Layers":["blobs/sha256/%s"]}]' \
    "${ID#sha256:}" "${layer#sha256:}" >"$FRESH/x/manifest.json"
  tar -C "$FRESH/x" -cf "$FRESH/x.tar" blobs index.json manifest.json oci-layout
  for how in -i pipe; do
    rm -rf "$FRESH/root"
    if [[ $how == -i ]]; then run -0 fresh load -i "$FRESH/x.tar"; else
      run -0 bash -c "cat '$FRESH/x.tar' | '$KIST_BUILD/kist' --root '$FRESH/root' --runroot '$FRESH/run' load"
    fi
    [[ $output == "Loaded image: new:1" ]]
    [[ $(fresh images -q --no-trunc) == "$ID" ]]
    fresh save --format oci-archive new:1 | tar -xO --wildcards 'blobs/sha256/*' | grep -aq 'tar+gzip'
  done
}

@test "what skopeo writes" {
  need skopeo
  skopeo copy -q "docker-archive:$W/docker.tar" "oci:$FRESH/sk:v1"
  run -0 fresh load -i "$FRESH/sk"
  [[ $output == "Loaded image: localhost/sk:v1" ]] # its config is skopeo's: another id
  skopeo copy -q "oci:$W/app-dir" "docker-archive:$FRESH/sk.tar:docker.io/library/x:2"
  run -0 fresh load -i "$FRESH/sk.tar"
  [[ $output == "Loaded image: x:2" ]]
  skopeo copy -q "oci:$W/app-dir" "oci-archive:$FRESH/sko.tar:x:3"
  run -0 fresh load -i "$FRESH/sko.tar"
  [[ $output == "Loaded image: localhost/x:3" ]]
}

@test "what podman writes" {
  need podman
  P=(podman --root "$FRESH/p" --runroot "$FRESH/pr")
  "${P[@]}" load -qi "$W/docker.tar" || skip "podman does not work here"
  "${P[@]}" save -q -o "$FRESH/p.tar" localhost/base:1
  run -0 fresh load -i "$FRESH/p.tar"
  [[ $output == "Loaded image: localhost/base:1" ]]
  "${P[@]}" save -q --format oci-archive -o "$FRESH/po.tar" localhost/base:1
  run -0 fresh load -i "$FRESH/po.tar"
  [[ $output == "Loaded image: localhost/base:1" ]]
  "${P[@]}" rmi -f localhost/base:1 >/dev/null
}
