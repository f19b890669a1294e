/* The client's inside: hosts with their scheme and authorisation, calls, repositories. */
#pragma once

#include "base/buf.h"
#include "base/strv.h"
#include "http/challenge.h"
#include "http/client.h"
#include "http/tls.h"
#include "http/url.h"
#include "registry/client/client.h"

#include <pthread.h>

struct err;

enum auth_kind {
	AUTH_UNKNOWN, /* not asked for yet: send without */
	AUTH_BASIC,
	AUTH_BEARER,
};

struct token {
	char *scopes; /* that it was asked for, separated by blanks */
	char *value;
	int64_t expires; /* clock_monotonic */
	struct token *next;
};

enum host_scheme {
	SCHEME_UNKNOWN,
	SCHEME_HTTP,
	SCHEME_HTTPS,
};

/* A registry's host and what has been learnt about it. Lives as long as its client. */
struct registry_host {
	struct registry_host *next;
	struct registry_client *c;
	char *host, *auth_key; /* "127.0.0.1:5000" */
	bool loopback, insecure;
	struct http_tls *tls;

	/* Held while a token is fetched, so that eight blobs ask for one token: the holder watches
	 * the stop flag and ends soon. */
	pthread_mutex_t auth_lock;
	enum auth_kind auth;
	char *realm, *service;
	struct token *tokens;
	bool asked, have_credentials, credentials_refused;
	struct registry_credentials credentials;

	pthread_mutex_t lock; /* of the two below */
	enum host_scheme scheme;
	bool answered; /* at least once: from then on a refused connection may be a restart */
};

struct registry_client {
	struct http_client *http;
	struct http_client *farewell; /* cancels uploads, even when we were told to stop */
	unsigned retries, retry_ms;
	bool offline;
	int (*credentials)(
		void *arg, const char *auth_key, struct registry_credentials *ret, struct err *e);
	void *credentials_arg;
	void (*notice)(void *arg, const char *line);
	void *notice_arg;
	pthread_mutex_t lock;             /* of hosts */
	pthread_mutex_t credentials_lock; /* around the callback: it may ask a terminal */
	struct registry_host *hosts;
};

struct registry_place {
	struct registry_host *host;
	char *path;
	enum registry_endpoint_flags flags;
};

struct registry_repo {
	struct registry_client *c;
	char *name;
	struct registry_place *places;
	size_t n;
	pthread_mutex_t lock; /* of the two below */
	size_t current;       /* asked first */
	const char *last;     /* host that answered last: of a host, so never freed before */
};

/* The host of an endpoint: found or made. */
int registry_host_get(struct registry_client *c, const struct registry_endpoint *at,
	struct registry_host **ret, struct err *e);
void registry_host_free(struct registry_host *h);
void registry_notice(struct registry_client *c, const char *fmt, ...) printf_like(2, 3);

/* ---- calls ---- */

struct registry_call {
	struct registry_host *host;
	const char *method;         /* NULL: GET */
	const char *path;           /* "/v2/...", with query; or: */
	const char *url;            /* a whole address that the registry gave */
	const char *scopes;         /* separated by blanks; NULL: none */
	const struct strv *headers; /* or NULL */
	bool once;                  /* no retries here: the caller goes on in its own way */
	const char *authorization;  /* this and no other; NULL: as the registry wants it */
	bool anonymous;             /* no Authorization at all */
	struct http_request rq; /* body, read, size, range, offset, head, write, arg, max_body */
};
/* Does it, with authorisation and retries. 0 whatever the status is (but a 401 that no
 * credentials mend, and 429 or 5xx to the end, are errors). ret as for http_do. */
int registry_do(const struct registry_call *call, struct http_response *ret, struct err *e);
/* Whether u is at h itself, in the scheme that it has: secrets may go there. */
bool registry_is_home(struct registry_host *h, const struct http_url *u);

/* The error of an answer that is not what was hoped for. subject: what was asked for, in words
 * ("manifest 'latest' of 'docker.io/library/x'"). Always negative. */
int registry_refuse(const struct registry_host *h, const char *subject,
	const struct http_response *rs, struct err *e);
/* The address of the page that follows, in *url (freed first); NULL when rs was the last. Always at
 * the origin of rs. */
int registry_next_page(const struct http_response *rs, char **url, struct err *e);
/* Server's text made fit for a terminal: one line, at most size - 1 bytes. */
void registry_clean_text(const char *s, char *out, size_t size);

/* Waits as retry says; -1 when it should not be tried again, 0, or -ERR_INTERRUPTED. rs may be
 * without an answer, r is http_do's result. */
int registry_pause(struct registry_host *h, struct http_retry *retry, int r,
	const struct http_response *rs, const struct err *why, struct err *e);

/* ---- authorisation (auth.c, token.c) ---- */

/* The Authorization value for scopes; NULL: send none. 0 or negative. The caller wipes and frees. */
int registry_auth_header(struct registry_host *h, const char *scopes, char **ret, struct err *e);
/* After a 401: learns from its challenges, drops the token used (used: the header's value, or
 * NULL). 1: try again, 0: nothing more can be tried (the answer stands), negative: an error. */
int registry_auth_learn(struct registry_host *h, const struct http_response *rs, const char *scopes,
	const char *used, struct err *e);
/* The challenges of an answer; an answer that wants what we do not know is an error. */
int registry_auth_challenges(struct registry_host *h, const struct http_response *rs,
	struct http_challenges *ret, struct err *e);
/* Notes the token server that a bearer challenge names. auth_lock is held, or h is ours alone. */
int registry_auth_realm(struct registry_host *h, const struct http_challenge *c, struct err *e);
/* Credentials of h into h->credentials; asks once. auth_lock is held. */
int registry_auth_credentials(struct registry_host *h, struct err *e);
char *registry_basic(const struct registry_credentials *c) must_check;
void registry_wipe(char **s);

struct registry_token_answer {
	char *token, *refresh;
	int64_t expires_in; /* seconds */
};
void registry_token_answer_release(struct registry_token_answer *a);
/* The JSON of a token server (docker's token specification, OAuth2). Hostile. */
int registry_token_parse(
	const char *bytes, size_t len, struct registry_token_answer *ret, struct err *e);
/* Asks h's token server; with may be NULL (anonymous). auth_lock is held. */
int registry_token_fetch(struct registry_host *h, const struct registry_credentials *with,
	const char *scopes, bool offline, struct registry_token_answer *ret, struct err *e);
/* Whether a token for `have` serves `want` (scopes separated by blanks). */
bool registry_scopes_cover(const char *have, const char *want);

/* ---- repositories ---- */

/* Calls fn for the places that ref (a tag or digest) may be pulled from, until one returns 0 or
 * more. fatal: set by fn when no other place shall be asked. */
int registry_each_place(struct registry_repo *r, const char *ref,
	int (*fn)(struct registry_repo *r, const struct registry_place *at, void *arg, bool *fatal,
		struct err *e),
	void *arg, struct err *e);
/* The first that is no mirror; NULL: e is set. */
const struct registry_place *registry_push_place(struct registry_repo *r, struct err *e);
char *registry_scope(const struct registry_place *at, const char *actions) must_check;
