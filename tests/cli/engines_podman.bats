#!/usr/bin/env bats
# Podman with kist-runtime: run, exec, stats, pause, build, limits, pods of namespaces.

load lib
load engines

setup_file() {
  engine_setup
  need podman conmon script
  printf '[containers]\ndefault_ulimits = ["nofile=%s:%s", "nproc=32768:32768"]\n' "$(engine_nofile)" "$(engine_nofile)" \
    >"$E/containers.conf"
  export CONTAINERS_CONF=$E/containers.conf
  podman import -q "$E/rootfs.tar" localhost/base:1 >/dev/null 2>&1 || skip "podman does not work here"
}
teardown_file() {
  [[ -z ${E-} || ! -e $E/containers.conf ]] || podman rm -af -t 0 >/dev/null 2>&1 || true
  engine_teardown
}

PODMAN="--storage-driver vfs --events-backend none --cgroup-manager cgroupfs"
# shellcheck disable=SC2086
podman() {
  timeout 60 podman --root "$E/store" --runroot "$E/run" --tmpdir "$E/tmp" $PODMAN --runtime "$KR" "$@"
}
NET="--network none"
run_base() { podman run --rm $NET "$@"; }
waiting() { # NAME OPTIONS...
  podman run -d --name "$1" $NET "${@:2}" localhost/base:1 sleep 100 >/dev/null
}

@test "run: output, status, what is not found and what cannot be run" {
  [[ $(run_base localhost/base:1 echo hello) == hello ]]
  fails_with 7 '' run_base localhost/base:1 sh -c 'exit 7'
  fails_with 127 'executable file not found' run_base localhost/base:1 nosuch
  fails_with 126 'permission denied' run_base localhost/base:1 /etc
}

@test "run: user, capabilities, limits, mounts, host name" {
  run run_base --memory 64m --pids-limit 50 --cpus 0.5 --cap-drop all --read-only -v "$E:/host:ro" \
    --user 5:6 --hostname its-name localhost/base:1 \
    sh -c 'id -u; hostname; ls /host/rootfs.tar; grep CapEff /proc/self/status; touch /y 2>&1'
  echo "$output"
  [[ ${lines[0]} == 5 && ${lines[1]} == its-name && ${lines[2]} == /host/rootfs.tar ]]
  [[ ${lines[3]} == *0000000000000000 && ${lines[4]} == *'Read-only file system'* ]]
  run run_base --tmpfs /root:size=1m --sysctl net.ipv4.ip_forward=1 --device /dev/fuse localhost/base:1 \
    sh -c 'cat /proc/sys/net/ipv4/ip_forward; df -m /root | tail -1; ls /dev/fuse'
  [[ ${lines[0]} == 1 && ${lines[1]} == tmpfs*' 1 '* && ${lines[2]} == /dev/fuse ]]
}

@test "exec: output, status, user, environment, directory, not found" {
  waiting c1
  [[ $(podman exec c1 echo inside) == inside ]]
  fails_with 9 '' podman exec c1 sh -c 'exit 9'
  fails_with 127 'executable file not found' podman exec c1 nosuch
  [[ $(podman exec --user 5 -e A=b -w /tmp c1 sh -c 'id -u; echo $A; pwd' | xargs) == '5 b /tmp' ]]
  podman exec -d c1 sleep 33
  await sh -c "podman --root '$E/store' --runroot '$E/run' --tmpdir '$E/tmp' $PODMAN top c1 args | grep -q 'sleep 33'"
}

@test "terminals of run and exec" {
  waiting c2
  local p="podman --root $E/store --runroot $E/run --tmpdir $E/tmp $PODMAN --runtime $KR"
  [[ $(terminal "$p exec -it c2 tty") == */dev/pts/* ]]
  [[ $(terminal "$p run --rm -it $NET localhost/base:1 tty") == */dev/pts/0* ]]
}

@test "stats, pause, unpause, top, kill, stop, logs, inspect" {
  podman run -d --name c3 $NET --memory 64m localhost/base:1 sh -c 'echo begin; exec sleep 100' >/dev/null
  run podman stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c3
  [[ $output == *'/ 67.11MB'* && $output != '0B '* ]]
  podman pause c3
  [[ $(podman inspect c3 --format '{{.State.Status}}') == paused ]]
  podman unpause c3
  [[ $(podman top c3 args) == *'sleep 100'* ]]
  podman kill -s KILL c3
  await sh -c "[ \$(podman --root '$E/store' --runroot '$E/run' --tmpdir '$E/tmp' $PODMAN inspect c3 --format '{{.State.ExitCode}}') = 137 ]"
  [[ $(podman logs c3) == begin ]]
  [[ $(podman inspect c3 --format '{{.OCIRuntime}}') == "$KR" ]]
  podman start c3
  podman restart -t 0 c3
  podman rm -f -t 0 c3
}

@test "update changes limits" {
  waiting c4 --memory 64m
  podman update --memory 32m c4
  # its stats tell what was asked for at first: the file in the container's own view
  run podman exec c4 sh -c 'cat /sys/fs/cgroup/memory/memory.limit_in_bytes || cat /sys/fs/cgroup/memory.max'
  [[ ${lines[-1]} == 33554432 ]]
}

@test "another container's namespaces, an init, the host's network, privileged" {
  waiting c5
  [[ $(run_base --pid container:c5 localhost/base:1 ps) == *'sleep 100'* ]]
  [[ $(run_base --init localhost/base:1 ps) == *podman-init* ]]
  [[ $(podman run --rm --network host localhost/base:1 readlink /proc/self/ns/net) == "$(readlink /proc/self/ns/net)" ]]
  [[ $(run_base --privileged localhost/base:1 sh -c 'test -e /dev/loop-control && echo ok') == ok ]]
}

@test "a user namespace" {
  [[ $(run_base --uidmap 0:100000:1000 --gidmap 0:100000:1000 localhost/base:1 cat /proc/self/uid_map | xargs) == '0 100000 1000' ]]
}

@test "build" {
  mkdir -p "$E/ctx"
  printf 'FROM localhost/base:1\nRUN echo built >/made && id -u\nCMD ["cat","/made"]\n' >"$E/ctx/Dockerfile"
  podman build -q $NET -t localhost/made:1 "$E/ctx"
  [[ $(run_base localhost/made:1) == built ]]
}

@test "rm leaves no container, no control group" {
  waiting c6
  id=$(podman inspect c6 --format '{{.Id}}')
  podman rm -f -t 0 c6
  [[ -z $(find /sys/fs/cgroup -type d -name "*$id*") ]]
  ! "$KR" --root "$E/tmp" list -q | grep -q "$id"
}
