/* What there is to copy: a list, a repository, a tree of directories, layouts. */
#include "cli/transport/sync.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/client/list.h"
#include "transport/sync_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MOST 16 /* of directories: a registry's name has fewer parts */

static int sync_tag(struct sync *x, struct remote *m, const char *name, const char *tag)
{
	struct sync_item i cleanup_sync_item = {
		.source =
			mem_printf("docker://%s%c%s", name, oci_digest_valid(tag) ? '@' : ':', tag),
		.name = mem_strdup(name),
		.tag = mem_strdup(tag),
		.remote = m,
	};
	return sync_item(x, &i);
}

static int add_tag(void *arg, const char *name, struct err *e)
{
	strv_add(arg, name);
	return 0;
}

static int list_tags(struct remote *m, const char *name, struct strv *ret, struct err *e)
{
	struct registry_repo *repo cleanup_registry_repo = NULL;
	struct oci_reference ref;
	const struct registry_list list = {.each = add_tag, .arg = ret};
	int r = oci_reference_parse(name, &ref, e);
	if (r < 0)
		return r;
	oci_reference_normalise_local(&ref);
	r = registry_open(m->client, m->config, &ref, &m->open, &repo, e);
	return r < 0 ? r : registry_tags(repo, &list, e);
}

static int sync_repository(struct sync *x, struct remote *m, const char *name,
	const struct transport_sync_repository *repo)
{
	struct strv tags cleanup_strv = STRV_INIT;
	struct err e = ERR_INIT;
	int r = 0;
	if (repo->tags.n)
		strv_copy(&tags, &repo->tags);
	else
		r = list_tags(m, name, &tags, &e);
	if (r < 0)
		return sync_failed(x, name, r, &e);
	for (size_t i = 0; i < tags.n && r >= 0; i++)
		if (!repo->pattern || transport_pattern_fits(repo->pattern, tags.v[i]))
			r = sync_tag(x, m, name, tags.v[i]);
	return r;
}

/* A registry of the list has its own credentials and certificates. */
static int open_source(struct sync *x, const struct transport_sync_registry *g, struct remote *m)
{
	int r = copy_open_source(x->c, m);
	if (r < 0)
		return r;
	if (g->tls_verify >= 0)
		m->open.tls = g->tls_verify ? REGISTRY_TLS_CHECKED : REGISTRY_TLS_UNCHECKED;
	if (g->cert_dir)
		m->open.cert_dir = g->cert_dir;
	if (g->username) {
		registry_credentials_release(&m->given);
		m->given.username = mem_strdup(g->username);
		m->given.password = mem_strdup(g->password);
	}
	return 0;
}

static int walk_list(struct sync *x, const char *path)
{
	struct transport_sync_list l cleanup_transport_sync_list = {0};
	int r = transport_sync_list_load(path, &l, &x->c->err);
	for (size_t i = 0; i < l.n && r >= 0; i++) {
		struct remote m cleanup_remote = {0};
		r = open_source(x, &l.v[i], &m);
		for (size_t k = 0; k < l.v[i].n && r >= 0; k++) {
			char *name cleanup_free =
				mem_printf("%s/%s", l.v[i].host, l.v[i].v[k].path);
			r = sync_repository(x, &m, name, &l.v[i].v[k]);
		}
	}
	return r;
}

static int walk_docker(struct sync *x, const char *text)
{
	struct oci_reference ref;
	struct strv names cleanup_strv = STRV_INIT, tags cleanup_strv = STRV_INIT;
	char name[OCI_REFERENCE_MAX];
	int r = oci_reference_parse(text, &ref, &x->c->err);
	bool one = r >= 0 && (*ref.tag || *ref.digest);
	if (r >= 0)
		r = registry_config_names(x->remote.config, text, &names, &x->c->err);
	if (r >= 0 && names.n > 1)
		r = err_set(&x->c->err, ERR_USAGE,
			"'%s' may be in several registries: write the whole name", text);
	if (r >= 0)
		r = oci_reference_parse(names.v[0], &ref, &x->c->err);
	if (r < 0)
		return r;
	if (one)
		strv_add(&tags, *ref.digest ? ref.digest : ref.tag);
	snprintf(name, sizeof(name), "%s/%s", ref.domain, ref.path);
	if (!one)
		r = list_tags(&x->remote, name, &tags, &x->c->err);
	for (size_t i = 0; i < tags.n && r >= 0; i++)
		r = sync_tag(x, NULL, name, tags.v[i]);
	return r;
}

/* "NAME:TAG" or "NAME@DIGEST" of a directory below the root */
static int sync_dir(struct sync *x, const char *root, const char *rel)
{
	const char *at = strrchr(rel, '@'), *slash = strrchr(rel, '/');
	const char *end = at ? at : strrchr(slash ? slash : rel, ':');
	struct sync_item i cleanup_sync_item = {
		.source = mem_printf("dir:%s/%s", root, rel),
		.name = end ? mem_strndup(rel, (size_t)(end - rel)) : mem_strdup(rel),
		.tag = mem_strdup(end ? end + 1 : "latest"),
	};
	return sync_item(x, &i);
}

/* One image of an oci layout */
static int sync_entry(struct sync *x, const char *path, const char *rel,
	const struct oci_descriptor *d, size_t index)
{
	const char *tag = strv_env_get(&d->annotations, OCI_ANNOTATION_REF_NAME);
	struct sync_item i cleanup_sync_item = {
		.source = mem_printf("oci:%s:@%zu", path, index),
		.name = mem_strdup(rel),
		.tag = mem_strdup(tag ? tag : d->digest),
	};
	return sync_item(x, &i);
}

static int sync_layout(struct sync *x, const char *path, const char *rel)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_index index cleanup_oci_index = {0};
	char *file cleanup_free = mem_printf("%s/index.json", path);
	int r = file_read(AT_FDCWD, file, &b, &x->c->err);
	if (r >= 0)
		r = oci_index_parse(b.data, b.len, &index, &x->c->err);
	for (size_t i = 0; i < index.nmanifests && r >= 0; i++)
		r = sync_entry(x, path, rel, &index.manifests[i], i);
	return r;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* Directories that hold `mark` are images (dir) or layouts (oci); links are not followed. */
static int walk_tree(struct sync *x, const char *root, const char *rel, const char *mark, int depth)
{
	char *path cleanup_free = mem_printf("%s%s%s", root, *rel ? "/" : "", rel);
	char *file cleanup_free = mem_printf("%s/%s", path, mark);
	struct stat st;
	if (stat(file, &st) == 0) {
		if (str_eq(x->src, "dir"))
			return sync_dir(x, root, rel);
		const char *slash = strrchr(root, '/');
		return sync_layout(x, path, *rel ? rel : slash ? slash + 1 : root);
	}
	struct dirent **v = NULL;
	int n = depth < DEPTH_MOST ? scandir(path, &v, NULL, compare) : 0;
	if (n < 0)
		return err_sys(&x->c->err, "read directory '%s'", path);
	int r = 0;
	for (int i = 0; i < n; i++) {
		char *next cleanup_free = mem_printf("%s%s%s", rel, *rel ? "/" : "", v[i]->d_name);
		if (r >= 0 && v[i]->d_type == DT_DIR && v[i]->d_name[0] != '.')
			r = walk_tree(x, root, next, mark, depth + 1);
		free(v[i]);
	}
	free(v);
	return r;
}

static int walk_dirs(struct sync *x, const char *source, const char *mark)
{
	char *root cleanup_free = mem_strdup(source);
	size_t len = strlen(root);
	while (len > 1 && root[len - 1] == '/')
		root[--len] = 0;
	/* SOURCE itself may be an image of dir: its name is its last part */
	char *file cleanup_free = mem_printf("%s/%s", root, mark);
	char *slash = strrchr(root, '/');
	if (str_eq(x->src, "dir") && file_exists(AT_FDCWD, file)) {
		if (!slash)
			return sync_dir(x, ".", root);
		*slash = 0;
		return sync_dir(x, *root ? root : "/", slash + 1);
	}
	return walk_tree(x, root, "", mark, 0);
}

int sync_walk(struct sync *x, const char *source)
{
	if (str_eq(x->src, "yaml"))
		return walk_list(x, source);
	if (str_eq(x->src, "docker"))
		return walk_docker(
			x, str_starts(source, "docker://") ? source + strlen("docker://") : source);
	return walk_dirs(x, source, str_eq(x->src, "dir") ? "manifest.json" : "oci-layout");
}
