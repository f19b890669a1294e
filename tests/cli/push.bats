#!/usr/bin/env bats
# kist push: what goes and what need not, forms, digests, names; skopeo, podman, buildah and docker as
# those who read it.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need_root
  need skopeo jq busybox sqlite3
  registry_start
  faultproxy_start "$REGISTRY"
  busybox_image localhost/base:1
  "$BATS_TEST_DIRNAME/../tools/mkimage.py" "$KIST_ROOT/layout" --layer 300k --layer 1m:zstd >"$KIST_ROOT/digest"
  "$BATS_TEST_DIRNAME/../tools/mkimage.py" "$KIST_ROOT/index" --layer 50k --seed 3 --platform linux/amd64 --platform linux/arm64 >"$KIST_ROOT/digest.index"
  skopeo copy -q --all --preserve-digests --dest-tls-verify=false "oci:$KIST_ROOT/index:1" "docker://$REGISTRY/index:1"
  kist load -qi "$KIST_ROOT/layout"
  kist tag localhost/layout:1 localhost/app:1
}
teardown_file() {
  servers_stop
  kist_teardown_file
}
setup() {
  T=$(mktemp -d "$KIST_ROOT/t.XXXXXX")
  fault ''
  fault_reset
}
teardown() { rm -rf "$T"; }

remote() { skopeo inspect --raw --tls-verify=false "docker://$REGISTRY/$1"; }
remote_digest() { remote "$1" | sha256sum | cut -d' ' -f1; }

@test "an image that was built here is compressed on the way; the same bytes each time" {
  ls "$KIST_ROOT/root/blobs/sha256" >"$T/before"
  run -0 --separate-stderr kist push --digestfile "$T/d" localhost/base:1 "$FAULTY/base:1"
  [[ $output == "1: digest: $(<"$T/d") size: "* ]]
  [[ $(<"$T/d") == "sha256:$(remote_digest base:1)" ]]
  [[ $(remote base:1 | jq -r '.layers[0].mediaType') == application/vnd.oci.image.layer.v1.tar+gzip ]]
  # only the manifest is stored, nothing of the compressed form
  ls "$KIST_ROOT/root/blobs/sha256" | comm -13 "$T/before" - >"$T/new"
  [[ $(sed 's/^/sha256:/' "$T/new") == "$(<"$T/d")" ]]
  # whatever the number of cores
  kist rmi localhost/base:1 >/dev/null
  kist prune -f >/dev/null
  kist import -c 'CMD ["/bin/sh"]' "$KIST_ROOT/rootfs.tar" localhost/base:1 >/dev/null
  taskset -c 0 "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" push -q --digestfile "$T/d2" localhost/base:1 "$REGISTRY/base2:1"
  layer=$(remote base:1 | jq -r '.layers[0].digest')
  [[ $(remote base2:1 | jq -r '.layers[0].digest') == "$layer" ]]
}

@test "what the registry has is not sent, what is beside it is mounted" {
  kist push -q localhost/app:1 "$FAULTY/there:1"
  fault_reset
  run -0 --separate-stderr kist push localhost/app:1 "$FAULTY/there:1"
  [[ $(grep -c exists <<<"$stderr") == 2 ]]
  [[ $(fault_stats '.by["POST blobs"]') == null && $(fault_stats .from_client) -lt 2000 ]]
  run -0 --separate-stderr kist push localhost/app:1 "$FAULTY/beside/it:1"
  [[ $(grep -c mounted <<<"$stderr") == 2 ]]
  [[ $(fault_stats .from_client) -lt 4000 ]]
}

@test "a layer that was compressed for a push is known the next time" {
  kist push -q localhost/base:1 "$FAULTY/known:1"
  fault_reset
  run -0 --separate-stderr kist push localhost/base:1 "$FAULTY/known:2"
  [[ $stderr == *exists* && $stderr != *uploading* ]]
  [[ $(remote_digest known:1) == "$(remote_digest known:2)" ]]
}

@test "what came from outside leaves with its digest, gzip and zstd as they were" {
  kist push -q --digestfile "$T/d" localhost/app:1 "$FAULTY/same:1"
  [[ $(<"$T/d") == "$(<"$KIST_ROOT/digest")" && "sha256:$(remote_digest same:1)" == "$(<"$KIST_ROOT/digest")" ]]
  # also after it went in another form
  kist push -q --compression gzip localhost/app:1 "$FAULTY/other:1"
  kist push -q --digestfile "$T/d" localhost/app:1 "$FAULTY/same2:1"
  [[ $(<"$T/d") == "$(<"$KIST_ROOT/digest")" ]]
  kist save --format oci-dir -o "$T/saved" localhost/app:1
  [[ $(jq -r '.manifests[0].digest' "$T/saved/index.json") == "$(<"$KIST_ROOT/digest")" ]]
}

@test "forms: gzip, zstd with a level, none, docker's schema 2" {
  for c in gzip zstd zstd:19 none; do
    kist push -q --compression $c localhost/base:1 "$FAULTY/form:${c/:/-}"
    type=$(remote "form:${c/:/-}" | jq -r '.layers[0].mediaType')
    case $c in none) [[ $type == *.tar ]] ;; *) [[ $type == *.tar+${c%:*} ]] ;; esac
    skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/form:${c/:/-}" "oci:$T/${c/:/-}:1"
  done
  [[ $(remote form:zstd-19 | jq .layers[0].size) -lt $(remote form:zstd | jq .layers[0].size) ]]
  kist push -q --format v2s2 localhost/base:1 "$FAULTY/form:docker"
  [[ $(remote form:docker | jq -r .mediaType) == application/vnd.docker.distribution.manifest.v2+json ]]
  [[ $(remote form:docker | jq -r '.layers[0].mediaType') == application/vnd.docker.image.rootfs.diff.tar.gzip ]]
  fails_with 1 "no zstd layers" kist push --format v2s2 --compression zstd localhost/base:1 "$FAULTY/form:x"
  fails_with 1 "only zstd has levels" kist push --compression gzip:9 localhost/base:1 "$FAULTY/form:x"
  fails_with 1 "1 to 22" kist push --compression zstd:23 localhost/base:1 "$FAULTY/form:x"
  fails_with 1 "--format" kist push --format v1 localhost/base:1 "$FAULTY/form:x"
}

@test "an index and its platforms travel together, with their digests" {
  other=$T/other
  k() { "$KIST_BUILD/kist" --root "$other/root" --runroot "$other/run" "$@"; }
  k pull -q --all "$FAULTY/index:1"
  k push -q --all --digestfile "$T/d" "$FAULTY/index:1" "$FAULTY/index2:9"
  [[ $(<"$T/d") == "$(<"$KIST_ROOT/digest.index")" ]]
  remote index2:9 | cmp - <(remote index:1)
  [[ $(remote index2:9 | jq '.manifests | length') == 2 ]]
  # one image alone: its manifest
  k push -q "$FAULTY/index:1" "$FAULTY/index3:1"
  [[ $(remote index3:1 | jq -r .config.digest) == sha256:* ]]
  # changed images make a new index
  k push -q --all --compression zstd "$FAULTY/index:1" "$FAULTY/index4:1"
  [[ $(remote index4:1 | jq '[.manifests[].platform.architecture] | sort | join(" ")') == '"amd64 arm64"' ]]
  k rmi "$FAULTY/index:1" >/dev/null
  k prune -f >/dev/null
  k pull -q "$FAULTY/index:1"
  fails_with 1 "pull --all" k push --all "$FAULTY/index:1" "$FAULTY/index5:1"
  fails_with 1 "without an index" kist push --all localhost/app:1 "$FAULTY/index5:1"
}

@test "attestations of an index come with pull --all and go with push --all: its digest stays" {
  local want from other=$T/other at layer
  k() { "$KIST_BUILD/kist" --root "$other/root" --runroot "$other/run" "$@"; }
  want=$("$BATS_TEST_DIRNAME/../tools/mkimage.py" "$T/said" --layer 50k --seed 8 --platform linux/amd64 --platform linux/arm64 --attestation)
  skopeo copy -q --all --preserve-digests --dest-tls-verify=false "oci:$T/said:1" "docker://$REGISTRY/said:1"
  at=$(remote said:1 | jq -r '.manifests[] | select(.platform.os == "unknown") | .digest')
  layer=$(remote "said@$at" | jq -r '.layers[0].digest')
  # one way in, then the other; each out to a registry that has nothing of it yet
  for from in "pull -q --all $FAULTY/said:1" "copy -q --all docker://$FAULTY/said:1 store:$FAULTY/said:1" "copy -q --all oci:$T/said:1 store:$FAULTY/said:1"; do
    # shellcheck disable=SC2086
    k $from
    [[ $(k images -aq | wc -l) == 2 && -f $other/root/blobs/sha256/${layer#sha256:} ]]
    k prune -f >/dev/null
    (
      registry_start
      k push -q --all --preserve-digests --digestfile "$T/d" "$FAULTY/said:1" "$REGISTRY/out:1"
      [[ $(<"$T/d") == "$want" ]]
      skopeo copy -q --all --preserve-digests --src-tls-verify=false "docker://$REGISTRY/out:1" "oci:$T/back:1"
      cmp "$T/back/blobs/sha256/${layer#sha256:}" "$T/said/blobs/sha256/${layer#sha256:}"
      rm -rf "$T/back"
    )
    k copy -q --all --preserve-digests "store:$FAULTY/said:1" "oci:$T/out:1"
    [[ $(jq -r '.manifests[0].digest' "$T/out/index.json") == "$want" ]]
    rm -rf "$T/out"
    # and they go with the index
    k rmi "$FAULTY/said:1" >/dev/null
    k prune -f >/dev/null
    [[ -z $(find "$other/root/blobs" -type f) ]]
    [[ $(sqlite3 "$other/root/kist.db" 'SELECT count(*) FROM index_blob') == 0 ]]
  done
  # without its bytes the index cannot be the same, which is said
  k pull -q --all "$FAULTY/said:1"
  rm "$other/root/blobs/sha256/${layer#sha256:}"
  run -0 --separate-stderr k push --all "$FAULTY/said:1" "$REGISTRY/less:1"
  [[ $stderr == *"the index gets another digest: 1 of its entries"* ]]
  [[ $(remote less:1 | jq '.manifests | length') == 2 ]]
  # bytes that are wrong
  k rmi "$FAULTY/said:1" >/dev/null
  k prune -f >/dev/null
  fault "GET /blobs/$layer corrupt=3"
  run -1 k pull --all "$FAULTY/said:1"
  [[ $output == *"attestation $at"* ]]
  fails_with 1 "said:1" k inspect "$FAULTY/said:1"
}

@test "--platform sends one of an index; --preserve-digests refuses another manifest" {
  local arch
  kist pull -q --all --digestfile "$T/top" "$REGISTRY/index:1"
  [[ $(<"$T/top") == "sha256:$(remote_digest index:1)" ]]
  for arch in amd64 arm64; do
    kist push -q --platform "linux/$arch" --preserve-digests --digestfile "$T/d" "$REGISTRY/index:1" "$REGISTRY/one:$arch"
    [[ $(<"$T/d") == "$(remote index:1 | jq -r --arg a "$arch" '.manifests[] | select(.platform.architecture == $a) | .digest')" ]]
  done
  run -1 kist push --platform linux/s390x "$REGISTRY/index:1" "$REGISTRY/one:no"
  [[ $output == *"for linux/s390x"*"kist pull --platform linux/s390x"* ]]
  mkdir "$T/context"
  date +%N >"$T/context/new"
  printf 'FROM scratch\nCOPY new /\n' | kist build -q -f - -t localhost/new:1 "$T/context"
  run -1 kist push --preserve-digests localhost/new:1 "$REGISTRY/new:1"
  [[ $output == *"has no manifest of that form yet"* ]]
  run -1 kist push --preserve-digests --compression zstd "$REGISTRY/index:1" "$REGISTRY/one:z"
  [[ $output == *"--preserve-digests"* ]]
  run -1 kist push --preserve-digests --format v2s2 "$REGISTRY/index:1" "$REGISTRY/one:z"
  [[ $output == *"goes with neither"* ]]
}

@test "an image that came in several forms leaves in the one of the name that is pushed" {
  kist pull -q --all "$REGISTRY/index:1"
  # the same configs with other layers, later
  kist copy -q --all --compression zstd "docker://$REGISTRY/index:1" "docker://$REGISTRY/packed:1"
  kist pull -q --all "$REGISTRY/packed:1"
  local name
  for name in index packed; do
    kist push -q "$REGISTRY/$name:1" "$REGISTRY/again:$name"
    [[ $(remote "again:$name" | jq -r '.layers[0].digest') == $(kist inspect --remote -f '{{json .Layers}}' "$REGISTRY/$name:1" | jq -r '.[0]') ]]
  done
  # and an index with its own entries
  kist push -q --all "$REGISTRY/packed:1" "$REGISTRY/again:all"
  remote again:all | cmp - <(remote packed:1)
}

@test "where it goes: names without a registry are refused, digests must be the manifest's" {
  fails_with 1 "kist copy store:localhost/app:1 oci:$T/x:1" kist push localhost/app:1 "oci:$T/x:1"
  fails_with 1 "names no registry" kist push app:1
  fails_with 1 "names no registry" kist push localhost/app:1 else
  kist tag localhost/app:1 "$FAULTY/named:3"
  run -0 --separate-stderr kist push -q "$FAULTY/named:3"
  [[ $output == "$FAULTY/named:3" ]]
  kist push -q localhost/app:1 "docker://$FAULTY/named@$(<"$KIST_ROOT/digest")"
  fails_with 1 "the destination says" kist push localhost/app:1 "$FAULTY/named@sha256:$(printf x | sha256sum | cut -d' ' -f1)"
  fails_with 1 "no such image" kist push absent "$FAULTY/x:1"
  fails_with 1 "push '127.0.0.1:1/x:1'" kist push --retry 0 localhost/app:1 127.0.0.1:1/x:1
}

@test "a layer that is damaged in the store does not leave" {
  tar -C "$KIST_ROOT/rootfs" -cf "$T/x.tar" bin/busybox
  id=$(kist import "$T/x.tar" localhost/damaged:1)
  layer=$(kist inspect localhost/damaged:1 | jq -r '.[0].RootFS.Layers[0]')
  printf 'X' | dd of="$KIST_ROOT/root/layers/${layer#sha256:}/tar" bs=1 seek=100000 conv=notrunc 2>/dev/null
  fails_with 1 "damaged in the store" kist push localhost/damaged:1 "$FAULTY/damaged:1"
  run ! remote damaged:1
  kist rmi localhost/damaged:1 >/dev/null
}

@test "with TLS and a password, from certs.d and a helper's file" {
  need htpasswd
  (
    registry_start tls htpasswd user pass
    mkdir "$T/certs"
    cp "$REGISTRY_DIR/ca.crt" "$T/certs/"
    export REGISTRY_AUTH_FILE=$T/auth.json
    fails_with 1 "kist login" kist push --cert-dir "$T/certs" localhost/app:1 "$REGISTRY/sec:1"
    printf '{"auths":{"%s":{"auth":"%s"}}}' "$REGISTRY" "$(printf user:pass | base64)" >"$T/auth.json"
    kist push -q --cert-dir "$T/certs" localhost/app:1 "$REGISTRY/sec:1"
    [[ sha256:$(skopeo inspect --raw --tls-verify=false --creds user:pass "docker://$REGISTRY/sec:1" | sha256sum | cut -d' ' -f1) == "$(<"$KIST_ROOT/digest")" ]]
  )
}

@test "podman, buildah and skopeo read what was pushed, and their digests agree" {
  need podman buildah
  kist push -q --digestfile "$T/d" localhost/base:1 "$REGISTRY/read:1"
  digest=$(<"$T/d")
  p=(--root "$T/p" --runroot "$T/pr" --storage-driver vfs)
  podman "${p[@]}" pull -q --tls-verify=false "$REGISTRY/read:1" >/dev/null
  [[ $(podman "${p[@]}" inspect --type image --format '{{.Digest}}' "$REGISTRY/read:1") == "$digest" ]]
  id=$(kist images -q --no-trunc localhost/base:1)
  [[ sha256:$(podman "${p[@]}" images -q --no-trunc "$REGISTRY/read:1" | sed 's/sha256://') == "$id" ]]
  buildah "${p[@]}" pull -q --tls-verify=false "docker://$REGISTRY/read@$digest" >/dev/null
  skopeo copy -q --preserve-digests --src-tls-verify=false --dest-tls-verify=false "docker://$REGISTRY/read:1" "docker://$REGISTRY/read:2"
  [[ sha256:$(remote_digest read:2) == "$digest" ]]
  # and the way back
  other=$T/other
  "$KIST_BUILD/kist" --root "$other/root" --runroot "$other/run" pull -q "$REGISTRY/read:2"
  [[ $("$KIST_BUILD/kist" --root "$other/root" --runroot "$other/run" images -q --no-trunc "$REGISTRY/read:2") == "$id" ]]
}
