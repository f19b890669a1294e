#!/usr/bin/env bats
# info: the store and its driver.

load lib

setup_file() { kist_setup_file; }
teardown_file() { kist_teardown_file; }

@test "info shows driver, counts and the host" {
  need_root
  tiny_image docker.io/library/a:1 a
  run kist info
  [ "$status" -eq 0 ]
  [[ $output == *"Storage driver: "* ]]
  [[ $output == *"Images:         1, with 1 names"* ]]
  kist info --format json | jq -e ".Images == 1 and .Layers == 1 and .DockerRootDir == \"$KIST_ROOT/root\""
  [[ $(kist info -f '{{.Driver}}') =~ ^(erofs|erofs-loop|dir)$ ]]
}

@test "--storage-driver decides for a new store, and is refused against existing layers" {
  need_root
  other() { "$KIST_BUILD/kist" --root "$KIST_ROOT/o" --runroot "$KIST_ROOT/run" --storage-driver "$@"; }
  [ "$(other dir info -f '{{.Driver}}')" = dir ]
  fails_with 1 "unknown storage driver 'zfs'" other zfs info
  fails_with 1 "in the form of the driver" "$KIST_BUILD/kist" --root "$KIST_ROOT/root" \
    --runroot "$KIST_ROOT/run" --storage-driver dir info
}
