/* Blobs: look and fetch. A fetch may take several requests: each continues where the one before was
 * cut. */
#include "registry/client/blob.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/strv.h"
#include "http/header.h"
#include "http/url.h"
#include "registry/client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* After so many bytes the attempts count anew: a bad line is slow, not broken. */
#define PROGRESS (1024 * 1024)

static char *blob_path(const struct registry_place *at, const char *digest)
{
	return mem_printf("/v2/%s/blobs/%s", at->path, digest);
}

static char *subject(const struct registry_repo *r, const char *digest)
{
	char id[OCI_DIGEST_SHORT];
	return mem_printf("blob %s of '%s'", oci_digest_short(digest, id), r->name);
}

/* A request without a body about a blob, to the place that is pushed to. 1: done, 0: the blob is not
 * there, which is an error where it has to be. */
static int ask(struct registry_repo *r, const char *method, const char *rights, const char *digest,
	bool must_exist, struct http_response *rs, struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	if (!at)
		return -ERR_UNSUPPORTED;
	char *path cleanup_free = blob_path(at, digest);
	char *scopes cleanup_free = registry_scope(at, rights);
	struct registry_call call = {
		.host = at->host, .method = method, .path = path, .scopes = scopes};
	int res = registry_do(&call, rs, e);
	char *what cleanup_free = subject(r, digest);
	if (res < 0)
		return err_wrap(e, res, "%s: %s", at->host->host, what);
	if (rs->status == 404 && !must_exist)
		return 0;
	return rs->status >= 200 && rs->status < 300 ? 1 : registry_refuse(at->host, what, rs, e);
}

int registry_blob_has(
	struct registry_repo *r, const char *digest, uint64_t *ret_size, struct err *e)
{
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	int res = ask(r, "HEAD", "pull,push", digest, false, &rs, e);
	if (res > 0 && ret_size)
		*ret_size = rs.length;
	return res;
}

int registry_blob_delete(struct registry_repo *r, const char *digest, struct err *e)
{
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	int res = ask(r, "DELETE", "pull,push,delete", digest, true, &rs, e);
	return res < 0 ? res : 0;
}

/* ---- fetching ---- */

struct fetch {
	const struct registry_blob_fetch *f;
	struct registry_repo *repo;
	uint64_t at;       /* the next byte that the caller wants */
	uint64_t skip;     /* bytes that come by once more */
	uint64_t received; /* all that came */
	uint64_t mark;     /* at, when the attempts began to count */
	bool no_range;     /* the place cannot: ask for all, skip what is known */
	bool callers;      /* the caller's write failed: nobody else is asked */
};

/* Before the bytes: is it the part that was asked for? */
static int on_head(void *arg, const struct http_response *rs, struct err *e)
{
	struct fetch *t = arg;
	uint64_t first = 0, last, total = UINT64_MAX;
	t->skip = 0;
	if (rs->status == 206) {
		const char *range = http_header_get(&rs->headers, "content-range");
		if (!range || http_range_parse(range, &first, &last, &total) < 0)
			return err_set(e, ERR_FORMAT, "a part came without saying which");
		if (first != t->at)
			return err_set(e, ERR_FORMAT,
				"asked for the bytes from %llu on, and those from %llu came",
				(unsigned long long)t->at, (unsigned long long)first);
	} else if (rs->status == 200) {
		total = rs->length;
		t->skip = t->at;
	} else {
		return 0;
	}
	if (total != UINT64_MAX && t->f->size != UINT64_MAX && total != t->f->size)
		return err_set(e, ERR_DIGEST, "it has %llu bytes there, and should have %llu",
			(unsigned long long)total, (unsigned long long)t->f->size);
	if (t->f->resumed && t->at)
		t->f->resumed(t->f->arg, first);
	return 0;
}

static int on_bytes(void *arg, const void *p, size_t len, struct err *e)
{
	struct fetch *t = arg;
	t->received += len;
	size_t skip = (size_t)MIN(t->skip, (uint64_t)len);
	t->skip -= skip;
	p = (const char *)p + skip;
	len -= skip;
	if (len == 0)
		return 0;
	if (len > t->f->size - t->at)
		return err_set(e, ERR_DIGEST, "it has more than its %llu bytes",
			(unsigned long long)t->f->size);
	int r = t->f->write(t->f->arg, p, len, e);
	if (r < 0) {
		t->callers = true;
		return r;
	}
	t->at += len;
	return 0;
}

/* One request. 1: all is there, 0: look at status, negative. */
static int request(
	struct fetch *t, const struct registry_call *base, struct http_response *rs, struct err *e)
{
	struct registry_call call = *base;
	call.once = true;
	call.rq.head = on_head;
	call.rq.write = on_bytes;
	call.rq.arg = t;
	call.rq.range = t->at && !t->no_range;
	call.rq.offset = t->at;
	int r = registry_do(&call, rs, e);
	if (r < 0 || (rs->status != 200 && rs->status != 206))
		return r;
	if (t->f->size != UINT64_MAX && t->at < t->f->size)
		return err_set(e, ECONNRESET, "it ended after %llu of %llu bytes",
			(unsigned long long)t->at, (unsigned long long)t->f->size);
	return 1;
}

static int fetch_from(struct fetch *t, struct registry_host *h, const struct registry_call *call,
	const char *what, struct err *e)
{
	struct http_retry retry = {.left = h->c->retries, .unit_ms = h->c->retry_ms};
	t->no_range = false;
	t->mark = t->at;
	for (;;) {
		struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
		struct err why = ERR_INIT;
		int r = request(t, call, &rs, &why);
		if (r == 1)
			return 0;
		if (r >= 0 && rs.status == 416 && t->at && !t->no_range) {
			t->no_range = true;
			continue;
		}
		if (t->at - t->mark >= PROGRESS) {
			t->mark = t->at;
			retry = (struct http_retry){
				.left = h->c->retries, .unit_ms = h->c->retry_ms};
		}
		int pause = t->callers ? -1 : registry_pause(h, &retry, r, &rs, &why, e);
		if (pause == 0)
			continue;
		if (pause != -1)
			return pause;
		if (r >= 0)
			return registry_refuse(h, what, &rs, e);
		if (e && !e->code)
			*e = why;
		return err_wrap(e, r, "%s: %s", h->host, what);
	}
}

static int fetch_at(struct registry_repo *r, const struct registry_place *at, void *arg,
	bool *fatal, struct err *e)
{
	struct fetch *t = arg;
	char *path cleanup_free = blob_path(at, t->f->digest);
	char *scopes cleanup_free = registry_scope(at, "pull");
	char *what cleanup_free = subject(r, t->f->digest);
	struct registry_call call = {.host = at->host, .path = path, .scopes = scopes};
	int res = fetch_from(t, at->host, &call, what, e);
	*fatal = t->callers;
	return res;
}

/* A foreign layer's own addresses, which a manifest of anybody names: no credentials, and plain
 * HTTP as little as elsewhere. */
static int fetch_urls(struct fetch *t, struct err *e)
{
	char *what cleanup_free = subject(t->repo, t->f->digest);
	for (size_t i = 0; t->f->urls && i < t->f->urls->n; i++) {
		struct http_url u cleanup_http_url = HTTP_URL_INIT;
		struct err why = ERR_INIT;
		struct registry_host *h = NULL;
		int r = http_url_parse(t->f->urls->v[i], &u, &why);
		/* a manifest of anybody's does not make us ask our own machine's services */
		if (r >= 0 && http_host_loopback(u.host) && !t->repo->places[0].host->loopback)
			r = err_set(&why, ERR_UNSUPPORTED,
				"%s: its address '%s' is on this machine: refused", what, u.host);
		if (r >= 0) {
			char *host cleanup_free = mem_printf(
				strchr(u.host, ':') ? "[%s]:%u" : "%s:%u", u.host, u.port);
			struct registry_endpoint at = {.host = host};
			r = registry_host_get(t->repo->c, &at, &h, &why);
		}
		if (r >= 0) {
			struct registry_call call = {
				.host = h, .url = t->f->urls->v[i], .anonymous = true};
			r = fetch_from(t, h, &call, what, &why);
		}
		if (r >= 0)
			return 1;
		if (t->callers || r == -ERR_INTERRUPTED) {
			if (e && !e->code)
				*e = why;
			return r;
		}
		registry_notice(t->repo->c, "%s", why.msg);
	}
	return 0;
}

int registry_blob_fetch(struct registry_repo *r, const struct registry_blob_fetch *f,
	uint64_t *ret_received, struct err *e)
{
	struct fetch t = {.f = f, .repo = r, .at = f->offset};
	int res = 0;
	if (f->offset > f->size)
		return err_set(e, ERR_DIGEST, "%llu bytes of a blob of %llu are there already",
			(unsigned long long)f->offset, (unsigned long long)f->size);
	if (f->offset < f->size) {
		res = fetch_urls(&t, e);
		if (res == 0)
			res = registry_each_place(r, f->digest, fetch_at, &t, e);
	}
	if (ret_received)
		*ret_received = t.received;
	return res < 0 ? res : 0;
}

/* ---- small ones ---- */

static int collect(void *arg, const void *p, size_t len, struct err *e)
{
	struct buf *b = arg;
	return buf_add(b, p, len) < 0 ? err_set(e, ERR_LIMIT, "more than %zu bytes", b->max) : 0;
}

static int read_once(struct registry_repo *r, const struct registry_place *at, void *arg,
	bool *fatal, struct err *e)
{
	struct fetch *t = arg;
	struct buf *b = t->f->arg;
	char hex[SHA256_HEX], got[OCI_DIGEST_MAX];
	buf_clear(b);
	t->at = 0;
	int res = fetch_at(r, at, arg, fatal, e);
	if (res < 0)
		return res;
	sha256_hex(buf_str(b), b->len, hex);
	oci_digest_from_hex(hex, got);
	if (str_eq(got, t->f->digest))
		return 0;
	return err_set(e, ERR_DIGEST, "%s: asked for blob %s, but the bytes that came are %s",
		at->host->host, t->f->digest, got);
}

/* Bytes that were damaged on the way are asked for once more. A place that gives other bytes for ever
 * is as good as one that gives none: the next is asked. */
static int read_at(struct registry_repo *r, const struct registry_place *at, void *arg, bool *fatal,
	struct err *e)
{
	struct err why = ERR_INIT;
	int res = read_once(r, at, arg, fatal, &why);
	if (res != -ERR_DIGEST || *fatal) {
		if (res < 0 && e && !e->code)
			*e = why;
		return res;
	}
	registry_notice(r->c, "%s; it is asked for again", why.msg);
	return read_once(r, at, arg, fatal, e);
}

int registry_blob_read(
	struct registry_repo *r, const char *digest, uint64_t size, struct buf *b, struct err *e)
{
	char *what cleanup_free = subject(r, digest);
	if (!b->max && size == UINT64_MAX)
		b->max = LIMIT_CONFIG;
	if (b->max && size != UINT64_MAX && size > b->max)
		return err_set(e, ERR_LIMIT, "%s has %llu bytes, more than %zu", what,
			(unsigned long long)size, b->max);
	struct registry_blob_fetch f = {.digest = digest, .size = size, .write = collect, .arg = b};
	struct fetch t = {.f = &f, .repo = r};
	int res = registry_each_place(r, digest, read_at, &t, e);
	return res < 0 ? res : 0;
}
