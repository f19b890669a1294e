/* Extended attributes in their EROFS form. Names that EROFS has no number for, and those that
 * would steer overlayfs, are left out: the latter are ours alone to set. */
#include "base/buf.h"
#include "base/err.h"
#include "layer/erofs_priv.h"
#include "layer/index_priv.h"

#include <string.h>

/* icount is 16 bits wide and counts 4 bytes; room for our own opaque attribute stays free */
#define XATTRS_MOST (4 * 0xffff - 64)

static bool split_name(const char *name, uint8_t *ret_index, const char **ret_rest)
{
	static const struct {
		const char *prefix;
		uint8_t index;
	} table[] = {
		{"user.", EROFS_XATTR_USER},
		{"trusted.", EROFS_XATTR_TRUSTED},
		{"security.", EROFS_XATTR_SECURITY},
		{"system.posix_acl_access", EROFS_XATTR_ACL_ACCESS},
		{"system.posix_acl_default", EROFS_XATTR_ACL_DEFAULT},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		size_t len = strlen(table[i].prefix);
		if (strncmp(name, table[i].prefix, len) != 0)
			continue;
		bool acl = table[i].prefix[len - 1] != '.';
		if (acl != (name[len] == 0))
			continue; /* "user." alone, "system.posix_acl_access2" */
		*ret_index = table[i].index;
		*ret_rest = name + len;
		return strncmp(name + len, "overlay.", 8) != 0;
	}
	return false;
}

static int encode(struct buf *b, const struct layer_entry *entry, struct err *e)
{
	static const char zeros[4];
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		const struct layer_xattr *a = &entry->xattrs[i];
		struct erofs_xattr_entry head;
		const char *rest;
		if (!split_name(a->name, &head.name_index, &rest))
			continue;
		size_t len = strlen(rest);
		size_t size = sizeof(head) + len + a->len;
		if (len > UINT8_MAX || a->len > UINT16_MAX || b->len + size > XATTRS_MOST)
			return err_set(e, ERR_LIMIT,
				"'%.200s': extended attribute '%.100s' is too large", entry->path,
				a->name);
		head.name_len = (uint8_t)len;
		head.value_size = (uint16_t)a->len;
		buf_add(b, &head, sizeof(head));
		buf_add(b, rest, len);
		buf_add(b, a->value, a->len);
		buf_add(b, zeros, -size & 3);
	}
	return 0;
}

int index_xattrs_add(
	struct layer_index *x, const struct layer_entry *entry, uint32_t *ret, struct err *e)
{
	*ret = 0;
	if (entry->n_xattrs == 0)
		return 0;
	struct buf b cleanup_buf = BUF_INIT;
	int r = encode(&b, entry, e);
	if (r < 0 || b.len == 0)
		return r;
	/* the label of the entry before is often the same */
	if (x->last_xattrs) {
		const struct index_xattrs *last = index_xattrs_at(x, x->last_xattrs);
		if (last->size == b.len && memcmp(last->entries, b.data, b.len) == 0) {
			*ret = x->last_xattrs;
			return 0;
		}
	}
	size_t at, skip;
	r = spill_add(&x->names, -x->names.used & 3, &skip, e);
	if (r == 0)
		r = spill_add(&x->names, sizeof(struct index_xattrs) + b.len, &at, e);
	if (r < 0)
		return r;
	struct index_xattrs *out = (struct index_xattrs *)(x->names.base + at);
	out->size = (uint32_t)b.len;
	memcpy(out->entries, b.data, b.len);
	*ret = x->last_xattrs = (uint32_t)at;
	return 0;
}
