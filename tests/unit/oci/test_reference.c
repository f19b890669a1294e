/* References: grammar, normal forms, candidates, what people see. */
#include "../test.h"

#include "base/err.h"
#include "base/strv.h"
#include "oci/reference.h"

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void parse_table(void **state)
{
	(void)state;
	static const struct {
		const char *text, *domain, *path, *tag, *digest; /* path NULL: refused */
	} cases[] = {
		{"alpine", "", "alpine", "", ""},
		{"alpine:3.18", "", "alpine", "3.18", ""},
		{"a/b", "", "a/b", "", ""},
		{"localhost/x:y", "localhost", "x", "y", ""},
		{"localhost:5000", "", "localhost", "5000", ""},
		{"localhost:5000/x", "localhost:5000", "x", "", ""},
		{"ghcr.io/o/r:v1.2-rc_3", "ghcr.io", "o/r", "v1.2-rc_3", ""},
		{"[::1]:5000/x/y", "[::1]:5000", "x/y", "", ""},
		{"r.io/a@sha256:" HEX64, "r.io", "a", "", "sha256:" HEX64},
		{"a:t@sha256:" HEX64, "", "a", "t", "sha256:" HEX64},
		{"x/a__b-c.d/e--f", "", "x/a__b-c.d/e--f", "", ""},
		{"Host/x", "Host", "x", "", ""},
		{"", NULL, NULL, NULL, NULL},
		{"Alpine", NULL, NULL, NULL, NULL},
		{"a/B", NULL, NULL, NULL, NULL},
		{"a//b", NULL, NULL, NULL, NULL},
		{"/a", NULL, NULL, NULL, NULL},
		{"a/", NULL, NULL, NULL, NULL},
		{"a:", NULL, NULL, NULL, NULL},
		{"a:.x", NULL, NULL, NULL, NULL},
		{"a:b c", NULL, NULL, NULL, NULL},
		{"a___b", NULL, NULL, NULL, NULL},
		{"a..b", NULL, NULL, NULL, NULL},
		{"-a", NULL, NULL, NULL, NULL},
		{"a@sha256:12", NULL, NULL, NULL, NULL},
		{"a@md5:" HEX64, NULL, NULL, NULL, NULL},
		{"host:port/x", NULL, NULL, NULL, NULL},
		{"-h.io/x", NULL, NULL, NULL, NULL},
		{"a\n", NULL, NULL, NULL, NULL},
		{"../x", NULL, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_reference r;
		struct err e = ERR_INIT;
		int k = oci_reference_parse(cases[i].text, &r, &e);
		if (!cases[i].path) {
			if (k >= 0)
				print_error("'%s' was taken\n", cases[i].text);
			assert_true(k < 0);
			continue;
		}
		assert_ok(k, &e);
		assert_string_equal(r.domain, cases[i].domain);
		assert_string_equal(r.path, cases[i].path);
		assert_string_equal(r.tag, cases[i].tag);
		assert_string_equal(r.digest, cases[i].digest);
		char out[OCI_REFERENCE_MAX];
		assert_string_equal(oci_reference_format(&r, out), cases[i].text);
	}
}

static void limits_are_kept(void **state)
{
	(void)state;
	char text[700];
	struct oci_reference r;
	memset(text, 'a', sizeof(text));
	text[255] = 0;
	assert_int_equal(oci_reference_parse(text, &r, NULL), 0);
	text[255] = 'a';
	text[256] = 0;
	assert_true(oci_reference_parse(text, &r, NULL) < 0);
	memset(text, 'a', sizeof(text));
	text[1] = ':';
	text[2 + 128] = 0;
	assert_int_equal(oci_reference_parse(text, &r, NULL), 0);
	text[2 + 128] = 'a';
	text[2 + 129] = 0;
	assert_true(oci_reference_parse(text, &r, NULL) < 0);
	memset(text, 'a', sizeof(text));
	text[699] = 0;
	assert_true(oci_reference_parse(text, &r, NULL) < 0);
}

static void names_given_here(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char out[OCI_REFERENCE_MAX];
	assert_ok(oci_reference_tag("app", out, &e), &e);
	assert_string_equal(out, "localhost/app:latest");
	assert_ok(oci_reference_tag("team/app:1", out, &e), &e);
	assert_string_equal(out, "localhost/team/app:1");
	assert_ok(oci_reference_tag("docker.io/alpine", out, &e), &e);
	assert_string_equal(out, "docker.io/library/alpine:latest");
	assert_true(oci_reference_tag(HEX64, out, &e) < 0);
	assert_contains(e.msg, "an id");
	err_clear(&e);
	assert_true(oci_reference_tag("a@sha256:" HEX64, out, &e) < 0);
}

static void names_asked_for(void **state)
{
	(void)state;
	static const struct {
		const char *text, *joined;
	} cases[] = {
		{"alpine", "localhost/alpine:latest docker.io/library/alpine:latest"},
		{"a/b:1", "localhost/a/b:1 docker.io/a/b:1"},
		{"docker.io/alpine", "docker.io/library/alpine:latest"},
		{"localhost/x", "localhost/x:latest"},
		{"quay.io/x:1", "quay.io/x:1"},
		{"x@sha256:" HEX64,
			"localhost/x@sha256:" HEX64 " docker.io/library/x@sha256:" HEX64},
		{HEX64, ""},
		{"Not/A/Ref", "Not/A/Ref"},
		{"UPPER", ""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strv list cleanup_strv = STRV_INIT;
		assert_int_equal(oci_reference_candidates(cases[i].text, &list, NULL), 0);
		char *joined = strv_join(&list, " ");
		if (i != 7) /* a domain in capitals, but a path that is none */
			assert_string_equal(joined, cases[i].joined);
		else
			assert_string_equal(joined, "");
		free(joined);
	}
}

static void what_people_see(void **state)
{
	(void)state;
	char out[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1];
	assert_string_equal(
		oci_reference_familiar("docker.io/library/alpine:3.18", out), "alpine:3.18");
	assert_string_equal(oci_reference_familiar("docker.io/a/b:1", out), "a/b:1");
	assert_string_equal(oci_reference_familiar("localhost/x:1", out), "localhost/x:1");
	oci_reference_split("localhost:5000/x", out, tag);
	assert_string_equal(out, "localhost:5000/x");
	assert_string_equal(tag, "<none>");
	oci_reference_split("localhost:5000/x:1@sha256:" HEX64, out, tag);
	assert_string_equal(out, "localhost:5000/x");
	assert_string_equal(tag, "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_table),
		cmocka_unit_test(limits_are_kept),
		cmocka_unit_test(names_given_here),
		cmocka_unit_test(names_asked_for),
		cmocka_unit_test(what_people_see),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
