/* policy.json: what is refused when it is read, which scope counts, whom it lets in. */
#include "../test.h"

#include "base/err.h"
#include "base/mem.h"
#include "oci/reference.h"
#include "trust/policy_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define D1  "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define D2  "sha256:2222222222222222222222222222222222222222222222222222222222222222"
#define ANY "[{\"type\":\"insecureAcceptAnything\"}]"
#define NO  "[{\"type\":\"reject\"}]"

static int parse(const char *text, struct trust_policy **ret, struct err *e)
{
	return trust_policy_parse(text, strlen(text), "/p.json", ret, e);
}

static void refused_table(void **state)
{
	(void)state;
	static const struct {
		const char *text, *words;
	} cases[] = {
		{"", "not valid JSON"},
		{"[]", "expected an object"},
		{"{}", "default: is missing"},
		{"{\"default\":[]}", "default: expected a list with at least one"},
		{"{\"default\":{}}", "default: expected a list"},
		{"{\"default\":" ANY ",\"default\":" NO "}", "duplicate"},
		{"{\"default\":" ANY ",\"defaults\":" NO "}", "unknown key 'defaults'"},
		{"{\"default\":[{}]}", "default[0].type: is missing"},
		{"{\"default\":[\"reject\"]}", "default[0]: expected an object"},
		{"{\"default\":[{\"type\":\"accept\"}]}", "'accept' is none of"},
		{"{\"default\":[{\"type\":\"reject\",\"x\":1}]}", "default[0]: unknown key 'x'"},
		{"{\"default\":[{\"type\":\"signedBy\"}]}", "default[0].keyType: is missing"},
		{"{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"X\",\"keyPath\":\"/k\"}]}",
			"'X' is not 'GPGKeys'"},
		{"{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\"}]}",
			"exactly one of keyPath"},
		{"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"k\"}]}",
			"'k' is not an absolute path"},
		{"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/"
		 "k\",\"keyData\":\"AAAA\"}]}",
			"exactly one of"},
		{"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyData\":\"!\"}]}", "not base64"},
		{"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/k\",\"signedIdentity\":"
		 "{\"type\":\"any\"}}]}",
			"signedIdentity.type: 'any' is none of"},
		{"{\"default\":[{\"type\":\"sigstoreSigned\",\"keyPath\":\"/k\",\"signedIdentity\":"
		 "{\"type\":\"exactReference\",\"dockerReference\":\"quay.io/a\"}}]}",
			"neither tag nor digest"},
		{"{\"default\":" ANY ",\"transports\":[]}", "transports: expected an object"},
		{"{\"default\":" ANY ",\"transports\":{\"docker\":{\"quay.io\":[]}}}",
			"transports.docker.\"quay.io\": expected a list"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trust_policy *p = NULL;
		struct err e = ERR_INIT;
		if (parse(cases[i].text, &p, &e) >= 0 || !strstr(e.msg, cases[i].words) ||
			!strstr(e.msg, "/p.json"))
			fail_msg("%s: '%s', want '%s'", cases[i].text, e.msg, cases[i].words);
		assert_null(p);
	}
}

static void scope_table(void **state)
{
	(void)state;
	static const char policy[] =
		"{\"default\":" NO ",\"transports\":{\"docker\":{"
		"\"\":" ANY ",\"quay.io\":" ANY ",\"quay.io/team\":" ANY
		",\"quay.io/team/app\":" ANY ",\"quay.io/team/app:v1\":" ANY
		",\"*.example.com\":" ANY ",\"a.example.com\":" ANY ",\"h:5000/x\":" ANY "},"
		"\"dir\":{\"/srv\":" ANY ",\"/srv/a\":" ANY "},\"oci\":{\"/l:v1\":" ANY
		",\"/l\":" ANY "}}}";
	static const struct {
		const char *transport, *name, *clause;
	} cases[] = {
		{"docker", "quay.io/team/app:v1", "transports.docker.\"quay.io/team/app:v1\""},
		{"docker", "quay.io/team/app:v2", "transports.docker.\"quay.io/team/app\""},
		{"docker", "quay.io/team/app@" D1, "transports.docker.\"quay.io/team/app\""},
		{"docker", "quay.io/team/application:v1", "transports.docker.\"quay.io/team\""},
		{"docker", "quay.io/teams/app:v1", "transports.docker.\"quay.io\""},
		{"docker", "quay.io.evil.org/team/app:v1", "transports.docker.\"\""},
		{"docker", "a.example.com/x:1", "transports.docker.\"a.example.com\""},
		{"docker", "b.example.com/x:1", "transports.docker.\"*.example.com\""},
		{"docker", "c.b.example.com:5000/x:1", "transports.docker.\"*.example.com\""},
		{"docker", "example.com/x:1", "transports.docker.\"\""},
		{"docker", "h:5000/x/y:1", "transports.docker.\"h:5000/x\""},
		{"docker", "h:500/x/y:1", "transports.docker.\"\""},
		{"dir", "/srv/a", "transports.dir.\"/srv/a\""},
		{"dir", "/srv/ab", "transports.dir.\"/srv\""},
		{"dir", "/srv/a/b/c", "transports.dir.\"/srv/a\""},
		{"dir", "/sr", "default"},
		{"oci", "/l:v1", "transports.oci.\"/l:v1\""},
		{"oci", "/l:v2", "transports.oci.\"/l\""},
		{"oci", "/m", "default"},
		{"oci-archive", "/l", "default"},
	};
	cleanup_trust_policy struct trust_policy *p = NULL;
	struct err e = ERR_INIT;
	assert_int_equal(parse(policy, &p, &e), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_reference ref;
		struct trust_image image = {.transport = cases[i].transport, .digest = D1};
		if (cases[i].name[0] == '/') {
			image.path = cases[i].name;
		} else {
			assert_int_equal(oci_reference_parse(cases[i].name, &ref, &e), 0);
			image.ref = &ref;
		}
		const char *got = trust_policy_clause(p, &image);
		if (strcmp(got, cases[i].clause))
			fail_msg("%s: %s, want %s", cases[i].name, got, cases[i].clause);
		int r = trust_policy_check(p, &image, &e);
		bool accepts = strcmp(got, "default") != 0;
		assert_int_equal(r, accepts ? 0 : -EPERM);
		if (!accepts && !strstr(e.msg, "rejected"))
			fail_msg("%s", e.msg);
		err_clear(&e);
	}
}

static void identity_table(void **state)
{
	(void)state;
	static const struct {
		enum trust_identity_kind kind;
		const char *value, *prefix, *wanted, *claimed;
		bool ok;
	} cases[] = {
		{TRUST_MATCH_EXACT, NULL, NULL, "q.io/a:1", "q.io/a:1", true},
		{TRUST_MATCH_EXACT, NULL, NULL, "q.io/a:1", "q.io/a:2", false},
		{TRUST_MATCH_EXACT, NULL, NULL, "q.io/a@" D1, "q.io/a:1", false},
		{TRUST_MATCH_EXACT, NULL, NULL, "docker.io/library/a:1", "a:1", true},
		{TRUST_MATCH_EXACT, NULL, NULL, "docker.io/library/a:latest", "a", false},
		{TRUST_MATCH_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a:1", "q.io/a:1", true},
		{TRUST_MATCH_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a:1", "q.io/a:2", false},
		{TRUST_MATCH_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a:1", "q.io/a", false},
		{TRUST_MATCH_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a@" D1, "q.io/a:2", true},
		{TRUST_MATCH_REPO_DIGEST_OR_EXACT, NULL, NULL, "q.io/a@" D1, "q.io/b:2", false},
		{TRUST_MATCH_REPOSITORY, NULL, NULL, "q.io/a:1", "q.io/a:2", true},
		{TRUST_MATCH_REPOSITORY, NULL, NULL, "q.io/a:1", "q.io/a", true},
		{TRUST_MATCH_REPOSITORY, NULL, NULL, "q.io/a:1", "q.io/a/b", false},
		{TRUST_EXACT_REFERENCE, "r.io/s:1", NULL, "q.io/a:1", "r.io/s:1", true},
		{TRUST_EXACT_REFERENCE, "r.io/s:1", NULL, "q.io/a:1", "q.io/a:1", false},
		{TRUST_EXACT_REPOSITORY, "r.io/s", NULL, "q.io/a:1", "r.io/s:7", true},
		{TRUST_EXACT_REPOSITORY, "r.io/s", NULL, "q.io/a:1", "r.io/sa:7", false},
		{TRUST_REMAP_IDENTITY, "q.io", "r.io/up", "q.io/a:1", "r.io/up/a:1", true},
		{TRUST_REMAP_IDENTITY, "q.io", "r.io/up", "q.io/a:1", "q.io/a:1", false},
		{TRUST_REMAP_IDENTITY, "q.io/a", "r.io/b", "q.io/a:1", "r.io/b:1", true},
		{TRUST_REMAP_IDENTITY, "q.io/a", "r.io/b", "q.io/ab:1", "r.io/bb:1", false},
		{TRUST_REMAP_IDENTITY, "q.io/a", "r.io/b", "q.io/ab:1", "q.io/ab:1", true},
		{TRUST_MATCH_EXACT, NULL, NULL, NULL, "q.io/a:1", false},
		{TRUST_EXACT_REFERENCE, "r.io/s:1", NULL, NULL, "r.io/s:1", true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_reference ref;
		struct err e = ERR_INIT;
		if (cases[i].wanted)
			assert_int_equal(oci_reference_parse(cases[i].wanted, &ref, &e), 0);
		const struct trust_identity id = {
			cases[i].kind, (char *)cases[i].value, (char *)cases[i].prefix};
		int r = trust_identity_match(
			&id, cases[i].wanted ? &ref : NULL, cases[i].claimed, &e);
		if ((r == 0) != cases[i].ok)
			fail_msg("case %zu: %s against %s: %d %s", i,
				cases[i].wanted ? cases[i].wanted : "-", cases[i].claimed, r,
				e.msg);
	}
}

#define CLAIM(type, digest, ref, more)                                                         \
	"{\"critical\":{\"type\":\"" type "\",\"image\":{\"docker-manifest-digest\":\"" digest \
	"\"},\"identity\":{\"docker-reference\":\"" ref "\"}" more "},\"optional\":null}"

static void claim_table(void **state)
{
	(void)state;
	static const struct {
		enum trust_signature_kind kind;
		const char *text;
		bool ok;
	} cases[] = {
		{TRUST_SIMPLE, CLAIM("atomic container signature", D1, "q.io/a:1", ""), true},
		{TRUST_SIGSTORE, CLAIM("atomic container signature", D1, "q.io/a:1", ""), false},
		{TRUST_SIGSTORE, CLAIM("cosign container image signature", D1, "q.io/a", ""), true},
		{TRUST_SIMPLE, CLAIM("cosign container image signature", D1, "q.io/a", ""), false},
		{TRUST_SIMPLE,
			CLAIM("atomic container signature", D1, "q.io/a:1", ",\"not-after\":1"),
			false},
		{TRUST_SIMPLE, CLAIM("atomic container signature", "sha256:1", "q.io/a:1", ""),
			false},
		{TRUST_SIMPLE, "{}", false},
		{TRUST_SIMPLE, "{\"critical\":[]}", false},
		{TRUST_SIMPLE, "not json", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		cleanup(trust_claim_release) struct trust_claim c = {NULL, ""};
		int r = trust_claim_parse(
			cases[i].kind, cases[i].text, strlen(cases[i].text), &c, &e);
		if ((r == 0) != cases[i].ok)
			fail_msg("%s: %d %s", cases[i].text, r, e.msg);
		if (r == 0)
			assert_string_equal(c.digest, D1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refused_table),
		cmocka_unit_test(scope_table),
		cmocka_unit_test(identity_table),
		cmocka_unit_test(claim_table),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
