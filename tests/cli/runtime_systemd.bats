#!/usr/bin/env bats
# kist-runtime with --systemd-cgroup: a transient scope for each container. Runs where systemd is the
# init: tools/vm has one, with cgroup v2 and as a hybrid.

load lib
load runtime_lib

need_systemd() { [[ -d /run/systemd/system ]] || skip "systemd does not run here"; }
v2() { [[ -f /sys/fs/cgroup/cgroup.controllers ]]; }
sd() { rt --systemd-cgroup "$@"; }
group() { # the container's directory in one hierarchy
  if v2; then echo "/sys/fs/cgroup/$SLICE/$UNIT"; else echo "/sys/fs/cgroup/$1/$SLICE/$UNIT"; fi
}
cg() { if v2; then cat "$(group .)/$3"; else cat "$(group "$1")/$2"; fi; }
show() { systemctl show -p "$1" --value "$UNIT"; }
gone() {
  local i
  for i in $(seq 50); do
    [[ $(show ActiveState) == inactive && $(show LoadState) == not-found ]] && break
    sleep 0.1
  done
  [[ $(show ActiveState) == inactive ]]
  nothing_left
  [[ -z $(find /sys/fs/cgroup -type d -name "$UNIT") ]]
}
scoped() { # the config's path, and where the group then is
  UNIT=kisttest-$ID.scope
  SLICE=kisttest.slice/kisttest-box.slice
  conf --arg p "kisttest-box.slice:kisttest:$ID" '.linux.cgroupsPath = $p'
}

@test "where systemd does not run it says so, and what to do" {
  [[ ! -d /run/systemd/system ]] || skip "systemd runs here"
  fails_with 1 'this host does not run it' sd create --bundle "$B" "$ID"
  [[ $output == *'--cgroup-manager cgroupfs'* ]]
  nothing_left
}

@test "annotations are properties of the scope; what is no value of one is named" {
  conf '.annotations = {"org.systemd.property.TimeoutStopUSec": "soon"}'
  fails_with 1 "annotation 'org.systemd.property.TimeoutStopUSec': 'soon'" sd create --bundle "$B" "$ID"
  conf '.annotations = {"org.systemd.property.x-y": "true"}'
  fails_with 1 "'x-y' is no name of a property" sd create --bundle "$B" "$ID"
  need_systemd
  scoped
  args sleep 100
  conf '.annotations = {"org.systemd.property.TimeoutStopSec": "7", "org.systemd.property.KillSignal": "15",
    "org.systemd.property.Description": "\u0027of the config\u0027", "org.systemd.property.After": "[\u0027basic.target\u0027]"}'
  sd create --bundle "$B" "$ID"
  [[ $(show TimeoutStopUSec) == 7s && $(show KillSignal) == 15 && $(show Description) == "of the config" ]]
  [[ $(show After) == *basic.target* ]]
  sd delete -f "$ID"
  gone
}

@test "paths that are none for systemd" {
  conf '.linux.cgroupsPath = "/a/b"'
  fails_with 1 'SLICE:PREFIX:NAME' sd create --bundle "$B" "$ID"
  conf '.linux.cgroupsPath = "a--b.slice:x:y"'
  fails_with 1 'is no slice' sd create --bundle "$B" "$ID"
  conf '.linux.cgroupsPath = "a.slice:x:y.slice"'
  fails_with 1 'holds no processes' sd create --bundle "$B" "$ID"
  nothing_left
}

@test "a scope in its slice, with the limits as properties and in the files" {
  need_systemd
  scoped
  conf '.linux.resources += {memory: {limit: 33554432}, pids: {limit: 33},
    cpu: {shares: 512, quota: 25000, period: 50000, cpus: "0"}}'
  args sleep 100
  sd create --bundle "$B" "$ID"
  [[ $(show ActiveState) == active && $(show Delegate) == yes && $(show Slice) == kisttest-box.slice ]]
  [[ $(cg memory cgroup.procs cgroup.procs) == $(rt state "$ID" | jq .pid) ]]
  [[ $(cg memory memory.limit_in_bytes memory.max) == 33554432 && $(cg pids pids.max pids.max) == 33 ]]
  [[ $(show TasksMax) == 33 && $(show CPUQuotaPerSecUSec) == 500ms && $(show DevicePolicy) == strict ]]
  if v2; then
    [[ $(show MemoryMax) == 33554432 && $(show CPUWeight) == 59 && $(show AllowedCPUs) == 0 ]]
  else
    [[ $(show MemoryLimit) == 33554432 && $(show CPUShares) == 512 ]]
  fi
  sd start "$ID"
  # systemd sets everything anew, and everything stays
  systemctl daemon-reload
  [[ $(cg memory memory.limit_in_bytes memory.max) == 33554432 && $(cg pids pids.max pids.max) == 33 ]]
  run rt exec "$ID" sh -c 'cat /proc/self/cgroup; mknod /dev/x c 1 1; head -c 1 /dev/x'
  [[ $output != *"$UNIT"* || $(v2 && echo 2) != 2 ]]
  [[ $output == *'not permitted'* ]]
  sd delete -f "$ID"
  gone
}

@test "run, and nothing is left" {
  need_systemd
  scoped
  script 'echo out; cat /proc/self/cgroup; exit 7'
  run sd run --bundle "$B" "$ID"
  [ "$status" -eq 7 ]
  [[ $output == out* ]]
  gone
}

@test "the default path; an id again at once" {
  need_systemd
  UNIT=kist-$ID.scope SLICE=system.slice
  args sleep 100
  for _ in 1 2 3; do
    sd create --bundle "$B" "$ID"
    [[ -n $(cg memory cgroup.procs cgroup.procs) ]]
    sd delete -f "$ID"
  done
  gone
}

@test "update, pause, events, kill --all" {
  need_systemd
  scoped
  conf '.linux.resources += {memory: {limit: 33554432}}'
  args sleep 100
  sd create --bundle "$B" "$ID"
  sd start "$ID"
  sd update --memory 41943040 --pids-limit 44 --cpu-quota 30000 "$ID"
  [[ $(cg memory memory.limit_in_bytes memory.max) == 41943040 && $(cg pids pids.max pids.max) == 44 ]]
  [[ $(show TasksMax) == 44 && $(show CPUQuotaPerSecUSec) == 300ms ]]
  systemctl daemon-reload
  [[ $(cg memory memory.limit_in_bytes memory.max) == 41943040 && $(cg pids pids.max pids.max) == 44 ]]
  sd events --stats "$ID" | jq -e '.data.memory.usage.limit == 41943040'
  sd pause "$ID"
  [[ $(sd state "$ID" | jq -r .status) == paused ]]
  sd resume "$ID"
  sd exec -d "$ID" sleep 100
  sd kill --all "$ID" KILL
  sd delete -f "$ID"
  gone
}

@test "a user namespace, and a start that fails" {
  need_systemd
  scoped
  conf '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings'
  chmod 755 "$KIST_ROOT"
  script 'id -u; cat /proc/self/uid_map'
  run sd run --bundle "$B" "$ID"
  echo "$output"
  [[ $output == 0*100000*1000 ]]
  gone
  args /nosuch
  fails_with 1 'no such file' sd run --bundle "$B" "$ID"
  gone
}

@test "systemd inside is given its own part of the tree" {
  need_systemd
  v2 || skip "cgroup v2 alone is delegated"
  scoped
  conf '(.mounts[] | select(.destination == "/sys/fs/cgroup")).options -= ["ro"]'
  script 'cd /sys/fs/cgroup && cat /proc/self/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo "+memory +pids" >cgroup.subtree_control && mkdir below && cat below/pids.max'
  run sd run --bundle "$B" "$ID"
  echo "$output"
  [[ $output == $'0::/\nmax' ]]
  gone
}

