#!/usr/bin/env bats
# kist exec: statuses, streams, environment, users; and what it shares with the container.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
  kist run -d --name c --network none -e FROM=container -w /tmp --memory 64m bb sleep 1000
}
teardown_file() { kist_teardown_file; }

@test "statuses" {
  run kist exec c sh -c 'exit 6'
  [ "$status" -eq 6 ]
  fails_with 127 'not found' kist exec c nosuch
  fails_with 126 'permission denied' kist exec c /etc/passwd
  fails_with 1 'no such container' kist exec nosuch true
  run kist exec c sh -c 'kill -TERM $$'
  [ "$status" -eq 143 ]
}

@test "streams" {
  [ "$(kist exec c sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
  [ "$(kist exec c sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" = err ]
  [ "$(echo hello | kist exec -i c cat)" = hello ]
  [ -z "$(echo hello | kist exec c cat)" ]
  head -c 1000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
  kist exec -i c cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
  cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "environment, directory and user: the container's, or as asked" {
  [ "$(kist exec c sh -c 'echo $FROM $PWD $(id -u)')" = "container /tmp 0" ]
  [ "$(kist exec -e FROM=exec -w / -u 5:6 c sh -c 'echo $FROM $PWD $(id -u):$(id -g)')" = "exec / 5:6" ]
  [ "$(kist exec -u root c id -u)" = 0 ]
}

@test "the same processes, files, limits and filter" {
  kist exec c sh -c 'echo shared >/tmp/f'
  [ "$(kist exec c cat /tmp/f)" = shared ]
  kist exec c ps | grep -q 'sleep 1000'
  [ "$(kist exec c grep Seccomp: /proc/self/status | tr -dc 0-9)" = 2 ]
  [ "$(kist exec c sed -n 's/^CapBnd:\t//p' /proc/self/status)" = 00000000a80425fb ]
}

@test "-d does not wait" {
  local before=$SECONDS
  kist exec -d c sh -c 'sleep 2; echo late >/tmp/late'
  [ $((SECONDS - before)) -lt 2 ]
  kist exec c ps | grep -q 'sleep 2'
}

@test "a stopped container cannot be entered" {
  kist create --name idle bb true
  fails_with 1 'is not running' kist exec idle true
  kist rm idle
}
