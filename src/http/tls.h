/*
 * What a server's certificate is checked against, and what we show in turn: the
 * directory layout of containers-certs.d(5) and docker's certs.d:
 *
 *	*.crt             certificates of authorities, beside the system's own
 *	NAME.cert NAME.key  our certificate and its key, for servers that ask for one
 *
 * Made once per registry, then shared, read-only, by requests in any thread;
 * must live as long as they.
 */
#pragma once

#include "base/defs.h"

struct err;
struct http_tls;

/* Neither directory nor file: the system's authorities. */
struct http_tls *http_tls_new(void);
void http_tls_free(struct http_tls *t);
DEFINE_CLEANUP(struct http_tls *, http_tls_free)
#define cleanup_http_tls cleanup(http_tls_free_cleanup)

/* Adds what dir holds, or dir itself when it is a file of authorities; what is not there adds nothing. Several calls add up; a second
 * client certificate is refused. Errors name the file: a .cert without its .key, a .key without its
 * .cert, a .crt without a certificate inside. */
int http_tls_add_dir(struct http_tls *t, const char *dir, struct err *e);
int http_tls_add_ca_file(struct http_tls *t, const char *path, struct err *e);
int http_tls_set_client(struct http_tls *t, const char *cert, const char *key, struct err *e);
/* Takes any certificate. Only when the user asked for it. */
void http_tls_set_insecure(struct http_tls *t, bool insecure);
bool http_tls_insecure(const struct http_tls *t); /* NULL: false */
