#!/usr/bin/env bats
# kist-runtime and control groups, v1 and v2: every limit, update, events, groups below the
# container's, device rules, freezing, what is left behind. tools/vm runs it on v2.

load lib
load runtime_lib

v2() { [[ -f /sys/fs/cgroup/cgroup.controllers ]]; }
# In a hybrid some controllers are those of the second tree.
in_unified() { [[ ! -e /sys/fs/cgroup/$1/tasks ]] && grep -qw "$1" /sys/fs/cgroup/unified/cgroup.controllers 2>/dev/null; }
# cg CONTROLLER V1-FILE V2-FILE [PATH]: what the container's file holds
cg() {
  if v2; then cat "/sys/fs/cgroup${4-/kist/$ID}/$3"
  elif in_unified "$1"; then cat "/sys/fs/cgroup/unified${4-/kist/$ID}/$3"
  else cat "/sys/fs/cgroup/$1${4-/kist/$ID}/$2"; fi
}
need_v2() { v2 || skip "cgroup v1 here"; }
need_v1() { ! v2 || skip "cgroup v2 here"; }
has_file() { # CONTROLLER V1-FILE V2-FILE: whether groups have it here
  local d
  if v2; then d=/sys/fs/cgroup/kist-probe f=$3; else d=/sys/fs/cgroup/$1/kist-probe f=$2; fi
  v2 || [[ -e /sys/fs/cgroup/$1/tasks ]] || return 1
  mkdir -p "$d" && { [[ -e $d/$f ]] && r=0 || r=1; rmdir "$d"; return $r; }
}

@test "limits of memory, CPU, processes and CPU sets" {
  conf '.linux.resources += {
    memory: {limit: 33554432, reservation: 16777216},
    cpu: {shares: 512, quota: 20000, period: 50000, cpus: "0", mems: "0"}, pids: {limit: 33}}'
  started
  [[ $(cg memory memory.limit_in_bytes memory.max) == 33554432 ]]
  [[ $(cg memory memory.soft_limit_in_bytes memory.low) == 16777216 ]]
  [[ $(cg pids pids.max pids.max) == 33 ]]
  [[ $(cg cpuset cpuset.cpus cpuset.cpus) == 0 ]]
  if v2; then
    [[ $(cg . . cpu.weight) == 59 && $(cg . . cpu.max) == "20000 50000" ]]
  else
    [[ $(cg cpu cpu.shares) == 512 && $(cg cpu cpu.cfs_quota_us) == 20000 ]]
  fi
  rt delete -f "$ID"
  nothing_left
}

@test "swap is the sum in the config and the rest on v2" {
  if v2; then
    conf '.linux.resources.memory = {limit: 33554432, swap: 50331648}'
    started
    [[ $(cg . . memory.swap.max) == 16777216 ]]
    rt update --memory 25165824 "$ID"
    [[ $(cg . . memory.swap.max) == 25165824 ]]
    rt update --memory -1 "$ID"
    [[ $(cg . . memory.max) == max && $(cg . . memory.swap.max) == max ]]
    rt delete -f "$ID"
  fi
  conf '.linux.resources.memory = {limit: 33554432, swap: 1048576}'
  if v2; then
    fails_with 1 'less than memory.limit' rt create --bundle "$B" "$ID"
  else
    fails_with 1 'memory.memsw.limit_in_bytes' rt create --bundle "$B" "$ID"
  fi
  nothing_left
}

@test "no limit is -1, for processes 0 too" {
  conf '.linux.resources += {memory: {limit: -1}, cpu: {quota: -1}, pids: {limit: 0}}'
  started
  [[ $(cg pids pids.max pids.max) == max ]]
  rt update --pids-limit 5 "$ID"
  [[ $(cg pids pids.max pids.max) == 5 ]]
  rt update --pids-limit -1 "$ID"
  [[ $(cg pids pids.max pids.max) == max ]]
}

@test "what this host cannot limit is an error that names it" {
  if v2; then
    conf '.linux.resources.memory = {limit: 33554432, swappiness: 10}'
    fails_with 1 'linux.resources.memory.swappiness: cgroup v2 has no such setting' rt create --bundle "$B" "$ID"
    conf '.linux.resources.memory = {disableOOMKiller: true}'
    fails_with 1 'memory.disableOOMKiller: cgroup v2 cannot' rt create --bundle "$B" "$ID"
    conf '.linux.resources.memory = {} | .linux.resources.network = {classID: 7}'
    fails_with 1 'linux.resources.network: cgroup v2' rt create --bundle "$B" "$ID"
  else
    conf '.linux.resources.unified = {"memory.high": "1000000"}'
    fails_with 1 "linux.resources.unified 'memory.high': the cgroups of this host are v1" rt create --bundle "$B" "$ID"
    [[ -d /sys/fs/cgroup/net_cls ]] && return
    conf '.linux.resources.unified = {} | .linux.resources.network = {classID: 7}'
    fails_with 1 'no cgroup controller for: net_cls' rt create --bundle "$B" "$ID"
  fi
  nothing_left
}

@test "unified keys are written as they stand" {
  need_v2
  conf '.linux.resources.unified = {"memory.high": "20000000", "cgroup.max.descendants": "7", "cpu.weight": "333"}'
  started
  [[ $(cg . . memory.high) == 19996672 && $(cg . . cgroup.max.descendants) == 7 && $(cg . . cpu.weight) == 333 ]]
  rt delete -f "$ID"
  conf '.linux.resources.unified = {"memory.nosuch": "1"}'
  fails_with 1 "'memory.nosuch': No such file" rt create --bundle "$B" "$ID"
  nothing_left
}

@test "huge pages, with those that are set aside" {
  in_unified hugetlb || has_file hugetlb hugetlb.2MB.limit_in_bytes hugetlb.2MB.max || skip "no hugetlb controller"
  local limits='{hugepageLimits: [{pageSize: "2MB", limit: 4194304}]}' before
  limited() {
    [[ $(cg hugetlb hugetlb.2MB.limit_in_bytes hugetlb.2MB.max) == 4194304 ]]
    [[ $(cg hugetlb hugetlb.2MB.rsvd.limit_in_bytes hugetlb.2MB.rsvd.max) == 4194304 ]]
    rt events --stats "$ID" | jq -e '.data.hugetlb["2MB"] | has("usage")'
    rt delete -f "$ID"
    nothing_left
  }
  conf ".linux.resources += $limits"
  started
  limited
  # later, to a container that is in no group of that controller, or of that tree
  for before in '{}' '{unified: {"cgroup.max.depth": "7"}}'; do
    conf "del(.linux.resources.hugepageLimits) | .linux.resources += $before"
    if [[ $before == *unified* ]]; then v2 || in_unified hugetlb || continue; fi
    started
    jq -n "$limits" | rt update -r - "$ID"
    limited
  done
}

@test "block devices: throttles, weights" {
  local dev
  dev=$(cat /sys/class/block/vda/dev 2>/dev/null || cat /sys/class/block/sda/dev 2>/dev/null) || skip "no disk"
  has_file blkio blkio.throttle.read_bps_device io.max || skip "no throttling here"
  conf --arg major "${dev%:*}" --arg minor "${dev#*:}" '.linux.resources.blockIO = {
    throttleReadBpsDevice: [{major: ($major | tonumber), minor: ($minor | tonumber), rate: 1048576}],
    throttleWriteIOPSDevice: [{major: ($major | tonumber), minor: ($minor | tonumber), rate: 100}]}'
  started
  if v2; then
    [[ $(cg . . io.max) == "$dev rbps=1048576 wbps=max riops=max wiops=100" ]]
  else
    [[ $(cg blkio blkio.throttle.read_bps_device) == "$dev 1048576" ]]
    [[ $(cg blkio blkio.throttle.write_iops_device) == "$dev 100" ]]
  fi
  rt delete -f "$ID"
  if ! has_file blkio blkio.bfq.weight io.bfq.weight && ! has_file blkio blkio.weight io.weight; then
    conf '.linux.resources.blockIO = {weight: 200}'
    fails_with 1 "this kernel has no '" rt create --bundle "$B" "$ID"
  fi
}

@test "where the group goes: absolute, relative and default paths" {
  conf --arg p "/kist-test-$$/a/$ID" '.linux.cgroupsPath = $p'
  started
  [[ $(cg memory cgroup.procs cgroup.procs "/kist-test-$$/a/$ID") == $(rt state "$ID" | jq .pid) ]]
  rt delete -f "$ID"
  nothing_left
  if v2; then rmdir /sys/fs/cgroup/kist-test-$$/{a,}; else rmdir /sys/fs/cgroup/*/kist-test-$$/{a,} 2>/dev/null || true; fi
  conf --arg p "sub/$ID" '.linux.cgroupsPath = $p'
  started
  [[ -n $(cg memory cgroup.procs cgroup.procs "/kist/sub/$ID") ]]
  rt delete -f "$ID"
  if v2; then rmdir /sys/fs/cgroup/kist/sub; else rmdir /sys/fs/cgroup/*/kist/sub 2>/dev/null || true; fi
  conf '.linux.cgroupsPath = "/../../etc"'
  fails_with 1 'leads elsewhere' rt create --bundle "$B" "$ID"
  conf '.linux.cgroupsPath = "a.slice:b:c"'
  fails_with 1 'one for systemd' rt create --bundle "$B" "$ID"
}

@test "a group that holds processes is no place for another container, and stays as it is" {
  conf --arg p "/kist-test-$$/$ID" '.linux.cgroupsPath = $p'
  started
  fails_with 1 "cgroup '/kist-test-$$/$ID' holds processes already" rt run --bundle "$B" "$ID-x"
  # in a hierarchy that the first one is not in nothing stays, either
  conf '.linux.resources.pids.limit = 9'
  fails_with 1 "holds processes already" rt run --bundle "$B" "$ID-x"
  [[ $(rt state "$ID" | jq -r .status) == running && ! -e $KIST_ROOT/rt/$ID-x ]]
  [[ $(rt exec "$ID" echo alive) == alive ]]
  rt delete -f "$ID"
  nothing_left
  # an empty one is taken, and removed
  mkdir -p "/sys/fs/cgroup/$(v2 || echo memory/)kist-test-$$/$ID"
  args true
  rt run --bundle "$B" "$ID"
  nothing_left
  for d in /sys/fs/cgroup/{,*/}"kist-test-$$"; do [[ ! -d $d ]] || rmdir "$d"; done
}

@test "update: options, a file, stdin, and what it says next time" {
  conf '.linux.resources.memory = {limit: 33554432} | .linux.resources.cpu = {quota: 20000, period: 50000}'
  started
  rt update --memory 40m --pids-limit 44 "$ID"
  [[ $(cg memory memory.limit_in_bytes memory.max) == 41943040 ]]
  [[ $(cg pids pids.max pids.max) == 44 ]]
  # the processes are where the limit is, also where nothing had limited them
  [[ $(cg pids cgroup.procs cgroup.procs) == $(rt state "$ID" | jq .pid) ]]
  rt update --cpu-quota 30000 "$ID"
  if v2; then [[ $(cg . . cpu.max) == "30000 50000" ]]; else [[ $(cg cpu cpu.cfs_quota_us) == 30000 ]]; fi
  echo '{"pids": {"limit": 55}, "cpu": {"shares": 1024}}' | rt update --resources - "$ID"
  [[ $(cg pids pids.max pids.max) == 55 ]]
  if v2; then [[ $(cg . . cpu.weight) == 100 ]]; else [[ $(cg cpu cpu.shares) == 1024 ]]; fi
  echo '{"pids": {"limit": 66}}' >"$B/limits"
  rt update -r "$B/limits" --cpuset-cpus 0 "$ID"
  [[ $(cg pids pids.max pids.max) == 66 && $(cg cpuset cpuset.cpus cpuset.cpus) == 0 ]]
  [[ $(jq -c '.linux.resources | [.memory.limit, .cpu.quota, .cpu.shares, .cpu.cpus, .pids.limit]' \
    <(saved_config)) == '[41943040,30000,1024,"0",66]' ]]
  rt delete -f "$ID"
  nothing_left
}

@test "update: all of it or nothing" {
  conf '.linux.resources += {memory: {limit: 33554432}, pids: {limit: 20}}'
  started
  before=$(saved_config | sha256sum)
  echo '{"memory": {"limit": 41943040}, "cpu": {"cpus": "4095"}, "pids": {"limit": 30}}' >"$B/limits"
  fails_with 1 "'4095' to 'cpuset.cpus'" rt update -r "$B/limits" "$ID"
  [[ $(cg memory memory.limit_in_bytes memory.max) == 33554432 ]]
  [[ $(cg pids pids.max pids.max) == 20 ]]
  [[ $(saved_config | sha256sum) == "$before" ]]
  echo '{"memory": {"limit": 100000, "checkBeforeUpdate": true}}' >"$B/limits"
  rt exec "$ID" dd if=/dev/zero of=/dev/null bs=1M count=1 2>/dev/null
  fails_with 1 'in use' rt update -r "$B/limits" "$ID"
  [[ $(cg memory memory.limit_in_bytes memory.max) == 33554432 ]]
  rt delete -f "$ID"
  nothing_left
}

@test "update: wrong words, stopped containers, unknown ones" {
  started
  fails_with 1 "--memory 'x'" rt update --memory x "$ID"
  echo '{"memory": {"limit": "5"}}' >"$B/limits"
  fails_with 1 'memory.limit' rt update -r "$B/limits" "$ID"
  echo '{' >"$B/limits"
  fails_with 1 "line" rt update -r "$B/limits" "$ID"
  fails_with 0 'ignored' rt update --kernel-memory 5000000 "$ID"
  [[ -d /sys/fs/resctrl/info ]] || fails_with 1 'no resctrl' rt update --l3-cache-schema L3:0=f "$ID"
  rt kill "$ID" KILL
  for _ in $(seq 50); do [[ $(rt state "$ID" | jq -r .status) == stopped ]] && break; sleep 0.02; done
  fails_with 1 'it is stopped' rt update --pids-limit 5 "$ID"
  fails_with 1 'does not exist' rt update --pids-limit 5 "$ID-none"
}

@test "an update does not open devices" {
  [[ -b /dev/loop0 || -b /dev/vda ]] || skip "no block device"
  started
  echo '{"devices": [{"allow": true, "access": "rwm"}], "pids": {"limit": 50}}' | rt update -r - "$ID"
  local dev=/dev/vda
  [[ -b $dev ]] || dev=/dev/loop0
  run rt exec --cap CAP_MKNOD "$ID" sh -c "mknod /dev/disk b $((0x$(stat -c %t $dev))) $((0x$(stat -c %T $dev))) && head -c 1 /dev/disk | wc -c"
  [[ $output == *'Operation not permitted'* ]]
}

@test "device rules in the order of the config" {
  # 1:11 is the kernel's log: it is always there
  script 'head -c 3 /dev/zero | wc -c; mknod /dev/x c 1 11; dd if=/dev/x of=/dev/null bs=8k count=1 2>/dev/null && echo opened; true >/dev/x && echo written'
  conf '.process.capabilities |= map_values(. + ["CAP_MKNOD", "CAP_SYSLOG"])'
  # no rules: the usual devices alone
  conf '.linux.resources.devices = []'
  run rt run --bundle "$B" "$ID"
  [[ $output == *3* && $output != *opened* && $output != *written* ]]
  # everything, but for writing to one
  conf '.linux.resources.devices = [{allow: true, access: "rwm"}, {allow: false, type: "c", major: 1, minor: 11, access: "w"}]'
  run rt run --bundle "$B" "$ID"
  echo "$output"
  [[ $output == *opened* && $output != *written* ]]
  # reading, in a rule of its own
  conf '.linux.resources.devices = [{allow: false, access: "rwm"}, {allow: true, type: "c", major: 1, minor: 11, access: "r"}]'
  run rt run --bundle "$B" "$ID"
  echo "$output"
  [[ $output == *opened* && $output != *written* ]]
}

@test "exec stays inside the container's groups and rules, and goes below them when told" {
  started
  run rt exec "$ID" sh -c 'cat /proc/self/cgroup'
  [ "$status" -eq 0 ]
  if v2; then
    # a group below, made from outside
    mkdir "/sys/fs/cgroup/kist/$ID/inner"
    rt exec -d --pid-file "$B/pid" --cgroup inner "$ID" sleep 50
    [[ $(cat "/sys/fs/cgroup/kist/$ID/inner/cgroup.procs") == $(<"$B/pid") ]]
    fails_with 255 'No such file' rt exec --cgroup nosuch "$ID" true
    fails_with 255 'one tree' rt exec --cgroup memory:inner "$ID" true
  else
    mkdir "/sys/fs/cgroup/memory/kist/$ID/inner"
    rt exec -d --pid-file "$B/pid" --cgroup memory:inner "$ID" sleep 50
    [[ $(cat "/sys/fs/cgroup/memory/kist/$ID/inner/cgroup.procs") == $(<"$B/pid") ]]
    grep -qx "$(<"$B/pid")" "/sys/fs/cgroup/devices/kist/$ID/cgroup.procs"
    fails_with 255 'unknown controller' rt exec --cgroup nosuch:inner "$ID" true
  fi
  fails_with 255 'below' rt exec --cgroup ../x "$ID" true
  rt delete -f "$ID"
  nothing_left
}

@test "exec joins the groups also with first CPUs of its own" {
  started
  jq '.process | .args = ["sleep", "50"] | .execCPUAffinity = {initial: "0"}' "$B/config.json" >"$B/process"
  rt exec -d --pid-file "$B/pid" --process "$B/process" "$ID"
  cg memory cgroup.procs cgroup.procs | grep -qx "$(<"$B/pid")"
}

@test "exec where a container has made groups with controllers of its own" {
  need_v2
  conf '(.mounts[] | select(.destination == "/sys/fs/cgroup")).options -= ["ro"]'
  script 'cd /sys/fs/cgroup && mkdir init && echo 1 >init/cgroup.procs && echo +memory >cgroup.subtree_control && echo done >/dev/shm/done; sleep 100'
  rt create --bundle "$B" "$ID" && rt start "$ID"
  for _ in $(seq 100); do rt exec "$ID" test -e /dev/shm/done && break; sleep 0.05; done
  run rt exec "$ID" cat /proc/self/cgroup
  [[ $output == 0::/init ]]
  rt delete -f "$ID"
  nothing_left
}

@test "a group that the container sees writable is its user's, and no file of limits is" {
  need_v2
  conf '.linux.namespaces += [{type: "user"}] | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 1000}]
    | .linux.gidMappings = .linux.uidMappings | (.mounts[] | select(.destination == "/sys/fs/cgroup")).options -= ["ro"]'
  chmod 755 "$KIST_ROOT"
  script 'cd /sys/fs/cgroup && mkdir x && echo 0 >x/cgroup.procs && cat /proc/self/cgroup; echo 1 >pids.max; sleep 100'
  rt create --bundle "$B" "$ID" >"$B/out" 2>&1 && rt start "$ID"
  for _ in $(seq 50); do grep -q denied "$B/out" && break; sleep 0.05; done
  cat "$B/out"
  [[ $(stat -c %u "/sys/fs/cgroup/kist/$ID"{,/cgroup.procs,/cgroup.subtree_control,/cgroup.threads} | sort -u) == 100000 ]]
  [[ $(stat -c %u "/sys/fs/cgroup/kist/$ID/"{memory.max,pids.max} | sort -u) == 0 ]]
  grep -qx '0::/x' "$B/out"
  grep -q 'pids.max: Permission denied' "$B/out"
  rt delete -f "$ID"
  nothing_left
  # read-only: not given away
  conf '(.mounts[] | select(.destination == "/sys/fs/cgroup")).options += ["ro"]'
  args sleep 100
  rt create --bundle "$B" "$ID"
  [[ $(stat -c %u "/sys/fs/cgroup/kist/$ID") == 0 ]]
}

@test "pause stops every process, resume lets them go on" {
  started
  rt exec -d "$ID" sh -c 'while :; do echo x >>/dev/shm/log; done'
  rt pause "$ID"
  [[ $(rt state "$ID" | jq -r .status) == paused ]]
  local log
  log=/proc/$(rt state "$ID" | jq .pid)/root/dev/shm/log
  a=$(stat -c %s "$log")
  sleep 0.2
  [[ $(stat -c %s "$log") == "$a" ]]
  fails_with 1 'it is paused' rt pause "$ID"
  rt resume "$ID"
  sleep 0.2
  [[ $(stat -c %s "$log") -gt $a ]]
  rt pause "$ID"
  rt delete -f "$ID"
  nothing_left
}

@test "a deep tree of groups, full of processes, goes with its container" {
  started
  local d i
  if v2; then d=/sys/fs/cgroup/kist/$ID; else d=/sys/fs/cgroup/memory/kist/$ID; fi
  for i in $(seq 60); do d=$d/g; mkdir "$d"; done
  mkdir "$d"/{a,b,c}
  for i in a b c; do
    rt exec -d --pid-file "$B/pid" "$ID" sleep 100
    cat "$B/pid" >"$d/$i/cgroup.procs"
  done
  rt kill --all "$ID" TERM
  for i in $(seq 50); do [[ -z $(cat "$d/a/cgroup.procs") ]] && break; sleep 0.02; done
  [[ -z $(cat "$d/a/cgroup.procs") ]]
  rt delete -f "$ID"
  nothing_left
}

@test "events: what a container uses" {
  conf '.linux.resources += {memory: {limit: 33554432}, pids: {limit: 20}, cpu: {cpus: "0"}}'
  started
  rt exec "$ID" sh -c 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); done'
  rt events --stats "$ID" >"$B/stats"
  cat "$B/stats"
  jq -e --arg id "$ID" '.type == "stats" and .id == $id and (.data
    | .cpu.usage.total > 0 and (.cpu.usage | has("kernel") and has("user")) and .cpu.throttling.periods >= 0
      and .memory.usage.usage > 0 and .memory.usage.limit == 33554432 and (.memory.raw | length) > 3
      and .pids.current == 1 and .pids.limit == 20 and .cpuset.cpus == [0]
      and (.blkio | type) == "object" and (.hugetlb | type) == "object"
      and (.network_interfaces | map(.Name) | index("lo")) != null)' "$B/stats"
  rt kill "$ID" KILL
  for _ in $(seq 50); do [[ $(rt state "$ID" | jq -r .status) == stopped ]] && break; sleep 0.02; done
  fails_with 1 'is stopped' rt events --stats "$ID"
}

@test "events: again and again, out of memory, and the end" {
  conf '.linux.resources.memory = {limit: 16777216, swap: 16777216}'
  has_file memory memory.memsw.limit_in_bytes memory.swap.max || conf 'del(.linux.resources.memory.swap)'
  started
  rt events --interval 100ms "$ID" >"$B/events" 3>&- &
  local pid=$!
  for _ in $(seq 100); do [[ $(grep -c stats "$B/events") -ge 2 ]] && break; sleep 0.05; done
  [[ $(grep -c '"type":"stats"' "$B/events") -ge 2 ]]
  run rt exec "$ID" sh -c 'x=x; while :; do x=$x$x; done'
  [ "$status" -eq 137 ]
  for _ in $(seq 60); do grep -q oom "$B/events" && break; sleep 0.05; done
  jq -se --arg id "$ID" 'map(select(.type == "oom" and .id == $id)) | length == 1' "$B/events"
  rt kill "$ID" KILL
  for _ in $(seq 100); do kill -0 $pid 2>/dev/null || break; sleep 0.05; done
  ! kill -0 $pid 2>/dev/null
  wait $pid
  fails_with 1 "--interval '-5'" rt events --interval -5 "$ID"
}
