#!/usr/bin/env bats
# kist-runtime: namespaces that are new or joined by path, id mappings, clocks, sysctls.

load lib
load runtime_lib

net_ns() { # a network namespace of its own at $1
  touch "$1"
  unshare -n sh -c 'mount --bind /proc/self/ns/net "$1"' sh "$1"
}

@test "a user namespace maps root to somebody" {
  conf '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings | .root.readonly = false'
  chmod 755 "$KIST_ROOT"
  script 'id -u; cat /proc/self/uid_map | xargs; echo >/dev/null && echo fine'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'0\n0 100000 1000\nfine' ]]
}

@test "namespaces of another container are joined by path" {
  started
  local pid
  pid=$(rt state "$ID" | jq .pid)
  script 'ps | grep -c "sleep 100"; readlink /proc/self/ns/net'
  conf --arg p "/proc/$pid/ns" '.linux.namespaces |= map(if .type == "pid" then .path = $p + "/pid"
    elif .type == "network" then .path = $p + "/net" else . end)'
  run rt run --bundle "$B" "$ID-2"
  [[ ${lines[0]} -ge 1 && ${lines[1]} == "$(readlink "/proc/$pid/ns/net")" ]]
}

@test "every kind of namespace is new, or the runtime's own" {
  conf '["pid", "network", "ipc", "uts", "mount", "cgroup", "time", "user"] as $k
    | .linux.namespaces = [$k[] | {type: .}] | .linux.uidMappings = [{containerID: 0, hostID: 0, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings'
  script 'for k in pid net ipc uts mnt cgroup time user; do readlink /proc/self/ns/$k; done'
  run rt run --bundle "$B" "$ID"
  local k i=0
  for k in pid net ipc uts mnt cgroup time user; do
    [[ ${lines[i]} == "$k:["* && ${lines[i]} != "$(readlink /proc/self/ns/$k)" ]]
    i=$((i + 1))
  done
  conf '.linux.namespaces = [{type: "mount"}] | del(.linux.uidMappings, .linux.gidMappings, .hostname)
    | .mounts |= map(select(.type | IN("mqueue", "sysfs", "cgroup") | not))'
  run rt run --bundle "$B" "$ID"
  i=0
  for k in pid net ipc uts mnt cgroup time user; do
    [[ $k == mnt || ${lines[i]} == "$(readlink /proc/self/ns/$k)" ]]
    i=$((i + 1))
  done
}

@test "a path to another kind, to no namespace, to nothing, is named" {
  conf '.linux.namespaces |= map(if .type == "network" then .path = "/proc/self/ns/ipc" else . end)'
  fails_with 1 "join network namespace '/proc/self/ns/ipc': it is a ipc namespace" rt run --bundle "$B" "$ID"
  conf '.linux.namespaces |= map(if .type == "network" then .path = "/etc/passwd" else . end)'
  fails_with 1 "join network namespace '/etc/passwd': it is no namespace" rt run --bundle "$B" "$ID"
  conf '.linux.namespaces |= map(if .type == "network" then .path = "/no/such" else . end)'
  fails_with 1 "join network namespace '/no/such': No such file" rt run --bundle "$B" "$ID"
  # before the clone, too
  conf '.linux.namespaces |= map(del(.path) | if .type == "pid" then .path = "/proc/self/ns/uts" else . end)'
  fails_with 1 "join pid namespace '/proc/self/ns/uts': it is a uts namespace" rt run --bundle "$B" "$ID"
  conf '.linux.namespaces |= map(if .type == "pid" then .path = "/no/such" else . end)'
  fails_with 1 "open namespace '/no/such'" rt run --bundle "$B" "$ID"
  conf '.linux.namespaces += [{type: "pid"}]'
  fails_with 1 "namespace 'pid' stands here twice" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "a mount namespace is joined as it is" {
  started
  local pid
  pid=$(rt state "$ID" | jq .pid)
  script 'readlink /proc/self/ns/mnt; ls /bin/busybox'
  conf --arg p "/proc/$pid/ns" '.linux.namespaces |= map(if .type == "mount" then .path = $p + "/mnt"
    elif .type == "pid" then .path = $p + "/pid" else . end)'
  fails_with 1 'a mount namespace by path is taken as it is' rt run --bundle "$B" "$ID-2"
  conf '.root = {path: "/"} | .mounts = [] | del(.linux.maskedPaths, .linux.readonlyPaths)'
  run rt run --bundle "$B" "$ID-2"
  [[ $output == "$(readlink "/proc/$pid/ns/mnt")"$'\n/bin/busybox' ]]
  rt exec "$ID" true
}

@test "a namespace of the host is joined by a container with a user namespace of its own" {
  net_ns "$B/net"
  conf --arg n "$B/net" '.linux.namespaces |= map(if .type == "network" then .path = $n else . end)
    | .linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings | .mounts |= map(select(.type | IN("sysfs", "cgroup") | not))'
  chmod 755 "$KIST_ROOT"
  script 'readlink /proc/self/ns/net; id -u'
  run rt run --bundle "$B" "$ID"
  local inode
  inode=$(stat -Lc %i "$B/net")
  umount "$B/net"
  [[ $output == "net:[$inode]"$'\n0' ]]
}

@test "user, network and pid namespaces of a container are joined together" {
  conf '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings'
  chmod 755 "$KIST_ROOT"
  started
  local pid
  pid=$(rt state "$ID" | jq .pid)
  script 'for k in pid net ipc uts user; do readlink /proc/self/ns/$k; done; id -u'
  conf --arg p "/proc/$pid/ns/" 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |=
    map(if .type == "mount" or .type == "cgroup" then . else .path = $p + ({network: "net"}[.type] // .type) end)'
  run rt run --bundle "$B" "$ID-2"
  local k i=0
  for k in pid net ipc uts user; do
    [[ ${lines[i]} == "$(readlink "/proc/$pid/ns/$k")" ]]
    i=$((i + 1))
  done
  [[ ${lines[5]} == 0 ]]
  [[ $(rt exec "$ID" id -u) == 0 ]]
}

@test "the clocks of a time namespace" {
  [[ -e /proc/self/ns/time ]] || skip "a kernel without time namespaces"
  conf '.linux.namespaces += [{type: "time"}]
    | .linux.timeOffsets = {boottime: {secs: 1000000, nanosecs: 5}, monotonic: {secs: 86400}}'
  script 'cat /proc/self/timens_offsets; cut -d. -f1 /proc/uptime; sleep 100'
  rt create --bundle "$B" "$ID" >"$B/out"
  rt start "$ID"
  for _ in $(seq 50); do [[ $(wc -l <"$B/out") == 3 ]] && break; sleep 0.02; done
  [[ $(head -2 "$B/out" | tr -s ' \n' ' ') == 'monotonic 86400 0 boottime 1000000 5 ' ]]
  [[ $(tail -1 "$B/out") -ge 1000000 ]]
  [[ $(rt exec "$ID" cut -d. -f1 /proc/uptime) -ge 1000000 ]]
  # in a user namespace, too
  conf '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings'
  chmod 755 "$KIST_ROOT"
  args cut -d. -f1 /proc/uptime
  [[ $(rt run --bundle "$B" "$ID-2") -ge 1000000 ]]
  conf '.linux.timeOffsets.realtime = {secs: 1}'
  fails_with 1 "linux.timeOffsets: there is no clock 'realtime'" rt run --bundle "$B" "$ID-2"
  conf 'del(.linux.timeOffsets.realtime) | .linux.namespaces |= map(select(.type != "time"))'
  fails_with 1 "linux.timeOffsets: needs a new time namespace" rt run --bundle "$B" "$ID-2"
  conf '.linux.timeOffsets = {boottime: {secs: -999999999}} | .linux.namespaces += [{type: "time"}]'
  fails_with 1 "linux.timeOffsets: set the clocks" rt run --bundle "$B" "$ID-2"
}

@test "mappings that leave out root, or one of the two kinds" {
  conf '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]'
  fails_with 1 "go together" rt run --bundle "$B" "$ID"
  conf '.linux.gidMappings = .linux.uidMappings | .linux.uidMappings[0].containerID = 5'
  fails_with 1 "linux.uidMappings: nothing stands for root" rt run --bundle "$B" "$ID"
}

@test "ids are chosen from the subordinate ones when the config names none" {
  conf '.linux.namespaces += [{type: "user"}]'
  chmod 755 "$KIST_ROOT"
  script 'cat /proc/self/uid_map /proc/self/gid_map | xargs'
  printf 'containers:500000:70000\n' >"$B/subid"
  run unshare -m sh -c 'touch /etc/subuid /etc/subgid && mount --bind "$1/subid" /etc/subuid &&
    mount --bind "$1/subid" /etc/subgid && "$2" --root "$3" run --bundle "$1" "$4"' sh \
    "$B" "$KIST_BUILD/kist-runtime" "$KIST_ROOT/rt" "$ID"
  [[ $output == '0 500000 70000 0 500000 70000' ]]
  : >"$B/subid"
  run unshare -m sh -c 'mount --bind "$1/subid" /etc/subuid && "$2" --root "$3" run --bundle "$1" "$4"' sh \
    "$B" "$KIST_BUILD/kist-runtime" "$KIST_ROOT/rt" "$ID"
  [ "$status" -eq 1 ]
  [[ $output == *"needs uidMappings and gidMappings"* && $output == *hint* ]]
}

@test "host and domain name" {
  conf '.hostname = "box" | .domainname = "example.org"'
  script 'hostname; cat /proc/sys/kernel/domainname'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'box\nexample.org' ]]
  conf '.linux.namespaces |= map(select(.type != "uts"))'
  fails_with 1 'needs a UTS namespace' rt run --bundle "$B" "$ID"
}

@test "sysctls of the container's namespaces only" {
  conf '.linux.sysctl = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4000", "fs.mqueue.msg_max": "5"}'
  script 'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'1\n4000\n5' ]]
  conf '.linux.sysctl = {"vm.swappiness": "1"}'
  fails_with 1 "'vm.swappiness' does not belong to a namespace" rt run --bundle "$B" "$ID"
  conf '.linux.sysctl = {"net.ipv4.ip_forward": "1"} | .linux.namespaces |= map(select(.type != "network"))'
  fails_with 1 "'net.ipv4.ip_forward' does not belong" rt run --bundle "$B" "$ID"
  conf '.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}]'
  fails_with 1 "would be set for the host: network namespace '/proc/self/ns/net'" rt run --bundle "$B" "$ID"
  net_ns "$B/net"
  conf --arg n "$B/net" '.linux.namespaces |= map(if .type == "network" then .path = $n else . end)'
  script 'cat /proc/sys/net/ipv4/ip_forward'
  run rt run --bundle "$B" "$ID"
  umount "$B/net"
  [[ $output == 1 ]]
  nothing_left
}
