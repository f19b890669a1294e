/* A request and its redirects: who may be asked, what they may see. */
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/client_priv.h"
#include "http/header.h"

#include <stdlib.h>
#include <string.h>

bool http_is_redirect(const struct http_response *rs)
{
	int s = rs->status;
	return (s == 301 || s == 302 || s == 303 || s == 307 || s == 308) &&
	       http_header_get(&rs->headers, "location");
}

/* Plain text goes nowhere but to this machine, unless the user said so. */
static int check_plain(const struct http_request *rq, const struct http_url *u, struct err *e)
{
	if (u->tls || rq->plain_http || http_host_loopback(u->host))
		return 0;
	err_set(e, ERR_UNSUPPORTED, "plain HTTP to '%s' is not allowed", u->host);
	err_hint(e, "if you trust the network, allow it: --tls-verify=false, or insecure for this "
		    "registry in the configuration");
	return -ERR_UNSUPPORTED;
}

static int check_redirect(const struct http_request *rq, int status, const struct http_url *from,
	const struct http_url *to, struct err *e)
{
	if (from->tls && !to->tls)
		return err_set(e, ERR_FORMAT,
			"'%s' redirects from https to plain http ('%s'): refused", from->host,
			to->host);
	bool reads = !rq->method || str_eq(rq->method, "GET") || str_eq(rq->method, "HEAD");
	if (!reads && status != 307 && status != 308)
		return err_set(e, ERR_FORMAT, "'%s' redirects a %s with status %d: refused",
			from->host, rq->method, status);
	return check_plain(rq, to, e);
}

/* What the answer before left behind. received counts on. */
static void forget_answer(struct http_response *rs)
{
	strv_release(&rs->headers);
	buf_clear(&rs->body);
	rs->status = 0;
	rs->length = UINT64_MAX;
}

static int one_hop(struct http_client *c, const struct http_request *rq, struct http_response *rs,
	const struct http_url *url, bool first_origin, struct err *e)
{
	const struct http_curl *curl = http_curl_load(e);
	if (!curl)
		return -ERR_UNSUPPORTED;
	struct http_slot *slot = http_slot_take(c, curl, url, e);
	if (!slot)
		return -ERR_UNSUPPORTED;
	forget_answer(rs);
	struct http_transfer t = {
		.c = c,
		.curl = curl,
		.rq = rq,
		.rs = rs,
		.e = e,
		.url = url,
		.first_origin = first_origin,
		.follow = !rq->no_redirect,
	};
	int r = http_transfer_run(&t, slot);
	http_slot_give(c, slot);
	return r;
}

static int run(struct http_client *c, const struct http_request *rq, struct http_response *rs,
	const struct http_url *first, struct http_url *url, struct err *e)
{
	for (int hops = 0;; hops++) {
		int r = one_hop(c, rq, rs, url, http_url_same_origin(first, url), e);
		free(rs->url);
		rs->url = http_url_text(url);
		if (r < 0 || rq->no_redirect || !http_is_redirect(rs))
			return r;
		if (hops == LIMIT_HTTP_REDIRECTS)
			return err_set(e, ERR_LIMIT, "'%s' redirects more than %d times",
				first->host, LIMIT_HTTP_REDIRECTS);
		struct http_url next cleanup_http_url = HTTP_URL_INIT;
		r = http_url_resolve(url, http_header_get(&rs->headers, "location"), &next, e);
		if (r < 0)
			return err_wrap(e, r, "redirect of '%s'", url->host);
		r = check_redirect(rq, rs->status, url, &next, e);
		if (r < 0)
			return r;
		http_url_copy(url, &next);
	}
}

int http_do(struct http_client *c, const struct http_request *rq, struct http_response *ret,
	struct err *e)
{
	struct http_url first cleanup_http_url = HTTP_URL_INIT,
			      url cleanup_http_url = HTTP_URL_INIT;
	http_response_release(ret);
	ret->body.max = rq->max_body ?: LIMIT_HTTP_BODY;
	int r = http_url_parse(rq->url, &first, e);
	if (r >= 0)
		r = check_plain(rq, &first, e);
	if (r < 0)
		return r;
	http_url_copy(&url, &first);
	return run(c, rq, ret, &first, &url, e);
}
