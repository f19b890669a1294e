#!/usr/bin/env bats
# kist without root: containers, in their own store of an ordinary user.
# shellcheck disable=SC2016 # $ is for the shells inside

load lib
load rootless

setup_file() {
  rootless_setup_file
  rootless_image bb
}
teardown_file() { rootless_teardown_file; }

@test "info tells who is who, the driver, the helper and where limits are" {
  run kist info
  [[ $status == 0 ]]
  [[ $output == *"Storage driver: dir"* && $output == *"Rootless:       yes"* ]]
  [[ $output == *"User ids:       0 is $ROOTLESS_UID, 1-65536 is "* ]]
  [[ $output == *"Network helper: "* && $output == *"Limits:         "* ]]
  [[ $output == *"Store:          $KIST_ROOT/home/.local/share/kist"* ]]
  [[ $output == *"Run state:      $KIST_ROOT/xdg/kist"* ]]
  [[ $(kist info -f '{{.Rootless}}') == true ]]
}

@test "root inside is the user outside, other users are subordinate ids" {
  kist run -d --name who --network none bb sleep 100
  pid=$(kist inspect -f '{{.State.Pid}}' who)
  [[ $(stat -c %u "/proc/$pid") == "$ROOTLESS_UID" ]]
  kist run -d --name other --user www-data --network none bb sleep 100
  pid=$(kist inspect -f '{{.State.Pid}}' other)
  [[ $(awk '/^Uid/ {print $3}' "/proc/$pid/status") == "$(mapped 33)" ]]
  [[ $(kist exec other id -u) == 33 ]]
  kist rm -f who other
}

@test "containers share one user namespace, which ends with the last of them" {
  kist run -d --name n1 --network none bb sleep 100
  kist run -d --name n2 --network none bb sleep 100
  p1=$(kist inspect -f '{{.State.Pid}}' n1)
  p2=$(kist inspect -f '{{.State.Pid}}' n2)
  [[ $(readlink "/proc/$p1/ns/user") == "$(readlink "/proc/$p2/ns/user")" ]]
  # its monitor gone, a container is still found and can be signalled
  monitor=$(sed -n 's/^monitor //p' "$KIST_ROOT"/home/.local/share/kist/containers/"$(kist inspect -f '{{.Id}}' n1)"/state)
  kill -9 "$monitor"
  kist rm -f n2
  [[ $(kist exec n1 echo in) == in ]]
  kist rm -f n1
  ended() { [[ ! -e /proc/$p1 || $(awk '/^State/ {print $2}' "/proc/$p1/status") == Z ]]; }
  eventually ended
}

@test "first commands that start together make one namespace" {
  local i pids=()
  for i in 1 2 3 4; do kist run -d --name "c$i" --network none bb sleep 100 & pids+=($!); done
  wait "${pids[@]}"
  for i in 1 2 3 4; do readlink "/proc/$(kist inspect -f '{{.State.Pid}}' "c$i")/ns/user"; done |
    sort -u >"$BATS_TEST_TMPDIR/ns"
  [[ $(wc -l <"$BATS_TEST_TMPDIR/ns") == 1 ]]
  kist stop -t 0 c1 c2 c3 c4
  kist rm c1 c2 c3 c4
}

@test "exec, logs, ps, stop, kill, start, wait, rm from other shells" {
  kist run -d --name life --network none --user joe bb sh -c 'echo begun; trap "exit 3" TERM; while :; do sleep 0.1; done'
  eventually grep -q begun <(kist logs life)
  [[ $(kist ps --format '{{.Names}} {{.State}}') == "life running" ]]
  [[ $(kist exec -e A=b -w /tmp --user root life sh -c 'id -u; pwd; echo $A' | xargs) == "0 /tmp b" ]]
  kist stop life
  [[ $(kist wait life) == 3 ]]
  kist start life
  kist kill life
  [[ $(kist wait life) == 137 ]]
  kist rm life
  [[ -z $(kist ps -aq) ]]
}

@test "exit statuses are the program's" {
  run kist run --rm --network none bb sh -c 'exit 7'
  [[ $status == 7 ]]
  fails_with 127 "nothere" kist run --rm --network none bb nothere
  fails_with 126 "" kist run --rm --network none bb /etc
}

@test "a terminal" {
  need script
  run as_user script -qec "stty rows 33 cols 77; '$KIST_BUILD/kist' run --rm -it --network none bb sh -c 'tty; stty size; ls -ln /dev/pts/0'" /dev/null
  [[ $output == *"/dev/pts/0"* && $output == *"33 77"* && $output == *" 0 "*"5 "* ]]
}

@test "binds: the user's files are root's inside, and what root makes is the user's" {
  mkdir -p "$KIST_ROOT/home/b"
  echo text >"$KIST_ROOT/home/b/f"
  chown -R "$ROOTLESS_UID" "$KIST_ROOT/home/b"
  [[ $(kist run --rm --network none -v "$KIST_ROOT/home/b:/b" bb sh -c 'stat -c %u /b/f; echo 1 >/b/new; chown 33 /b/new') == 0 ]]
  [[ $(stat -c %u "$KIST_ROOT/home/b/new") == "$(mapped 33)" ]]
  fails_with 1 "Read-only file system" kist run --rm --network none -v "$KIST_ROOT/home/b:/b:ro" bb touch /b/x
  fails_with 1 "Permission denied" kist run --rm --network none --user joe -v "$KIST_ROOT/home/b:/b" bb touch /b/x
}

@test "volumes keep what a container wrote, with its owner" {
  kist run --rm --network none --user root -v data:/d bb sh -c 'echo kept >/d/f; chown joe /d/f'
  [[ $(kist run --rm --network none --user joe -v data:/d bb sh -c 'echo more >>/d/f; cat /d/f' | xargs) == "kept more" ]]
  kist volume rm data
}

@test "read-only roots, tmpfs, limits of processes, devices" {
  fails_with 1 "Read-only file system" kist run --rm --network none --read-only bb touch /x
  [[ $(kist run --rm --network none --read-only --tmpfs /t bb sh -c 'touch /t/x && ls /t') == x ]]
  [[ $(kist run --rm --network none --ulimit core=0 bb sh -c 'ulimit -c') == 0 ]]
  [[ $(kist run --rm --network none --device /dev/zero:/dev/nought bb sh -c 'head -c 3 /dev/nought | wc -c') == 3 ]]
  run kist run --rm --network none bb sh -c 'echo x >/dev/null && head -c 1 /dev/urandom | wc -c; mknod /n c 1 3'
  [[ $status == 1 && $output == *1*"Operation not permitted"* ]]
}

@test "a restart policy and a health check go on in the background" {
  kist run -d --name again --network none --restart on-failure:2 bb sh -c 'echo run; exit 1'
  twice() { [[ $(kist logs again | grep -c run) == 3 ]]; }
  eventually twice
  kist rm -f again
  kist run -d --name fit --network none --health-cmd 'test -e /tmp/ok' --health-interval 100ms --health-retries 1 bb sleep 100
  unfit() { [[ $(kist ps) == *"(unhealthy)"* ]]; }
  fit() { [[ $(kist ps) == *"(healthy)"* ]]; }
  eventually unfit
  kist exec fit touch /tmp/ok
  eventually fit
  kist rm -f fit
}

@test "a limit that cannot be set is warned about once, in one line" {
  run kist run --rm --network none -m 50m --cpus 0.5 --pids-limit 20 bb echo ran
  [[ $status == 0 && ${lines[-1]} == ran ]]
  if [[ $(kist info -f '{{.CgroupDelegated}}') == true ]]; then
    [[ ${#lines[@]} == 1 ]]
  else
    [[ ${#lines[@]} == 2 && ${lines[0]} == *"no limit of memory, CPUs or processes is set: "*"cgroup"* ]]
  fi
  run kist run --rm --network none bb echo quiet
  [[ $output == quiet ]]
}

@test "limits and groups below a delegated control group" {
  [[ $(id -u) == 0 ]] || skip "needs root, to delegate one"
  local tree=/sys/fs/cgroup group=/kist-test-$ROOTLESS_UID
  [[ ! -d $tree/unified ]] || tree=$tree/unified
  [[ -e $tree/cgroup.controllers ]] || skip "this host has no tree of cgroup v2"
  delegated() { CGROUP=delegated kist "$@"; }
  [[ $(delegated info -f '{{.CgroupDelegated}} {{.CgroupParent}}') == "true $group" ]]
  delegated run -d --name in --network none bb sleep 100
  id=$(kist inspect -f '{{.Id}}' in)
  [[ $(cat "$tree$group/kist/$id/cgroup.procs") == "$(kist inspect -f '{{.State.Pid}}' in)" ]]
  [[ $(stat -c %u "$tree$group/kist/$id") == "$ROOTLESS_UID" ]]
  # inside, the group is the root of what can be seen
  [[ $(delegated exec in sed -n 's/^0:://p' /proc/self/cgroup) == / ]]
  run delegated run --rm --network none --pids-limit 7 bb echo ran
  if grep -qw pids "$tree/cgroup.controllers"; then [[ $output == ran ]]; else [[ $output == *"no cgroup controller for: pids"*ran ]]; fi
  delegated rm -f in
  [[ ! -e $tree$group/kist/$id ]]
  find "$tree$group" -depth -type d -exec rmdir {} +
}

@test "the host's namespaces" {
  [[ $(kist run --rm --network host bb ls /sys/class/net | xargs) == "$(ls /sys/class/net | xargs)" ]]
  [[ $(kist run --rm --network host --pid host bb sh -c "readlink /proc/self") -gt 1 ]]
  # with a sysctl of the network, though no procfs can be mounted there
  [[ $(kist run --rm --pid host bb sh -c "readlink /proc/self") -gt 1 ]]
  [[ $(kist run --rm --network host --uts host bb hostname) == "$(hostname)" ]]
  [[ $(kist run --rm --ipc host bb readlink /proc/self/ns/ipc) == "$(readlink /proc/self/ns/ipc)" ]]
  fails_with 125 "needs root" kist run --rm --network bridge bb true
  fails_with 125 "needs the network 'bridge'" kist run --rm --ip 10.0.0.9 bb true
}

@test "files of ids beyond the subordinate ones, and device nodes, are told of" {
  need python3
  python3 - "$KIST_ROOT/odd.tar" <<'P'
import sys, tarfile
t = tarfile.open(sys.argv[1], "w")
for name, uid, kind in (("far", 500000, tarfile.REGTYPE), ("near", 1000, tarfile.REGTYPE), ("node", 0, tarfile.CHRTYPE)):
    i = tarfile.TarInfo(name)
    i.uid = i.gid = uid
    i.type, i.mode = kind, 0o6755
    i.devmajor, i.devminor = 1, 3
    t.addfile(i)
t.close()
P
  chmod 644 "$KIST_ROOT/odd.tar"
  run kist import "$KIST_ROOT/odd.tar" odd
  [[ $status == 0 && $output == *"1 files, 'far' (500000:500000) first"* && $output == *"1 device nodes, 'node' first"* ]]
  printf 'FROM bb\nCOPY --from=odd near /near\nCOPY --from=odd far /far\n' >"$KIST_ROOT/home/Dockerfile"
  kist build -q -t odd2 "$KIST_ROOT/home" >/dev/null
  # the set-id bits of a stranger are not root's
  [[ $(kist run --rm --network none odd2 stat -c '%u %a' /near /far | xargs) == "1000 6755 0 755" ]]
  kist rmi odd2 odd
}

@test "without subordinate ids one id is mapped, and a warning says what to do, once" {
  [[ $(id -u) == 0 ]] || skip "needs root, to take the ids away"
  mkdir -p "$KIST_ROOT/one"
  chown "$ROOTLESS_UID" "$KIST_ROOT/one"
  one() { SUBIDS=empty RUNTIME_DIR=$KIST_ROOT/one kist --root "$KIST_ROOT/one/root" "$@"; }
  run one info
  [[ $status == 0 && $output == *"usermod --add-subuids"*"usermod --add-subgids"* ]]
  [[ $output == *"User ids:       0 is $ROOTLESS_UID"* ]]
  run one import -c 'ENV PATH=/bin' "$KIST_ROOT/rootfs.tar" bb
  [[ $status == 0 && $output != *usermod* ]]
  [[ $(one run --rm --network none bb sh -c 'id -u; echo $$; touch /x; stat -c %u /x' | xargs) == "0 1 0" ]]
  fails_with 125 "nothing can run as user 1234 here: 1 users are mapped" one run --rm --network none --user joe bb true
  [[ $output == *"usermod --add-subuids"* ]]
  one rmi bb
}

@test "what the host must give is named" {
  [[ $(id -u) == 0 ]] || skip "needs root"
  mkdir -p "$KIST_ROOT/bin"
  ln -sf "$(command -v busybox)" "$KIST_ROOT/bin/true"
  mkdir -p "$KIST_ROOT/none"
  chown "$ROOTLESS_UID" "$KIST_ROOT/none"
  USER_PATH=$KIST_ROOT/bin RUNTIME_DIR=$KIST_ROOT/none fails_with 1 "'newuidmap' is not installed" kist images
  [[ $output == *"package uidmap"* ]]
  # a user namespace in which no further one may be made
  run as_user unshare --map-auto -r bash -c '
    echo 0 >/proc/sys/user/max_user_namespaces
    mkdir -p "$HOME/inner" && chown 1000 "$HOME/inner"
    XDG_RUNTIME_DIR=$HOME/inner exec setpriv --reuid 1000 --clear-groups "$0" images' "$KIST_BUILD/kist"
  [[ $status == 1 && $output == *"this host gives none"*"sysctl -w user.max_user_namespaces="* ]]
}

@test "without XDG_RUNTIME_DIR the run directory is one that is the user's alone" {
  [[ $(id -u) == 0 ]] || skip "needs root"
  [[ ! -e /run/user/$ROOTLESS_UID && ! -e /tmp/kist-$ROOTLESS_UID ]] || skip "the place is taken"
  RUNTIME_DIR='' run kist info
  [[ $status == 0 && $output == *"Run state:      /tmp/kist-$ROOTLESS_UID"* ]]
  [[ $(stat -c '%u %a' "/tmp/kist-$ROOTLESS_UID") == "$ROOTLESS_UID 700" ]]
  rm -rf "/tmp/kist-$ROOTLESS_UID"
  mkdir -m 777 "/tmp/kist-$ROOTLESS_UID"
  RUNTIME_DIR='' fails_with 1 "not a directory that you alone can write to" kist info
  rmdir "/tmp/kist-$ROOTLESS_UID"
}

@test "a user without a home is told" {
  run as_user env -u HOME "$KIST_BUILD/kist" images
  [[ $status == 1 && $output == *"neither HOME nor XDG_DATA_HOME is set"* ]]
}

@test "help needs no namespace, and nothing is left behind" {
  run as_user unshare -Ur bash -c 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$0" help run' "$KIST_BUILD/kist"
  [[ $status == 0 && $output == *"kist run"* ]]
  [[ -z $(kist ps -aq) ]]
  [[ -z $(ls "$KIST_ROOT/xdg/kist/containers" "$KIST_ROOT/xdg/kist/net" 2>/dev/null | grep -v :) ]]
  [[ -z $(ls "$KIST_ROOT/home/.local/share/kist/tmp") ]]
  [[ -z $(grep "$KIST_ROOT" /proc/self/mountinfo) ]]
}
