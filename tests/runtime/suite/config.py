"""config.md: version, root, host name, hooks, annotations, extensibility."""

import json
import os

from .harness import DELETE, BASE, case, check, equal, expect

# ---- version, extensibility, valid values ----

case("config.md#specification-version", "ociVersion is required", {"ociVersion": DELETE}, error=True)
case("config.md#specification-version", "a later version of the same major is taken", {"ociVersion": "1.2.1"}, sh="echo ok", out="ok")
case("config.md#specification-version", "another major version is refused", {"ociVersion": "2.0.0"}, error=True)
case("config.md#extensibility", "unknown properties are ignored", {"org.x": 1, "process.vendor": [1], "linux.vendor": {"a": None}}, sh="echo ok", out="ok")
case("config.md#valid-values", "a namespace that does not exist is an error", {"linux.namespaces+": [{"type": "foo"}]}, error=True)
case("config.md#valid-values", "a value of the wrong type is an error", {"process.cwd": 5}, error=True)
case("config.md#valid-values", "null lists are empty lists", {"process.rlimits": None, "linux.devices": None, "hooks": None}, sh="echo ok", out="ok")


@check("bundle.md#container-format", "no config.json is an error")
def _(b):
    b.call("create", "--bundle", b.dir, b.id, ok=False)


@check("bundle.md#container-format", "a broken config.json is an error")
def _(b):
    b.write(text='{"ociVersion": "1.0.0", ')
    b.call("create", "--bundle", b.dir, b.id, ok=False)


@check("bundle.md#container-format", "a config that is not an object is an error")
def _(b):
    b.write(text="[]")
    b.call("create", "--bundle", b.dir, b.id, ok=False)


# ---- root ----

case("config.md#root", "root is required", {"root": DELETE}, error=True)
case("config.md#root", "a relative path is of the bundle", {"root.path": "rootfs"}, sh="ls /bin/busybox", out="/bin/busybox")
case("config.md#root", "an absolute path is taken", lambda c, b: c["root"].update(path=str(b.rootfs)), sh="echo ok", out="ok")
case("config.md#root", "a directory must be there", {"root.path": "nothing"}, error=True)
case("config.md#root", "a file is no root", lambda c, b: c["root"].update(path=str(b.rootfs / "etc/passwd")), error=True)
case("config.md#root", "a read-only root refuses writes", {"root.readonly": True}, sh="touch /x 2>&1", like="Read-only file system", status=1)
case("config.md#root", "mounts in a read-only root stay writable", {"root.readonly": True}, sh="touch /dev/shm/x && echo ok", out="ok")


@check("config.md#root", "a writable root keeps what is written")
def _(b):
    b.script("echo text >/tmp/file")
    b.output()
    equal((b.rootfs / "tmp/file").read_text(), "text\n")


@check("config.md#root", "the root can be a symbolic link")
def _(b):
    os.symlink("rootfs", b.dir / "link")
    b.change({"root.path": "link"})
    b.script("echo ok")
    equal(b.output(), "ok")


case("config.md#root", "outside of the root nothing is seen", sh="cd /; cd ../../..; ls", out="bin\ndata\ndev\netc\nproc\nroot\nsys\ntmp")

# ---- host name ----

case("config.md#hostname", "the host name is set", {"hostname": "name.of.it"}, sh="hostname", out="name.of.it")
case("config.md#domainname", "the domain name is set", {"domainname": "its.domain"}, sh="cat /proc/sys/kernel/domainname", out="its.domain")


@check("config.md#hostname", "a host name without a UTS namespace of its own is an error")
def _(b):
    b.namespace("uts", "")
    before = os.uname().nodename
    b.run(ok=False)
    equal(os.uname().nodename, before)


# ---- annotations ----


@check("config.md#annotations", "annotations are in the state")
def _(b):
    b.change({"annotations": {"com.example.key": "value", "empty": ""}})
    b.started()
    notes = b.state()["annotations"]
    expect(notes["com.example.key"] == "value" and notes["empty"] == "", str(notes))


case("config.md#annotations", "an annotation that is no string is an error", {"annotations": {"a": 5}}, error=True)

# ---- hooks ----

KINDS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hook(b, kind, script, **more):
    """A hook that runs a script with /bin/sh of the host (startContainer: of the container)."""
    b.conf.setdefault("hooks", {}).setdefault(kind, []).append({"path": "/bin/sh", "args": ["sh", "-c", script], **more})


def shared_file(b, name="log"):
    """A file of the bundle that hooks and the container see at the same path"""
    p = b.dir / name
    p.touch()
    p.chmod(0o666)
    b.conf["mounts"].append({"destination": str(p), "type": "bind", "source": str(p), "options": ["bind", "rw"]})
    return p


@check("config.md#posix-platform-hooks", "all six run, in the order of the life cycle")
def _(b):
    log = shared_file(b)
    for k in KINDS:
        hook(b, k, f"echo {k} >>{log}")
    # poststart runs beside the program: it waits for it
    b.script(f"echo program >>{log}; for i in $(seq 200); do grep -q poststart {log} && break; sleep 0.02; done")
    b.output()
    got = log.read_text().split()
    rest = [w for w in got if w != "program"]
    equal(rest, list(KINDS))
    expect(got.index("startContainer") < got.index("program") < got.index("poststop"), str(got))


@check("config.md#posix-platform-hooks", "hooks of one kind run in the order listed")
def _(b):
    for n in "123":
        hook(b, "createRuntime", f"echo {n} >>{b.dir}/log")
    b.output()
    equal((b.dir / "log").read_text().split(), ["1", "2", "3"])


@check("config.md#posix-platform-hooks", "the state comes on standard input")
def _(b):
    b.change({"annotations": {"k": "v"}})
    hook(b, "createRuntime", f"cat >{b.dir}/state")
    b.output()
    s = json.loads((b.dir / "state").read_text())
    equal([s["id"], s["bundle"], s["ociVersion"] != "", s["annotations"]["k"]], [b.id, str(b.dir), True, "v"])
    expect(s["pid"] > 0, str(s))


def status_in(kind, want):
    @check("config.md#posix-platform-hooks", f"{kind} is told the status {want}")
    def _(b):
        log = shared_file(b)
        hook(b, kind, f"cat >{log}")
        b.script("sleep 0.05")
        b.output()
        equal(json.loads(log.read_text())["status"], want)


status_in("createRuntime", "creating")
status_in("poststart", "running")
status_in("poststop", "stopped")


@check("config.md#posix-platform-hooks", "args are the hook's argv")
def _(b):
    b.conf["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["zero", "-c", f'echo "$0 $1 $2" >{b.dir}/log', "a", "b c", "d"]}]}
    b.output()
    equal((b.dir / "log").read_text(), "a b c d\n")


@check("config.md#posix-platform-hooks", "env is the hook's environment, and all of it")
def _(b):
    hook(b, "createRuntime", f"/usr/bin/env >{b.dir}/log", env=["A=b c"])
    b.output(env={**os.environ, "LEAK": "1"})
    got = (b.dir / "log").read_text().splitlines()
    expect("A=b c" in got and not [v for v in got if v.startswith("LEAK=")], str(got))


@check("config.md#posix-platform-hooks", "createRuntime runs in the runtime's namespaces")
def _(b):
    hook(b, "createRuntime", f"readlink /proc/self/ns/net /proc/self/ns/pid /proc/self/ns/mnt >{b.dir}/log")
    b.output()
    equal((b.dir / "log").read_text().split(), [os.readlink(f"/proc/self/ns/{n}") for n in ("net", "pid", "mnt")])


@check("config.md#posix-platform-hooks", "createContainer runs in the container's namespaces, its path is the runtime's")
def _(b):
    log = shared_file(b)
    names = f"readlink /proc/self/ns/uts >>{log}; readlink /proc/self/ns/mnt >>{log}"
    b.conf["hooks"] = {"createContainer": [{"path": "/usr/bin/env", "args": ["env", "sh", "-c", names], "env": ["PATH=/usr/bin:/bin"]}]}
    b.script(names)
    b.output()
    got = log.read_text().split()
    equal(got[:2], got[2:])


@check("config.md#posix-platform-hooks", "startContainer runs in the container, its path too")
def _(b):
    log = shared_file(b)
    os.link(b.rootfs / "bin/busybox", b.rootfs / "bin/only-here")
    b.conf["hooks"] = {"startContainer": [{"path": "/bin/only-here", "args": ["sh", "-c", f"ls / | tr '\\n' ' ' >{log}"]}]}
    b.output()
    expect("data" in log.read_text().split() and "usr" not in log.read_text().split(), log.read_text())


@check("config.md#posix-platform-hooks", "startContainer runs at start, not at create")
def _(b):
    log = shared_file(b)
    hook(b, "startContainer", f"echo ran >{log}")
    b.script("echo up; sleep 100")
    b.create()
    equal(log.read_text(), "")
    b.call("start", b.id, ok=True)
    b.await_out("up")  # the hook is before the program, which start need not wait for
    equal(log.read_text(), "ran\n")


@check("runtime.md#lifecycle", "a poststart hook that fails is an error, and the container is stopped")
def _(b):
    hook(b, "poststart", "exit 3")
    b.script("sleep 100")
    b.create()
    b.call("start", b.id, ok=False)
    b.await_status("stopped")


def failing(kind):
    @check("runtime.md#lifecycle", f"a {kind} hook that fails is an error: the program does not run, poststop does")
    def _(b):
        hook(b, kind, "exit 3")
        hook(b, "poststop", f"echo post >{b.dir}/post")
        b.script("echo ran >/tmp/ran")
        b.run(ok=False)
        b.call("delete", "--force", b.id)
        expect(not (b.rootfs / "tmp/ran").exists(), "the program ran")
        expect((b.dir / "post").exists(), "poststop did not run")
        expect(not b.group_exists(), "the control group is still there")


for k in KINDS[:4]:
    failing(k)


@check("runtime.md#lifecycle", "a poststop hook that fails does not keep the others, nor the container")
def _(b):
    hook(b, "poststop", "exit 3")
    hook(b, "poststop", f"echo post >{b.dir}/post")
    b.run()
    b.call("delete", "--force", b.id)
    expect((b.dir / "post").exists(), "the second one did not run")
    b.call("state", b.id, ok=False)


@check("config.md#posix-platform-hooks", "a hook that takes longer than its timeout fails")
def _(b):
    hook(b, "createRuntime", "sleep 20", timeout=1)
    b.run(ok=False)


case("config.md#posix-platform-hooks", "a hook's path must be absolute", {"hooks": {"createRuntime": [{"path": "bin/true"}]}}, error=True)
case("config.md#posix-platform-hooks", "a hook that is not there is an error", {"hooks": {"prestart": [{"path": "/no/such/hook"}]}}, error=True)
case("config.md#posix-platform-hooks", "a timeout must be greater than zero", {"hooks": {"createRuntime": [{"path": "/bin/true", "timeout": 0}]}}, error=True, needs=("kist",))
