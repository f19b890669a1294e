#!/usr/bin/env bats
# kist-runtime's command line in the spellings of runc and crun, and what the options do.
# shellcheck disable=SC2016 # $ is for jq and the shells inside

load lib
load runtime_lib

@test "--cgroup-manager disabled: the caller's groups, no limits, a warning when some are asked for" {
  args sleep 100
  rt --cgroup-manager disabled create --bundle "$B" "$ID" 2>"$B/err"
  [[ ! -s $B/err ]]
  rt --cgroup-manager=disabled start "$ID"
  diff "/proc/$(rt state "$ID" | jq .pid)/cgroup" /proc/self/cgroup
  [[ $(rt exec "$ID" echo hi) == hi ]]
  fails_with 1 'no control group' rt pause "$ID"
  fails_with 1 'no control group' rt update --pids-limit 5 "$ID"
  fails_with 1 'no control group' rt ps "$ID"
  fails_with 1 'no control group' rt events --stats "$ID"
  rt kill --all "$ID" KILL
  rt delete -f "$ID"
  nothing_left
  script true
  conf '.linux.resources.pids.limit = 5'
  run rt --cgroup-manager disabled run --bundle "$B" "$ID"
  [[ $status == 0 && ${#lines[@]} == 1 && $output == *"control groups are disabled"* ]]
  run rt --cgroup-manager disabled --log-level error run --bundle "$B" "$ID"
  [[ $status == 0 && -z $output ]]
  fails_with 1 'cgroupfs, systemd or disabled' rt --cgroup-manager none list
}

@test "flags and --rootless take every spelling of runc's" {
  local v
  for v in true false auto 1 0 T f TRUE False; do rt --rootless "$v" list -q; done
  for v in true 1 t TRUE; do [[ $(rt --version="$v") == kist-runtime* ]]; done
  [[ -z $(rt --version=0 list -q) ]]
  fails_with 1 'true or false' rt --version=maybe list
  fails_with 1 'true, false or auto' rt --rootless maybe list
  [[ $(rt -V) == "$(rt -v)" && $(rt -\?) == "$(rt --help)" && $(rt run --usage) == "$(rt run --help)" ]]
}

@test "--log and --log-level" {
  args nosuch
  run rt --log "file:$B/log" --log-format json run --bundle "$B" "$ID"
  [[ $status == 1 && $(jq -r .level "$B/log") == error ]]
  fails_with 1 'to a file only' rt --log syslog:kist list
  fails_with 1 'to a file only' rt --log journald:kist list
  [[ ! -e syslog:kist && ! -e journald:kist ]]
  fails_with 1 'error, warning or debug' rt --log-level loud list
  script true
  conf '.process.capabilities.bounding += ["CAP_NOSUCH"]'
  run rt run --bundle "$B" "$ID"
  [[ $output == *warning*CAP_NOSUCH* ]]
  run rt --log-level error run --bundle "$B" "$ID"
  [[ $status == 0 && -z $output ]]
}

@test "--pidfd-socket gets a descriptor of the process, for create, run and exec" {
  need python3
  cat >"$B/take" <<'P'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("ready", flush=True)
c = s.accept()[0]
name, anc, _, _ = c.recvmsg(64, socket.CMSG_SPACE(4))
fd = array.array("i", anc[0][2])[0]
pid = next(l for l in open(f"/proc/self/fdinfo/{fd}") if l.startswith("Pid:")).split()[1]
print(name.decode(), pid, flush=True)
P
  local verb name pid take
  for verb in create run exec; do
    exec {take}< <(timeout 30 python3 "$B/take" "$B/$verb.sock" 3>&-)
    read -r -u "$take"
    case $verb in
      exec) rt exec -d --pid-file "$B/pid" --pidfd-socket "$B/exec.sock" "$ID" sleep 100 ;;
      *) args sleep 100; rt $verb $([[ $verb == run ]] && echo -d) --pid-file "$B/pid" --pidfd-socket "$B/$verb.sock" --bundle "$B" "$ID" ;;
    esac
    read -r -u "$take" name pid
    exec {take}<&-
    [[ $name == "$([[ $verb == exec ]] && echo setns || echo standard)" && $pid == "$(<"$B/pid")" ]]
    [[ $verb != create ]] || rt delete -f "$ID"
  done
  fails_with 1 "pidfd socket '/no/such'" rt run --pidfd-socket /no/such --bundle "$B" "$ID-x"
}

@test "messages name the container once, and say what is wrong with a limit or a mount" {
  local verb
  for verb in state kill delete start pause resume ps "events --stats" "update --memory 99999999"; do
    # shellcheck disable=SC2086 # words
    fails_with 1 'does not exist' rt $verb "$ID"
    [[ $(grep -o "$ID" <<<"$output" | wc -l) == 1 ]] || { echo "$verb: $output"; return 1; }
  done
  script true
  rt run --keep --bundle "$B" "$ID"
  fails_with 1 'container not running' rt kill "$ID" # containerd looks for these words
  [[ $(grep -o "$ID" <<<"$output" | wc -l) == 1 ]]
  rt delete "$ID"
  fails_with 1 "resources '-': expected an object" rt update -r - "$ID" <<<'[]'
  cp "$B/config.json" "$B/plain"
  conf '.linux.resources.memory.limit = 4096'
  fails_with 1 'linux.resources.memory.limit, 4096 bytes, may be too low' rt run --bundle "$B" "$ID"
  cp "$B/plain" "$B/config.json"
  conf '.linux.resources.cpu.cpus = "4000"'
  fails_with 1 'has not all of these' rt run --bundle "$B" "$ID"
  cp "$B/plain" "$B/config.json"
  conf '.mounts += [{destination: "/tmp", type: "bind", source: "/etc/passwd", options: ["bind"]}]'
  fails_with 1 "the destination is a directory, '/etc/passwd' is none" rt run --bundle "$B" "$ID"
  cp "$B/plain" "$B/config.json"
  conf '.mounts += [{destination: "/bin/busybox", type: "bind", source: "/etc", options: ["bind"]}]'
  fails_with 1 "the source '/etc' is a directory" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "a file that cannot be written is named as it was asked for" {
  script true
  fails_with 1 "create '/no/such/pid': No such file" rt run --pid-file /no/such/pid --bundle "$B" "$ID"
  fails_with 1 "create '/no/such/config.json': No such file" rt spec --bundle /no/such
  nothing_left
}

@test "exec wants an absolute working directory" {
  started
  mkdir -p "$KIST_ROOT/rootfs/tmp"
  fails_with 255 "'tmp' is not absolute" rt exec --cwd tmp "$ID" pwd
  [[ $(rt exec --cwd /tmp "$ID" pwd) == /tmp ]]
}
