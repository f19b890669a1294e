#!/usr/bin/env bats
# kist stop, kill, rm, wait, restart: how containers end, and what ps says about it.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
}
teardown_file() { kist_teardown_file; }

state() { kist ps -a --no-trunc --filter "name=$1" --format '{{.Status}}'; }

@test "stop: the program ends by itself on SIGTERM" {
  kist run -d --name nice --network none bb sh -c 'trap "exit 3" TERM; while :; do sleep 0.05; done'
  sleep 0.2
  run kist stop nice
  [ "$status" -eq 0 ]
  [ "$output" = nice ]
  [[ $(state nice) == "Exited (3)"* ]]
  run kist stop nice
  [ "$status" -eq 0 ]
  kist rm nice
}

@test "stop: SIGKILL after the time is up, with a word about it" {
  kist run -d --name deaf --network none bb sleep 1000
  run kist stop -t 1 deaf
  [ "$status" -eq 0 ]
  [[ $output == *"'deaf' was killed after 1 s"* && $output == *--init* ]]
  [[ $(state deaf) == "Exited (137)"* ]]
  kist rm deaf
}

@test "stop signal and timeout of the container" {
  kist run -d --name own --stop-signal USR1 --stop-timeout 20 --network none bb \
    sh -c 'trap "exit 4" USR1; while :; do sleep 0.05; done'
  sleep 0.2
  kist stop own
  [ "$(kist wait own)" = 4 ]
  kist rm own
}

@test "kill sends any signal" {
  kist run -d --name k --network none bb sh -c 'trap "echo hup" HUP; while :; do sleep 0.05; done'
  sleep 0.2
  [ "$(kist kill -s HUP k)" = k ]
  sleep 0.3
  [ "$(kist logs k)" = hup ]
  kist kill k
  [ "$(kist wait k)" = 137 ]
  fails_with 1 'is not running' kist kill k
  fails_with 1 "unknown signal" kist kill -s NOSUCH k
  kist rm k
}

@test "rm: not a running one, but with -f" {
  kist run -d --name r --network none bb sleep 1000
  fails_with 1 'is running' kist rm r
  [ "$(kist rm -f r)" = r ]
  fails_with 1 'no such container' kist rm r
  kist rm -f r
  [ -z "$(find "$KIST_ROOT/root/containers" "$KIST_ROOT/run/containers" -mindepth 1)" ]
}

@test "several at once: the good ones are done, the bad one is named" {
  kist create --name a1 bb true
  kist create --name a2 bb true
  fails_with 1 'no such container: nosuch' kist rm a1 nosuch a2
  [ -z "$(kist ps -aq)" ]
}

@test "wait: now, later, and for one that removes itself" {
  kist run -d --name w --network none bb sh -c 'sleep 0.5; exit 9'
  [ "$(kist wait w)" = 9 ]
  [ "$(kist wait w)" = 9 ]
  kist rm w
  kist run -d --rm --name w --network none bb sh -c 'sleep 0.5; exit 8'
  [ "$(kist wait w)" = 8 ]
  local i
  for i in $(seq 50); do [ -z "$(kist ps -aq)" ] && break; sleep 0.05; done
  [ -z "$(kist ps -aq)" ]
}

@test "restart policy: on-failure stops after its count, stop ends always" {
  kist run -d --name again --restart on-failure:2 --network none bb sh -c 'echo run; exit 1'
  local i
  for i in $(seq 100); do [[ $(state again) == Exited* ]] && break; sleep 0.05; done
  [ "$(kist logs again | grep -c run)" = 3 ]
  [ "$(kist inspect -f '{{.RestartCount}}' again)" = 2 ]
  kist rm again
  kist run -d --name ever --restart always --network none bb sh -c 'echo run; sleep 0.1'
  sleep 1
  [ "$(kist logs ever | grep -c run)" -ge 2 ]
  kist stop -t 1 ever
  [[ $(state ever) == Exited* ]]
  sleep 0.5
  [[ $(state ever) == Exited* ]]
  kist start ever
  kist rm -f ever
}

@test "kist restart" {
  kist run -d --name re --network none bb sh -c 'echo run; exec sleep 1000'
  sleep 0.2
  [ "$(kist restart -t 0 re 2>/dev/null)" = re ]
  sleep 0.2
  [ "$(kist logs re | grep -c run)" = 2 ]
  kist rm -f re
}

@test "a killed monitor: ps tells the truth, stop and rm work" {
  kist run -d --name orphan --network none bb sleep 1000
  kill -9 "$(kist inspect -f '{{.State.MonitorPid}}' orphan)"
  sleep 0.1
  [[ $(state orphan) == Up*"monitor lost"* ]]
  run kist stop -t 1 orphan
  [ "$status" -eq 0 ]
  [[ $(state orphan) == "Exited (255)"* ]]
  kist start orphan
  kill -9 "$(kist inspect -f '{{.State.MonitorPid}}' orphan)"
  kist rm -f orphan
  [ -z "$(ls "$KIST_ROOT/run/containers")" ]
}

@test "a killed kist leaves its foreground container to the monitor" {
  "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" \
    run --name fg --network none bb sleep 1000 &
  local pid=$! i
  for i in $(seq 100); do [ "$(kist ps -q --filter name=fg)" ] && break; sleep 0.05; done
  kill -9 $pid
  wait $pid || true
  sleep 0.2
  [[ $(state fg) == Up* ]]
  [ "$(cat "/proc/$(kist inspect -f '{{.State.MonitorPid}}' fg)/comm")" = kist-monitor ]
  kist rm -f fg
}

@test "a killed kist and a killed monitor: --rm is kept by the next command" {
  kist run -d --rm --name gone --network none bb sleep 1000
  local monitor pid
  monitor=$(kist inspect -f '{{.State.MonitorPid}}' gone)
  pid=$(kist inspect -f '{{.State.Pid}}' gone)
  kill -9 "$monitor" "$pid"
  sleep 0.2
  kist ps >/dev/null
  [ -z "$(kist ps -aq)" ]
  [ -z "$(find "$KIST_ROOT/root/containers" "$KIST_ROOT/run/containers" -mindepth 1)" ]
}

@test "after another boot nothing runs any more" {
  kist run -d --name old --network none bb sleep 1000
  local id pid
  id=$(kist ps -q --no-trunc)
  pid=$(kist inspect -f '{{.State.Pid}}' old)
  kill -9 "$(kist inspect -f '{{.State.MonitorPid}}' old)" "$pid"
  # the record as an earlier boot would have left it
  python3 - "$KIST_ROOT/root/containers/$id/state" <<'PY'
import sys
text = open(sys.argv[1]).read().split("end ")[0]
lines = ["boot 00000000-0000-0000-0000-000000000000" if l.startswith("boot ") else l
         for l in text.splitlines()]
text = "".join(l + "\n" for l in lines)
h = 0xcbf29ce484222325
for b in text.encode():
    h = ((h ^ b) * 0x100000001b3) & (2**64 - 1)
open(sys.argv[1], "w").write(text + f"end {h:016x}\n")
PY
  [[ $(state old) == "Exited (255)"* ]]
  kist start old
  [[ $(state old) == Up* ]]
  kist rm -f old
}
