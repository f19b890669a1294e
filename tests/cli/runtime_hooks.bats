#!/usr/bin/env bats
# kist-runtime: the six kinds of hooks: order, namespaces, state, arguments, time, failures.

load lib
load runtime_lib

hook() { # KIND [STATUS]: adds one that notes what it sees in $B/log
  cat >"$B/hook" <<'END'
#!/bin/bash
state=$(cat)
echo "$1 $(jq -r '"\(.status) \(.pid != null) \(.id) \(.bundle)"' <<<"$state") $(readlink /proc/self/ns/mnt)" >>"$2"
exit "$3"
END
  chmod 755 "$B/hook"
  conf --arg k "$1" --arg s "${2:-0}" --arg b "$B" '.hooks[$k] += [{path: ($b + "/hook"),
    args: ["hook", $k, ($b + "/log"), $s], env: ["PATH=/usr/bin:/bin"]}]'
}

@test "all six, in order, each in its namespace, with the state on standard input" {
  local k own
  own=$(readlink /proc/self/ns/mnt)
  for k in poststop poststart createContainer createRuntime prestart; do hook $k; done
  # this one's path is the container's: it has no jq
  conf --arg b "$B" '.mounts += [{destination: "/b", source: $b, type: "bind", options: ["rbind"]}]
    | .hooks.startContainer = [{path: "/bin/sh", env: ["PATH=/bin"],
      args: ["sh", "-c", "echo startContainer $(tr -d \" \\n\" | tr , \"\\n\" | grep status) $(readlink /proc/self/ns/mnt) >>/b/log"]}]'
  script 'echo program >>/b/log; sleep 100'
  rt create --bundle "$B" "$ID"
  mapfile -t lines <"$B/log"
  [[ ${#lines[@]} == 3 ]]
  [[ ${lines[0]} == "prestart creating true $ID $B $own" ]]
  [[ ${lines[1]} == "createRuntime creating true $ID $B $own" ]]
  [[ ${lines[2]} == "createContainer creating true $ID $B mnt:"* && ${lines[2]} != *"$own" ]]
  rt start "$ID"
  for _ in $(seq 100); do grep -q program "$B/log" && break; sleep 0.02; done
  mapfile -t lines <"$B/log"
  [[ ${lines[3]} == 'startContainer "status":"created" mnt:'* && ${lines[3]} != *"$own" ]]
  [[ $(sed -n 5,6p "$B/log" | cut -d' ' -f1 | sort | xargs) == 'poststart program' ]]
  grep -qxF "poststart running true $ID $B $own" "$B/log"
  rt delete -f "$ID"
  [[ $(tail -1 "$B/log") == "poststop stopped false $ID $B $own" ]]
  nothing_left
}

@test "hooks of a kind run one after the other" {
  hook createRuntime 0
  conf '.hooks.createRuntime += [.hooks.createRuntime[0] | .args[1] = "second"]'
  args true
  rt run --bundle "$B" "$ID"
  [[ $(cut -d' ' -f1 "$B/log" | xargs) == 'createRuntime second' ]]
}

@test "arguments and environment are those of the config, nothing else" {
  conf --arg b "$B" '.hooks.createRuntime = [{path: "/bin/sh", args: ["zero", "-c", "echo $0 >$1/out; env >$1/env; ls /proc/self/fd >$1/fds", "a b", $b]}]'
  args true
  SECRET=1 rt run --bundle "$B" "$ID" 7</etc/passwd
  [[ $(<"$B/out") == 'a b' ]]
  ! grep -qE 'SECRET|HOME|PATH=.*sbin' "$B/env"
  [[ $(xargs <"$B/fds") == '0 1 2 3' ]] # the last one is of ls
}

@test "what fails before the start ends the creation, and poststop hooks run" {
  local k
  for k in prestart createRuntime createContainer; do
    conf 'del(.hooks)'
    rm -f "$B/log"
    hook $k 3
    hook poststop
    args true
    fails_with 1 'ended with status 3' rt create --bundle "$B" "$ID"
    [[ $(cut -d' ' -f1,2 "$B/log" | xargs) == "$k creating poststop stopped" ]]
    nothing_left
  done
}

@test "a startContainer hook that fails stops the container" {
  conf '.hooks.startContainer = [{path: "/bin/false"}]'
  args sleep 100
  fails_with 1 "hook '/bin/false' ended with status 1" rt run --bundle "$B" "$ID"
  nothing_left
  rt create --bundle "$B" "$ID"
  fails_with 1 "hook '/bin/false' ended with status 1" rt start "$ID"
  [[ $(rt state "$ID" | jq -r .status) == stopped ]]
  rt delete "$ID"
  nothing_left
}

@test "a poststart hook that fails stops the container" {
  hook poststart 5
  hook poststop
  args sleep 100
  fails_with 1 'ended with status 5' rt run --bundle "$B" "$ID"
  grep -q ^poststop "$B/log"
  nothing_left
  rt create --bundle "$B" "$ID"
  fails_with 1 'ended with status 5' rt start "$ID"
  [[ $(rt state "$ID" | jq -r .status) == stopped ]]
  rt delete "$ID"
  nothing_left
}

@test "a poststop hook that fails is a warning, and the next one runs" {
  hook poststop 6
  conf '.hooks.poststop += [.hooks.poststop[0] | .args[1] = "second"]'
  args true
  run rt run --bundle "$B" "$ID"
  [ "$status" -eq 0 ]
  [[ $output == *warning*'ended with status 6'* ]]
  [[ $(cut -d' ' -f1 "$B/log" | xargs) == 'poststop second' ]]
  nothing_left
}

@test "a hook that takes too long is killed with all that it started" {
  conf --arg b "$B" '.hooks = {createRuntime: [{path: "/bin/sh", args: ["sh", "-c", "sleep 71 & echo $! >$0; wait", ($b + "/pid")],
    env: ["PATH=/bin:/usr/bin"], timeout: 1}]}'
  args true
  fails_with 1 'took longer than 1 s' rt run --bundle "$B" "$ID"
  for _ in $(seq 50); do grep -qs '^State:.[^Z]' "/proc/$(<"$B/pid")/status" || break; sleep 0.02; done
  ! grep -qs '^State:.[^Z]' "/proc/$(<"$B/pid")/status"
  nothing_left
  conf '.hooks.createRuntime[0].timeout = 0'
  fails_with 1 'hooks.createRuntime[0].timeout' rt run --bundle "$B" "$ID"
}

@test "a hook that is not there, that reads nothing, that has a relative path" {
  conf '.hooks = {prestart: [{path: "/no/such"}]}'
  args true
  fails_with 1 "hook '/no/such' cannot be found" rt run --bundle "$B" "$ID"
  conf '.annotations = {big: ("x" * 200000)} | .hooks = {prestart: [{path: "/bin/true"}]}'
  rt run --bundle "$B" "$ID"
  conf '.hooks = {prestart: [{path: "bin/true"}]}'
  fails_with 1 'hooks.prestart[0]: path is missing or not absolute' rt run --bundle "$B" "$ID"
  nothing_left
}

@test "a large state reaches a hook whole" {
  conf --arg b "$B" '.annotations = {big: ("x" * 200000)} | .hooks = {prestart: [{path: "/bin/sh",
    args: ["sh", "-c", "sleep 0.1; cat >$0", ($b + "/state")], env: ["PATH=/bin:/usr/bin"]}]}'
  args true
  rt run --bundle "$B" "$ID"
  [[ $(jq -r '.annotations.big | length' "$B/state") == 200000 ]]
}

@test "what a hook says is in the message when it fails, and never in the container's output" {
  say() { # KIND SCRIPT
    conf --arg k "$1" --arg s "$2" '.hooks = {($k): [{path: "/bin/sh", args: ["sh", "-c", $s], env: ["PATH=/bin:/usr/bin"]}]}'
  }
  local kind
  script 'echo program'
  for kind in prestart createRuntime createContainer startContainer poststart poststop; do
    say $kind 'echo said; echo complained >&2'
    [[ $(rt run --bundle "$B" "$ID" 2>&1) == program ]]
  done
  for kind in createRuntime createContainer startContainer; do
    say $kind 'echo because; printf "of\033[1m this\n\n" >&2; exit 3'
    fails_with 1 "ended with status 3: because of [1m this" rt run --bundle "$B" "$ID"
    rt delete -f "$ID"
  done
  # the end of a lot; who still holds the pipe is not waited for
  say createRuntime 'seq 100000; sleep 100 & echo $! >"'"$B/pid"'"; exit 4'
  fails_with 1 '99999 100000' rt run --bundle "$B" "$ID"
  kill "$(<"$B/pid")"
  [[ ${#lines[0]} -lt 700 ]]
  nothing_left
}
