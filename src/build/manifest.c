/* What a COPY read, in a form that can be hashed, kept and compared. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/strv.h"
#include "build/key.h"
#include "build/source.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	FEW = 64, /* files named one by one in a key */
	MOST_REASONS = 1000,
	OWNED = 0x10, /* in the first byte of a mode: an owner follows */
};

static char type_of(uint32_t mode)
{
	return S_ISREG(mode) ? 'f' : S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : 'o';
}

/* type, mode (2 bytes), digest or link text and 0, owner (8 bytes, unless 0:0), path and 0 */
static void add_entry(struct buf *b, const struct build_file *f)
{
	if (!f->path[0])
		return; /* the root's own mode is never copied */
	char type = type_of(f->mode);
	bool owned = f->uid || f->gid;
	uint8_t mode[2] = {((f->mode >> 8) & 0xf) | (owned ? OWNED : 0), f->mode & 0xff};
	uint32_t owner[2] = {htole32(f->uid), htole32(f->gid)};
	buf_add_char(b, type);
	buf_add(b, mode, 2);
	if (type == 'f')
		buf_add(b, f->digest, sizeof(f->digest));
	if (type == 'l')
		buf_add(b, f->link, strlen(f->link) + 1);
	if (owned)
		buf_add(b, owner, sizeof(owner));
	buf_add(b, f->path, strlen(f->path) + 1);
}

void build_manifest_format(const struct build_sources *s, struct buf *out)
{
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = s->v[i].first; k < s->v[i].end; k++)
			add_entry(out, &s->tree.v[k]);
}

void build_manifest_hash(const struct build_sources *s, char ret[72])
{
	enum { CHUNK = 32 * 1024 };
	struct sha256 *h cleanup_sha256 = sha256_new();
	struct buf b cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < s->n; i++)
		for (size_t k = s->v[i].first; k < s->v[i].end; k++) {
			add_entry(&b, &s->tree.v[k]);
			if (b.len > CHUNK) {
				sha256_add(h, b.data, b.len);
				buf_clear(&b);
			}
		}
	sha256_add(h, buf_str(&b), b.len);
	memcpy(ret, "sha256:", 7);
	sha256_end_hex(h, ret + 7);
}

static void add_file_input(struct build_inputs *in, const struct build_file *f)
{
	if (!f->path[0])
		return;
	cleanup_free char *name = mem_printf("file:%s", f->path);
	unsigned mode = f->mode & 07777;
	char hex[SHA256_HEX], owner[32] = "";
	if (f->uid || f->gid)
		snprintf(owner, sizeof(owner), " of %u:%u", f->uid, f->gid);
	if (build_inputs_get(in, name))
		return; /* the same file by two sources */
	switch (type_of(f->mode)) {
	case 'f':
		str_hex(f->digest, sizeof(f->digest), hex);
		build_inputs_addf(in, name, "%04o sha256:%s%s", mode, hex, owner);
		break;
	case 'l':
		build_inputs_addf(in, name, "link to %s%s", f->link, owner);
		break;
	case 'd':
		build_inputs_addf(in, name, "directory %04o%s", mode, owner);
		break;
	default:
		build_inputs_addf(in, name, "special %06o%s", f->mode, owner);
	}
}

void build_sources_inputs(const struct build_sources *s, struct build_inputs *in)
{
	if (s->tree.n <= FEW) {
		for (size_t i = 0; i < s->tree.n; i++)
			add_file_input(in, &s->tree.v[i]);
	} else {
		char digest[72];
		build_manifest_hash(s, digest);
		build_inputs_add(in, "files", digest);
	}
	struct buf names cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < s->n; i++) {
		const struct build_match *m = &s->v[i];
		if (!m->heredoc) {
			/* a link's own name is not that of the file that it leads to */
			buf_printf(&names, "%s%s", names.len ? " " : "", m->name);
			continue;
		}
		cleanup_free char *name = mem_printf("heredoc:%s", m->name);
		if (!build_inputs_get(in, name))
			build_inputs_add(in, name, m->heredoc->data);
	}
	build_inputs_add(in, "names", buf_str(&names));
}

/* ---- comparing ---- */

struct line {
	const char *path;
	const char *start; /* of the entry */
	size_t len;        /* without the path */
};

struct lines {
	struct line *v;
	size_t n, cap;
};

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	return build_path_compare(x->path, y->path);
}

static int split(const struct buf *b, struct lines *l, struct err *e)
{
	const char *p = buf_str(b), *end = p + b->len;
	while (p < end) {
		struct line x = {.start = p};
		char type = *p;
		bool owned = end - p > 1 && p[1] & OWNED;
		p += 3;
		if (type == 'f')
			p += 32;
		if (type == 'l' && p < end)
			p += strnlen(p, (size_t)(end - p)) + 1;
		if (owned)
			p += 8;
		if (p >= end || !memchr(p, 0, (size_t)(end - p)))
			return err_set(e, ERR_FORMAT, "the manifest of a build step is damaged");
		x.len = (size_t)(p - x.start);
		x.path = p;
		p += strlen(p) + 1;
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 256;
			l->v = mem_realloc(l->v, l->cap, sizeof(*l->v));
		}
		l->v[l->n++] = x;
	}
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), compare_lines);
	return 0;
}

static void changed(const struct line *was, const struct line *is, struct strv *why)
{
	const char *path = is->path[0] ? is->path : ".";
	if (was->start[0] != is->start[0]) {
		strv_addf(why, "file %s changed (another type)", path);
	} else if (is->start[0] == 'f' && memcmp(was->start + 3, is->start + 3, 32) != 0) {
		char a[65], b[65];
		str_hex(was->start + 3, 32, a);
		str_hex(is->start + 3, 32, b);
		cleanup_free char *text = build_digest_change(a, b);
		strv_addf(why, "file %s changed (%s)", path, text);
	} else if (is->start[0] == 'l' && strcmp(was->start + 3, is->start + 3) != 0) {
		strv_addf(why, "file %s changed (link to %s → %s)", path, was->start + 3,
			is->start + 3);
	} else {
		const uint8_t *a = (const uint8_t *)was->start, *b = (const uint8_t *)is->start;
		unsigned x = (a[1] & 0xf) << 8 | a[2], y = (b[1] & 0xf) << 8 | b[2];
		if (x == y)
			strv_addf(why, "file %s changed (another owner)", path);
		else
			strv_addf(why, "file %s changed (mode %04o → %04o)", path, x, y);
	}
}

static void merge(const struct lines *a, const struct lines *b, struct strv *why)
{
	size_t i = 0, k = 0, told = 0, more = 0;
	while (i < a->n || k < b->n) {
		int order = i == a->n   ? 1
			    : k == b->n ? -1
					: build_path_compare(a->v[i].path, b->v[k].path);
		const struct line *was = order <= 0 ? &a->v[i] : NULL;
		const struct line *is = order >= 0 ? &b->v[k] : NULL;
		i += order <= 0;
		k += order >= 0;
		if (was && is && was->len == is->len && !memcmp(was->start, is->start, is->len))
			continue;
		if (told++ >= MOST_REASONS)
			more++;
		else if (!was)
			strv_addf(why, "file %s added", is->path);
		else if (!is)
			strv_addf(why, "file %s removed", was->path);
		else
			changed(was, is, why);
	}
	if (more)
		strv_addf(why, "%zu more files changed", more);
}

int build_manifest_compare(
	const struct buf *was, const struct buf *is, struct strv *why, struct err *e)
{
	struct lines a = {0}, b = {0};
	int r = split(was, &a, e);
	if (r >= 0)
		r = split(is, &b, e);
	if (r >= 0)
		merge(&a, &b, why);
	free(a.v);
	free(b.v);
	return r;
}
