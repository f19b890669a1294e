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
