/* certs.d directories: reads the authorities, finds the client's certificate. */
#include "http/tls.h"

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "http/tls_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct http_tls *http_tls_new(void)
{
	return mem_alloc(sizeof(struct http_tls));
}

void http_tls_free(struct http_tls *t)
{
	if (!t)
		return;
	buf_release(&t->ca);
	free(t->cert);
	free(t->key);
	free(t);
}

int http_tls_add_ca_file(struct http_tls *t, const char *path, struct err *e)
{
	struct buf text cleanup_buf = BUF_INIT_MAX(LIMIT_CERTIFICATES);
	int r = file_read(AT_FDCWD, path, &text, e);
	if (r < 0)
		return r;
	if (!strstr(buf_str(&text), "-----BEGIN ")) {
		err_set(e, ERR_FORMAT, "'%s' has no certificate in PEM form", path);
		err_hint(e, "convert it: openssl x509 -inform der -in %s -out %s", path, path);
		return -ERR_FORMAT;
	}
	if (t->ca.len + text.len > LIMIT_CERTIFICATES)
		return err_set(e, ERR_LIMIT, "'%s': more than %d bytes of certificates", path,
			LIMIT_CERTIFICATES);
	buf_add(&t->ca, text.data, text.len);
	buf_add_char(&t->ca, '\n');
	return 0;
}

int http_tls_system(const char *path, struct buf *out)
{
	struct buf text cleanup_buf = BUF_INIT_MAX(LIMIT_CERTIFICATES);
	int r = file_read(AT_FDCWD, path, &text, NULL);
	if (r < 0)
		return r;
	buf_add(out, text.data, text.len);
	buf_add_char(out, '\n');
	return 0;
}

int http_tls_set_client(struct http_tls *t, const char *cert, const char *key, struct err *e)
{
	if (t->cert)
		return err_set(e, ERR_UNSUPPORTED,
			"two client certificates for one registry: '%s' and '%s'", t->cert, cert);
	t->cert = mem_strdup(cert);
	t->key = mem_strdup(key);
	return 0;
}

void http_tls_set_insecure(struct http_tls *t, bool insecure)
{
	t->insecure = insecure;
}

bool http_tls_insecure(const struct http_tls *t)
{
	return t && t->insecure;
}

/* The other half of a pair must be there: half a pair is a mistake that would show much later. */
static int check_pair(const char *dir, const struct strv *names, const char *name, const char *mine,
	const char *other, struct err *e)
{
	char *pair cleanup_free =
		mem_printf("%.*s%s", (int)(strlen(name) - strlen(mine)), name, other);
	if (strv_has(names, pair))
		return 0;
	err_set(e, ERR_NOT_FOUND, "'%s/%s' needs '%s' beside it", dir, name, pair);
	if (str_eq(mine, ".cert"))
		err_hint(e, "a certificate authority's file must end in .crt");
	return -ERR_NOT_FOUND;
}

static int add_file(struct http_tls *t, const char *dir, const struct strv *names, const char *name,
	struct err *e)
{
	char *path cleanup_free = mem_printf("%s/%s", dir, name);
	if (str_ends(name, ".crt"))
		return http_tls_add_ca_file(t, path, e);
	if (str_ends(name, ".key"))
		return check_pair(dir, names, name, ".key", ".cert", e);
	if (!str_ends(name, ".cert"))
		return 0;
	int r = check_pair(dir, names, name, ".cert", ".key", e);
	if (r < 0)
		return r;
	char *key cleanup_free = mem_printf("%.*s.key", (int)strlen(path) - 5, path);
	return http_tls_set_client(t, path, key, e);
}

int http_tls_add_dir(struct http_tls *t, const char *dir, struct err *e)
{
	DIR *d cleanup_dir = opendir(dir);
	struct stat st;
	if (!d && errno == ENOTDIR && stat(dir, &st) == 0 && S_ISREG(st.st_mode))
		return http_tls_add_ca_file(t, dir, e);
	if (!d && (errno == ENOENT || errno == ENOTDIR))
		return 0;
	if (!d)
		return err_sys(e, "open '%s'", dir);
	struct strv names cleanup_strv = STRV_INIT;
	struct dirent *entry;
	while ((entry = readdir(d)))
		strv_add(&names, entry->d_name);
	strv_sort(&names);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < names.n; i++)
		r = add_file(t, dir, &names, names.v[i], e);
	return r < 0 ? r : 0;
}
