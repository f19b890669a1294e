#!/usr/bin/env bats
# kist-runtime: what the process is, as the config's process object and its kin in linux say.

load lib
load runtime_lib

@test "scheduler policies, priorities and flags" {
  args cut -d' ' -f19,40,41 /proc/self/stat # nice, priority, policy
  conf '.process.scheduler = {policy: "SCHED_BATCH", nice: 5}'
  run rt run --bundle "$B" "$ID"
  [[ $output == '5 0 3' ]]
  conf '.process.scheduler = {policy: "SCHED_FIFO", priority: 7, flags: ["SCHED_FLAG_RESET_ON_FORK"]}'
  run rt run --bundle "$B" "$ID"
  [[ $output == '0 7 1' ]]
  conf '.process.scheduler = {policy: "SCHED_IDLE"}'
  run rt run --bundle "$B" "$ID"
  [[ $output == *' 0 5' ]]
  conf '.process.scheduler = {policy: "SCHED_RR", priority: 0}'
  fails_with 1 'process.scheduler' rt run --bundle "$B" "$ID"
  conf '.process.scheduler = {policy: "SCHED_ODD"}'
  fails_with 1 "process.scheduler: policy 'SCHED_ODD' is unknown" rt run --bundle "$B" "$ID"
  conf '.process.scheduler = {policy: "SCHED_OTHER", flags: ["SCHED_FLAG_ODD"]}'
  fails_with 1 "flags[0] 'SCHED_FLAG_ODD' is unknown" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "a deadline scheduler" {
  conf '.process.scheduler = {policy: "SCHED_DEADLINE", runtime: 1000000, deadline: 10000000, period: 10000000}'
  args grep -E '^(policy|dl.runtime)' /proc/self/sched
  [[ -r /proc/self/sched ]] || args true
  rt run --bundle "$B" "$ID" >"$B/out" 2>&1 || grep -q 'Device or resource busy' "$B/out"
}

@test "I/O priority" {
  args ionice
  conf '.process.ioPriority = {class: "IOPRIO_CLASS_BE", priority: 6}'
  run rt run --bundle "$B" "$ID"
  [[ $output == 'best-effort: prio 6' ]]
  conf '.process.ioPriority = {class: "IOPRIO_CLASS_IDLE"}'
  run rt run --bundle "$B" "$ID"
  [[ $output == idle* ]]
  conf '.process.ioPriority = {class: "IOPRIO_CLASS_RT", priority: 8}'
  fails_with 1 'process.ioPriority.priority' rt run --bundle "$B" "$ID"
}

@test "CPUs of a process that joins" {
  local all
  all=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
  [[ $all == 0-* ]] || skip "CPUs $all"
  started
  cat >"$B/process.json" <<'END'
{"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["grep", "Cpus_allowed_list", "/proc/self/status"],
 "env": ["PATH=/bin"], "execCPUAffinity": {"initial": "0", "final": "1"}}
END
  run rt exec --process "$B/process.json" "$ID"
  [[ $output == *$'\t1' ]]
  sed -i 's/"final": "1"/"final": "4000"/' "$B/process.json"
  fails_with 255 'process.execCPUAffinity' rt exec --process "$B/process.json" "$ID"
  sed -i 's/"final": "4000"/"final": "1-x"/' "$B/process.json"
  fails_with 255 "execCPUAffinity: final '1-x' is not a list" rt exec --process "$B/process.json" "$ID"
  # the first process is not concerned
  conf '.process.execCPUAffinity = {initial: "0", final: "0"}'
  script 'grep Cpus_allowed_list /proc/self/status'
  run rt run --bundle "$B" "$ID-2"
  [[ $output == *$'\t'"$all" ]]
}

@test "personality: domain and flags, for those who join too" {
  conf '.linux.personality = {domain: "LINUX32"}'
  script 'uname -m; sleep 100'
  rt create --bundle "$B" "$ID" >"$B/out"
  rt start "$ID"
  for _ in $(seq 50); do [[ -s $B/out ]] && break; sleep 0.02; done
  [[ $(<"$B/out") == i686 || $(<"$B/out") != $(uname -m) ]]
  [[ $(rt exec "$ID" uname -m) == $(<"$B/out") ]]
  conf '.linux.personality = {domain: "LINUX", flags: ["ADDR_NO_RANDOMIZE"]}'
  args cat /proc/self/personality
  run rt run --bundle "$B" "$ID-2"
  [[ $output == 00040000 ]]
  conf '.linux.personality = {domain: "LINUX", flags: ["ODD"]}'
  fails_with 1 "linux.personality: flags[0] 'ODD' is unknown" rt run --bundle "$B" "$ID-2"
}

@test "memory policy" {
  [[ -e /proc/self/numa_maps ]] || skip "a kernel without NUMA"
  script 'cut -d" " -f2 /proc/self/numa_maps | sort -u'
  conf '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES"]}'
  run rt run --bundle "$B" "$ID"
  [[ $output == *'bind=static:0'* ]]
  conf '.linux.memoryPolicy = {mode: "MPOL_BIND", nodes: "900"}'
  fails_with 1 'linux.memoryPolicy: set_mempolicy' rt run --bundle "$B" "$ID"
  conf '.linux.memoryPolicy = {nodes: "0"}'
  fails_with 1 "linux.memoryPolicy: mode '' is unknown" rt run --bundle "$B" "$ID"
}

@test "what belongs to another platform is passed over" {
  conf '.process.commandLine = "cmd.exe /c dir" | .windows = {} | .process.user.username = "x"'
  script 'echo ran'
  run rt run --bundle "$B" "$ID"
  [[ $output == ran ]]
}

@test "all five sets of capabilities" {
  conf '.process.capabilities = {bounding: ["CAP_CHOWN", "CAP_KILL", "CAP_SYSLOG"],
    permitted: ["CAP_CHOWN", "CAP_KILL"], effective: ["CAP_CHOWN"],
    inheritable: ["CAP_KILL"], ambient: ["CAP_KILL"]} | .process.user.uid = 7'
  script 'sed -n "s/^Cap\(...\):\t*0*/\1 /p" /proc/self/status | xargs'
  run rt run --bundle "$B" "$ID"
  # ambient ones become permitted and effective at the exec of an ordinary user
  [[ $output == 'Inh 20 Prm 20 Eff 20 Bnd 400000021 Amb 20' ]]
}

@test "rlimits, umask, additional groups, oom score" {
  conf '.process.rlimits = [{type: "RLIMIT_NOFILE", soft: 100, hard: 200}, {type: "RLIMIT_CORE", soft: 0, hard: 0}]
    | .process.oomScoreAdj = 321 | .process.user = {uid: 3, gid: 4, umask: 2, additionalGids: [10, 11]}'
  script 'ulimit -n; ulimit -Hn; ulimit -c; umask; id -G; cat /proc/self/oom_score_adj'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'100\n200\n0\n0002\n4 10 11\n321' ]]
  conf '.process.rlimits += [{type: "RLIMIT_CORE", soft: 0, hard: 0}]'
  fails_with 1 'the same limit twice' rt run --bundle "$B" "$ID"
}

@test "the caller's groups stay when the config's annotation says so" {
  need setpriv
  args id -G
  run setpriv --groups 41,42 "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --bundle "$B" "$ID"
  [[ $output == 0 ]]
  conf '.annotations["run.oci.keep_original_groups"] = "1"'
  run setpriv --groups 41,42 "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --bundle "$B" "$ID"
  [[ $output == '0 41 42' ]]
}

@test "a terminal has the size that the config gives it" {
  conf '.process.terminal = true | .process.consoleSize = {height: 33, width: 77}'
  args stty size
  run rt run --bundle "$B" "$ID"
  [[ $output == *'33 77'* ]]
  conf '.process.terminal = false'
  started
  printf '{"user": {"uid": 0, "gid": 0}, "cwd": "/", "args": ["stty", "size"], "env": ["PATH=/bin"],
    "terminal": true, "consoleSize": {"height": 12, "width": 34}}' >"$B/process.json"
  run rt exec --process "$B/process.json" "$ID"
  [[ $output == *'12 34'* ]]
}

@test "labels that this host cannot give are refused" {
  [[ ! -e /sys/kernel/security/apparmor && ! -e /sys/fs/selinux/enforce ]] || skip "the host has them"
  script 'echo ran'
  conf '.process.apparmorProfile = "some"'
  fails_with 1 'this host has no AppArmor' rt run --bundle "$B" "$ID"
  conf '.process.apparmorProfile = "unconfined"'
  run rt run --bundle "$B" "$ID"
  [[ $output == ran ]]
  conf '.process.selinuxLabel = "system_u:system_r:container_t:s0"'
  fails_with 1 'this host has no SELinux' rt run --bundle "$B" "$ID"
  nothing_left
}

@test "an AppArmor profile holds for the program and for those who join" {
  [[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) == Y ]] || skip "the host has no AppArmor"
  need apparmor_parser
  rt features | jq -e '.linux.apparmor.enabled'
  printf 'profile kist-test flags=(attach_disconnected, mediate_deleted) {\n file,\n signal,\n ptrace,\n deny /etc/group r,\n}\n' >"$B/profile"
  apparmor_parser -r "$B/profile"
  conf '.process.apparmorProfile = "kist-test"'
  local nnp
  for nnp in true false; do
    conf --argjson n $nnp '.process.noNewPrivileges = $n'
    script 'cat /proc/self/attr/current; cat /etc/group; sleep 100'
    rt create --bundle "$B" "$ID" >"$B/out" 2>&1
    rt start "$ID"
    for _ in $(seq 100); do [[ $(wc -l <"$B/out") == 2 ]] && break; sleep 0.05; done
    [[ $(<"$B/out") == 'kist-test (enforce)'*'Permission denied' ]]
    [[ $(rt exec "$ID" cat /proc/self/attr/current) == 'kist-test (enforce)' ]]
    [[ $(rt exec --apparmor unconfined "$ID" cat /proc/self/attr/current) == unconfined ]]
    rt delete -f "$ID"
  done
  conf '.process.apparmorProfile = "kist-no-such-profile"'
  fails_with 1 "security label 'exec kist-no-such-profile'" rt run --bundle "$B" "$ID"
  apparmor_parser -R "$B/profile"
  nothing_left
}

@test "a session keyring of its own, or the caller's" {
  need python3
  grep -q . /proc/keys || skip "a kernel without keys"
  cat >"$B/with_key.py" <<'END'
import ctypes, os, platform, sys
add_key, keyctl = {'x86_64': (248, 250), 'aarch64': (217, 219)}[platform.machine()]
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(keyctl, 1, b'kist-test') < 0: sys.exit('join: %d' % ctypes.get_errno())
if libc.syscall(add_key, b'user', b'kist-secret', b'x', 1, -3) < 0: sys.exit('add: %d' % ctypes.get_errno())
os.execv(sys.argv[1], sys.argv[1:])
END
  # another user than the key's owner: he sees it only when it is in his own keyring
  conf 'del(.linux.maskedPaths) | .process.user.uid = 5'
  args grep -c kist-secret /proc/keys
  [[ $(python3 "$B/with_key.py" "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --bundle "$B" "$ID") == 0 ]]
  [[ $(python3 "$B/with_key.py" "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --no-new-keyring \
    --bundle "$B" "$ID") == 1 ]]
}
