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

static char *limits(enum runtime_cgroup_mode mode, const char *json)
{
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct err e = ERR_INIT;
	assert_ok(runtime_config_parse_resources(json, strlen(json), &c, &e), &e);
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	struct buf b = BUF_INIT;
	cgroup_limits(mode, &c->resources, &w);
	for (size_t i = 0; i < w.n; i++)
		buf_printf(&b, "%s=%s;", w.v[i].file, w.v[i].value);
	buf_add_str(&b, "");
	return buf_take(&b);
}

static const struct {
	const char *json, *v1, *v2;
} limit_cases[] = {
	{"{}", "", ""},
	{"{\"memory\":{\"limit\":1000,\"swap\":3000}}",
		"memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=3000;",
		"memory.max=1000;memory.swap.max=2000;"},
	{"{\"memory\":{\"limit\":1000,\"swap\":-1,\"reservation\":500}}",
		"memory.limit_in_bytes=1000;memory.memsw.limit_in_bytes=-1;"
		"memory.soft_limit_in_bytes=500;",
		"memory.max=1000;memory.swap.max=max;memory.low=500;"},
	{"{\"memory\":{\"limit\":-1}}", "memory.limit_in_bytes=-1;", "memory.max=max;"},
	{"{\"cpu\":{\"shares\":1024}}", "cpu.shares=1024;", "cpu.weight=39;"},
	{"{\"cpu\":{\"shares\":2}}", "cpu.shares=2;", "cpu.weight=1;"},
	{"{\"cpu\":{\"shares\":262144}}", "cpu.shares=262144;", "cpu.weight=10000;"},
	{"{\"cpu\":{\"shares\":0}}", "", ""},
	{"{\"cpu\":{\"quota\":50000,\"period\":100000}}",
		"cpu.cfs_period_us=100000;cpu.cfs_quota_us=50000;", "cpu.max=50000 100000;"},
	{"{\"cpu\":{\"quota\":-1}}", "cpu.cfs_quota_us=-1;", "cpu.max=max 100000;"},
	{"{\"cpu\":{\"cpus\":\"0-1\",\"mems\":\"0\"}}", "cpuset.cpus=0-1;cpuset.mems=0;",
		"cpuset.cpus=0-1;cpuset.mems=0;"},
	{"{\"pids\":{\"limit\":7}}", "pids.max=7;", "pids.max=7;"},
	{"{\"pids\":{\"limit\":-1}}", "pids.max=max;", "pids.max=max;"},
	{"{\"blockIO\":{\"weight\":1000,\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,"
	 "\"rate\":5}]}}",
		"blkio.weight=1000;blkio.throttle.read_bps_device=8:0 5;",
		"io.weight=default 10000;io.max=8:0 rbps=5;"},
	{"{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":4194304}]}",
		"hugetlb.2MB.limit_in_bytes=4194304;", "hugetlb.2MB.max=4194304;"},
	{"{\"unified\":{\"memory.high\":\"9\"}}", "", "memory.high=9;"},
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

static void device_rules_on_v1(void **state)
{
	cleanup_free char *text = limits(RUNTIME_CGROUP_HYBRID,
		"{\"devices\":[{\"allow\":false,\"access\":\"rwm\"},"
		"{\"allow\":true,\"type\":\"c\",\"major\":10,\"minor\":229,\"access\":\"rw\"}]}");
	assert_contains(text, "devices.deny=a;devices.allow=c 10:229 rw;");
	assert_contains(text, "devices.allow=c *:* m;");
	assert_contains(text, "devices.allow=c 136:* rwm;");
	cleanup_free char *open = limits(RUNTIME_CGROUP_V1, "{\"devices\":[{\"allow\":true}]}");
	assert_string_equal(open, "devices.allow=a;");
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
		assert_int_equal(runtime_config_parse_resources(
					 cases[i].json, strlen(cases[i].json), &c, NULL),
			0);
		cgroup_choose(&cases[i].host, &c->resources, cases[i].accounting, &g);
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
		case BPF_JMP | BPF_JNE | BPF_X:
			pc += r[i->dst_reg] != r[i->src_reg] ? (size_t)i->off : 0;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths),
		cmocka_unit_test(limits_become_files),
		cmocka_unit_test(device_rules_on_v1),
		cmocka_unit_test(chooses_controllers),
		cmocka_unit_test(device_program),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
