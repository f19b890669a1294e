/* The client, its hosts, and repositories with their endpoints. Requests are in call.c. */
#include "registry/client/client.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/url.h"
#include "registry/client/client_priv.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct registry_client *registry_client_new(const struct registry_client_options *o)
{
	struct registry_client *c = mem_alloc(sizeof(*c));
	struct http_client_options http = {
		.user_agent = o->user_agent,
		.http_proxy = o->http_proxy,
		.https_proxy = o->https_proxy,
		.no_proxy = o->no_proxy,
		.connect_ms = o->connect_ms,
		.stall_ms = o->stall_ms,
		.stop = o->stop,
		.trace = o->trace,
		.trace_arg = o->trace_arg,
	};
	c->http = http_client_new(&http);
	http.stop = NULL;
	http.connect_ms = http.stall_ms = 2000;
	c->farewell = http_client_new(&http);
	c->retries = o->retries == REGISTRY_NO_RETRY ? 0 : o->retries ?: 5;
	c->retry_ms = o->retry_ms;
	c->offline = o->offline;
	c->credentials = o->credentials;
	c->credentials_arg = o->credentials_arg;
	c->notice = o->notice;
	c->notice_arg = o->notice_arg;
	pthread_mutex_init(&c->lock, NULL);
	pthread_mutex_init(&c->credentials_lock, NULL);
	return c;
}

void registry_client_free(struct registry_client *c)
{
	if (!c)
		return;
	while (c->hosts) {
		struct registry_host *h = c->hosts;
		c->hosts = h->next;
		registry_host_free(h);
	}
	http_client_free(c->http);
	http_client_free(c->farewell);
	pthread_mutex_destroy(&c->lock);
	pthread_mutex_destroy(&c->credentials_lock);
	free(c);
}

void registry_notice(struct registry_client *c, const char *fmt, ...)
{
	if (!c->notice)
		return;
	va_list ap;
	va_start(ap, fmt);
	char *line cleanup_free = mem_vprintf(fmt, ap);
	va_end(ap);
	c->notice(c->notice_arg, line);
}

void registry_host_free(struct registry_host *h)
{
	if (!h)
		return;
	while (h->tokens) {
		struct token *t = h->tokens;
		h->tokens = t->next;
		registry_wipe(&t->value);
		free(t->scopes);
		free(t);
	}
	registry_credentials_release(&h->credentials);
	http_tls_free(h->tls);
	pthread_mutex_destroy(&h->auth_lock);
	pthread_mutex_destroy(&h->lock);
	free(h->host);
	free(h->auth_key);
	free(h->realm);
	free(h->service);
	free(h);
}

static int host_new(struct registry_client *c, const struct registry_endpoint *at,
	struct registry_host **ret, struct err *e)
{
	char name[256];
	uint16_t port;
	if (http_host_parse(at->host, name, sizeof(name), &port) < 0)
		return err_set(
			e, ERR_SYNTAX, "'%.200s' is not a registry's host and port", at->host);
	struct registry_host *h = mem_alloc(sizeof(*h));
	pthread_mutex_init(&h->auth_lock, NULL);
	pthread_mutex_init(&h->lock, NULL);
	h->c = c;
	h->host = mem_strdup(at->host);
	h->auth_key = mem_strdup(at->auth_key ?: at->host);
	h->loopback = http_host_loopback(name);
	h->insecure = at->flags & REGISTRY_INSECURE;
	h->tls = http_tls_new();
	http_tls_set_insecure(h->tls, h->insecure);
	int r = 0;
	for (size_t i = 0; r >= 0 && at->cert_dirs && i < at->cert_dirs->n; i++)
		r = http_tls_add_dir(h->tls, at->cert_dirs->v[i], e);
	if (r < 0) {
		registry_host_free(h);
		return err_wrap(e, r, "certificates of '%s'", at->host);
	}
	*ret = h;
	return 0;
}

int registry_host_get(struct registry_client *c, const struct registry_endpoint *at,
	struct registry_host **ret, struct err *e)
{
	const char *key = at->auth_key ?: at->host;
	bool insecure = at->flags & REGISTRY_INSECURE;
	pthread_mutex_lock(&c->lock);
	struct registry_host *h = c->hosts;
	while (h &&
		!(str_eq(h->host, at->host) && str_eq(h->auth_key, key) && h->insecure == insecure))
		h = h->next;
	int r = 0;
	if (!h) {
		r = host_new(c, at, &h, e);
		if (r >= 0) {
			h->next = c->hosts;
			c->hosts = h;
		}
	}
	pthread_mutex_unlock(&c->lock);
	*ret = h;
	return r;
}

int registry_repo_new(struct registry_client *c, const char *name,
	const struct registry_endpoint *endpoints, size_t n, struct registry_repo **ret,
	struct err *e)
{
	struct registry_repo *r = mem_alloc(sizeof(*r));
	r->c = c;
	r->name = mem_strdup(name);
	r->places = mem_array(n ?: 1, sizeof(*r->places));
	pthread_mutex_init(&r->lock, NULL);
	int res = n ? 0 : err_set(e, ERR_NOT_FOUND, "no registry is known for '%s'", name);
	for (size_t i = 0; res >= 0 && i < n; i++) {
		struct registry_place *p = &r->places[i];
		res = registry_host_get(c, &endpoints[i], &p->host, e);
		p->path = mem_strdup(endpoints[i].path);
		p->flags = endpoints[i].flags;
		r->n = i + 1;
	}
	if (res < 0) {
		registry_repo_free(r);
		return res;
	}
	*ret = r;
	return 0;
}

void registry_repo_free(struct registry_repo *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free(r->places[i].path);
	free(r->places);
	free(r->name);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

const char *registry_repo_name(const struct registry_repo *r)
{
	return r->name;
}

const char *registry_repo_host(const struct registry_repo *r)
{
	return r->last;
}

bool registry_repo_answered(struct registry_repo *r, struct registry_where *ret)
{
	pthread_mutex_lock(&r->lock);
	const struct registry_place *p = r->last ? &r->places[r->current] : NULL;
	pthread_mutex_unlock(&r->lock);
	if (p)
		*ret = (struct registry_where){p->host->host, p->path};
	return p;
}

bool registry_repo_pushed(struct registry_repo *r, struct registry_where *ret)
{
	const struct registry_place *p = registry_push_place(r, NULL);
	if (p)
		*ret = (struct registry_where){p->host->host, p->path};
	return p;
}

const struct registry_place *registry_push_place(struct registry_repo *r, struct err *e)
{
	for (size_t i = 0; i < r->n; i++)
		if (!(r->places[i].flags & REGISTRY_MIRROR))
			return &r->places[i];
	err_set(e, ERR_UNSUPPORTED,
		"'%s' is only known through mirrors: nothing can be changed there", r->name);
	return NULL;
}

char *registry_scope(const struct registry_place *at, const char *actions)
{
	return mem_printf("repository:%s:%s", at->path, actions);
}

static bool may_ask(const struct registry_place *p, bool digest)
{
	if (digest)
		return !(p->flags & REGISTRY_TAG_ONLY);
	return !(p->flags & REGISTRY_DIGEST_ONLY);
}

static void answered(struct registry_repo *r, size_t i)
{
	pthread_mutex_lock(&r->lock);
	r->current = i;
	r->last = r->places[i].host->host;
	pthread_mutex_unlock(&r->lock);
}

/* Several places, several failures: all are shown, since any may be the one to mend. */
static int explain_all(
	struct registry_repo *r, struct buf *all, const struct err *last, int code, struct err *e)
{
	err_set(e, -code, "'%s' from none of its places: %s", r->name, buf_str(all));
	if (*last->hint)
		err_hint(e, "%s", last->hint);
	return code;
}

int registry_each_place(struct registry_repo *r, const char *ref,
	int (*fn)(struct registry_repo *r, const struct registry_place *at, void *arg, bool *fatal,
		struct err *e),
	void *arg, struct err *e)
{
	bool digest = oci_digest_valid(ref);
	struct buf all cleanup_buf = BUF_INIT_MAX(1500);
	struct err last = ERR_INIT;
	int res = 0;
	size_t asked = 0;
	pthread_mutex_lock(&r->lock);
	size_t first = r->current;
	pthread_mutex_unlock(&r->lock);
	for (size_t k = 0; k < r->n; k++) {
		/* the current one, then the others in their order */
		size_t i = k == 0 ? first : k <= first ? k - 1 : k;
		if (!may_ask(&r->places[i], digest))
			continue;
		bool fatal = false;
		err_clear(&last);
		res = fn(r, &r->places[i], arg, &fatal, &last);
		if (res >= 0) {
			answered(r, i);
			return res;
		}
		asked++;
		if (fatal || res == -ERR_INTERRUPTED)
			break;
		if (r->n > 1) {
			registry_notice(r->c, "%s", last.msg);
			buf_printf(&all, "%s%s", all.len ? "; " : "", last.msg);
		}
	}
	if (!asked)
		return err_set(e, ERR_NOT_FOUND, "'%s': no place of it may be asked for '%s'",
			r->name, ref);
	if (asked > 1 && res != -ERR_INTERRUPTED)
		return explain_all(r, &all, &last, res, e);
	if (e && !e->code)
		*e = last;
	return res;
}
