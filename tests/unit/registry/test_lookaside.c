/* registries.d: what is refused, which scope counts, where a signature lies then. */
#include "../test.h"

#include "base/err.h"
#include "base/mem.h"
#include "oci/reference.h"
#include "registry/lookaside.h"

#include <stdlib.h>
#include <string.h>

#define HEX "1111111111111111111111111111111111111111111111111111111111111111"

static int parse(struct registry_lookaside *l, const char *text, struct err *e)
{
	return registry_lookaside_parse(l, text, strlen(text), "r.yaml", e);
}

static void refused(void **state)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"- a", "r.yaml:1"},
		{"dockr: {}", "'dockr'"},
		{"docker: []", "docker"},
		{"docker:\n  q.io: []", "r.yaml:2: docker.q.io"},
		{"docker:\n  q.io:\n    look: x", "'look'"},
		{"docker:\n  q.io:\n    lookaside: /srv",
			"r.yaml:3: docker.q.io: '/srv' is neither"},
		{"docker:\n  q.io:\n    lookaside: file://host/srv", "is neither"},
		{"default-docker: 7", "default-docker"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registry_lookaside *l cleanup_registry_lookaside = registry_lookaside_new();
		struct err e = ERR_INIT;
		if (parse(l, cases[i].text, &e) >= 0 || !strstr(e.msg, cases[i].words))
			fail_msg("%s: '%s'", cases[i].text, e.msg);
	}
	struct registry_lookaside *l cleanup_registry_lookaside = registry_lookaside_new();
	struct err e = ERR_INIT;
	assert_int_equal(parse(l, "docker: {q.io: {lookaside: 'https://l'}}", &e), 0);
	assert_true(parse(l, "docker: {q.io: {}}", &e) < 0);
	assert_non_null(strstr(e.msg, "stands in r.yaml:1 already"));
}

static void urls(void **state)
{
	static const char text[] = "default-docker:\n  sigstore: file:///def/\n"
				   "docker:\n"
				   "  q.io:\n    lookaside: https://q/s\n"
				   "  q.io/team:\n    lookaside: https://q/team//\n"
				   "  q.io/team/app:v1:\n    lookaside: https://q/v1\n"
				   "  none.io:\n    use-sigstore-attachments: true\n";
	static const struct {
		const char *name, *url;
	} cases[] = {
		{"q.io/a:1", "https://q/s/a@sha256=" HEX "/signature-"},
		{"q.io/team/app:v1", "https://q/v1/team/app@sha256=" HEX "/signature-"},
		{"q.io/team/app:v2", "https://q/team/team/app@sha256=" HEX "/signature-"},
		{"q.io/teams/app:v2", "https://q/s/teams/app@sha256=" HEX "/signature-"},
		{"q.iox/a:1", "file:///def/a@sha256=" HEX "/signature-"},
		{"none.io/a:1", NULL},
	};
	struct registry_lookaside *l cleanup_registry_lookaside = registry_lookaside_new();
	struct err e = ERR_INIT;
	assert_int_equal(parse(l, text, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_reference ref;
		assert_int_equal(oci_reference_parse(cases[i].name, &ref, &e), 0);
		char *url cleanup_free = registry_lookaside_url(l, &ref, "sha256:" HEX);
		if (!url || !cases[i].url ? url != cases[i].url : strcmp(url, cases[i].url))
			fail_msg("%s: %s", cases[i].name, url ? url : "none");
	}
	struct registry_lookaside *empty cleanup_registry_lookaside = registry_lookaside_new();
	struct oci_reference ref;
	assert_int_equal(oci_reference_parse("q.io/a:1", &ref, &e), 0);
	assert_null(registry_lookaside_url(empty, &ref, "sha256:" HEX));
	registry_lookaside_fallback(empty, "file:///var/lib/containers/sigstore");
	char *url cleanup_free = registry_lookaside_url(empty, &ref, "sha256:" HEX);
	assert_string_equal(url, "file:///var/lib/containers/sigstore/a@sha256=" HEX "/signature-");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused),
		cmocka_unit_test(urls),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
