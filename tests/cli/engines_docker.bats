#!/usr/bin/env bats
# A Docker daemon of our own with kist-runtime as one of its runtimes.

load lib
load engines

setup_file() {
  engine_setup
  need dockerd containerd docker script
  echo '{}' >"$E/daemon.json"
  background dockerd --data-root "$E/data" --exec-root "$E/exec" -p "$E/pid" -H "unix://$E/sock" \
    --config-file "$E/daemon.json" --iptables=false --ip6tables=false --ip-forward=false --bridge=none \
    --userland-proxy=false --storage-driver vfs --default-ulimit "nofile=$(engine_nofile):$(engine_nofile)" \
    --add-runtime "kist=$KR"
  await docker version || skip "dockerd does not start here"
  docker import "$E/rootfs.tar" base:1 >/dev/null
}
teardown_file() {
  if [[ -n ${E-} && -S $E/sock ]]; then
    # shellcheck disable=SC2046
    docker rm -f $(docker ps -aq) >/dev/null 2>&1 || true
  fi
  engine_teardown
}
docker() { timeout 60 docker -H "unix://$E/sock" "$@"; }
run_base() { docker run --runtime kist --network none --rm "$@"; }
waiting() { # NAME OPTIONS...
  docker run -d --runtime kist --network none --name "$1" "${@:2}" base:1 sleep 100 >/dev/null
}

@test "run: output, status, what is not found and what cannot be run" {
  [[ $(run_base base:1 echo hello) == hello ]]
  fails_with 7 '' run_base base:1 sh -c 'exit 7'
  fails_with 127 'executable file not found' run_base base:1 nosuch
  fails_with 126 'permission denied' run_base base:1 /etc
}

@test "run: user, capabilities, mounts, host name, sysctl, limits, filter" {
  run run_base -v "$E:/host:ro" --user 5:6 --read-only --tmpfs /x --hostname its-name --cap-drop all base:1 \
    sh -c 'id -u; hostname; ls /host/rootfs.tar; touch /y 2>&1'
  [[ ${lines[0]} == 5 && ${lines[1]} == its-name && ${lines[2]} == /host/rootfs.tar && ${lines[3]} == *'Read-only'* ]]
  run run_base --sysctl net.ipv4.ip_forward=1 --ulimit nofile=99 --device /dev/fuse --shm-size 1m base:1 \
    sh -c 'ulimit -n; cat /proc/sys/net/ipv4/ip_forward; ls /dev/fuse; df -k /dev/shm | tail -1'
  [[ ${lines[0]} == 99 && ${lines[1]} == 1 && ${lines[2]} == /dev/fuse && ${lines[3]} == *' 1024 '* ]]
  [[ $(run_base base:1 grep Seccomp: /proc/self/status) == *2 ]]
  [[ $(run_base --security-opt seccomp=unconfined --security-opt no-new-privileges base:1 grep -E 'Seccomp:|NoNew' /proc/self/status | xargs) == 'NoNewPrivs: 1 Seccomp: 0' ]]
}

@test "exec, terminals" {
  waiting c1
  [[ $(docker exec c1 echo inside) == inside ]]
  fails_with 9 '' docker exec c1 sh -c 'exit 9'
  run docker exec c1 nosuch
  [[ $status != 0 && $output == *'executable file not found'* ]]
  [[ $(docker exec -u 5 -e A=b -w /tmp c1 sh -c 'id -u; echo $A; pwd' | xargs) == '5 b /tmp' ]]
  [[ $(terminal "docker -H unix://$E/sock exec -it c1 tty") == */dev/pts/* ]]
  [[ $(terminal "docker -H unix://$E/sock run --rm -it --runtime kist --network none base:1 tty") == */dev/pts/0* ]]
}

@test "stats, pause, top, update, kill, stop, start, restart, logs" {
  waiting c2 --memory 64m --pids-limit 50
  run docker stats --no-stream --format '{{.MemUsage}} {{.PIDs}}' c2
  [[ $output == *'/ 64MiB 1' ]]
  docker pause c2
  [[ $(docker inspect c2 --format '{{.State.Status}}') == paused ]]
  docker unpause c2
  [[ $(docker top c2) == *'sleep 100'* ]]
  docker update --memory 32m --memory-swap 32m --pids-limit 40 c2
  [[ $(docker stats --no-stream --format '{{.MemUsage}}' c2) == *'/ 32MiB' ]]
  docker kill -s KILL c2
  [[ $(docker wait c2) == 137 ]]
  docker start c2
  docker restart -t 0 c2
  [[ $(docker inspect c2 --format '{{.State.Status}} {{.HostConfig.Runtime}}') == 'running kist' ]]
  id=$(docker inspect c2 --format '{{.Id}}')
  docker rm -f c2
  [[ -z $(find /sys/fs/cgroup -type d -name "*$id*") ]]
}

@test "a container that its limit kills is told as such" {
  run docker run --runtime kist --network none --name oom --memory 8m --memory-swap 8m base:1 sh -c 'tail -c 60000000 /dev/zero >/dev/null'
  [[ $status == 137 ]]
  await sh -c "docker -H unix://$E/sock inspect oom --format '{{.State.OOMKilled}}' | grep -q true"
}

@test "another container's namespaces, an init, privileged" {
  waiting c3
  [[ $(run_base --pid container:c3 base:1 ps) == *'sleep 100'* ]]
  [[ $(run_base --init base:1 ps) == *docker-init* ]]
  [[ $(run_base --privileged base:1 sh -c 'test -e /dev/loop-control && echo ok') == ok ]]
}
