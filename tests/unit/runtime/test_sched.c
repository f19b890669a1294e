/* Schedulers, lists of CPUs and nodes, personality: the numbers that words become, what is refused. */
#include "../test.h"
#include "sample.h"

#include "base/buf.h"
#include "base/err.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/plan.h"

#define PROC(more)  "{\"args\":[\"a\"],\"cwd\":\"/\"" more "}"
#define LINUX(more) "{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"}]" more "}"

/* The plan's lines for a config, as a start (exec: as a process that joins) */
static char *plan_text(const char *config, bool exec)
{
	struct err e = ERR_INIT;
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	struct runtime_plan p cleanup_runtime_plan = {NULL};
	struct buf b = BUF_INIT;
	assert_ok(runtime_config_parse(config, strlen(config), &c, &e), &e);
	if (exec)
		runtime_plan_exec(c, &c->process, 0, &p);
	else
		assert_ok(runtime_plan_make(c, &o, &p, &e), &e);
	runtime_plan_print(&p, &b);
	return buf_take(&b);
}

static const struct {
	const char *process, *linux_part, *line;
	bool exec;
} lines[] = {
	{PROC(",\"scheduler\":{\"policy\":\"SCHED_FIFO\",\"priority\":3,\"flags\":["
	      "\"SCHED_FLAG_RESET_ON_FORK\",\"SCHED_FLAG_UTIL_CLAMP_MAX\"]}"),
		LINUX(""), "\nscheduler policy 1 nice 0 priority 3 flags 0x41\n", false},
	{PROC(",\"scheduler\":{\"policy\":\"SCHED_DEADLINE\",\"nice\":-20,\"runtime\":1,"
	      "\"deadline\":2,\"period\":18446744073709551615}"),
		LINUX(""),
		"\nscheduler policy 6 nice -20 priority 0 flags 0 ns 1/2/18446744073709551615\n",
		true},
	{PROC(",\"ioPriority\":{\"class\":\"IOPRIO_CLASS_RT\",\"priority\":4}"), LINUX(""),
		"\nio-priority 0x2004\n", false},
	{PROC(",\"execCPUAffinity\":{\"initial\":\"0-2,7\",\"final\":\" 64, 66-67\"}"), LINUX(""),
		"affinity 0-2,7\njoin-cgroup\naffinity 64,66-67\n", true},
	{PROC(""), LINUX(",\"personality\":{\"domain\":\"LINUX32\",\"flags\":[\"SHORT_INODE\"]}"),
		"\npersonality 0x1000008\ncwd", true},
	{PROC(""),
		LINUX(",\"memoryPolicy\":{\"mode\":\"MPOL_INTERLEAVE\",\"nodes\":\"1-2\","
		      "\"flags\":[\"MPOL_F_STATIC_NODES\"]}"),
		"\nmemory-policy mode 0x8003 1-2\n", false},
};

static void words_become_numbers(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		char config[1024];
		snprintf(config, sizeof(config),
			"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":%s,"
			"\"linux\":%s}",
			lines[i].process, lines[i].linux_part);
		cleanup_free char *text = plan_text(config, lines[i].exec);
		assert_contains(text, lines[i].line);
	}
}

static void nothing_is_done_that_was_not_asked_for(void **state)
{
	static const char *const words[] = {
		"scheduler", "io-priority", "affinity", "personality", "memory-policy"};
	const char *config = SAMPLE(PROC(",\"scheduler\":{},\"execCPUAffinity\":{}"), "[]",
		LINUX(",\"personality\":{},\"memoryPolicy\":{}"));
	cleanup_free char *start = plan_text(config, false), *exec = plan_text(config, true);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		assert_true(!strstr(start, words[i]) && !strstr(exec, words[i]));
	/* what an exec sets on its way in is not for the first process */
	cleanup_free char *first = plan_text(
		SAMPLE(PROC(",\"execCPUAffinity\":{\"final\":\"1\"}"), "[]", LINUX("")), false);
	assert_null(strstr(first, "affinity"));
}

static const struct {
	const char *config, *error;
} refused[] = {
	{SAMPLE(PROC(",\"scheduler\":{\"nice\":1}"), "[]", "{}"), "scheduler: policy is missing"},
	{SAMPLE(PROC(",\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}"), "[]", "{}"),
		"process.scheduler.nice: 20 is not between"},
	{SAMPLE(PROC(",\"scheduler\":[]"), "[]", "{}"), "process.scheduler: expected an object"},
	{SAMPLE(PROC(",\"ioPriority\":{\"priority\":1}"), "[]", "{}"), "class '' is unknown"},
	{SAMPLE(PROC(",\"execCPUAffinity\":{\"initial\":\"3-1\"}"), "[]", "{}"), "'3-1'"},
	{SAMPLE(PROC(",\"execCPUAffinity\":{\"initial\":\"1-\"}"), "[]", "{}"), "'1-'"},
	{SAMPLE(PROC(",\"execCPUAffinity\":{\"initial\":\"1;2\"}"), "[]", "{}"), "'1;2'"},
	{SAMPLE(PROC(",\"execCPUAffinity\":{\"initial\":\"-1\"}"), "[]", "{}"), "'-1'"},
	{SAMPLE(PROC(",\"execCPUAffinity\":{\"initial\":\"0-65536\"}"), "[]", "{}"), "below 65536"},
	{SAMPLE(PROC(",\"execCPUAffinity\":{\"initial\":\"99999999999999999999\"}"), "[]", "{}"),
		"below 65536"},
	{SAMPLE(PROC(""), "[]", "{\"personality\":{\"domain\":\"BSD\"}}"), "domain 'BSD'"},
	{SAMPLE(PROC(""), "[]", "{\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"a\"}}"),
		"linux.memoryPolicy: nodes 'a'"},
};

static void refuses(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct err e = ERR_INIT;
		struct runtime_config *c = NULL;
		const char *text = refused[i].config;
		assert_true(runtime_config_parse(text, strlen(text), &c, &e) < 0);
		assert_contains(e.msg, refused[i].error);
	}
}

static void a_list_that_repeats_itself_is_refused(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_add_str(&b, "{\"args\":[\"a\"],\"cwd\":\"/\",\"execCPUAffinity\":{\"initial\":\"0");
	for (int i = 0; i < 100000; i++)
		buf_add_str(&b, ",0-65535");
	buf_add_str(&b, "\"}}");
	struct err e = ERR_INIT;
	struct runtime_config *c = NULL;
	assert_true(runtime_config_parse_process(buf_str(&b), b.len, &c, &e) < 0);
	assert_contains(e.msg, "is not a list");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_become_numbers),
		cmocka_unit_test(nothing_is_done_that_was_not_asked_for),
		cmocka_unit_test(refuses),
		cmocka_unit_test(a_list_that_repeats_itself_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
