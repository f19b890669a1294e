/* Image configs: what is read is written again, hostile bytes are refused. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/json.h"

#define D1 "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char full[] =
	"{\"created\":\"2024-01-02T03:04:05.123456789Z\",\"author\":\"me\",\"architecture\":"
	"\"amd64\",\"os\":\"linux\",\"os.version\":\"1\",\"os.features\":[\"f\"],\"variant\":"
	"\"v2\",\"config\":{\"User\":\"u:g\",\"ExposedPorts\":{\"53/udp\":{},\"80/tcp\":{}},"
	"\"Env\":[\"A=b=c\",\"B\"],\"Entrypoint\":[],\"Cmd\":[\"x\",\"\"],\"Volumes\":{\"/v\":{}},"
	"\"WorkingDir\":\"/w\",\"Labels\":{\"a\":\"1\",\"a-b\":\"2\",\"a=b\":\"c\"},\"StopSignal\":"
	"\"SIGINT\",\"StopTimeout\":0,\"ArgsEscaped\":true,\"Healthcheck\":{\"Test\":[\"CMD\","
	"\"t\"],\"Interval\":1000000000,\"Timeout\":2,\"StartPeriod\":3,\"StartInterval\":4,"
	"\"Retries\":5},\"OnBuild\":[\"RUN x\"],\"Shell\":[\"/bin/bash\",\"-c\"],\"Mystery\":"
	"{\"deep\":[1,2]}},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" D1
	"\"]},\"history\":[{\"created\":\"2024-01-02T03:04:05Z\",\"created_by\":\"COPY\","
	"\"author\":\"x\",\"comment\":\"c\",\"extra\":1},{\"created_by\":\"ENV\",\"empty_layer\":"
	"true}],\"moby.buildkit.x\":\"y\"}";

static void everything_survives(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	assert_ok(oci_image_config_parse(full, strlen(full), &c, &e), &e);
	assert_true(c.config.has_entrypoint);
	assert_int_equal(c.config.entrypoint.n, 0);
	assert_int_equal(c.config.healthcheck.retries, 5);
	assert_string_equal(strv_env_get(&c.config.labels, "a-b"), "2");
	assert_int_equal(c.nhistory, 2);
	struct oci_image_config copy cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	oci_image_config_copy(&copy, &c);
	struct buf out cleanup_buf = BUF_INIT;
	oci_image_config_format(&copy, &out);
	cleanup_json json_t *a = json_loads(full, 0, NULL), *b = json_loads(buf_str(&out), 0, NULL);
	if (!json_equal(a, b))
		print_error("%s\n%s\n", full, buf_str(&out));
	assert_true(json_equal(a, b));
	/* written bytes are a fixed point */
	struct oci_image_config again cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	assert_ok(oci_image_config_parse(out.data, out.len, &again, &e), &e);
	struct buf out2 cleanup_buf = BUF_INIT;
	oci_image_config_format(&again, &out2);
	assert_string_equal(buf_str(&out), buf_str(&out2));
}

static void absent_is_not_empty(void **state)
{
	(void)state;
	static const char doc[] =
		"{\"architecture\":\"amd64\",\"os\":\"linux\",\"config\":{\"Cmd\":"
		"null,\"Entrypoint\":\"one\"},\"rootfs\":{\"type\":\"layers\","
		"\"diff_ids\":[]}}";
	struct err e = ERR_INIT;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	assert_ok(oci_image_config_parse(doc, strlen(doc), &c, &e), &e);
	assert_false(c.config.has_cmd);
	assert_true(c.config.has_entrypoint);
	assert_string_equal(c.config.entrypoint.v[0], "one");
	assert_int_equal(c.config.stop_timeout, -1);
	assert_int_equal(oci_image_config_created(&c), 0);
	struct buf out cleanup_buf = BUF_INIT;
	oci_image_config_format(&c, &out);
	assert_null(strstr(buf_str(&out), "Cmd"));
	assert_null(strstr(buf_str(&out), "history"));
}

/* Go's zero time stands in many configs */
static void a_time_before_all_times(void **state)
{
	(void)state;
	static const char doc[] = "{\"created\":\"0001-01-01T00:00:00Z\",\"rootfs\":{}}";
	struct err e = ERR_INIT;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	assert_ok(oci_image_config_parse(doc, strlen(doc), &c, &e), &e);
	assert_int_equal(oci_image_config_created(&c), 0);
}

static void bytes_that_are_no_text(void **state)
{
	(void)state;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	strv_add(&c.config.env, "X=\xff\xc3\xa9\xe2\x82");
	struct buf out cleanup_buf = BUF_INIT;
	oci_image_config_format(&c, &out);
	assert_contains(buf_str(&out), "X=\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd");
}

static void refused(void **state)
{
	(void)state;
	static const struct {
		const char *doc, *words;
	} cases[] = {
		{"", "not valid JSON"},
		{"[]", "expected an object"},
		{"{}", "no rootfs"},
		{"{\"rootfs\":3}", "rootfs: expected an object, found a number"},
		{"{\"rootfs\":{\"type\":\"x\"}}", "is not 'layers'"},
		{"{\"rootfs\":{\"diff_ids\":[\"sha256:1\"]}}", "diff_ids[0]"},
		{"{\"rootfs\":{\"diff_ids\":[7]}}", "diff_ids[0]: expected a string"},
		{"{\"rootfs\":{},\"config\":{\"Env\":{}}}", "config.Env: expected a list"},
		{"{\"rootfs\":{},\"config\":{\"Healthcheck\":{\"Retries\":-1}}}", "negative"},
		{"{\"rootfs\":{},\"created\":\"yesterday\"}", "RFC 3339"},
		{"{\"rootfs\":{},\"history\":[{},4]}", "history[1]"},
		{"{\"rootfs\":{},\"rootfs\":{}}", "duplicate"},
		{"{\"rootfs\":{}} trailing", "end of file expected"},
		{"{\"rootfs\":{},\"author\":\"a\\u0000b\"}", "not valid JSON"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct oci_image_config c;
		assert_true(oci_image_config_parse(cases[i].doc, strlen(cases[i].doc), &c, &e) < 0);
		assert_contains(e.msg, cases[i].words);
	}
}

static void too_deep_and_too_long(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct oci_image_config c;
	size_t n = 100000;
	char *deep = mem_alloc(n + 1);
	memset(deep, '[', n);
	assert_int_equal(oci_image_config_parse(deep, n, &c, &e), -ERR_LIMIT);
	assert_contains(e.msg, "nested deeper");
	free(deep);
	err_clear(&e);
	n = LIMIT_CONFIG + 1;
	char *large = mem_alloc(n + 1);
	memset(large, ' ', n);
	assert_int_equal(oci_image_config_parse(large, n, &c, &e), -ERR_LIMIT);
	assert_contains(e.msg, "more than the limit");
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_survives),
		cmocka_unit_test(absent_is_not_empty),
		cmocka_unit_test(a_time_before_all_times),
		cmocka_unit_test(bytes_that_are_no_text),
		cmocka_unit_test(refused),
		cmocka_unit_test(too_deep_and_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
