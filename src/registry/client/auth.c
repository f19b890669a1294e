/* Who we are to a registry: its challenge, our credentials, the tokens that it took. The exchange with
 * a token server is in token.c. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header.h"
#include "registry/client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define NS 1000000000LL
/* Docker's token specification: a token without a time is good for a minute at least. */
#define EXPIRES_LEAST 60

void registry_wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

/* RFC 4648 */
static void base64(const char *s, size_t len, char *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < len; i += 3) {
		unsigned v = (unsigned)(unsigned char)s[i] << 16;
		v |= i + 1 < len ? (unsigned)(unsigned char)s[i + 1] << 8 : 0;
		v |= i + 2 < len ? (unsigned char)s[i + 2] : 0;
		*out++ = digits[v >> 18];
		*out++ = digits[v >> 12 & 63];
		*out++ = i + 1 < len ? digits[v >> 6 & 63] : '=';
		*out++ = i + 2 < len ? digits[v & 63] : '=';
	}
	*out = 0;
}

/* RFC 7617 */
char *registry_basic(const struct registry_credentials *c)
{
	char *pair = mem_printf("%s:%s", c->username ?: "", c->password ?: "");
	size_t len = strlen(pair);
	char *out = mem_alloc(6 + (len + 2) / 3 * 4 + 1);
	memcpy(out, "Basic ", 6);
	base64(pair, len, out + 6);
	registry_wipe(&pair);
	return out;
}

int registry_auth_credentials(struct registry_host *h, struct err *e)
{
	if (h->asked || !h->c->credentials)
		return h->have_credentials;
	pthread_mutex_lock(&h->c->credentials_lock);
	int r = h->c->credentials(h->c->credentials_arg, h->auth_key, &h->credentials, e);
	pthread_mutex_unlock(&h->c->credentials_lock);
	if (r < 0)
		return err_wrap(e, r, "credentials for '%s'", h->auth_key);
	h->asked = true;
	h->have_credentials = r > 0;
	return r;
}

/* One scope, len bytes, "type:name:actions": whether have has the same name and all its actions. */
static bool scope_covers(const char *have, size_t have_len, const char *want, size_t want_len)
{
	const char *h = memrchr(have, ':', have_len), *w = memrchr(want, ':', want_len);
	if (!h || !w || h - have != w - want || memcmp(have, want, (size_t)(w - want)) != 0)
		return false;
	const char *h_end = have + have_len, *w_end = want + want_len;
	for (const char *a = w + 1; a < w_end;) {
		size_t len = 0;
		while (a + len < w_end && a[len] != ',')
			len++;
		bool found = false;
		for (const char *b = h + 1; b < h_end && !found;) {
			size_t n = 0;
			while (b + n < h_end && b[n] != ',')
				n++;
			found = n == len && memcmp(a, b, n) == 0;
			b += n + 1;
		}
		if (!found)
			return false;
		a += len + 1;
	}
	return true;
}

bool registry_scopes_cover(const char *have, const char *want)
{
	for (const char *w = want; *w;) {
		w += strspn(w, " ");
		size_t len = strcspn(w, " ");
		bool found = len == 0;
		for (const char *h = have; *h && !found;) {
			h += strspn(h, " ");
			size_t n = strcspn(h, " ");
			found = scope_covers(h, n, w, len);
			h += n;
		}
		if (!found)
			return false;
		w += len;
	}
	return true;
}

static const char *find_token(const struct registry_host *h, const char *scopes)
{
	int64_t now = clock_monotonic();
	for (const struct token *t = h->tokens; t; t = t->next)
		if (t->expires > now && registry_scopes_cover(t->scopes, scopes) &&
			(*scopes || !*t->scopes))
			return t->value;
	return NULL;
}

static void drop_token(struct registry_host *h, const char *value)
{
	struct token **at = &h->tokens;
	while (*at) {
		struct token *t = *at;
		if (!str_eq(t->value, value)) {
			at = &t->next;
			continue;
		}
		*at = t->next;
		registry_wipe(&t->value);
		free(t->scopes);
		free(t);
	}
}

static void keep_token(
	struct registry_host *h, const char *scopes, const struct registry_token_answer *a)
{
	int64_t seconds = MAX(a->expires_in, EXPIRES_LEAST);
	struct token *t = mem_alloc(sizeof(*t));
	t->scopes = mem_strdup(scopes);
	t->value = mem_strdup(a->token);
	/* a little early: the registry's clock and the request's way count, too */
	t->expires = clock_monotonic() + (seconds - MIN(seconds / 10, 30)) * NS;
	t->next = h->tokens;
	h->tokens = t;
}

static bool only_pulls(const char *scopes)
{
	return !strstr(scopes, "push") && !strstr(scopes, "delete");
}

/* A token for asked, kept for wanted. Refused credentials: what is public can be had without. */
static int new_token(struct registry_host *h, const char *wanted, const char *asked, struct err *e)
{
	struct registry_token_answer a = {0};
	int r = registry_auth_credentials(h, e);
	if (r < 0)
		return r;
	bool with = h->have_credentials && !h->credentials_refused;
	if (with && h->credentials.registry_token) {
		a.token = mem_strdup(h->credentials.registry_token);
		a.expires_in = INT32_MAX;
		r = 0;
	} else if (with) {
		struct err refused = ERR_INIT;
		r = registry_token_fetch(h, &h->credentials, asked, false, &a, &refused);
		if (r == -EACCES && only_pulls(asked)) {
			registry_notice(h->c, "%s; trying without", refused.msg);
			h->credentials_refused = true;
			r = registry_token_fetch(h, NULL, asked, false, &a, NULL);
		}
		if (r < 0 && e && !e->code)
			*e = refused;
	} else {
		r = registry_token_fetch(h, NULL, asked, false, &a, e);
	}
	if (r >= 0)
		keep_token(h, wanted, &a);
	registry_token_answer_release(&a);
	return r;
}

static int header_locked(struct registry_host *h, const char *scopes, char **ret, struct err *e)
{
	*ret = NULL;
	if (h->auth == AUTH_BASIC) {
		int r = registry_auth_credentials(h, e);
		if (r > 0)
			*ret = registry_basic(&h->credentials);
		return r < 0 ? r : 0;
	}
	if (h->auth != AUTH_BEARER)
		return 0;
	const char *token = find_token(h, scopes);
	if (!token) {
		int r = new_token(h, scopes, scopes, e);
		if (r < 0)
			return r;
		token = find_token(h, scopes);
	}
	if (token)
		*ret = mem_printf("Bearer %s", token);
	return 0;
}

int registry_auth_header(struct registry_host *h, const char *scopes, char **ret, struct err *e)
{
	pthread_mutex_lock(&h->auth_lock);
	int r = header_locked(h, scopes ?: "", ret, e);
	pthread_mutex_unlock(&h->auth_lock);
	return r;
}

static void replace(char **s, const char *value)
{
	char *copy = mem_strdup(value);
	free(*s);
	*s = copy;
}

int registry_auth_realm(struct registry_host *h, const struct http_challenge *c, struct err *e)
{
	const char *realm = http_challenge_param(c, "realm");
	if (str_empty(realm))
		return err_set(e, ERR_FORMAT, "%s: its challenge names no token server", h->host);
	replace(&h->realm, realm);
	replace(&h->service, http_challenge_param(c, "service"));
	h->auth = AUTH_BEARER;
	return 0;
}

static int learn_bearer(struct registry_host *h, const struct http_challenge *c, const char *scopes,
	const char *used, struct err *e)
{
	const char *more = http_challenge_param(c, "scope");
	int r = registry_auth_realm(h, c, e);
	if (r < 0)
		return r;
	if (used && str_starts(used, "Bearer "))
		drop_token(h, used + 7);
	/* another thread met the same answer and has a token by now */
	if (find_token(h, scopes))
		return 1;
	bool covered = str_empty(more) || registry_scopes_cover(scopes, more);
	char *all cleanup_free = covered ? mem_strdup(scopes)
					 : mem_printf("%s%s%s", scopes, *scopes ? " " : "", more);
	r = new_token(h, scopes, all, e);
	return r < 0 ? r : 1;
}

static int learn_basic(struct registry_host *h, const char *used, struct err *e)
{
	h->auth = AUTH_BASIC;
	if (used && str_starts(used, "Basic "))
		return 0;
	return registry_auth_credentials(h, e);
}

int registry_auth_challenges(struct registry_host *h, const struct http_response *rs,
	struct http_challenges *ret, struct err *e)
{
	const char *value;
	for (size_t i = 0; (value = http_header_nth(&rs->headers, "www-authenticate", i)); i++) {
		int r = http_challenges_parse(value, ret, e);
		if (r < 0)
			return err_wrap(e, r, "%s", h->host);
	}
	if (ret->n && !http_challenges_get(ret, "bearer") && !http_challenges_get(ret, "basic"))
		return err_set(e, ERR_UNSUPPORTED,
			"%s asks for '%.60s' authentication: only basic and bearer are known",
			h->host, ret->v[0].scheme);
	return 0;
}

int registry_auth_learn(struct registry_host *h, const struct http_response *rs, const char *scopes,
	const char *used, struct err *e)
{
	struct http_challenges list cleanup_http_challenges = HTTP_CHALLENGES_INIT;
	int r = registry_auth_challenges(h, rs, &list, e);
	if (r < 0 || list.n == 0)
		return r;
	const struct http_challenge *bearer = http_challenges_get(&list, "bearer");
	pthread_mutex_lock(&h->auth_lock);
	r = bearer ? learn_bearer(h, bearer, scopes ?: "", used, e) : learn_basic(h, used, e);
	pthread_mutex_unlock(&h->auth_lock);
	return r;
}
