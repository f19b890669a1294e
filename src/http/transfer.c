/* One attempt at one URL through libcurl: its options, its callbacks, its errors in our words. */
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/client_priv.h"
#include "http/header.h"
#include "http/tls_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RECEIVE_BUFFER (128 * 1024L) /* of each connection */
#define SEND_BUFFER    (256 * 1024L)
#define SLICE_MS       100 /* how soon a stop is seen */
/* After a large body the server may be busy storing it: it gets more time than a stall. */
#define LARGE_BODY     (64 * 1024)
#define LARGE_PATIENCE 10

static void moved(struct http_transfer *t)
{
	t->last_move = clock_monotonic();
}

static int fail(struct http_transfer *t, int r)
{
	if (!t->failed)
		t->failed = r;
	return r;
}

/* The status line and headers are complete. */
static int end_head(struct http_transfer *t)
{
	struct http_response *rs = t->rs;
	t->head_done = true;
	rs->length = UINT64_MAX;
	int r = http_header_u64(&rs->headers, "content-length", &rs->length, t->e);
	if (r < 0 || (t->follow && http_is_redirect(rs)))
		return r < 0 ? r : 0;
	t->streaming = t->rq->write && rs->status >= 200 && rs->status < 300;
	return t->rq->head ? t->rq->head(t->rq->arg, rs, t->e) : 0;
}

static void add_header(struct http_transfer *t, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	if (!colon || colon == line)
		return;
	char *text = mem_strndup(line, len);
	for (char *p = text; *p && *p != ':'; p++)
		*p = (char)tolower((unsigned char)*p);
	strv_take(&t->rs->headers, text);
}

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * n;
	moved(t);
	if (t->head_done) /* trailers */
		return len;
	t->header_bytes += len;
	if (t->header_bytes > LIMIT_HTTP_HEADERS) {
		fail(t, err_set(t->e, ERR_LIMIT, "more than %d bytes of headers",
				LIMIT_HTTP_HEADERS));
		return 0;
	}
	size_t end = len;
	while (end && (p[end - 1] == '\r' || p[end - 1] == '\n' || p[end - 1] == ' '))
		end--;
	if (len > 5 && memcmp(p, "HTTP/", 5) == 0) {
		const char *code = memchr(p, ' ', len);
		t->rs->status =
			code && (size_t)(p + len - code) > 3 ? (int)strtol(code, NULL, 10) : 0;
		strv_release(&t->rs->headers);
	} else if (end > 0) {
		add_header(t, p, end);
	} else if (t->rs->status >= 200) {
		int r = end_head(t);
		if (r < 0) {
			fail(t, r);
			return 0;
		}
	}
	return len;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	size_t len = size * n;
	int r = 0;
	moved(t);
	t->rs->received += len;
	if (t->streaming) {
		r = t->rq->write(t->rq->arg, p, len, t->e);
		moved(t); /* the time that the callback took is not the server's */
	} else if (t->rs->status >= 200 && t->rs->status < 300) {
		r = buf_add(&t->rs->body, p, len);
		if (r < 0)
			err_set(t->e, ERR_LIMIT, "the answer has more than %zu bytes",
				t->rs->body.max);
	} else {
		/* an error's body is only read for its words */
		size_t most = MIN(t->rs->body.max, (size_t)LIMIT_ERROR_BODY);
		size_t room = most - MIN(t->rs->body.len, most);
		buf_add(&t->rs->body, p, MIN(len, room));
		t->cut = len > room;
		return t->cut ? 0 : len;
	}
	if (r < 0)
		fail(t, r);
	return r < 0 ? 0 : len;
}

static size_t on_read(char *p, size_t size, size_t n, void *arg)
{
	struct http_transfer *t = arg;
	const struct http_request *rq = t->rq;
	size_t len = size * n;
	moved(t);
	if (!rq->read) {
		len = MIN(len, rq->body_len - (size_t)t->sent);
		if (len)
			memcpy(p, (const char *)rq->body + t->sent, len);
		t->sent += len;
		return len;
	}
	if (rq->size != UINT64_MAX)
		len = (size_t)MIN((uint64_t)len, rq->size - t->sent);
	ssize_t got = len ? rq->read(rq->arg, t->sent, p, len, t->e) : 0;
	moved(t);
	if (got < 0) {
		fail(t, (int)got);
		return CURL_READFUNC_ABORT;
	}
	t->sent += (uint64_t)got;
	return (size_t)got;
}

/* libcurl sends again by itself when a kept connection turns out to be closed. That is fine for a few
 * bytes; a large body is its owner's to send again, who first asks how much of it has arrived. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
	struct http_transfer *t = arg;
	if (origin != SEEK_SET || offset < 0)
		return CURL_SEEKFUNC_CANTSEEK;
	if (t->rq->read && t->sent)
		return CURL_SEEKFUNC_FAIL;
	t->sent = (uint64_t)offset;
	return CURL_SEEKFUNC_OK;
}

static void set_tls(struct http_transfer *t, CURL *h)
{
	const struct http_curl *curl = t->curl;
	const struct http_tls *tls = t->rq->tls;
	curl->easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (curl->ca_path)
		curl->easy_setopt(h, CURLOPT_CAINFO, NULL);
	if (!tls)
		return;
	if (tls->insecure) {
		curl->easy_setopt(h, CURLOPT_SSL_VERIFYPEER, 0L);
		curl->easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (tls->ca.len) {
		struct curl_blob blob = {tls->ca.data, tls->ca.len, CURL_BLOB_COPY};
		/* replaces CAINFO; where that is all there is, the system's must come along */
		struct buf all cleanup_buf = BUF_INIT;
		if (!curl->ca_path && curl->ca_file && http_tls_system(curl->ca_file, &all) >= 0) {
			buf_add(&all, tls->ca.data, tls->ca.len);
			blob.data = all.data;
			blob.len = all.len;
		}
		curl->easy_setopt(h, CURLOPT_CAINFO_BLOB, &blob);
	}
	/* who we are is told to the registry itself, not to where it redirects */
	if (tls->cert && t->first_origin) {
		curl->easy_setopt(h, CURLOPT_SSLCERT, tls->cert);
		curl->easy_setopt(h, CURLOPT_SSLKEY, tls->key);
	}
}

static void set_method(struct http_transfer *t, CURL *h)
{
	const struct http_curl *curl = t->curl;
	const struct http_request *rq = t->rq;
	const char *method = rq->method ?: "GET";
	if (str_eq(method, "HEAD")) {
		curl->easy_setopt(h, CURLOPT_NOBODY, 1L);
		return;
	}
	if (rq->read || str_eq(method, "POST") || str_eq(method, "PUT") ||
		str_eq(method, "PATCH")) {
		uint64_t size = rq->read ? rq->size : rq->body_len;
		curl->easy_setopt(h, CURLOPT_UPLOAD, 1L);
		curl->easy_setopt(h, CURLOPT_INFILESIZE_LARGE,
			size == UINT64_MAX ? (curl_off_t)-1 : (curl_off_t)size);
		curl->easy_setopt(h, CURLOPT_UPLOAD_BUFFERSIZE, SEND_BUFFER);
		curl->easy_setopt(h, CURLOPT_READFUNCTION, on_read);
		curl->easy_setopt(h, CURLOPT_READDATA, t);
		curl->easy_setopt(h, CURLOPT_SEEKFUNCTION, on_seek);
		curl->easy_setopt(h, CURLOPT_SEEKDATA, t);
	}
	curl->easy_setopt(h, CURLOPT_CUSTOMREQUEST, method);
}

/* An empty proxy, not none: else libcurl asks the environment. */
static void set_proxy(struct http_transfer *t, CURL *h)
{
	const struct http_client *c = t->c;
	const char *proxy = t->url->tls ? c->https_proxy : c->http_proxy;
	if (http_host_loopback(t->url->host))
		proxy = NULL;
	t->curl->easy_setopt(h, CURLOPT_PROXY, proxy ?: "");
	t->curl->easy_setopt(h, CURLOPT_NOPROXY, c->no_proxy ?: "");
	t->curl->easy_setopt(h, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

static struct curl_slist *make_headers(const struct http_transfer *t)
{
	const struct http_request *rq = t->rq;
	/* no waiting for "100 Continue"; no type of its own for what we send */
	struct curl_slist *list = t->curl->slist_append(NULL, "Expect:");
	for (size_t i = 0; rq->headers && i < rq->headers->n; i++)
		list = t->curl->slist_append(list, rq->headers->v[i]);
	if (rq->authorization && t->first_origin) {
		char *line cleanup_free = mem_printf("Authorization: %s", rq->authorization);
		list = t->curl->slist_append(list, line);
		explicit_bzero(line, strlen(line));
	}
	if (rq->range) {
		char *line cleanup_free =
			mem_printf("Range: bytes=%llu-", (unsigned long long)rq->offset);
		list = t->curl->slist_append(list, line);
	}
	return list;
}

static void set_options(struct http_transfer *t, CURL *h, struct curl_slist *headers, char *error)
{
	const struct http_curl *curl = t->curl;
	char *url cleanup_free = http_url_text(t->url);
	curl->easy_reset(h);
	curl->easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* a stop does not wait for a name server that is silent */
	curl->easy_setopt(h, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl->easy_setopt(h, CURLOPT_ERRORBUFFER, error);
	curl->easy_setopt(h, CURLOPT_URL, url); /* copied */
	curl->easy_setopt(h, CURLOPT_PATH_AS_IS, 1L);
	curl->easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
	curl->easy_setopt(h, CURLOPT_USERAGENT, t->c->user_agent);
	curl->easy_setopt(h, CURLOPT_HTTPHEADER, headers);
	curl->easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)t->c->connect_ms);
	curl->easy_setopt(h, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl->easy_setopt(h, CURLOPT_TCP_KEEPALIVE, 1L);
	curl->easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl->easy_setopt(h, CURLOPT_HEADERDATA, t);
	curl->easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl->easy_setopt(h, CURLOPT_WRITEDATA, t);
	set_method(t, h);
	set_proxy(t, h);
	set_tls(t, h);
}

static const struct {
	CURLcode code;
	int error;
} codes[] = {
	{CURLE_COULDNT_RESOLVE_HOST, EHOSTUNREACH},
	{CURLE_COULDNT_RESOLVE_PROXY, EHOSTUNREACH},
	{CURLE_OPERATION_TIMEDOUT, EHOSTUNREACH}, /* connect_ms; stalls are found here */
	{CURLE_COULDNT_CONNECT, ECONNREFUSED},
	{CURLE_PARTIAL_FILE, ECONNRESET},
	{CURLE_GOT_NOTHING, ECONNRESET},
	{CURLE_RECV_ERROR, ECONNRESET},
	{CURLE_SEND_ERROR, ECONNRESET},
	{CURLE_SEND_FAIL_REWIND, ECONNRESET},
	{CURLE_SSL_CONNECT_ERROR, EPROTO},
	{CURLE_PEER_FAILED_VERIFICATION, EKEYREJECTED},
	{CURLE_SSL_CERTPROBLEM, EKEYREJECTED},
	{CURLE_SSL_CACERT_BADFILE, EKEYREJECTED},
	{CURLE_SSL_CIPHER, EPROTO},
	{CURLE_OUT_OF_MEMORY, ENOMEM},
};

/* Whose certificate was not taken: what helps depends on why (OpenSSL's and curl's words). */
static void hint_certificate(const struct http_transfer *t, const char *text)
{
	if (strstr(text, "expired") || strstr(text, "not yet valid"))
		err_hint(t->e,
			"it has to be renewed by whoever runs '%s', unless this machine's clock is "
			"wrong",
			t->url->host);
	else if (strstr(text, "subject name"))
		err_hint(t->e, "'%s' is none of the names in its certificate: use one that is",
			t->url->host);
	else
		err_hint(t->e, "put the certificate of its authority into certs.d/HOST:PORT/ca.crt "
			       "(--cert-dir), or give up the check with --tls-verify=false");
}

/* libcurl's verdict in our codes and, as far as it has them, its words. */
static int explain(struct http_transfer *t, CURL *h, CURLcode code, const char *text)
{
	if (t->failed)
		return t->failed;
	if (code == CURLE_OK || t->cut)
		return 0;
	int error = EBADMSG;
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].code == code)
			error = codes[i].error;
	/* TLS 1.3 tells after the handshake that it wants our certificate */
	if (strstr(text, "certificate required") || strstr(text, "bad certificate"))
		error = EKEYREJECTED;
	long proxy = 0;
	t->curl->easy_getinfo(h, CURLINFO_HTTP_CONNECTCODE, &proxy);
	if (proxy >= 300) {
		err_set(t->e, ECONNREFUSED, "the proxy refuses to connect to '%s': status %ld",
			t->url->host, proxy);
		if (proxy == 407)
			err_hint(t->e, "give the proxy's user and password in https_proxy: "
				       "http://USER:PASSWORD@HOST:PORT");
		return -ECONNREFUSED;
	}
	char *shown cleanup_free = http_url_shown(t->url);
	err_set(t->e, error, "%s %s: %s", t->rq->method ?: "GET", shown,
		code == CURLE_SEND_FAIL_REWIND ? "connection cut"
		: *text                        ? text
					       : t->curl->easy_strerror(code));
	if (code != CURLE_PEER_FAILED_VERIFICATION && error == EKEYREJECTED)
		err_hint(t->e,
			"'%s' may want a certificate of ours: NAME.cert and NAME.key in "
			"certs.d/HOST:PORT (--cert-dir)",
			t->url->host);
	if (code == CURLE_PEER_FAILED_VERIFICATION)
		hint_certificate(t, text);
	return -error;
}

/* Neither side moved for too long? */
static bool stalled(const struct http_transfer *t)
{
	int64_t patience = t->c->stall_ms;
	if (t->sent > LARGE_BODY && !t->head_done)
		patience *= LARGE_PATIENCE;
	return clock_monotonic() - t->last_move > patience * 1000000;
}

static int loop(struct http_transfer *t, struct http_slot *s, CURLcode *ret)
{
	int running = 1;
	for (;;) {
		CURLMcode m = t->curl->multi_perform(s->multi, &running);
		if (http_stopped(t->c))
			return err_set(t->e, ERR_INTERRUPTED, "interrupted");
		if (m != CURLM_OK)
			return err_set(t->e, EIO, "libcurl: error %d", (int)m);
		if (!running)
			break;
		if (stalled(t)) {
			char *shown cleanup_free = http_url_shown(t->url);
			return err_set(t->e, ETIMEDOUT, "%s %s: no byte for %lld s",
				t->rq->method ?: "GET", shown, (long long)t->c->stall_ms / 1000);
		}
		t->curl->multi_poll(s->multi, NULL, 0, SLICE_MS, NULL);
	}
	int left;
	const CURLMsg *msg;
	while ((msg = t->curl->multi_info_read(s->multi, &left)))
		if (msg->msg == CURLMSG_DONE)
			*ret = msg->data.result;
	return 0;
}

static void trace_end(struct http_transfer *t, int r, int64_t begin)
{
	int64_t ms = (clock_monotonic() - begin) / 1000000;
	if (r < 0 && !t->rs->status)
		http_trace(t->c, "< failed after %lld ms: %s", (long long)ms,
			t->e ? t->e->msg : err_text(r));
	else
		http_trace(t->c, "< %d from %s, %llu bytes in %lld ms%s", t->rs->status,
			t->url->host, (unsigned long long)t->rs->received, (long long)ms,
			r < 0 ? ", cut" : "");
}

int http_transfer_run(struct http_transfer *t, struct http_slot *s)
{
	char error[CURL_ERROR_SIZE] = "";
	struct curl_slist *headers = make_headers(t);
	int64_t begin = clock_monotonic();
	if (t->c->trace) {
		char *shown cleanup_free = http_url_shown(t->url);
		http_trace(t->c, "> %s %s%s", t->rq->method ?: "GET", shown,
			t->url->query ? "?..." : "");
	}
	set_options(t, s->easy, headers, error);
	moved(t);
	CURLcode code = CURLE_OK;
	int r = -EIO;
	if (t->curl->multi_add_handle(s->multi, s->easy) == CURLM_OK) {
		r = loop(t, s, &code);
		if (r >= 0)
			r = explain(t, s->easy, code, error);
		t->curl->multi_remove_handle(s->multi, s->easy);
	}
	/* the handle outlives what these point to */
	t->curl->easy_setopt(s->easy, CURLOPT_ERRORBUFFER, NULL);
	t->curl->easy_setopt(s->easy, CURLOPT_HTTPHEADER, NULL);
	t->curl->slist_free_all(headers);
	trace_end(t, r, begin);
	return r;
}
