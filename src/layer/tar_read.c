/* The tar reader: a machine that is pushed bytes; see the header. Records of
 * extended headers: tar_pax.c. */
#include "layer/tar_read.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/tar_format_priv.h"
#include "layer/tar_pax_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum state {
	AT_HEADER,
	IN_META, /* data of an extended header */
	IN_DATA,
	IN_PADDING,
	AT_END, /* behind the zero blocks */
	BROKEN,
};

struct layer_tar {
	const struct layer_tar_ops *ops;
	void *ctx;
	enum state state;
	uint64_t offset;    /* bytes taken so far */
	uint64_t remaining; /* of meta or data */
	size_t padding;     /* after it */
	bool zero_seen;     /* one zero block: the second must follow */
	bool in_entry;      /* `end` is due after the padding */
	char meta_type;     /* x, L, K; 0: data to be skipped */
	size_t have;        /* of block */
	struct tar_block block;
	struct buf meta;
	struct tar_pax pax;
	uint64_t entries;
	uint64_t content;
	char path[LIMIT_TAR_PATH + 1];
	char link[LIMIT_TAR_PATH + 1];
};

struct layer_tar *layer_tar_new(const struct layer_tar_ops *ops, void *ctx)
{
	struct layer_tar *t = mem_alloc(sizeof(*t));
	t->ops = ops;
	t->ctx = ctx;
	t->meta.max = LIMIT_PAX_HEADER + 1;
	return t;
}

void layer_tar_free(struct layer_tar *t)
{
	if (!t)
		return;
	buf_release(&t->meta);
	tar_pax_release(&t->pax);
	free(t);
}

uint64_t layer_tar_entries(const struct layer_tar *t)
{
	return t->entries;
}

uint64_t layer_tar_content(const struct layer_tar *t)
{
	return t->content;
}

/* Octal between blanks and 0 bytes, or GNU's big-endian two's complement when the first bit is
 * set. False when it is neither. */
static bool get_number(const char *field, size_t size, int64_t *ret)
{
	const unsigned char *p = (const unsigned char *)field;
	if (*p & 0x80) {
		bool negative = *p & 0x40;
		uint64_t n = negative ? UINT64_MAX : 0;
		for (size_t i = 0; i < size; i++) {
			unsigned byte = p[i];
			if (i == 0)
				byte = negative ? byte | 0x80 : byte & 0x7f;
			if (n >> 55 != (negative ? 0x1ff : 0))
				return false;
			n = n << 8 | byte;
		}
		*ret = (int64_t)n;
		return true;
	}
	const unsigned char *end = p + size;
	while (p < end && (*p == ' ' || *p == 0))
		p++;
	while (end > p && (end[-1] == ' ' || end[-1] == 0))
		end--;
	uint64_t n = 0;
	for (; p < end && *p >= '0' && *p <= '7'; p++)
		n = n << 3 | (uint64_t)(*p - '0'); /* at most 12 digits */
	/* some writers leave rubbish behind the closing 0 */
	if (p < end && *p != 0 && *p != ' ')
		return false;
	*ret = (int64_t)n;
	return true;
}

static bool is_zero(const struct tar_block *b)
{
	static const struct tar_block zero;
	return memcmp(b, &zero, sizeof(zero)) == 0;
}

static bool checksum_fits(const struct tar_block *b)
{
	int64_t want;
	if (!get_number(b->checksum, sizeof(b->checksum), &want))
		return false;
	unsigned sum = tar_block_sum(b);
	if ((int64_t)sum == want)
		return true;
	/* ancient tars summed signed characters: each byte above 127 counts 256 less */
	const unsigned char *p = (const unsigned char *)b;
	int64_t signed_sum = sum;
	for (size_t i = 0; i < sizeof(*b); i++)
		signed_sum -= p[i] & 0x80 ? 256 : 0;
	for (size_t i = 0; i < sizeof(b->checksum); i++)
		signed_sum += (unsigned char)b->checksum[i] & 0x80 ? 256 : 0;
	return signed_sum == want;
}

/* The name in the header proper: name, with prefix before it in ustar and star. */
static void header_name(const struct tar_block *b, struct buf *out)
{
	buf_clear(out);
	if (memcmp(b->magic, "ustar", 6) == 0 && b->prefix[0]) {
		bool star = memcmp(b->pad + 8, "tar", 4) == 0;
		buf_add(out, b->prefix, strnlen(b->prefix, star ? 131 : sizeof(b->prefix)));
		buf_add_char(out, '/');
	}
	buf_add(out, b->name, strnlen(b->name, sizeof(b->name)));
}

static int get_type(char flag, bool slash, enum layer_type *ret, struct err *e)
{
	switch (flag) {
	case '0':
	case 0:
	case '7': /* contiguous file */
		/* v7 had no other sign of a directory */
		*ret = slash ? LAYER_DIR : LAYER_FILE;
		return 0;
	case '1':
		*ret = LAYER_HARDLINK;
		return 0;
	case '2':
		*ret = LAYER_SYMLINK;
		return 0;
	case '3':
		*ret = LAYER_CHAR;
		return 0;
	case '4':
		*ret = LAYER_BLOCK;
		return 0;
	case '5':
		*ret = LAYER_DIR;
		return 0;
	case '6':
		*ret = LAYER_FIFO;
		return 0;
	case 'S':
		return err_set(e, ERR_UNSUPPORTED, "sparse file (old GNU format)");
	default:
		return err_set(
			e, ERR_UNSUPPORTED, "unknown entry type 0x%02x", (unsigned char)flag);
	}
}

static int get_owner(const char *what, bool has, uint64_t pax, const char *field, size_t size,
	uint32_t *ret, struct err *e)
{
	int64_t n = 0;
	if (!has && !get_number(field, size, &n))
		return err_set(e, ERR_FORMAT, "bad %s in the header", what);
	if (has ? pax > UINT32_MAX - 1 : n < 0 || n > UINT32_MAX - 1)
		return err_set(e, ERR_LIMIT, "%s beyond 32 bits", what);
	*ret = (uint32_t)(has ? pax : (uint64_t)n);
	return 0;
}

static int get_numbers(struct layer_tar *t, struct layer_entry *entry, struct err *e)
{
	const struct tar_block *b = &t->block;
	int64_t n;
	if (!get_number(b->mode, sizeof(b->mode), &n))
		return err_set(e, ERR_FORMAT, "bad mode in the header");
	entry->mode = (uint32_t)n & 07777;
	int r = get_owner(
		"uid", t->pax.has_uid, t->pax.uid, b->uid, sizeof(b->uid), &entry->uid, e);
	if (r == 0)
		r = get_owner(
			"gid", t->pax.has_gid, t->pax.gid, b->gid, sizeof(b->gid), &entry->gid, e);
	if (r < 0)
		return r;
	entry->mtime = t->pax.mtime;
	entry->mtime_ns = t->pax.mtime_ns;
	if (!t->pax.has_mtime) {
		if (!get_number(b->mtime, sizeof(b->mtime), &entry->mtime))
			return err_set(e, ERR_FORMAT, "bad time in the header");
		entry->mtime_ns = 0;
	}
	if (entry->type != LAYER_CHAR && entry->type != LAYER_BLOCK)
		return 0;
	int64_t major, minor;
	if (!get_number(b->major, sizeof(b->major), &major) ||
		!get_number(b->minor, sizeof(b->minor), &minor) || major < 0 || major > 4095 ||
		minor < 0 || minor > 0xfffff)
		return err_set(e, ERR_LIMIT, "device number out of range");
	entry->rdev_major = (uint32_t)major;
	entry->rdev_minor = (uint32_t)minor;
	return 0;
}

static int get_link(struct layer_tar *t, struct layer_entry *entry, struct err *e)
{
	if (entry->type != LAYER_SYMLINK && entry->type != LAYER_HARDLINK)
		return 0;
	const struct tar_block *b = &t->block;
	if (!t->pax.has_linkpath) {
		buf_clear(&t->pax.linkpath);
		buf_add(&t->pax.linkpath, b->linkname, strnlen(b->linkname, sizeof(b->linkname)));
	}
	const char *text = buf_str(&t->pax.linkpath);
	if (t->pax.linkpath.len >= LIMIT_TAR_PATH)
		return err_set(e, ERR_LIMIT, "link target longer than %d bytes", LIMIT_TAR_PATH);
	if (!*text)
		return err_set(e, ERR_FORMAT, "link without a target");
	entry->linkname = text;
	if (entry->type == LAYER_HARDLINK) {
		int r = layer_path_clean(text, t->link, e);
		if (r < 0)
			return err_wrap(e, r, "hard link target");
		entry->linkname = t->link;
	}
	return 0;
}

/* Everything the headers say, into entry. */
static int get_entry(struct layer_tar *t, struct layer_entry *entry, struct err *e)
{
	if (!t->pax.has_path)
		header_name(&t->block, &t->pax.path);
	const char *raw = buf_str(&t->pax.path);
	size_t raw_len = t->pax.path.len;
	bool slash = raw_len && raw[raw_len - 1] == '/';
	int r = layer_path_clean(raw, t->path, e);
	if (r >= 0)
		r = get_type(t->block.type, slash, &entry->type, e);
	if (r == 0 && !*t->path && entry->type != LAYER_DIR)
		r = err_set(e, ERR_FORMAT, "entry without a name");
	entry->path = t->path;
	if (r == 0)
		r = get_numbers(t, entry, e);
	if (r == 0)
		r = get_link(t, entry, e);
	return r < 0 ? err_wrap(e, r, "'%.200s'", raw) : 0;
}

/* After the headers of an entry: tells it, and prepares for its data. */
static int begin_entry(struct layer_tar *t, uint64_t size, struct err *e)
{
	struct layer_entry entry = {0};
	int r = get_entry(t, &entry, e);
	if (r < 0)
		return r;
	if (++t->entries > LIMIT_LAYER_ENTRIES)
		return err_set(e, ERR_LIMIT, "more than %d entries", LIMIT_LAYER_ENTRIES);
	/* as Go's reader does: links, directories and nodes have no data whatever size says */
	entry.size = entry.type == LAYER_FILE ? size : 0;
	entry.offset = t->offset;
	entry.xattrs = tar_pax_xattrs(&t->pax);
	entry.n_xattrs = t->pax.n_xattrs;
	t->content += entry.size;
	t->remaining = entry.size;
	t->padding = (size_t)(-entry.size & 511);
	t->in_entry = true;
	t->state = entry.size ? IN_DATA : IN_PADDING;
	r = t->ops->entry ? t->ops->entry(t->ctx, &entry, e) : 0;
	tar_pax_clear(&t->pax);
	return r;
}

static int begin_meta(struct layer_tar *t, uint64_t size, struct err *e)
{
	if (size > LIMIT_PAX_HEADER)
		return err_set(e, ERR_LIMIT, "extended header of %" PRIu64 " bytes", size);
	buf_clear(&t->meta);
	/* global headers and volume labels are skipped, as docker does */
	bool skip = t->block.type == 'g' || t->block.type == 'V';
	t->meta_type = skip ? 0 : t->block.type;
	t->remaining = size;
	t->padding = (size_t)(-size & 511);
	t->state = IN_META;
	return 0;
}

static int end_meta(struct layer_tar *t, struct err *e)
{
	/* padding 0 and no data: the next state follows at once */
	t->state = IN_PADDING;
	const char *p = buf_str(&t->meta);
	switch (t->meta_type) {
	case 'x':
		return tar_pax_parse(&t->pax, p, t->meta.len, e);
	case 'L':
		if (!t->pax.has_path) {
			buf_clear(&t->pax.path);
			buf_add_str(&t->pax.path, p);
			t->pax.has_path = true;
		}
		return 0;
	case 'K':
		if (!t->pax.has_linkpath) {
			buf_clear(&t->pax.linkpath);
			buf_add_str(&t->pax.linkpath, p);
			t->pax.has_linkpath = true;
		}
		return 0;
	default:
		return 0;
	}
}

/* t->block holds a whole header */
static int take_header(struct layer_tar *t, struct err *e)
{
	const struct tar_block *b = &t->block;
	if (is_zero(b)) {
		if (t->zero_seen)
			t->state = AT_END;
		t->zero_seen = true;
		return 0;
	}
	if (t->zero_seen || !checksum_fits(b))
		return err_set(e, ERR_FORMAT, "not a tar header");
	int64_t size;
	if (!get_number(b->size, sizeof(b->size), &size) || size < 0)
		return err_set(e, ERR_FORMAT, "bad size in the header");
	switch (b->type) {
	case 'x':
	case 'g':
	case 'L':
	case 'K':
	case 'V':
		return begin_meta(t, (uint64_t)size, e);
	default:
		break;
	}
	uint64_t real = t->pax.has_size ? t->pax.size : (uint64_t)size;
	if (real > LIMIT_LAYER_SIZE)
		return err_set(e, ERR_LIMIT, "file of %" PRIu64 " bytes", real);
	return begin_entry(t, real, e);
}

/* Takes what the state wants from p; returns how many bytes, or an error. */
static ssize_t take(struct layer_tar *t, const char *p, size_t len, struct err *e)
{
	size_t n;
	int r = 0;
	switch (t->state) {
	case AT_HEADER:
		n = MIN(len, sizeof(t->block) - t->have);
		memcpy((char *)&t->block + t->have, p, n);
		t->have += n;
		t->offset += n;
		if (t->have == sizeof(t->block)) {
			t->have = 0;
			r = take_header(t, e);
		}
		return r < 0 ? r : (ssize_t)n;
	case IN_META:
		n = (size_t)MIN(len, t->remaining);
		t->remaining -= n;
		t->offset += n;
		if (t->meta_type)
			r = buf_add(&t->meta, p, n);
		if (r == 0 && t->remaining == 0)
			r = end_meta(t, e);
		return r < 0 ? r : (ssize_t)n;
	case IN_DATA:
		n = (size_t)MIN(len, t->remaining);
		t->remaining -= n;
		t->offset += n;
		if (t->ops->data)
			r = t->ops->data(t->ctx, p, n, e);
		if (t->remaining == 0)
			t->state = IN_PADDING;
		return r < 0 ? r : (ssize_t)n;
	case IN_PADDING:
		n = MIN(len, t->padding);
		t->padding -= n;
		t->offset += n;
		return (ssize_t)n;
	case AT_END:
		t->offset += len;
		return (ssize_t)len;
	case BROKEN:
		break;
	}
	return err_set(e, ERR_FORMAT, "the tar reader has failed before");
}

/* States that need no further byte to end */
static int settle(struct layer_tar *t, struct err *e)
{
	int r = 0;
	if (t->state == IN_META && t->remaining == 0)
		r = end_meta(t, e);
	if (r == 0 && t->state == IN_PADDING && t->padding == 0) {
		t->state = AT_HEADER;
		if (t->in_entry && t->ops->end)
			r = t->ops->end(t->ctx, e);
		t->in_entry = false;
	}
	return r;
}

int layer_tar_push(struct layer_tar *t, const void *data, size_t len, struct err *e)
{
	const char *p = data;
	while (len) {
		ssize_t n = take(t, p, len, e);
		int r = n < 0 ? (int)n : settle(t, e);
		if (r < 0) {
			t->state = BROKEN;
			return err_wrap(e, r, "tar entry %" PRIu64 " before byte %" PRIu64,
				t->entries, t->offset);
		}
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

uint64_t layer_tar_skip(struct layer_tar *t)
{
	if (t->state != IN_DATA || !t->remaining)
		return 0;
	/* all but the last byte: so the state moves on by itself with the next push */
	uint64_t n = t->remaining - 1;
	t->remaining = 1;
	t->offset += n;
	return n;
}

int layer_tar_finish(struct layer_tar *t, struct err *e)
{
	if (t->state == AT_END)
		return 0;
	if (t->state == AT_HEADER && t->have == 0 && !t->pax.has_path && t->pax.n_xattrs == 0)
		return 0;
	t->state = BROKEN;
	return err_set(e, ERR_FORMAT,
		"tar ends inside entry %" PRIu64 ", after %" PRIu64 " bytes: it is truncated",
		t->entries, t->offset);
}
