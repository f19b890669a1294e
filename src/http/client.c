/* The client object: options, the pool of handles, waiting. Requests are in request.c. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/client_priv.h"

#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct http_client *http_client_new(const struct http_client_options *o)
{
	struct http_client *c = mem_alloc(sizeof(*c));
	c->user_agent = mem_strdup(o->user_agent ?: "kist/" KIST_VERSION);
	c->http_proxy = mem_strdup(o->http_proxy);
	c->https_proxy = mem_strdup(o->https_proxy);
	c->no_proxy = mem_strdup(o->no_proxy);
	c->connect_ms = o->connect_ms ?: 30 * 1000;
	c->stall_ms = o->stall_ms ?: 60 * 1000;
	c->stop = o->stop;
	c->trace = o->trace;
	c->trace_arg = o->trace_arg;
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

static void slot_free(const struct http_curl *curl, struct http_slot *s)
{
	if (s->easy)
		curl->easy_cleanup(s->easy);
	if (s->multi)
		curl->multi_cleanup(s->multi);
	free(s->origin);
	free(s);
}

void http_client_disconnect(struct http_client *c)
{
	struct http_slot *next;
	for (struct http_slot *s = c->idle; s; s = next) {
		next = s->next;
		slot_free(http_curl_load(NULL), s); /* loaded, or there were no slot */
	}
	c->idle = NULL;
}

void http_client_free(struct http_client *c)
{
	if (!c)
		return;
	http_client_disconnect(c);
	pthread_mutex_destroy(&c->lock);
	free(c->user_agent);
	free(c->http_proxy);
	free(c->https_proxy);
	free(c->no_proxy);
	free(c);
}

void http_response_release(struct http_response *r)
{
	strv_release(&r->headers);
	buf_release(&r->body);
	free(r->url);
	*r = (struct http_response)HTTP_RESPONSE_INIT;
}

bool http_stopped(const struct http_client *c)
{
	return c->stop && *c->stop;
}

void http_trace(const struct http_client *c, const char *fmt, ...)
{
	if (!c->trace)
		return;
	va_list ap;
	va_start(ap, fmt);
	char *line cleanup_free = mem_vprintf(fmt, ap);
	va_end(ap);
	/* what a server sent must not reach a terminal as it is */
	for (char *p = line; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	c->trace(c->trace_arg, line);
}

char *http_url_shown(const struct http_url *u)
{
	struct http_url shown = *u;
	shown.query = NULL;
	return http_url_text(&shown);
}

static char *origin_of(const struct http_url *u)
{
	return mem_printf("%s://%s:%u", u->tls ? "https" : "http", u->host, u->port);
}

static struct http_slot *slot_new(const struct http_curl *curl, struct err *e)
{
	struct http_slot *s = mem_alloc(sizeof(*s));
	s->easy = curl->easy_init();
	s->multi = curl->multi_init();
	if (s->easy && s->multi) {
		curl->multi_setopt(s->multi, CURLMOPT_MAXCONNECTS, 4L);
		return s;
	}
	slot_free(curl, s);
	err_set(e, ERR_UNSUPPORTED, "libcurl gives no handle");
	return NULL;
}

/* One that was at this origin before any other: it has a connection there. */
struct http_slot *http_slot_take(struct http_client *c, const struct http_curl *curl,
	const struct http_url *url, struct err *e)
{
	char *origin cleanup_free = origin_of(url);
	pthread_mutex_lock(&c->lock);
	struct http_slot **at = &c->idle;
	while (*at && !str_eq((*at)->origin, origin))
		at = &(*at)->next;
	if (!*at)
		at = &c->idle;
	struct http_slot *s = *at;
	if (s)
		*at = s->next;
	pthread_mutex_unlock(&c->lock);
	if (!s)
		s = slot_new(curl, e);
	if (s) {
		free(s->origin);
		s->origin = STEAL(origin);
	}
	return s;
}

void http_slot_give(struct http_client *c, struct http_slot *s)
{
	pthread_mutex_lock(&c->lock);
	s->next = c->idle;
	c->idle = s;
	pthread_mutex_unlock(&c->lock);
}

/* In slices: a signal may reach another thread, and would not end this one's sleep. */
int http_wait(struct http_client *c, int64_t ms, struct err *e)
{
	int64_t end = clock_monotonic() + ms * 1000000;
	for (;;) {
		if (http_stopped(c))
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		int64_t left = (end - clock_monotonic() + 999999) / 1000000;
		if (left <= 0)
			return 0;
		poll(NULL, 0, (int)MIN(left, 100));
	}
}
