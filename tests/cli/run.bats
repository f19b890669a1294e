#!/usr/bin/env bats
# kist run and create: statuses, streams, what the program sees, bad input.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
  tar -C "$KIST_ROOT/rootfs" -cf "$KIST_ROOT/rich.tar" .
  kist import -c 'ENTRYPOINT ["echo", "entry"]' -c 'CMD ["cmd"]' -c 'ENV PATH=/bin' \
    -c 'ENV COLOUR=red' -c 'WORKDIR /made/by/run' -c 'USER 12:34' -c 'LABEL a=b' \
    "$KIST_ROOT/rich.tar" rich >/dev/null
}
teardown_file() { kist_teardown_file; }

# nothing of a finished container is left but its row and its directory
nothing_left() {
  [ -z "$(ls "$KIST_ROOT/run/containers" 2>/dev/null)" ]
  ! grep -q "$KIST_ROOT" /proc/self/mountinfo
}

@test "the program's exit status is kist's" {
  local s
  for s in 0 1 42 255; do
    run kist run --rm --network none bb sh -c "exit $s"
    [ "$status" -eq "$s" ]
  done
  run kist run --rm --network none bb sh -c 'sh -c "kill -9 \$\$"; exit $?'
  [ "$status" -eq 137 ]
  nothing_left
}

@test "125, 126 and 127: not started, not executable, not found" {
  fails_with 127 'executable file not found' kist run --rm --network none bb nosuch
  fails_with 127 'no such file' kist run --rm --network none bb /no/such
  fails_with 126 'permission denied' kist run --rm --network none bb /etc/passwd
  fails_with 126 '' kist run --rm --network none bb /bin
  fails_with 125 'no such image' kist run --rm nosuch
  fails_with 125 "unknown option '--nmae'" kist run --nmae x bb true
  [[ $output == *"did you mean '--name'"* ]]
  nothing_left
  [ -z "$(kist ps -aq)" ]
}

@test "a missing image names the ones that look like it" {
  fails_with 125 'there is: rich:latest' kist run --rm rihc
}

@test "standard output and error arrive apart, input only with -i" {
  [ "$(kist run --rm --network none bb sh -c 'echo out; echo err >&2' 2>/dev/null)" = out ]
  [ "$(kist run --rm --network none bb sh -c 'echo out; echo err >&2' 2>&1 >/dev/null)" = err ]
  [ "$(echo hello | kist run --rm -i --network none bb cat)" = hello ]
  [ -z "$(echo hello | kist run --rm --network none bb cat)" ]
}

@test "many bytes pass both ways" {
  head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/in"
  kist run --rm -i --network none bb cat <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out"
  cmp "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
}

@test "a reader that goes away ends the program, as in a pipeline" {
  run timeout 20 bash -c '"$0" --root "$1/root" --runroot "$1/run" run --rm --network none bb yes | head -1' \
    "$KIST_BUILD/kist" "$KIST_ROOT"
  [ "$status" -eq 0 ]
  [[ ${lines[0]} == y ]]
}

@test "environment, directory, user and hostname" {
  run kist run --rm --network none -e A=1 -e 'B=two words' --hostname box -w /tmp -u 7:8 bb \
    sh -c 'echo $A/$B/$PWD/$(id -u):$(id -g)/$(hostname)/$HOME'
  [ "$output" = "1/two words//tmp/7:8/box//" ]
  export FROM_OUTSIDE=yes
  [ "$(kist run --rm --network none -e FROM_OUTSIDE bb sh -c 'echo $FROM_OUTSIDE')" = yes ]
  printf '# comment\n\nX=1 2\nFROM_OUTSIDE\nNOT_THERE\n' >"$BATS_TEST_TMPDIR/env"
  run kist run --rm --network none --env-file "$BATS_TEST_TMPDIR/env" bb env
  [[ $output == *"X=1 2"* && $output == *FROM_OUTSIDE=yes* && $output != *NOT_THERE* ]]
}

@test "the image's config is the default, options win" {
  [ "$(kist run --rm --network none rich)" = "entry cmd" ]
  [ "$(kist run --rm --network none rich other words)" = "entry other words" ]
  run kist run --rm --network none --entrypoint sh rich -c 'echo $COLOUR $(id -u):$(id -g) $PWD'
  [ "$output" = "red 12:34 /made/by/run" ]
  run kist run --rm --network none --entrypoint sh -e COLOUR=blue -u root rich -c 'echo $COLOUR $(id -u)'
  [ "$output" = "blue 0" ]
  fails_with 125 'no command specified' kist run --rm --entrypoint "" rich
}

@test "users by name, and one that is not there" {
  [ "$(kist run --rm --network none -u root bb id -u)" = 0 ]
  fails_with 125 'nobody_here' kist run --rm --network none -u nobody_here bb true
  nothing_left
}

@test "process 1, its own hosts, hostname, resolv.conf; no trace in the container's layer" {
  kist run --name files --network none bb sh -c 'echo $$; cat /etc/hostname; grep localhost /etc/hosts' >"$BATS_TEST_TMPDIR/o"
  [ "$(sed -n 1p "$BATS_TEST_TMPDIR/o")" = 1 ]
  [ "$(sed -n 2p "$BATS_TEST_TMPDIR/o")" = "$(kist ps -aq --filter name=files)" ]
  local id
  id=$(kist ps -aq --no-trunc --filter name=files)
  [ -z "$(ls -A "$KIST_ROOT/root/containers/$id/upper")" ]
  kist rm files
}

@test "--read-only, --tmpfs and /dev/shm" {
  fails_with 1 'Read-only' kist run --rm --network none --read-only bb touch /x
  [ "$(kist run --rm --network none --read-only --tmpfs /t:size=1m bb sh -c 'touch /t/x && echo ok')" = ok ]
  run kist run --rm --network none --shm-size 2m --tmpfs /t:size=1m bb df -k /t /dev/shm
  [[ $output == *" 1024 "* && $output == *" 2048 "* ]]
}

@test "capabilities, no-new-privileges, seccomp" {
  cap() { kist run --rm --network none "$@" bb sed -n 's/^CapBnd:\t//p' /proc/self/status; }
  [ "$(cap)" = 00000000a80425fb ]
  [ "$(cap --cap-drop ALL)" = 0000000000000000 ]
  [ "$(cap --cap-drop ALL --cap-add CHOWN)" = 0000000000000001 ]
  fails_with 125 'NOSUCH' kist run --rm --cap-add NOSUCH bb true
  [ "$(kist run --rm --network none bb grep Seccomp: /proc/self/status | tr -dc 0-9)" = 2 ]
  [ "$(kist run --rm --network none --security-opt seccomp=unconfined bb grep Seccomp: /proc/self/status | tr -dc 0-9)" = 0 ]
  [ "$(kist run --rm --network none --security-opt no-new-privileges bb grep NoNewPrivs /proc/self/status | tr -dc 0-9)" = 1 ]
  fails_with 125 'AppArmor' kist run --rm --security-opt apparmor=x bb true
  fails_with 125 'seccomp' kist run --rm --security-opt "seccomp=$BATS_TEST_TMPDIR/none" bb true
  echo '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO"}]}' \
    >"$BATS_TEST_TMPDIR/profile"
  fails_with 1 'not permitted' kist run --rm --network none --security-opt "seccomp=$BATS_TEST_TMPDIR/profile" bb mkdir /x
}

@test "devices: none by default, one with --device, the host's with --privileged" {
  [ -c /dev/fuse ] || skip "the host has no /dev/fuse"
  run kist run --rm --network none bb test -e /dev/fuse
  [ "$status" -eq 1 ]
  kist run --rm --network none --device /dev/fuse bb test -c /dev/fuse
  kist run --rm --network none --device /dev/fuse:/dev/other:r bb test -c /dev/other
  kist run --rm --network none --privileged bb test -c /dev/fuse
  fails_with 125 'No such file' kist run --rm --device /dev/nosuch bb true
  fails_with 125 'is not a device' kist run --rm --network none --device /etc/passwd bb true
}

@test "what more a host cannot give is left out with one warning" {
  grep -q '^CapEff:.*3fffff' /proc/self/status && skip "this host can give everything"
  run kist run --rm --network none --privileged bb true
  [ "$status" -eq 0 ]
  [ "$(grep -c 'left out' <<<"$output")" -eq 1 ]
}

@test "limits: memory, pids, cpus, ulimits" {
  [ -d /sys/fs/cgroup ] || skip "no control groups"
  run kist run --rm --network none --memory 32m --pids-limit 50 --cpus 0.5 bb sh -c \
    'cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max 2>/dev/null || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max'
  [ "${lines[0]}" = 33554432 ]
  [ "${lines[1]}" = 50 ]
  [ "$(kist run --rm --network none --ulimit nofile=100:200 bb sh -c 'ulimit -n; ulimit -Hn' | tr '\n' ' ')" = "100 200 " ]
  fails_with 125 'at least 6m' kist run --rm -m 1m bb true
  fails_with 125 'unknown limit' kist run --rm --ulimit nofiles=1 bb true
  fails_with 125 "expected a size" kist run --rm -m lots bb true
}

@test "the OOM killer is named" {
  run kist run --name hungry --network none -m 16m --memory-swap 16m bb \
    sh -c 'head -c 100m /dev/zero | tail -c 90m >/dev/null; exit $?'
  [ "$status" -eq 137 ] || skip "memory is not limited here"
  kist rm hungry
  run kist run --name hungry --network none -m 16m --memory-swap 16m bb tail /dev/zero
  [ "$(kist inspect -f '{{.State.OOMKilled}}' hungry)" = true ]
  kist rm hungry
}

@test "--init puts tini before the program" {
  [ -x /usr/bin/tini-static ] || skip "tini is not installed"
  [ "$(kist run --rm --network none --init bb sh -c 'readlink /proc/1/exe')" = /dev/init ]
  kist run -d --init --name tini --network none bb sleep 1000
  run kist stop -t 8 tini
  [ "$status" -eq 0 ]
  [[ $output != *killed* ]]
  [ "$(kist wait tini)" = 143 ]
  kist rm tini
}

@test "--cidfile is written once" {
  kist run --cidfile "$BATS_TEST_TMPDIR/cid" --name cid --network none bb true
  [ "$(cat "$BATS_TEST_TMPDIR/cid")" = "$(kist ps -aq --no-trunc --filter name=cid)" ]
  fails_with 125 'exists' kist run --cidfile "$BATS_TEST_TMPDIR/cid" --network none bb true
  kist rm cid
  [ -z "$(kist ps -aq)" ]
}

@test "a name that is taken names its holder" {
  kist create --name taken bb true
  fails_with 125 "'taken' is already in use" kist run --name taken bb true
  fails_with 125 'invalid container name' kist create --name 'a b' bb true
  kist rm taken
}

@test "create, start -a, wait" {
  local id
  id=$(kist create --network none --name made bb sh -c 'echo ran; exit 5')
  [ "${#id}" -eq 64 ]
  [ "$(kist ps -a --format '{{.Status}}' --filter name=made)" = Created ]
  run kist start -a made
  [ "$status" -eq 5 ]
  [ "$output" = ran ]
  [ "$(kist wait made)" = 5 ]
  run kist start -a "${id:0:8}"
  [ "$output" = ran ]
  kist rm made
  fails_with 1 'no such container' kist start made
}

@test "changes stay in the container and only there" {
  kist run --name keep --network none bb sh -c 'echo x >/kept'
  kist start -a keep
  run kist run --rm --network none bb cat /kept
  [ "$status" -eq 1 ]
  kist rm keep
}

@test "signals reach the program" {
  kist run --name sig --network none bb sh -c 'trap "echo got; exit 7" TERM; while :; do sleep 0.1; done' \
    >"$BATS_TEST_TMPDIR/o" &
  local pid=$! i
  for i in $(seq 100); do [ "$(kist ps -q --filter name=sig)" ] && break; sleep 0.05; done
  sleep 0.3
  # the job is a subshell around kist: the signal is for kist itself
  kill -TERM "$(pgrep -P $pid kist || echo $pid)"
  run wait $pid
  wait $pid || status=$?
  [ "$status" -eq 7 ] || [ "$(kist wait sig)" = 7 ]
  grep -q got "$BATS_TEST_TMPDIR/o"
  kist rm sig
}

@test "options that docker has and kist refuses are named" {
  fails_with 125 "--userns 'auto' is not supported: a container has no user namespace of its own" kist run --userns auto bb true
  fails_with 125 "'--uidmap' is not supported" kist run --uidmap 0:100000:65536 bb true
  [[ $(kist run --rm --userns host bb readlink /proc/self/ns/user) == "$(readlink /proc/self/ns/user)" ]]
  fails_with 125 "'--gpus' is not supported" kist run --gpus all bb true
  fails_with 125 "names no registry" kist run --pull always bb true
}

@test "the smallest contradictions are found before anything is made" {
  fails_with 125 'contradict' kist run --rm --restart always bb true
  fails_with 125 'duplicate mount' kist run --rm --tmpfs /x -v /x bb true
  fails_with 125 'network' kist run --rm --network nosuch bb true
  fails_with 125 'not a terminal' kist run --rm -it bb true </dev/null
  [ -z "$(kist ps -aq)" ]
  nothing_left
}
