/* Manifests: look, fetch, put, delete. Every digest is checked here. */
#include "registry/client/manifest.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "http/header.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/client/client_priv.h"
#include "registry/client/referrers_priv.h"

#include <stdlib.h>
#include <string.h>

#define ACCEPT                                                                     \
	"Accept: " OCI_TYPE_INDEX ", " OCI_TYPE_MANIFEST ", " OCI_TYPE_DOCKER_LIST \
	", " OCI_TYPE_DOCKER_MANIFEST
/* docker's schema 1 of 2013, which old registries still send */
#define SCHEMA1 "application/vnd.docker.distribution.manifest.v1+"

void registry_manifest_release(struct registry_manifest *m)
{
	free(m->media_type);
	buf_release(&m->bytes);
	*m = (struct registry_manifest){0};
}

struct ask {
	const char *ref, *expect;
	struct registry_manifest *ret;
};

/* Names come from lists of registries, too: one with a '/' or ".." would change the request's path. */
static int check_ref(const char *ref, struct err *e)
{
	static const char tag[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
	if (oci_digest_valid(ref))
		return 0;
	size_t len = strlen(ref);
	if (len && len <= OCI_TAG_MAX && strspn(ref, tag) == len && *ref != '.' && *ref != '-')
		return 0;
	return err_set(e, ERR_SYNTAX, "'%.*s' is neither a tag nor a digest", OCI_TAG_MAX, ref);
}

static char *manifest_path(const struct registry_place *at, const char *ref)
{
	return mem_printf("/v2/%s/manifests/%s", at->path, ref);
}

static char *subject(const struct registry_repo *r, const char *ref)
{
	return mem_printf("manifest '%s' of '%s'", ref, r->name);
}

/* The type without parameters. */
static char *content_type(const struct http_response *rs)
{
	const char *type = http_header_get(&rs->headers, "content-type");
	return mem_strndup(type ?: "", strcspn(type ?: "", "; \t"));
}

static int send(const struct registry_place *at, const char *ref, const char *method,
	struct http_response *rs, struct err *e)
{
	char *path cleanup_free = manifest_path(at, ref);
	char *scopes cleanup_free = registry_scope(at, "pull");
	struct strv headers cleanup_strv = STRV_INIT;
	strv_add(&headers, ACCEPT);
	struct registry_call call = {
		.host = at->host,
		.method = method,
		.path = path,
		.scopes = scopes,
		.headers = &headers,
		.rq.max_body = LIMIT_MANIFEST,
	};
	int r = registry_do(&call, rs, e);
	return r < 0 ? err_wrap(e, r, "manifest '%s' from %s", ref, at->host->host) : 0;
}

/* What the bytes say about themselves, where the server's type is none of a manifest's. */
static char *own_type(const struct buf *bytes)
{
	enum oci_kind kind;
	char *type = NULL;
	if (oci_manifest_kind(buf_str(bytes), bytes->len, &kind, NULL) < 0)
		return mem_strdup("");
	if (kind == OCI_KIND_INDEX) {
		struct oci_index i;
		if (oci_index_parse(buf_str(bytes), bytes->len, &i, NULL) >= 0) {
			type = mem_strdup(i.media_type);
			oci_index_release(&i);
		}
	} else {
		struct oci_manifest m;
		if (oci_manifest_parse(buf_str(bytes), bytes->len, &m, NULL) >= 0) {
			type = mem_strdup(m.media_type);
			oci_manifest_release(&m);
		}
	}
	return type ?: mem_strdup("");
}

static int check_digest(const struct registry_place *at, const struct ask *q,
	const struct http_response *rs, const char *digest, struct err *e)
{
	const char *host = at->host->host;
	const char *stated = http_header_get(&rs->headers, "docker-content-digest");
	if (oci_digest_valid(q->ref) && !str_eq(digest, q->ref))
		return err_set(e, ERR_DIGEST, "%s: asked for %s, but the bytes that came are %s",
			host, q->ref, digest);
	if (q->expect && !str_eq(digest, q->expect))
		return err_set(e, ERR_DIGEST,
			"%s: '%s' was %s when it was looked at, and is %s now: it has been changed",
			host, q->ref, q->expect, digest);
	if (oci_digest_valid(stated) && !str_eq(digest, stated))
		return err_set(e, ERR_DIGEST,
			"%s: says that '%s' is %s, but the bytes that came are %s", host, q->ref,
			stated, digest);
	return 0;
}

static int take_body(const struct registry_place *at, const struct ask *q, struct http_response *rs,
	struct err *e)
{
	char hex[SHA256_HEX];
	struct registry_manifest *m = q->ret;
	char *type = content_type(rs);
	if (str_starts(type, SCHEMA1)) {
		free(type);
		err_set(e, ERR_UNSUPPORTED,
			"%s: '%s' is a schema 1 image, a format given up in 2017", at->host->host,
			q->ref);
		err_hint(e, "push it again with a newer tool");
		return -ERR_UNSUPPORTED;
	}
	registry_manifest_release(m);
	sha256_hex(buf_str(&rs->body), rs->body.len, hex);
	oci_digest_from_hex(hex, m->digest);
	int r = check_digest(at, q, rs, m->digest, e);
	if (r < 0) {
		free(type);
		return r;
	}
	if (oci_media_type_kind(type) == OCI_KIND_OTHER) {
		bool page = str_eq(type, "text/html");
		free(type);
		type = own_type(&rs->body);
		if (page && !*type) {
			free(type);
			return err_set(e, ERR_FORMAT,
				"%s answers with a web page: is it a registry, or a proxy's login?",
				at->host->host);
		}
	}
	m->media_type = type;
	m->size = rs->body.len;
	m->bytes = rs->body;
	rs->body = (struct buf)BUF_INIT;
	return 0;
}

static int refuse(const struct registry_repo *r, const struct registry_place *at,
	const struct ask *q, const struct http_response *rs, struct err *e)
{
	char *what cleanup_free = subject(r, q->ref);
	return registry_refuse(at->host, what, rs, e);
}

static int get_at(struct registry_repo *r, const struct registry_place *at, void *arg, bool *fatal,
	struct err *e)
{
	const struct ask *q = arg;
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	int res = send(at, q->ref, "GET", &rs, e);
	if (res >= 0 && rs.status != 200)
		res = refuse(r, at, q, &rs, e);
	return res < 0 ? res : take_body(at, q, &rs, e);
}

static int head_at(struct registry_repo *r, const struct registry_place *at, void *arg, bool *fatal,
	struct err *e)
{
	const struct ask *q = arg;
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	int res = send(at, q->ref, "HEAD", &rs, e);
	if (res < 0)
		return res;
	const char *digest = http_header_get(&rs.headers, "docker-content-digest");
	if (rs.status == 404 || rs.status == 401 || rs.status == 403 ||
		http_status_is_temporary(rs.status))
		return refuse(r, at, q, &rs, e);
	/* some registries do not know HEAD here, some give no digest: GET tells */
	if (rs.status != 200 || !oci_digest_valid(digest) || rs.length == UINT64_MAX)
		return get_at(r, at, arg, fatal, e);
	if (oci_digest_valid(q->ref) && !str_eq(digest, q->ref))
		return err_set(e, ERR_DIGEST, "%s: asked for %s, and offers %s", at->host->host,
			q->ref, digest);
	if (rs.length > LIMIT_MANIFEST)
		return err_set(e, ERR_LIMIT, "%s: manifest '%s' has %llu bytes, more than %d",
			at->host->host, q->ref, (unsigned long long)rs.length, LIMIT_MANIFEST);
	memcpy(q->ret->digest, digest, strlen(digest) + 1);
	q->ret->size = rs.length;
	q->ret->media_type = content_type(&rs);
	return 0;
}

typedef int (*ask_fn)(struct registry_repo *r, const struct registry_place *at, void *arg,
	bool *fatal, struct err *e);

static int ask_places(struct registry_repo *r, ask_fn fn, const char *ref, const char *expect,
	struct registry_manifest *ret, struct err *e)
{
	struct registry_manifest m = {0};
	struct ask q = {.ref = ref, .expect = expect, .ret = &m};
	int res = check_ref(ref, e);
	if (res >= 0)
		res = registry_each_place(r, ref, fn, &q, e);
	if (res < 0) {
		registry_manifest_release(&m);
		return res;
	}
	*ret = m;
	return 0;
}

int registry_manifest_get(struct registry_repo *r, const char *ref, const char *expect,
	struct registry_manifest *ret, struct err *e)
{
	return ask_places(r, get_at, ref, expect, ret, e);
}

int registry_manifest_head(
	struct registry_repo *r, const char *ref, struct registry_manifest *ret, struct err *e)
{
	return ask_places(r, head_at, ref, NULL, ret, e);
}

/* The registry accepted: did it take our bytes? */
static int check_put(const struct registry_place *at, const char *ref, const char *digest,
	const struct http_response *rs, struct err *e)
{
	const char *stated = http_header_get(&rs->headers, "docker-content-digest");
	if (!oci_digest_valid(stated) || str_eq(stated, digest))
		return 0;
	return err_set(e, ERR_DIGEST, "%s: '%s' was sent as %s, and is stored as %s",
		at->host->host, ref, digest, stated);
}

int registry_manifest_put(struct registry_repo *r, const char *ref, const char *media_type,
	const void *bytes, size_t len, char ret_digest[OCI_DIGEST_MAX], struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	if (!at)
		return -ERR_UNSUPPORTED;
	int res = check_ref(ref, e);
	if (res < 0)
		return res;
	char hex[SHA256_HEX], digest[OCI_DIGEST_MAX];
	sha256_hex(bytes, len, hex);
	oci_digest_from_hex(hex, digest);
	char *path cleanup_free = manifest_path(at, ref);
	char *scopes cleanup_free = registry_scope(at, "pull,push");
	struct strv headers cleanup_strv = STRV_INIT;
	strv_addf(&headers, "Content-Type: %s", media_type);
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	struct registry_call call = {
		.host = at->host,
		.method = "PUT",
		.path = path,
		.scopes = scopes,
		.headers = &headers,
		.rq.body = bytes,
		.rq.body_len = len,
	};
	res = registry_do(&call, &rs, e);
	if (res < 0)
		return err_wrap(e, res, "manifest '%s' to %s", ref, at->host->host);
	if (rs.status != 201 && rs.status != 200 && rs.status != 202) {
		char *what cleanup_free = subject(r, ref);
		return registry_refuse(at->host, what, &rs, e);
	}
	res = check_put(at, ref, digest, &rs, e);
	if (res >= 0 && !http_header_get(&rs.headers, "oci-subject"))
		res = registry_referrers_note(r, media_type, bytes, len, digest, e);
	if (res >= 0 && ret_digest)
		memcpy(ret_digest, digest, sizeof(digest));
	return res;
}

int registry_manifest_delete(struct registry_repo *r, const char *ref, struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	if (!at)
		return -ERR_UNSUPPORTED;
	int res = check_ref(ref, e);
	if (res < 0)
		return res;
	char *path cleanup_free = manifest_path(at, ref);
	char *scopes cleanup_free = registry_scope(at, "pull,push,delete");
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	struct registry_call call = {
		.host = at->host,
		.method = "DELETE",
		.path = path,
		.scopes = scopes,
	};
	res = registry_do(&call, &rs, e);
	if (res < 0)
		return err_wrap(e, res, "delete '%s' at %s", ref, at->host->host);
	if (rs.status >= 200 && rs.status < 300)
		return 0;
	char *what cleanup_free = subject(r, ref);
	/* distribution 2.8 deletes by digest only, and finds a tag no valid digest */
	if (!oci_digest_valid(ref) && (rs.status == 400 || rs.status == 405)) {
		err_set(e, ERR_UNSUPPORTED, "%s: %s: the registry deletes no tags", at->host->host,
			what);
		err_hint(e, "delete its digest; every tag of that manifest goes with it");
		return -ERR_UNSUPPORTED;
	}
	return registry_refuse(at->host, what, &rs, e);
}
