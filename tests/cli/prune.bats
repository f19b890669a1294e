#!/usr/bin/env bats
# prune: what goes, why, and that --dry-run says exactly that.

load lib

setup() {
  kist_setup_file
  need_root
}
teardown() { kist_teardown_file; }

untagged() { # an image whose name was taken by another
  tiny_image docker.io/library/x:1 "$1"
  tiny_image docker.io/library/x:1 "$2"
}

@test "an untagged image goes with its layer; a named one stays" {
  untagged old new
  [ "$(kist images -q --filter dangling=true | wc -l)" -eq 1 ]
  run kist prune --dry-run
  [ "$status" -eq 0 ]
  plan=$output
  [[ $plan == *"image "*"no tag and no container"* ]]
  [[ $plan == *"layer "* ]]
  [ "$(kist images -q | wc -l)" -eq 2 ] # nothing has gone
  run kist prune --force
  [ "$status" -eq 0 ]
  # the same list, but for the last line
  [ "$(sed '$d' <<<"$plan")" = "$(sed '$d' <<<"$output")" ]
  [ "${plan##*: }" = "${output##*: }" ]
  [ "$(kist images --format '{{.Reference}}')" = x:1 ]
  [ "$(ls "$KIST_ROOT/root/layers" | wc -l)" -eq 1 ]
  run kist prune --force
  [ "$output" = "Total reclaimed space: 0B" ]
}

@test "--all takes named images too, --filter until keeps young ones" {
  tiny_image docker.io/library/x:1 a
  run kist prune --all --dry-run --filter until=1h
  [ "$output" = "Would be reclaimed: 0B" ]
  run kist prune --all --dry-run
  [[ $output == *"name "*"x:1"*"no container uses it"* ]]
  kist prune --all --force
  [ -z "$(kist images -q)" ]
  [ -z "$(ls "$KIST_ROOT/root/layers" "$KIST_ROOT/root/blobs/sha256" | grep -v :)" ]
  fails_with 1 "unknown filter" kist prune --filter label=x
  fails_with 1 "neither a duration nor a date" kist prune --filter until=yesterday
}

@test "without a terminal and --force nothing is removed" {
  untagged old new
  fails_with 1 "nobody to ask" kist prune </dev/null
  [ "$(kist images -q | wc -l)" -eq 2 ]
}

@test "stopped containers go, and then their image; running ones and theirs stay" {
  need busybox
  busybox_image box
  run kist run --name done --network none box true
  [ "$status" -eq 0 ]
  fails_with 1 "is using its referenced image" kist rmi box
  kist run -d --name works --network none box sleep 60
  run kist prune --all --dry-run
  [[ $output == *"container "*" done "*"not running"* ]]
  [[ $output != *" works "* ]]
  [[ $output != *box* ]]
  kist prune --all --force
  [ "$(kist ps -a --format '{{.Names}}')" = works ]
  kist rm -f works
  kist prune --images --all --force
  [ -z "$(kist images -q)" ]
}

@test "rmi -f of an image in use takes its names, prune the rest when the container has gone" {
  need busybox
  busybox_image box
  kist create --name user --network none box true
  run kist rmi -f box
  [ "$status" -eq 0 ]
  [[ $output == "Untagged: "*box* ]]
  [ "$(kist images -q --filter dangling=true | wc -l)" -eq 1 ]
  run kist start -a user
  [ "$status" -eq 0 ]
  kist prune --images --force
  [ "$(kist images -q | wc -l)" -eq 1 ]
  kist prune --force
  [ -z "$(kist images -q)" ]
  [ -z "$(kist ps -aq)" ]
}

@test "a collected step of a build says so" {
  need busybox
  busybox_image box
  mkdir "$KIST_ROOT/ctx"
  printf 'FROM box\nRUN echo x >/made\n' >"$KIST_ROOT/ctx/Dockerfile"
  kist build -q -t made "$KIST_ROOT/ctx"
  run kist prune --build-cache --dry-run
  [[ $output == *"cache "* ]]
  kist prune --build-cache --force
  run kist build --explain "$KIST_ROOT/ctx"
  [ "$status" -eq 0 ]
  [[ $output == *"collected on"* ]]
}

@test "files that no row knows are found" {
  tiny_image docker.io/library/x:1 a
  mkdir -p "$KIST_ROOT/root/layers/$(printf '%064d' 7)/tree"
  run kist prune --dry-run
  [[ $output == *leftover*"left by a crash"* ]]
  kist prune --force
  [ "$(ls "$KIST_ROOT/root/layers" | wc -l)" -eq 1 ]
}

@test "on a full disk images can still be removed" {
  local small=$BATS_TEST_TMPDIR/small
  mkdir "$small"
  mount -t tmpfs -o size=64m tmpfs "$small" || skip "cannot mount a tmpfs"
  local k=("$KIST_BUILD/kist" --root "$small/root" --runroot "$BATS_TEST_TMPDIR/run") ok=1
  busybox_rootfs "$BATS_TEST_TMPDIR/rootfs"
  tar -C "$BATS_TEST_TMPDIR/rootfs" -cf "$BATS_TEST_TMPDIR/rootfs.tar" .
  "${k[@]}" import "$BATS_TEST_TMPDIR/rootfs.tar" full >/dev/null || ok=0
  head -c 80m /dev/zero >"$small/filler" 2>/dev/null || true
  head -c 1 /dev/zero >"$small/last" 2>/dev/null && ok=0
  "${k[@]}" rmi full || ok=0
  [[ -z $("${k[@]}" images -q) ]] || ok=0
  for _ in $(seq 50); do umount "$small" 2>/dev/null && break || sleep 0.1; done
  ! mountpoint -q "$small"
  ((ok))
}

@test "what a pull that was cut has left goes after a week, with --all at once" {
  mkdir -p "$KIST_ROOT/root/blobs/partial"
  old=$(printf old | sha256sum | cut -d' ' -f1) young=$(printf young | sha256sum | cut -d' ' -f1)
  head -c 5000 /dev/zero >"$KIST_ROOT/root/blobs/partial/$old"
  head -c 3000 /dev/zero >"$KIST_ROOT/root/blobs/partial/$young"
  touch -d '8 days ago' "$KIST_ROOT/root/blobs/partial/$old"
  output=$(kist prune --dry-run)
  [[ $output == *partial*"${old:0:12}"*"a fetch that was cut 8 days ago and has not gone on"* ]]
  [[ $output != *"${young:0:12}"* ]]
  kist prune -f >/dev/null
  [[ ! -e $KIST_ROOT/root/blobs/partial/$old && -e $KIST_ROOT/root/blobs/partial/$young ]]
  # one that is being fetched stays whatever is asked for
  flock "$KIST_ROOT/root/blobs/partial/$young" "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" prune -af >/dev/null
  [[ -e $KIST_ROOT/root/blobs/partial/$young ]]
  kist prune -af >/dev/null
  [[ ! -e $KIST_ROOT/root/blobs/partial/$young ]]
}
