/* Names of places, and what all backends share. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "layer/decompress.h"
#include "oci/json.h"
#include "oci/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
	const char *prefix;
	enum transport_kind kind;
} kinds[] = {
	{"docker://", TRANSPORT_KIND_REGISTRY},
	{"oci:", TRANSPORT_KIND_OCI},
	{"oci-archive:", TRANSPORT_KIND_OCI_ARCHIVE},
	{"docker-archive:", TRANSPORT_KIND_DOCKER_ARCHIVE},
	{"dir:", TRANSPORT_KIND_DIR},
	{"store:", TRANSPORT_KIND_STORE},
};

void transport_place_release(struct transport_place *p)
{
	free(p->text);
	free(p->path);
	free(p->name);
	free(p->digest);
	*p = (struct transport_place){0};
}

static int unknown(const char *text, struct err *e)
{
	err_set(e, ERR_USAGE, "'%.200s' does not begin with a transport", text);
	err_hint(e,
		"docker://NAME, oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:NAME], "
		"dir:DIR or store:NAME; a registry's image is docker://%.100s",
		text);
	return -ERR_USAGE;
}

/* "@3", "@sha256:...", or a name */
static int parse_name(struct transport_place *p, const char *name, struct err *e)
{
	if (name[0] != '@') {
		if (!*name)
			return err_set(
				e, ERR_USAGE, "'%s': nothing stands behind the last ':'", p->text);
		p->name = mem_strdup(name);
		return 0;
	}
	uint64_t index;
	if (oci_digest_valid(name + 1)) {
		p->digest = mem_strdup(name + 1);
		return 0;
	}
	if (str_parse_u64(name + 1, 10, &index) < 0)
		return err_set(e, ERR_USAGE, "'%s': behind '@' stands a number from 0 or a digest",
			p->text);
	p->by_index = true;
	p->index = index;
	return 0;
}

/* Where the name behind a path begins: at the ':' of ":@...", else at the first ':', since a
 * docker-archive's name holds others (skopeo reads it so, too). */
static const char *find_name(enum transport_kind kind, const char *rest)
{
	if (kind != TRANSPORT_KIND_DOCKER_ARCHIVE && kind != TRANSPORT_KIND_OCI_ARCHIVE &&
		kind != TRANSPORT_KIND_OCI)
		return NULL;
	const char *at = strstr(rest, ":@");
	return at ? at : strchr(rest, ':');
}

bool transport_place_is(const char *text)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (str_starts(text, kinds[i].prefix))
			return true;
	return false;
}

int transport_place_parse(const char *text, struct transport_place *ret, struct err *e)
{
	struct transport_place p cleanup_transport_place = {0};
	const char *rest = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !rest; i++) {
		if (!str_starts(text, kinds[i].prefix))
			continue;
		rest = text + strlen(kinds[i].prefix);
		p.kind = kinds[i].kind;
	}
	if (!rest)
		return unknown(text, e);
	p.text = mem_strdup(text);
	const char *name = find_name(p.kind, rest);
	p.path = name ? mem_strndup(rest, (size_t)(name - rest)) : mem_strdup(rest);
	if (!*p.path)
		return err_set(e, ERR_USAGE, "'%s' names no place", text);
	int r = name ? parse_name(&p, name + 1, e) : 0;
	if (r < 0)
		return r;
	*ret = p;
	p = (struct transport_place){0};
	return 0;
}

void transport_document_release(struct transport_document *d)
{
	buf_release(&d->bytes);
	free(STEAL(d->media_type));
}

int transport_document_make(struct transport_document *d, const void *p, size_t len,
	const char *media_type, struct err *e)
{
	if (len > LIMIT_MANIFEST)
		return err_set(e, ERR_LIMIT, "a manifest has %zu bytes, more than the limit of %d",
			len, LIMIT_MANIFEST);
	char hex[SHA256_HEX];
	buf_add(&d->bytes, p, len);
	sha256_hex(p, len, hex);
	oci_digest_from_hex(hex, d->digest);
	json_t *doc cleanup_json = NULL;
	const char *own = NULL;
	int r = oci_json_parse(p, len, LIMIT_MANIFEST, "manifest", &doc, e);
	if (r >= 0 && json_is_object(doc))
		r = oci_json_string(doc, "manifest", "mediaType", &own, e);
	if (r < 0)
		return r;
	if (!own && str_empty(media_type))
		own = json_object_get(doc, "manifests") ? OCI_TYPE_INDEX : OCI_TYPE_MANIFEST;
	/* what the document says of itself is what its digest covers */
	d->media_type = mem_strdup(own ? own : media_type);
	return 0;
}

int transport_from_open(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e)
{
	static const char *const names[] = {
		[TRANSPORT_KIND_REGISTRY] = "docker",
		[TRANSPORT_KIND_OCI] = "oci",
		[TRANSPORT_KIND_OCI_ARCHIVE] = "oci-archive",
		[TRANSPORT_KIND_DOCKER_ARCHIVE] = "docker-archive",
		[TRANSPORT_KIND_DIR] = "dir",
		[TRANSPORT_KIND_STORE] = NULL,
	};
	int r = -ERR_USAGE;
	switch (p->kind) {
	case TRANSPORT_KIND_REGISTRY:
		r = transport_from_registry(p, w, ret, e);
		break;
	case TRANSPORT_KIND_OCI:
	case TRANSPORT_KIND_OCI_ARCHIVE:
		r = transport_from_layout(p, w, ret, e);
		break;
	case TRANSPORT_KIND_DOCKER_ARCHIVE:
		r = transport_from_docker(p, w, ret, e);
		break;
	case TRANSPORT_KIND_DIR:
		r = transport_from_dir(p, w, ret, e);
		break;
	case TRANSPORT_KIND_STORE:
		r = transport_from_store(p, w, ret, e);
		break;
	}
	if (r < 0)
		return err_wrap(e, r, "'%s'", p->text);
	(*ret)->text = mem_strdup(p->text);
	(*ret)->trust = w->trust;
	(*ret)->transport = names[p->kind];
	if (p->kind != TRANSPORT_KIND_REGISTRY && p->kind != TRANSPORT_KIND_STORE) {
		char *real cleanup_free = realpath(p->path, NULL);
		(*ret)->path = mem_printf("%s%s%s", real ? real : p->path, p->name ? ":" : "",
			p->name ? p->name : "");
	}
	return 0;
}

int transport_to_open(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e)
{
	int r = -ERR_USAGE;
	if (p->by_index || p->digest)
		return err_set(e, ERR_USAGE,
			"'%s': '@' chooses what is read; what is written gets a name", p->text);
	switch (p->kind) {
	case TRANSPORT_KIND_REGISTRY:
		r = transport_to_registry(p, w, ret, e);
		break;
	case TRANSPORT_KIND_OCI:
	case TRANSPORT_KIND_OCI_ARCHIVE:
		r = transport_to_layout(p, w, ret, e);
		break;
	case TRANSPORT_KIND_DOCKER_ARCHIVE:
		r = transport_to_docker(p, w, ret, e);
		break;
	case TRANSPORT_KIND_DIR:
		r = transport_to_dir(p, w, ret, e);
		break;
	case TRANSPORT_KIND_STORE:
		r = transport_to_store(p, w, ret, e);
		break;
	}
	if (r < 0)
		return err_wrap(e, r, "'%s'", p->text);
	(*ret)->text = mem_strdup(p->text);
	return 0;
}

int transport_from_manifest(
	struct transport_from *f, const char *digest, struct transport_document *ret, struct err *e)
{
	int r = f->ops->manifest(f, digest, ret, e);
	if (r >= 0 && digest && !str_eq(digest, ret->digest))
		r = err_set(e, ERR_DIGEST, "manifest %s has the digest %s", digest, ret->digest);
	return r < 0 ? err_wrap(e, r, "'%s'", f->text) : 0;
}

int transport_from_blob(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e)
{
	if (d->size > LIMIT_LAYER_SIZE)
		return err_set(e, ERR_LIMIT, "'%s': blob %s: more than %llu bytes", f->text,
			d->digest, LIMIT_LAYER_SIZE);
	struct transport_blob *b cleanup_transport_blob = NULL;
	int r = f->ops->blob(f, d, &b, e);
	if (r >= 0 && b->size != d->size)
		r = err_set(e, ERR_DIGEST, "it has %llu bytes, the manifest says %llu",
			(unsigned long long)b->size, (unsigned long long)d->size);
	if (r < 0)
		return err_wrap(e, r, "'%s': blob %s", f->text, d->digest);
	*ret = STEAL(b);
	return 0;
}

static int to_buf(void *ctx, const void *p, size_t len, struct err *e)
{
	int r = buf_add(ctx, p, len);
	return r < 0 ? err_set(e, ERR_LIMIT, "it is too large") : 0;
}

int transport_from_read(
	struct transport_from *f, const struct oci_descriptor *d, struct buf *b, struct err *e)
{
	if (b->max && d->size > b->max)
		return err_set(e, ERR_LIMIT,
			"'%s': blob %s: %llu bytes, more than the limit of %zu", f->text, d->digest,
			(unsigned long long)d->size, b->max);
	struct transport_blob *blob cleanup_transport_blob = NULL;
	int r = transport_from_blob(f, d, &blob, e);
	if (r < 0)
		return r;
	r = transport_blob_pump(blob, to_buf, b, e);
	return r < 0 ? err_wrap(e, r, "'%s': blob %s", f->text, d->digest) : 0;
}

void transport_from_free(struct transport_from *f)
{
	if (!f)
		return;
	free(STEAL(f->text));
	free(STEAL(f->reference));
	free(STEAL(f->path));
	f->ops->free(f);
}

int transport_to_finish(struct transport_to *t, struct err *e)
{
	int r = t->ops->finish(t, e);
	return r < 0 ? err_wrap(e, r, "'%s'", t->text) : 0;
}

void transport_to_free(struct transport_to *t)
{
	if (!t)
		return;
	free(STEAL(t->text));
	t->ops->free(t);
}

int transport_spool_file(const struct transport_world *w, struct err *e)
{
	return file_open_unnamed(AT_FDCWD, w->tmp_dir ? w->tmp_dir : "/var/tmp", e);
}

static int unpack(int fd, enum layer_compression c, int out, struct err *e)
{
	const size_t piece = 256 * 1024;
	struct layer_decompress *d cleanup_layer_decompress = layer_decompress_new(c, e);
	if (!d)
		return -ERR_UNSUPPORTED;
	char *in cleanup_free = mem_alloc(piece), *plain cleanup_free = mem_alloc(piece);
	for (;;) {
		ssize_t n = io_read_full(fd, in, piece);
		if (n < 0)
			return err_sysno(e, (int)n, "read the archive");
		if (n == 0)
			return layer_decompress_finish(d, e);
		const uint8_t *p = (const uint8_t *)in;
		size_t len = (size_t)n;
		for (;;) {
			ssize_t k = layer_decompress_step(d, &p, &len, (uint8_t *)plain, piece, e);
			if (k < 0)
				return (int)k;
			if (k == 0 && !len)
				break;
			int r = transport_write_fd(&out, plain, (size_t)k, e);
			if (r < 0)
				return r;
		}
	}
}

/* What a pipe brings, in a file: archives are read here and there. */
static int put_aside(int pipe, const struct transport_world *w, struct err *e)
{
	int out cleanup_fd = transport_spool_file(w, e);
	if (out < 0)
		return out;
	int64_t n = io_copy(pipe, out, UINT64_MAX);
	if (n < 0)
		return err_sysno(e, (int)n, "put the archive aside");
	return lseek(out, 0, SEEK_SET) < 0 ? err_sys(e, "read the archive") : STEAL_FD(out);
}

int transport_open_archive(
	const char *path, const struct transport_world *w, int *ret_fd, struct err *e)
{
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '%s'", path);
	if (S_ISDIR(st.st_mode))
		return err_set(e, ERR_FORMAT, "it is a directory, not an archive");
	char head[LAYER_SNIFF];
	ssize_t n = io_pread_full(fd, head, sizeof(head), 0);
	if (n == -ESPIPE) {
		int all = put_aside(fd, w, e);
		if (all < 0)
			return all;
		close(fd);
		fd = all;
		n = io_pread_full(fd, head, sizeof(head), 0);
	}
	if (n < 0)
		return err_sysno(e, (int)n, "read '%s'", path);
	if (layer_compression_sniff(head, (size_t)n) == LAYER_PLAIN) {
		*ret_fd = STEAL_FD(fd);
		return 0;
	}
	int out cleanup_fd = transport_spool_file(w, e);
	if (out < 0)
		return out;
	int r = unpack(fd, layer_compression_sniff(head, (size_t)n), out, e);
	if (r < 0)
		return r;
	*ret_fd = STEAL_FD(out);
	return 0;
}
