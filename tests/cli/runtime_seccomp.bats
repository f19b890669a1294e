#!/usr/bin/env bats
# kist-runtime: system call filters: actions, arguments, flags, architectures, agents that are asked.

load lib
load runtime_lib

# filter JQ: sets linux.seccomp
filter() { conf ".root.readonly = false | .linux.seccomp = ($1)"; }

# An agent at $B/agent: notes the document it gets in $B/doc, answers each call with errno 93
# (EPROTONOSUPPORT), and ends with the container.
agent() {
  need python3
  cat >"$B/agent.py" <<'END'
import array, fcntl, os, select, socket, struct, sys
RECV, SEND = 0xc0502100, 0xc0182101
top = sys.argv[1]
s = socket.socket(socket.AF_UNIX); s.bind(top + '/new'); s.listen(4)
os.rename(top + '/new', top + '/agent')
for i in range(int(sys.argv[2])):
    c, _ = s.accept()
    data, anc, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(16))
    more = c.recv(1)
    open('%s/doc.%d' % (top, i), 'w').write(data.decode())
    fds = array.array('i', anc[0][2])
    assert len(fds) == 1 and more == b''
    if os.fork(): os.close(fds[0]); continue
    s.close()
    p = select.poll(); p.register(fds[0], select.POLLIN)
    while True:
        if not any(e & select.POLLIN for _, e in p.poll(10000)): break
        notif = bytearray(80)
        try: fcntl.ioctl(fds[0], RECV, notif)
        except OSError: break
        id, = struct.unpack_from('Q', notif)
        fcntl.ioctl(fds[0], SEND, struct.pack('QqiI', id, 0, -93, 0))
    os._exit(0)
END
  python3 "$B/agent.py" "$B" "$1" >"$B/agent.log" 2>&1 3>&- &
  AGENT=$!
  for _ in $(seq 100); do [[ -S $B/agent ]] && return; sleep 0.02; done
  cat "$B/agent.log"
  return 1
}
notify() { # FLAGS
  filter '{defaultAction: "SCMP_ACT_ALLOW", listenerPath: (env.B + "/agent"), listenerMetadata: "some words",
    flags: '"${1:-[]}"', syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY"}]}'
}

@test "every action answers as it should" {
  local action
  for action in 'SCMP_ACT_ERRNO:Operation not permitted' 'SCMP_ACT_KILL_PROCESS:159' 'SCMP_ACT_KILL_THREAD:159' \
    'SCMP_ACT_KILL:159' 'SCMP_ACT_TRAP:159' 'SCMP_ACT_TRACE:Function not implemented' \
    'SCMP_ACT_LOG:made' 'SCMP_ACT_ALLOW:made'; do
    filter '{defaultAction: "SCMP_ACT_'"$([[ $action == *ALLOW* ]] && echo LOG || echo ALLOW)"'",
      syscalls: [{names: ["mkdir", "mkdirat"], action: "'"${action%%:*}"'"}]}'
    script 'rm -rf /tmp/d; mkdir /tmp/d && echo made || echo $?'
    run rt run --bundle "$B" "$ID"
    [[ $output == *"${action#*:}"* ]] || { echo "$action: $output"; return 1; }
  done
}

@test "errno codes: of a rule, of the default action, only where one is returned" {
  script 'mkdir /tmp/d2'
  filter '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 122}]}'
  run rt run --bundle "$B" "$ID"
  [[ $output == *'Disk quota exceeded'* || $output == *'Quota exceeded'* ]]
  filter '{defaultAction: "SCMP_ACT_ALLOW", syscalls: [{names: ["mkdir"], action: "SCMP_ACT_KILL", errnoRet: 1}]}'
  fails_with 1 "linux.seccomp.syscalls[0]: errnoRet: action 'SCMP_ACT_KILL' returns no errno" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "conditions on arguments, 32-bit calls, flags" {
  # linux32 calls personality(8)
  filter '{defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"],
    flags: ["SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
    syscalls: [{names: ["personality"], action: "SCMP_ACT_ERRNO", args: [{index: 0, value: 8, op: "SCMP_CMP_EQ"}]}]}'
  script 'linux32 echo through || echo refused'
  run rt run --bundle "$B" "$ID"
  [[ $output == *refused ]]
  conf '.linux.seccomp.syscalls[0].args[0].value = 9'
  run rt run --bundle "$B" "$ID"
  [[ $output == through ]]
  conf '.linux.seccomp.syscalls[0].args[0] |= (.op = "SCMP_CMP_MASKED_EQ" | .value = 12 | .valueTwo = 8)'
  run rt run --bundle "$B" "$ID"
  [[ $output == *refused ]]
  filter '{defaultAction: "SCMP_ACT_ALLOW", flags: ["SECCOMP_FILTER_FLAG_ODD"]}'
  fails_with 1 "flag 'SECCOMP_FILTER_FLAG_ODD' is unknown" rt run --bundle "$B" "$ID"
  filter '{defaultAction: "SCMP_ACT_ALLOW", architectures: ["SCMP_ARCH_ODD"]}'
  fails_with 1 "architecture 'SCMP_ARCH_ODD' is unknown" rt run --bundle "$B" "$ID"
}

@test "an agent is asked: of run, of create and start, of exec" {
  export B
  local nnp
  for nnp in true false; do
    rm -f "$B"/doc.* "$B/agent"
    agent 3
    notify '["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]'
    conf --argjson n $nnp '.process.noNewPrivileges = $n | .annotations = {a: "b"}'
    script 'mkdir /tmp/never; echo $?; grep Threads: /proc/self/status; ls /proc/self/fd | wc -l'
    run rt run --bundle "$B" "$ID"
    [[ $output == *'Protocol not supported'*$'\n1\nThreads:\t1\n4' ]]
    jq -e --arg id "$ID" --arg b "$B" '.ociVersion and .fds == ["seccompFd"] and .pid > 1 and .metadata == "some words"
      and .state.id == $id and .state.bundle == $b and .state.annotations == {a: "b"} and .state.ociVersion
      and .state.pid == .pid' "$B/doc.0"
    script 'mkdir /tmp/never; sleep 100'
    rt create --bundle "$B" "$ID" >"$B/out" 2>&1
    rt start "$ID"
    for _ in $(seq 50); do [[ -s $B/out ]] && break; sleep 0.02; done
    [[ $(<"$B/out") == *'Protocol not supported'* ]]
    run rt exec "$ID" mkdir /tmp/never
    [[ $output == *'Protocol not supported'* ]]
    jq -e --argjson p "$(rt state "$ID" | jq .pid)" '.state.status == "running" and .state.pid == $p and .pid != $p' "$B/doc.2"
    rt delete -f "$ID"
    wait $AGENT
  done
}

@test "an agent that asks about every call" {
  export B
  need python3
  agent 1
  sed -i 's/-93, 0/0, 1/' "$B/agent.py" # SECCOMP_USER_NOTIF_FLAG_CONTINUE
  kill $AGENT; wait $AGENT || true
  rm -f "$B/agent"
  python3 "$B/agent.py" "$B" 1 >"$B/agent.log" 2>&1 3>&- &
  for _ in $(seq 100); do [[ -S $B/agent ]] && break; sleep 0.02; done
  filter '{defaultAction: "SCMP_ACT_NOTIFY", listenerPath: (env.B + "/agent")}'
  script 'echo through'
  run rt run --bundle "$B" "$ID"
  [[ $output == through ]]
  nothing_left
}

@test "no agent, no container" {
  export B
  notify
  args sleep 100
  local nnp
  for nnp in true false; do
    conf --argjson n $nnp '.process.noNewPrivileges = $n'
    fails_with 1 "linux.seccomp.listenerPath: connect to '$B/agent'" rt run --bundle "$B" "$ID"
    nothing_left
  done
  conf 'del(.linux.seccomp.listenerPath)'
  fails_with 1 'listenerMetadata without listenerPath' rt run --bundle "$B" "$ID"
  conf 'del(.linux.seccomp.listenerMetadata)'
  fails_with 1 'SCMP_ACT_NOTIFY needs listenerPath' rt run --bundle "$B" "$ID"
}
