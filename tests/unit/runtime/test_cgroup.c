/* Control groups: paths, limits as file contents, the program of device rules. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "runtime/cgroup_priv.h"

#include <linux/bpf.h>

static void paths(void **state)
{
	static const struct {
		const char *config, *parent, *path;
	} cases[] = {
		{NULL, NULL, "/kist/id"},
		{"", "/machine", "/machine/id"},
		{"/a/b", NULL, "/a/b"},
		{"/a/b//", NULL, "/a/b"},
		{"x", NULL, "/kist/x"},
		{"/..", NULL, NULL},
		{"/a/../b", NULL, NULL},
		{"a/..", NULL, NULL},
		{"/", NULL, NULL},
		{"system.slice:docker:id", NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *path = NULL;
		struct err e = ERR_INIT;
		int r = cgroup_path_make(cases[i].config, cases[i].parent, "id", &path, &e);
		assert_int_equal(r == 0, cases[i].path != NULL);
		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
		else
			assert_true(e.code != 0);
	}
}

/* ---- limits ---- */

static struct cgroup_aim aim_of(enum runtime_cgroup_mode mode)
{
	const unsigned v2 = RUNTIME_CG_HUGETLB | RUNTIME_CG_UNIFIED;
	return (struct cgroup_aim){
		.host = {mode, RUNTIME_CG_MEMORY, mode == RUNTIME_CGROUP_HYBRID ? v2 : 0}};
}

/* "file=value;" of each write; or "error: ..." */
static char *limits_with(struct cgroup_aim aim, const char *json)
{
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct err e = ERR_INIT;
	assert_ok(runtime_config_parse_resources(json, strlen(json), &c, &e), &e);
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	struct buf b = BUF_INIT;
	if (cgroup_limits(&aim, &c->resources, &w, &e) < 0)
		buf_printf(&b, "error: %s", e.msg);
	else
		for (size_t i = 0; i < w.n; i++)
			if (w.v[i].need != CGROUP_ELSE && !strstr(w.v[i].file, ".rsvd."))
				buf_printf(&b, "%s=%s;", w.v[i].file, w.v[i].value);
	buf_add_str(&b, "");
	return buf_take(&b);
}

static char *limits(enum runtime_cgroup_mode mode, const char *json)
{
	return limits_with(aim_of(mode), json);
}

#define ERR "error: linux.resources."

static const struct {
	const char *json, *v1, *v2;
} limit_cases[] = {
	{"{}", "", ""},
	{"{\"memory\":{\"limit\":1000,\"swap\":3000}}",
		"memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=3000;",
		"memory.swap.max=2000;memory.max=1000;"},
	{"{\"memory\":{\"limit\":1000,\"swap\":1000}}",
		"memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=1000;",
		"memory.swap.max=0;memory.max=1000;"},
	{"{\"memory\":{\"limit\":1000,\"swap\":-1,\"reservation\":500}}",
		"memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=-1;"
		"memory.soft_limit_in_bytes=500;",
		"memory.swap.max=max;memory.max=1000;memory.low=500;"},
	{"{\"memory\":{\"limit\":-1}}", "memory.limit_in_bytes=-1;memory.memsw.limit_in_bytes=-1;",
		"memory.swap.max=max;memory.max=max;"},
	{"{\"memory\":{\"limit\":0,\"swap\":0,\"reservation\":0}}", "", ""},
	{"{\"memory\":{\"swap\":5}}", "memory.memsw.limit_in_bytes=5;",
		ERR "memory.swap: 5 is the sum of memory and swap, and memory.limit is not given"},
	{"{\"memory\":{\"limit\":10,\"swap\":5}}",
		"memory.limit_in_bytes=10;memory.memsw.limit_in_bytes=5;",
		ERR "memory.swap: 5 is the sum of memory and swap, and less than memory.limit"},
	{"{\"memory\":{\"swappiness\":0}}", "memory.swappiness=0;",
		ERR "memory.swappiness: cgroup v2 has no such setting"},
	{"{\"memory\":{\"swappiness\":-1}}", "", ""},
	{"{\"memory\":{\"disableOOMKiller\":true,\"useHierarchy\":true}}",
		"memory.use_hierarchy=1;memory.oom_control=1;",
		ERR "memory.disableOOMKiller: cgroup v2 cannot turn it off"},
	{"{\"memory\":{\"disableOOMKiller\":false,\"kernel\":9}}", "", ""},
	{"{\"memory\":{\"kernelTCP\":9}}", "memory.kmem.tcp.limit_in_bytes=9;",
		ERR "memory.kernelTCP: cgroup v2 has no such limit"},
	{"{\"cpu\":{\"shares\":1024}}", "cpu.shares=1024;", "cpu.weight=100;"},
	{"{\"cpu\":{\"shares\":0}}", "", ""},
	{"{\"cpu\":{\"shares\":512,\"idle\":1}}", "cpu.idle=1;", "cpu.idle=1;"},
	{"{\"cpu\":{\"shares\":2,\"idle\":0}}", "cpu.idle=0;cpu.shares=2;",
		"cpu.idle=0;cpu.weight=1;"},
	{"{\"cpu\":{\"quota\":50000,\"period\":100000,\"burst\":5}}",
		"cpu.cfs_period_us=100000;cpu.cfs_quota_us=50000;cpu.cfs_burst_us=5;",
		"cpu.max=50000 100000;cpu.max.burst=5;"},
	{"{\"cpu\":{\"quota\":-1}}", "cpu.cfs_quota_us=-1;", "cpu.max=max 100000;"},
	{"{\"cpu\":{\"quota\":0,\"period\":0}}", "", ""},
	{"{\"cpu\":{\"period\":5000}}", "cpu.cfs_period_us=5000;", "cpu.max=max 5000;"},
	{"{\"cpu\":{\"realtimeRuntime\":5,\"realtimePeriod\":9}}",
		"cpu.rt_period_us=9;cpu.rt_runtime_us=5;",
		ERR "cpu.realtimeRuntime: cgroup v2 has no limits for real-time scheduling"},
	{"{\"cpu\":{\"cpus\":\"0-1\",\"mems\":\"0\"}}", "cpuset.cpus=0-1;cpuset.mems=0;",
		"cpuset.cpus=0-1;cpuset.mems=0;"},
	{"{\"pids\":{\"limit\":7}}", "pids.max=7;", "pids.max=7;"},
	{"{\"pids\":{\"limit\":-1}}", "pids.max=max;", "pids.max=max;"},
	{"{\"pids\":{\"limit\":0}}", "pids.max=max;", "pids.max=max;"},
	{"{\"blockIO\":{\"weight\":1000,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
	 "\"rate\":5}],\"throttleWriteIOPSDevice\":[{\"major\":8,\"minor\":1,\"rate\":0}]}}",
		"blkio.bfq.weight=1000;blkio.throttle.read_bps_device=8:0 5;"
		"blkio.throttle.write_iops_device=8:1 0;",
		"io.weight=default 10000;io.max=8:0 rbps=5;io.max=8:1 wiops=max;"},
	{"{\"blockIO\":{\"weightDevice\":[{\"major\":8,\"minor\":0,\"weight\":10}]}}",
		"blkio.bfq.weight_device=8:0 10;", "io.weight=8:0 1;"},
	{"{\"blockIO\":{\"leafWeight\":20,\"weightDevice\":[{\"major\":8,\"minor\":0,"
	 "\"leafWeight\":10}]}}",
		"blkio.leaf_weight=20;blkio.leaf_weight_device=8:0 10;",
		ERR "blockIO.leafWeight: cgroup v2 has no such weight"},
	{"{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
		"hugetlb.2MB.limit_in_bytes=4194304;", "hugetlb.2MB.max=4194304;"},
	{"{\"network\":{\"classID\":5,\"priorities\":[{\"name\":\"eth0\",\"priority\":3}]}}",
		"net_cls.classid=5;net_prio.ifpriomap=eth0 3;",
		ERR "network: cgroup v2 has no classes and priorities of packets"},
	{"{\"network\":{\"classID\":0}}", "net_cls.classid=0;", ""},
	{"{\"rdma\":{\"mlx\":{\"hcaHandles\":3,\"hcaObjects\":10000},\"b\":{\"hcaObjects\":4}}}",
		"rdma.max=mlx hca_handle=3 hca_object=10000;rdma.max=b hca_object=4;",
		"rdma.max=mlx hca_handle=3 hca_object=10000;rdma.max=b hca_object=4;"},
	{"{\"unified\":{\"memory.high\":\"9\"}}",
		ERR
		"unified 'memory.high': the cgroups of this host are v1, which has no such file",
		"memory.high=9;"},
	{"{\"unified\":{\"io.max\":\"8:0 rbps=1\\n8:1 rbps=2\\n\"}}",
		ERR "unified 'io.max': the cgroups of this host are v1, which has no such file",
		"io.max=8:0 rbps=1;io.max=8:1 rbps=2;"},
};

static void limits_become_files(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(limit_cases); i++) {
		cleanup_free char *v1 = limits(RUNTIME_CGROUP_V1, limit_cases[i].json);
		cleanup_free char *v2 = limits(RUNTIME_CGROUP_V2, limit_cases[i].json);
		assert_string_equal(v1, limit_cases[i].v1);
		assert_string_equal(v2, limit_cases[i].v2);
	}
}

/* What only the v2 tree of a hybrid has goes there, with its names. */
static void hybrid(void **state)
{
	cleanup_free char *text = limits(RUNTIME_CGROUP_HYBRID,
		"{\"memory\":{\"limit\":5},\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4}],"
		"\"unified\":{\"cgroup.max.depth\":\"3\"}}");
	assert_string_equal(text, "memory.limit_in_bytes=5;hugetlb.2MB.max=4;cgroup.max.depth=3;");
	cleanup_free char *v1 =
		limits(RUNTIME_CGROUP_HYBRID, "{\"unified\":{\"memory.high\":\"3\"}}");
	assert_contains(v1, "error: linux.resources.unified 'memory.high'");
}

static void lenient(void **state)
{
	struct cgroup_aim aim = aim_of(RUNTIME_CGROUP_V2);
	aim.lenient = true;
	cleanup_free char *text = limits_with(aim, "{\"memory\":{\"limit\":5,\"swappiness\":3}}");
	assert_string_equal(text, "memory.max=5;");
}

static void weights(void **state)
{
	static const uint64_t cases[][2] = {{0, 1}, {2, 1}, {3, 2}, {10, 4}, {100, 17}, {512, 59},
		{1000, 99}, {1024, 100}, {2048, 174}, {10000, 627}, {65536, 3023}, {262144, 10000},
		{UINT64_MAX, 10000}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(cgroup_weight_of_shares(cases[i][0]), cases[i][1]);
	for (uint64_t v = 1; v < 262150; v++)
		assert_true(cgroup_weight_of_shares(v) <= cgroup_weight_of_shares(v + 1));
	assert_int_equal(cgroup_io_weight(10), 1);
	assert_int_equal(cgroup_io_weight(500), 4950);
	assert_int_equal(cgroup_io_weight(1000), 10000);
}

/* What is written to have a limit again as it was */
static void previous_values(void **state)
{
	static const struct {
		const char *file, *text, *value, *previous;
	} cases[] = {
		{"memory.max", "max\n", "5", "max"},
		{"cpu.max", "max 100000\n", "5 100000", "max 100000"},
		{"io.max", "8:16 rbps=1 wbps=max riops=max wiops=max\n", "8:16 rbps=3",
			"8:16 rbps=1 wbps=max riops=max wiops=max"},
		{"io.max", "8:16 rbps=1 wbps=max riops=max wiops=max\n", "8:1 rbps=3",
			"8:1 rbps=max wbps=max riops=max wiops=max"},
		{"blkio.throttle.read_bps_device", "", "8:0 7", "8:0 0"},
		{"blkio.throttle.read_bps_device", "8:1 3\n8:0 5\n", "8:0 7", "8:0 5"},
		{"io.weight", "default 100\n8:0 50\n", "default 7", "default 100"},
		{"io.weight", "default 100\n", "8:0 7", "8:0 default"},
		{"io.bfq.weight", "default 100\n", "7", "default 100"},
		{"memory.oom_control", "oom_kill_disable 1\nunder_oom 0\n", "0", "1"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *v =
			cgroup_previous_value(cases[i].file, cases[i].text, cases[i].value);
		assert_string_equal(v, cases[i].previous);
	}
}

static void device_rules_on_v1(void **state)
{
	struct cgroup_aim aim = aim_of(RUNTIME_CGROUP_HYBRID);
	aim.devices = true;
	cleanup_free char *text = limits_with(aim,
		"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}]}");
	assert_contains(text, "devices.deny=a;devices.allow=c 10:229 rw;");
	assert_contains(text, "devices.allow=c *:* m;");
	assert_contains(text, "devices.allow=c 136:* rwm;");
	static const char *const cases[][2] = {
		{"[{\"allow\":true}]", "devices.allow=a;"},
		/* what is denied after everything was allowed stays denied */
		{"[{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,\"minor\":0}]",
			"devices.allow=a;devices.deny=b 8:0 rwm;"},
		{"[{\"allow\":true,\"access\":\"m\"}]", "devices.deny=a;devices.allow=b *:* m;"},
		{"[{\"allow\":true},{\"allow\":false,\"type\":\"b\",\"major\":8,\"minor\":0},"
		 "{\"allow\":true,\"type\":\"b\",\"major\":8,\"minor\":0,\"access\":\"r\"}]",
			"devices.allow=a;devices.deny=b 8:0 wm;"},
		/* no rules: nothing but what every container has */
		{"[]", "devices.deny=a;devices.allow=c *:* m;devices.allow=b *:* m;"
		       "devices.allow=c 1:3 rwm;"},
		{"[{\"allow\":false},{\"allow\":true,\"type\":\"c\",\"major\":10},"
		 "{\"allow\":false,\"type\":\"c\",\"major\":10,\"minor\":3,\"access\":\"w\"}]",
			"error: linux.resources.devices: cgroup v1 cannot deny c 10:3 out of what "
			"an earlier rule allows as a whole"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *json = mem_printf("{\"devices\":%s}", cases[i][0]);
		cleanup_free char *v = limits_with(aim, json);
		assert_memory_equal(v, cases[i][1], strlen(cases[i][1]));
	}
}

static void chooses_controllers(void **state)
{
	static const struct {
		struct runtime_cgroup_host host;
		const char *json;
		bool accounting;
		unsigned controllers;
	} cases[] = {
		{{RUNTIME_CGROUP_HYBRID, RUNTIME_CG_MEMORY | RUNTIME_CG_CPUACCT | RUNTIME_CG_PIDS,
			 RUNTIME_CG_UNIFIED | RUNTIME_CG_HUGETLB},
			"{}", true, RUNTIME_CG_MEMORY | RUNTIME_CG_CPUACCT},
		{{RUNTIME_CGROUP_HYBRID, RUNTIME_CG_MEMORY | RUNTIME_CG_PIDS,
			 RUNTIME_CG_UNIFIED | RUNTIME_CG_HUGETLB},
			"{\"pids\":{\"limit\":5},\"hugepageLimits\":[{\"pageSize\":\"2MB\","
			"\"limit\":1}]}",
			false, RUNTIME_CG_PIDS | RUNTIME_CG_UNIFIED},
		{{RUNTIME_CGROUP_V2, 0, RUNTIME_CG_MEMORY}, "{\"memory\":{\"limit\":5}}", false,
			RUNTIME_CG_UNIFIED | RUNTIME_CG_MEMORY},
		{{RUNTIME_CGROUP_NONE, 0, 0}, "{\"memory\":{\"limit\":5}}", true, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct runtime_config *c cleanup_runtime_config = NULL;
		struct runtime_cgroup g = {0};
		struct cgroup_aim aim = {.host = cases[i].host, .lenient = true};
		assert_int_equal(runtime_config_parse_resources(
					 cases[i].json, strlen(cases[i].json), &c, NULL),
			0);
		assert_int_equal(
			cgroup_choose(&aim, &c->resources, cases[i].accounting, &g, NULL), 0);
		assert_int_equal(g.controllers, cases[i].controllers);
	}
}

/* ---- a small machine for the instructions that the device program uses ---- */

static int decide(const struct bpf_insn *v, size_t n, uint32_t type, uint32_t access,
	uint32_t major, uint32_t minor)
{
	uint32_t ctx[3] = {access << 16 | type, major, minor};
	uint64_t r[11] = {0};
	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &v[pc];
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			r[i->dst_reg] = ctx[i->off / 4];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			r[i->dst_reg] = r[i->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			r[i->dst_reg] = (uint64_t)(int64_t)i->imm;
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] & (uint32_t)i->imm;
			break;
		case BPF_ALU | BPF_RSH | BPF_K:
			r[i->dst_reg] = (uint32_t)r[i->dst_reg] >> i->imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += r[i->dst_reg] != (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += r[i->dst_reg] == (uint64_t)(int64_t)i->imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT:
			return (int)r[0];
		default:
			fail_msg("instruction %#x", i->code);
		}
	}
	fail_msg("the program has no end");
	return -1;
}

static void device_program(void **state)
{
	const char *json =
		"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"},"
		"{\"allow\":true,\"type\":\"b\",\"major\":8,\"access\":\"r\"}]}";
	struct runtime_config *c cleanup_runtime_config = NULL;
	assert_int_equal(runtime_config_parse_resources(json, strlen(json), &c, NULL), 0);
	size_t nrules, n;
	cleanup_free struct runtime_device_rule *rules =
		cgroup_device_rules(&c->resources, &nrules);
	cleanup_free struct bpf_insn *v = NULL;
	cgroup_bpf_program(rules, nrules, &v, &n);
	const uint32_t chr = BPF_DEVCG_DEV_CHAR, blk = BPF_DEVCG_DEV_BLOCK;
	const uint32_t rd = BPF_DEVCG_ACC_READ, wr = BPF_DEVCG_ACC_WRITE, mk = BPF_DEVCG_ACC_MKNOD;
	assert_int_equal(decide(v, n, chr, rd | wr, 1, 3), 1); /* null */
	assert_int_equal(decide(v, n, chr, rd, 1, 1), 0);      /* mem */
	assert_int_equal(decide(v, n, chr, mk, 1, 1), 1);      /* a node alone harms nobody */
	assert_int_equal(decide(v, n, chr, rd | wr, 10, 229), 1);
	assert_int_equal(decide(v, n, chr, rd, 10, 228), 0);
	assert_int_equal(decide(v, n, blk, rd, 8, 17), 1);
	assert_int_equal(decide(v, n, blk, rd | wr, 8, 17), 0);
	assert_int_equal(decide(v, n, chr, rd | wr, 136, 12), 1);
}

/* The kernel refuses a program with instructions that nothing reaches. */
static void assert_all_reached(const struct bpf_insn *v, size_t n)
{
	cleanup_free bool *seen = mem_array(n + 1, sizeof(*seen));
	seen[0] = true;
	for (size_t i = 0; i < n; i++) {
		bool jump = BPF_CLASS(v[i].code) == BPF_JMP;
		assert_true(seen[i]);
		if (v[i].code != (BPF_JMP | BPF_EXIT))
			seen[i + 1] = true;
		if (jump && v[i].code != (BPF_JMP | BPF_EXIT))
			seen[i + 1 + (size_t)v[i].off] = true;
	}
	assert_false(seen[n]);
}

/* Each kind of access is decided by the last rule that names it. */
static void device_program_order(void **state)
{
	static const struct {
		const char *rules, *allowed, *denied; /* of c 1:3 */
	} cases[] = {
		{"", "", "r w m rw"},
		{"+rwm", "r w m rw rwm", ""},
		{"+rwm -w", "r m rm", "w rw rwm"},
		{"-rwm +r +w", "r w rw", "m rwm"},
		{"+rwm -rwm +r", "r", "w m rw"},
		{"+rw -r +r", "r w rw", "m"},
		{"-rwm +rwm -m", "r w rw", "m rm"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct runtime_device_rule rules[8];
		size_t nrules = 0, n;
		for (const char *p = cases[i].rules; *p;) {
			size_t len = strcspn(p, " ");
			struct runtime_device_rule *d = &rules[nrules++];
			*d = (struct runtime_device_rule){
				*p == '+', 'c', 1, 3, false, false, false};
			for (size_t j = 1; j < len; j++) {
				d->read |= p[j] == 'r';
				d->write |= p[j] == 'w';
				d->make |= p[j] == 'm';
			}
			p += len + (p[len] == ' ');
		}
		cleanup_free struct bpf_insn *v = NULL;
		cgroup_bpf_program(rules, nrules, &v, &n);
		assert_all_reached(v, n);
		for (int allowed = 0; allowed < 2; allowed++)
			for (const char *p = allowed ? cases[i].allowed : cases[i].denied; *p;) {
				uint32_t access = 0;
				for (; *p && *p != ' '; p++)
					access |= *p == 'r'   ? BPF_DEVCG_ACC_READ
						  : *p == 'w' ? BPF_DEVCG_ACC_WRITE
							      : BPF_DEVCG_ACC_MKNOD;
				p += *p == ' ';
				assert_int_equal(
					decide(v, n, BPF_DEVCG_DEV_CHAR, access, 1, 3), allowed);
			}
	}
	struct runtime_device_rule all[] = {{false, 'a', -1, -1, true, true, true},
		{true, 'c', 1, 3, true, true, true}, {true, 'a', -1, -1, true, true, true}};
	size_t n;
	cleanup_free struct bpf_insn *open = NULL;
	cgroup_bpf_program(all, 3, &open, &n);
	assert_all_reached(open, n);
	cleanup_free struct bpf_insn *closed = NULL;
	cgroup_bpf_program(all, 2, &closed, &n);
	assert_all_reached(closed, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(limits_become_files),
		cmocka_unit_test(device_rules_on_v1),
		cmocka_unit_test(chooses_controllers),
		cmocka_unit_test(device_program),
		cmocka_unit_test(device_program_order),
		cmocka_unit_test(hybrid),
		cmocka_unit_test(lenient),
		cmocka_unit_test(weights),
		cmocka_unit_test(previous_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
