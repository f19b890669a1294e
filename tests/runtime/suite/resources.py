"""config-linux.md: control groups and every resource."""

import os
import re

from .harness import MORE_CAPS, Skip, case, check, equal, expect

CG = "config-linux.md#cgroups-path"


@check(CG, "an absolute path is below the mount point, in every hierarchy that is used")
def _(b):
    b.started()
    for line in open(f"/proc/{b.pid()}/cgroup"):
        _, kinds, path = line.strip().split(":", 2)
        if b.site.v2 or kinds in ("memory", "devices"):
            equal(path, b.conf["linux"]["cgroupsPath"])


@check(CG, "a relative path has one place for all containers of the same value")
def _(b):
    b.change({"linux.cgroupsPath": f"{b.id}-relative"})
    b.started()
    paths = {line.strip().split(":", 2)[2] for line in open(f"/proc/{b.pid()}/cgroup") if ":memory:" in line or b.site.v2}
    expect(all(p.endswith(f"{b.id}-relative") for p in paths), str(paths))


@check(CG, "no path: a group of its own all the same")
def _(b):
    del b.conf["linux"]["cgroupsPath"]
    b.started()
    own = [line.strip() for line in open("/proc/self/cgroup")]
    other = [line.strip() for line in open(f"/proc/{b.pid()}/cgroup")]
    expect(own != other, "it is the caller's")


@check(CG, ".. in the path does not lead out of the hierarchy")
def _(b):
    b.change({"linux.cgroupsPath": f"/../../{b.site.group}/{b.id}"})
    b.script("true")
    b.run()
    expect(not os.path.exists(f"/sys/fs/{b.site.group}") and not os.path.exists(f"/sys/{b.site.group}"), "it does")


# ---- device rules ----

DEV = "config-linux.md#allowed-device-list"
NODES = {"process.capabilities": {k: MORE_CAPS for k in ("bounding", "effective", "permitted")}}


def rules(*list_):
    return {**NODES, "linux.resources.devices": list(list_)}


# /dev/fuse: whoever may open it can, and without the driver the error is another one
OPEN = "dd if=/tmp/x of=/dev/null count=0 2>&1 | grep -q permitted && echo refused || echo opened"
DENY = {"allow": False, "access": "rwm"}
case(DEV, "what is denied cannot be opened", rules(DENY), sh="mknod /tmp/x c 10 229; " + OPEN, out="refused", needs=("devices",))
case(DEV, "the default devices can", rules(DENY), sh="head -c 1 /dev/zero | wc -c; echo x >/dev/null && echo ok", out="1\nok", needs=("devices",))
case(DEV, "what is allowed can", rules(DENY, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"}), sh="mknod /tmp/x c 10 229; " + OPEN, out="opened", needs=("devices",))
case(DEV, "reading allowed, writing not", rules(DENY, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rm"}), sh="mknod /tmp/x c 10 229; " + OPEN + "; (echo x >/tmp/x) 2>&1 | grep -q permitted && echo refused", out="opened\nrefused", needs=("devices",))
case(DEV, "a whole major number", rules(DENY, {"allow": True, "type": "c", "major": 10, "access": "rwm"}), sh="mknod /tmp/x c 10 229; " + OPEN, out="opened", needs=("devices",))
case(DEV, "the order counts: the last rule that matches", rules(DENY, {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"}, {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "rwm"}), sh="mknod /tmp/x c 10 229 2>/dev/null; " + OPEN, out="refused", needs=("devices",))
case(DEV, "an unknown type is an error", rules({"allow": True, "type": "q", "access": "r"}), error=True)
case(DEV, "an unknown access is an error", rules({"allow": True, "type": "c", "major": 1, "access": "xyz"}), error=True, needs=("kist",))


def value(clause, words, conf, v1, v2, want1, want2=None, needs=()):
    """The value in the container's control file on version 1, or on version 2."""

    @check(clause, words, needs)
    def _(b):
        b.change(conf)
        kind = v1.split("/")[0] if v1 else ""
        top = b.site.cgroups[""] if b.site.v2 else b.site.v2_place(kind)
        name, file2 = (v2 if top else v1), v2
        if name is None:
            raise Skip("this version of control groups has no such file")
        b.script("sleep 100")
        r = b.create(ok=None)
        if r.returncode and kind and not b.site.kernel_has(kind, (v2.split("|") if top else [v1.split("/")[1]])):
            raise Skip(f"this kernel has no {name}")
        expect(r.returncode == 0, r.stderr)
        if top and "|" in v2:  # the first of several that the kernel has
            have = os.listdir(top / b.site.group / b.id)
            file2 = next((n for n in v2.split("|") if n in have), v2)
        got = b.group_file(v1, file2)
        want = want2 if top and want2 is not None else want1
        (expect(want(got), f"{name} is {got!r}") if callable(want) else equal(got, want))


MEM = "config-linux.md#memory"
MB = 1 << 20
value(MEM, "limit", {"linux.resources.memory": {"limit": 64 * MB}}, "memory/memory.limit_in_bytes", "memory.max", str(64 * MB), needs=("memory",))
value(MEM, "reservation", {"linux.resources.memory": {"reservation": 32 * MB}}, "memory/memory.soft_limit_in_bytes", "memory.low", str(32 * MB), needs=("memory",))
value(MEM, "swap", {"linux.resources.memory": {"limit": 64 * MB, "swap": 96 * MB}}, "memory/memory.memsw.limit_in_bytes", "memory.swap.max", str(96 * MB), str(32 * MB), needs=("memory",))
value(MEM, "swap without limit (-1)", {"linux.resources.memory": {"limit": 64 * MB, "swap": -1}}, "memory/memory.memsw.limit_in_bytes", "memory.swap.max", lambda v: int(v) > 1 << 60, "max", needs=("memory",))
value(MEM, "no limit (-1)", {"linux.resources.memory": {"limit": -1}}, "memory/memory.limit_in_bytes", "memory.max", lambda v: int(v) > 1 << 60, "max", needs=("memory",))
value(MEM, "swappiness", {"linux.resources.memory": {"swappiness": 17}}, "memory/memory.swappiness", None, "17", needs=("memory",))
value(MEM, "disableOOMKiller", {"linux.resources.memory": {"limit": 64 * MB, "disableOOMKiller": True}}, "memory/memory.oom_control", None, lambda v: "oom_kill_disable 1" in v, needs=("memory",))
case(MEM, "swappiness beyond what the kernel takes is an error", {"linux.resources.memory": {"swappiness": 300}}, error=True, needs=("v1",))
case(MEM, "the limit ends what takes more", {"linux.resources.memory": {"limit": 8 * MB, "swap": 8 * MB}}, sh="tail -c 60000000 /dev/zero >/dev/null; echo $?", out="137", needs=("memory",))
case(MEM, "a limit that is no number is an error", {"linux.resources.memory": {"limit": "64m"}}, error=True)

CPU = "config-linux.md#cpu"
value(CPU, "shares", {"linux.resources.cpu": {"shares": 512}}, "cpu/cpu.shares", "cpu.weight", "512", lambda v: 15 <= int(v) <= 60, needs=("cpu",))
value(CPU, "quota and period", {"linux.resources.cpu": {"quota": 20000, "period": 50000}}, "cpu/cpu.cfs_quota_us", "cpu.max", "20000", "20000 50000", needs=("cpu",))
value(CPU, "period", {"linux.resources.cpu": {"quota": 20000, "period": 50000}}, "cpu/cpu.cfs_period_us", "cpu.max", "50000", "20000 50000", needs=("cpu",))
value(CPU, "quota -1", {"linux.resources.cpu": {"quota": -1}}, "cpu/cpu.cfs_quota_us", "cpu.max", "-1", "max 100000", needs=("cpu",))
value(CPU, "burst", {"linux.resources.cpu": {"quota": 20000, "period": 50000, "burst": 10000}}, "cpu/cpu.cfs_burst_us", "cpu.max.burst", "10000", needs=("cpu",))
value(CPU, "idle", {"linux.resources.cpu": {"idle": 1}}, "cpu/cpu.idle", "cpu.idle", "1", needs=("cpu",))
value(CPU, "cpus", {"linux.resources.cpu": {"cpus": "0"}}, "cpuset/cpuset.cpus", "cpuset.cpus", "0", needs=("cpuset",))
value(CPU, "mems", {"linux.resources.cpu": {"mems": "0"}}, "cpuset/cpuset.mems", "cpuset.mems", "0", needs=("cpuset",))
value(CPU, "realtimePeriod", {"linux.resources.cpu": {"realtimePeriod": 900000}}, "cpu/cpu.rt_period_us", None, "900000", needs=("cpu", "v1"))
case(CPU, "the program runs on the cpus given", {"linux.resources.cpu": {"cpus": "0"}}, sh="grep Cpus_allowed_list /proc/self/status | cut -f2", out="0", needs=("cpuset",))
case(CPU, "cpus that are not there are an error", {"linux.resources.cpu": {"cpus": "4000"}}, error=True, needs=("cpuset",))
case(CPU, "a quota below the kernel's least is an error", {"linux.resources.cpu": {"quota": 5, "period": 100000}}, error=True, needs=("cpu",))

PIDS = "config-linux.md#pids"
value(PIDS, "limit", {"linux.resources.pids": {"limit": 50}}, "pids/pids.max", "pids.max", "50", needs=("pids",))
value(PIDS, "-1 is no limit", {"linux.resources.pids": {"limit": -1}}, "pids/pids.max", "pids.max", "max", needs=("pids",))
case(PIDS, "the limit ends forks", {"linux.resources.pids": {"limit": 3}}, sh="(sleep 1 & sleep 1 & sleep 1 & sleep 1 & wait) 2>&1", like="fork|Resource temporarily", status=2, needs=("pids",))

IO = "config-linux.md#block-io"


def disk():
    for name in sorted(os.listdir("/sys/block")):
        if not name.startswith(("ram", "zram")):
            return [int(n) for n in open(f"/sys/block/{name}/dev").read().split(":")]
    return None


DISK = disk()


def throttle(key, v1, word):
    @check(IO, key, ("blkio",))
    def _(b):
        if not DISK:
            raise Skip("no block device")
        b.change({"linux.resources.blockIO": {key: [{"major": DISK[0], "minor": DISK[1], "rate": 1048576}]}})
        b.script("sleep 100")
        b.create()
        got = b.group_file(f"blkio/{v1}", "io.max")
        expect(f"{DISK[0]}:{DISK[1]}" in got and (word in got if b.site.v2 else "1048576" in got), got)


throttle("throttleReadBpsDevice", "blkio.throttle.read_bps_device", "rbps=1048576")
throttle("throttleWriteBpsDevice", "blkio.throttle.write_bps_device", "wbps=1048576")
throttle("throttleReadIOPSDevice", "blkio.throttle.read_iops_device", "riops=1048576")
throttle("throttleWriteIOPSDevice", "blkio.throttle.write_iops_device", "wiops=1048576")
value(IO, "weight", {"linux.resources.blockIO": {"weight": 300}}, "blkio/blkio.bfq.weight", "io.bfq.weight|io.weight", lambda v: v != "" and not re.search(r"(default |^)100$", v), needs=("blkio",))

HUGE = "config-linux.md#huge-page-limits"
value(HUGE, "limit", {"linux.resources.hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MB}]}, "hugetlb/hugetlb.2MB.limit_in_bytes", "hugetlb.2MB.max", str(4 * MB), needs=("hugetlb",))
case(HUGE, "a page size that the host has not is an error", {"linux.resources.hugepageLimits": [{"pageSize": "3MB", "limit": 4 * MB}]}, error=True, needs=("kist",))
value("config-linux.md#network", "classID", {"linux.resources.network": {"classID": 1048577}}, "net_cls/net_cls.classid", None, "1048577", needs=("net_cls",))
value("config-linux.md#network", "priorities", {"linux.resources.network": {"priorities": [{"name": "lo", "priority": 5}]}}, "net_prio/net_prio.ifpriomap", None, lambda v: "lo 5" in v, needs=("net_prio",))

UNI = "config-linux.md#unified"
value(UNI, "a file of version 2", {"linux.resources.unified": {"pids.max": "77", "memory.high": "50000000"}}, None, "pids.max", None, "77", needs=("v2", "pids"))
case(UNI, "a controller that is not there is an error", {"linux.resources.unified": {"nosuch.max": "1"}}, error=True, needs=("v2",))
case(UNI, "a path in the name is an error", {"linux.resources.unified": {"../cgroup.procs": "1"}}, error=True, needs=("v2",))
case(UNI, "on version 1 it is an error", {"linux.resources.unified": {"memory.max": "50000000"}}, error=True, needs=("v1",))


@check("config-linux.md#cgroup-ownership", "a delegated group belongs to the container's user", ("v2",))
def _(b):
    from .linux import users

    users(b.conf, b)
    b.namespace("cgroup")
    b.change({"mounts+": [{"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid", "noexec", "nodev"]}]})
    b.script("mkdir /sys/fs/cgroup/below && echo ok")
    equal(b.output(), "ok")
