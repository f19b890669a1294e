/* Merging of limits, words of exec --cgroup, the kernel's texts as the document of events. */
#include "../test.h"

#include "base/err.h"
#include "base/mem.h"
#include "runtime/exec_priv.h"
#include "runtime/stats_priv.h"
#include "runtime/update_priv.h"

static char *compact(json_t *v)
{
	char *text = json_dumps(v, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(v);
	return text;
}

static void merges(void **state)
{
	static const struct {
		const char *old, *given, *merged, *touched;
	} cases[] = {
		{"{}", "{\"pids\":{\"limit\":5}}", "{\"pids\":{\"limit\":5}}",
			"{\"pids\":{\"limit\":5}}"},
		{"{\"memory\":{\"limit\":1,\"swap\":2},\"cpu\":{\"shares\":3}}",
			"{\"memory\":{\"limit\":9}}",
			"{\"cpu\":{\"shares\":3},\"memory\":{\"limit\":9,\"swap\":2}}",
			"{\"memory\":{\"limit\":9,\"swap\":2}}"},
		{"{\"memory\":{\"limit\":1}}", "{\"memory\":null,\"cpu\":{\"shares\":null}}",
			"{\"cpu\":{\"shares\":null},\"memory\":{\"limit\":1}}",
			"{\"cpu\":{\"shares\":null}}"},
		{"{\"hugepageLimits\":[{\"pageSize\":\"2MB\",\"limit\":1},{\"pageSize\":\"1GB\","
		 "\"limit\":2}]}",
			"{\"hugepageLimits\":[{\"pageSize\":\"1GB\",\"limit\":3}]}",
			"{\"hugepageLimits\":[{\"limit\":1,\"pageSize\":\"2MB\"},{\"limit\":3,"
			"\"pageSize\":\"1GB\"}]}",
			NULL},
		{"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"minor\":0,\"rate\":1}]}}",
			"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"rate\":2},"
			"{\"major\":8,\"minor\":1,\"rate\":3}]}}",
			"{\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":8,\"rate\":2},"
			"{\"major\":8,\"minor\":1,\"rate\":3}]}}",
			NULL},
		{"{\"unified\":{\"memory.high\":\"1\"}}", "{\"unified\":{\"memory.low\":\"2\"}}",
			"{\"unified\":{\"memory.high\":\"1\",\"memory.low\":\"2\"}}", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		json_t *to = json_loads(cases[i].old, 0, NULL);
		json_t *given = json_loads(cases[i].given, 0, NULL);
		resources_merge(to, given);
		cleanup_free char *touched = compact(resources_touched(to, given));
		cleanup_free char *merged = compact(to);
		assert_string_equal(merged, cases[i].merged);
		assert_string_equal(touched, cases[i].touched ? cases[i].touched : merged);
		json_decref(given);
	}
}

static void exec_cgroups(void **state)
{
	static const struct {
		const char *text;
		unsigned mask; /* 0: an error */
		const char *path;
	} cases[] = {
		{"a/b", RUNTIME_CG_ALL, "a/b"},
		{"/", RUNTIME_CG_ALL, "/"},
		{"cpu,memory:x", RUNTIME_CG_CPU | RUNTIME_CG_MEMORY, "x"},
		{"memory:", RUNTIME_CG_MEMORY, ""},
		{"memory:a..b/..c", RUNTIME_CG_MEMORY, "a..b/..c"},
		{":x", 0, NULL},
		{"nosuch:x", 0, NULL},
		{"mem:x", 0, NULL},
		{"..", 0, NULL},
		{"a/../..", 0, NULL},
		{"memory:../x", 0, NULL},
		{"a//../b", 0, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned mask;
		const char *path;
		struct err e = ERR_INIT;
		int r = exec_cgroup_parse(cases[i].text, &mask, &path, &e);
		assert_int_equal(r == 0, cases[i].mask != 0);
		if (r < 0)
			continue;
		assert_int_equal(mask, cases[i].mask);
		assert_string_equal(path, cases[i].path);
	}
}

static void statistics(void **state)
{
	assert_int_equal(stats_keyed("a 1\nbc 22\nb 3\n", "b"), 3);
	assert_int_equal(stats_keyed("a 1", "x"), 0);
	cleanup_free char *list = compact(stats_list("0-2,5,7-7\n"));
	assert_string_equal(list, "[0,1,2,5,7]");
	cleanup_free char *none = compact(stats_list("\n"));
	assert_string_equal(none, "[]");
	cleanup_free char *psi =
		compact(stats_pressure("some avg10=0.50 avg60=0.00 avg300=0.00 total=7\n"
				       "full avg10=0.00 avg60=0.00 avg300=0.00 total=3\n"));
	assert_string_equal(psi,
		"{\"full\":{\"avg10\":0.0,\"avg300\":0.0,\"avg60\":0.0,\"total\":3},"
		"\"some\":{\"avg10\":0.5,\"avg300\":0.0,\"avg60\":0.0,\"total\":7}}");
	cleanup_free char *v1 = compact(stats_io_v1("8:0 Read 5\n8:0 Total 6\nTotal 9\n"));
	assert_string_equal(v1, "[{\"major\":8,\"minor\":0,\"op\":\"Read\",\"value\":5},"
				"{\"major\":8,\"minor\":0,\"op\":\"Total\",\"value\":6}]");
	json_t *o = json_object();
	stats_io_v2("254:0 rbytes=10 wbytes=2 rios=1 wios=0 dbytes=0 dios=0\n259:0 \n", o);
	assert_int_equal(json_array_size(json_object_get(o, "ioServiceBytesRecursive")), 3);
	assert_int_equal(json_array_size(json_object_get(o, "ioServicedRecursive")), 3);
	json_decref(o);
	cleanup_free char *net =
		compact(stats_net("Inter-|   Receive |  Transmit\n face |bytes packets errs\n"
				  "    lo: 1 2 3 4 0 0 0 0 5 6 7 8 0 0 0 0\n"));
	assert_string_equal(net, "[{\"Name\":\"lo\",\"RxBytes\":1,\"RxDropped\":4,\"RxErrors\":3,"
				 "\"RxPackets\":2,\"TxBytes\":5,\"TxDropped\":8,\"TxErrors\":7,"
				 "\"TxPackets\":6}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges),
		cmocka_unit_test(exec_cgroups),
		cmocka_unit_test(statistics),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
