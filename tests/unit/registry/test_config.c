/* kist's configuration of registries: which place is asked, what a short name means, what is
 * refused and with which line. */
#include "../test.h"

#include "base/err.h"
#include "base/strv.h"
#include "oci/reference.h"
#include "registry/config.h"

static struct registry_config *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct registry_config *c = registry_config_new();
	assert_ok(registry_config_parse(c, text, strlen(text), "f.yaml", &e), &e);
	return c;
}

/* "host repository flags,..." of a name; flags: m mirror, i insecure, t tags; or "!message" */
static char *places(const struct registry_config *c, const char *name, enum registry_use use)
{
	static char out[2048];
	struct err e = ERR_INIT;
	struct oci_reference ref;
	struct registry_places p cleanup_registry_places = {0};
	assert_ok(oci_reference_parse(name, &ref, &e), &e);
	oci_reference_normalise_local(&ref);
	if (registry_config_places(c, &ref, use, &p, &e) < 0) {
		snprintf(out, sizeof(out), "!%s", e.msg);
		return out;
	}
	out[0] = 0;
	for (size_t i = 0; i < p.n; i++) {
		size_t len = strlen(out);
		snprintf(out + len, sizeof(out) - len, "%s%s %s %s%s%s", i ? "," : "", p.v[i].host,
			p.v[i].repository, p.v[i].mirror ? "m" : "", p.v[i].insecure ? "i" : "",
			p.v[i].tags ? "t" : "");
	}
	return out;
}

static const char sample[] = "registries:\n"
			     "  docker.io:\n"
			     "    mirrors:\n"
			     "      - mirror:5000/hub\n"
			     "      - location: second.example\n"
			     "        insecure: true\n"
			     "        only: digests\n"
			     "      - {location: third.example, only: tags}\n"
			     "  docker.io/team:\n"
			     "    location: inner.example:443/moved/team\n"
			     "    insecure: true\n"
			     "  old.example: {blocked: true}\n"
			     "  off.example: {offline: true}\n"
			     "  half.example:\n"
			     "    offline: true\n"
			     "    mirrors: [{location: copy.example, only: digests}]\n"
			     "  '*.cluster.local': {insecure: true}\n"
			     "  a.cluster.local: {insecure: false}\n";

#define DIGEST "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static void test_places(void **state)
{
	struct registry_config *c cleanup_registry_config = parse(sample);
	static const struct {
		const char *name;
		enum registry_use use;
		const char *want;
	} cases[] = {
		{"quay.io/a/b", REGISTRY_FETCH, "quay.io a/b t"},
		{"docker.io/alpine", REGISTRY_FETCH,
			"mirror:5000 hub/library/alpine mt,third.example library/alpine mt,"
			"docker.io library/alpine t"},
		{"docker.io/alpine@" DIGEST, REGISTRY_FETCH,
			"mirror:5000 hub/library/alpine mt,second.example library/alpine mi,"
			"docker.io library/alpine t"},
		{"docker.io/alpine", REGISTRY_PUSH, "docker.io library/alpine t"},
		{"docker.io/team/x", REGISTRY_FETCH, "inner.example:443 moved/team/x it"},
		{"docker.io/team", REGISTRY_FETCH,
			"mirror:5000 hub/library/team mt,third.example library/team mt,"
			"docker.io library/team t"},
		{"docker.io/teammate/x", REGISTRY_FETCH,
			"mirror:5000 hub/teammate/x mt,third.example teammate/x mt,"
			"docker.io teammate/x t"},
		{"docker.io/team/x", REGISTRY_PUSH, "inner.example:443 moved/team/x it"},
		{"old.example/x", REGISTRY_FETCH, "!'old.example/x' is blocked by f.yaml:12"},
		{"off.example/x", REGISTRY_FETCH,
			"!'off.example/x' is offline by f.yaml:13, and it has no mirror"},
		{"off.example/x", REGISTRY_PUSH,
			"!'off.example/x' is offline by f.yaml:13: nothing is pushed there"},
		{"half.example/x", REGISTRY_FETCH,
			"!'half.example/x' is offline by f.yaml:14, and no mirror of it may answer "
			"for this name"},
		{"half.example/x@" DIGEST, REGISTRY_FETCH, "copy.example x m"},
		{"b.cluster.local/x", REGISTRY_FETCH, "b.cluster.local x it"},
		{"a.cluster.local/x", REGISTRY_FETCH, "a.cluster.local x t"},
		{"cluster.local/x", REGISTRY_FETCH, "cluster.local x t"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(places(c, cases[i].name, cases[i].use), cases[i].want);
}

static void test_everything(void **state)
{
	struct registry_config *c cleanup_registry_config =
		parse("registries:\n  '*': {mirrors: [cache.local:5000/all], offline: true}\n"
		      "  own.example: {}\n");
	assert_string_equal(
		places(c, "quay.io/a/b", REGISTRY_FETCH), "cache.local:5000 all/a/b mt");
	assert_string_equal(places(c, "own.example/a", REGISTRY_FETCH), "own.example a t");
}

static void test_later_file(void **state)
{
	struct err e = ERR_INIT;
	struct registry_config *c cleanup_registry_config =
		parse("registries:\n  a.b: {blocked: true}\n  c.d: {blocked: true}\n"
		      "short-names:\n  registries: [one.example]\n  aliases: {x: a.b/x}\n");
	const char more[] = "registries:\n  a.b: {insecure: true}\n"
			    "short-names: {aliases: {y: a.b/y}}\n";
	assert_ok(registry_config_parse(c, more, strlen(more), "g.yaml", &e), &e);
	assert_string_equal(places(c, "a.b/x", REGISTRY_FETCH), "a.b x it");
	assert_contains(places(c, "c.d/x", REGISTRY_FETCH), "blocked by f.yaml:3");
	struct strv v cleanup_strv = STRV_INIT;
	assert_ok(registry_config_names(c, "x", &v, &e), &e);
	assert_ok(registry_config_names(c, "y:2", &v, &e), &e);
	assert_ok(registry_config_names(c, "z", &v, &e), &e);
	char *all cleanup_free = strv_join(&v, " ");
	assert_string_equal(all, "a.b/x:latest a.b/y:2 one.example/z:latest");
}

static void test_short_names(void **state)
{
	struct err e = ERR_INIT;
	struct strv v cleanup_strv = STRV_INIT;
	struct registry_config *none cleanup_registry_config = registry_config_new();
	assert_int_equal(registry_config_names(none, "alpine:3", &v, &e), -ERR_NOT_FOUND);
	assert_contains(e.msg, "alpine:3");
	assert_contains(e.hint, "docker.io/library/alpine:3");
	assert_contains(e.hint, "short-names:");
	err_clear(&e);
	assert_ok(registry_config_names(none, "docker.io/alpine", &v, &e), &e);
	struct registry_config *c cleanup_registry_config =
		parse("short-names:\n  aliases: {busybox: quay.io/prefix/busybox}\n"
		      "  registries: [docker.io, 'quay.io/mine']\n");
	assert_ok(registry_config_names(c, "alpine", &v, &e), &e);
	assert_ok(registry_config_names(c, "busybox@" DIGEST, &v, &e), &e);
	char *all cleanup_free = strv_join(&v, " ");
	assert_string_equal(all, "docker.io/library/alpine:latest docker.io/library/alpine:latest "
				 "quay.io/mine/alpine:latest quay.io/prefix/busybox@" DIGEST);
	assert_true(registry_config_names(c, "NotLower", &v, &e) < 0);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"registries: [a]", "f.yaml:1: registries: expected a map, found a list"},
		{"x: 1", "f.yaml:1: 'x' is not known"},
		{"\nregistry: {}", "f.yaml:2: 'registry' is not known"},
		{"registries:\n  https://a.b: {}", "f.yaml:2: registries: 'https://a.b' is no"},
		{"registries:\n  alpine: {}", "'alpine' is no registry"},
		{"registries:\n  a.b/x:1: {}", "is no registry"},
		{"registries:\n  a.b: {blocked: maybe}",
			"f.yaml:2: registries.a.b.blocked: expected true or false"},
		{"registries:\n  a.b: {insecure: 'true'}", "expected true or false"},
		{"registries:\n  a.b: {mirror: x}", "registries.a.b: 'mirror' is not known"},
		{"registries:\n  a.b:\n    mirrors:\n    - {insecure: true}",
			"f.yaml:4: registries.a.b.mirrors[0]: 'location' is missing"},
		{"registries:\n  a.b:\n    ca: relative.pem", "must be an absolute path"},
		{"registries:\n  a.b:\n    cert-dir: /nonexistent/x", "does not exist"},
		{"registries:\n  a.b: {}\n  a.b: {}", "f.yaml:3:"},
		{"registries: {a.b: &x {}, c.d: *x}", "anchors and aliases"},
		{"registries: !!map {}", "tag"},
		{"a: 1\n%se/g", "f.yaml:2: a line that begins with '%'"},
		{"%YAML 1.2\n---\na: 1", "f.yaml:1: a line that begins with '%'"},
		{"a: [", "f.yaml:1: not valid YAML: flow sequence"},
		{"a: 1\nb: 2\nc: [}", "f.yaml:3: not valid YAML"},
		{"a: 1\n---\nb: 2", "second document"},
		{"short-names: {registries: [alpine]}", "'alpine' is no registry"},
		{"short-names: {aliases: {a.b/x: c.d/x}}", "is no short name"},
		{"short-names: {aliases: {x: y}}", "is no full name"},
		{"short-names: {aliases: {x: 'a.b/y:1'}}", "is no full name"},
		{"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "f.yaml:1: "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct registry_config *c cleanup_registry_config = registry_config_new();
		assert_true(registry_config_parse(
				    c, cases[i].text, strlen(cases[i].text), "f.yaml", &e) < 0);
		assert_contains(e.msg, cases[i].message);
	}
}

static void test_empty(void **state)
{
	static const char *const texts[] = {"", "# nothing\n", "registries:\n", "short-names:\n"};
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct registry_config *c cleanup_registry_config = parse(texts[i]);
		assert_string_equal(places(c, "a.b/x", REGISTRY_FETCH), "a.b x t");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_later_file),
		cmocka_unit_test(test_short_names),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
