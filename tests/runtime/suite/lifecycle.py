"""runtime.md: state, create, start, kill, delete, and their errors."""

import os
import signal
import time

from .harness import Failed, check, equal, expect


def refused(clause, what, *call):
    @check(f"runtime.md#{clause}", f"{what} is an error")
    def _(b):
        b.call(*call, ok=False)


# ---- state ----


@check("runtime.md#state", "id, status, pid, bundle and ociVersion")
def _(b):
    b.started()
    s = b.state()
    equal([s["id"], s["status"], s["bundle"]], [b.id, "running", str(b.dir)])
    expect(s["ociVersion"].startswith("1."), s["ociVersion"])
    os.kill(s["pid"], 0)


@check("runtime.md#state", "the pid is the host's number of the container's first process")
def _(b):
    b.started("cat /proc/self/status >/dev/null; exec sleep 100")
    line = [x for x in open(f"/proc/{b.pid()}/status") if x.startswith("NSpid:")][0]
    equal(line.split()[1:], [str(b.pid()), "1"])


@check("runtime.md#state", "created, then running, then stopped")
def _(b):
    b.script("sleep 100")
    b.create()
    equal(b.status(), "created")
    b.call("start", b.id, ok=True)
    equal(b.status(), "running")
    b.call("kill", b.id, "KILL", ok=True)
    b.await_status("stopped")
    expect(not b.state().get("pid"), "a stopped container has a pid")


@check("runtime.md#state", "stopped when the program ends by itself")
def _(b):
    b.started("exit 3")
    b.await_status("stopped")


refused("query-state", "an unknown container", "state", "nosuch")
refused("query-state", "no id", "state")


# ---- create ----


@check("runtime.md#create", "the program does not run")
def _(b):
    b.script("touch /tmp/ran; sleep 100")
    b.create()
    time.sleep(0.1)
    expect(not (b.rootfs / "tmp/ran").exists(), "it ran")


@check("runtime.md#create", "all resources are there: namespaces, mounts, control group")
def _(b):
    b.script("sleep 100")
    b.create()
    expect(b.group_exists(), "no control group")
    expect(os.readlink(f"/proc/{b.pid()}/ns/net") != os.readlink("/proc/self/ns/net"), "no network namespace")
    expect("/dev/shm" in open(f"/proc/{b.pid()}/mountinfo").read(), "no mounts")


@check("runtime.md#create", "a taken id is an error, and the first one lives on")
def _(b):
    b.started()
    pid = b.pid()
    b.create(ok=False)
    equal([b.status(), b.pid()], ["running", pid])


@check("runtime.md#create", "the id of a stopped one is taken, too")
def _(b):
    b.started("true")
    b.await_status("stopped")
    b.create(ok=False)


def bad_id(text, words, clause="runtime.md#create", needs=()):
    @check(clause, f"the id {words} is an error", needs)
    def _(b):
        b.write()
        b.call("create", "--bundle", b.dir, text, ok=False)
        outside = b.site.dir / "escape"
        expect(not outside.exists(), "something was made outside")


bad_id("", "of no characters")
bad_id("..", "..")
bad_id("../escape", "../escape")
bad_id("a/b", "a/b")
bad_id("a b", "with a blank")
bad_id("a\nb", "with a line feed")
bad_id("ä", "that is not ASCII")
bad_id(".hidden", "with a dot at first", needs=("kist",))
bad_id("x" * 300, "of 300 characters")


@check("runtime.md#create", "ids may have letters, digits and _ + - .")
def _(b):
    for text in ("_x", "+x", "-x", "9a.B_c+d-e"):
        if text == "-x":  # an option for every command line
            continue
        b.script("sleep 100")
        b.change({"linux.cgroupsPath": f"/{b.site.group}/{b.id}-{len(text)}"})
        b.create(id=text)
        b.call("delete", "--force", text, ok=True)


@check("runtime.md#create", "no id is an error")
def _(b):
    b.write()
    b.call("create", "--bundle", b.dir, ok=False)


@check("runtime.md#errors", "a create that fails leaves nothing: the id is free, no control group, no mount")
def _(b):
    b.change({"mounts+": [{"destination": "/x", "type": "nosuchfs", "source": "x"}]})
    b.create(ok=False)
    b.call("state", b.id, ok=False)
    expect(not b.group_exists(), "the control group is still there")
    b.conf["mounts"].pop()
    b.script("echo ok")
    equal(b.output(), "ok")


@check("runtime.md#lifecycle", "changes of config.json after create do not count")
def _(b):
    b.conf["process"]["env"].append("WHICH=first")
    b.script("echo $WHICH first; sleep 100")
    b.create()
    b.conf["process"]["env"][-1] = "WHICH=second"
    b.script("echo $WHICH second; sleep 100")
    b.write()
    b.call("start", b.id, ok=True)
    b.await_out("first")
    equal(b.out(), "first first")


@check("runtime.md#lifecycle", "config.json may be gone after create")
def _(b):
    b.script("echo ok; sleep 100")
    b.create()
    (b.dir / "config.json").unlink()
    b.call("start", b.id, ok=True)
    b.await_out("ok")
    b.exec(b.id, "true")


# ---- start ----


@check("runtime.md#start", "the program runs as the config says")
def _(b):
    b.started("echo started; sleep 100")
    b.await_out("started")


@check("runtime.md#start", "a second start is an error without effect")
def _(b):
    b.started()
    pid = b.pid()
    b.call("start", b.id, ok=False)
    equal([b.status(), b.pid()], ["running", pid])


@check("runtime.md#start", "a stopped container cannot be started")
def _(b):
    b.started("true")
    b.await_status("stopped")
    b.call("start", b.id, ok=False)
    equal(b.status(), "stopped")


refused("start", "an unknown container", "start", "nosuch")
refused("start", "no id", "start")


@check("runtime.md#start", "a program that is not there is an error of create or start")
def _(b):
    b.change({"process.args": ["/no/such/program"]})
    b.run(ok=False)


# ---- kill ----


def killed_by(word, number):
    @check("runtime.md#kill", f"the signal {word}")
    def _(b):
        b.started(f"trap 'echo got {number}; exit' {number}; echo ready; while true; do sleep 0.02; done")
        b.await_out("ready")
        b.call("kill", b.id, word, ok=True)
        b.await_out(f"got {number}")
        b.await_status("stopped")


killed_by("TERM", 15)
killed_by("SIGUSR1", 10)
killed_by("12", 12)
killed_by("HUP", 1)


@check("runtime.md#kill", "no signal means SIGTERM")
def _(b):
    b.started("trap 'echo got; exit' 15; echo ready; while true; do sleep 0.02; done")
    b.await_out("ready")
    b.call("kill", b.id, ok=True)
    b.await_out("got")


@check("runtime.md#kill", "a real-time signal by number")
def _(b):
    b.started(f"trap 'echo got; exit' {signal.SIGRTMIN + 3}; echo ready; while true; do sleep 0.02; done")
    b.await_out("ready")
    b.call("kill", b.id, str(int(signal.SIGRTMIN) + 3), ok=True)
    b.await_out("got")


@check("runtime.md#kill", "a created container can be killed")
def _(b):
    b.script("sleep 100")
    b.create()
    b.call("kill", b.id, "KILL", ok=True)
    b.await_status("stopped")


@check("runtime.md#kill", "a stopped container is an error")
def _(b):
    b.started("true")
    b.await_status("stopped")
    b.call("kill", b.id, "TERM", ok=False)


refused("kill", "an unknown container", "kill", "nosuch", "TERM")


@check("runtime.md#kill", "an unknown signal is an error, and the container lives on")
def _(b):
    b.started()
    b.call("kill", b.id, "NOSUCH", ok=False)
    b.call("kill", b.id, "999", ok=False)
    equal(b.status(), "running")


@check("runtime.md#kill", "signal 0 asks whether it lives", ("kist",))
def _(b):
    b.started()
    b.call("kill", b.id, "0", ok=True)
    equal(b.status(), "running")


refused("kill", "no id", "kill")


# ---- delete ----


@check("runtime.md#delete", "a running container is an error, and lives on")
def _(b):
    b.started()
    b.call("delete", b.id, ok=False)
    equal(b.status(), "running")


refused("delete", "an unknown container", "delete", "nosuch")
refused("delete", "no id", "delete")


@check("runtime.md#delete", "what create made is gone, the bundle is not")
def _(b):
    b.started("true")
    b.await_status("stopped")
    b.call("delete", b.id, ok=True)
    expect(not b.group_exists(), "the control group is still there")
    b.call("state", b.id, ok=False)
    expect((b.dir / "config.json").exists() and (b.rootfs / "bin/sh").is_symlink(), "the bundle is damaged")


@check("runtime.md#delete", "the id is free again")
def _(b):
    for _ in range(2):
        b.started("true")
        b.await_status("stopped")
        b.call("delete", b.id, ok=True)


@check("runtime.md#delete", "a namespace that was joined stays")
def _(b):
    b.started()
    other = b.id + "-x"
    path = f"/proc/{b.pid()}/ns/uts"
    b.namespace("uts", path)
    del b.conf["hostname"]
    b.change({"linux.cgroupsPath": f"/{b.site.group}/{other}"})
    b.create(id=other)
    b.call("delete", "--force", other, ok=True)
    equal(b.exec(b.id, "hostname").stdout.strip(), "conformance")


@check("runtime.md#delete", "every process of the container is gone after it")
def _(b):
    b.started("(trap '' TERM; sleep 99) & sleep 100")
    pid = b.pid()
    kids = open(f"/proc/{pid}/task/{pid}/children").read().split()
    b.call("delete", "--force", b.id, ok=True)
    for p in [pid, *kids]:
        for _ in range(100):
            if not os.path.exists(f"/proc/{p}") or open(f"/proc/{p}/stat").read().split(") ")[1][0] == "Z":
                break
            time.sleep(0.02)
        else:
            raise Failed(f"process {p} lives")
