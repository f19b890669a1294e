/* Tar headers for new layers; see the header. Data is written by layer/writer.c. */
#include "layer/tar_write.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "layer/tar_format_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static char type_flag(enum layer_type type)
{
	static const char flags[] = {
		[LAYER_FILE] = '0',
		[LAYER_DIR] = '5',
		[LAYER_SYMLINK] = '2',
		[LAYER_HARDLINK] = '1',
		[LAYER_CHAR] = '3',
		[LAYER_BLOCK] = '4',
		[LAYER_FIFO] = '6',
	};
	return flags[type];
}

/* Octal with a closing 0 byte. False when it does not fit: the field is then all zeros. */
static bool put_octal(char *field, size_t size, uint64_t value)
{
	bool fits = value >> (3 * (size - 1)) == 0;
	if (!fits)
		value = 0;
	field[size - 1] = 0;
	for (size_t i = size - 1; i-- > 0; value >>= 3)
		field[i] = (char)('0' + (value & 7));
	return fits;
}

/* Puts a name into name and prefix. False when it fits neither way: then its beginning. */
static bool put_name(struct tar_block *b, const char *name, size_t len)
{
	if (len <= sizeof(b->name)) {
		memcpy(b->name, name, len);
		return true;
	}
	/* the last slash that leaves at most 100 bytes behind it and 155 before it */
	for (size_t i = MIN(len - 2, sizeof(b->prefix)); i > 0; i--) {
		if (name[i] != '/')
			continue;
		if (len - i - 1 > sizeof(b->name))
			break;
		memcpy(b->prefix, name, i);
		memcpy(b->name, name + i + 1, len - i - 1);
		return true;
	}
	memcpy(b->name, name, sizeof(b->name));
	return false;
}

/* "LEN key=value\n", where LEN counts its own digits. */
static void add_record(struct buf *b, const char *key, const void *value, size_t len)
{
	size_t body = strlen(key) + len + 3; /* blank, '=', newline */
	size_t total = body + 1;
	for (size_t digits = 1;; digits++) {
		total = body + digits;
		if ((size_t)snprintf(NULL, 0, "%zu", total) == digits)
			break;
	}
	buf_printf(b, "%zu %s=", total, key);
	buf_add(b, value, len);
	buf_add_char(b, '\n');
}

static void add_number(struct buf *b, const char *key, uint64_t value)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%" PRIu64, value);
	add_record(b, key, text, (size_t)n);
}

static void add_mtime(struct buf *b, const struct layer_entry *entry, bool fraction)
{
	char text[48];
	int64_t s = entry->mtime;
	uint32_t ns = fraction ? entry->mtime_ns : 0;
	int n;
	if (s < 0 && ns) {
		/* -1.25 is second -2 and 750 million nanoseconds */
		n = snprintf(text, sizeof(text), "-%" PRId64 ".%09u", -(s + 1), 1000000000U - ns);
	} else if (ns) {
		n = snprintf(text, sizeof(text), "%" PRId64 ".%09u", s, ns);
	} else {
		n = snprintf(text, sizeof(text), "%" PRId64, s);
	}
	while (ns && text[n - 1] == '0')
		n--;
	add_record(b, "mtime", text, (size_t)n);
}

static int add_xattrs(struct buf *b, const struct layer_entry *entry, struct err *e)
{
	size_t total = 0;
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		const struct layer_xattr *x = &entry->xattrs[i];
		char key[sizeof("SCHILY.xattr.") + LIMIT_TAR_COMPONENT];
		int n = snprintf(key, sizeof(key), "SCHILY.xattr.%s", x->name);
		total += x->len;
		if (n >= (int)sizeof(key) || strchr(x->name, '=') || total > LIMIT_TAR_XATTRS)
			return err_set(e, ERR_LIMIT,
				"'%s': extended attribute '%.100s' has no place in a tar",
				entry->path, x->name);
		add_record(b, key, x->value, x->len);
	}
	return 0;
}

static void seal(struct tar_block *b)
{
	memcpy(b->magic, "ustar", 6);
	memcpy(b->version, "00", 2);
	put_octal(b->checksum, 7, tar_block_sum(b));
	b->checksum[7] = ' ';
}

/* The extended header (type 'x') that carries the records. Its name says nothing about the entry,
 * so that it has one form only. */
static void add_extended(struct buf *out, const struct buf *records)
{
	struct tar_block x;
	memset(&x, 0, sizeof(x));
	memcpy(x.name, "PaxHeaders.0/entry", 18);
	put_octal(x.mode, sizeof(x.mode), 0644);
	put_octal(x.uid, sizeof(x.uid), 0);
	put_octal(x.gid, sizeof(x.gid), 0);
	put_octal(x.size, sizeof(x.size), records->len);
	put_octal(x.mtime, sizeof(x.mtime), 0);
	x.type = 'x';
	seal(&x);
	static const char zeros[LAYER_TAR_BLOCK];
	buf_add(out, &x, sizeof(x));
	buf_add(out, records->data, records->len);
	buf_add(out, zeros, layer_tar_padding(records->len));
}

/* Fills b; what does not fit goes to records. Record order is part of our format. */
static int fill(struct tar_block *b, struct buf *records, const struct layer_entry *entry,
	enum layer_tar_flags flags, struct err *e)
{
	char path[LIMIT_TAR_PATH + 2];
	bool dir = entry->type == LAYER_DIR;
	const char *base = *entry->path ? entry->path : ".";
	int len = snprintf(path, sizeof(path), "%s%s", base, dir ? "/" : "");
	if (len < 0 || len >= (int)sizeof(path))
		return err_set(e, ERR_LIMIT, "path '%.200s...' is too long", entry->path);
	if (!put_name(b, path, (size_t)len))
		add_record(records, "path", path, (size_t)len);
	bool link = entry->type == LAYER_SYMLINK || entry->type == LAYER_HARDLINK;
	if (link) {
		size_t n = strlen(entry->linkname);
		memcpy(b->linkname, entry->linkname, MIN(n, sizeof(b->linkname)));
		if (n > sizeof(b->linkname))
			add_record(records, "linkpath", entry->linkname, n);
	}
	put_octal(b->mode, sizeof(b->mode), entry->mode & 07777);
	if (!put_octal(b->uid, sizeof(b->uid), entry->uid))
		add_number(records, "uid", entry->uid);
	if (!put_octal(b->gid, sizeof(b->gid), entry->gid))
		add_number(records, "gid", entry->gid);
	uint64_t size = entry->type == LAYER_FILE ? entry->size : 0;
	if (!put_octal(b->size, sizeof(b->size), size))
		add_number(records, "size", size);
	bool fraction = (flags & LAYER_TAR_NANOSECONDS) && entry->mtime_ns;
	bool early = entry->mtime < 0;
	if (!put_octal(b->mtime, sizeof(b->mtime), early ? 0 : (uint64_t)entry->mtime) || early ||
		fraction)
		add_mtime(records, entry, fraction);
	if (entry->type == LAYER_CHAR || entry->type == LAYER_BLOCK) {
		if (!put_octal(b->major, sizeof(b->major), entry->rdev_major) ||
			!put_octal(b->minor, sizeof(b->minor), entry->rdev_minor))
			return err_set(e, ERR_LIMIT, "'%s': device number %u:%u is too large",
				entry->path, entry->rdev_major, entry->rdev_minor);
	}
	b->type = type_flag(entry->type);
	return add_xattrs(records, entry, e);
}

int layer_tar_header(
	struct buf *out, const struct layer_entry *entry, enum layer_tar_flags flags, struct err *e)
{
	struct tar_block b;
	memset(&b, 0, sizeof(b));
	struct buf records cleanup_buf = BUF_INIT;
	int r = fill(&b, &records, entry, flags, e);
	if (r < 0)
		return r;
	if (records.len)
		add_extended(out, &records);
	seal(&b);
	buf_add(out, &b, sizeof(b));
	return 0;
}
