/* Token servers: who gets which token, when a new one is asked for, and where passwords never go. The
 * fault proxy is the token server; behind it stands docker-registry. */
#include "faultproxy.h"

#include "base/sha256.h"
#include "base/str.h"
#include "registry/client/blob.h"
#include "registry/client/client_priv.h"
#include "registry/client/list.h"
#include "registry/client/manifest.h"
#include "registry/client/upload.h"

static struct distribution registry;
static struct faultproxy proxy;
static bool there;
static char lines[1 << 20]; /* of the trace */
static const char *user, *password, *identity;
static int asked;

static void say(void *arg, const char *line)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_lock(&lock);
	size_t len = strlen(lines);
	snprintf(lines + len, sizeof(lines) - len, "%s\n", line);
	pthread_mutex_unlock(&lock);
	if (getenv("KIST_TEST_TRACE"))
		print_message("%s\n", line);
}

static int credentials(void *arg, const char *key, struct registry_credentials *ret, struct err *e)
{
	asked++;
	assert_string_equal(key, proxy.host);
	if (!user)
		return 0;
	ret->username = mem_strdup(user);
	ret->password = mem_strdup(password);
	ret->identity_token = mem_strdup(identity);
	return 1;
}

static int start(void **state)
{
	there = distribution_start(&registry, "");
	if (there)
		faultproxy_start(&proxy, registry.host,
			(const char *[]){"--token", "eve:se cret", "--token-life", "1",
				"--token-says", "60", "--public-pull", NULL});
	return 0;
}

static int stop(void **state)
{
	if (there) {
		faultproxy_stop(&proxy);
		distribution_stop(&registry);
	}
	return 0;
}

struct setup {
	struct registry_client *c;
	struct registry_repo *r;
	struct err e;
};

static struct setup setup_with(const char *u, const char *p, const char *i)
{
	struct setup s = {.e = ERR_INIT};
	struct registry_endpoint at;
	if (!there) {
		print_message("SKIP: docker-registry is not installed\n");
		skip();
	}
	user = u;
	password = p;
	identity = i;
	asked = 0;
	*lines = 0;
	fault(&proxy, "");
	registry_endpoint_default(proxy.host, "t/x", &at);
	s.c = registry_client_new(&(struct registry_client_options){
		.trace = say, .notice = say, .retry_ms = 5, .credentials = credentials});
	assert_ok(registry_repo_new(s.c, "the/name", &at, 1, &s.r, &s.e), &s.e);
	return s;
}

static void finish(struct setup *s)
{
	/* whatever happened: no secret in what is shown */
	assert_null(strstr(lines, "se cret"));
	assert_null(strstr(lines, "token-"));
	assert_null(strstr(s->e.msg, "se cret"));
	registry_repo_free(s->r);
	registry_client_free(s->c);
}

static void digest_of(const char *text, char out[OCI_DIGEST_MAX])
{
	char hex[SHA256_HEX];
	sha256_hex(text, strlen(text), hex);
	oci_digest_from_hex(hex, out);
}

static void pushes_with_a_password(void **state)
{
	struct setup s = setup_with("eve", "se cret", NULL);
	char digest[OCI_DIGEST_MAX];
	digest_of("data", digest);
	assert_ok(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), &s.e);
	assert_int_equal(registry_blob_has(s.r, digest, NULL, &s.e), 1);
	struct buf b cleanup_buf = BUF_INIT_MAX(100);
	assert_ok(registry_blob_read(s.r, digest, 4, &b, &s.e), &s.e);
	/* one question to the user, one token for pushing, which pulls as well */
	assert_int_equal(asked, 1);
	assert_int_equal(fault_count(&proxy, "GET _token"), 1);
	finish(&s);
}

static void pulls_as_nobody(void **state)
{
	struct setup s = setup_with(NULL, NULL, NULL);
	char digest[OCI_DIGEST_MAX];
	struct buf b cleanup_buf = BUF_INIT_MAX(100);
	digest_of("data", digest);
	assert_ok(registry_blob_read(s.r, digest, 4, &b, &s.e), &s.e);
	assert_string_equal(buf_str(&b), "data");
	assert_int_equal(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), -EACCES);
	assert_contains(s.e.hint, "kist login 127.0.0.1:");
	finish(&s);
}

static void wrong_password(void **state)
{
	/* what is public comes all the same, with a note */
	struct setup s = setup_with("eve", "wrong", NULL);
	char digest[OCI_DIGEST_MAX];
	struct buf b cleanup_buf = BUF_INIT_MAX(100);
	digest_of("data", digest);
	assert_ok(registry_blob_read(s.r, digest, 4, &b, &s.e), &s.e);
	assert_contains(lines, "refuses user 'eve' and the password; trying without");
	finish(&s);
	/* a push does not */
	s = setup_with("eve", "wrong", NULL);
	assert_int_equal(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), -EACCES);
	assert_contains(s.e.msg, "refuses user 'eve'");
	assert_contains(s.e.hint, "kist login");
	finish(&s);
}

static void identity_tokens(void **state)
{
	struct setup s = setup_with("<token>", NULL, "identity-eve");
	char digest[OCI_DIGEST_MAX];
	digest_of("data", digest);
	assert_ok(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), &s.e);
	assert_int_equal(fault_count(&proxy, "POST _token"), 1);
	assert_int_equal(fault_count(&proxy, "GET _token"), 0);
	finish(&s);
	s = setup_with("<token>", NULL, "identity-nobody");
	assert_int_equal(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), -EACCES);
	assert_contains(s.e.msg, "identity token");
	finish(&s);
	/* a server that only has POST */
	s = setup_with("eve", "se cret", NULL);
	fault(&proxy, "GET ^/_token status=405\n");
	assert_ok(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), &s.e);
	assert_int_equal(fault_count(&proxy, "POST _token"), 1);
	finish(&s);
}

/* The server says a minute and means a second: the 401 tells, and the call goes on. */
static void expires_midway(void **state)
{
	struct setup s = setup_with("eve", "se cret", NULL);
	char digest[OCI_DIGEST_MAX];
	digest_of("other", digest);
	struct registry_upload *u;
	assert_ok(registry_upload_begin(s.r, NULL, &u, &s.e), &s.e);
	nanosleep(&(struct timespec){.tv_sec = 1, .tv_nsec = 200000000}, NULL);
	registry_upload_free(u); /* cancelling needs no new token */
	assert_ok(registry_blob_put_bytes(s.r, digest, "other", 5, &s.e), &s.e);
	assert_true(fault_count(&proxy, "GET _token") >= 2);
	assert_int_equal(asked, 1);
	finish(&s);
}

static void mounts_need_two_scopes(void **state)
{
	struct setup s = setup_with("eve", "se cret", NULL);
	char digest[OCI_DIGEST_MAX];
	struct registry_endpoint at;
	struct registry_repo *to;
	digest_of("data", digest);
	assert_ok(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), &s.e);
	registry_endpoint_default(proxy.host, "t/y", &at);
	assert_ok(registry_repo_new(s.c, "another", &at, 1, &to, &s.e), &s.e);
	assert_int_equal(registry_blob_mount(to, digest, "t/x", &s.e), 1);
	registry_repo_free(to);
	finish(&s);
}

static void token_server_in_trouble(void **state)
{
	struct setup s = setup_with("eve", "se cret", NULL);
	char digest[OCI_DIGEST_MAX];
	digest_of("data", digest);
	fault(&proxy, "GET ^/_token status=503 times=2\n");
	assert_ok(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), &s.e);
	finish(&s);
	s = setup_with("eve", "se cret", NULL);
	fault(&proxy, "GET ^/_token status=500\n");
	assert_int_equal(registry_blob_put_bytes(s.r, digest, "data", 4, &s.e), -EBUSY);
	assert_contains(s.e.msg, "token");
	finish(&s);
}

static void *read_one(void *arg)
{
	struct registry_repo *r = arg;
	char digest[OCI_DIGEST_MAX];
	struct buf b cleanup_buf = BUF_INIT_MAX(100);
	digest_of("data", digest);
	return registry_blob_read(r, digest, 4, &b, NULL) >= 0 ? arg : NULL;
}

static void eight_at_once_ask_for_one_token(void **state)
{
	struct setup s = setup_with("eve", "se cret", NULL);
	pthread_t t[8];
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, read_one, s.r);
	for (int i = 0; i < 8; i++) {
		void *ok;
		pthread_join(t[i], &ok);
		assert_non_null(ok);
	}
	assert_int_equal(fault_count(&proxy, "GET _token"), 1);
	assert_int_equal(asked, 1);
	finish(&s);
}

static int count_name(void *arg, const char *name, struct err *e)
{
	++*(int *)arg;
	return 0;
}

static void catalog_takes_the_challenges_scope(void **state)
{
	struct setup s = setup_with("eve", "se cret", NULL);
	struct registry_endpoint at;
	int n = 0;
	struct registry_list list = {.each = count_name, .arg = &n};
	registry_endpoint_default(proxy.host, "", &at);
	assert_ok(registry_catalog(s.c, &at, &list, &s.e), &s.e);
	assert_true(n >= 1);
	finish(&s);
}

static void logins(void **state)
{
	struct setup s = setup_with(NULL, NULL, NULL);
	struct registry_endpoint at;
	registry_endpoint_default(proxy.host, "", &at);
	struct registry_credentials with = {
		.username = (char *)"eve", .password = (char *)"se cret"};
	char *token = NULL;
	assert_ok(registry_login(s.c, &at, &with, &token, &s.e), &s.e);
	assert_string_equal(token, "identity-eve");
	free(token);
	with.password = (char *)"no";
	assert_int_equal(registry_login(s.c, &at, &with, NULL, &s.e), -EACCES);
	finish(&s);
}

static void scopes(void **state)
{
	static const struct {
		const char *have, *want;
		bool covered;
	} cases[] = {
		{"repository:a:pull,push", "repository:a:pull", true},
		{"repository:a:pull,push", "repository:a:push,pull", true},
		{"repository:a:pull", "repository:a:pull,push", false},
		{"repository:a:pull", "repository:ab:pull", false},
		{"repository:ab:pull", "repository:a:pull", false},
		{"repository:a:pull repository:b:push", "repository:b:push", true},
		{"repository:a:pull", "repository:a:pull repository:b:pull", false},
		{"repository:h:5000/a:pull", "repository:h:5000/a:pull", true},
		{"repository:a:pullx", "repository:a:pull", false},
		{"", "repository:a:pull", false},
		{"repository:a:pull", "", true},
		{"x", "x", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			registry_scopes_cover(cases[i].have, cases[i].want), cases[i].covered);
}

static void answers(void **state)
{
	static const struct {
		const char *text, *token, *refresh;
		int64_t expires;
	} cases[] = {
		{"{\"token\":\"a.b\",\"expires_in\":300}", "a.b", NULL, 300},
		{"{\"access_token\":\"a\",\"refresh_token\":\"r\"}", "a", "r", 0},
		{"{\"token\":\"\",\"access_token\":\"a\"}", "a", NULL, 0},
		{"{\"token\":\"a\",\"expires_in\":\"300\"}", "a", NULL, 0},
		{"{\"token\":\"a\",\"expires_in\":-5}", "a", NULL, 0},
		{"{\"token\":\"a\",\"expires_in\":99999999999999}", "a", NULL, INT32_MAX},
		{"{\"token\":\"a\\r\\nX: y\"}", NULL, NULL, 0},
		{"{\"token\":\"a b\"}", NULL, NULL, 0},
		{"{\"token\":5}", NULL, NULL, 0},
		{"{}", NULL, NULL, 0},
		{"[]", NULL, NULL, 0},
		{"{\"token\":\"a\"", NULL, NULL, 0},
		{"", NULL, NULL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct registry_token_answer a;
		int r = registry_token_parse(cases[i].text, strlen(cases[i].text), &a, NULL);
		if (!cases[i].token) {
			assert_true(r < 0);
			continue;
		}
		assert_int_equal(r, 0);
		assert_string_equal(a.token, cases[i].token);
		assert_true(str_eq(a.refresh, cases[i].refresh));
		assert_int_equal(a.expires_in, cases[i].expires);
		registry_token_answer_release(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(scopes),
		cmocka_unit_test(answers),
		cmocka_unit_test(pushes_with_a_password),
		cmocka_unit_test(pulls_as_nobody),
		cmocka_unit_test(wrong_password),
		cmocka_unit_test(identity_tokens),
		cmocka_unit_test(expires_midway),
		cmocka_unit_test(mounts_need_two_scopes),
		cmocka_unit_test(token_server_in_trouble),
		cmocka_unit_test(eight_at_once_ask_for_one_token),
		cmocka_unit_test(catalog_takes_the_challenges_scope),
		cmocka_unit_test(logins),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
