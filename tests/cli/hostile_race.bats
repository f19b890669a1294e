#!/usr/bin/env bats
# Several kists on one store, kills at any moment of a run, bytes that would steer a terminal.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image localhost/base:1
  kist create --name holds-base base:1 true >/dev/null
  kist tag base:1 other:1
  kist save -o "$KIST_ROOT/a.tar" other:1
  kist rmi other:1 >/dev/null
  mkdir -p "$KIST_ROOT/ctx"
  head -c 100000 /dev/urandom >"$KIST_ROOT/ctx/f"
}
teardown_file() { kist_teardown_file; }

# beside COMMAND...: repeats `kist COMMAND` until the background process $pid has ended
beside() {
  while kill -0 "$pid" 2>/dev/null; do kist "$@" >"$KIST_ROOT/beside" 2>&1 || { cat "$KIST_ROOT/beside"; return 1; }; done
  wait "$pid"
}

@test "builds beside a prune of images and cache" {
  for i in 1 2 3 4 5 6 7 8; do
    printf 'FROM base:1 AS a\nCOPY f /\nRUN echo 1 >/r1; sleep 0.03\nRUN echo %s >/r2\nFROM a\nCOPY --from=a /r2 /r3\nRUN cat /r1 /r3\n' $((i / 3)) \
      >"$KIST_ROOT/ctx/Dockerfile"
    kist build -q -t b:1 "$KIST_ROOT/ctx" >"$KIST_ROOT/build.$i" 2>&1 || { cat "$KIST_ROOT/build.$i"; exit 1; }
  done &
  pid=$!
  beside prune --force --all --images --build-cache
}

@test "runs beside a prune of containers" {
  for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
    kist run --rm --network none base:1 true >"$KIST_ROOT/run.out" 2>&1 || { cat "$KIST_ROOT/run.out"; exit 1; }
    kist run --network none base:1 true >"$KIST_ROOT/run.out" 2>&1 || { cat "$KIST_ROOT/run.out"; exit 1; }
  done &
  pid=$!
  kist run -d --network none --name keeps-base base:1 sleep 100 >/dev/null
  beside prune --force
  kist rm -f keeps-base >/dev/null
}

@test "loads beside rmi and prune" {
  kist create --name holds-base base:1 true >/dev/null || true
  for i in 1 2 3 4 5 6 7 8; do
    kist load -qi "$KIST_ROOT/a.tar" >"$KIST_ROOT/load.out" 2>&1 || { cat "$KIST_ROOT/load.out"; exit 1; }
    cat "$KIST_ROOT/a.tar" | kist load -q >"$KIST_ROOT/load.out" 2>&1 || { cat "$KIST_ROOT/load.out"; exit 1; }
    kist rmi other:1 >/dev/null 2>&1 || true
  done &
  pid=$!
  beside prune --force --all --images
}

@test "kill -9 at any moment of a run: rm takes all of it away" {
  for i in 00 02 04 06 08 10 13 16 20 25 30 40; do
    "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" run -d -p 80 base:1 sleep 100 \
      >/dev/null 2>&1 &
    pid=$!
    sleep "0.0$i"
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
  done
  kist ps -aq >"$KIST_ROOT/ids"
  [[ -s $KIST_ROOT/ids ]]
  xargs -a "$KIST_ROOT/ids" "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" rm -f >/dev/null
  [[ -z $(kist ps -aq) ]]
  kist run --rm base:1 true # the next one sweeps the network
  sleep 0.6                 # which goes a moment after its last container
  [[ -z $(ip -o link | grep -F "alias $KIST_ROOT/") ]]
  [[ -z $(ls -A "$KIST_ROOT/run/containers") ]]
  ! grep -F "$KIST_ROOT" /proc/self/mountinfo
  for id in $(cat "$KIST_ROOT/ids"); do
    [[ -z $(find /sys/fs/cgroup -maxdepth 4 -type d -name "$id*") ]]
    ! ps -eo args | grep -F "id=$id" | grep -v grep
  done
}

@test "names of strangers do not steer the terminal" {
  printf 'FROM base:1\nR\033[31mUN x\n' >"$KIST_ROOT/ctx/Dockerfile"
  run -1 kist build "$KIST_ROOT/ctx"
  [[ $output == *"unknown instruction 'R?[31mUN'"* && $output != *$'\033'* ]]
  run -1 kist import "$KIST_ROOT/"$'no\033]0;title\007file'
  [[ $output != *$'\033'* && $output != *$'\007'* ]]
  run -125 kist run $'x\302\2331m'
  [[ $output != *$'\302\233'* ]]
}

@test "a link of the context to itself, a full disk: the line is named" {
  ln -sf loop "$KIST_ROOT/ctx/loop"
  printf 'FROM base:1\nCOPY loop /x\n' >"$KIST_ROOT/ctx/Dockerfile"
  fails_with 1 "Dockerfile:2:1: too many links on the way to 'loop'" kist build -q "$KIST_ROOT/ctx"
  mkdir -p "$KIST_ROOT/small"
  head -c 6000000 /dev/urandom >"$KIST_ROOT/ctx/big"
  for step in 'COPY big /' 'RUN dd if=/dev/urandom of=/big bs=1M count=2' 'ADD big.tar /'; do
    tar -C "$KIST_ROOT/ctx" -cf "$KIST_ROOT/ctx/big.tar" big
    printf 'FROM base:1\n%s\n' "$step" >"$KIST_ROOT/ctx/Dockerfile"
    # shellcheck disable=SC2016
    run -1 unshare -m bash -c '
      mount -t tmpfs -o size=5m none "$1/small"
      kist() { "$KIST_BUILD/kist" --root "$1/small/root" --runroot "$1/run2" "${@:2}"; }
      kist "$1" import -c "ENV PATH=/bin" "$1/rootfs.tar" base:1 >/dev/null || exit 3
      kist "$1" build -q "$1/ctx" && exit 4
      s=$?
      [[ $(kist "$1" images -q | wc -l) == 1 && -z $(ls -A "$1/small/root/tmp") ]] || exit 5
      [[ $(ls "$1/small/root/layers" | wc -l) == 1 ]] || exit 6
      exit $s' _ "$KIST_ROOT"
    [[ $output == *"Dockerfile:2:"* && $output == *"No space left on device"* ]] || { echo "$step: $output"; return 1; }
  done
}
