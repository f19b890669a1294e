/* A call to a registry: scheme, authorisation, attempts. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header.h"
#include "http/url.h"
#include "registry/client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* 401 twice is normal (a token that has expired, then one with too few rights); more is a loop. */
#define AUTH_ROUNDS 2

static void has_answered(struct registry_host *h, enum host_scheme scheme)
{
	pthread_mutex_lock(&h->lock);
	if (scheme != SCHEME_UNKNOWN)
		h->scheme = scheme;
	h->answered = true;
	pthread_mutex_unlock(&h->lock);
}

static enum host_scheme get_scheme(struct registry_host *h)
{
	pthread_mutex_lock(&h->lock);
	enum host_scheme s = h->scheme;
	pthread_mutex_unlock(&h->lock);
	return s;
}

bool registry_is_home(struct registry_host *h, const struct http_url *u)
{
	struct http_url home cleanup_http_url = HTTP_URL_INIT;
	char *base cleanup_free =
		mem_printf("%s://%s", get_scheme(h) == SCHEME_HTTPS ? "https" : "http", h->host);
	return http_url_parse(base, &home, NULL) >= 0 && http_url_same_origin(u, &home);
}

/* One request in one scheme. Authorization goes only where the registry itself is: an address that
 * it gives (an upload's Location) may be elsewhere. */
static int send_as(const struct registry_call *call, enum host_scheme scheme, const char *auth,
	struct http_response *rs, struct err *e)
{
	struct registry_host *h = call->host;
	char *base cleanup_free =
		mem_printf("%s://%s", scheme == SCHEME_HTTPS ? "https" : "http", h->host);
	char *url cleanup_free =
		call->url ? mem_strdup(call->url) : mem_printf("%s%s", base, call->path);
	struct http_url at cleanup_http_url = HTTP_URL_INIT, home cleanup_http_url = HTTP_URL_INIT;
	int r = http_url_parse(base, &home, e);
	if (r >= 0)
		r = http_url_parse(url, &at, e);
	if (r < 0)
		return r;
	struct http_request rq = call->rq;
	rq.method = call->method;
	rq.url = url;
	rq.headers = call->headers;
	rq.tls = h->tls;
	rq.plain_http = h->insecure;
	rq.authorization = http_url_same_origin(&at, &home) ? auth : NULL;
	return http_do(h->c->http, &rq, rs, e);
}

/* Does the answer to plain HTTP look like that of a TLS server? Go says 400 in so many words, others
 * hang up. */
static bool wants_tls(int r, const struct http_response *rs)
{
	return r == -ECONNRESET || r == -EBADMSG || (r >= 0 && rs->status == 400);
}

static bool wants_plain(int r)
{
	return r == -EPROTO || r == -ECONNREFUSED || r == -ECONNRESET || r == -EBADMSG;
}

/* The first request to a host finds out its scheme; it has no body, and no secret yet. */
static int send_once(
	const struct registry_call *call, const char *auth, struct http_response *rs, struct err *e)
{
	struct registry_host *h = call->host;
	enum host_scheme scheme = get_scheme(h);
	bool known = scheme != SCHEME_UNKNOWN;
	if (!known)
		scheme = h->loopback ? SCHEME_HTTP : SCHEME_HTTPS;
	struct err first = ERR_INIT, second = ERR_INIT;
	int r = send_as(call, scheme, auth, rs, &first);
	if (!known && (h->loopback ? wants_tls(r, rs) : h->insecure && wants_plain(r))) {
		enum host_scheme other = h->loopback ? SCHEME_HTTPS : SCHEME_HTTP;
		struct http_response again cleanup_http_response = HTTP_RESPONSE_INIT;
		int r2 = send_as(call, other, auth, &again, &second);
		/* a certificate that is not trusted is TLS all the same: that is what to say */
		bool better = r2 >= 0 || r2 == -EKEYREJECTED;
		if (better) {
			http_response_release(rs);
			*rs = again;
			again = (struct http_response)HTTP_RESPONSE_INIT;
			r = r2;
			first = second;
			scheme = other;
		}
	}
	if (r == -EPROTO && !known && !h->insecure)
		err_hint(&first,
			"if '%s' speaks plain HTTP and you trust the network: --tls-verify=false, "
			"or insecure for this registry in the configuration",
			h->host);
	/* a whole address (a foreign layer's) has its own scheme, and says nothing about h's */
	if (r >= 0)
		has_answered(h, call->url ? SCHEME_UNKNOWN : scheme);
	else if (e && !e->code)
		*e = first;
	return r;
}

/* 401 and what follows from it. */
static int send_authorised(
	const struct registry_call *call, struct http_response *rs, struct err *e)
{
	struct registry_host *h = call->host;
	if (call->authorization)
		return send_once(call, call->authorization, rs, e);
	for (int round = 0;; round++) {
		char *auth = NULL;
		int r = call->anonymous ? 0 : registry_auth_header(h, call->scopes, &auth, e);
		if (r >= 0)
			r = send_once(call, auth, rs, e);
		bool again = r >= 0 && rs->status == 401 && !call->anonymous && round < AUTH_ROUNDS;
		if (again)
			r = registry_auth_learn(h, rs, call->scopes, auth, e);
		registry_wipe(&auth);
		if (r < 0 || !again || r == 0)
			return r < 0 ? r : 0;
	}
}

/* A place that has answered before is probably only starting again. */
static bool temporary(struct registry_host *h, int r)
{
	pthread_mutex_lock(&h->lock);
	bool answered = h->answered;
	pthread_mutex_unlock(&h->lock);
	return http_error_is_temporary(r) ||
	       (answered && (r == -ECONNREFUSED || r == -EHOSTUNREACH));
}

int registry_pause(struct registry_host *h, struct http_retry *retry, int r,
	const struct http_response *rs, const struct err *why, struct err *e)
{
	int64_t after = -1;
	if (r >= 0 ? !http_status_is_temporary(rs->status) : !temporary(h, r))
		return -1;
	const char *value = r >= 0 ? http_header_get(&rs->headers, "retry-after") : NULL;
	if (value)
		after = http_retry_after(value, clock_now() / CLOCK_NS_PER_S);
	int64_t ms = http_retry_next(retry, after);
	if (ms < 0)
		return -1;
	char text[64];
	snprintf(text, sizeof(text), "status %d", rs->status);
	registry_notice(h->c, "%s: %s, again in %lld.%lld s", h->host, r >= 0 ? text : why->msg,
		(long long)ms / 1000, (long long)ms / 100 % 10);
	return http_wait(h->c->http, ms, e);
}

int registry_do(const struct registry_call *call, struct http_response *ret, struct err *e)
{
	struct registry_host *h = call->host;
	struct http_retry retry = {
		.left = call->once ? 0 : h->c->retries,
		.unit_ms = h->c->retry_ms,
	};
	if (h->c->offline && !h->loopback) {
		err_set(e, ERR_UNSUPPORTED, "%s: not asked, since kist is set to work offline",
			h->host);
		return -ERR_UNSUPPORTED;
	}
	for (;;) {
		struct err why = ERR_INIT;
		int r = send_authorised(call, ret, &why);
		int pause = registry_pause(h, &retry, r, ret, &why, e);
		if (pause == 0)
			continue;
		if (pause != -1)
			return pause;
		if (r < 0 && e && !e->code)
			*e = why;
		return r;
	}
}
