/* registries.d: files in, addresses of signatures out. */
#include "registry/lookaside.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "yaml/yaml.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

struct scope {
	char *name;   /* "": default-docker */
	char *origin; /* FILE:LINE */
	char *base;   /* URL; NULL: this scope keeps signatures in the registry only */
};

struct registry_lookaside {
	struct scope *v;
	size_t n;
	char *fallback;
};

struct registry_lookaside *registry_lookaside_new(void)
{
	return mem_alloc(sizeof(struct registry_lookaside));
}

void registry_lookaside_free(struct registry_lookaside *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		free(l->v[i].name);
		free(l->v[i].origin);
		free(l->v[i].base);
	}
	free(l->v);
	free(l->fallback);
	free(l);
}

void registry_lookaside_fallback(struct registry_lookaside *l, const char *base)
{
	free(l->fallback);
	l->fallback = mem_strdup(base);
}

static const struct scope *scope_named(
	const struct registry_lookaside *l, const char *name, size_t len)
{
	for (size_t i = 0; i < l->n; i++)
		if (strlen(l->v[i].name) == len && !memcmp(l->v[i].name, name, len))
			return &l->v[i];
	return NULL;
}

static int read_scope(struct registry_lookaside *l, const struct yaml_doc *d,
	const struct yaml_node *n, const char *name, struct err *e)
{
	static const char *const keys[] = {"lookaside", "lookaside-staging", "sigstore",
		"sigstore-staging", "use-sigstore-attachments", NULL};
	char *what cleanup_free =
		*name ? mem_printf("docker.%s", name) : mem_strdup("default-docker");
	const struct scope *before = scope_named(l, name, strlen(name));
	if (before)
		return yaml_error(e, ERR_FORMAT, d, n->line, "%s: stands in %s already", what,
			before->origin);
	int r = yaml_expect(d, n, YAML_MAP, what, e);
	if (r >= 0)
		r = yaml_known_keys(d, n, what, keys, e);
	if (r < 0)
		return r;
	/* sigstore is the old word */
	const struct yaml_node *at = yaml_get(n, "lookaside");
	at = at ? at : yaml_get(n, "sigstore");
	const char *base = NULL;
	r = at ? yaml_text(d, at, what, &base, e) : 0;
	if (r < 0)
		return r;
	if (base && !str_starts(base, "file:///") && !str_starts(base, "https://") &&
		!str_starts(base, "http://"))
		return yaml_error(e, ERR_FORMAT, d, at->line,
			"%s: '%.200s' is neither file:///PATH nor https://HOST/PATH", what, base);
	l->v = mem_realloc(l->v, l->n + 1, sizeof(l->v[0]));
	struct scope *s = &l->v[l->n++];
	*s = (struct scope){
		mem_strdup(name), mem_printf("%s:%u", d->name, n->line), mem_strdup(base)};
	for (size_t len = base ? strlen(base) : 0; len && s->base[len - 1] == '/'; len--)
		s->base[len - 1] = 0;
	return 0;
}

int registry_lookaside_parse(struct registry_lookaside *l, const char *bytes, size_t len,
	const char *name, struct err *e)
{
	static const char *const keys[] = {"default-docker", "docker", NULL};
	struct yaml_doc d cleanup_yaml = YAML_INIT;
	int r = yaml_parse(bytes, len, name, &d, e);
	if (r < 0 || yaml_is_null(d.root))
		return r;
	r = yaml_expect(&d, d.root, YAML_MAP, "registries.d", e);
	if (r >= 0)
		r = yaml_known_keys(&d, d.root, "registries.d", keys, e);
	const struct yaml_node *n = yaml_get(d.root, "default-docker");
	if (r >= 0 && n)
		r = read_scope(l, &d, n, "", e);
	const struct yaml_node *docker = yaml_get(d.root, "docker");
	if (r >= 0 && !yaml_is_null(docker))
		r = yaml_expect(&d, docker, YAML_MAP, "docker", e);
	for (n = r >= 0 && docker ? docker->first : NULL; n && r >= 0; n = n->next)
		r = read_scope(l, &d, n, n->key, e);
	return r < 0 ? r : 0;
}

int registry_lookaside_load(struct registry_lookaside *l, const char *dir, struct err *e)
{
	struct strv names cleanup_strv = STRV_INIT;
	DIR *at cleanup_dir = opendir(dir);
	if (!at)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s'", dir);
	for (struct dirent *f; (f = readdir(at));)
		if (str_ends(f->d_name, ".yaml"))
			strv_add(&names, f->d_name);
	strv_sort(&names);
	for (size_t i = 0; i < names.n; i++) {
		struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_YAML);
		char *path cleanup_free = mem_printf("%s/%s", dir, names.v[i]);
		int r = file_read(AT_FDCWD, path, &b, e);
		if (r >= 0)
			r = registry_lookaside_parse(l, buf_str(&b), b.len, path, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The whole reference, the repository, its namespaces, the host, the default. */
static const struct scope *scope_of(
	const struct registry_lookaside *l, const struct oci_reference *ref)
{
	char whole[OCI_REFERENCE_MAX];
	oci_reference_format(ref, whole);
	const struct scope *s = scope_named(l, whole, strlen(whole));
	char *name cleanup_free = mem_printf("%s/%s", ref->domain, ref->path);
	for (size_t len = strlen(name); !s && len;) {
		s = scope_named(l, name, len);
		while (len && name[len - 1] != '/')
			len--;
		len -= len > 0;
	}
	return s ? s : scope_named(l, "", 0);
}

char *registry_lookaside_url(
	const struct registry_lookaside *l, const struct oci_reference *ref, const char *digest)
{
	const struct scope *s = scope_of(l, ref);
	const char *base = s ? s->base : l->fallback;
	if (!base)
		return NULL;
	/* a grammar of references that allows no "..", no '%' and no '?' keeps this path in base */
	return mem_printf("%s/%s@sha256=%s/signature-", base, ref->path, oci_digest_hex(digest));
}
