/* Uploads: a session (POST) whose Location takes the bytes, in one PUT or in PATCHes with a PUT at the
 * end. After a cut the registry is asked what it has. */
#include "registry/client/upload.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "http/header.h"
#include "http/url.h"
#include "registry/client/blob.h"
#include "registry/client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* After so many bytes the attempts count anew. */
#define PROGRESS (1024 * 1024)
#define OCTETS   "Content-Type: application/octet-stream"

struct registry_upload {
	struct registry_repo *repo;
	const struct registry_place *at;
	char *scopes;
	char *url;          /* where the next request goes; NULL: no session */
	uint64_t offset;    /* what the registry has */
	uint64_t chunk;     /* 0: one request */
	uint64_t chunk_min; /* OCI-Chunk-Min-Length */
};

ssize_t registry_source_read_fd(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	ssize_t n;
	do
		n = pread(*(const int *)arg, p, len, (off_t)offset);
	while (n < 0 && errno == EINTR);
	return n < 0 ? err_sys(e, "read at offset %llu", (unsigned long long)offset) : n;
}

static struct registry_upload *upload_new(struct registry_repo *r, const struct registry_place *at,
	const struct registry_upload_options *o, const char *from)
{
	struct registry_upload *u = mem_alloc(sizeof(*u));
	u->repo = r;
	u->at = at;
	u->chunk = o ? o->chunk : 0;
	char *own cleanup_free = registry_scope(at, "pull,push");
	/* a mount reads the other repository: one token for both */
	u->scopes = from ? mem_printf("%s repository:%s:pull", own, from) : STEAL(own);
	return u;
}

static void session_forget(struct registry_upload *u)
{
	free(STEAL(u->url));
	u->offset = 0;
}

/* Best effort: registries purge what is left after days. */
static void session_cancel(struct registry_upload *u)
{
	char *auth = NULL;
	struct registry_host *h = u->at->host;
	struct http_url at cleanup_http_url = HTTP_URL_INIT;
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	if (!u->url)
		return;
	/* a token that is at hand or none: a stopped client fetches no new one */
	if (registry_auth_header(h, u->scopes, &auth, NULL) >= 0 &&
		http_url_parse(u->url, &at, NULL) >= 0) {
		struct http_request rq = {
			.method = "DELETE",
			.url = u->url,
			.tls = h->tls,
			.plain_http = h->insecure,
			.authorization = registry_is_home(h, &at) ? auth : NULL,
		};
		http_do(h->c->farewell, &rq, &rs, NULL);
	}
	registry_wipe(&auth);
	session_forget(u);
}

static void upload_free(struct registry_upload *u)
{
	free(u->scopes);
	free(u->url);
	free(u);
}

void registry_upload_free(struct registry_upload *u)
{
	if (!u)
		return;
	session_cancel(u);
	upload_free(u);
}

/* Each answer may name another Location for what follows, and it may be relative. */
static int take_location(struct registry_upload *u, const struct http_response *rs, struct err *e)
{
	const char *location = http_header_get(&rs->headers, "location");
	if (!location)
		return u->url ? 0
			      : err_set(e, ERR_FORMAT, "%s: an upload without an address",
					u->at->host->host);
	struct http_url base cleanup_http_url = HTTP_URL_INIT,
			     next cleanup_http_url = HTTP_URL_INIT;
	int r = http_url_parse(rs->url, &base, e);
	if (r >= 0)
		r = http_url_resolve(&base, location, &next, e);
	if (r >= 0 && base.tls && !next.tls)
		r = err_set(e, ERR_FORMAT,
			"it leads from https to plain http: refused; a proxy before "
			"the registry does not tell it that it is reached by https");
	if (r < 0)
		return err_wrap(e, r, "%s: the address of an upload", u->at->host->host);
	free(u->url);
	u->url = http_url_text(&next);
	return 0;
}

/* POST. mount: a digest to be had from repository from, or NULL. 1: mounted, 0: a session is open. */
static int session_open(
	struct registry_upload *u, const char *mount, const char *from, struct err *e)
{
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	struct buf path cleanup_buf = BUF_INIT;
	buf_printf(&path, "/v2/%s/blobs/uploads/", u->at->path);
	if (mount) {
		buf_printf(&path, "?mount=%s&from=", mount);
		http_url_encode(&path, from);
	}
	struct registry_call call = {
		.host = u->at->host,
		.method = "POST",
		.path = buf_str(&path),
		.scopes = u->scopes,
	};
	session_forget(u);
	int r = registry_do(&call, &rs, e);
	char *what cleanup_free = mem_printf("upload to '%s'", u->repo->name);
	if (r < 0)
		return err_wrap(e, r, "%s: %s", u->at->host->host, what);
	if (mount && rs.status == 201)
		return 1;
	if (rs.status != 202)
		return registry_refuse(u->at->host, what, &rs, e);
	/* a number that is none is none */
	http_header_u64(&rs.headers, "oci-chunk-min-length", &u->chunk_min, NULL);
	return take_location(u, &rs, e);
}

/* What the registry has of us, after a cut: GET of the session. A session that is lost begins anew.
 * The source is asked for whatever is missing. */
static int session_ask(struct registry_upload *u, struct err *e)
{
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	struct registry_call call = {.host = u->at->host, .url = u->url, .scopes = u->scopes};
	uint64_t last;
	int r = u->url ? registry_do(&call, &rs, e) : 0;
	if (r < 0)
		return r;
	const char *range = http_header_get(&rs.headers, "range");
	const char *dash = range ? strchr(range, '-') : NULL;
	if (u->url && (rs.status == 204 || rs.status == 202 || rs.status == 200) && dash &&
		str_parse_u64(dash + 1, 10, &last) >= 0 && last < UINT64_MAX / 2) {
		/* "0-0" is docker's way to say nothing, or one byte: nothing is the safe reading,
		 * since a registry refuses what does not fit (416) */
		u->offset = last ? last + 1 : 0;
		return take_location(u, &rs, e);
	}
	session_cancel(u);
	return session_open(u, NULL, NULL, e);
}

/* ---- sending ---- */

struct sending {
	struct registry_upload *u;
	const struct registry_source *src;
	uint64_t base; /* offset in the blob of the request's first byte */
	uint64_t end;  /* of the blob; UINT64_MAX: unknown */
	uint64_t sent; /* offset that was reached by what was read */
	bool ended;    /* the source said so */
	bool callers;  /* the source failed: not the network's fault */
	bool cannot_return;
	uint64_t limit; /* of this request */
};

static ssize_t on_read(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct sending *s = arg;
	len = (size_t)MIN((uint64_t)len, s->limit - offset);
	if (len == 0)
		return 0;
	ssize_t n = s->src->read(s->src->arg, s->base + offset, p, len, e);
	if (n == 0 && s->end != UINT64_MAX)
		n = err_set(e, ERR_DIGEST, "the source ended after %llu of %llu bytes",
			(unsigned long long)(s->base + offset), (unsigned long long)s->end);
	if (n < 0) {
		s->callers = true;
		s->cannot_return = n == -ESPIPE;
		return n;
	}
	s->ended = n == 0;
	s->sent = MAX(s->sent, s->base + offset + (uint64_t)n);
	return n;
}

/* How many bytes the next request takes; UINT64_MAX: to an end that is not known. */
static uint64_t next_size(const struct sending *s)
{
	uint64_t left = s->end == UINT64_MAX ? UINT64_MAX : s->end - s->u->offset;
	uint64_t chunk = s->u->chunk ? MAX(s->u->chunk, s->u->chunk_min) : UINT64_MAX;
	return MIN(left, chunk);
}

/* PATCH from u->offset on. */
static int patch(struct sending *s, struct http_response *rs, struct err *e)
{
	struct registry_upload *u = s->u;
	struct strv headers cleanup_strv = STRV_INIT;
	uint64_t size = next_size(s);
	strv_add(&headers, OCTETS);
	if (s->end != UINT64_MAX)
		strv_addf(&headers, "Content-Range: %llu-%llu", (unsigned long long)u->offset,
			(unsigned long long)(u->offset + size - 1));
	s->base = u->offset;
	s->limit = size;
	struct registry_call call = {
		.host = u->at->host,
		.method = "PATCH",
		.url = u->url,
		.scopes = u->scopes,
		.headers = &headers,
		.once = true,
		.rq.read = on_read,
		/* the end is not known: chunked transfer encoding, until the source ends */
		.rq.size = s->end == UINT64_MAX ? UINT64_MAX : size,
		.rq.arg = s,
	};
	int r = registry_do(&call, rs, e);
	if (r < 0 || (rs->status != 202 && rs->status != 201 && rs->status != 204))
		return r;
	/* its Range says the same, or is wrong, as some registries' are: the digest decides */
	u->offset = s->sent;
	r = take_location(u, rs, e);
	return r < 0 ? r : 1;
}

/* PUT with the digest: of all bytes at once (whole), or of none after PATCHes. */
static int put(
	struct sending *s, const char *digest, bool whole, struct http_response *rs, struct err *e)
{
	struct registry_upload *u = s->u;
	struct strv headers cleanup_strv = STRV_INIT;
	struct http_url url cleanup_http_url = HTTP_URL_INIT;
	int r = http_url_parse(u->url, &url, e);
	if (r < 0)
		return r;
	http_url_add_query(&url, "digest", digest);
	char *text cleanup_free = http_url_text(&url);
	struct registry_call call = {
		.host = u->at->host,
		.method = "PUT",
		.url = text,
		.scopes = u->scopes,
		.headers = &headers,
		.once = true,
	};
	strv_add(&headers, OCTETS);
	if (whole) {
		s->base = 0;
		s->limit = s->end;
		call.rq.read = on_read;
		call.rq.size = s->end;
		call.rq.arg = s;
	}
	r = registry_do(&call, rs, e);
	return r < 0 || (rs->status != 201 && rs->status != 204 && rs->status != 200) ? r : 1;
}

/* One step: 1 the blob is complete there, 0 look at rs (the step went well when rs->status is 2xx). */
static int step(struct sending *s, const char *digest, struct http_response *rs, struct err *e)
{
	struct registry_upload *u = s->u;
	bool all_sent = s->end == UINT64_MAX ? s->ended : u->offset == s->end;
	if (all_sent && !digest)
		return 1;
	if (digest && u->offset == 0 && !u->chunk && s->end != UINT64_MAX)
		return put(s, digest, true, rs, e);
	if (all_sent)
		return put(s, digest, false, rs, e);
	int r = patch(s, rs, e);
	return r == 1 ? 0 : r;
}

static bool went_well(const struct http_response *rs)
{
	return rs->status >= 200 && rs->status < 300;
}

/* After a failure that may pass: where does the registry stand, and can the source go there? */
static int recover(struct sending *s, bool anew, struct err *e)
{
	uint64_t reached = s->sent;
	if (anew)
		session_cancel(s->u);
	int r = session_ask(s->u, e);
	if (r < 0)
		return r;
	s->ended = false;
	s->sent = s->u->offset;
	if (s->end != UINT64_MAX && s->u->offset > s->end)
		return err_set(e, ERR_FORMAT, "%s: has more bytes of the upload than there are",
			s->u->at->host->host);
	if (s->src && s->src->resumed && s->u->offset != reached)
		s->src->resumed(s->src->arg, s->u->offset);
	return 0;
}

enum way {
	GIVE_UP,
	ASK,  /* where it stands */
	ANEW, /* from the beginning */
};

/* A refusal that another way may mend: 416, we do not agree about the offset; 404, the session is
 * gone; 400 after a cut, which is how distribution's registry says that it cannot continue. */
static enum way mend(
	const struct sending *s, int r, const struct http_response *rs, bool was_cut, int *refusals)
{
	if (s->callers || r < 0 || (*refusals)++ >= 2)
		return GIVE_UP;
	if (rs->status == 416)
		return ASK;
	return rs->status == 404 || (rs->status == 400 && was_cut) ? ANEW : GIVE_UP;
}

/* Sends what is missing, and with digest ends the upload. */
static int send_all(struct sending *s, const char *digest, struct err *e)
{
	struct registry_upload *u = s->u;
	struct registry_host *h = u->at->host;
	struct http_retry retry = {.left = h->c->retries, .unit_ms = h->c->retry_ms};
	struct err cut = ERR_INIT;
	int refusals = 0;
	uint64_t mark = u->offset;
	for (;;) {
		struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
		struct err why = ERR_INIT;
		int r = step(s, digest, &rs, &why);
		if (r == 1)
			return 0;
		if (r == 0 && went_well(&rs))
			continue;
		/* the source cannot go back to where the cut was: the cut is the reason */
		if (s->cannot_return && cut.code) {
			why = cut;
			r = -cut.code;
		}
		if (u->offset >= mark + PROGRESS)
			retry = (struct http_retry){
				.left = h->c->retries, .unit_ms = h->c->retry_ms};
		int pause = s->callers ? -1 : registry_pause(h, &retry, r, &rs, &why, e);
		enum way way = pause == 0    ? ASK
			       : pause == -1 ? mend(s, r, &rs, cut.code, &refusals)
					     : GIVE_UP;
		if (way != GIVE_UP) {
			if (why.code)
				cut = why;
			r = recover(s, way == ANEW, e);
			if (r < 0)
				return r;
			mark = u->offset;
			continue;
		}
		if (pause != -1)
			return pause;
		char *what cleanup_free = mem_printf("upload to '%s'", u->repo->name);
		if (r >= 0)
			return registry_refuse(h, what, &rs, e);
		if (e && !e->code)
			*e = why;
		return err_wrap(e, r, "%s: %s", h->host, what);
	}
}

/* ---- the calls ---- */

static int put_blob(struct registry_upload *u, const char *digest, uint64_t size,
	const struct registry_source *src, const char *from, struct err *e)
{
	int r = session_open(u, from ? digest : NULL, from, e);
	/* not allowed to read there is no reason not to send */
	if (from && r < 0 && r != -ERR_INTERRUPTED) {
		err_clear(e);
		r = session_open(u, NULL, NULL, e);
	}
	if (r != 0)
		return r;
	struct sending s = {.u = u, .src = src, .end = size};
	r = send_all(&s, digest, e);
	if (r >= 0)
		session_forget(u);
	return r;
}

int registry_blob_put(struct registry_repo *r, const char *digest, uint64_t size,
	const struct registry_source *src, const struct registry_upload_options *o, struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	if (!at)
		return -ERR_UNSUPPORTED;
	const char *from = o ? o->mount_from : NULL;
	struct registry_upload *u = upload_new(r, at, o, from);
	int res = put_blob(u, digest, size, src, from, e);
	registry_upload_free(u);
	return res;
}

struct bytes {
	const char *p;
	size_t len;
};

static ssize_t read_bytes(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	const struct bytes *b = arg;
	len = MIN(len, b->len - (size_t)offset);
	if (len)
		memcpy(p, b->p + offset, len);
	return (ssize_t)len;
}

int registry_blob_put_bytes(
	struct registry_repo *r, const char *digest, const void *p, size_t len, struct err *e)
{
	struct bytes b = {p, len};
	struct registry_source src = {.read = read_bytes, .arg = &b};
	return registry_blob_put(r, digest, len, &src, NULL, e);
}

int registry_blob_mount(
	struct registry_repo *r, const char *digest, const char *from, struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	if (!at)
		return -ERR_UNSUPPORTED;
	struct registry_upload *u = upload_new(r, at, NULL, from);
	int res = session_open(u, digest, from, e);
	registry_upload_free(u);
	return res;
}

int registry_blob_mount_shared(
	struct registry_repo *r, const char *digest, struct registry_repo *from, struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	int res = at ? 0 : -ERR_UNSUPPORTED;
	for (size_t i = 0; res == 0 && i < from->n; i++)
		if (str_eq(from->places[i].host->host, at->host->host) &&
			!str_eq(from->places[i].path, at->path))
			res = registry_blob_mount(r, digest, from->places[i].path, e);
	return res;
}

int registry_upload_begin(struct registry_repo *r, const struct registry_upload_options *o,
	struct registry_upload **ret, struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	if (!at)
		return -ERR_UNSUPPORTED;
	struct registry_upload *u = upload_new(r, at, o, NULL);
	int res = session_open(u, NULL, NULL, e);
	if (res < 0) {
		registry_upload_free(u);
		return res;
	}
	*ret = u;
	return 0;
}

int registry_upload_send(struct registry_upload *u, const struct registry_source *src,
	uint64_t *ret_sent, struct err *e)
{
	struct sending s = {.u = u, .src = src, .end = UINT64_MAX, .sent = u->offset};
	int r = send_all(&s, NULL, e);
	if (r >= 0 && ret_sent)
		*ret_sent = u->offset;
	return r;
}

int registry_upload_finish(struct registry_upload *u, const char *digest, struct err *e)
{
	struct registry_host *h = u->at->host;
	struct http_retry retry = {.left = h->c->retries, .unit_ms = h->c->retry_ms};
	struct sending s = {.u = u};
	bool tried = false;
	int r;
	for (;;) {
		struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
		struct err why = ERR_INIT;
		r = put(&s, digest, false, &rs, &why);
		/* an attempt whose answer was lost may have ended the upload: is the blob there? */
		if (r == 1 || (tried && r == 0 && rs.status == 404 &&
				      registry_blob_has(u->repo, digest, NULL, NULL) == 1)) {
			session_forget(u);
			r = 0;
			break;
		}
		tried = true;
		int pause = registry_pause(h, &retry, r, &rs, &why, e);
		if (pause == 0)
			continue;
		char *what cleanup_free = mem_printf("upload to '%s'", u->repo->name);
		if (pause != -1)
			r = pause;
		else if (r == 0)
			r = registry_refuse(h, what, &rs, e);
		else if (e && !e->code)
			*e = why;
		r = err_wrap(e, r, "end of the upload");
		break;
	}
	registry_upload_free(u);
	return r;
}
