/* Credentials in files; see the header. Each call reads the files anew. */
#include "registry/auth_priv.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void registry_auth_release(struct registry_auth *a)
{
	strv_release(&a->files);
	free(STEAL(a->write));
}

char *registry_auth_key(const char *key)
{
	const char *scheme = strstr(key, "://");
	const char *p = scheme ? scheme + 3 : key;
	size_t len = strlen(p), host = strcspn(p, "/");
	/* docker keeps URLs of an API: the host is what counts */
	if (scheme || str_eq(p + host, "/v1/") || str_eq(p + host, "/v2/") ||
		str_eq(p + host, "/v1") || str_eq(p + host, "/v2"))
		len = host;
	while (len && p[len - 1] == '/')
		len--;
	host = MIN(host, len);
	static const char *const hub[] = {"index.docker.io", "registry-1.docker.io"};
	for (size_t i = 0; i < ARRAY_SIZE(hub); i++)
		if (strlen(hub[i]) == host && memcmp(p, hub[i], host) == 0)
			return mem_printf(REGISTRY_HUB "%.*s", (int)(len - host), p + host);
	return mem_strndup(p, len);
}

/* *ret is NULL when there is no file; an empty file is an empty object. */
static int load(const char *path, json_t **ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_AUTH_FILE);
	*ret = NULL;
	if (!file_exists(AT_FDCWD, path))
		return 0;
	int r = file_read(AT_FDCWD, path, &b, e);
	if (r < 0)
		return r;
	json_t *doc cleanup_json = NULL;
	if (b.len == 0)
		doc = json_object();
	else
		/* no detail: the parser's words may quote a secret */
		r = oci_json_parse(buf_str(&b), b.len, b.max, path, &doc, NULL);
	explicit_bzero(b.data, b.len);
	if (r >= 0 && !json_is_object(doc))
		r = -ERR_FORMAT;
	if (r < 0)
		return err_set(e, ERR_FORMAT,
			"'%s' is not valid JSON as docker's config.json has it", path);
	*ret = STEAL(doc);
	return 0;
}

static int section(json_t *doc, const char *path, const char *name, json_t **ret, struct err *e)
{
	int r = oci_json_object(doc, "", name, ret, e);
	return r < 0 ? err_wrap(e, r, "'%s'", path) : r;
}

/* The member whose key means the same as key (short form); NULL. *ret_name: as the file has it. */
static json_t *find_member(json_t *object, const char *key, const char **ret_name)
{
	const char *name;
	json_t *value;
	json_object_foreach (object, name, value) {
		char *same cleanup_free = registry_auth_key(name);
		if (!str_eq(same, key))
			continue;
		if (ret_name)
			*ret_name = name;
		return value;
	}
	return NULL;
}

static int bad_entry(const char *path, const char *key, const char *why, struct err *e)
{
	return err_set(e, ERR_FORMAT, "'%s': auths['%.200s']: %s", path, key, why);
}

static void wipe_buf(struct buf *b)
{
	if (b->data)
		explicit_bzero(b->data, b->cap);
	buf_release(b);
}

/* {"auth": base64(user:password)}, {"identitytoken"}, {"registrytoken"}, {"username", "password"} */
static int read_entry(json_t *o, const char *path, const char *key,
	struct registry_credentials *ret, struct err *e)
{
	const char *auth = "", *identity = "", *token = "", *user = "", *password = "";
	if (!json_is_object(o))
		return bad_entry(path, key, "expected an object", e);
	if (oci_json_string(o, "", "auth", &auth, NULL) < 0 ||
		oci_json_string(o, "", "identitytoken", &identity, NULL) < 0 ||
		oci_json_string(o, "", "registrytoken", &token, NULL) < 0 ||
		oci_json_string(o, "", "username", &user, NULL) < 0 ||
		oci_json_string(o, "", "password", &password, NULL) < 0)
		return bad_entry(path, key, "expected texts", e);
	if (*identity)
		ret->identity_token = mem_strdup(identity);
	if (*token)
		ret->registry_token = mem_strdup(token);
	if (*auth) {
		struct buf b cleanup(wipe_buf) = BUF_INIT;
		if (base64_decode(auth, strlen(auth), &b) < 0 || !b.len ||
			memchr(b.data, 0, b.len) || !strchr(b.data, ':'))
			return bad_entry(path, key, "'auth' is not base64 of USER:PASSWORD", e);
		size_t n = strcspn(b.data, ":");
		ret->username = mem_strndup(b.data, n);
		ret->password = mem_strdup(b.data + n + 1);
	} else if (*user) {
		ret->username = mem_strdup(user);
		ret->password = mem_strdup(password);
	}
	return *identity || *token || *auth || *user;
}

/* key and each shorter path of it; the last is the host. */
static void candidates(const char *key, struct strv *ret)
{
	size_t len = strlen(key);
	while (len) {
		strv_take(ret, mem_strndup(key, len));
		while (len && key[len - 1] != '/')
			len--;
		len -= len > 0;
	}
}

/* The helper that a file names for a key: for itself, a shorter path, or for all. Borrowed. */
static int helper_for(
	json_t *doc, const char *path, const char *key, const char **ret, struct err *e)
{
	json_t *helpers = NULL;
	int r = section(doc, path, "credHelpers", &helpers, e);
	struct strv keys cleanup_strv = STRV_INIT;
	candidates(key, &keys);
	for (size_t i = 0; r > 0 && i < keys.n; i++) {
		json_t *v = find_member(helpers, keys.v[i], NULL);
		if (v && !json_is_string(v))
			return err_set(e, ERR_FORMAT,
				"'%s': credHelpers['%.200s']: expected a text", path, keys.v[i]);
		if (v) {
			*ret = json_string_value(v);
			return 1;
		}
	}
	if (r < 0)
		return r;
	r = oci_json_string(doc, "", "credsStore", ret, e);
	return r < 0 ? err_wrap(e, r, "'%s'", path) : r && **ret;
}

static int find_in(json_t *doc, const char *path, const char *key, struct registry_credentials *ret,
	char **ret_source, struct err *e)
{
	json_t *auths = NULL;
	int r = section(doc, path, "auths", &auths, e);
	if (r < 0)
		return r;
	const char *helper = "";
	r = helper_for(doc, path, key, &helper, e);
	size_t host = strcspn(key, "/");
	char *name cleanup_free = mem_strndup(key, host);
	/* an entry of exactly this repository is more exact than a helper for its host */
	struct strv keys cleanup_strv = STRV_INIT;
	candidates(key, &keys);
	for (size_t i = 0; r >= 0 && auths && i < keys.n; i++) {
		bool is_host = i + 1 == keys.n;
		if (is_host && *helper)
			break;
		json_t *entry = find_member(auths, keys.v[i], NULL);
		struct registry_credentials c cleanup_registry_credentials = {0};
		int found = entry ? read_entry(entry, path, keys.v[i], &c, e) : 0;
		if (found < 0)
			return found;
		if (!found)
			continue;
		*ret = c;
		c = (struct registry_credentials){0};
		*ret_source = mem_strdup(path);
		return 1;
	}
	if (r < 0 || !*helper)
		return r < 0 ? r : 0;
	r = registry_helper_get(helper, name, ret, e);
	if (r > 0)
		*ret_source = mem_printf("docker-credential-%s", helper);
	return r < 0 ? err_wrap(e, r, "'%s'", path) : r;
}

int registry_auth_find(const struct registry_auth *a, const char *key,
	struct registry_credentials *ret, char **ret_source, struct err *e)
{
	char *same cleanup_free = registry_auth_key(key);
	char *source cleanup_free = NULL;
	for (size_t i = 0; i < a->files.n; i++) {
		json_t *doc cleanup_json = NULL;
		int r = load(a->files.v[i], &doc, e);
		if (r >= 0 && doc)
			r = find_in(doc, a->files.v[i], same, ret, &source, e);
		if (r > 0 && ret_source)
			*ret_source = STEAL(source);
		if (r)
			return r;
	}
	return 0;
}

/* Where path really is: docker's config.json may be a link to another place. */
static char *real_path(const char *path)
{
	char full[PATH_MAX];
	return mem_strdup(realpath(path, full) ? full : path);
}

/* Two logins at once must not lose each other's entry: whoever changes the file holds this from
 * before it is read until it is replaced. The lock is on the directory that the file really is in,
 * so that it leaves no file behind; it is let go before a helper runs. */
static int lock_file(const char *path, struct err *e)
{
	char *real cleanup_free = real_path(path);
	const char *slash = strrchr(real, '/');
	char *dir cleanup_free = slash && slash != real ? mem_strndup(real, (size_t)(slash - real))
							: mem_strdup(slash ? "/" : ".");
	int r = file_mkdirs(AT_FDCWD, dir, 0700, e);
	return r < 0 ? r : lock_take_dir(AT_FDCWD, dir, e);
}

/* Under lock_file. */
static int save(const char *path, json_t *doc, struct err *e)
{
	char *text = json_dumps(doc, JSON_INDENT(4));
	if (!text)
		return err_set(e, ERR_FORMAT, "'%s': it cannot be written as JSON", path);
	char *real cleanup_free = real_path(path);
	int r = file_write(AT_FDCWD, real, text, strlen(text), 0600, FILE_DURABLE, e);
	explicit_bzero(text, strlen(text));
	free(text);
	return r;
}

static json_t *new_entry(const struct registry_credentials *c)
{
	json_t *o = json_object();
	if (c->username) {
		struct buf plain cleanup(wipe_buf) = BUF_INIT, b cleanup(wipe_buf) = BUF_INIT;
		/* beside an identity token docker keeps the user's name alone */
		buf_printf(&plain, "%s:%s", c->username,
			c->password && !c->identity_token ? c->password : "");
		base64_encode(plain.data, plain.len, &b);
		json_object_set_new(o, "auth", json_string(buf_str(&b)));
	}
	if (c->identity_token)
		json_object_set_new(o, "identitytoken", oci_json_text(c->identity_token));
	return o;
}

/* The section, made when it is absent. */
static int ensure_auths(json_t *doc, const char *path, json_t **ret, struct err *e)
{
	int r = section(doc, path, "auths", ret, e);
	if (r == 0) {
		*ret = json_object();
		json_object_set_new(doc, "auths", *ret);
	}
	return r;
}

int registry_auth_store(const struct registry_auth *a, const char *key,
	const struct registry_credentials *c, char **ret_source, struct err *e)
{
	char *same cleanup_free = registry_auth_key(key);
	json_t *doc cleanup_json = NULL, *auths = NULL;
	int lock cleanup_fd = lock_file(a->write, e);
	int r = lock < 0 ? lock : load(a->write, &doc, e);
	if (r < 0)
		return r;
	if (!doc)
		doc = json_object();
	const char *helper = "", *name = same;
	r = helper_for(doc, a->write, same, &helper, e);
	if (r >= 0)
		r = ensure_auths(doc, a->write, &auths, e);
	if (r < 0)
		return r;
	if (*helper) {
		close(STEAL_FD(lock));
		r = registry_helper_store(helper, same, c, e);
		if (r >= 0 && ret_source)
			*ret_source = mem_printf("docker-credential-%s", helper);
		return r;
	}
	(void)find_member(auths, same, &name);
	char *as cleanup_free =
		mem_strdup(name == same && str_eq(same, REGISTRY_HUB) ? REGISTRY_HUB_KEY : name);
	json_object_set_new(auths, as, new_entry(c));
	r = save(a->write, doc, e);
	if (r >= 0 && ret_source)
		*ret_source = mem_strdup(a->write);
	return r;
}

static int erase_in(const char *path, const char *key, struct err *e)
{
	json_t *doc cleanup_json = NULL, *auths = NULL;
	if (!file_exists(AT_FDCWD, path))
		return 0;
	int lock cleanup_fd = lock_file(path, e);
	int r = lock < 0 ? lock : load(path, &doc, e);
	if (r < 0 || !doc)
		return r;
	r = section(doc, path, "auths", &auths, e);
	if (r < 0)
		return r;
	int found = 0;
	const char *name, *helper = "";
	for (; auths && find_member(auths, key, &name); found++)
		json_object_del(auths, name);
	if (found && (r = save(path, doc, e)) < 0)
		return r;
	close(STEAL_FD(lock));
	r = helper_for(doc, path, key, &helper, e);
	if (r > 0)
		r = registry_helper_erase(helper, key, e);
	return r < 0 ? err_wrap(e, r, "'%s'", path) : found + r;
}

int registry_auth_erase(const struct registry_auth *a, const char *key, struct err *e)
{
	char *same cleanup_free = registry_auth_key(key);
	int found = 0;
	for (size_t i = 0; i < a->files.n; i++) {
		int r = erase_in(a->files.v[i], same, e);
		if (r < 0)
			return r;
		found += r;
	}
	return found;
}

int registry_auth_list(const struct registry_auth *a, struct strv *ret, struct err *e)
{
	static const char *const sections[] = {"auths", "credHelpers"};
	for (size_t i = 0; i < a->files.n; i++) {
		json_t *doc cleanup_json = NULL;
		int r = load(a->files.v[i], &doc, e);
		for (size_t k = 0; r >= 0 && doc && k < ARRAY_SIZE(sections); k++) {
			json_t *o = NULL;
			r = section(doc, a->files.v[i], sections[k], &o, e);
			const char *name;
			json_t *value;
			json_object_foreach (r > 0 ? o : NULL, name, value) {
				char *same = registry_auth_key(name);
				if (strv_has(ret, same))
					free(same);
				else
					strv_take(ret, same);
			}
		}
		if (r < 0)
			return r;
	}
	strv_sort(ret);
	return 0;
}
