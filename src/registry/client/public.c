/* A document that everybody may read; see the header. */
#include "registry/client/public.h"

#include "base/clock.h"
#include "base/err.h"
#include "http/header.h"
#include "http/url.h"
#include "registry/client/client_priv.h"

#include <errno.h>

static int64_t pause_of(const struct http_response *rs)
{
	const char *text = http_header_get(&rs->headers, "retry-after");
	return text ? http_retry_after(text, clock_now() / CLOCK_NS_PER_S) : -1;
}

int registry_get_public(struct registry_client *c, const char *url, struct buf *b, struct err *e)
{
	const struct http_request rq = {.url = url, .max_body = b->max};
	struct http_url u cleanup_http_url = HTTP_URL_INIT;
	int k = http_url_parse(url, &u, e);
	if (k < 0)
		return k;
	if (c->offline && !http_host_loopback(u.host))
		return err_set(e, ERR_UNSUPPORTED, "'%s' is not fetched: offline", url);
	struct http_retry retry = {.left = c->retries, .unit_ms = c->retry_ms};
	for (;;) {
		struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
		struct err why = ERR_INIT;
		int r = http_do(c->http, &rq, &rs, &why);
		bool again =
			r < 0 ? http_error_is_temporary(r) : http_status_is_temporary(rs.status);
		int64_t wait = again ? http_retry_next(&retry, pause_of(&rs)) : -1;
		if (wait >= 0 && (r = http_wait(c->http, wait, e)) >= 0)
			continue;
		if (r < 0 && e && !e->code)
			*e = why;
		if (r < 0)
			return r;
		if (rs.status == 404 || rs.status == 410)
			return err_set(e, ERR_NOT_FOUND, "'%s' is not there", url);
		if (rs.status != 200)
			return err_set(e, EBUSY, "'%s': status %d", url, rs.status);
		return buf_add(b, rs.body.data, rs.body.len);
	}
}
