/* Token servers: docker's token specification (GET, basic authentication) and its OAuth2 form (POST, for
 * identity tokens). */
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/url.h"
#include "oci/json.h"
#include "registry/client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLIENT_ID "kist"

void registry_token_answer_release(struct registry_token_answer *a)
{
	registry_wipe(&a->token);
	registry_wipe(&a->refresh);
	*a = (struct registry_token_answer){0};
}

/* A token goes into a header line: RFC 6750's characters (b64token), and no others. */
static int check_token(const char *s, struct err *e)
{
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return err_set(
				e, ERR_FORMAT, "the token has a byte that no header may have");
	return *s ? 0 : err_set(e, ERR_FORMAT, "the token is empty");
}

static int read_answer(json_t *doc, struct registry_token_answer *ret, struct err *e)
{
	static const char where[] = "token answer";
	const char *token = NULL, *access = NULL, *refresh = NULL;
	int64_t expires = 0;
	int r = oci_json_string(doc, where, "token", &token, e);
	if (r >= 0)
		r = oci_json_string(doc, where, "access_token", &access, e);
	if (r >= 0)
		r = oci_json_string(doc, where, "refresh_token", &refresh, e);
	if (r < 0)
		return r;
	/* a time that makes no sense is no time */
	if (oci_json_i64(doc, where, "expires_in", &expires, NULL) < 0 || expires < 0)
		expires = 0;
	if (str_empty(token))
		token = access;
	if (!token)
		return err_set(e, ERR_FORMAT, "%s: neither token nor access_token", where);
	r = check_token(token, e);
	if (r < 0)
		return r;
	ret->token = mem_strdup(token);
	ret->refresh = str_empty(refresh) ? NULL : mem_strdup(refresh);
	ret->expires_in = MIN(expires, INT32_MAX);
	return 0;
}

int registry_token_parse(
	const char *bytes, size_t len, struct registry_token_answer *ret, struct err *e)
{
	json_t *doc cleanup_json = NULL;
	int r = oci_json_parse(bytes, len, LIMIT_TOKEN, "token answer", &doc, e);
	if (r < 0)
		return r;
	if (!json_is_object(doc))
		return err_set(e, ERR_FORMAT, "token answer: expected an object");
	*ret = (struct registry_token_answer){0};
	return read_answer(doc, ret, e);
}

static void form_add(struct buf *b, const char *name, const char *value)
{
	if (b->len)
		buf_add_char(b, '&');
	buf_printf(b, "%s=", name);
	http_url_encode(b, value);
}

/* POST: what is secret stands in the body. */
static void make_form(const struct registry_host *h, const struct registry_credentials *with,
	const char *scopes, bool offline, struct buf *out)
{
	if (with->identity_token) {
		form_add(out, "grant_type", "refresh_token");
		form_add(out, "refresh_token", with->identity_token);
	} else {
		form_add(out, "grant_type", "password");
		form_add(out, "username", with->username ?: "");
		form_add(out, "password", with->password ?: "");
		if (offline)
			form_add(out, "access_type", "offline");
	}
	if (h->service)
		form_add(out, "service", h->service);
	form_add(out, "client_id", CLIENT_ID);
	if (*scopes)
		form_add(out, "scope", scopes);
}

static void add_query(const struct registry_host *h, const struct registry_credentials *with,
	const char *scopes, bool offline, struct http_url *u)
{
	if (h->service)
		http_url_add_query(u, "service", h->service);
	for (const char *s = scopes; *s;) {
		s += strspn(s, " ");
		size_t len = strcspn(s, " ");
		char *scope cleanup_free = mem_strndup(s, len);
		if (len)
			http_url_add_query(u, "scope", scope);
		s += len;
	}
	if (with && with->username)
		http_url_add_query(u, "account", with->username);
	if (offline) {
		http_url_add_query(u, "offline_token", "true");
		http_url_add_query(u, "client_id", CLIENT_ID);
	}
}

/* One exchange; ret_rs has the answer. */
static int ask(struct registry_host *h, const struct http_url *realm,
	const struct registry_credentials *with, const char *scopes, bool offline, bool post,
	struct http_response *rs, struct err *e)
{
	struct http_url url cleanup_http_url = HTTP_URL_INIT;
	struct buf form = BUF_INIT;
	struct strv headers cleanup_strv = STRV_INIT;
	char *auth = NULL;
	http_url_copy(&url, realm);
	/* a redirect would carry what the form says to another server */
	struct http_request rq = {
		.tls = h->tls,
		.plain_http = h->insecure,
		.max_body = LIMIT_TOKEN,
		.headers = &headers,
		.no_redirect = post,
	};
	if (post) {
		make_form(h, with, scopes, offline, &form);
		strv_add(&headers, "Content-Type: application/x-www-form-urlencoded");
		rq.method = "POST";
		rq.body = form.data;
		rq.body_len = form.len;
	} else {
		add_query(h, with, scopes, offline, &url);
		if (with)
			rq.authorization = auth = registry_basic(with);
	}
	strv_add(&headers, "Accept: application/json");
	char *text cleanup_free = http_url_text(&url);
	rq.url = text;
	struct http_retry retry = {.left = h->c->retries, .unit_ms = h->c->retry_ms};
	int r;
	do {
		struct err why = ERR_INIT;
		r = http_do(h->c->http, &rq, rs, &why);
		int pause = registry_pause(h, &retry, r, rs, &why, e);
		if (pause == 0)
			continue;
		if (pause != -1)
			r = pause;
		else if (r < 0 && e && !e->code)
			*e = why;
		break;
	} while (true);
	registry_wipe(&auth);
	if (form.data)
		explicit_bzero(form.data, form.len);
	buf_release(&form);
	return r;
}

static int refused(struct registry_host *h, const struct http_url *realm,
	const struct registry_credentials *with, const struct http_response *rs, struct err *e)
{
	if (rs->status != 401 && rs->status != 403 && rs->status != 400)
		return registry_refuse(h, "a token", rs, e);
	if (!with) {
		err_set(e, EACCES, "%s gives no token without a login", h->host);
		err_hint(e, "log in: kist login %s", h->host);
	} else if (with->identity_token) {
		err_set(e, EACCES, "%s: its token server '%s' does not take the identity token",
			h->host, realm->host);
		err_hint(e, "it may have expired; log in again: kist login %s", h->host);
	} else {
		err_set(e, EACCES, "%s: its token server '%s' refuses user '%s' and the password",
			h->host, realm->host, with->username ?: "");
		err_hint(e, "log in again: kist login %s", h->host);
	}
	return -EACCES;
}

/* Where the registry sends us for a token: passwords go there. */
static int check_realm(struct registry_host *h, struct http_url *realm, struct err *e)
{
	int r = http_url_parse(h->realm, realm, e);
	if (r < 0)
		return err_wrap(e, r, "%s: its token server", h->host);
	if (!realm->tls && !h->insecure && !(h->loopback && http_host_loopback(realm->host))) {
		err_set(e, ERR_UNSUPPORTED, "%s: its token server '%s' speaks plain HTTP: refused",
			h->host, realm->host);
		err_hint(e, "if you trust the network, mark the registry as insecure");
		return -ERR_UNSUPPORTED;
	}
	return 0;
}

int registry_token_fetch(struct registry_host *h, const struct registry_credentials *with,
	const char *scopes, bool offline, struct registry_token_answer *ret, struct err *e)
{
	struct http_url realm cleanup_http_url = HTTP_URL_INIT;
	struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
	int r = check_realm(h, &realm, e);
	if (r < 0)
		return r;
	bool post = with && with->identity_token;
	r = ask(h, &realm, with, scopes, offline, post, &rs, e);
	/* a server that only has the OAuth2 form */
	if (r >= 0 && !post && with && (rs.status == 404 || rs.status == 405))
		r = ask(h, &realm, with, scopes, offline, true, &rs, e);
	if (r < 0)
		return err_wrap(e, r, "%s: its token server", h->host);
	if (rs.status != 200)
		return refused(h, &realm, with, &rs, e);
	r = registry_token_parse(buf_str(&rs.body), rs.body.len, ret, e);
	if (rs.body.data)
		explicit_bzero(rs.body.data, rs.body.len);
	return r < 0 ? err_wrap(e, r, "%s: its token server", h->host) : 0;
}
