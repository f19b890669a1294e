#!/usr/bin/env bats
# Past escapes of runc, crun and containerd, tried on kist-runtime; docs/security.md says what stops
# them. Every test says how it is known to try something: lines marked "without the defence" do what a
# careless runtime does, and succeed; "seen to fail" means that a build of kist without the check, or
# with paths of the root resolved as paths of the host are, failed the test.

load lib
load runtime_lib

own_root() { # a root file system for this test alone, writable, in $ROOTFS
  ROOTFS=$B/root
  mkdir "$ROOTFS" && cp -a "$KIST_ROOT/rootfs/." "$ROOTFS"
  conf --arg r "$ROOTFS" '.root = {path: $r}'
}

# The kernel starts /proc/self/exe, which is the host's runtime, with the program interpreter of the
# image: code of the attacker, which could then open /proc/self/exe to overwrite the runtime. A static
# runtime is started as it is, and another process inside can open it through that one. The script
# cannot be read by its user, so that no look at it beforehand can tell.
# Before the runtime hid its executable (child_final.c) the exec succeeded and the image's interpreter
# ran (status 139 from this one); without that file in the image: 127, the kernel looked for it. A
# static one ran: "kist-runtime: unknown command '/evil'".
@test "CVE-2019-5736: the runtime's executable is not there for a program that is /proc/self/exe" {
  own_root
  printf '#!/proc/self/exe\n' >"$ROOTFS/evil"
  chmod 0111 "$ROOTFS/evil"
  local interpreter
  interpreter=$(LC_ALL=C readelf -l "$KIST_BUILD/kist-runtime" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
  if [[ -n $interpreter ]]; then
    mkdir -p "$ROOTFS$(dirname "$interpreter")"
    cp "$ROOTFS/bin/busybox" "$ROOTFS$interpreter"
  fi
  chmod 711 "$KIST_ROOT"
  conf '.process.user.uid = 1000'
  args /evil
  fails_with 1 'exec format error' rt run --bundle "$B" "$ID"
  args sleep 100
  rt create --bundle "$B" "$ID" && rt start "$ID"
  fails_with 255 'exec format error' rt exec "$ID" /evil
  rt delete -f "$ID"
  # the capability for it is that of a user namespace, too
  conf '.linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  chmod 711 "$B"
  args /evil
  fails_with 1 'exec format error' rt run --bundle "$B" "$ID"
  conf 'del(.linux.uidMappings, .linux.gidMappings) | .linux.namespaces |= map(select(.type != "user"))'
  # links and scripts that can be read are named before
  args /proc/self/exe
  fails_with 1 'permission denied' rt run --bundle "$B" "$ID"
  nothing_left
}

# The command line of the runtime (paths of the host) is not what a process of the container sees of
# one that is about to run there, and its capabilities are the container's: the one that was needed
# to hide the executable is gone.
@test "what hides the executable leaves nothing behind" {
  script 'grep -E "Cap(Prm|Eff|Bnd|Amb)" /proc/self/status; readlink /proc/self/exe; ls /proc/self/fd'
  conf '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == CapPrm:*0020 && ${lines[1]} == CapEff:*0020 && ${lines[2]} == CapBnd:*0020 && ${lines[3]} == CapAmb:*0000 ]]
  [[ ${lines[4]} == /bin/busybox ]]
  [[ ${lines[*]:5} == '0 1 2 3' ]]
}

# While exec goes on in a container, its processes look at all that /proc shows of the newcomers.
# Two things refuse: the newcomer is not dumpable, and the kernel compares capabilities. CAP_SYS_PTRACE
# without a user namespace passes both: with it the last part finds what the first must not.
@test "CVE-2016-9962, CVE-2019-5736: who enters a container cannot be looked into" {
  own_root
  script 'while :; do for p in /proc/[0-9]*; do for l in $p/exe $p/cwd $p/root $p/fd/*; do readlink $l; done; done; done 2>/dev/null >/links'
  rt create --bundle "$B" "$ID" && rt start "$ID"
  for _ in 1 2 3 4 5 6 7 8 9 10; do rt exec "$ID" true; done
  rt delete -f "$ID"
  [[ -s $ROOTFS/links ]]
  run grep -E "kist|$KIST_ROOT" "$ROOTFS/links"
  [[ $output == "" ]]
  rm "$ROOTFS/links"
  conf '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"])'
  script 'sleep 100'
  rt create --bundle "$B" "$ID"
  run rt exec --cap CAP_SYS_PTRACE "$ID" readlink /proc/1/exe
  [[ $output == *kist* ]] # without the defence
}

# What the kernel's comparison does not refuse: a container that has every capability which the
# newcomer has kept. Only that it is not dumpable closes it. Seen to fail without that: the
# runtime's executable, its descriptors and its environment could be read.
@test "CVE-2016-9962: nor by a process with the same capabilities" {
  conf '.process.capabilities |= map_values(. + ["CAP_CHECKPOINT_RESTORE"])'
  script 'sleep 100'
  rt create --bundle "$B" "$ID"
  run rt exec --cap CAP_CHECKPOINT_RESTORE "$ID" sh -c 'grep -h CapPrm /proc/1/status /proc/self/status
    cd /proc/1; for f in exe cwd root fd/*; do readlink $f; done; cat environ maps 2>/dev/null | wc -c'
  [[ ${lines[0]} == "${lines[1]}" ]]
  [[ ${lines[*]:2} == 0 ]] || { echo "$output"; return 1; }
  rt delete -f "$ID"
}

# A container that joins the user and the pid namespace of another is seen there as soon as it is cloned,
# with the host's root, before it has run anything. Seen to fail with PR_SET_DUMPABLE only in the new
# process itself (child.c): the loop found the host's file in most of twenty starts.
@test "CVE-2016-9962: who joins another container's namespaces cannot be looked into from the first moment" {
  conf '.process.capabilities |= map_values(. + ["CAP_SYS_PTRACE"]) | .linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  chmod 711 "$B" "$KIST_ROOT"
  script "while :; do for n in $(seq -s ' ' 2 21); do [ -e /proc/\$n/root$B/config.json ] && echo \$n; done; done"
  rt create --bundle "$B" "$ID" 3>&- >"$B/found"
  rt start "$ID"
  local pid
  pid=$(rt state "$ID" | jq .pid)
  conf --arg p "/proc/$pid/ns/" '(.linux.namespaces[] | select(.type | IN("user", "pid"))) |= . + {path: ($p + .type)}
    | del(.linux.uidMappings, .linux.gidMappings)'
  args true
  for _ in $(seq 20); do rt run --bundle "$B" "$ID-b"; done
  rt delete -f "$ID"
  [[ ! -s $B/found ]] || { echo "seen of these:" $(sort -nu "$B/found"); return 1; }
}

# A /proc that is not procfs would take the labels and limits that are written there, and hide masked
# paths. Seen to fail before: the volume over /proc, and the one over its attr, were mounted.
@test "CVE-2019-16884, CVE-2019-19921, CVE-2023-28642: nothing but procfs at /proc, nothing of others in it" {
  own_root
  mkdir -p "$B/fake/self/attr"
  conf --arg b "$B" '.mounts += [{destination: "/proc", source: ($b + "/fake"), options: ["bind"]}]'
  script true
  local where
  for where in /proc //proc/ /tmp/../proc; do
    conf --arg w "$where" '.mounts[-1].destination = $w'
    fails_with 1 "procfs" rt run --bundle "$B" "$ID"
  done
  for where in /proc/self/attr proc/sys /proc/1 /proc/sys/net; do
    conf --arg w "$where" '.mounts[-1].destination = $w'
    fails_with 1 "nothing can be mounted inside of procfs" rt run --bundle "$B" "$ID"
  done
  conf '.mounts[-1] = {destination: "/proc", type: "tmpfs", source: "t"}'
  fails_with 1 "only a procfs can be mounted there" rt run --bundle "$B" "$ID"
  # a part of procfs is not the whole
  conf '.mounts[-1] = {destination: "/proc", source: "/proc/self", options: ["bind"]}'
  fails_with 1 "only a procfs can be mounted there" rt run --bundle "$B" "$ID"
  # by links of the image
  conf 'del(.mounts[-1])'
  rmdir "$ROOTFS/proc" && ln -s /tmp "$ROOTFS/proc"
  fails_with 1 "symbolic link" rt run --bundle "$B" "$ID"
  rm "$ROOTFS/proc" && mkdir "$ROOTFS/proc" && ln -s /proc/self "$ROOTFS/vol"
  conf '.mounts += [{destination: "/vol/attr", source: "/tmp", options: ["bind"]}]'
  fails_with 1 "a link in the root leads into procfs" rt run --bundle "$B" "$ID"
  # by a volume of the image
  busybox_image localhost/base:1
  kist import -c 'VOLUME /proc' "$KIST_ROOT/rootfs.tar" localhost/volume:1 >/dev/null
  fails_with 125 "'/proc': only a procfs can be mounted there" kist run --rm --network none localhost/volume:1 /bin/true
  # what lxcfs does is not hindered
  echo view >"$B/view"
  conf --arg b "$B" '.mounts[-1] = {destination: "/proc/uptime", source: ($b + "/view"), options: ["bind"]}'
  script 'cat /proc/uptime'
  run rt run --bundle "$B" "$ID"
  [[ $output == view ]]
  nothing_left
}

# exchange A B: swaps two names until it is killed, as another container on the same volume could
exchange() {
  python3 - "$@" <<'END_OF_PYTHON' 3>&- &
import ctypes, os, sys
libc, (a, b) = ctypes.CDLL(None), [os.fsencode(x) for x in sys.argv[1:3]]
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(1000):
        libc.renameat2(-100, a, -100, b, 2)
END_OF_PYTHON
  RACER=$!
}

# Another container on the same volume exchanges a directory on the way of a mount for a link to the
# host, over and over. A hook, which runs before the root changes, looks where mounts went. The shell
# below does what a runtime does that checks a path and then uses it: it is led outside within a few
# tries, so the race is one.
@test "CVE-2021-30465, CVE-2024-45310: mounts and missing directories go nowhere else in a race" {
  need python3
  own_root
  mkdir -p "$B/vol/way/target" "$B/out/target" "$B/payload"
  ln -s "$B/out" "$B/vol/link"
  cat >"$B/hook" <<'END'
#!/bin/sh
grep -q " $1/" /proc/self/mountinfo && echo mounted outside >>"$2"
exit 0
END
  chmod 755 "$B/hook"
  conf --arg b "$B" '.mounts += [{destination: "/vol", source: ($b + "/vol"), options: ["rbind"]},
      {destination: "/vol/way/target", source: ($b + "/payload"), options: ["bind"]},
      {destination: "/vol/way/made/deep", type: "tmpfs", source: "t"}]
    | .hooks = {createContainer: [{path: ($b + "/hook"), args: ["hook", ($b + "/out"), ($b + "/log")]}]}'
  script true
  exchange "$B/vol/way" "$B/vol/link"
  local i escaped=0
  for ((i = 0; i < 40; i++)); do
    rt run --bundle "$B" "$ID" >/dev/null 2>&1 || true
  done
  for ((i = 0; i < 300 && !escaped; i++)); do
    escaped=$(unshare -m --propagation private sh -c '
      [ -L "$1/vol/way" ] || mount --bind "$1/payload" "$1/vol/way/target" 2>/dev/null
      grep -c " $1/out/" /proc/self/mountinfo' x "$B" || true)
  done
  kill "$RACER" && wait "$RACER" 2>/dev/null || true
  [[ $escaped -ge 1 ]] # without the defence
  [[ ! -e $B/log ]]
  [[ $(find "$B/out" | sort) == "$B/out"$'\n'"$B/out/target" ]]
  nothing_left
}

# The control group's release agent, run by the host as root. What is in the way, each for itself: the
# filter on unshare, setns, mount and umount (of a place that does not exist, which is what the kernel
# says where no filter does: "without the defence"), a namespace of control groups that shows nothing
# above (the host's: the own group is bound), a mount that cannot be written. Kernels since 5.17 refuse the last step, too. Seen to fail with
# each of these taken out; clone and clone3: tests/unit/runtime/test_seccomp.c.
@test "CVE-2022-0492: no way to a release agent" {
  [[ -e /sys/fs/cgroup/memory/release_agent ]] || skip "no control groups of version 1"
  busybox_image localhost/base:1
  local calls='unshare -U true; nsenter -U/proc/self/ns/user; mount -t cgroup -o memory cgroup /no; umount /no'
  run kist run --rm --network none --security-opt seccomp=unconfined base:1 sh -c "$calls"
  [[ ${lines[0]} == nsenter:*'Invalid argument' && ${lines[1]} == mount:*'No such file'* &&
    ${lines[2]} == umount:*'No such file'* ]] # without the defence
  run kist run --rm --network none base:1 sh -c "$calls"
  [[ ${lines[0]} == unshare:*'not permitted' && ${lines[1]} == nsenter:*'not permitted' &&
    ${lines[2]} == mount:*'permission denied'* && ${lines[3]} == umount:*'not permitted' ]] || { echo "$output"; return 1; }
  run kist run --rm --network none --cgroupns host base:1 find /sys/fs/cgroup -name release_agent
  [[ $output == "" ]]
  run kist run --rm --network none base:1 grep :memory: /proc/self/cgroup
  [[ $output == *:memory:/ ]]
  run kist run --rm --network none base:1 sh -c '
    find / -xdev -name release_agent 2>/dev/null; find /sys/fs/cgroup -name release_agent 2>/dev/null
    for d in /sys/fs/cgroup/*; do echo 1 >$d/notify_on_release; done'
  [[ $output != */release_agent* ]]
  [[ $output == *'/memory/notify_on_release: Read-only file system'* ]]
  [[ $(grep -vc 'Read-only file system$' <<<"$output") == 0 ]]
}

# A descriptor of a host's directory that is still open when the working directory is entered. It is
# kept open here on purpose (--preserve-fds). Seen to fail without the look at getcwd: "ls" listed
# the host's directory.
@test "CVE-2024-21626: no working directory outside, by no descriptor" {
  own_root
  mkdir "$B/host" && touch "$B/host/of-the-host"
  local fd
  args ls
  for fd in 3 4 5 6 7 8 9 10 11 12; do
    conf --arg c "/proc/self/fd/$fd" '.process.cwd = $c'
    run rt run --bundle "$B" "$ID" 9<"$B/host"
    [[ $status -ne 0 && $output != *of-the-host* ]] || { echo "$fd: $output"; return 1; }
  done
  conf '.process.cwd = "/proc/self/fd/9"'
  fails_with 1 "outside the container" rt run --bundle "$B" --preserve-fds 7 "$ID" 9<"$B/host"
  conf '.process.cwd = "/proc/self/fd/9/.."'
  fails_with 1 "outside the container" rt run --bundle "$B" --preserve-fds 7 "$ID" 9<"$B/host"
  conf '.process.cwd = "/"'
  started
  run rt exec --cwd /proc/self/fd/9 --preserve-fds 7 "$ID" ls 9<"$B/host"
  [[ $status -ne 0 && $output == *"outside the container"* ]]
  # nor by a program that lies there
  cp "$ROOTFS/bin/busybox" "$B/host/ls"
  run rt exec "$ID" /proc/self/fd/9/ls 9<"$B/host"
  [[ $status -ne 0 && $output == *"no such file"* ]]
}

# The image's /dev/null is a link to what it wants to have mounted over a masked path. The chroot below
# binds it as runc did: the masked file then shows the host's command line. Seen to fail with the
# image's /dev/null for masks.
@test "CVE-2025-31133: a masked path is covered by the real null device" {
  own_root
  mkdir "$B/dev" && ln -s /proc/cmdline "$B/dev/null"
  rmdir "$ROOTFS/dev" && cp -a "$B/dev" "$ROOTFS/dev"
  run unshare -m --propagation private sh -c 'mount -t proc p "$1/proc" && chroot "$1" sh -c "mount -o bind /dev/null /proc/keys; cat /proc/keys"' x "$ROOTFS"
  [[ $output == "$(</proc/cmdline)" ]] # without the defence
  conf --arg b "$B" '.mounts |= map(select(.destination | startswith("/dev") | not))
    | .mounts += [{destination: "/dev", source: ($b + "/dev"), options: ["bind"]}]
    | .linux.maskedPaths = ["/proc/keys", "/proc/sched_debug"]'
  script 'readlink /dev/null; stat -c "%F %t:%T" /proc/keys; cat /proc/keys'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'/proc/cmdline\ncharacter special file 1:3' ]]
  # where the devices are ours to make, the link is an error
  conf 'del(.mounts[-1])'
  fails_with 1 "'/dev/null': something else is there" rt run --bundle "$B" "$ID"
}

# Runs the bundle with a console socket; what the terminal gets is in $B/out.
with_terminal() {
  need python3
  conf '.process.terminal = true'
  cat >"$B/console.py" <<'END'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + '.new'); s.listen(1); s.settimeout(20)
os.rename(sys.argv[1] + '.new', sys.argv[1])
c, _ = s.accept()
_, anc, _, _ = c.recvmsg(64, socket.CMSG_SPACE(4))
if not anc: sys.exit(0)
fd = array.array('i', anc[0][2][:4])[0]
out = b''
while True:
    try: d = os.read(fd, 100)
    except OSError: break
    if not d: break
    out += d
print(out.decode().replace('\r', ''), end='')
END
  rm -f "$B/sock"
  timeout 30 python3 "$B/console.py" "$B/sock" >"$B/out" 3>&- &
  local reader=$!
  for _ in $(seq 100); do [[ -S $B/sock ]] && break; sleep 0.02; done
  run rt run --console-socket "$B/sock" --bundle "$B" "$ID"
  wait "$reader" || true
}

# The terminal is bound to /dev/console: an image whose /dev is not covered by a mount has a link there,
# to a file of procfs, or to a place where a file shall be made. As the touch shows, whoever goes by
# path is led there. Seen to fail.
@test "CVE-2025-52565, CVE-2026-88264: /dev/console is no way to another place" {
  own_root
  ln -s "$B/made-by-the-runtime" "$ROOTFS/dev/console"
  touch "$ROOTFS/dev/console" && [[ -e $B/made-by-the-runtime ]] # without the defence
  rm "$B/made-by-the-runtime"
  conf '.mounts |= map(select(.destination != "/dev"))'
  script 'tty'
  with_terminal
  [[ $status -ne 0 && $output == *"'/dev/console' in the root is no file"* ]]
  [[ ! -e $B/made-by-the-runtime && ! -e $ROOTFS$B ]]
  ln -sf /proc/sys/kernel/hostname "$ROOTFS/dev/console"
  with_terminal
  [[ $status -ne 0 && $output == *"'/dev/console' in the root is no file"* ]]
  # a file instead of the terminals
  rm -rf "$ROOTFS/dev" && mkdir -p "$ROOTFS/dev/pts" && echo >"$ROOTFS/dev/pts/ptmx"
  conf '.mounts |= map(select(.destination != "/dev/pts"))'
  with_terminal
  [[ $status -ne 0 && $output == *"is no devpts"* ]]
  # and the honest case
  rm -rf "$ROOTFS/dev" && mkdir "$ROOTFS/dev"
  conf '.mounts += [{destination: "/dev/pts", type: "devpts", source: "devpts", options: ["newinstance", "ptmxmode=0666", "mode=0620"]}]'
  script 'echo to-console >/dev/console; stat -c %t:%T /dev/console /dev/pts/0'
  with_terminal
  [[ $(<"$B/out") == $'to-console\n88:0\n88:0' ]]
  nothing_left
}

# Writes for the container that go to procfs are led to a file of the image, or to another file of
# procfs. Whoever writes by path below the root finds the image's file. Seen to fail in its second half.
@test "CVE-2025-52881: what is written to procfs is written to procfs" {
  own_root
  mkdir -p "$ROOTFS/proc/sys/net/ipv4"
  echo 0 >"$ROOTFS/proc/sys/net/ipv4/ip_forward" # without the defence
  conf '.mounts |= map(select(.destination != "/proc")) | .linux.sysctl = {"net.ipv4.ip_forward": "1"}
    | .linux.maskedPaths = [] | .linux.readonlyPaths = []'
  conf '.process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
  script 'cat /proc/sys/net/ipv4/ip_forward; mkdir /p && mount -t proc p /p && cat /p/sys/net/ipv4/ip_forward'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'0\n1' ]]
  # a procfs of the config that something lies over does not take them either
  mkdir "$B/fake" && echo 0 >"$B/fake/ip_forward"
  conf --arg b "$B" '.mounts += [{destination: "/proc", type: "proc", source: "proc"},
    {destination: "/proc/sys/net/ipv4", source: ($b + "/fake"), options: ["bind"]}]'
  fails_with 1 "nothing can be mounted inside of procfs" rt run --bundle "$B" "$ID"
  [[ $(<"$B/fake/ip_forward") == 0 ]]
}

# The runtime itself runs where somebody put another file system over /proc. Without the look at what
# /proc is, the write went to the file that is called oom_score_adj (seen to fail: 500 was in it).
@test "CVE-2025-52881: a /proc of the host that is none is not written to" {
  conf '.process.oomScoreAdj = 500'
  script true
  run unshare -m --propagation private sh -c '
    mkdir -p "$3/p/self" && touch "$3/p/self/oom_score_adj" && mount --bind "$3/p" /proc || exit 9
    "$1" --root "$2" run --bundle "$3" "$4"; cat /proc/self/oom_score_adj' x "$KIST_BUILD/kist-runtime" "$KIST_ROOT/rt" "$B" "$ID"
  [[ $output != *500* && $output == *"'/proc' of the host is not the root of a procfs"* ]] || { echo "$output"; return 1; }
}

# /dev of the image is a link to a directory of the host: nodes and links would be made, and a file named
# ptmx removed, there. "rm" by path does it. Seen to fail.
@test "CVE-2026-47766, CVE-2026-41579: a link for /dev leads nowhere outside" {
  own_root
  mkdir "$B/host" && touch "$B/host/ptmx" "$B/host/null"
  rmdir "$ROOTFS/dev" && ln -s "$B/host" "$ROOTFS/dev"
  rm "$ROOTFS/dev/null" && [[ ! -e $B/host/null ]] # without the defence
  script true
  fails_with 1 "symbolic link" rt run --bundle "$B" "$ID"
  # nothing is mounted on /dev
  conf '.mounts |= map(select(.destination | startswith("/dev") | not))'
  fails_with 1 "'/dev/null'" rt run --bundle "$B" "$ID"
  [[ $(ls "$B/host") == ptmx && -f $B/host/ptmx && ! -L $B/host/ptmx ]]
  mkdir -p "$ROOTFS$B/host" # the place that the link means inside
  rt run --bundle "$B" "$ID"
  [[ $(ls "$B/host") == ptmx && -c $ROOTFS$B/host/null ]]
  # by a relative link, and a link below /dev
  ln -sfn "$(realpath --relative-to="$ROOTFS" "$B/host")" "$ROOTFS/dev"
  rt run --bundle "$B" "$ID" || true
  [[ $(ls "$B/host") == ptmx ]]
  rm "$ROOTFS/dev" && mkdir "$ROOTFS/dev" && ln -s "$B/host" "$ROOTFS/dev/sub"
  conf '.linux.devices = [{path: "/dev/sub/node", type: "c", major: 1, minor: 3}]'
  rt run --bundle "$B" "$ID"
  [[ $(ls "$B/host") == ptmx && -f $B/host/ptmx && -c $ROOTFS$B/host/node ]]
  nothing_left
}

# crun opened the image's /dev/null again for descriptors that were the null device, and made the user
# of the program their owner: here a link to a file that he may not read. The chroot does the first.
# kist opens nothing by that name, and where devices are made the link is an error. Seen to fail with the
# error taken out (the program ran), and with what crun did put in after the root has changed (the file
# was read and had a new owner).
@test "CVE-2026-88265: the image's /dev/null is not opened for the program" {
  own_root
  echo victim >"$ROOTFS/victim" && chmod 600 "$ROOTFS/victim"
  mkdir "$B/dev" && ln -s /victim "$B/dev/null" && ln -s /victim "$ROOTFS/dev/null"
  run chroot "$ROOTFS" sh -c 'cat </dev/null'
  [[ $output == victim ]] # without the defence
  conf '.mounts |= map(select(.destination | startswith("/dev") | not)) | .process.user.uid = 1000'
  chmod 711 "$KIST_ROOT" "$B"
  script true
  fails_with 1 "'/dev/null': something else is there" rt run --bundle "$B" "$ID" </dev/null
  # a /dev that is mounted as it is
  conf --arg b "$B" '.mounts += [{destination: "/dev", source: ($b + "/dev"), options: ["bind"]}]'
  local look='readlink /dev/null; stat -L -c "%F %t:%T" /proc/self/fd/0; cat'
  script "$look"
  run rt run --bundle "$B" "$ID" </dev/null
  [[ $output == $'/victim\ncharacter special file 1:3' ]] || { echo "$output"; return 1; }
  run sh -c 'exec "$@" <&-' x "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --bundle "$B" "$ID"
  [[ $output == $'/victim\ncharacter special file 1:3' ]] || { echo "$output"; return 1; }
  started
  run rt exec "$ID" sh -c "$look" </dev/null
  [[ $output == $'/victim\ncharacter special file 1:3' ]] || { echo "$output"; return 1; }
  [[ $(stat -c "%u %s" "$ROOTFS/victim") == '0 7' ]]
}

# Inheritable capabilities survive an exec of a file that has them: containers begin with none. Seen to
# fail with the permitted ones made inheritable in each of the places where they come from: in
# caps_apply.c, oci/convert.c (the first test), in the commands spec and exec of kist-runtime (the second).
@test "CVE-2022-29162: no inheritable capabilities by default, for run and for exec" {
  busybox_image localhost/base:1
  local how
  for how in '' '--cap-add ALL' '--privileged' '--user 1000'; do
    # shellcheck disable=SC2086
    run kist run --rm --network none $how base:1 grep CapInh /proc/self/status
    [[ ${lines[-1]} == CapInh:*0000000000000000 ]] || { echo "run $how: $output"; return 1; }
  done
  kist run -d --name caps --network none base:1 sleep 100 >/dev/null
  for how in '' '--privileged' '--user 1000'; do
    # shellcheck disable=SC2086
    run kist exec $how caps grep CapInh /proc/self/status
    [[ ${lines[-1]} == CapInh:*0000000000000000 ]] || { echo "exec $how: $output"; return 1; }
  done
  kist rm -f caps >/dev/null
}

# Nor with those of whoever calls the runtime (seen to fail with these kept). With them, a user who is not
# root gets what a file of the image has.
@test "CVE-2022-29162: no capability by a file that has inheritable ones" {
  need setcap setpriv
  own_root
  cp "$ROOTFS/bin/busybox" "$ROOTFS/bin/grep.new" && mv "$ROOTFS/bin/grep.new" "$ROOTFS/bin/grep"
  setcap cap_kill=ei "$ROOTFS/bin/grep"
  conf '.process.user.uid = 1000 | .process.noNewPrivileges = false
    | .process.capabilities |= map_values(["CAP_KILL"]) | .process.capabilities.inheritable = ["CAP_KILL"] | .process.capabilities.ambient = []'
  args grep -E 'Cap(Inh|Eff)' /proc/self/status
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == *0020 && ${lines[1]} == *0020 ]] # without the defence
  conf 'del(.process.capabilities.inheritable)'
  run setpriv --inh-caps +kill "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --bundle "$B" "$ID"
  [[ ${lines[0]} == *0000 && ${lines[1]} == *0000 ]] || { echo "$output"; return 1; }
  started
  run setpriv --inh-caps +kill "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" \
    exec --cap CAP_KILL --user 1000 "$ID" grep -E 'Cap(Inh|Eff)' /proc/self/status
  [[ ${lines[0]} == *0000 && ${lines[1]} == *0000 ]] || { echo "$output"; return 1; }
  mkdir "$B/spec" && rt spec --bundle "$B/spec"
  [[ $(jq '.process.capabilities.inheritable // []' -c "$B/spec/config.json") == '[]' ]]
}

# The numbers that --preserve-fds names and the caller did not use are taken by the runtime's own
# descriptors, among them one of a directory of the host. Seen to fail: they were in the list.
@test "CVE-2024-21626: preserved descriptors are the caller's alone" {
  args ls -l /proc/self/fd
  run rt run --bundle "$B" --preserve-fds 20 "$ID" 7</etc/hostname
  [[ $output == *' 7 -> /etc/hostname'* ]]
  [[ $output != *memfd* && $output != *socket* && $output != *"$KIST_ROOT"* ]]
}

@test "nothing of the caller's environment, keyring, descriptors or working directory comes along" {
  own_root
  script 'env; tr "\0" " " </proc/self/environ; ls -l /proc/self/fd; pwd; tr "\0" " " </proc/1/cmdline'
  export KIST_TEST_SECRET=secret-$RANDOM
  cd "$B"
  run rt run --bundle "$B" "$ID" 5</etc/hostname 20</etc/passwd 200<"$B"
  [[ $output != *"$KIST_TEST_SECRET"* && $output != *"$KIST_ROOT"* && $output != */etc/passwd* && $output != */etc/hostname* ]]
  need keyctl
  conf '.mounts += [["/usr", "/lib", "/lib64"][] | {destination: ., source: ., options: ["rbind", "ro"]}]'
  args keyctl search @s user kist_test_key
  run keyctl session - sh -c 'keyctl add user kist_test_key secret @s && "$@"' x \
    "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --bundle "$B" "$ID"
  [[ $status -ne 0 && $output == *'Required key not available'* ]] || { echo "$output"; return 1; }
}
