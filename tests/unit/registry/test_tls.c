/* Certificates and passwords: registries with TLS, with our own certificate asked for, with htpasswd. */
#include "faultproxy.h"

#include "base/strv.h"
#include "registry/client/list.h"
#include "registry/client/manifest.h"
#include "registry/client/upload.h"

#include <sys/stat.h>

static struct distribution tls, mutual;
static struct faultproxy proxy;
static char dir[64];
static bool there;

/* A shell script: openssl and htpasswd are programs. */
static int script(const char *text)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/sh", "sh", "-ec", text, dir, NULL);
		_exit(127);
	}
	waitpid(pid, &status, 0);
	return status;
}

static const char make_certificates[] =
	"cd \"$0\"; exec >log 2>&1\n"
	"mkdir ca none client half\n"
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=ca "
	"-addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca/ca.crt\n"
	"for n in server:IP:127.0.0.1 other:DNS:elsewhere.example client:DNS:client; do\n"
	"  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x "
	"-keyout ${n%%:*}.key -out req\n"
	"  printf 'subjectAltName=%s' ${n#*:} >ext\n"
	"  openssl x509 -req -in req -CA ca/ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile "
	"ext "
	"-out ${n%%:*}.crt\n"
	"done\n"
	"cp ca/ca.crt client; cp client.crt client/me.cert; cp client.key client/me.key\n"
	"cp client.crt half/me.cert\n"
	"htpasswd -Bbn eve 'se cret' >htpasswd\n";

static int start(void **state)
{
	char extra[1000];
	snprintf(dir, sizeof(dir), "/tmp/kist-tls-XXXXXX");
	assert_non_null(mkdtemp(dir));
	if (script("command -v openssl htpasswd docker-registry >/dev/null") != 0)
		return 0;
	assert_int_equal(script(make_certificates), 0);
	snprintf(extra, sizeof(extra),
		"  tls: {certificate: %s/server.crt, key: %s/server.key}\nauth:\n  htpasswd: "
		"{realm: "
		"kist, path: %s/htpasswd}\n",
		dir, dir, dir);
	there = distribution_start(&tls, extra);
	snprintf(extra, sizeof(extra),
		"  tls: {certificate: %s/server.crt, key: %s/server.key, clientcas: "
		"[%s/ca/ca.crt]}\n",
		dir, dir, dir);
	distribution_start(&mutual, extra);
	char cert[128], key[128];
	snprintf(cert, sizeof(cert), "%s/other.crt", dir);
	snprintf(key, sizeof(key), "%s/other.key", dir);
	faultproxy_start(&proxy, tls.host, (const char *[]){"--cert", cert, "--key", key, NULL});
	return 0;
}

static int stop(void **state)
{
	if (there) {
		distribution_stop(&tls);
		distribution_stop(&mutual);
		faultproxy_stop(&proxy);
	}
	script("rm -rf -- \"$0\"");
	return 0;
}

static const char *password;

static int credentials(void *arg, const char *key, struct registry_credentials *ret, struct err *e)
{
	if (!password)
		return 0;
	ret->username = mem_strdup("eve");
	ret->password = mem_strdup(password);
	return 1;
}

static void say(void *arg, const char *line)
{
	assert_null(strstr(line, "se cret"));
	if (getenv("KIST_TEST_TRACE"))
		print_message("%s\n", line);
}

/* One request to host, with the certificates of dir/certs. */
static int ask(const char *host, const char *certs, int flags, struct err *e)
{
	struct strv dirs cleanup_strv = STRV_INIT;
	struct registry_endpoint at;
	struct registry_repo *repo = NULL;
	struct registry_manifest m;
	if (!there) {
		print_message("SKIP: docker-registry, openssl or htpasswd is not installed\n");
		skip();
	}
	err_clear(e);
	strv_addf(&dirs, "%s/%s", dir, certs);
	strv_addf(&dirs, "%s/not-there", dir);
	registry_endpoint_default(host, "a/b", &at);
	at.cert_dirs = &dirs;
	at.flags = (enum registry_endpoint_flags)flags;
	struct registry_client *c = registry_client_new(&(struct registry_client_options){
		.retry_ms = 5, .retries = 1, .credentials = credentials, .trace = say});
	int r = registry_repo_new(c, "the/name", &at, 1, &repo, e);
	if (r >= 0)
		r = registry_manifest_get(repo, "v1", NULL, &m, e);
	registry_repo_free(repo);
	registry_client_free(c);
	return r;
}

static void authorities(void **state)
{
	struct err e = ERR_INIT;
	password = "se cret";
	assert_int_equal(ask(tls.host, "none", 0, &e), -EKEYREJECTED);
	assert_contains(e.hint, "certs.d");
	assert_int_equal(ask(tls.host, "ca", 0, &e), -ERR_NOT_FOUND);
	assert_int_equal(ask(tls.host, "none", REGISTRY_INSECURE, &e), -ERR_NOT_FOUND);
	/* a name that the certificate has not */
	assert_int_equal(ask(proxy.host, "ca", 0, &e), -EKEYREJECTED);
}

static void passwords(void **state)
{
	struct err e = ERR_INIT;
	password = "se cret";
	assert_int_equal(ask(tls.host, "ca", 0, &e), -ERR_NOT_FOUND);
	password = "wrong";
	assert_int_equal(ask(tls.host, "ca", 0, &e), -EACCES);
	assert_contains(e.hint, "log in again");
	assert_null(strstr(e.msg, "wrong"));
	password = NULL;
	assert_int_equal(ask(tls.host, "ca", 0, &e), -EACCES);
	assert_contains(e.hint, "log in if it is private");
}

static void our_certificate(void **state)
{
	struct err e = ERR_INIT;
	password = NULL;
	assert_int_equal(ask(mutual.host, "ca", 0, &e), -EKEYREJECTED);
	assert_contains(e.hint, "NAME.cert and NAME.key");
	assert_int_equal(ask(mutual.host, "client", 0, &e), -ERR_NOT_FOUND);
	assert_int_equal(ask(mutual.host, "half", 0, &e), -ERR_NOT_FOUND);
	assert_contains(e.msg, "'me.key' beside it");
	assert_contains(e.hint, ".crt");
}

static void logins(void **state)
{
	struct strv dirs cleanup_strv = STRV_INIT;
	struct registry_endpoint at;
	struct err e = ERR_INIT;
	if (!there)
		skip();
	strv_addf(&dirs, "%s/ca", dir);
	registry_endpoint_default(tls.host, "", &at);
	at.cert_dirs = &dirs;
	struct registry_client *c =
		registry_client_new(&(struct registry_client_options){.retry_ms = 5, .trace = say});
	struct registry_credentials with = {
		.username = (char *)"eve", .password = (char *)"se cret"};
	char *identity = (char *)1;
	assert_ok(registry_login(c, &at, &with, &identity, &e), &e);
	assert_null(identity);
	with.password = (char *)"no";
	assert_int_equal(registry_login(c, &at, &with, NULL, &e), -EACCES);
	assert_contains(e.msg, "user 'eve'");
	registry_client_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authorities),
		cmocka_unit_test(passwords),
		cmocka_unit_test(our_certificate),
		cmocka_unit_test(logins),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
