#!/usr/bin/env bats
# kist export: a container's file system as one tar.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  command -v busybox >/dev/null || skip "busybox is not installed"
  busybox_image base:1
  kist run --name work --network none -v "$KIST_ROOT/rootfs:/volume" base:1 sh -c '
    echo new >/new; ln /new /hard; ln -s new /soft; rm /etc/group; chown 12:34 /new
    mkdir -m 2750 /dir; mkfifo /fifo; touch /volume/../dir/f'
}
teardown_file() { kist_teardown_file; }
setup() { T=$(mktemp -d "$KIST_ROOT/x.XXXXXX"); }
teardown() { rm -rf "$T"; }

@test "layers and changes, merged" {
  kist export -o "$T/a.tar" work
  mkdir "$T/x"
  tar -C "$T/x" --numeric-owner -xpf "$T/a.tar"
  cmp "$T/x/bin/busybox" "$KIST_ROOT/rootfs/bin/busybox"
  [[ $(cat "$T/x/hard") == new && $(readlink "$T/x/soft") == new ]]
  [[ $(stat -c %i "$T/x/hard") == "$(stat -c %i "$T/x/new")" ]]
  [[ $(stat -c %u:%g "$T/x/new") == 12:34 && $(stat -c %a "$T/x/dir") == 2750 && -p $T/x/fifo ]]
  [[ ! -e $T/x/etc/group && -e $T/x/etc/passwd && -e $T/x/dir/f ]]
  [[ -z $(ls -A "$T/x/volume" 2>/dev/null) ]]
  [[ -z $(find "$T/x" -name '.wh.*') ]]
}

@test "standard output, and the way back through import" {
  kist export work | kist import - back:1 >/dev/null
  run -0 kist diff back:1 back:1
  kist run --rm --network none back:1 /bin/cat /new
  kist rmi back:1 >/dev/null
}

@test "a running container is paused meanwhile, and goes on" {
  kist run -d --name runs --network none base:1 sh -c 'while :; do echo x >>/log; done' >/dev/null
  kist export runs | tar -t | grep -qx log
  [[ $(kist ps --filter name=runs --format '{{.Status}}') == Up* ]]
  kist rm -f runs >/dev/null
}

@test "a container that never ran is its image" {
  kist create --name idle base:1 >/dev/null
  [[ $(kist export idle | tar -t | grep -c bin/busybox) == 1 ]]
  kist rm idle >/dev/null
}

@test "errors leave no file" {
  fails_with 1 "no such container" kist export -o "$T/x" absent
  [[ ! -e $T/x ]]
  run -1 bash -c "'$KIST_BUILD/kist' --root '$KIST_ROOT/root' --runroot '$KIST_ROOT/run' export work >/dev/full"
  [[ $output == *"No space left"* ]]
}
