/* Platforms as people write them, and what fits what in an index. */
#include "../test.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/manifest.h"

#include <errno.h>

static void parsing(void **state)
{
	static const struct {
		const char *text, *formatted;
		int result;
	} cases[] = {
		{"linux/amd64", "linux/amd64", 0},
		{"amd64", "linux/amd64", 0},
		{"x86_64", "linux/amd64", 0},
		{"linux/aarch64", "linux/arm64", 0},
		{"linux/arm/v7", "linux/arm/v7", 0},
		{"", NULL, -EINVAL},
		{"linux/", NULL, -EINVAL},
		{"/amd64", NULL, -EINVAL},
		{"linux/arm/v7/x", NULL, -EINVAL},
		{"windows/amd64", NULL, -ERR_UNSUPPORTED},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct oci_platform p = {0};
		assert_int_equal(oci_platform_parse(cases[i].text, &p, &e), cases[i].result);
		if (cases[i].result == 0) {
			char *text cleanup_free = oci_platform_format(&p);
			assert_string_equal(text, cases[i].formatted);
		}
		oci_platform_release(&p);
	}
}

static int match(const char *is, const char *want)
{
	struct oci_platform a = {0}, b = {0};
	assert_int_equal(oci_platform_parse(is, &a, NULL), 0);
	assert_int_equal(oci_platform_parse(want, &b, NULL), 0);
	int r = oci_platform_match(&a, &b);
	oci_platform_release(&a);
	oci_platform_release(&b);
	return r;
}

static void matching(void **state)
{
	assert_int_equal(match("linux/amd64", "linux/amd64"), 2);
	assert_int_equal(match("linux/arm64", "linux/arm64/v8"), 2);
	assert_int_equal(match("linux/arm/v6", "linux/arm/v7"), 1);
	assert_int_equal(match("linux/arm/v7", "linux/arm/v6"), 0);
	assert_int_equal(match("linux/arm", "linux/arm/v7"), 2);
	assert_int_equal(match("linux/amd64/v3", "linux/amd64"), 0);
	assert_int_equal(match("linux/amd64/v3", "linux/amd64/v3"), 2);
	assert_int_equal(match("linux/arm64", "linux/arm/v7"), 0);
	assert_int_equal(oci_platform_match(&(struct oci_platform){0}, NULL), 1);
}

static void selecting(void **state)
{
	static const char *const entries[] = {
		"linux/arm/v6", "linux/arm/v7", "linux/amd64", "linux/amd64/v2"};
	struct oci_index x cleanup_oci_index = {0};
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		struct oci_descriptor d cleanup_oci_descriptor = {
			.media_type = mem_strdup(OCI_TYPE_MANIFEST),
			.size = i,
			.has_platform = true};
		assert_int_equal(oci_platform_parse(entries[i], &d.platform, NULL), 0);
		oci_index_add(&x, &d);
	}
	static const struct {
		const char *want;
		uint64_t size;
	} cases[] = {
		{"linux/arm", 1}, {"linux/arm/v6", 0}, {"linux/amd64", 2}, {"linux/amd64/v2", 3}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_platform want = {0};
		const struct oci_descriptor *got = NULL;
		assert_int_equal(oci_platform_parse(cases[i].want, &want, NULL), 0);
		assert_int_equal(oci_index_select_for(&x, &want, &got, NULL), 0);
		assert_int_equal(got->size, cases[i].size);
		oci_platform_release(&want);
	}
	struct oci_platform none = {.os = (char *)"linux", .architecture = (char *)"s390x"};
	const struct oci_descriptor *got;
	struct err e = ERR_INIT;
	assert_int_equal(oci_index_select_for(&x, &none, &got, &e), -ERR_NOT_FOUND);
	assert_non_null(strstr(e.msg, "linux/arm/v7"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parsing), cmocka_unit_test(matching), cmocka_unit_test(selecting)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
