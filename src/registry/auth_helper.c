/* docker-credential-NAME: a program that keeps secrets for us. Its name comes from a file of the
 * user, its answer from the program; both are checked. */
#include "registry/auth_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/json.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* docker's name for the user of an identity token */
#define TOKEN_USER "<token>"

static bool name_valid(const char *name)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	return n && !name[n] && n < 64 && name[0] != '.';
}

static const char *helper_key(const char *key)
{
	return str_eq(key, REGISTRY_HUB) ? REGISTRY_HUB_KEY : key;
}

static void wipe_buf(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

static int input_file(const char *p, size_t len, struct err *e)
{
	int fd cleanup_fd = memfd_create("input", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "memfd_create");
	int r = io_write_all(fd, p, len);
	if (r < 0)
		return err_sysno(e, r, "prepare the input of a credential helper");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "prepare the input of a credential helper");
	return STEAL_FD(fd);
}

/* Exit status; out gets what the helper printed. */
static int call(const char *name, const char *verb, const char *input, size_t len, struct buf *out,
	struct err *e)
{
	if (!name_valid(name))
		return err_set(e, ERR_FORMAT, "'%.64s' is no name of a credential helper", name);
	int in cleanup_fd = input_file(input, len, e);
	if (in < 0)
		return in;
	char *program cleanup_free = mem_printf("docker-credential-%s", name);
	char *argv[] = {program, (char *)verb, NULL};
	out->max = LIMIT_AUTH_HELPER_OUTPUT;
	int r = proc_run_within(
		argv, in, out, PROC_QUIET_STDERR, LIMIT_AUTH_HELPER_SECONDS * 1000, e);
	if (r == 127) {
		err_set(e, ERR_NOT_FOUND, "credential helper '%s' is not installed", program);
		err_hint(e, "install it, or remove it from credHelpers or credsStore");
		return -ERR_NOT_FOUND;
	}
	return r < 0 ? err_wrap(e, r, "credential helper '%s'", program) : r;
}

/* Helpers say on standard output why they failed; there is no secret then. */
static int failed(
	const char *name, const char *verb, const struct buf *out, int status, struct err *e)
{
	const char *text = buf_str(out);
	return err_set(e, ERR_CHILD, "'docker-credential-%s %s' failed with status %d%s%.*s", name,
		verb, status, *text ? ": " : "", (int)MIN(strcspn(text, "\n"), (size_t)200), text);
}

static bool says_none(const struct buf *out)
{
	return strstr(buf_str(out), "credentials not found") ||
	       strstr(buf_str(out), "no credentials server URL") ||
	       strstr(buf_str(out), "not found in native keychain");
}

static int parse_answer(
	const char *name, const struct buf *out, struct registry_credentials *ret, struct err *e)
{
	json_t *doc cleanup_json = NULL;
	const char *user = "", *secret = "";
	/* the parser's words could quote the secret */
	int r = oci_json_parse(
		buf_str(out), out->len, LIMIT_AUTH_HELPER_OUTPUT, "answer", &doc, NULL);
	if (r >= 0 && json_is_object(doc))
		r = oci_json_string(doc, "", "Username", &user, NULL);
	if (r >= 0)
		r = oci_json_string(doc, "", "Secret", &secret, NULL);
	if (r < 0 || !json_is_object(doc))
		return err_set(e, ERR_FORMAT,
			"the answer of 'docker-credential-%s get' is not "
			"what its protocol allows",
			name);
	if (!*secret)
		return 0;
	if (str_eq(user, TOKEN_USER)) {
		ret->identity_token = mem_strdup(secret);
	} else {
		ret->username = mem_strdup(user);
		ret->password = mem_strdup(secret);
	}
	return 1;
}

int registry_helper_get(
	const char *name, const char *key, struct registry_credentials *ret, struct err *e)
{
	struct buf out cleanup(wipe_buf) = BUF_INIT;
	const char *url = helper_key(key);
	int r = call(name, "get", url, strlen(url), &out, e);
	if (r < 0)
		return r;
	if (r > 0)
		return says_none(&out) ? 0 : failed(name, "get", &out, r, e);
	return parse_answer(name, &out, ret, e);
}

int registry_helper_store(
	const char *name, const char *key, const struct registry_credentials *c, struct err *e)
{
	json_t *o cleanup_json = json_object();
	json_object_set_new(o, "ServerURL", oci_json_text(helper_key(key)));
	bool token = c->identity_token;
	json_object_set_new(o, "Username",
		oci_json_text(token         ? TOKEN_USER
			      : c->username ? c->username
					    : ""));
	json_object_set_new(o, "Secret",
		oci_json_text(token         ? c->identity_token
			      : c->password ? c->password
					    : ""));
	struct buf text cleanup(wipe_buf) = BUF_INIT, out cleanup(wipe_buf) = BUF_INIT;
	oci_json_format(o, &text);
	int r = call(name, "store", buf_str(&text), text.len, &out, e);
	return r > 0 ? failed(name, "store", &out, r, e) : r;
}

int registry_helper_erase(const char *name, const char *key, struct err *e)
{
	struct registry_credentials had cleanup_registry_credentials = {0};
	int r = registry_helper_get(name, key, &had, e);
	if (r <= 0)
		return r;
	struct buf out cleanup(wipe_buf) = BUF_INIT;
	const char *url = helper_key(key);
	r = call(name, "erase", url, strlen(url), &out, e);
	return r > 0 ? failed(name, "erase", &out, r, e) : r < 0 ? r : 1;
}
