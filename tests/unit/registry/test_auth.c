/* Credentials: whose entry counts, docker's keys, helpers and their hostile answers, what a file
 * looks like after login and logout. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "registry/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/kist-auth.XXXXXX");
	assert_non_null(mkdtemp(dir));
	char *path cleanup_free = mem_printf("%s:%s", dir, getenv("PATH"));
	setenv("PATH", path, 1);
	return 0;
}

static int teardown(void **state)
{
	return file_remove_tree(AT_FDCWD, dir, NULL);
}

static char *put(const char *name, const char *text, mode_t mode)
{
	char *path = mem_printf("%s/%s", dir, name);
	struct err e = ERR_INIT;
	assert_ok(file_write(AT_FDCWD, path, text, strlen(text), mode, 0, &e), &e);
	assert_int_equal(chmod(path, mode), 0);
	return path;
}

static struct registry_auth auth_of(const char *name, const char *text)
{
	struct registry_auth a = {0};
	char *path = text ? put(name, text, 0600) : mem_printf("%s/%s", dir, name);
	strv_add(&a.files, path);
	a.write = path;
	return a;
}

/* "user:password", "=token", "none", or "!message" */
static const char *find(const struct registry_auth *a, const char *key)
{
	static char out[1024];
	struct err e = ERR_INIT;
	struct registry_credentials c cleanup_registry_credentials = {0};
	int r = registry_auth_find(a, key, &c, NULL, &e);
	if (r < 0)
		snprintf(out, sizeof(out), "!%s", e.msg);
	else if (r == 0)
		snprintf(out, sizeof(out), "none");
	else if (c.identity_token)
		snprintf(out, sizeof(out), "=%s", c.identity_token);
	else
		snprintf(out, sizeof(out), "%s:%s", c.username, c.password);
	return out;
}

static void test_lookup(void **state)
{
	struct registry_auth a cleanup_registry_auth = auth_of("a.json",
		"{\"auths\": {"
		"\"https://index.docker.io/v1/\": {\"auth\": \"aHViOnB3\"},"
		"\"host:5000\": {\"auth\": \"aG9zdDpwdzp3aXRoOmNvbG9ucw==\"},"
		"\"host:5000/team\": {\"auth\": \"dGVhbTpwdw==\"},"
		"\"host:5000/team/app\": {\"auth\": \"YXBwOnB3\"},"
		"\"https://old.example/v2/\": {\"username\": \"u\", \"password\": \"p\"},"
		"\"token.example\": {\"auth\": \"dTo=\", \"identitytoken\": \"secret\"},"
		"\"empty.example\": {}, \"bad.example\": {\"auth\": \"???\"},"
		"\"worse.example\": 7}}");
	static const char *const cases[][2] = {
		{"docker.io", "hub:pw"},
		{"docker.io/library/alpine", "hub:pw"},
		{"https://index.docker.io/v1/", "hub:pw"},
		{"registry-1.docker.io", "hub:pw"},
		{"host:5000", "host:pw:with:colons"},
		{"host:5000/other", "host:pw:with:colons"},
		{"host:5000/team", "team:pw"},
		{"host:5000/team/x", "team:pw"},
		{"host:5000/teammate", "host:pw:with:colons"},
		{"host:5000/team/app/deep", "app:pw"},
		{"old.example", "u:p"},
		{"token.example/x", "=secret"},
		{"empty.example", "none"},
		{"absent.example", "none"},
		{"host", "none"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_string_equal(find(&a, cases[i][0]), cases[i][1]);
	assert_contains(find(&a, "bad.example"), "auths['bad.example']: 'auth' is not base64");
	assert_contains(find(&a, "worse.example"), "expected an object");
}

static void test_files(void **state)
{
	struct registry_auth a cleanup_registry_auth = {0};
	char *second cleanup_free =
		put("second.json", "{\"auths\":{\"h.x\":{\"auth\":\"YTpi\"}}}", 0600);
	strv_addf(&a.files, "%s/absent.json", dir);
	strv_add(&a.files, second);
	assert_string_equal(find(&a, "h.x"), "a:b");
	static const char *const broken[] = {"{", "[]", "{\"auths\": []}", "secret-not-json"};
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		struct registry_auth b cleanup_registry_auth = auth_of("b.json", broken[i]);
		assert_contains(find(&b, "h.x"), "b.json'");
		assert_null(strstr(find(&b, "h.x"), "secret"));
	}
}

static const char helper[] =
	"#!/bin/sh\n"
	"read -r url\n"
	"case $1 in\n"
	"get) case $url in\n"
	"  https://index.docker.io/v1/) echo '{\"Username\":\"h\",\"Secret\":\"s\"}';;\n"
	"  t.x) echo '{\"Username\":\"<token>\",\"Secret\":\"tok\"}';;\n"
	"  big.x) head -c 100000 /dev/zero;;\n"
	"  junk.x) echo 's3cret';;\n"
	"  err.x) echo 'vault is locked'; exit 1;;\n"
	"  *) echo 'credentials not found in native keychain'; exit 1;; esac;;\n"
	"store) echo \"$url\" >\"${0%/*}/stored\";;\n"
	"erase) echo \"$url\" >\"${0%/*}/erased\";;\n"
	"esac\n";

static void test_helpers(void **state)
{
	char *path cleanup_free = put("docker-credential-fake", helper, 0755);
	struct registry_auth a cleanup_registry_auth = auth_of("h.json",
		"{\"credsStore\": \"fake\", \"credHelpers\": {\"gone.x\": \"notthere\","
		" \"evil.x\": \"../../bin/sh\"}, \"auths\": {\"h.x/repo\": {\"auth\": \"YTpi\"}}}");
	assert_string_equal(find(&a, "docker.io/library/x"), "h:s");
	assert_string_equal(find(&a, "t.x/a"), "=tok");
	assert_string_equal(find(&a, "unknown.x"), "none");
	assert_string_equal(find(&a, "h.x/repo"), "a:b");
	assert_contains(find(&a, "big.x"), "read the output");
	assert_contains(find(&a, "junk.x"), "not what its protocol allows");
	assert_null(strstr(find(&a, "junk.x"), "s3cret"));
	assert_contains(find(&a, "err.x"), "vault is locked");
	assert_contains(find(&a, "gone.x"), "'docker-credential-notthere' is not installed");
	assert_contains(find(&a, "evil.x"), "is no name of a credential helper");
}

static void read_text(const char *name, struct buf *b)
{
	char *path cleanup_free = mem_printf("%s/%s", dir, name);
	struct err e = ERR_INIT;
	assert_ok(file_read(AT_FDCWD, path, b, &e), &e);
}

static void test_store(void **state)
{
	struct err e = ERR_INIT;
	struct registry_auth a cleanup_registry_auth = auth_of("w.json",
		"{\"detachKeys\": \"ctrl-x\", \"auths\": {\"https://h.x/v2/\": {\"auth\": \"YTpi\","
		" \"email\": \"e\"}}, \"HttpHeaders\": {\"X\": \"y\"}}");
	struct registry_credentials c = {.username = (char *)"u", .password = (char *)"p:q"};
	char *source cleanup_free = NULL;
	assert_ok(registry_auth_store(&a, "h.x", &c, &source, &e), &e);
	assert_string_equal(source, a.write);
	assert_ok(registry_auth_store(&a, "docker.io", &c, NULL, &e), &e);
	assert_ok(registry_auth_store(&a, "k.x/repo", &c, NULL, &e), &e);
	assert_string_equal(find(&a, "h.x"), "u:p:q");
	assert_string_equal(find(&a, "docker.io"), "u:p:q");
	struct buf b cleanup_buf = BUF_INIT;
	read_text("w.json", &b);
	assert_contains(buf_str(&b), "\"detachKeys\": \"ctrl-x\"");
	assert_contains(buf_str(&b), "HttpHeaders");
	assert_contains(buf_str(&b), "https://index.docker.io/v1/");
	struct stat st;
	assert_int_equal(stat(a.write, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	struct strv list cleanup_strv = STRV_INIT;
	assert_ok(registry_auth_list(&a, &list, &e), &e);
	char *all cleanup_free = strv_join(&list, " ");
	assert_string_equal(all, "docker.io h.x k.x/repo");
	assert_int_equal(registry_auth_erase(&a, "h.x", &e), 1);
	assert_int_equal(registry_auth_erase(&a, "h.x", &e), 0);
	assert_string_equal(find(&a, "h.x"), "none");
	assert_string_equal(find(&a, "k.x/repo/deep"), "u:p:q");
}

static void test_store_helper(void **state)
{
	struct err e = ERR_INIT;
	char *path cleanup_free = put("docker-credential-fake", helper, 0755);
	struct registry_auth a cleanup_registry_auth =
		auth_of("s.json", "{\"credHelpers\": {\"t.x\": \"fake\"}}");
	struct registry_credentials c = {.username = (char *)"u", .password = (char *)"p\"q"};
	char *source cleanup_free = NULL;
	assert_ok(registry_auth_store(&a, "t.x", &c, &source, &e), &e);
	assert_string_equal(source, "docker-credential-fake");
	struct buf b cleanup_buf = BUF_INIT;
	read_text("stored", &b);
	assert_string_equal(
		buf_str(&b), "{\"ServerURL\":\"t.x\",\"Username\":\"u\",\"Secret\":\"p\\\"q\"}\n");
	assert_int_equal(registry_auth_erase(&a, "t.x", &e), 1);
	struct buf erased cleanup_buf = BUF_INIT;
	read_text("erased", &erased);
	assert_string_equal(buf_str(&erased), "t.x\n");
}

static void test_new_file(void **state)
{
	struct err e = ERR_INIT;
	struct registry_auth a cleanup_registry_auth = auth_of("new/deep/auth.json", NULL);
	struct registry_credentials c = {
		.username = (char *)"u", .identity_token = (char *)"refresh"};
	assert_ok(registry_auth_store(&a, "h.x", &c, NULL, &e), &e);
	assert_string_equal(find(&a, "h.x"), "=refresh");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_files),
		cmocka_unit_test(test_helpers),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_store_helper),
		cmocka_unit_test(test_new_file),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
