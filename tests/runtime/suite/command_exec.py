"""exec, as engines call it."""

import json
import os
import subprocess

from .harness import Console, check, equal, expect

CMD = "runc(8)"


@check(CMD, "exec: the program's output and status")
def _(b):
    b.started()
    r = b.exec(b.id, "sh", "-c", "echo out; echo err >&2; exit 9", ok=None)
    equal([r.stdout, r.stderr, r.returncode], ["out\n", "err\n", 9])


@check(CMD, "exec: killed by a signal is 128 + its number", ("kist",))
def _(b):
    b.started()
    equal(b.exec(b.id, "sh", "-c", "kill -9 $$", ok=None).returncode, 137)


@check(CMD, "exec: in all namespaces and the control group of the container")
def _(b):
    b.started()
    names = ("pid", "net", "ipc", "uts", "mnt")
    got = b.exec(b.id, "sh", "-c", "for i in " + " ".join(names) + "; do readlink /proc/self/ns/$i; done").stdout.split()
    equal(got, [os.readlink(f"/proc/{b.pid()}/ns/{n}") for n in names])


@check(CMD, "exec: capabilities, no-new-privileges and the filter are the container's")
def _(b):
    b.change({"linux.seccomp": {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}})
    b.started()
    lines = r"grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/$p/status | cut -f2 | xargs"
    first, second = (b.exec(b.id, "sh", "-c", f"p={p}; {lines}").stdout for p in ("1", "self"))
    equal(first, second)
    b.exec(b.id, "mkdir", "/tmp/x", ok=False)


@check(CMD, "exec --cwd, --env, --user, --additional-gids")
def _(b):
    b.started()
    r = b.exec("--cwd", "/tmp", "--env", "A=1", "-e", "B=two words", "--user", "5:6", "--additional-gids", "7", "-g", "8", b.id, "sh", "-c", 'pwd; echo "$A $B"; id -u; id -G')
    equal(r.stdout, "/tmp\n1 two words\n5\n6 7 8\n")


@check(CMD, "exec: the environment is the config's")
def _(b):
    b.conf["process"]["env"].append("FROM=config")
    b.started()
    equal(b.exec(b.id, "sh", "-c", "echo $FROM").stdout, "config\n")


@check(CMD, "exec --env replaces a variable of the config")
def _(b):
    b.conf["process"]["env"].append("A=old")
    b.started()
    equal(b.exec("--env", "A=new", b.id, "env").stdout.count("A="), 1)
    equal(b.exec("--env", "A=new", b.id, "sh", "-c", "echo $A").stdout, "new\n")
    b.exec("--env", "NOVALUE", b.id, "true", ok=None)


@check(CMD, "exec --process with other options: they count, too", ("kist",))
def _(b):
    b.started()
    process = {"user": {"uid": 5, "gid": 6}, "args": ["sh", "-c", "id -u; pwd; echo $A $B"], "env": ["PATH=/bin", "A=b", "B=c"], "cwd": "/tmp"}
    (b.dir / "p.json").write_text(json.dumps(process))
    equal(b.exec("--process", b.dir / "p.json", "--cwd", "/data", "--user", "7", "--env", "A=x", b.id).stdout, "7\n/data\nx c\n")


@check(CMD, "exec --cap")
def _(b):
    b.started()
    got = b.exec("--cap", "CAP_CHOWN", b.id, "grep", "CapEff", "/proc/self/status").stdout.split()[1]
    expect(int(got, 16) & 1, got)


@check(CMD, "exec --no-new-privs")
def _(b):
    b.change({"process.noNewPrivileges": False})
    b.started()
    equal(b.exec("--no-new-privs", b.id, "grep", "NoNewPrivs", "/proc/self/status").stdout.split()[1], "1")


@check(CMD, "exec --process FILE")
def _(b):
    b.started()
    process = {"user": {"uid": 5, "gid": 6}, "args": ["sh", "-c", "id -u; pwd; echo $A"], "env": ["PATH=/bin", "A=b"], "cwd": "/tmp"}
    (b.dir / "p.json").write_text(json.dumps(process))
    equal(b.exec("--process", b.dir / "p.json", b.id).stdout, "5\n/tmp\nb\n")


@check(CMD, "exec --process: limits and oom_score_adj")
def _(b):
    b.started()
    process = {"user": {"uid": 0, "gid": 0}, "args": ["sh", "-c", "ulimit -n; cat /proc/self/oom_score_adj"], "env": ["PATH=/bin"], "cwd": "/", "oomScoreAdj": 444, "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 100}]}
    (b.dir / "p.json").write_text(json.dumps(process))
    equal(b.exec("--process", b.dir / "p.json", b.id).stdout, "99\n444\n")


@check(CMD, "exec --detach --pid-file")
def _(b):
    b.started()
    words = [*b.site.words, "--root", str(b.site.dir / "state"), "exec", "--detach", "--pid-file", str(b.dir / "pid2"), b.id, "sleep", "98"]
    with open(b.dir / "out", "ab") as out:
        equal(subprocess.run(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=20).returncode, 0)
    pid = int((b.dir / "pid2").read_text())
    expect("98" in open(f"/proc/{pid}/cmdline").read(), "another process")


@check(CMD, "exec --tty --console-socket")
def _(b):
    b.started()
    c = Console(b)
    words = [*b.site.words, "--root", str(b.site.dir / "state"), "exec", "--tty", "--detach", "--console-socket", c.path, b.id, "sh", "-c", "tty; echo done; sleep 0.2"]
    with open(b.dir / "out", "ab") as out:
        p = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    c.accept()
    p.wait(20)
    got = c.read_all()
    expect(got.startswith("/dev/pts/") and got.endswith("done"), got)


@check(CMD, "exec --preserve-fds")
def _(b):
    b.started()
    r, w = os.pipe()
    os.write(w, b"through\n")
    os.close(w)
    words = [*b.site.words, "--root", str(b.site.dir / "state"), "exec", "--preserve-fds", "1", b.id, "sh", "-c", "cat <&3"]
    got = subprocess.run(["bash", "-c", f'exec 3<&{r}; exec "$@"', "bash", *words], pass_fds=(r,), capture_output=True, text=True, timeout=20)
    os.close(r)
    equal(got.stdout, "through\n")


@check(CMD, "exec: a program that is not there fails, with its name")
def _(b):
    b.started()
    r = b.exec(b.id, "nosuch", ok=False)
    expect("nosuch" in r.stderr, r.stderr)


@check(CMD, "exec: nothing of the caller's environment")
def _(b):
    b.started()
    got = b.exec(b.id, "env", env={**os.environ, "LEAK": "1"}).stdout
    expect("LEAK" not in got, got)


@check(CMD, "exec in a stopped, a paused, an unknown container is an error")
def _(b):
    b.started()
    b.call("pause", b.id, ok=True)
    b.exec(b.id, "true", ok=False)
    b.call("resume", b.id, ok=True)
    b.call("kill", b.id, "KILL", ok=True)
    b.await_status("stopped")
    b.exec(b.id, "true", ok=False)
    b.exec("nosuch", "true", ok=False)


@check(CMD, "exec --apparmor on a host without AppArmor is an error", ("no-apparmor",))
def _(b):
    b.started()
    b.exec("--apparmor", "some-profile", b.id, "true", ok=False)


@check(CMD, "exec --process-label on a host without SELinux is an error", ("no-selinux",))
def _(b):
    b.started()
    b.exec("--process-label", "system_u:system_r:x:s0", b.id, "true", ok=False)


@check(CMD, "exec --cgroup: a group below the container's", ("v1", "memory"))
def _(b):
    b.started()
    below = b.site.cgroups["memory"] / b.site.group / b.id / "below"
    below.mkdir()
    got = b.exec("--cgroup", "memory:below", b.id, "cat", "/proc/self/cgroup").stdout
    expect(f"/{b.id}/below" in got, got)
    b.exec("--cgroup", "memory:nothing", b.id, "true", ok=False)
