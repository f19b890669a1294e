#!/usr/bin/env bats
# kist copy from sources that lie: wrong digests, sizes and names, links that lead out, bombs, documents
# too large; and destinations that somebody has prepared.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need jq zstd
  tiny_image localhost/app:1 "some text"
  kist copy -q store:app:1 "oci:$KIST_ROOT/good:1"
  kist save -o "$KIST_ROOT/a.tar" app:1
  # a store that has the layer already would not read it
  kist rmi app:1 >/dev/null
}
teardown_file() { kist_teardown_file; }

setup() {
  T=$(mktemp -d "$KIST_ROOT/t.XXXXXX")
  cp -a "$KIST_ROOT/good" "$T/l"
  B=$T/l/blobs/sha256
  M=$(jq -r '.manifests[0].digest' "$T/l/index.json")
  M=${M#sha256:}
  LAYER=$(jq -r '.layers[0].digest' "$B/$M")
  LAYER=${LAYER#sha256:}
  CONFIG=$(jq -r .config.digest "$B/$M")
  CONFIG=${CONFIG#sha256:}
}
teardown() { rm -rf "$T"; }

# new_manifest FILTER: the layout's manifest, changed, with its right digest
new_manifest() {
  local new
  jq -c "$1" "$B/$M" >"$T/m"
  new=$(sha256sum <"$T/m" | cut -d' ' -f1)
  cp "$T/m" "$B/$new"
  jq -c ".manifests[0].digest = \"sha256:$new\" | .manifests[0].size = $(stat -c %s "$T/m")" "$T/l/index.json" >"$T/i"
  mv "$T/i" "$T/l/index.json"
}

# refused TEXT [SOURCE [OPTION...]]: by every kind of destination, and nothing is left
refused() {
  local text=$1 from=${2-oci:$T/l} before after
  shift $(($# > 1 ? 2 : 1))
  before=$(kist images -q | wc -l)
  for to in "dir:$T/out" "oci:$T/out:x" "oci-archive:$T/out.tar:x" "docker-archive:$T/out.tar:x" store:out; do
    fails_with 1 "$text" kist copy "$@" "$from" "$to"
    [[ -z $(find "$T" -maxdepth 1 -name 'out*') ]]
  done
  [[ $(kist images -q | wc -l) == "$before" ]]
}

@test "bytes that are not those of their digest" {
  printf x | dd of="$B/$LAYER" bs=1 seek=20 conv=notrunc status=none
  refused "the digest"
  cp "$KIST_ROOT/good/blobs/sha256/$LAYER" "$B/$LAYER"
  printf x >>"$B/$LAYER"
  refused "bytes"
  truncate -s 100 "$B/$LAYER"
  refused "bytes"
  cp "$KIST_ROOT/good/blobs/sha256/$LAYER" "$B/$LAYER"
  sed -i 's/amd64/arm64/' "$B/$CONFIG"
  refused "the digest"
  cp "$KIST_ROOT/good/blobs/sha256/$CONFIG" "$B/$CONFIG"
  sed -i 's/"size"/"sizE"/' "$B/$M"
  refused "has the digest"
}

@test "sizes that are not true" {
  new_manifest '.layers[0].size += 1'
  refused "the manifest says"
  new_manifest '.layers[0].size = 4000000000000000'
  refused "more than"
  new_manifest '.config.size = 100000000'
  refused "limit"
  new_manifest '.layers[0].size = -1'
  refused "size"
}

@test "names that lead elsewhere" {
  new_manifest '.layers[0].digest = "sha256:../../../../../../../../etc/passwd"'
  refused "digest"
  new_manifest '.layers[0].digest = "sha512:" + ("0" * 128)'
  refused "sha512"
  cp "$KIST_ROOT/good/index.json" "$T/l/index.json"
  rm "$B/$LAYER"
  ln -s /etc/passwd "$B/$LAYER"
  refused "$LAYER"
  rm "$B/$LAYER"
  mkfifo "$B/$LAYER"
  refused "is not a file"
  rm "$B/$LAYER"
  mkdir "$T/d"
  cp "$KIST_ROOT/good/blobs/sha256/$M" "$T/d/manifest.json"
  ln -s ../../../../etc/passwd "$T/d/$CONFIG"
  refused "$CONFIG" "dir:$T/d"
}

@test "documents too large, too deep, of two minds" {
  printf '{"schemaVersion":2,"manifests":[],"x":"%s"}' "$(head -c 5000000 /dev/zero | tr '\0' x)" >"$T/l/index.json"
  refused "limit"
  cp "$KIST_ROOT/good/index.json" "$T/l/index.json"
  new_manifest '.manifests = []'
  sed -i 's/"mediaType":"application.vnd.oci.image.manifest.v1+json",//' "$T/m"
  new=$(sha256sum <"$T/m" | cut -d' ' -f1)
  cp "$T/m" "$B/$new"
  jq -c ".manifests[0].digest = \"sha256:$new\" | .manifests[0].size = $(stat -c %s "$T/m")" "$T/l/index.json" >"$T/i"
  cp "$T/i" "$T/l/index.json"
  refused "neither"
  # an index that names an index that names ... : digests allow no circle, but depth is bounded
  d=$M
  for i in 1 2 3 4 5 6; do
    printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"sha256:%s","size":%s}]}' "$d" "$(stat -c %s "$B/$d")" >"$T/i"
    d=$(sha256sum <"$T/i" | cut -d' ' -f1)
    cp "$T/i" "$B/$d"
  done
  jq -c ".manifests[0].digest = \"sha256:$d\" | .manifests[0].size = $(stat -c %s "$B/$d") | .manifests[0].mediaType = \"application/vnd.oci.image.index.v1+json\"" "$KIST_ROOT/good/index.json" >"$T/l/index.json"
  refused "nested"
}

@test "the config and the layers disagree" {
  new_manifest '.layers += [.layers[0]]'
  refused "names 2 layers, the config 1"
}

@test "bombs stop where they are unpacked" {
  head -c 1100M /dev/zero | zstd -q -o "$T/bomb"
  bomb=$(sha256sum <"$T/bomb" | cut -d' ' -f1)
  mv "$T/bomb" "$B/$bomb"
  new_manifest ".layers[0] = {mediaType: \"application/vnd.oci.image.layer.v1.tar+zstd\", digest: \"sha256:$bomb\", size: $(stat -c %s "$B/$bomb")}"
  for to in "docker-archive:$T/out.tar:x" store:out; do
    fails_with 1 "bomb" kist copy "oci:$T/l" "$to"
  done
  fails_with 1 "bomb" kist copy --compression gzip "oci:$T/l" "dir:$T/out"
  [[ -z $(find "$T" -maxdepth 1 -name 'out*') ]]
}

@test "what a layer unpacks to is what the config says" {
  (cd "$T" && echo other >f && tar -cf other.tar f && gzip -n other.tar)
  other=$(sha256sum <"$T/other.tar.gz" | cut -d' ' -f1)
  cp "$T/other.tar.gz" "$B/$other"
  new_manifest ".layers[0].digest = \"sha256:$other\" | .layers[0].size = $(stat -c %s "$B/$other")"
  fails_with 1 "the config" kist copy "oci:$T/l" "docker-archive:$T/out.tar:x"
  fails_with 1 "diffID" kist copy "oci:$T/l" store:out
  fails_with 1 "the config" kist copy --compression zstd "oci:$T/l" "dir:$T/out"
  [[ -z $(find "$T" -maxdepth 1 -name 'out*') ]]
}

@test "docker-archives that lie" {
  mkdir "$T/a"
  tar -C "$T/a" -xf "$KIST_ROOT/a.tar"
  pack() { tar -C "$T/a" -cf "$T/x.tar" . && refused "$1" "docker-archive:$T/x.tar"; }
  jq -c '.[0].Config = "../../../etc/passwd"' "$T/a/manifest.json" >"$T/m"
  cp "$T/a/manifest.json" "$T/keep"
  cp "$T/m" "$T/a/manifest.json"
  pack ".."
  cp "$T/keep" "$T/a/manifest.json"
  layer=$(jq -r '.[0].Layers[0]' "$T/keep")
  printf 'x' | dd of="$T/a/$layer" bs=1 seek=520 conv=notrunc status=none
  pack "the digest"
  rm "$T/a/$layer"
  ln -s /etc/passwd "$T/a/$layer"
  pack "is not there"
  rm "$T/a/$layer"
  pack "is not there"
}

@test "destinations that somebody has prepared" {
  mkdir "$T/o" "$T/elsewhere"
  ln -s "$T/elsewhere" "$T/o/blobs"
  kist copy -q "oci:$T/l" "oci:$T/o:x" || true
  [[ -z $(ls -A "$T/elsewhere") ]]
  mkdir -p "$T/p/blobs/sha256"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$T/p/oci-layout"
  echo victim >"$T/victim"
  ln -s "$T/victim" "$T/p/blobs/sha256/$LAYER"
  kist copy -q "oci:$T/l" "oci:$T/p:x"
  [[ $(<"$T/victim") == victim && -f $T/p/blobs/sha256/$LAYER && ! -L $T/p/blobs/sha256/$LAYER ]]
  kist copy -q "oci:$T/p:x" "dir:$T/check"
  echo '{"manifests": 1}' >"$T/p/index.json"
  fails_with 1 "index.json" kist copy "oci:$T/l" "oci:$T/p:y"
  [[ $(<"$T/p/index.json") == '{"manifests": 1}' ]]
}
