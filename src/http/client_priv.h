/* The client's inside, shared by client.c (the pool), request.c (redirects) and transfer.c (libcurl). */
#pragma once

#include "http/client.h"
#include "http/curl_priv.h"
#include "http/url.h"

#include <pthread.h>

/* One handle with its connections. A multi handle each, since that is what can be stopped at once. */
struct http_slot {
	struct http_slot *next;
	CURLM *multi;
	CURL *easy;
	char *origin; /* "https://host:443", where it was last: likely still connected */
};

struct http_client {
	char *user_agent, *http_proxy, *https_proxy, *no_proxy;
	int64_t connect_ms, stall_ms;
	const volatile sig_atomic_t *stop;
	void (*trace)(void *arg, const char *line);
	void *trace_arg;
	pthread_mutex_t lock; /* of idle */
	struct http_slot *idle;
};

/* One attempt at one URL. */
struct http_transfer {
	struct http_client *c;
	const struct http_curl *curl;
	const struct http_request *rq;
	struct http_response *rs;
	struct err *e;
	const struct http_url *url;
	bool first_origin; /* url is where the request was meant to go: secrets may be sent */
	bool follow;       /* a redirect's answer is not the caller's */

	/* running */
	bool head_done, streaming, cut; /* cut: enough was read of an error's body */
	int failed;                     /* a callback's negative result */
	size_t header_bytes;
	uint64_t sent;     /* offset in the request's body */
	int64_t last_move; /* clock_monotonic of the last byte either way */
};

bool http_stopped(const struct http_client *c);
void http_trace(const struct http_client *c, const char *fmt, ...) printf_like(2, 3);
/* For messages: without the query, which may hold a signature. The caller frees. */
char *http_url_shown(const struct http_url *u) must_check;

struct http_slot *http_slot_take(struct http_client *c, const struct http_curl *curl,
	const struct http_url *url, struct err *e);
void http_slot_give(struct http_client *c, struct http_slot *s);

/* Runs it; 0 or http_do's codes. */
int http_transfer_run(struct http_transfer *t, struct http_slot *s);
/* A redirect: 301, 302, 303, 307, 308 with a Location. */
bool http_is_redirect(const struct http_response *rs);
