"""The command line of runc and crun, as engines call it; features.md; the documents."""

import json
import os
import pathlib
import re
import subprocess
import sys
import time

from .harness import SCHEMAS, Failed, check, equal, expect

CMD = "runc(8)"


def valid(schema, doc):
    tool = pathlib.Path(__file__).resolve().parents[2] / "data/validate-json"
    r = subprocess.run([sys.executable, str(tool), str(SCHEMAS / schema), "/dev/stdin"], input=json.dumps(doc), capture_output=True, text=True)
    if r.returncode:
        raise Failed(r.stdout + r.stderr)


# ---- documents ----


@check("schema/state-schema.json", "state, in every status", ("schema",))
def _(b):
    b.change({"annotations": {"a": "b"}})
    b.script("sleep 100")
    b.create()
    valid("state-schema.json", b.state())
    b.call("start", b.id, ok=True)
    valid("state-schema.json", b.state())
    b.call("kill", b.id, "KILL", ok=True)
    b.await_status("stopped")
    valid("state-schema.json", b.state())


@check("schema/config-schema.json", "spec", ("schema",))
def _(b):
    d = b.dir / "spec"
    d.mkdir()
    b.call("spec", "--bundle", d, ok=True)
    valid("config-schema.json", json.loads((d / "config.json").read_text()))


@check("schema/config-schema.json", "spec --rootless", ("schema",))
def _(b):
    d = b.dir / "spec"
    d.mkdir()
    b.call("spec", "--bundle", d, "--rootless", ok=True)
    conf = json.loads((d / "config.json").read_text())
    valid("config-schema.json", conf)
    kinds = [n["type"] for n in conf["linux"]["namespaces"]]
    expect("user" in kinds and "network" not in kinds and conf["linux"]["uidMappings"], str(kinds))


@check(CMD, "spec: what it writes can be run")
def _(b):
    (b.dir / "config.json").unlink(missing_ok=True)
    b.call("spec", "--bundle", b.dir, ok=True)
    conf = json.loads((b.dir / "config.json").read_text())
    conf["process"].update(terminal=False, args=["/bin/sh", "-c", "id -u"], env=["PATH=/bin"])
    conf["linux"]["cgroupsPath"] = b.conf["linux"]["cgroupsPath"]
    b.conf = conf
    equal(b.output(), "0")


@check(CMD, "spec: a config that is there is not overwritten")
def _(b):
    b.write()
    b.call("spec", "--bundle", b.dir, ok=False)
    equal(json.loads((b.dir / "config.json").read_text()), b.conf)


@check("schema/features-schema.json", "features", ("schema",))
def _(b):
    valid("features-schema.json", json.loads(b.call("features", ok=True).stdout))


@check("features.md#features-structure", "versions, hooks, mount options, namespaces")
def _(b):
    f = json.loads(b.call("features", ok=True).stdout)
    expect(f["ociVersionMin"].startswith("1.0") and f["ociVersionMax"].startswith("1."), "versions")
    expect({"prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"} <= set(f["hooks"]), str(f["hooks"]))
    expect({"bind", "rbind", "ro", "rro", "tmpcopyup"} <= set(f["mountOptions"]), str(f["mountOptions"]))
    expect({"pid", "network", "ipc", "uts", "mount", "user", "cgroup"} <= set(f["linux"]["namespaces"]), "namespaces")


@check("features-linux.md#capabilities", "every capability that it names is taken")
def _(b):
    caps = json.loads(b.call("features", ok=True).stdout)["linux"]["capabilities"]
    last = int(open("/proc/sys/kernel/cap_last_cap").read())
    expect(len(caps) > last, f"{len(caps)} of {last + 1}")
    b.conf["process"]["capabilities"]["bounding"] = caps
    b.script("echo ok")
    r = b.run(ok=True)
    expect("unknown" not in r.stderr, r.stderr)


@check("features-linux.md#seccomp", "every action, operator and flag that it names is taken")
def _(b):
    s = json.loads(b.call("features", ok=True).stdout)["linux"]["seccomp"]
    calls = []
    for i, a in enumerate(s["actions"]):
        if a != "SCMP_ACT_NOTIFY":  # wants a listener
            calls.append({"names": ["acct"], "action": a, "args": [{"index": 0, "value": i + 1, "op": "SCMP_CMP_EQ"}]})
    for i, o in enumerate(s["operators"]):
        calls.append({"names": ["swapon"], "action": "SCMP_ACT_ERRNO", "args": [{"index": i % 6, "value": 100, "op": o}]})
    flags = [f for f in s.get("supportedFlags", []) if f != "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"]
    b.change({"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], "flags": flags, "syscalls": [c for c in calls if c["action"] != "SCMP_ACT_ALLOW"]}})
    b.script("echo ok")
    equal(b.output(), "ok")


@check("features.md#mount-options", "every mount option that it names is taken")
def _(b):
    names = json.loads(b.call("features", ok=True).stdout)["mountOptions"]
    special = {"idmap", "ridmap", "copy-symlink", "tmpcopyup", "remount", "shared", "rshared", "slave", "rslave", "private", "rprivate", "unbindable", "runbindable", "bind", "rbind", "acl", "noacl", "mand", "nomand", "iversion", "noiversion", "loud", "silent"}
    (b.dir / "src").mkdir()
    for i, n in enumerate(x for x in names if x not in special):
        b.conf["mounts"].append({"destination": f"/m/{i}", "type": "bind", "source": str(b.dir / "src"), "options": ["rbind", n]})
    b.script("echo ok")
    equal(b.output(), "ok")


# ---- global options ----


@check(CMD, "--version: a name, a version, the specification's version")
def _(b):
    text = b.call("--version", ok=True).stdout
    expect(re.search(r"^\S+ version \d", text) and re.search(r"(?m)^spec: 1\.", text), text)


@check(CMD, "--help")
def _(b):
    text = b.call("--help", ok=True).stdout
    expect("create" in text and "--root" in text or "root" in text, text)


@check(CMD, "--log and --log-format json: the reason of a failure in one line")
def _(b):
    b.change({"process.args": ["/no/such/program"]})
    b.write()
    log = b.dir / "log"
    r = b.call("create", "--bundle", b.dir, b.id, before=("--log", log.as_posix(), "--log-format", "json"))
    if r.returncode == 0:
        b.call("start", b.id, ok=False, before=("--log", log.as_posix(), "--log-format", "json"))
    lines = [json.loads(x) for x in log.read_text().splitlines()]
    errors = [x for x in lines if x["level"] == "error"]
    expect(errors, str(lines))
    expect("/no/such/program" in errors[-1]["msg"] and "no such file" in errors[-1]["msg"].lower(), errors[-1]["msg"])
    time.strptime(errors[-1]["time"][:19], "%Y-%m-%dT%H:%M:%S")


@check(CMD, "--log-format json: bytes of the config that are odd stay valid JSON")
def _(b):
    b.change({"process.args": ['/no/"such"\\\n\t\u00e4/program']})
    b.write()
    log = b.dir / "log"
    b.call("run", "--bundle", b.dir, b.id, before=("--log", log.as_posix(), "--log-format", "json"))
    lines = [json.loads(x) for x in log.read_text().splitlines()]
    expect(any(x["level"] == "error" for x in lines), str(lines))


@check(CMD, "messages: what a config calls a file does not move the terminal's cursor", ("kist",))
def _(b):
    b.change({"process.args": ["/no/\x1b[2Jsuch\nprogram"]})
    r = b.run(ok=False)
    expect("\x1b" not in r.stderr and r.stderr.count("\n") == 1, repr(r.stderr))


@check(CMD, "--log-format json without --log: on standard error", ("kist",))
def _(b):
    r = b.call("start", "nosuch", before=("--log-format", "json"))
    equal(json.loads(r.stderr)["level"], "error")


@check(CMD, "--log as text")
def _(b):
    log = b.dir / "log"
    b.call("start", "nosuch", before=("--log", log.as_posix()))
    expect(log.read_text().strip(), "the log is empty")


@check(CMD, "--log-format: an unknown one is an error")
def _(b):
    b.call("list", before=("--log-format", "yaml"), ok=False)


@check(CMD, "--debug, --rootless false, --systemd-cgroup=false are taken", ("kist",))
def _(b):
    b.call("list", before=("--debug", "--rootless", "false", "--systemd-cgroup=false"), ok=True)


@check(CMD, "--cgroup-manager cgroupfs", ("kist",))
def _(b):
    b.call("list", before=("--cgroup-manager", "cgroupfs"), ok=True)
    b.call("list", before=("--cgroup-manager", "foo"), ok=False)


@check(CMD, "global options behind the verb", ("kist",))
def _(b):
    b.call("list", "--debug", "--log", b.dir / "log", ok=True)


@check(CMD, "an unknown option, command, and no command are errors")
def _(b):
    b.call("list", "--no-such-option", ok=False)
    b.call("no-such-command", ok=False)
    b.call("create", "--bundle", ok=False)


# ---- create and run ----


@check(CMD, "run: --pid-file")
def _(b):
    b.script("sleep 100")
    b.create("--pid-file", b.dir / "pid")
    equal((b.dir / "pid").read_text().strip(), str(b.pid()))


@check(CMD, "run: without --bundle the current directory")
def _(b):
    b.script("echo ok")
    b.write()
    equal(b.call("run", b.id, cwd=b.dir, ok=True).stdout.strip(), "ok")


@check(CMD, "run: -b, options with = and behind the id", ("kist",))
def _(b):
    b.script("echo ok")
    b.write()
    equal(b.call("run", "-b", b.dir, b.id, ok=True).stdout.strip(), "ok")
    equal(b.call("run", f"--bundle={b.dir}", b.id, ok=True).stdout.strip(), "ok")
    equal(b.call("run", b.id, "--bundle", b.dir, ok=True).stdout.strip(), "ok")


@check("crun(1)", "run: --config, another config file of the bundle", ("kist",))
def _(b):
    b.script("echo ok")
    b.write("other.json")
    equal(b.call("run", "--bundle", b.dir, "--config", b.dir / "other.json", b.id, ok=True).stdout.strip(), "ok")


@check(CMD, "run: the container is deleted at its end")
def _(b):
    b.run(ok=True)
    b.call("state", b.id, ok=False)


@check(CMD, "run --keep: it is not")
def _(b):
    b.run("--keep", ok=True)
    equal(b.status(), "stopped")


@check(CMD, "run --detach: it goes on")
def _(b):
    b.script("sleep 100")
    b.write()
    out = open(b.dir / "out", "wb")
    words = [*b.site.words, "--root", str(b.site.dir / "state"), "run", "--detach", "--bundle", str(b.dir), b.id]
    equal(subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=20).returncode, 0)
    out.close()
    equal(b.status(), "running")


@check(CMD, "run: signals go to the program, from its first word on")
def _(b):
    b.script("trap 'exit 5' TERM; echo ready; while true; do sleep 0.01; done")
    b.write()
    words = [*b.site.words, "--root", str(b.site.dir / "state"), "run", "--bundle", str(b.dir), b.id]
    for _ in range(5):
        with subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as p:
            p.stdout.readline()
            p.terminate()
            equal(p.wait(20), 5)


@check(CMD, "run --preserve-fds: descriptors from 3 on")
def _(b):
    r, w = os.pipe()  # bash: dash knows no descriptor above 9
    os.write(w, b"through\n")
    os.close(w)
    b.script("cat <&3")
    b.write()
    words = [*b.site.words, "--root", str(b.site.dir / "state"), "run", "--preserve-fds", "1", "--bundle", str(b.dir), b.id]
    got = subprocess.run(["bash", "-c", f'exec 3<&{r}; exec "$@"', "bash", *words], pass_fds=(r,), capture_output=True, text=True, timeout=20)
    os.close(r)
    equal([got.stdout, got.returncode], ["through\n", 0])


@check(CMD, "run --no-pivot")
def _(b):
    b.script("ls / | wc -l")
    equal(b.run("--no-pivot", ok=True).stdout.strip(), "8")


@check(CMD, "run --no-new-keyring, --no-subreaper are taken")
def _(b):
    b.script("echo ok")
    equal(b.run("--no-new-keyring", "--no-subreaper", ok=True).stdout.strip(), "ok")


# ---- kill, delete ----


@check(CMD, "kill --all: every process of the container")
def _(b):
    b.namespace("pid", "")
    b.change({"linux.readonlyPaths": [], "linux.maskedPaths": []})
    b.started("sleep 97 & sleep 97 & wait")
    time.sleep(0.1)
    b.call("kill", "--all", b.id, "KILL", ok=True)
    b.await_status("stopped")
    for _ in range(100):
        mine = subprocess.run(["pgrep", "-f", "^sleep 97$"], capture_output=True, text=True).stdout.split()
        if not mine:
            return
        time.sleep(0.02)
    raise Failed(f"they live: {mine}")


@check(CMD, "delete --force: a running one")
def _(b):
    b.started()
    pid = b.pid()
    b.call("delete", "--force", b.id, ok=True)
    b.call("state", b.id, ok=False)
    expect(not os.path.exists(f"/proc/{pid}/exe") or not os.path.lexists(f"/proc/{pid}/cwd"), "its process lives")


@check(CMD, "delete --force: an unknown one is no error")
def _(b):
    b.call("delete", "--force", "nosuch", ok=True)


@check(CMD, "delete: one that was created and not started")
def _(b):
    b.script("sleep 100")
    b.create()
    b.call("delete", b.id, ok=True)
    expect(not b.group_exists(), "the control group is there")


@check("crun(1)", "delete --regex", ("kist",))
def _(b):
    b.script("sleep 100")
    for n in "12":
        b.change({"linux.cgroupsPath": f"/{b.site.group}/{b.id}-r{n}"})
        b.create(id=f"{b.id}-r{n}")
    b.call("delete", "--force", "--regex", f"^{b.id}-r[12]$", ok=True)
    for n in "12":
        b.call("state", f"{b.id}-r{n}", ok=False)
    b.call("delete", "--regex", "[", ok=False)


@check("crun(1)", "kill --regex", ("kist",))
def _(b):
    b.started()
    b.call("kill", "--regex", f"^{b.id}$", "KILL", ok=True)
    b.await_status("stopped")


# ---- list, ps, pause, events, update ----


@check(CMD, "list --format json: the state, created, owner")
def _(b):
    b.started()
    mine = [x for x in json.loads(b.call("list", "--format", "json", ok=True).stdout) if x["id"] == b.id]
    equal([mine[0]["status"], mine[0]["pid"], mine[0]["bundle"], mine[0]["owner"]], ["running", b.pid(), str(b.dir), "root"])
    time.strptime(mine[0]["created"][:19], "%Y-%m-%dT%H:%M:%S")


@check(CMD, "list: a table, and -q ids alone")
def _(b):
    b.started()
    table = b.call("list", ok=True).stdout.splitlines()
    expect(table[0].split()[:4] == ["ID", "PID", "STATUS", "BUNDLE"], table[0])
    expect(any(x.split()[:3] == [b.id, str(b.pid()), "running"] for x in table), str(table))
    expect(b.id in b.call("list", "-q", ok=True).stdout.split(), "the id is not listed")


@check(CMD, "list: an empty root is an empty list")
def _(b):
    r = subprocess.run([*b.site.words, "--root", str(b.dir / "nothing"), "list", "-f", "json"], capture_output=True, text=True)
    expect(r.returncode == 0 and r.stdout.strip() in ("[]", "null"), f"{r.returncode} {r.stdout!r} {r.stderr!r}")


@check(CMD, "ps --format json: host pids of all processes")
def _(b):
    b.started("sleep 96 & wait")
    time.sleep(0.1)
    got = json.loads(b.call("ps", "--format", "json", b.id, ok=True).stdout)
    expect(b.pid() in got and len(got) == 2, str(got))


@check(CMD, "ps: a table")
def _(b):
    b.started()
    lines = b.call("ps", b.id, ok=True).stdout.splitlines()
    expect("PID" in lines[0] and any(str(b.pid()) in x.split() for x in lines[1:]), str(lines))


@check(CMD, "ps with options of ps(1)")
def _(b):
    b.started()
    lines = b.call("ps", b.id, "-o", "pid,comm", ok=True).stdout.splitlines()
    expect(lines[0].split() == ["PID", "COMMAND"] and lines[1].split()[0] == str(b.pid()), str(lines))


@check(CMD, "pause and resume", ("freezer",))
def _(b):
    b.started("while true; do echo x; usleep 1000; done")
    b.await_out("x")
    b.call("pause", b.id, ok=True)
    equal(b.status(), "paused")
    time.sleep(0.1)
    before = b.out()
    time.sleep(0.1)
    equal(b.out(), before)
    b.call("resume", b.id, ok=True)
    equal(b.status(), "running")
    time.sleep(0.1)
    expect(b.out() != before, "it does not go on")


@check(CMD, "pause twice, resume of a running one, pause of a stopped one are errors", ("freezer",))
def _(b):
    b.started()
    b.call("resume", b.id, ok=False)
    b.call("pause", b.id, ok=True)
    b.call("resume", b.id, ok=True)
    b.call("kill", b.id, "KILL", ok=True)
    b.await_status("stopped")
    b.call("pause", b.id, ok=False)


@check(CMD, "a paused container can be killed and deleted", ("freezer",))
def _(b):
    b.started()
    b.call("pause", b.id, ok=True)
    b.call("delete", "--force", b.id, ok=True)
    b.call("state", b.id, ok=False)


@check(CMD, "events --stats: one document of figures", ("memory", "pids"))
def _(b):
    b.started()
    e = json.loads(b.call("events", "--stats", b.id, ok=True).stdout)
    equal([e["type"], e["id"]], ["stats", b.id])
    expect(e["data"]["memory"]["usage"]["usage"] > 0, "memory")
    expect(e["data"]["pids"]["current"] >= 1, "pids")
    expect("usage" in e["data"]["cpu"], "cpu")


@check(CMD, "events --stats of a stopped one is an error")
def _(b):
    b.started("true")
    b.await_status("stopped")
    b.call("events", "--stats", b.id, ok=False)


def updated(words, options, v1, v2, want1, want2=None, needs=()):
    @check(CMD, f"update {words}", needs)
    def _(b):
        b.change({"linux.resources.memory": {"limit": 64 << 20}})
        b.started()
        b.call("update", *options, b.id, ok=True)
        got = b.group_file(v1, v2)
        expect(got in (want2 or want1).split("|") if b.site.v2 else got == want1, f"got {got!r}")


updated("--memory", ("--memory", "67108864"), "memory/memory.limit_in_bytes", "memory.max", "67108864", needs=("memory",))
updated("--memory-reservation", ("--memory-reservation", "33554432"), "memory/memory.soft_limit_in_bytes", "memory.low", "33554432", needs=("memory",))
updated("--pids-limit", ("--pids-limit", "33"), "pids/pids.max", "pids.max", "33", needs=("pids",))
updated("--cpu-share", ("--cpu-share", "200"), "cpu/cpu.shares", "cpu.weight", "200", "8|29", needs=("cpu",))
updated("--cpu-period, --cpu-quota", ("--cpu-period", "50000", "--cpu-quota", "20000"), "cpu/cpu.cfs_quota_us", "cpu.max", "20000", "20000 50000", needs=("cpu",))
updated("--cpuset-cpus", ("--cpuset-cpus", "0"), "cpuset/cpuset.cpus", "cpuset.cpus", "0", needs=("cpuset",))


@check(CMD, "update --resources -: a document on standard input", ("memory", "pids"))
def _(b):
    b.started()
    b.call("update", "--resources", "-", b.id, stdin='{"pids": {"limit": 44}, "memory": {"limit": 50331648}}', ok=True)
    equal(b.group_file("pids/pids.max", "pids.max"), "44")
    equal(b.group_file("memory/memory.limit_in_bytes", "memory.max"), "50331648")


@check(CMD, "update --resources FILE", ("pids",))
def _(b):
    b.started()
    (b.dir / "r.json").write_text('{"pids": {"limit": 45}}')
    b.call("update", "--resources", b.dir / "r.json", b.id, ok=True)
    equal(b.group_file("pids/pids.max", "pids.max"), "45")


@check(CMD, "update: what is not named stays", ("memory", "pids"))
def _(b):
    b.change({"linux.resources.pids": {"limit": 60}})
    b.started()
    b.call("update", "--memory", "67108864", b.id, ok=True)
    equal(b.group_file("pids/pids.max", "pids.max"), "60")


@check(CMD, "update of an unknown one, with a broken document: errors")
def _(b):
    b.call("update", "--pids-limit", "5", "nosuch", ok=False)
    b.started()
    b.call("update", "--resources", "-", b.id, stdin="{", ok=False)
