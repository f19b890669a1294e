#!/usr/bin/env bats
# kist diff: a container's changes, two images, an image's layers.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  command -v busybox >/dev/null || skip "busybox is not installed"
  busybox_rootfs "$KIST_ROOT/rootfs"
  mkdir -p "$KIST_ROOT/rootfs/gone/deep" "$KIST_ROOT/rootfs/replaced"
  echo one >"$KIST_ROOT/rootfs/etc/one"
  echo x >"$KIST_ROOT/rootfs/gone/deep/x"
  echo y >"$KIST_ROOT/rootfs/replaced/y"
  tar -C "$KIST_ROOT/rootfs" --owner=0 --group=0 -cf "$KIST_ROOT/rootfs.tar" .
  kist import -c 'ENV PATH=/bin' -c 'CMD ["true"]' "$KIST_ROOT/rootfs.tar" base:1 >/dev/null
  kist run --name work --network none base:1 sh -c '
    echo two >>/etc/one; mkdir -p /new/sub; echo n >/new/sub/n; rm -r /gone
    rm -r /replaced; mkdir /replaced; echo z >/replaced/z; ln -s n /new/link; chmod 700 /tmp'
}
teardown_file() { kist_teardown_file; }

@test "docker's A, C and D of a container" {
  run -0 kist diff work
  [[ $output == "C /etc
C /etc/one
D /gone
A /new
A /new/link
A /new/sub
A /new/sub/n
C /replaced
D /replaced/y
A /replaced/z
C /tmp" ]]
}

@test "a container that changed nothing, or never ran" {
  kist create --name idle base:1 >/dev/null
  run -0 kist diff idle
  [[ -z $output ]]
  kist run --name quiet base:1
  run -0 kist diff quiet
  [[ -z $output ]] # the mount points that were made for it are no changes
  kist rm idle quiet >/dev/null
}

@test "a running container" {
  kist run -d --name runs --network none base:1 sh -c 'echo r >/r; sleep 60' >/dev/null
  for _ in 1 2 3 4 5 6 7 8 9 10; do
    run -0 kist diff runs
    [[ $output == "A /r" ]] && break
    sleep 0.1
  done
  [[ $output == "A /r" ]]
  kist rm -f runs >/dev/null
}

@test "two images, with sizes" {
  kist commit work base:2 >/dev/null
  run -0 kist diff base:1 base:2
  [[ $output == *$'C /etc/one\t4B -> 8B'* && $output == *$'D /gone/deep/x\t2B'* ]]
  [[ $output == *$'A /new/sub/n\t2B'* && $output == *$'D /replaced/y\t2B'* ]]
  [[ ${lines[-1]} == "added "* ]]
  run -0 kist diff base:2 base:1
  [[ $output == *$'A /gone/deep/x\t2B'* && $output == *"D /new"* ]]
  run -0 kist diff base:1 base:1
  [[ $output == "added 0 (0B), changed 0, deleted 0 (0B)" ]]
}

@test "layer by layer" {
  kist commit work base:2 >/dev/null
  run -0 kist diff --layers base:2
  [[ $(grep -c '^sha256:' <<<"$output") == 2 && $(grep -c '^added ' <<<"$output") == 2 ]]
  [[ $output == *"A /bin/busybox"*"D /gone"* ]]
}

@test "JSON" {
  kist commit work base:2 >/dev/null
  run -0 kist diff --format json base:1 base:2
  [[ $(jq -r '.[] | select(.path == "/etc/one") | "\(.change) \(.old_size) \(.new_size)"' <<<"$output") == "changed 4 8" ]]
  run -0 kist diff --format json --layers base:2
  [[ $(jq -r '[.[].layer] | unique | length' <<<"$output") == 2 ]]
  run -0 kist diff --format json base:1 base:1
  [[ $output == "[]" ]]
  run -0 kist diff --format json work
  [[ $(jq -r '.[0].path' <<<"$output") == /etc ]]
}

@test "names that are nothing" {
  fails_with 1 "no such container or image" kist diff nothing
  fails_with 1 "no such image" kist diff base:1 nothing
  fails_with 1 "--format" kist diff --format xml work
  fails_with 1 "one image" kist diff --layers base:1 base:1
}
