#!/usr/bin/env bats
# What a stop of the machine leaves: layers that were not known to be on the disk are read again
# before their next use; a torn one is removed and named.

load lib

setup_file() {
  kist_setup_file
  need_root
  need sqlite3
  tiny_image docker.io/library/whole:1 whole
  tiny_image docker.io/library/torn:1 torn
}
teardown_file() { kist_teardown_file; }

# as if the store had been written, and not synced, before the last boot
another_boot() {
  sqlite3 "$KIST_ROOT/root/kist.db" "UPDATE layer SET durable=0, boot='an earlier one'"
}
layer_of() { kist images --format '{{.ID}}' --no-trunc "$1" |
  xargs -I{} sqlite3 "$KIST_ROOT/root/kist.db" "SELECT substr(diffid, 8) FROM image_layer WHERE image='{}'"; }

@test "a whole layer is taken again, its index made anew" {
  another_boot
  layer=$KIST_ROOT/root/layers/$(layer_of whole:1)
  truncate -s 0 "$layer/index.erofs"
  kist layer_verify "sha256:${layer##*/}"
  [ -s "$layer/index.erofs" ]
  kist layer_verify "sha256:${layer##*/}"
}

@test "a torn layer is removed and named" {
  another_boot
  layer=$KIST_ROOT/root/layers/$(layer_of torn:1)
  printf X | dd of="$layer/tar" bs=1 seek=600 conv=notrunc 2>/dev/null
  fails_with 1 "was torn when the machine stopped" kist layer_verify "sha256:${layer##*/}"
  [ ! -e "$layer" ]
  fails_with 1 "is not in the store" kist layer_verify "sha256:${layer##*/}"
}

@test "what commands left that were killed is swept by the next one" {
  mkdir -p "$KIST_ROOT/root/tmp/999999-0123456789abcdef/tree"
  kist images >/dev/null
  [ -z "$(ls "$KIST_ROOT/root/tmp")" ]
}

# load_big: about 12 MB in one layer, as a docker archive
big_archive() {
  [[ -f $KIST_ROOT/big.tar ]] && return
  local dir=$KIST_ROOT/big diff config
  mkdir -p "$dir/d"
  for i in 1 2 3 4 5 6; do head -c 2000000 /dev/urandom >"$dir/d/$i"; done
  tar -C "$dir" -cf "$dir/layer.tar" d
  diff=$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)
  printf '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$diff" >"$dir/config"
  config=$(sha256sum <"$dir/config" | cut -d' ' -f1)
  mv "$dir/config" "$dir/$config.json"
  printf '[{"Config":"%s.json","RepoTags":["big:1"],"Layers":["layer.tar"]}]' "$config" \
    >"$dir/manifest.json"
  tar -C "$dir" -cf "$KIST_ROOT/big.tar" manifest.json "$config.json" layer.tar
  rm -rf "$dir"
}

@test "kill -9 at any moment of a load: no half of an image, and the next load is whole" {
  big_archive
  local i pid
  for i in 0 2 4 7 10 14 18 22 26 30 35 40; do
    "$KIST_BUILD/kist" --root "$KIST_ROOT/k" --runroot "$KIST_ROOT/run" load -q -i "$KIST_ROOT/big.tar" \
      >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$(printf %02d "$i")"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
    # either nothing or all of it
    run "$KIST_BUILD/kist" --root "$KIST_ROOT/k" --runroot "$KIST_ROOT/run" images --format '{{.Bytes}}'
    [ "$status" -eq 0 ]
    [[ -z $output || $output == 12000000 ]]
  done
  k() { "$KIST_BUILD/kist" --root "$KIST_ROOT/k" --runroot "$KIST_ROOT/run" "$@"; }
  k load -q -i "$KIST_ROOT/big.tar"
  [ "$(k images --format '{{.Bytes}}')" = 12000000 ]
  [ -z "$(ls "$KIST_ROOT/k/tmp")" ]
  k save -o "$KIST_ROOT/out.tar" big:1
  [ -s "$KIST_ROOT/out.tar" ]
}

@test "a full disk: named, nothing half-visible, and the store works on" {
  big_archive
  mkdir -p "$KIST_ROOT/small"
  run unshare -m bash -c '
    set -e
    mount -t tmpfs -o size=6m none "$1/small"
    kist() { "$KIST_BUILD/kist" --root "$1/small/root" --runroot "$1/run" "${@:2}"; }
    if kist "$1" load -q -i "$1/big.tar"; then echo loaded; exit 1; fi
    [ -z "$(kist "$1" images -q)" ]
    [ -z "$(ls "$1/small/root/layers" "$1/small/root/tmp" 2>/dev/null | grep -v :)" ]
    kist "$1" info >/dev/null
  ' _ "$KIST_ROOT"
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *"No space left on device"* ]]
}

@test "two loads at once of one image: both succeed, one copy" {
  big_archive
  k() { "$KIST_BUILD/kist" --root "$KIST_ROOT/two" --runroot "$KIST_ROOT/run" "$@"; }
  k load -q -i "$KIST_ROOT/big.tar" >/dev/null &
  local first=$!
  k load -q -i "$KIST_ROOT/big.tar" >/dev/null
  wait "$first"
  [ "$(k images -q | wc -l)" -eq 1 ]
  [ "$(ls "$KIST_ROOT/two/layers" | wc -l)" -eq 1 ]
}
