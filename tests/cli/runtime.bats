#!/usr/bin/env bats
# kist-runtime on bundles of static busybox: life cycle, confinement, limits, what is left behind.

load lib
load runtime_lib

@test "run gives the program's output and exit status" {
  script 'echo out; echo err >&2; exit 7'
  run rt run --bundle "$B" "$ID"
  [ "$status" -eq 7 ]
  [[ $output == $'out\nerr' ]]
  nothing_left
}

@test "a program that is not found or cannot be executed is told" {
  args /nosuch
  fails_with 1 'stat /nosuch: no such file or directory' rt run --bundle "$B" "$ID"
  args nosuch
  fails_with 1 'executable file not found in $PATH' rt run --bundle "$B" "$ID"
  args /etc/passwd
  fails_with 1 'permission denied' rt run --bundle "$B" "$ID"
  printf 'no program\n' >"$KIST_ROOT/rootfs/bin/odd"
  chmod 755 "$KIST_ROOT/rootfs/bin/odd"
  args /bin/odd
  fails_with 1 'exec format error' rt run --bundle "$B" "$ID"
  nothing_left
}

@test "create, state, start, kill, delete" {
  args sleep 100
  rt create --bundle "$B" --pid-file "$B/pid" "$ID"
  [[ $(rt state "$ID" | jq -r .status) == created ]]
  [[ $(rt state "$ID" | jq -r .pid) == $(<"$B/pid") ]]
  fails_with 1 'exists already' rt create --bundle "$B" "$ID"
  rt start "$ID"
  [[ $(rt state "$ID" | jq -r '.status, .bundle' | xargs) == "running $B" ]]
  fails_with 1 'it is running' rt start "$ID"
  fails_with 1 'it is running' rt delete "$ID"
  rt kill "$ID" KILL
  for _ in $(seq 50); do [[ $(rt state "$ID" | jq -r .status) == stopped ]] && break; sleep 0.02; done
  [[ $(rt state "$ID" | jq -r '.status, .pid') == $'stopped\nnull' ]]
  fails_with 1 'it is stopped' rt kill "$ID"
  rt delete "$ID"
  fails_with 1 'does not exist' rt state "$ID"
  nothing_left
}

@test "what was created and never started can be deleted" {
  args sleep 100
  rt create --bundle "$B" "$ID"
  rt delete "$ID"
  nothing_left
}

@test "the config is the one of create" {
  script 'echo first; sleep 100'
  rt create --bundle "$B" "$ID" >"$B/out"
  script 'echo second'
  rt start "$ID"
  for _ in $(seq 50); do [[ -s $B/out ]] && break; sleep 0.02; done
  [[ $(<"$B/out") == first ]]
}

@test "namespaces, host name, working directory, user, umask, groups, environment" {
  conf '.process.user = {uid: 5, gid: 6, umask: 63, additionalGids: [7]} | .process.cwd = "/made/here"
    | .hostname = "box" | .process.env = ["A=b", "PATH=/bin"] | .root.readonly = false'
  script 'id; umask; pwd; hostname; echo $$; echo $A; echo $HOME'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'uid=5 gid=6 groups=7\n0077\n/made/here\nbox\n1\nb\n/' ]]
}

@test "capabilities, no-new-privileges and the filter are set" {
  conf '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW", syscalls:
    [{names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95}]} | .root.readonly = false'
  script 'grep -E "CapEff|CapBnd|NoNewPrivs|Seccomp:" /proc/self/status; mkdir /tmp/x'
  run rt run --bundle "$B" "$ID"
  [[ $output == *$'CapEff:\t0000000020000420'* ]]
  [[ $output == *$'CapBnd:\t0000000020000420'* ]]
  [[ $output == *$'NoNewPrivs:\t1'* && $output == *$'Seccomp:\t2'* ]]
  [[ $output == *'not supported'* ]]
  # once more, from the cache, and without no-new-privileges
  ls "$KIST_ROOT"/rt/.seccomp/*.bpf
  conf '.process.noNewPrivileges = false'
  run rt run --bundle "$B" "$ID"
  [[ $output == *$'Seccomp:\t2'* && $output == *'not supported'* ]]
}

@test "capabilities that the host lacks are left out with one warning" {
  conf '.process.capabilities.bounding += ["CAP_SYS_RESOURCE", "CAP_NOT_INVENTED"]'
  script 'echo ran'
  run rt run --bundle "$B" "$ID"
  [ "$status" -eq 0 ]
  [[ $output == *ran* && $output == *'CAP_NOT_INVENTED'* ]]
  [ "$(grep -c warning <<<"$output")" -eq 1 ]
}

@test "a device that is not allowed cannot be opened, the usual ones can" {
  [[ -d /sys/fs/cgroup/devices || -f /sys/fs/cgroup/cgroup.controllers ]] || skip "no device control"
  conf '.process.capabilities |= map_values(. + ["CAP_MKNOD"]) | .root.readonly = false'
  script 'mknod /dev/mem2 c 1 1 && head -c 1 /dev/mem2; echo x >/dev/null && head -c 3 /dev/zero | wc -c'
  run rt run --bundle "$B" "$ID"
  [[ $output == *'Operation not permitted'* && $output == *3* ]]
}

@test "masked and read-only paths, read-only root" {
  script 'cat /proc/keys | wc -c; ls /sys/firmware | wc -l; echo 1 >/proc/sys/kernel/panic; touch /x'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'0\n0\n'* ]]
  [ "$(grep -c 'Read-only file system' <<<"$output")" -eq 2 ]
}

@test "mounts: bind of a directory and a file onto nothing, tmpfs with a size" {
  echo secret >"$B/file"
  conf --arg b "$B" '.root.readonly = false | .mounts += [
    {destination: "/new/dir", type: "bind", source: $b, options: ["rbind", "ro"]},
    {destination: "/new/file", type: "bind", source: ($b + "/file"), options: ["bind"]},
    {destination: "/small", type: "tmpfs", source: "tmpfs", options: ["size=64k", "mode=1770"]}]'
  script 'cat /new/file /new/dir/file; touch /new/dir/x; cp /bin/busybox /small/a; stat -c %a /small'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'secret\nsecret\n'*'Read-only file system'*'No space left'*1770 ]]
}

@test "a wrong mount option is named with the kernel's words" {
  conf '.mounts += [{destination: "/x", type: "tmpfs", source: "t", options: ["size=odd"]}]'
  fails_with 1 "mounts[7] '/x': mount tmpfs: tmpfs: Bad value for 'size'" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "links in the root file system lead nowhere outside" {
  local root=$B/root
  mkdir "$root" && cp -a "$KIST_ROOT/rootfs/." "$root"
  mkdir "$B/host" && echo host >"$B/host/f"
  rm -r "$root/dev" && ln -s "$B/host" "$root/dev"
  ln -s /proc "$root/volume"
  conf --arg r "$root" '.root.path = $r | .root.readonly = false'
  script 'true'
  fails_with 1 "is a symbolic link" rt run --bundle "$B" "$ID"
  [[ $(ls "$B/host") == f ]]
  rm "$root/dev" && mkdir "$root/dev"
  conf '.mounts += [{destination: "/volume/sys", source: "/tmp", options: ["bind"]}]'
  fails_with 1 "leads into procfs" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "the runtime's own executable does not run inside" {
  args /proc/self/exe
  fails_with 1 'permission denied' rt run --bundle "$B" "$ID"
  printf '#!/proc/self/exe\n' >"$KIST_ROOT/rootfs/bin/script"
  chmod 755 "$KIST_ROOT/rootfs/bin/script"
  args /bin/script
  fails_with 1 'permission denied' rt run --bundle "$B" "$ID"
}

@test "no descriptor of the caller leaks" {
  script 'ls /proc/self/fd | wc -l'
  run rt run --bundle "$B" "$ID" 7</etc/passwd
  [[ $output == 4 ]] # 0, 1, 2 and the one of ls
  script 'cat <&3'
  run rt run --bundle "$B" --preserve-fds 1 "$ID" 3<<<kept
  [[ $output == kept ]]
}

@test "limits reach the control groups" {
  conf '.linux.resources += {memory: {limit: 16777216}, pids: {limit: 20}, cpu: {shares: 512}}'
  started
  local pid
  pid=$(rt state "$ID" | jq .pid)
  if [[ -f /sys/fs/cgroup/cgroup.controllers ]]; then
    [[ $(cat "/sys/fs/cgroup/kist/$ID/memory.max") == 16777216 ]]
  else
    [[ $(cat "/sys/fs/cgroup/memory/kist/$ID/memory.limit_in_bytes") == 16777216 ]]
    [[ $(cat "/sys/fs/cgroup/pids/kist/$ID/pids.max") == 20 ]]
    [[ $(cat "/sys/fs/cgroup/memory/kist/$ID/cgroup.procs") == "$pid" ]]
  fi
  run rt exec "$ID" sh -c 'i=0; while [ $i -lt 30 ]; do sleep 5 >/dev/null 2>&1 & i=$((i+1)); done; echo all'
  [[ $output != *all* || $output == *fork* ]]
  rt delete -f "$ID"
  nothing_left
}

@test "exec: status, environment, user, terminal, the same filter" {
  conf '.linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}'
  started
  run rt exec --env X=y --cwd /tmp "$ID" sh -c 'echo $X $(pwd); exit 9'
  [ "$status" -eq 9 ]
  [[ $output == 'y /tmp' ]]
  run rt exec --user 5:6 "$ID" id
  [[ $output == 'uid=5 gid=6'* ]]
  run rt exec -t "$ID" tty
  [[ $output == /dev/pts/* ]]
  run rt exec "$ID" grep Seccomp: /proc/self/status
  [[ $output == *2 ]]
  fails_with 255 'not found' rt exec "$ID" nosuch
  run rt ps --format json "$ID"
  [[ $output == "[$(rt state "$ID" | jq .pid)]" ]]
}

@test "pause and resume" {
  started
  rt pause "$ID" || skip "no freezer"
  [[ $(rt state "$ID" | jq -r .status) == paused ]]
  fails_with 255 'it is paused' rt exec "$ID" true
  rt resume "$ID"
  rt exec "$ID" true
  rt pause "$ID"
  rt delete -f "$ID"
  nothing_left
}

@test "a killed runtime leaves no process, and delete cleans the rest" {
  args sleep 100
  conf '.hooks = {createRuntime: [{path: "/bin/sleep", args: ["sleep", "3"]}]}'
  "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" create --bundle "$B" "$ID" >/dev/null 2>&1 3>&- &
  local creator=$! child
  for _ in $(seq 100); do
    child=$(cat "/sys/fs/cgroup/memory/kist/$ID/cgroup.procs" "/sys/fs/cgroup/kist/$ID/cgroup.procs" 2>/dev/null | head -1)
    [[ -n $child ]] && break
    sleep 0.01
  done
  [[ -n $child ]]
  kill -9 "$creator"
  wait "$creator" || true
  # gone, or waiting for an init that reaps
  for _ in $(seq 100); do grep -qs '^State:.[^Z]' "/proc/$child/status" || break; sleep 0.01; done
  ! grep -qs '^State:.[^Z]' "/proc/$child/status"
  [[ $(rt state "$ID" | jq -r .status) == stopped ]]
  rt delete "$ID"
  nothing_left
}

@test "a terminal goes to the console socket" {
  need python3
  conf '.process.terminal = true'
  script 'tty; test -c /dev/console && echo console'
  fails_with 1 'needs a console socket' rt create --bundle "$B" "$ID"
  cat >"$B/console.py" <<'END'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + '.new'); s.listen(1)
os.rename(sys.argv[1] + '.new', sys.argv[1])
c, _ = s.accept()
_, anc, _, _ = c.recvmsg(64, socket.CMSG_SPACE(4))
fd = array.array('i', anc[0][2][:4])[0]
out = b''
while True:
    try: d = os.read(fd, 100)
    except OSError: break
    if not d: break
    out += d
print(out.decode().replace('\r', ''), end='')
END
  python3 "$B/console.py" "$B/sock" >"$B/out" 3>&- &
  for _ in $(seq 100); do [[ -S $B/sock ]] && break; sleep 0.02; done
  rt create --bundle "$B" --console-socket "$B/sock" "$ID"
  rt start "$ID"
  wait $!
  [[ $(<"$B/out") == $'/dev/pts/0\nconsole' ]]
}

@test "messages in JSON for engines" {
  args nosuch
  run rt --log "$B/log" --log-format json run --bundle "$B" "$ID"
  [ "$(jq -r .level "$B/log")" = error ]
  [[ $(jq -r .msg "$B/log") == *'not found'* ]]
}

@test "a broken config is refused with its place" {
  conf '.process.user.uid = "root"'
  fails_with 1 "process.user.uid: expected a whole number" rt run --bundle "$B" "$ID"
  head -c 200000 /dev/zero | tr '\0' '[' >"$B/config.json"
  fails_with 1 "nests deeper" rt run --bundle "$B" "$ID"
  fails_with 1 "is no id" rt run --bundle "$B" ../x
  nothing_left
}

@test "the documents are valid" {
  local schema=$BATS_TEST_DIRNAME/../../../shared/data/runtime-spec-schema
  [[ -d $schema ]] || skip "no schemas at hand"
  python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
  started
  rt state "$ID" >"$B/state"
  rt features >"$B/features"
  rm "$B/config.json"
  rt spec --bundle "$B"
  cat >"$B/check.py" <<'END'
import json, pathlib, sys, warnings
warnings.simplefilter('ignore')
import jsonschema
top, schema, doc = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
s = json.load(open(top / schema))
r = jsonschema.RefResolver((top / schema).resolve().as_uri(), s)
jsonschema.validate(json.load(open(doc)), s, resolver=r)
END
  python3 "$B/check.py" "$schema" state-schema.json "$B/state"
  python3 "$B/check.py" "$schema" config-schema.json "$B/config.json"
  python3 "$B/check.py" "$schema" features-schema.json "$B/features"
}
