/* Manifests with changed parts: what must change does, all else stays, byte for byte where nothing
 * changes. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "oci/rewrite.h"

#define D1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define D3 "sha256:3333333333333333333333333333333333333333333333333333333333333333"

static const char oci[] =
	"{ \"schemaVersion\":2, "
	"\"config\":{\"mediaType\":\"application/vnd.oci.image.config.v1+json\","
	"\"digest\":\"" D1 "\",\"size\":1,\"x\":true},\"layers\":[{\"mediaType\":"
	"\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"" D2
	"\",\"size\":2,\"annotations\":{\"a\":\"b\"}}],\"annotations\":{\"c\":\"d\"},\"new\":[1]}";

static const char *rewrite(
	const char *text, enum oci_format format, const struct oci_replacement *v, struct buf *out)
{
	static char message[4096];
	struct err e = ERR_INIT;
	const char *type;
	if (oci_manifest_rewrite(text, strlen(text), format, v, 1, out, &type, &e) < 0) {
		snprintf(message, sizeof(message), "!%s", e.msg);
		return message;
	}
	return type;
}

static void test_keep(void **state)
{
	struct buf b cleanup_buf = BUF_INIT, c cleanup_buf = BUF_INIT;
	const struct oci_replacement same = {0};
	assert_string_equal(rewrite(oci, OCI_FORMAT_KEEP, NULL, &b), OCI_TYPE_MANIFEST);
	assert_string_equal(buf_str(&b), oci);
	assert_string_equal(rewrite(oci, OCI_FORMAT_OCI, &same, &c), OCI_TYPE_MANIFEST);
	assert_string_equal(buf_str(&c), oci);
}

static void test_layer(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct oci_replacement v = {
		.changed = true, .digest = D3, .size = 99, .compression = OCI_COMPRESSION_ZSTD};
	assert_string_equal(rewrite(oci, OCI_FORMAT_KEEP, &v, &b), OCI_TYPE_MANIFEST);
	assert_contains(buf_str(&b), "\"digest\":\"" D3 "\",\"size\":99");
	assert_contains(buf_str(&b), "layer.v1.tar+zstd");
	assert_contains(buf_str(&b), "\"x\":true");
	assert_contains(buf_str(&b), "\"new\":[1]");
	assert_null(strstr(buf_str(&b), D2));
	buf_clear(&b);
	assert_contains(rewrite(oci, OCI_FORMAT_DOCKER, &v, &b), "docker's format has no word for");
}

static void test_formats(void **state)
{
	struct buf b cleanup_buf = BUF_INIT, back cleanup_buf = BUF_INIT;
	assert_string_equal(rewrite(oci, OCI_FORMAT_DOCKER, NULL, &b), OCI_TYPE_DOCKER_MANIFEST);
	assert_contains(buf_str(&b), "\"mediaType\":\"" OCI_TYPE_DOCKER_MANIFEST "\"");
	assert_contains(buf_str(&b), OCI_TYPE_DOCKER_CONFIG);
	assert_contains(buf_str(&b), OCI_TYPE_DOCKER_LAYER_GZIP);
	assert_null(strstr(buf_str(&b), "annotations"));
	assert_string_equal(rewrite(buf_str(&b), OCI_FORMAT_OCI, NULL, &back), OCI_TYPE_MANIFEST);
	assert_null(strstr(buf_str(&back), "docker"));
}

static void test_refused(void **state)
{
	static const char *const cases[][2] = {
		{"{\"schemaVersion\":2,\"subject\":{},\"config\":{},\"layers\":[]}",
			"no artifacts"},
		{"{\"config\":{\"mediaType\":\"text/x\"},\"layers\":[]}", "no word for 'text/x'"},
		{"{\"config\":7,\"layers\":[]}", "no config"},
		{"{\"config\":{\"mediaType\":\"" OCI_TYPE_CONFIG "\"},\"layers\":[7]}",
			"layers[0]: expected an object"},
		{"[]", "expected an object"},
		{"{", "not valid JSON"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b cleanup_buf = BUF_INIT;
		assert_contains(rewrite(cases[i][0], OCI_FORMAT_DOCKER, NULL, &b), cases[i][1]);
	}
	struct buf b cleanup_buf = BUF_INIT;
	struct oci_replacement v[2] = {{.changed = true, .digest = D3}, {0}};
	struct err e = ERR_INIT;
	const char *type;
	assert_true(
		oci_manifest_rewrite(oci, strlen(oci), OCI_FORMAT_KEEP, v, 2, &b, &type, &e) < 0);
	assert_contains(e.msg, "1 entries, not 2");
}

static void test_index(void **state)
{
	static const char index[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_INDEX "\",\"manifests\":["
		"{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" D1
		"\",\"size\":1,\"platform\":{\"os\":\"linux\",\"os.version\":\"7\"}}]}";
	struct buf b cleanup_buf = BUF_INIT, c cleanup_buf = BUF_INIT;
	struct oci_replacement v = {.changed = true, .digest = D3, .size = 5};
	struct err e = ERR_INIT;
	const char *type;
	assert_ok(oci_index_rewrite(index, strlen(index), OCI_FORMAT_KEEP, NULL, 0, &b, &type, &e),
		&e);
	assert_string_equal(buf_str(&b), index);
	assert_ok(oci_index_rewrite(index, strlen(index), OCI_FORMAT_DOCKER, &v, 1, &c, &type, &e),
		&e);
	assert_string_equal(type, OCI_TYPE_DOCKER_LIST);
	assert_contains(buf_str(&c),
		"\"mediaType\":\"" OCI_TYPE_DOCKER_MANIFEST "\",\"digest\":\"" D3 "\",\"size\":5");
	assert_contains(buf_str(&c), "\"os.version\":\"7\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keep),
		cmocka_unit_test(test_layer),
		cmocka_unit_test(test_formats),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_index),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
