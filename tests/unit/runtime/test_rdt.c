/* Classes of service in a directory that looks like resctrl; names of network interfaces. */
#include "../test.h"
#include "sample.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "runtime/config.h"
#include "runtime/netdev_priv.h"
#include "runtime/rdt_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static void schemata_are_compared(void **state)
{
	static const char have[] = "    MB:0=100;1= 90\n    L3:0=00ff;1=f\n";
	static const struct {
		const char *line;
		bool same;
	} cases[] = {
		{"L3:0=ff", true},
		{"L3:0=FF;1=f", true},
		{"L3:1=0f;0=ff", true},
		{"MB:0=100", true},
		{"L3:0=fe", false},
		{"L3:2=f", false},
		{"L3:0=ff;1=1", false},
		{"L2:0=ff", false},
		{"L3", false},
		{"L3:x", false},
		{"L3:0", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (rdt_schema_matches(have, cases[i].line) != cases[i].same)
			fail_msg("%s", cases[i].line);
	assert_false(rdt_schema_matches("", "L3:0=ff"));
	assert_false(rdt_schema_matches("L3:0", "L3:0=ff"));
	assert_false(rdt_schema_matches("L3:=", "L3:0=ff"));
}

static char top[] = "/tmp/kist-rdt-XXXXXX";

static void put(const char *name, const char *text)
{
	char path[256];
	struct err e = ERR_INIT;
	snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_ok(file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, &e), &e);
}

static int make_top(void **state)
{
	assert_non_null(mkdtemp(top));
	char path[256];
	const char *const dirs[] = {"mon_groups", "gold", "gold/mon_groups", "info"};
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, dirs[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	put("tasks", "");
	put("schemata", "L3:0=ff\n");
	put("gold/tasks", "");
	put("gold/schemata", "L3:0=f0\nMB:0=50\n");
	put("info/last_cmd_status", "the kernel's own words\n");
	return 0;
}

static int remove_top(void **state)
{
	return file_remove_tree(AT_FDCWD, top, NULL);
}

static char *get(const char *name)
{
	char path[256];
	struct err e = ERR_INIT;
	struct buf b = BUF_INIT;
	snprintf(path, sizeof(path), "%s/%s", top, name);
	assert_ok(file_read(AT_FDCWD, path, &b, &e), &e);
	buf_add_char(&b, 0);
	return buf_take(&b);
}

static void a_class_that_exists_is_joined(void **state)
{
	struct err e = ERR_INIT;
	const struct runtime_rdt r = {.set = true,
		.clos_id = "gold",
		.l3_schema = "MB:0=1\nL3:0=f0",
		.mb_schema = "MB:0=50"};
	assert_ok(rdt_apply(top, &r, "box", 77, &e), &e);
	cleanup_free char *tasks = get("gold/tasks");
	assert_string_equal(tasks, "77");
	/* it is not ours */
	assert_ok(rdt_remove(top, &r, "box", &e), &e);
	free(get("gold/tasks"));
	const struct runtime_rdt root = {.set = true, .clos_id = "/"};
	assert_ok(rdt_apply(top, &root, "box", 78, &e), &e);
	cleanup_free char *root_tasks = get("tasks");
	assert_string_equal(root_tasks, "78");
}

static void what_does_not_fit_is_refused(void **state)
{
	static const char *const line[] = {"L3:0=ff"};
	static const struct {
		struct runtime_rdt r;
		const char *error;
	} cases[] = {
		{{.clos_id = "gold", .mb_schema = "MB:0=60"},
			"exists with other schemata than 'MB"},
		{{.clos_id = "silver"}, "there is no class 'silver'"},
		{{.clos_id = "gold", .schemata = {(const char **)(void *)line, 1}}, "'L3:0=ff'"},
		{{.clos_id = "bronze", .l3_schema = "L3:0=1"},
			"schemata 'L3:0=1': the kernel's own"},
		{{.monitoring = true}, "linux.intelRdt: "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		assert_true(rdt_apply(top, &cases[i].r, "box", 79, &e) < 0);
		assert_contains(e.msg, cases[i].error);
		/* nothing is left of it */
		assert_false(file_exists(AT_FDCWD, "bronze"));
		char path[256];
		snprintf(path, sizeof(path), "%s/bronze", top);
		assert_false(file_exists(AT_FDCWD, path));
		snprintf(path, sizeof(path), "%s/box", top);
		assert_false(file_exists(AT_FDCWD, path));
	}
}

static void groups_of_a_container_go_with_it(void **state)
{
	char path[256];
	struct err e = ERR_INIT;
	const struct runtime_rdt r = {.set = true, .monitoring = true};
	snprintf(path, sizeof(path), "%s/box", top);
	assert_int_equal(mkdir(path, 0755), 0);
	assert_ok(rdt_remove(top, &r, "box", &e), &e);
	assert_false(file_exists(AT_FDCWD, path));
	assert_ok(rdt_remove(top, &r, "box", &e), &e);
}

static void names_of_interfaces(void **state)
{
	static const struct {
		const char *name;
		bool plain, template;
	} cases[] = {
		{"eth0", true, true},
		{"eth%d", false, true},
		{"e%dx", false, true},
		{"%d%d", false, false},
		{"a%s", false, false},
		{"a%", false, false},
		{"", false, false},
		{".", false, false},
		{"..", false, false},
		{"a/b", false, false},
		{"a b", false, false},
		{"a:b", false, false},
		{"123456789012345", true, true},
		{"1234567890123456", false, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(netdev_name_valid(cases[i].name, false), cases[i].plain);
		assert_int_equal(netdev_name_valid(cases[i].name, true), cases[i].template);
	}
}

static const struct {
	const char *linux_part, *error;
} refused[] = {
	{"\"intelRdt\":{\"closID\":\"a/b\"}", "closID 'a/b' is no name"},
	{"\"intelRdt\":{\"closID\":\"..\"}", "closID '..'"},
	{"\"intelRdt\":{\"closID\":\"info\"}", "closID 'info'"},
	{"\"intelRdt\":{\"memBwSchema\":\"L3:0=1\"}", "memBwSchema"},
	{"\"intelRdt\":{\"schemata\":[\"L3:0=1\\nMB:0=1\"]}", "schemata[0]"},
	{"\"netDevices\":{\"a/b\":{}}", "linux.netDevices.a/b: 'a/b' is no name"},
	{"\"netDevices\":{\"eth0\":{\"name\":\"x y\"}}", "'x y' is no name"},
	{"\"netDevices\":{\"eth%d\":{}}", "'eth%d' is no name"},
	{"\"netDevices\":{\"eth0\":3}", "netDevices.eth0: expected an object"},
	{"\"netDevices\":[]", "netDevices: expected an object"},
};

static void wrong_configs_are_refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		char text[512];
		struct err e = ERR_INIT;
		struct runtime_config *c = NULL;
		snprintf(text, sizeof(text),
			"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{%s}}",
			refused[i].linux_part);
		assert_true(runtime_config_parse(text, strlen(text), &c, &e) < 0);
		assert_contains(e.msg, refused[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schemata_are_compared),
		cmocka_unit_test(a_class_that_exists_is_joined),
		cmocka_unit_test(what_does_not_fit_is_refused),
		cmocka_unit_test(groups_of_a_container_go_with_it),
		cmocka_unit_test(names_of_interfaces),
		cmocka_unit_test(wrong_configs_are_refused),
	};
	return cmocka_run_group_tests(tests, make_top, remove_top);
}
