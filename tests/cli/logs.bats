#!/usr/bin/env bats
# kist logs: streams, order, tail, time, rotation, following.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
  kist run --name hundred --network none bb sh -c 'for i in $(seq 100); do echo line $i; done' >/dev/null
}
teardown_file() { kist_teardown_file; }

@test "all of it, from detached and foreground containers" {
  [ "$(kist logs hundred | wc -l)" -eq 100 ]
  kist run -d --name bg --network none bb sh -c 'echo out; echo err >&2; printf unfinished'
  kist wait bg
  [ "$(kist logs bg 2>/dev/null)" = "$(printf 'out\nunfinished')" ]
  [ "$(kist logs bg 2>&1 >/dev/null)" = err ]
  kist rm bg
}

@test "--tail, --timestamps, --since, --until" {
  [ "$(kist logs --tail 2 hundred)" = "$(printf 'line 99\nline 100')" ]
  [ "$(kist logs --tail 0 hundred)" = "" ]
  [ "$(kist logs -n all hundred | wc -l)" -eq 100 ]
  [[ $(kist logs -t --tail 1 hundred) =~ ^[0-9-]{10}T[0-9:]{8}\.[0-9]{9}Z\ line\ 100$ ]]
  [ "$(kist logs --since 10m hundred | wc -l)" -eq 100 ]
  [ -z "$(kist logs --since 2100-01-01 hundred)" ]
  [ -z "$(kist logs --until 2000-01-01T00:00:00Z hundred)" ]
  fails_with 1 'neither a time nor a duration' kist logs --since yesterday hundred
}

@test "-f follows until the end" {
  kist run -d --name live --network none bb sh -c 'for i in 1 2 3 4 5; do echo $i; sleep 0.2; done'
  [ "$(timeout 10 "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" logs -f live | tr '\n' ' ')" = "1 2 3 4 5 " ]
  kist rm live
}

@test "logs rotate: the newest lines are kept, the disk is not filled" {
  kist run --name big --log-opt max-size=20k --log-opt max-file=3 --network none bb \
    sh -c 'i=0; while [ $i -lt 5000 ]; do echo "line $i"; i=$((i+1)); done' >/dev/null
  local id
  id=$(kist ps -aq --no-trunc --filter name=big)
  [ "$(cat "$KIST_ROOT/root/containers/$id"/log* | wc -c)" -lt 100000 ]
  [ -e "$KIST_ROOT/root/containers/$id/log.2" ]
  [ ! -e "$KIST_ROOT/root/containers/$id/log.3" ]
  [ "$(kist logs --tail 1 big)" = "line 4999" ]
  kist logs big | tail -n 200 >"$BATS_TEST_TMPDIR/o"
  [ "$(head -1 "$BATS_TEST_TMPDIR/o")" = "line 4800" ]
  kist rm big
}

@test "long lines and bytes that are no text survive" {
  kist run --name bytes --network none bb sh -c 'head -c 100000 /dev/zero | tr "\0" x; echo; printf "\377\376\n"' >/dev/null
  [ "$(kist logs bytes | head -1 | wc -c)" -eq 100001 ]
  [ "$(kist logs bytes | tail -1 | od -An -tx1 | tr -d ' ')" = fffe0a ]
  kist rm bytes
}

@test "a container that never ran has no log" {
  kist create --name silent bb true
  [ -z "$(kist logs silent)" ]
  [ -z "$(kist logs -f silent)" ]
  kist rm silent
  fails_with 1 'no such container' kist logs silent
}
