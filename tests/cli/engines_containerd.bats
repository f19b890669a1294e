#!/usr/bin/env bats
# A containerd of our own, its runc shim, and ctr with kist-runtime.

load lib
load engines

setup_file() {
  engine_setup
  need containerd ctr containerd-shim-runc-v2 script
  cat >"$E/config.toml" <<END
version = 2
root = "$E/root"
state = "$E/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.devmapper"]
[grpc]
  address = "$E/sock"
[ttrpc]
  address = "$E/ttrpc"
END
  background containerd --config "$E/config.toml"
  await ctr version || skip "containerd does not start here"
  # an image without another tool: kist writes the archive
  kist import "$E/rootfs.tar" localhost/base:1 >/dev/null
  kist save --format oci-archive -o "$E/base.tar" localhost/base:1
  ctr image import "$E/base.tar" >/dev/null
  IMAGE=$(ctr image ls -q | head -n1)
  export IMAGE
}
teardown_file() {
  if [[ -n ${E-} && -S $E/sock ]]; then
    for t in $(ctr task ls -q 2>/dev/null); do ctr task kill -s KILL "$t" >/dev/null 2>&1 || true; done
    sleep 0.3
    for t in $(ctr container ls -q 2>/dev/null); do
      ctr task delete -f "$t" >/dev/null 2>&1 || true
      ctr container delete "$t" >/dev/null 2>&1 || true
    done
  fi
  engine_teardown
}
ctr() { timeout 60 ctr -a "$E/sock" "$@"; }
# --snapshotter native: plain directories, as any file system below has them
run_base() { ctr run --runc-binary "$KR" --runtime io.containerd.runc.v2 --snapshotter native "$@"; }
task_pid() { ctr task ls | awk -v t="$1" '$1 == t { print $2 }'; }
# ctr forgets what it has not read yet when the program of an exec ends (containerd's pull request
# 13931): ours lives until its output was seen.
UNTIL_SEEN='until test -e /seen; do sleep 0.05; done'
# prints TASK TEXT COMMAND...: an exec in the task whose program ends with $UNTIL_SEEN
prints() {
  local out=$BATS_TEST_TMPDIR/out pid task
  task=$(task_pid "$1")
  "${@:3}" >"$out" 2>&1 3>&- &
  pid=$!
  await grep -q "$2" "$out" || cat "$out"
  touch "/proc/$task/root/seen"
  wait "$pid" && grep -q "$2" "$out"
}

@test "run: output, status, what is not found" {
  [[ $(run_base --rm "$IMAGE" t1 echo hello) == hello ]]
  fails_with 7 '' run_base --rm "$IMAGE" t2 sh -c 'exit 7'
  fails_with 1 'exec: "nosuch": executable file not found in $PATH' run_base --rm "$IMAGE" t3 nosuch
}

@test "a detached task: exec, pause, resume, metrics, kill, delete" {
  run_base -d --memory-limit 67108864 "$IMAGE" d1 sleep 100
  prints d1 '^inside$' ctr task exec --exec-id e1 d1 sh -c "echo inside; $UNTIL_SEEN"
  fails_with 9 '' ctr task exec --exec-id e2 d1 sh -c 'exit 9'
  ctr task pause d1
  [[ $(ctr task ls) == *d1*PAUSED* ]]
  ctr task resume d1
  [[ $(ctr task ls) == *d1*RUNNING* ]]
  [[ $(ctr task metrics d1) == *67108864* ]]
  [[ $(ctr task ps d1) == *"$(task_pid d1)"* ]]
  ctr task kill -s KILL d1
  await sh -c "ctr -a '$E/sock' task ls | grep -q 'd1.*STOPPED'"
  ctr task delete d1 || [[ $? == 137 ]]
  ctr container delete d1
  [[ -z $(find /sys/fs/cgroup -type d -path '*/default/d1') ]]
}

@test "terminals of run and exec" {
  [[ $(terminal "ctr -a $E/sock run --rm -t --runc-binary $KR --snapshotter native $IMAGE tt tty") == */dev/pts/0* ]]
  run_base -d "$IMAGE" d2 sleep 100
  prints d2 /dev/pts/ terminal "ctr -a $E/sock task exec -t --exec-id e3 d2 sh -c 'tty; $UNTIL_SEEN'"
}

@test "the reason of a failure comes from the runtime's log" {
  fails_with 1 "type 'nosuchfs' is no file system" run_base --rm --mount type=nosuchfs,src=x,dst=/x "$IMAGE" t4 true
}
