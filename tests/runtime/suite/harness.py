"""What the cases of the conformance suite stand on: a bundle of static busybox for each of them, made
in a moment, and a runtime that is called as container engines call it.

A case is a row: clause, words, what is changed in the configuration, and what must come out.

  case("config.md#root", "a read-only root refuses writes", {"root.readonly": True},
       sh="touch /x 2>&1", out="touch: /x: Read-only file system")

or, where a row cannot say it, a function:

  @check("runtime.md#start", "a second start is an error")
  def _(b): ...

Cases run at the same time: each has its own root file system, id and control group.
"""

import copy
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import array
import subprocess
import tempfile
import threading
import time

CASES = []
TIMEOUT = 30  # seconds for one call of the runtime; nothing here takes one

APPLETS = (
    "sh ash cat echo ls id true false sleep stat touch mkdir rm rmdir ln cp mv chmod chown mount umount "
    "hostname dd head tail wc grep sed awk cut sort tr xargs env printf pwd readlink kill ps test expr tty "
    "stty ulimit uname dirname basename find mknod ip ifconfig sync seq nice renice chrt ionice taskset "
    "date od cmp ipcs mountpoint realpath setsid nproc timeout usleep free"
).split()


class Failed(Exception):
    """What a case wanted and did not get."""


class Skip(Exception):
    """The reason why a case cannot be tried here."""


class Case:
    def __init__(self, clause, words, fn, needs=()):
        self.clause, self.words, self.fn, self.needs = clause, words, fn, needs


def check(clause, words, needs=()):
    def add(fn):
        CASES.append(Case(clause, words, fn, needs))
        return fn

    return add


def case(clause, words, conf=None, sh=None, args=None, out=None, like=None, status=0, error=None, needs=(), rootfs=None):
    """sh or args: the program; out: its whole output (stripped), like: a pattern that is found in it;
    error: create or start must fail, with a message in which this pattern is found (True: any).
    conf: {"path.in.config": value}, or a function of (config, bundle). rootfs: a function of the
    bundle that changes its root file system first."""

    def fn(b):
        if rootfs:
            rootfs(b)
        b.change(conf)
        if sh is not None:
            b.change({"process.args": ["sh", "-c", sh]})
        elif args is not None:
            b.change({"process.args": args})
        r = b.run()
        if error:
            if r.returncode == 0:
                raise Failed(f"no error; output: {r.stdout!r}")
            if error is not True and not re.search(error, r.stderr):
                raise Failed(f"another error than /{error}/: {r.stderr!r}")
            return
        if r.returncode != status:
            raise Failed(f"status {r.returncode}, not {status}: {r.stdout!r} {r.stderr!r}")
        got = r.stdout.strip()
        if out is not None and got != out:
            raise Failed(f"got {got!r}, not {out!r} {r.stderr!r}")
        if like is not None and not re.search(like, got):
            raise Failed(f"got {got!r}, not /{like}/ {r.stderr!r}")

    CASES.append(Case(clause, words, fn, needs))


def run(site, c):
    """The result of a case: (pass, fail or skip; a note)."""
    b = None
    try:
        for need in c.needs:
            why = NEEDS[need](site)
            if why:
                return "skip", why
        b = Bundle(site)
        c.fn(b)
        return "pass", ""
    except Skip as e:
        return "skip", str(e)
    except Failed as e:
        return "fail", str(e)
    except subprocess.TimeoutExpired as e:
        return "fail", f"{e.cmd[-3:]} took longer than {TIMEOUT} s"
    except (AssertionError, OSError, ValueError, KeyError, IndexError) as e:
        return "fail", f"{type(e).__name__}: {e}"
    finally:
        if b:
            b.close()


# ---- where the cases run ----


class Site:
    """A scratch directory, the runtime's own root in it, and what this host has."""

    def __init__(self, words):
        self.words, self.name = words, os.path.basename(words[0])

    def __enter__(self):
        if "crun" in self.name:
            hide_unified()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="kist-conformance.", dir=os.environ.get("TMPDIR", "/var/tmp")))
        self.dir.chmod(0o755)  # a user namespace's root must reach its files
        self.busybox = shutil.which("busybox")
        if not self.busybox:
            raise SystemExit("busybox (busybox-static) is not installed")
        shutil.copy(self.busybox, self.dir / "busybox")
        self.group = f"kist-conformance-{os.getpid()}"
        self.next, self.lock = 0, threading.Lock()
        r = subprocess.run([*self.words, "--version"], capture_output=True, text=True, check=True)
        self.version = r.stdout.splitlines()[0]
        self.cgroups, self.unified = cgroup_mounts()
        return self

    def __exit__(self, *_):
        for d in self.group_dirs():
            end_all(d)
            for sub in sorted(d.rglob("*/"), reverse=True):
                try_rmdir(sub)
            try_rmdir(d)
        shutil.rmtree(self.dir, ignore_errors=True)

    def group_dirs(self):
        places = {*self.cgroups.values(), *([self.unified] if self.unified else [])}
        return [p / self.group for p in places if (p / self.group).is_dir()]

    def left_behind(self):
        """After all cases: containers, control groups, mounts."""
        left = [str(p) for d in self.group_dirs() for p in d.rglob("kt*/")]
        state = self.dir / "state"
        if state.is_dir():
            left += [str(p) for p in state.iterdir() if not p.name.startswith(".")]
        mounts = pathlib.Path("/proc/self/mountinfo").read_text()
        left += [line for line in mounts.splitlines() if str(self.dir) in line]
        return left

    def new_id(self):
        with self.lock:
            self.next += 1
            return f"kt{os.getpid()}-{self.next}"

    @property
    def v2(self):
        return set(self.cgroups) == {""}

    def v2_place(self, controller):
        """Where a controller's hierarchy of version 2 is mounted; None: it is of version 1, or absent."""
        place = self.cgroups[""] if self.v2 else None if controller in self.cgroups else self.unified
        have = (place / "cgroup.controllers").read_text().split() if place else []
        return place if IN_V2.get(controller, controller) in have else None

    def kernel_has(self, controller, names):
        """Whether a group of this kernel has one of the files."""
        top = self.v2_place(controller)
        probe = (top or self.cgroups[controller]) / self.group / "probe"
        probe.mkdir(parents=True, exist_ok=True)
        for d in (probe.parents[1], probe.parents[0]) if top else ():
            (d / "cgroup.subtree_control").write_text("+" + IN_V2.get(controller, controller))
        have = set(os.listdir(probe))
        try_rmdir(probe)
        return not have.isdisjoint(names)


IN_V2 = {"blkio": "io", "devices": "cpu", "freezer": "cpu", "cpuacct": "cpu"}  # names, or who stands for them


def end_all(group):
    """Ends what a runtime has left in a group, of calls that took too long."""
    for _ in range(100):
        pids = [int(pid) for p in group.rglob("cgroup.procs") for pid in p.read_text().split()]
        if not pids:
            return
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.05)


def try_rmdir(p):
    try:
        p.rmdir()
    except OSError:
        pass


def cgroup_mounts():
    """{controller: mount point} and None; where version 2 is alone: {'': its mount point} and None;
    beside version 1: the same and the mount point of version 2."""
    found = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        place, (kind, _, options) = pathlib.Path(left.split()[4]), right.split()[:3]
        if kind == "cgroup2" and (place / "cgroup.controllers").exists():  # and it is not covered
            found.setdefault("", place)
        elif kind == "cgroup":
            for name in options.split(","):
                found.setdefault(name, place)
    return found, found.pop("", None) if len(found) > 1 else None


def hide_unified():
    """crun refuses a version 1 host with a second hierarchy; in a mount namespace of its own this
    program shows the runtime one version only. Nothing outside changes."""
    unified = "/sys/fs/cgroup/unified"
    if not os.path.ismount(unified):
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x20000) != 0:
        return
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    view = tempfile.mkdtemp(prefix="kist-cgroup.", dir="/run")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "view", view], check=True)
    for name in sorted(os.listdir("/sys/fs/cgroup")):
        if name != "unified" and os.path.ismount(f"/sys/fs/cgroup/{name}"):
            os.mkdir(f"{view}/{name}")
            subprocess.run(["mount", "--bind", f"/sys/fs/cgroup/{name}", f"{view}/{name}"], check=True)
    subprocess.run(["mount", "--move", view, "/sys/fs/cgroup"], check=True)
    os.rmdir(view)


def missing_file(path, text):
    return lambda site: None if os.path.exists(path) else text


def controller(*names):
    def why(site):
        missing = [n for n in names if n not in site.cgroups and not site.v2_place(n)]
        return f"no controller {', '.join(missing)} is mounted here" if missing else None

    return why


def no_python_schema(site):
    try:
        import jsonschema  # noqa: F401
    except ImportError:
        return "python3-jsonschema is not installed"
    return None if SCHEMAS.is_dir() else "the specification's schemas are not at hand"


SCHEMAS = pathlib.Path(__file__).resolve().parents[3].parent / "shared/data/runtime-spec-schema"

NEEDS = {
    "v1": lambda site: "this host has cgroup v2" if site.v2 else None,
    "v2": lambda site: None if site.v2 else "this host has cgroup v1",
    "timens": missing_file("/proc/self/ns/time", "no time namespaces"),
    "no-apparmor": lambda site: "this host has AppArmor"
    if pathlib.Path("/sys/module/apparmor/parameters/enabled").exists()
    else None,
    "no-selinux": lambda site: "this host has SELinux" if os.path.exists("/sys/fs/selinux/enforce") else None,
    "no-resctrl": lambda site: "this host has resctrl" if os.path.exists("/sys/fs/resctrl/schemata") else None,
    "schema": no_python_schema,
    "kist": lambda site: None if "kist" in site.name else "a matter of kist's own",
    **{n: controller(n) for n in "memory cpu cpuset pids blkio devices freezer hugetlb net_cls net_prio rdma".split()},
}

# ---- one bundle, one container ----

CAPS = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
MORE_CAPS = CAPS + ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_MKNOD", "CAP_SETUID", "CAP_SETGID", "CAP_SYS_ADMIN"]

BASE = {
    "ociVersion": "1.0.2",
    "process": {
        "terminal": False,
        "user": {"uid": 0, "gid": 0},
        "args": ["true"],
        "env": ["PATH=/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": {k: CAPS for k in ("bounding", "effective", "permitted")},
        "noNewPrivileges": True,
    },
    "root": {"path": "rootfs", "readonly": False},
    "hostname": "conformance",
    "mounts": [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        {
            "destination": "/dev",
            "type": "tmpfs",
            "source": "tmpfs",
            "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
        },
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"],
        },
        {
            "destination": "/dev/shm",
            "type": "tmpfs",
            "source": "shm",
            "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        },
        {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": ["nosuid", "noexec", "nodev"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
    ],
    "linux": {
        "resources": {"devices": [{"allow": False, "access": "rwm"}]},
        "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount")],
        "maskedPaths": ["/proc/kcore"],
        "readonlyPaths": ["/proc/sys"],
    },
}


class Bundle:
    """A bundle, and the container that is made from it. Ids of more containers: id + "-x"."""

    def __init__(self, site):
        self.site, self.id = site, site.new_id()
        self.dir = site.dir / self.id
        self.rootfs = self.dir / "rootfs"
        self.conf = copy.deepcopy(BASE)
        self.conf["linux"]["cgroupsPath"] = f"/{site.group}/{self.id}"
        self.more = []
        for d in ("bin", "proc", "sys", "dev", "tmp", "etc", "root", "data"):
            (self.rootfs / d).mkdir(parents=True)
        (self.rootfs / "tmp").chmod(0o1777)
        os.link(site.dir / "busybox", self.rootfs / "bin/busybox")
        for a in APPLETS:
            os.symlink("busybox", self.rootfs / "bin" / a)
        (self.rootfs / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (self.rootfs / "etc/group").write_text("root:x:0:\n")

    # -- configuration --

    def change(self, conf):
        if callable(conf):
            conf(self.conf, self)
            return
        for path, value in (conf or {}).items():
            at = self.conf
            *steps, last = path.split(".")
            for s in steps:
                at = at.setdefault(s, {}) if isinstance(at, dict) else at[int(s)]
            if value is DELETE:
                at.pop(last, None)
            elif last.endswith("+"):
                at.setdefault(last[:-1], []).extend(value)
            else:
                at[last] = value

    def script(self, text):
        self.conf["process"]["args"] = ["sh", "-c", text]

    def caps(self, *names):
        for k in ("bounding", "effective", "permitted"):
            self.conf["process"]["capabilities"][k] = list(names)

    def namespace(self, kind, path=None):
        spaces = self.conf["linux"]["namespaces"]
        spaces[:] = [n for n in spaces if n["type"] != kind]
        if path != "":
            spaces.append({"type": kind, **({"path": path} if path else {})})

    def write(self, name="config.json", text=None):
        (self.dir / name).write_text(json.dumps(self.conf) if text is None else text)

    # -- the runtime --

    def call(self, *args, ok=None, stdin=None, fds=(), env=None, cwd=None, before=()):
        r = subprocess.run(
            [*self.site.words, "--root", str(self.site.dir / "state"), *before, *map(str, args)],
            stdin=subprocess.DEVNULL if stdin is None else None,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=TIMEOUT,
            pass_fds=fds,
            env=env,
            cwd=cwd,
        )
        if ok is True and r.returncode != 0:
            raise Failed(f"{args[0]}: status {r.returncode}: {r.stderr.strip()}")
        if ok is False and r.returncode == 0:
            raise Failed(f"{args[0]}: no error")
        return r

    def run(self, *options, ok=None, **kw):
        self.write()
        return self.call("run", *options, "--bundle", self.dir, self.id, ok=ok, **kw)

    def output(self, **kw):
        return self.run(ok=True, **kw).stdout.strip()

    def create(self, *options, ok=True, id=None, **kw):
        """Output of the container goes to the file `out`: it outlives the call."""
        self.write()
        if id:
            self.more.append(id)
        with open(self.dir / "out", "ab") as out, open(self.dir / "err", "ab+") as err:
            args = [*self.site.words, "--root", str(self.site.dir / "state"), "create", *map(str, options)]
            r = subprocess.run(
                [*args, "--bundle", str(self.dir), id or self.id],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                timeout=TIMEOUT,
                **kw,
            )
        r.stderr = (self.dir / "err").read_text(errors="replace")
        if ok is True and r.returncode != 0:
            raise Failed(f"create: status {r.returncode}: {r.stderr.strip()}")
        if ok is False and r.returncode == 0:
            raise Failed("create: no error")
        return r

    def started(self, sh="sleep 100", *options):
        self.script(sh)
        self.create(*options)
        self.call("start", self.id, ok=True)

    def out(self):
        return (self.dir / "out").read_text().strip()

    def state(self, id=None):
        return json.loads(self.call("state", id or self.id, ok=True).stdout)

    def status(self, id=None):
        return self.state(id)["status"]

    def pid(self, id=None):
        return self.state(id)["pid"]

    def await_status(self, want, id=None):
        for _ in range(250):
            got = self.status(id)
            if got == want:
                return
            time.sleep(0.02)
        raise Failed(f"the status is {got}, not {want}")

    def await_out(self, text):
        for _ in range(250):
            if text in self.out():
                return
            time.sleep(0.02)
        raise Failed(f"the output is {self.out()!r}, without {text!r}")

    def exec(self, *args, ok=True, **kw):
        return self.call("exec", *args, ok=ok, **kw)

    # -- control groups --

    def group_file(self, name1, name2=None):
        """The content of the container's control file: v1 "memory/memory.limit_in_bytes", v2."""
        kind, name = name1.split("/") if name1 else ("", None)
        place = self.site.cgroups[""] if self.site.v2 else self.site.v2_place(kind)
        if not place:
            place, name2 = self.site.cgroups[kind], name
        return (place / self.site.group / self.id / (name2 or "")).read_text().strip()

    def group_exists(self):
        return any((p / self.site.group / self.id).is_dir() for p in set(self.site.cgroups.values()))

    def close(self):
        for i in (self.id, *self.more):
            try:
                self.call("delete", "--force", i)
            except subprocess.TimeoutExpired:
                pass
        shutil.rmtree(self.dir, ignore_errors=True)


DELETE = object()


class Console:
    """The engine's end of a console socket."""

    def __init__(self, b):
        self.path = str(b.dir / "console.sock")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.listener.settimeout(TIMEOUT)
        self.fd = -1

    def accept(self):
        c, _ = self.listener.accept()
        c.settimeout(TIMEOUT)
        with c:
            _, anc, _, _ = c.recvmsg(4096, socket.CMSG_SPACE(4))
        fds = array.array("i")
        fds.frombytes(anc[0][2][:4])
        self.fd = fds[0]
        return self.fd

    def read_all(self):
        got = b""
        while True:
            try:
                some = os.read(self.fd, 4096)
            except OSError:  # EIO: the other end is closed
                break
            if not some:
                break
            got += some
        os.close(self.fd)
        self.listener.close()
        return got.decode().replace("\r", "").strip()


def expect(condition, text):
    if not condition:
        raise Failed(text)


def equal(got, want):
    if got != want:
        raise Failed(f"got {got!r}, not {want!r}")
