/* The records of pax extended headers; see the header. */
#include "layer/tar_pax_priv.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void tar_pax_release(struct tar_pax *x)
{
	buf_release(&x->path);
	buf_release(&x->linkpath);
	buf_release(&x->xattr_bytes);
	free(x->xattrs);
	free(x->list);
}

void tar_pax_clear(struct tar_pax *x)
{
	x->has_path = x->has_linkpath = x->has_size = false;
	x->has_uid = x->has_gid = x->has_mtime = false;
	x->n_xattrs = 0;
	buf_clear(&x->path);
	buf_clear(&x->linkpath);
	buf_clear(&x->xattr_bytes);
}

static bool parse_number(const char *p, size_t len, uint64_t *ret)
{
	uint64_t n = 0;
	if (len == 0)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned digit = (unsigned char)p[i] - '0';
		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*ret = n;
	return true;
}

bool tar_pax_time(const char *p, size_t len, int64_t *ret_s, uint32_t *ret_ns)
{
	bool negative = len && *p == '-';
	if (negative)
		p++, len--;
	const char *dot = memchr(p, '.', len);
	size_t whole = dot ? (size_t)(dot - p) : len;
	uint64_t s, ns = 0;
	if (!parse_number(p, whole, &s) || s > INT64_MAX / 2)
		return false;
	unsigned digits = 0;
	for (size_t i = whole + 1; i < len; i++) {
		unsigned digit = (unsigned char)p[i] - '0';
		if (digit > 9)
			return false;
		if (digits < 9) {
			ns = ns * 10 + digit;
			digits++;
		}
	}
	for (; digits < 9; digits++)
		ns *= 10;
	*ret_s = negative ? -(int64_t)s : (int64_t)s;
	*ret_ns = (uint32_t)ns;
	if (negative && ns) {
		*ret_s -= 1;
		*ret_ns = 1000000000U - (uint32_t)ns;
	}
	return true;
}

static int add_xattr(struct tar_pax *x, const char *name, size_t name_len, const char *value,
	size_t len, struct err *e)
{
	if (name_len == 0 || name_len > LIMIT_TAR_COMPONENT || memchr(name, 0, name_len))
		return err_set(e, ERR_FORMAT, "extended attribute with a bad name");
	if (x->xattr_bytes.len + len > LIMIT_TAR_XATTRS)
		return err_set(e, ERR_LIMIT, "more than %d bytes of extended attributes",
			LIMIT_TAR_XATTRS);
	size_t i;
	for (i = 0; i < x->n_xattrs; i++) {
		/* a name that comes again replaces the first */
		const char *have = x->xattr_bytes.data + x->xattrs[i].name;
		if (strlen(have) == name_len && memcmp(have, name, name_len) == 0)
			break;
	}
	if (i == x->cap_xattrs) {
		x->cap_xattrs = x->cap_xattrs ? 2 * x->cap_xattrs : 8;
		x->xattrs = mem_realloc(x->xattrs, x->cap_xattrs, sizeof(*x->xattrs));
	}
	if (i == x->n_xattrs)
		x->n_xattrs++;
	struct tar_pax_xattr *a = &x->xattrs[i];
	a->name = (uint32_t)x->xattr_bytes.len;
	buf_add(&x->xattr_bytes, name, name_len);
	buf_add_char(&x->xattr_bytes, 0);
	a->value = (uint32_t)x->xattr_bytes.len;
	a->len = (uint32_t)len;
	buf_add(&x->xattr_bytes, value, len);
	buf_add_char(&x->xattr_bytes, 0);
	return 0;
}

static bool key_is(const char *key, size_t len, const char *want)
{
	return strlen(want) == len && memcmp(key, want, len) == 0;
}

static int take_text(struct buf *b, bool *has, const char *v, size_t len, struct err *e)
{
	if (memchr(v, 0, len))
		return err_set(e, ERR_FORMAT, "a name in an extended header holds a 0 byte");
	buf_clear(b);
	buf_add(b, v, len);
	*has = len > 0; /* an empty value takes the record back */
	return 0;
}

static int take_number(
	uint64_t *n, bool *has, const char *key, const char *v, size_t len, struct err *e)
{
	*has = len > 0;
	if (len && !parse_number(v, len, n))
		return err_set(e, ERR_FORMAT, "bad number for '%s' in an extended header", key);
	return 0;
}

static int take_record(
	struct tar_pax *x, const char *key, size_t klen, const char *v, size_t len, struct err *e)
{
	static const char xattr[] = "SCHILY.xattr.";
	if (klen > sizeof(xattr) - 1 && memcmp(key, xattr, sizeof(xattr) - 1) == 0)
		return add_xattr(x, key + sizeof(xattr) - 1, klen - sizeof(xattr) + 1, v, len, e);
	if (key_is(key, klen, "path"))
		return take_text(&x->path, &x->has_path, v, len, e);
	if (key_is(key, klen, "linkpath"))
		return take_text(&x->linkpath, &x->has_linkpath, v, len, e);
	if (key_is(key, klen, "size"))
		return take_number(&x->size, &x->has_size, "size", v, len, e);
	if (key_is(key, klen, "uid"))
		return take_number(&x->uid, &x->has_uid, "uid", v, len, e);
	if (key_is(key, klen, "gid"))
		return take_number(&x->gid, &x->has_gid, "gid", v, len, e);
	if (key_is(key, klen, "mtime")) {
		x->has_mtime = len > 0;
		if (len && !tar_pax_time(v, len, &x->mtime, &x->mtime_ns))
			return err_set(e, ERR_FORMAT, "bad time in an extended header");
		return 0;
	}
	if (klen > 10 && memcmp(key, "GNU.sparse", 10) == 0)
		return err_set(e, ERR_UNSUPPORTED, "sparse file (pax format of GNU tar)");
	return 0;
}

int tar_pax_parse(struct tar_pax *x, const char *p, size_t len, struct err *e)
{
	while (len) {
		const char *blank = memchr(p, ' ', MIN(len, (size_t)20));
		uint64_t n;
		if (!blank || !parse_number(p, (size_t)(blank - p), &n) || n > len ||
			n < (uint64_t)(blank - p) + 3 || p[n - 1] != '\n')
			return err_set(e, ERR_FORMAT, "malformed record in an extended header");
		const char *key = blank + 1;
		const char *end = p + n - 1;
		const char *eq = memchr(key, '=', (size_t)(end - key));
		if (!eq)
			return err_set(e, ERR_FORMAT, "record without '=' in an extended header");
		int r = take_record(x, key, (size_t)(eq - key), eq + 1, (size_t)(end - eq - 1), e);
		if (r < 0)
			return r;
		p += n;
		len -= n;
	}
	return 0;
}

const struct layer_xattr *tar_pax_xattrs(struct tar_pax *x)
{
	if (x->n_xattrs == 0)
		return NULL;
	x->list = mem_realloc(x->list, x->n_xattrs, sizeof(*x->list));
	for (size_t i = 0; i < x->n_xattrs; i++) {
		x->list[i].name = x->xattr_bytes.data + x->xattrs[i].name;
		x->list[i].value = x->xattr_bytes.data + x->xattrs[i].value;
		x->list[i].len = x->xattrs[i].len;
	}
	return x->list;
}
