"""config-linux.md: namespaces, users, devices, sysctl, seccomp, masked paths and the rest."""

import array
import json
import os
import socket
import threading

from .harness import MORE_CAPS, TIMEOUT, Skip, case, check, equal, expect

# ---- namespaces ----

KINDS = {"pid": "pid", "network": "net", "mount": "mnt", "ipc": "ipc", "uts": "uts", "cgroup": "cgroup", "time": "time"}


def seen(b, name):
    b.script(f"readlink /proc/self/ns/{name}")
    return b.output()


def new_namespace(kind, name):
    @check("config-linux.md#namespaces", f"{kind}: a new one", ("timens",) if kind == "time" else ())
    def _(b):
        b.namespace(kind)
        expect(seen(b, name) != os.readlink(f"/proc/self/ns/{name}"), "it is the host's")


def inherited(kind, name):
    @check("config-linux.md#namespaces", f"{kind}: not listed, so it is the runtime's")
    def _(b):
        b.namespace(kind, "")
        if kind == "uts":
            del b.conf["hostname"]
        if kind in ("network", "pid"):  # sysfs and proc of a namespace that is not ours
            b.change({"linux.readonlyPaths": [], "linux.maskedPaths": []})
        equal(seen(b, name), os.readlink(f"/proc/self/ns/{name}"))


def joined(kind, name):
    @check("config-linux.md#namespaces", f"{kind}: joined by its path")
    def _(b):
        b.namespace(kind)
        b.started()
        pid, other = b.pid(), b.id + "-x"
        want = os.readlink(f"/proc/{pid}/ns/{name}")
        b.namespace(kind, f"/proc/{pid}/ns/{name}")
        if kind == "uts":
            del b.conf["hostname"]
        b.change({"linux.cgroupsPath": f"/{b.site.group}/{other}"})
        b.script("sleep 100")
        b.create(id=other)
        equal(os.readlink(f"/proc/{b.pid(other)}/ns/{name}"), want)


for k, n in KINDS.items():
    new_namespace(k, n)
for k in ("pid", "network", "ipc", "uts"):
    inherited(k, KINDS[k])
for k in ("pid", "network", "ipc", "uts", "cgroup"):
    joined(k, KINDS[k])

case("config-linux.md#namespaces", "pid: the program is number 1", sh="echo $$", out="1")
case("config-linux.md#namespaces", "network: a loopback that is up, nothing else", sh="ip -o link | wc -l; ip -o link show lo | grep -c LOOPBACK.UP", out="1\n1", needs=("kist",))
case("config-linux.md#namespaces", "the same type twice is an error", {"linux.namespaces+": [{"type": "uts"}]}, error=True)
case("config-linux.md#namespaces", "a path of another type is an error", lambda c, b: b.namespace("network", "/proc/self/ns/uts"), error=True)
case("config-linux.md#namespaces", "a path that is not there is an error", lambda c, b: b.namespace("network", "/no/such/ns"), error=True)
case("config-linux.md#namespaces", "a relative path is an error", lambda c, b: b.namespace("network", "proc/self/ns/net"), error=True)
case("config-linux.md#namespaces", "cgroup: the container sees its group as the root", lambda c, b: b.namespace("cgroup"), sh="cut -d: -f3 /proc/self/cgroup | sort -u", like="^/$", needs=("memory",))


@check("config-linux.md#namespaces", "mount: joined by its path, as it is", needs=("kist",))
def _(b):
    b.change({"mounts+": [{"destination": "/joined", "type": "tmpfs", "source": "tmpfs"}]})
    b.started()
    pid, other = b.pid(), b.id + "-x"
    want = os.readlink(f"/proc/{pid}/ns/mnt")
    b.namespace("mount", f"/proc/{pid}/ns/mnt")
    b.change({"mounts": [], "linux.maskedPaths": [], "linux.readonlyPaths": [], "root": {"path": "/"}})
    b.change({"linux.cgroupsPath": f"/{b.site.group}/{other}"})
    b.script("sleep 100")
    b.create(id=other)
    equal(os.readlink(f"/proc/{b.pid(other)}/ns/mnt"), want)
    expect(os.path.ismount(f"/proc/{b.pid(other)}/root/joined"), "the mount is not there")


@check("config-linux.md#namespaces", "user: joined by its path, with the ids that are mapped there")
def _(b):
    b.change(users)
    b.started()
    pid, other = b.pid(), b.id + "-x"
    want = os.readlink(f"/proc/{pid}/ns/user")
    b.namespace("user", f"/proc/{pid}/ns/user")
    for key in ("uidMappings", "gidMappings"):
        del b.conf["linux"][key]
    b.change({"linux.cgroupsPath": f"/{b.site.group}/{other}", "process.user": {"uid": 7, "gid": 8}})
    b.script("sleep 100")
    b.create(id=other)
    equal(os.readlink(f"/proc/{b.pid(other)}/ns/user"), want)
    equal(os.stat(f"/proc/{b.pid(other)}").st_uid, 100007)


@check("config-linux.md#namespaces", "time: joined by its path")
def _(b):
    b.namespace("time")
    b.change({"linux.timeOffsets": {"boottime": {"secs": 1000000, "nanosecs": 0}}})
    b.started()
    pid, other = b.pid(), b.id + "-x"
    b.namespace("time", f"/proc/{pid}/ns/time")
    del b.conf["linux"]["timeOffsets"]
    b.change({"linux.cgroupsPath": f"/{b.site.group}/{other}"})
    b.script("sleep 100")
    b.create(id=other)
    equal(os.readlink(f"/proc/{b.pid(other)}/ns/time"), os.readlink(f"/proc/{pid}/ns/time"))


@check("config-linux.md#namespaces", "changes of the host name stay in the namespace")
def _(b):
    b.caps(*MORE_CAPS)
    before = os.uname().nodename
    b.script("hostname other && hostname")
    equal(b.output(), "other")
    equal(os.uname().nodename, before)


# ---- user namespace ----


def users(c, b):
    b.namespace("user")
    maps = [{"containerID": 0, "hostID": 100000, "size": 1000}]
    c["linux"]["uidMappings"] = c["linux"]["gidMappings"] = maps
    for root, dirs, files in os.walk(b.rootfs):
        for name in (root, *(os.path.join(root, n) for n in dirs + files)):
            if not name.endswith("/busybox"):
                os.lchown(name, 100000, 100000)


UID = "config-linux.md#user-namespace-mappings"
case(UID, "uid and gid maps", users, sh="cat /proc/self/uid_map /proc/self/gid_map | xargs", out="0 100000 1000 0 100000 1000")
case(UID, "root in it owns the root file system and is nobody outside", users, sh="id -u; stat -c %u /tmp; touch /tmp/x && stat -c %u /tmp/x", out="0\n0\n0")
case(UID, "another user in it", lambda c, b: (users(c, b), c["process"].update(user={"uid": 7, "gid": 8})), sh="id -u; id -g", out="7\n8")
case(UID, "several ranges", lambda c, b: (users(c, b), c["linux"].update(uidMappings=[{"containerID": 0, "hostID": 100000, "size": 10}, {"containerID": 10, "hostID": 200000, "size": 5}])), sh="cat /proc/self/uid_map | xargs", out="0 100000 10 10 200000 5")
case(UID, "devices are there", users, sh="echo x >/dev/null && head -c 3 /dev/zero | wc -c", out="3")
case(UID, "proc, sysfs, mqueue and devpts are mounted in it", users, sh="awk '{ print $3 }' /proc/self/mounts | sort -u | grep -cE '^(proc|sysfs|mqueue|devpts)$'", out="4")


@check(UID, "what is written belongs to the mapped user")
def _(b):
    users(b.conf, b)
    b.script("touch /tmp/x")
    b.output()
    equal((b.rootfs / "tmp/x").stat().st_uid, 100000)



@check(UID, "exec enters it")
def _(b):
    users(b.conf, b)
    b.started()
    equal(b.exec(b.id, "cat", "/proc/self/uid_map").stdout.split(), ["0", "100000", "1000"])


# ---- time ----

TIME = "config-linux.md#offset-for-time-namespace"


def time_offsets(**clocks):
    def conf(c, b):
        b.namespace("time")
        c["linux"]["timeOffsets"] = clocks

    return conf


case(TIME, "boottime and monotonic", time_offsets(boottime={"secs": 1000000}, monotonic={"secs": 5, "nanosecs": 7}), sh="xargs -n3 </proc/self/timens_offsets", out="monotonic 5 7\nboottime 1000000 0", needs=("timens",))
case(TIME, "the container's uptime is later", time_offsets(boottime={"secs": 100000000}), sh="cut -d. -f1 /proc/uptime | grep -c '^1000'", out="1", needs=("timens",))
case(TIME, "an unknown clock is an error", time_offsets(realtime={"secs": 1}), error=True, needs=("timens",))
case(TIME, "offsets without the namespace are an error", {"linux.timeOffsets": {"boottime": {"secs": 1}}}, error=True)

# ---- devices ----

DEV = "config-linux.md#devices"


def device(path, kind, major, minor, **more):
    d = {"path": path, "type": kind, **more}
    if kind != "p":
        d.update(major=major, minor=minor)
    return {"linux.devices": [d]}


STAT = "stat -c '%F %t:%T %a %u %g'"
for name, numbers in (("null", "1:3"), ("zero", "1:5"), ("full", "1:7"), ("random", "1:8"), ("urandom", "1:9"), ("tty", "5:0")):
    case("config-linux.md#default-devices", f"/dev/{name}", sh=f"stat -c '%t:%T %a' /dev/{name}", out=f"{numbers} 666")
case("config-linux.md#default-devices", "/dev/ptmx is the container's own", sh="readlink /dev/ptmx || stat -c %t:%T /dev/ptmx", like="^(/dev/)?pts/ptmx$|^5:2$")
case("config-linux.md#default-devices", "they can be used", sh="echo x >/dev/null; head -c 3 /dev/zero | wc -c; head -c 3 /dev/urandom | wc -c; echo x >/dev/full", like=r"^3\n3$", status=1)
case("config-linux.md#default-devices", "no /dev/console without a terminal", sh="test -e /dev/console || echo none", out="none", needs=("kist",))
case("runtime-linux.md#dev-symbolic-links", "fd, stdin, stdout, stderr", sh="for i in fd stdin stdout stderr; do readlink /dev/$i; done | xargs", out="/proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2")
case(DEV, "a character device with mode and owner", device("/dev/x", "c", 1, 3, fileMode=0o640, uid=5, gid=6), sh=f"{STAT} /dev/x", out="character special file 1:3 640 5 6")
case(DEV, "an unbuffered one is a character device", device("/dev/x", "u", 1, 3, fileMode=0o600), sh=f"{STAT} /dev/x", out="character special file 1:3 600 0 0")
case(DEV, "a block device", device("/dev/x", "b", 7, 99, fileMode=0o600), sh=f"{STAT} /dev/x", out="block special file 7:63 600 0 0")
case(DEV, "a fifo", device("/dev/x", "p", 0, 0, fileMode=0o622), sh=f"{STAT} /dev/x", like="^fifo 0:0 622 0 0$")
case(DEV, "below a directory that is not there", device("/dev/made/for/x", "c", 1, 3), sh="test -c /dev/made/for/x && echo ok", out="ok")
case(DEV, "outside of /dev", device("/data/x", "c", 1, 3), sh="test -c /data/x && echo ok", out="ok")
case(DEV, "a default device with another mode", device("/dev/null", "c", 1, 3, fileMode=0o600), sh="stat -c %t:%T /dev/null", out="1:3")
case(DEV, "an unknown type is an error", device("/dev/x", "q", 1, 3), error=True)


@check(DEV, "a file of another kind at the path is an error")
def _(b):
    (b.rootfs / "data/x").write_text("file")
    b.change(device("/data/x", "c", 1, 3))
    b.run(ok=False)


@check(DEV, "a link at the path does not lead out")
def _(b):
    outside = b.dir / "outside"
    outside.mkdir()
    os.symlink(f"../../../../../../..{outside}", b.rootfs / "data/out")
    b.change(device("/data/out/x", "c", 1, 3))
    b.run()
    expect(not os.listdir(outside), "a device was made outside")


# ---- sysctl ----

case("config-linux.md#sysctl", "of the network namespace", {"linux.sysctl": {"net.ipv4.ip_forward": "1", "net.ipv4.ping_group_range": "0 5"}}, sh="cat /proc/sys/net/ipv4/ip_forward; xargs </proc/sys/net/ipv4/ping_group_range", out="1\n0 5")
case("config-linux.md#sysctl", "of the IPC namespace", {"linux.sysctl": {"kernel.msgmax": "9000", "fs.mqueue.msg_max": "20"}}, sh="cat /proc/sys/kernel/msgmax /proc/sys/fs/mqueue/msg_max", out="9000\n20")
case("config-linux.md#sysctl", "kernel.shm_rmid_forced", {"linux.sysctl": {"kernel.shm_rmid_forced": "1"}}, sh="cat /proc/sys/kernel/shm_rmid_forced", out="1")
case("config-linux.md#sysctl", "with slashes instead of dots", {"linux.sysctl": {"net/ipv4/conf/lo/forwarding": "1"}}, sh="cat /proc/sys/net/ipv4/conf/lo/forwarding", out="1")
case("config-linux.md#sysctl", "one of the whole host is refused", {"linux.sysctl": {"vm.overcommit_memory": "1"}}, error=True)
case("config-linux.md#sysctl", "another one of the whole host", {"linux.sysctl": {"kernel.pid_max": "4194304"}}, error=True)
case("config-linux.md#sysctl", "net.* without a network namespace of its own is refused", lambda c, b: (b.namespace("network", ""), c["linux"].update(sysctl={"net.ipv4.ip_forward": "1"}, readonlyPaths=[])), error=True)
case("config-linux.md#sysctl", "kernel.msg* without an IPC namespace of its own is refused", lambda c, b: (b.namespace("ipc", ""), c["linux"].update(sysctl={"kernel.msgmax": "9000"})), error=True)
case("config-linux.md#sysctl", "one that does not exist is an error", {"linux.sysctl": {"net.no_such_thing": "1"}}, error=True)
case("config-linux.md#sysctl", "a path that leads elsewhere is refused", {"linux.sysctl": {"net.ipv4/../../vm/overcommit_memory": "1"}}, error=True)

# ---- seccomp ----

SEC = "config-linux.md#seccomp"


def filtered(*calls, default="SCMP_ACT_ALLOW", **more):
    return {"linux.seccomp": {"defaultAction": default, "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"], "syscalls": list(calls), **more}}


def rule(names, action, **more):
    return {"names": names.split(), "action": action, **more}


MKDIR = "mkdir mkdirat"
case(SEC, "SCMP_ACT_ERRNO is EPERM", filtered(rule(MKDIR, "SCMP_ACT_ERRNO")), sh="mkdir /tmp/x 2>&1", like="Operation not permitted", status=1)
case(SEC, "errnoRet", filtered(rule(MKDIR, "SCMP_ACT_ERRNO", errnoRet=28)), sh="mkdir /tmp/x 2>&1", like="No space left", status=1)
case(SEC, "SCMP_ACT_ALLOW", filtered(rule(MKDIR, "SCMP_ACT_ALLOW")), sh="mkdir /tmp/x && echo ok", out="ok")
case(SEC, "SCMP_ACT_KILL", filtered(rule(MKDIR, "SCMP_ACT_KILL")), sh="mkdir /tmp/x; echo $?", like="159")
case(SEC, "SCMP_ACT_KILL_PROCESS", filtered(rule(MKDIR, "SCMP_ACT_KILL_PROCESS")), sh="mkdir /tmp/x; echo $?", like="159")
case(SEC, "SCMP_ACT_KILL_THREAD", filtered(rule(MKDIR, "SCMP_ACT_KILL_THREAD")), sh="mkdir /tmp/x; echo $?", like="159")
case(SEC, "SCMP_ACT_TRAP", filtered(rule(MKDIR, "SCMP_ACT_TRAP")), sh="mkdir /tmp/x; echo $?", like="159")
case(SEC, "SCMP_ACT_LOG lets it go on", filtered(rule(MKDIR, "SCMP_ACT_LOG")), sh="mkdir /tmp/x && echo ok", out="ok")
case(SEC, "SCMP_ACT_TRACE without a tracer is ENOSYS", filtered(rule(MKDIR, "SCMP_ACT_TRACE", errnoRet=1)), sh="mkdir /tmp/x 2>&1", like="not implemented", status=1)
case(SEC, "defaultErrnoRet", filtered(*[rule("execve exit exit_group read write open openat close brk mmap munmap mprotect arch_prctl set_tid_address set_robust_list rseq prlimit64 readlink readlinkat getrandom fstat newfstatat stat ioctl rt_sigaction rt_sigprocmask getuid geteuid getgid getegid getpid getppid gettid access faccessat faccessat2 fcntl dup2 wait4 clone vfork fork futex sigaltstack getcwd prctl seccomp capset capget setresuid setresgid setgroups setuid setgid umask chdir lseek uname close_range statx sendmsg recvmsg sendto recvfrom epoll_ctl epoll_pwait nanosleep clock_nanosleep sched_yield madvise rt_sigreturn tgkill kill getdents64 fstatfs statfs", "SCMP_ACT_ALLOW")], default="SCMP_ACT_ERRNO", defaultErrnoRet=28), sh="mkdir /tmp/x 2>&1", like="No space left", status=1)
case(SEC, "an errnoRet for an action that has none is an error", filtered(rule(MKDIR, "SCMP_ACT_KILL", errnoRet=5)), error=True, needs=("kist",))
case(SEC, "an unknown action is an error", filtered(rule(MKDIR, "SCMP_ACT_FOO")), error=True)
case(SEC, "an unknown operator is an error", filtered(rule(MKDIR, "SCMP_ACT_ERRNO", args=[{"index": 0, "value": 0, "op": "SCMP_CMP_FOO"}])), error=True)
case(SEC, "an unknown architecture is an error", filtered(architectures=["SCMP_ARCH_FOO"]), error=True)
case(SEC, "a system call that nobody knows is passed over", filtered(rule("no_such_call mkdir mkdirat", "SCMP_ACT_ERRNO")), sh="mkdir /tmp/x 2>&1", like="not permitted", status=1)
case(SEC, "flags: SECCOMP_FILTER_FLAG_LOG", filtered(flags=["SECCOMP_FILTER_FLAG_LOG"]), sh="grep Seccomp: /proc/self/status | cut -f2", out="2")
case(SEC, "flags: SECCOMP_FILTER_FLAG_SPEC_ALLOW", filtered(flags=["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]), sh="grep Seccomp: /proc/self/status | cut -f2", out="2")
case(SEC, "flags: SECCOMP_FILTER_FLAG_TSYNC", filtered(flags=["SECCOMP_FILTER_FLAG_TSYNC"]), sh="grep Seccomp: /proc/self/status | cut -f2", out="2")
case(SEC, "flags: an unknown one is an error", filtered(flags=["SECCOMP_FILTER_FLAG_FOO"]), error=True)
case(SEC, "without noNewPrivileges, too", {**filtered(rule(MKDIR, "SCMP_ACT_ERRNO")), "process.noNewPrivileges": False}, sh="mkdir /tmp/x 2>&1; grep NoNew /proc/self/status | cut -f2", like="(?s)not permitted.*0$")

# chmod(2)'s mode is what is compared
TRIED = [0, 0o21, 0o22, 0o23, 0o27, 0o77]
for op, value, two, holds in (
    ("EQ", 0o22, 0, lambda v: v == 0o22),
    ("NE", 0o22, 0, lambda v: v != 0o22),
    ("LT", 0o22, 0, lambda v: v < 0o22),
    ("LE", 0o22, 0, lambda v: v <= 0o22),
    ("GE", 0o22, 0, lambda v: v >= 0o22),
    ("GT", 0o22, 0, lambda v: v > 0o22),
    ("MASKED_EQ", 0o70, 0o20, lambda v: v & 0o70 == 0o20),
):
    arg = {"index": 1, "value": value, "valueTwo": two, "op": f"SCMP_CMP_{op}"}
    case(
        SEC,
        f"args: SCMP_CMP_{op}",
        filtered(rule("chmod", "SCMP_ACT_ERRNO", args=[arg])),
        sh="touch /tmp/f; for m in " + " ".join(f"{v:o}" for v in TRIED) + "; do chmod $m /tmp/f 2>/dev/null || echo $m; done | xargs",
        out=" ".join(f"{v:o}" for v in TRIED if holds(v)),
    )


class Agent:
    """Takes the listener's message and lets every call fail with an errno (SECCOMP_IOCTL_NOTIF_*)."""

    def __init__(self, path):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(1)
        self.listener.settimeout(TIMEOUT)
        self.message = None
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        import fcntl

        c, _ = self.listener.accept()
        data, anc, _, _ = c.recvmsg(65536, socket.CMSG_SPACE(4))
        while True:
            more = c.recv(65536)
            if not more:
                break
            data += more
        fds = array.array("i")
        fds.frombytes(anc[0][2][:4])
        self.message = json.loads(data)
        req = bytearray(80)
        fcntl.ioctl(fds[0], 0xC0502100, req)  # SECCOMP_IOCTL_NOTIF_RECV
        resp = bytearray(24)
        resp[0:8] = req[0:8]
        resp[16:20] = (-28).to_bytes(4, "little", signed=True)
        fcntl.ioctl(fds[0], 0xC0182101, resp)  # SECCOMP_IOCTL_NOTIF_SEND
        os.close(fds[0])


@check(SEC, "SCMP_ACT_NOTIFY: the listener gets the descriptor and the state, and decides")
def _(b):
    path = str(b.dir / "agent.sock")
    agent = Agent(path)
    b.change(filtered(rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath=path, listenerMetadata="some data"))
    b.script("mkdir /tmp/x 2>&1")
    r = b.run()
    expect("No space left" in r.stdout, f"{r.stdout!r} {r.stderr!r}")
    m = agent.message
    equal([m["fds"], m["metadata"], m["state"]["id"]], [["seccompFd"], "some data", b.id])
    expect(m["pid"] == m["state"]["pid"] > 0, str(m))


case(SEC, "SCMP_ACT_NOTIFY without a listenerPath is an error", filtered(rule(MKDIR, "SCMP_ACT_NOTIFY")), error=True)
case(SEC, "a listener that is not there is an error", filtered(rule(MKDIR, "SCMP_ACT_NOTIFY"), listenerPath="/no/such.sock"), error=True)

for missing in ("major", "minor"):
    case(
        "config-linux.md#devices",
        f"a character device without a {missing} number is an error",
        {"linux.devices": [{"path": "/dev/foo", "type": "c", "minor" if missing == "major" else "major": 1}]},
        error=True,
        needs=("kist",),
    )

# ---- the root's propagation ----

PROP = "config-linux.md#rootfs-mount-propagation"
ROOT = "awk '$5 == \"/\" { s = \"\"; for (i = 7; $i != \"-\"; i++) s = s $i; print s }' /proc/self/mountinfo"
case(PROP, "private", {"linux.rootfsPropagation": "private"}, sh=ROOT, out="")
case(PROP, "shared", {"linux.rootfsPropagation": "shared"}, sh=ROOT, like="^shared:")
case(PROP, "slave", {"linux.rootfsPropagation": "slave"}, sh=ROOT, like="^(master:[0-9]+)?$")
case(PROP, "unbindable", {"linux.rootfsPropagation": "unbindable"}, sh=ROOT, out="unbindable")
BELOW = "awk '$5 ~ \"^/(proc|dev|dev/pts)$\" { s = \"\"; for (i = 7; $i != \"-\"; i++) s = s $i; sub(/:.*/, \"\", s); print $5 s }' /proc/self/mountinfo"
case(PROP, "shared: the root's own mount alone", {"linux.rootfsPropagation": "shared"}, sh=BELOW, out="/proc\n/dev\n/dev/pts")
case(PROP, "rshared: the mounts below it, too", {"linux.rootfsPropagation": "rshared"}, sh=BELOW, out="/procshared\n/devshared\n/dev/ptsshared")
case(PROP, "an unknown word is an error", {"linux.rootfsPropagation": "foo"}, error=True)

# ---- masked and read-only paths ----

MASK = "config-linux.md#masked-paths"
case(MASK, "a file reads as empty", {"linux.maskedPaths": ["/proc/version"]}, sh="wc -c </proc/version", out="0")
case(MASK, "a directory is empty and cannot be written", {"linux.maskedPaths": ["/data"]}, sh="ls /data | wc -l; touch /data/x 2>/dev/null || echo refused", out="0\nrefused", rootfs=lambda b: (b.rootfs / "data/file").touch())
case(MASK, "what is not there is passed over", {"linux.maskedPaths": ["/proc/nothing", "/nothing"]}, sh="echo ok", out="ok")


@check(MASK, "a file of the image")
def _(b):
    b.change({"linux.maskedPaths": ["/etc/passwd"]})
    b.script("wc -c </etc/passwd")
    equal(b.output(), "0")


RO = "config-linux.md#readonly-paths"
case(RO, "a file", {"linux.readonlyPaths": ["/etc/passwd"]}, sh="cat /etc/passwd | wc -l; echo x >>/etc/passwd || echo refused", out="1\nrefused")
case(RO, "a directory and what is below", {"linux.readonlyPaths": ["/data"]}, sh="touch /data/x 2>/dev/null || echo refused; touch /tmp/x && echo ok", out="refused\nok")
case(RO, "/proc/sys", sh="echo 1 2>/dev/null >/proc/sys/net/ipv4/ip_forward || echo refused", out="refused")
case(RO, "what is not there is passed over", {"linux.readonlyPaths": ["/nothing"]}, sh="echo ok", out="ok")

# ---- labels, RDT, personality, and 1.3 ----

case("config-linux.md#mount-label", "a label on a host without SELinux is an error", {"linux.mountLabel": "system_u:object_r:svirt_sandbox_file_t:s0"}, error=True, needs=("no-selinux",))
case("config-linux.md#intelrdt", "without resctrl it is an error", {"linux.intelRdt": {"closID": "x", "l3CacheSchema": "L3:0=f"}}, error=True, needs=("no-resctrl",))
case("config-linux.md#personality", "LINUX32", {"linux.personality": {"domain": "LINUX32"}}, sh="uname -m", like="^i.86$")
case("config-linux.md#personality", "LINUX", {"linux.personality": {"domain": "LINUX"}}, sh="uname -m", out=os.uname().machine)
case("config-linux.md#personality", "an unknown domain is an error", {"linux.personality": {"domain": "FOO"}}, error=True)
case("config-linux.md#personality", "flags are an error: there are none", {"linux.personality": {"domain": "LINUX", "flags": ["FOO"]}}, error=True)


@check("config-linux.md#network-devices", "netDevices: an interface of the runtime's namespace moves into the container's, and is renamed")
def _(b):
    import subprocess

    name = f"kc{os.getpid() % 10000}x{b.id.split('-')[-1]}"[:15]
    kinds = (["dummy"], ["veth", "peer", "name", "p" + name[1:]])
    if all(subprocess.run(["ip", "link", "add", name, "type", *k], capture_output=True).returncode for k in kinds):
        raise Skip("this kernel has neither dummy nor veth interfaces")
    try:
        b.change({"linux.netDevices": {name: {"name": "moved0"}}})
        b.script("ip -o link show moved0 | wc -l")
        equal(b.output(), "1")
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True)


case("config-linux.md#network-devices", "netDevices: an interface that is not there is an error", {"linux.netDevices": {"nosuch0": {}}}, error=True)
case("config-linux.md#memory-policy", "memoryPolicy: bound to node 0", {"linux.memoryPolicy": {"mode": "MPOL_BIND", "nodes": "0"}}, sh="grep -c 'bind:0' /proc/self/numa_maps | grep -qv '^0' && echo ok", out="ok")
case("config-linux.md#memory-policy", "memoryPolicy: an unknown mode is an error", {"linux.memoryPolicy": {"mode": "MPOL_FOO", "nodes": "0"}}, error=True)
