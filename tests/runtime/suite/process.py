"""config.md#process: the program, its terminal, user, capabilities, limits."""

import ctypes
import os
import re
import resource

from .harness import CAPS, DELETE, MORE_CAPS, Console, Skip, case, check, equal, expect

# ---- program ----

case("config.md#process", "args are argv, blanks and all", args=["sh", "-c", 'echo "$#:$1:$2"', "0", "a b", ""], out="2:a b:")
case("config.md#process", "args are required", {"process.args": DELETE}, error=True)
case("config.md#process", "args must not be empty", {"process.args": []}, error=True)
case("config.md#process", "the program is searched in PATH of env", {"process.env": ["PATH=/nothing:/data"]}, args=["there"], out="found", rootfs=lambda b: program(b, "data/there", "found"))
case("config.md#process", "without PATH in it nothing of the runtime's own is searched", {"process.env": ["PATH=/nothing"]}, args=["true"], error=True)
case("config.md#process", "an absolute path needs no PATH", {"process.env": []}, args=["/bin/echo", "ok"], out="ok")
case("config.md#process", "a path with a slash is relative to cwd", {"process.cwd": "/data"}, args=["./there"], out="found", rootfs=lambda b: program(b, "data/there", "found"))
case("config.md#process", "a directory is no program", {"process.args": ["/data"]}, error=True)
case("config.md#process", "a file that is not executable is no program", {"process.args": ["/etc/passwd"]}, error=True)
case("config.md#process", "commandLine is Windows' own and ignored", {"process.commandLine": "nosuch"}, sh="echo ok", out="ok")
case("config.md#process", "env is the whole environment", {"process.env": ["PATH=/bin", "A=1", "B=two words"]}, args=["env"], like=r"(?s)^(?!.*LEAK)(?=.*A=1)(?=.*B=two words)")
case("config.md#process", "the exit status is the program's", sh="exit 42", status=42)
case("config.md#process", "a program killed by a signal is 128 + its number", lambda c, b: b.namespace("pid", ""), sh="kill -9 $$", status=137)
case("config.md#process", "cwd is the working directory", {"process.cwd": "/tmp"}, sh="pwd", out="/tmp")
case("config.md#process", "cwd is made when it is not there", {"process.cwd": "/made/here"}, sh="pwd", out="/made/here")
case("config.md#process", "a relative cwd is an error", {"process.cwd": "tmp"}, error=True)
case("config.md#process", "cwd is required", {"process.cwd": DELETE}, error=True)
case("config.md#process", "a cwd that is a file is an error", {"process.cwd": "/etc/passwd"}, error=True)


def program(b, path, text):
    p = b.rootfs / path
    p.write_text(f"#!/bin/sh\necho {text}\n")
    p.chmod(0o755)


@check("config.md#process", "nothing of the runtime's environment is in the container")
def _(b):
    b.change({"process.args": ["env"]})
    got = b.output(env={**os.environ, "LEAK": "1"})
    expect("LEAK" not in got, got)


@check("config.md#process", "standard streams are the caller's")
def _(b):
    b.script("cat; echo err >&2")
    r = b.run(ok=True, stdin="text\n")
    equal([r.stdout, r.stderr], ["text\n", "err\n"])


case("runtime-linux.md#file-descriptors", "no others are open", sh="ls /proc/self/fd | wc -l", out="4")


@check("runtime-linux.md#file-descriptors", "a descriptor of the caller does not leak")
def _(b):
    r, w = os.pipe()
    os.set_inheritable(w, True)
    b.script("i=3; while [ $i -lt 100 ]; do [ ! -e /proc/$$/fd/$i ] || readlink /proc/$$/fd/$i; i=$((i + 1)); done")
    got = b.output(fds=(w,))
    os.close(r), os.close(w)
    equal(got, "")


# ---- terminal ----


def in_terminal(b, sh, conf=None):
    b.change({"process.terminal": True, **(conf or {})})
    b.script(sh)
    c = Console(b)
    b.create("--console-socket", c.path)
    c.accept()
    b.call("start", b.id, ok=True)
    return c.read_all()


@check("config.md#process", "terminal: its master goes to the console socket")
def _(b):
    equal(in_terminal(b, "tty"), "/dev/pts/0")


@check("config.md#process", "terminal: the streams are a terminal, and /dev/console is it")
def _(b):
    equal(in_terminal(b, "test -t 0 && test -t 1 && test -t 2 && test -c /dev/console && echo to console >/dev/console"), "to console")


@check("config.md#process", "consoleSize is the size of the terminal")
def _(b):
    equal(in_terminal(b, "stty size", {"process.consoleSize": {"height": 33, "width": 77}}), "33 77")


@check("config.md#process", "the terminal is the controlling one")
def _(b):
    equal(in_terminal(b, "echo from tty >/dev/tty"), "from tty")


case("config.md#process", "consoleSize is ignored without a terminal", {"process.consoleSize": {"height": 3, "width": 7}}, sh="tty", status=1, out="not a tty")


@check("config.md#process", "a terminal and no socket for it is an error of create")
def _(b):
    b.change({"process.terminal": True})
    b.create(ok=False)


@check("config.md#process", "a console socket that is not there is an error")
def _(b):
    b.change({"process.terminal": True})
    b.create("--console-socket", b.dir / "nothing", ok=False)


# ---- user ----

case("config.md#posix-platform-user", "uid and gid", {"process.user": {"uid": 5, "gid": 6}}, sh="id -u; id -g; id -G", out="5\n6\n6")
case("config.md#posix-platform-user", "additionalGids, and no others", {"process.user": {"uid": 5, "gid": 6, "additionalGids": [7, 8]}}, sh="id -G", out="6 7 8")
case("config.md#posix-platform-user", "umask", {"process.user": {"uid": 0, "gid": 0, "umask": 0o027}}, sh="umask", out="0027")
case("config.md#posix-platform-user", "a uid that is negative is an error", {"process.user": {"uid": -1, "gid": 0}}, error=True)
case("config.md#posix-platform-user", "a user that is not root has no capabilities left", {"process.user": {"uid": 5, "gid": 6}}, sh="grep -E 'CapEff|CapPrm' /proc/self/status | cut -f2 | xargs", out="0000000000000000 0000000000000000")
case("config.md#posix-platform-user", "username is not used on Linux", {"process.user": {"uid": 5, "gid": 6, "username": "nobody"}}, sh="id -u", out="5")

# ---- capabilities ----

FEW = f"{1 << 29 | 1 << 5 | 1 << 10:016x}"


def cap_set(words, conf, want):
    case("config.md#linux-process", words, conf, sh="grep '^Cap' /proc/self/status | cut -f2 | xargs", out=want)


NONE = "0" * 16
cap_set("capabilities: bounding, permitted and effective", None, f"{NONE} {FEW} {FEW} {FEW} {NONE}")
cap_set("capabilities: inheritable", {"process.capabilities.inheritable": CAPS}, f"{FEW} {FEW} {FEW} {FEW} {NONE}")
cap_set("capabilities: ambient, for a user that is not root", {"process.user": {"uid": 5, "gid": 5}, "process.capabilities.inheritable": CAPS, "process.capabilities.ambient": ["CAP_KILL"]}, f"{FEW} {1 << 5:016x} {1 << 5:016x} {FEW} {1 << 5:016x}")
cap_set("capabilities: empty sets are empty", {"process.capabilities": {"bounding": [], "effective": [], "permitted": []}}, " ".join([NONE] * 5))
case("config.md#linux-process", "capabilities: one that no kernel knows is warned about, not an error", {"process.capabilities.bounding": [*CAPS, "CAP_NO_SUCH"]}, sh="echo ok", out="ok")
case("config.md#linux-process", "capabilities: what is not in the set is refused", sh="mknod /tmp/x c 1 3 2>&1", status=1, like="not permitted")
case("config.md#linux-process", "capabilities: what is in the set is allowed", lambda c, b: b.caps(*MORE_CAPS), sh="chown 5:5 /tmp && stat -c %u /tmp", out="5")

# ---- limits ----

NUMBERS = {"LOCKS": 10}  # which Python does not name
can_raise = int(re.search(r"CapEff:\s*(\w+)", open("/proc/self/status").read())[1], 16) >> 24 & 1  # CAP_SYS_RESOURCE
if not can_raise:
    case("config.md#posix-process", "a limit that cannot be set is an error", {"process.rlimits": [{"type": "RLIMIT_RTPRIO", "soft": 90, "hard": 90}]}, error=True)

for name, word in (("NOFILE", "open files"), ("CORE", "core file size"), ("NPROC", "processes"), ("FSIZE", "file size"), ("MEMLOCK", "locked memory"), ("STACK", "stack size"), ("SIGPENDING", "pending signals"), ("MSGQUEUE", "msgqueue size"), ("NICE", "nice priority"), ("RTPRIO", "realtime priority"), ("RTTIME", "realtime timeout"), ("LOCKS", "file locks"), ("CPU", "cpu time"), ("AS", "address space"), ("DATA", "data size"), ("RSS", "resident set")):
    big = 1 << 30 if name in ("AS", "DATA", "STACK", "FSIZE") else 1000
    if not can_raise and resource.getrlimit(NUMBERS.get(name) or getattr(resource, f"RLIMIT_{name}"))[1] in range(big):
        continue
    case(
        "config.md#posix-process",
        f"RLIMIT_{name}",
        {"process.rlimits": [{"type": f"RLIMIT_{name}", "soft": big - 100, "hard": big}]},
        sh=f"grep -i '^Max {word}' /proc/self/limits | xargs -n1 | grep -E '^[0-9]+$' | xargs",
        out=f"{big - 100} {big}",
    )
case("config.md#posix-process", "a limit of all ones is unlimited", {"process.rlimits": [{"type": "RLIMIT_CORE", "soft": 2**64 - 1, "hard": 2**64 - 1}]}, sh="grep 'Max core' /proc/self/limits | xargs", like="unlimited unlimited")
case("config.md#posix-process", "an unknown limit is an error", {"process.rlimits": [{"type": "RLIMIT_FOO", "soft": 1, "hard": 1}]}, error=True)
case("config.md#posix-process", "the same limit twice is an error", {"process.rlimits": [{"type": "RLIMIT_CORE", "soft": 1, "hard": 1}] * 2}, error=True)
case("config.md#posix-process", "soft above hard is an error", {"process.rlimits": [{"type": "RLIMIT_CORE", "soft": 2, "hard": 1}]}, error=True)

# ---- the rest of Linux ----

SCHED = "awk '{ print $41, $19, $40 }' /proc/1/stat"  # policy, nice, real-time priority

case("config.md#linux-process", "noNewPrivileges true", {"process.noNewPrivileges": True}, sh="grep NoNewPrivs /proc/self/status | cut -f2", out="1")
case("config.md#linux-process", "noNewPrivileges false", {"process.noNewPrivileges": False}, sh="grep NoNewPrivs /proc/self/status | cut -f2", out="0")
case("config.md#linux-process", "oomScoreAdj is set", {"process.oomScoreAdj": 321}, sh="cat /proc/self/oom_score_adj", out="321")
case("config.md#linux-process", "oomScoreAdj that is not given is not changed", sh="cat /proc/self/oom_score_adj", out=open("/proc/self/oom_score_adj").read().strip())
case("config.md#linux-process", "oomScoreAdj out of range is an error", {"process.oomScoreAdj": 5000}, error=True)
case("config.md#linux-process", "apparmorProfile on a host without AppArmor is an error", {"process.apparmorProfile": "some-profile"}, error=True, needs=("no-apparmor",))
case("config.md#linux-process", "selinuxLabel on a host without SELinux is an error", {"process.selinuxLabel": "system_u:system_r:svirt_lxc_net_t:s0"}, error=True, needs=("no-selinux",))
case("config.md#linux-process", "scheduler: SCHED_BATCH with nice", {"process.scheduler": {"policy": "SCHED_BATCH", "nice": 5}}, sh=SCHED, out="3 5 0")
case("config.md#linux-process", "scheduler: SCHED_FIFO with a priority", {"process.scheduler": {"policy": "SCHED_FIFO", "priority": 10}}, sh=SCHED, like="^1 -?[0-9]+ 10$")
case("config.md#linux-process", "scheduler: SCHED_IDLE", {"process.scheduler": {"policy": "SCHED_IDLE"}}, sh=SCHED, like="^5 ")
case("config.md#linux-process", "scheduler: SCHED_RR with a priority", {"process.scheduler": {"policy": "SCHED_RR", "priority": 7}}, sh=SCHED, like="^2 -?[0-9]+ 7$")
case("config.md#linux-process", "scheduler: SCHED_FLAG_RESET_ON_FORK: children are not real-time", {"process.scheduler": {"policy": "SCHED_FIFO", "priority": 10, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}}, sh="awk '{ print $41 }' /proc/1/stat /proc/self/stat; true", out="1\n0")
case("config.md#linux-process", "scheduler: SCHED_DEADLINE with its three times", {"process.scheduler": {"policy": "SCHED_DEADLINE", "runtime": 1000000, "deadline": 20000000, "period": 30000000, "flags": ["SCHED_FLAG_RESET_ON_FORK"]}}, sh=SCHED, like="^6 ")
case("config.md#linux-process", "scheduler: an unknown flag is an error", {"process.scheduler": {"policy": "SCHED_BATCH", "flags": ["SCHED_FLAG_FOO"]}}, error=True)
case("config.md#linux-process", "scheduler: an unknown policy is an error", {"process.scheduler": {"policy": "SCHED_FOO"}}, error=True)
case("config.md#linux-process", "ioPriority: best effort 4", {"process.ioPriority": {"class": "IOPRIO_CLASS_BE", "priority": 4}}, sh="ionice -p 1", out="best-effort: prio 4")
case("config.md#linux-process", "ioPriority: idle", {"process.ioPriority": {"class": "IOPRIO_CLASS_IDLE", "priority": 0}}, sh="ionice -p 1", like="^idle")
case("config.md#linux-process", "ioPriority: an unknown class is an error", {"process.ioPriority": {"class": "IOPRIO_CLASS_FOO", "priority": 0}}, error=True)
case("config.md#linux-process", "execCPUAffinity does not bind the first process", {"process.execCPUAffinity": {"initial": "0", "final": "0"}}, sh="echo ok", out="ok")


@check("config.md#linux-process", "execCPUAffinity.final binds what exec starts")
def _(b):
    b.change({"process.execCPUAffinity": {"initial": "0", "final": "1" if (os.cpu_count() or 1) > 1 else "0"}})
    b.started()
    got = b.exec(b.id, "grep", "Cpus_allowed_list", "/proc/self/status").stdout.split()[-1]
    equal(got, "1" if (os.cpu_count() or 1) > 1 else "0")


def add_secret():
    """A session keyring for this thread and what it starts, with a key that nobody else may see."""
    add_key, keyctl = {"x86_64": (248, 250), "aarch64": (217, 219)}[os.uname().machine]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(keyctl, 1, b"kist-conformance") < 0:  # KEYCTL_JOIN_SESSION_KEYRING
        raise Skip("the kernel has no keyrings")
    key = libc.syscall(add_key, b"user", b"kist-secret", b"x", 1, -3)
    if key < 0 or libc.syscall(keyctl, 5, key, 0x3F000000) < 0:  # KEYCTL_SETPERM: the possessor alone
        raise Skip(f"no key can be made: {os.strerror(ctypes.get_errno())}")


@check("config.md#linux-process", "the session keyring is not the caller's")
def _(b):
    add_secret()
    b.change({"linux.maskedPaths": []})
    b.script("grep -c kist-secret /proc/keys")
    equal(b.run("--no-new-keyring").stdout.strip(), "1")  # the same, but for the keyring
    equal(b.run().stdout.strip(), "0")
