/*
 * An HTTP client over libcurl, which is loaded (dlopen) when the first request
 * is made, so that programs which send none start without its thirty libraries.
 *
 * One client serves any number of threads at once: each request runs in the
 * thread that calls http_do, on a connection of its own from the client's pool;
 * idle connections are kept and re-used, whichever thread made them. Nothing runs
 * between requests.
 *
 * HTTP/1.1. Redirects are followed here and not by libcurl: the Authorization
 * header goes to the origin that it was given for and to no other, https is
 * never left for http, other schemes are refused. Nothing is read from the
 * environment, from ~/.netrc or from a cookie file.
 */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "base/strv.h"

#include <signal.h>

struct err;
struct http_tls;

/* zero is the default everywhere; strings are copied */
struct http_client_options {
	const char *user_agent;            /* NULL: "kist/VERSION" */
	const char *http_proxy;            /* for http URLs: "[http://]host:port"; NULL: none */
	const char *https_proxy;           /* for https URLs */
	const char *no_proxy;              /* hosts that need no proxy, as curl's NO_PROXY */
	unsigned connect_ms;               /* to a connection; 0: 30 s */
	unsigned stall_ms;                 /* without a byte either way; 0: 60 s */
	const volatile sig_atomic_t *stop; /* not 0: requests end with -ERR_INTERRUPTED within
					      about 0.1 s. May be NULL. */
	/* A line per request, answer and redirect, for --debug. Never a header's secret. Any thread. */
	void (*trace)(void *arg, const char *line);
	void *trace_arg;
};

struct http_client;
struct http_client *http_client_new(const struct http_client_options *o);
void http_client_free(struct http_client *c); /* no request may be running */
DEFINE_CLEANUP(struct http_client *, http_client_free)
#define cleanup_http_client cleanup(http_client_free_cleanup)
/* Closes what is kept open. For a caller that is about to fork. No request may be running. */
void http_client_disconnect(struct http_client *c);

struct http_response {
	int status;          /* of the last answer */
	struct strv headers; /* "name: value", names in lower case; trailers are left out */
	struct buf body;     /* what no write callback took; at most max_body, else -ERR_LIMIT */
	char *url;           /* that answered: the end of the redirects */
	uint64_t length;     /* Content-Length; UINT64_MAX when not stated */
	uint64_t received;   /* bytes of the body, over all attempts and redirects */
};
#define HTTP_RESPONSE_INIT \
	{                  \
		0          \
	}
void http_response_release(struct http_response *r);
#define cleanup_http_response cleanup(http_response_release)

struct http_request {
	const char *method; /* NULL: GET */
	const char *url;
	const struct strv *headers; /* "Name: value"; may be NULL */
	const char *authorization;  /* the header's value; NULL: none */
	const struct http_tls *tls; /* NULL: the system's authorities */
	bool plain_http;            /* http is allowed to any host; else to loopback only */
	bool no_redirect;           /* a 3xx is the answer */
	bool range;                 /* ask for bytes from offset on */
	uint64_t offset;

	/* What is sent: body, or read until size bytes were given; UINT64_MAX: until it returns 0
	 * (chunked transfer encoding). */
	const void *body;
	size_t body_len;
	/* Fills at most len bytes that begin at offset; 0: the end; negative: ends the request. Goes
	 * back to 0 when a redirect (307, 308) makes us send again. */
	ssize_t (*read)(void *arg, uint64_t offset, void *p, size_t len, struct err *e);
	uint64_t size;

	/* What comes. head: status, headers, url and length are known (never for a redirect that is
	 * followed); a negative result ends the request. May be NULL. write gets the body of a 2xx
	 * answer; without it, and for any other status, the body is collected. */
	int (*head)(void *arg, const struct http_response *r, struct err *e);
	int (*write)(void *arg, const void *p, size_t len, struct err *e);
	void *arg;       /* of read, head, write */
	size_t max_body; /* of what is collected; 0: LIMIT_HTTP_BODY. An error's body is cut there. */
};

/*
 * Sends one request and follows its redirects; no retries. 0 whatever the status
 * is: look at ret->status. Failures: -EHOSTUNREACH (no such host, no answer within connect_ms), -ECONNREFUSED,
 * -ECONNRESET (cut before the end), -ETIMEDOUT (stall_ms), -EPROTO (TLS failed), -EKEYREJECTED (a
 * certificate, theirs or ours, is not trusted), -EBADMSG (no HTTP at the other end), -ERR_FORMAT (a redirect that is
 * refused), -ERR_LIMIT, -ERR_INTERRUPTED, -ERR_UNSUPPORTED (libcurl is missing; plain HTTP), or
 * the callback's own. ret is initialised by the caller and released first; after a failure
 * it holds what was there (status 0: no answer).
 */
int http_do(struct http_client *c, const struct http_request *rq, struct http_response *ret,
	struct err *e);

/* Whether the same request may soon succeed: -ECONNRESET, -ETIMEDOUT. Not a host that is not there
 * at all: a wrong name should fail at once. */
bool http_error_is_temporary(int r);
/* 408, 429, 500, 502, 503, 504 */
bool http_status_is_temporary(int status);

/* Attempts with back-off: half a second, doubled each time up to 30 s, each a random half more or
 * less, never less than Retry-After (which may say up to LIMIT_HTTP_RETRY_AFTER). */
struct http_retry {
	unsigned left;    /* attempts that remain */
	unsigned attempt; /* that have failed */
	unsigned unit_ms; /* the first wait; 0: 500 */
};
/* How long to wait before the next attempt, in ms; -1 when there is no next: none left, or the
 * server wants more patience than we have. retry_after in seconds; negative: not given. */
int64_t http_retry_next(struct http_retry *t, int64_t retry_after);
/* Sleeps; -ERR_INTERRUPTED when stop was set. */
int http_wait(struct http_client *c, int64_t ms, struct err *e);
