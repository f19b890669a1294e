"""config.md#mounts: every option, what is bound, what is made, what is refused."""

import os
import subprocess

from .harness import Failed, case, check, equal, expect

MOUNTED = "awk -v p=%s '$2 == p { n++ } END { print n + 0 }' /proc/self/mounts"
DATA = "awk '$2 == \"/m\" { print $4 }' /proc/self/mounts | tail -n 1"


def tmpfs(*options, destination="/m"):
    return {"mounts+": [{"destination": destination, "type": "tmpfs", "source": "tmpfs", "options": list(options)}]}


def bind(b, source, destination, *options, **more):
    b.conf["mounts"].append({"destination": destination, "type": "bind", "source": str(source), "options": list(options), **more})


# ---- order, destinations ----

case("config.md#mounts", "mounts are made in the order listed", {"mounts+": [{"destination": d, "type": "tmpfs", "source": "tmpfs", "options": ["mode=755"]} for d in ("/m", "/m/below", "/m")]}, sh="ls /m | wc -l; mkdir /m/x && echo ok", out="0\nok")
case("config.md#mounts", "a destination that is not there is made", tmpfs(destination="/made/for/it"), sh=MOUNTED % "/made/for/it", out="1")
case("config.md#mounts", "a relative destination is of the root", tmpfs(destination="rel"), sh=MOUNTED % "/rel", out="1")
case("config.md#mounts", ".. in a destination stays inside", tmpfs(destination="/../../m"), sh=MOUNTED % "/m", out="1")
case("config.md#mounts", "a destination is required", {"mounts+": [{"type": "tmpfs", "source": "tmpfs"}]}, error=True)
case("config.md#mounts", "a file system that the kernel has not is an error", {"mounts+": [{"destination": "/m", "type": "nosuchfs", "source": "x"}]}, error=True)
case("config.md#mounts", "an option that the file system does not know is an error", tmpfs("nosuchoption=1"), error=True)


@check("config.md#mounts", "a destination that is a symbolic link is followed inside of the root")
def _(b):
    os.symlink("/data/real", b.rootfs / "m")
    (b.rootfs / "data/real").mkdir()
    b.change(tmpfs())
    b.script(MOUNTED % "/data/real")
    equal(b.output(), "1")


@check("config.md#mounts", "a link that leads out of the root leads nowhere outside")
def _(b):
    outside = b.dir / "outside"
    outside.mkdir()
    os.symlink(f"../../../../..{outside}", b.rootfs / "m")
    b.change(tmpfs())
    b.script("touch /m/file")
    b.run()
    expect(not os.listdir(outside), "something was made outside")


# ---- binds ----


def source_dir(b, name="src"):
    d = b.dir / name
    d.mkdir()
    (d / "file").write_text("text\n")
    return d


@check("config.md#mounts", "a directory is bound")
def _(b):
    bind(b, source_dir(b), "/m", "bind")
    b.script("cat /m/file")
    equal(b.output(), "text")


@check("config.md#mounts", "a bind of any type: the option makes it one")
def _(b):
    bind(b, source_dir(b), "/m", "bind", type="none")
    b.script("cat /m/file")
    equal(b.output(), "text")


@check("config.md#mounts", "a relative source is of the bundle")
def _(b):
    source_dir(b)
    bind(b, "src", "/m", "bind")
    b.script("cat /m/file")
    equal(b.output(), "text")


@check("config.md#mounts", "a file is bound onto a file")
def _(b):
    bind(b, source_dir(b) / "file", "/etc/passwd", "bind", "ro")
    b.script("cat /etc/passwd; echo x >>/etc/passwd || echo refused")
    equal(b.output(), "text\nrefused")


@check("config.md#mounts", "a file is bound onto a target that is not there")
def _(b):
    bind(b, source_dir(b) / "file", "/new/place/file", "bind")
    b.script("cat /new/place/file")
    equal(b.output(), "text")


@check("config.md#mounts", "a socket, a fifo and a device are bound")
def _(b):
    os.mkfifo(b.dir / "fifo")
    bind(b, b.dir / "fifo", "/m/fifo", "bind")
    bind(b, "/dev/null", "/m/null", "bind")
    b.script("test -p /m/fifo && test -c /m/null && echo ok")
    equal(b.output(), "ok")


@check("config.md#mounts", "a source that is not there is an error")
def _(b):
    bind(b, b.dir / "nothing", "/m", "bind")
    b.run(ok=False)


def with_submount(b, script, *options):
    """What script prints with a directory at /m that has a tmpfs with a file `inner` below it."""
    d = source_dir(b)
    (d / "sub").mkdir()
    bind(b, d, "/m", *options)
    b.script(script)
    b.write()
    # in a mount namespace of its own: unshare ends with the run
    prepare = 'mount -t tmpfs sub "$1" && touch "$1/inner" && shift && exec "$@"'
    r = subprocess.run(
        ["unshare", "--mount", "sh", "-c", prepare, "sh", str(d / "sub"), *b.site.words, "--root", str(b.site.dir / "state"), "run", "--bundle", str(b.dir), b.id],
        capture_output=True,
        text=True,
        timeout=30,
    )
    if r.returncode:
        raise Failed(r.stderr)
    return r.stdout.strip()


@check("config.md#mounts", "bind takes no mounts below")
def _(b):
    equal(with_submount(b, "ls /m/sub", "bind"), "")


@check("config.md#mounts", "rbind takes the mounts below")
def _(b):
    equal(with_submount(b, "ls /m/sub", "rbind"), "inner")


def bound_option(option, want):
    @check("config.md#mounts", f"{option} of a bind")
    def _(b):
        bind(b, source_dir(b), "/m", "bind", option)
        b.script(DATA)
        got = b.output().split(",")
        expect(want in got, f"the mount has {got}, not {want}")


for o in ("ro", "nosuid", "nodev", "noexec", "noatime", "nodiratime", "nosymfollow"):
    bound_option(o, o)
bound_option("rw", "rw")
bound_option("relatime", "relatime")


@check("config.md#mounts", "ro of a bind: the source stays writable")
def _(b):
    d = source_dir(b)
    bind(b, d, "/m", "bind", "ro")
    b.script("touch /m/x 2>/dev/null || echo refused")
    equal(b.output(), "refused")
    (d / "y").touch()


# ---- options of file systems ----


def fs_option(option, want=None, absent=None, clause="config.md#mounts"):
    def fn(b):
        b.change(tmpfs(*option.split()))
        b.script(DATA)
        got = b.output().split(",")
        if want:
            expect(want in got, f"the mount has {got}, not {want}")
        if absent:
            expect(absent not in got, f"the mount has {got}")

    check(clause, f"{option} of a tmpfs")(fn)


for o in ("ro", "rw", "nosuid", "nodev", "noexec", "noatime", "relatime", "nodiratime", "sync", "dirsync", "lazytime", "size=64k", "mode=700", "nr_inodes=1000"):
    fs_option(o, o)
fs_option("uid=5 gid=6", "uid=5")
fs_option("strictatime", None, "relatime")
fs_option("nosuid suid", None, "nosuid")
fs_option("nodev dev", None, "nodev")
fs_option("noexec exec", None, "noexec")
fs_option("ro rw", "rw")
fs_option("noatime atime", None, "noatime")
fs_option("nodiratime diratime", None, "nodiratime")
fs_option("defaults", "rw")
fs_option("nosymfollow", "nosymfollow")
fs_option("nosymfollow symfollow", None, "nosymfollow")
fs_option("sync async", None, "sync")
fs_option("nostrictatime", "relatime")

case("config.md#mounts", "noexec is enforced", tmpfs("noexec"), sh="cp /bin/busybox /m/x && /m/x true 2>&1", like="Permission denied", status=126)
case("config.md#mounts", "nosymfollow is enforced", tmpfs("nosymfollow"), sh="ln -s /etc/passwd /m/x && cat /m/x 2>&1", like="[Ss]ymbolic link", status=1)
case("config.md#mounts", "size is enforced", tmpfs("size=64k"), sh="head -c 100000 /dev/zero 2>/dev/null >/m/x; stat -c %s /m/x", out="65536")
case("config.md#mounts", "mode and owner of a tmpfs", tmpfs("mode=1750", "uid=5", "gid=6"), sh="stat -c '%a %u %g' /m", out="1750 5 6")


# ---- recursive attributes ----


def recursive(option, word):
    @check("config-linux.md#mounts", f"{option} is set on the whole tree")
    def _(b):
        mounts = with_submount(b, "awk '$2 ~ \"^/m\" { print $2, $4 }' /proc/self/mounts", "rbind", option)
        lines = dict(line.split() for line in mounts.splitlines())
        for place in ("/m", "/m/sub"):
            expect(word in lines[place].split(","), f"{place} has {lines[place]}")


for o, w in (("rro", "ro"), ("rnosuid", "nosuid"), ("rnodev", "nodev"), ("rnoexec", "noexec"), ("rnoatime", "noatime"), ("rnodiratime", "nodiratime"), ("rnosymfollow", "nosymfollow"), ("rrw", "rw"), ("rrelatime", "relatime")):
    recursive(o, w)

# ---- propagation ----


def propagation(option, pattern):
    @check("config.md#mounts", f"{option} propagation")
    def _(b):
        d = source_dir(b)
        bind(b, d, "/m", "rbind" if option.startswith("r") else "bind", option)
        b.script("grep ' /m ' /proc/self/mountinfo | sed 's/ - .*//' | cut -d' ' -f7- | xargs")
        got = b.output()
        import re

        expect(re.fullmatch(pattern, got), f"propagation is {got!r}, not /{pattern}/")


propagation("private", "")
propagation("rprivate", "")
propagation("shared", r"shared:\d+.*")
propagation("rshared", r"shared:\d+.*")
propagation("slave", r"(master:\d+)?")
propagation("rslave", r"(master:\d+)?")
propagation("unbindable", "unbindable")
propagation("runbindable", "unbindable")

# ---- what runtimes add ----


@check("config-linux.md#mounts", "tmpcopyup: a tmpfs has what was below")
def _(b):
    (b.rootfs / "m").mkdir()
    (b.rootfs / "m/file").write_text("text\n")
    os.symlink("file", b.rootfs / "m/link")
    (b.rootfs / "m/dir").mkdir()
    (b.rootfs / "m/dir").chmod(0o750)
    b.change(tmpfs("tmpcopyup"))
    b.script("cat /m/file /m/link; stat -c %a /m/dir; echo new >/m/file")
    equal(b.output(), "text\ntext\n750")
    equal((b.rootfs / "m/file").read_text(), "text\n")


@check("config-linux.md#mounts", "copy-symlink: the source's link is made anew")
def _(b):
    d = source_dir(b)
    os.symlink("/data", d / "link")
    bind(b, d / "link", "/m", "bind", "copy-symlink")
    b.script("readlink /m")
    equal(b.output(), "/data")


def mapped(b, *options, **more):
    d = source_dir(b)
    os.chown(d / "file", 5, 6)
    maps = [{"containerID": 0, "hostID": 1000, "size": 100}]
    bind(b, d, "/m", "rbind", *options, uidMappings=maps, gidMappings=maps, **more)
    b.script("stat -c '%u %g' /m/file")
    return b.output()


@check("config.md#posix-platform-mounts", "uidMappings and gidMappings of a mount, with idmap")
def _(b):
    equal(mapped(b, "idmap"), "1005 1006")


@check("config.md#posix-platform-mounts", "the same with ridmap, the whole tree")
def _(b):
    equal(mapped(b, "ridmap"), "1005 1006")


@check("config.md#posix-platform-mounts", "uidMappings without gidMappings is an error")
def _(b):
    bind(b, source_dir(b), "/m", "bind", uidMappings=[{"containerID": 0, "hostID": 1000, "size": 100}])
    b.run(ok=False)


# ---- special file systems ----

case("config-linux.md#default-filesystems", "proc", sh="cat /proc/sys/kernel/ostype; " + MOUNTED % "/proc", like="^Linux\n[1-9]")
case("config-linux.md#default-filesystems", "sysfs, of the container's network", sh="ls /sys/class/net", like="lo")
case("config-linux.md#default-filesystems", "devpts of its own", sh="ls /dev/pts", out="ptmx")
case("config-linux.md#default-filesystems", "mqueue", sh=MOUNTED % "/dev/mqueue", out="1")
case("config-linux.md#default-filesystems", "proc shows the container's processes only", sh="ls /proc | grep -c '^[0-9]*$'", like="^[1-4]$")


@check("config-linux.md#default-filesystems", "a cgroup mount shows the container's own group")
def _(b):
    b.namespace("cgroup")
    b.change({"mounts+": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev", "relatime", "ro"]}]})
    name = "/sys/fs/cgroup/cgroup.procs" if b.site.v2 else "/sys/fs/cgroup/memory/cgroup.procs"
    b.script(f"cat {name} | head -n1; touch /sys/fs/cgroup/x 2>/dev/null || echo refused")
    equal(b.output(), "1\nrefused")


@check("config-linux.md#default-filesystems", "a proc mount over a link of the image is refused or stays inside")
def _(b):
    (b.rootfs / "proc").rmdir()
    os.symlink("/data", b.rootfs / "proc")
    b.script("ls /data | wc -l")
    r = b.run()
    expect(r.returncode != 0 or r.stdout.strip() != "0", "neither refused nor mounted")


case("config.md#mounts", "a bind over /dev/null's place does not come before the devices", lambda c, b: c["mounts"].append({"destination": "/data", "type": "bind", "source": "/dev", "options": ["rbind", "ro"]}), sh="test -c /dev/null && test -c /data/null && echo ok", out="ok")
