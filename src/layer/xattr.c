/* Reads extended attributes; see the header. */
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/xattr_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

enum { NAMES_MOST = 65536 }; /* XATTR_LIST_MAX */

void xattr_list_release(struct xattr_list *l)
{
	free(l->v);
	buf_release(&l->names);
	buf_release(&l->values);
	*l = (struct xattr_list){0};
}

const char *xattr_overlay_name(const char *name)
{
	static const char *const prefixes[] = {"trusted.overlay.", "user.overlay."};
	for (size_t i = 0; i < ARRAY_SIZE(prefixes); i++)
		if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
			return name + strlen(prefixes[i]);
	return NULL;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct layer_xattr *)a)->name, ((const struct layer_xattr *)b)->name);
}

static int read_value(struct xattr_list *l, const char *path, struct layer_xattr *x, struct err *e)
{
	ssize_t n = lgetxattr(path, x->name, NULL, 0);
	if (n >= 0) {
		buf_reserve(&l->values, (size_t)n + 1);
		n = lgetxattr(path, x->name, l->values.data + l->values.len, (size_t)n + 1);
	}
	if (n < 0)
		return err_sys(e, "read attribute '%s'", x->name);
	x->value = (void *)l->values.len; /* until the buffer has stopped moving */
	x->len = (size_t)n;
	l->values.len += (size_t)n;
	if (l->values.len > LIMIT_TAR_XATTRS)
		return err_set(e, ERR_LIMIT, "more than %d bytes of extended attributes",
			LIMIT_TAR_XATTRS);
	return 0;
}

int xattr_list_read(struct xattr_list *l, int dirfd, const char *name, struct err *e)
{
	/* there is no llistxattrat: through the descriptor's link, which is not followed further */
	char path[64 + LIMIT_TAR_COMPONENT];
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, name);
	l->n = 0;
	buf_clear(&l->values);
	ssize_t size = llistxattr(path, NULL, 0);
	if (size > 0) {
		buf_clear(&l->names);
		buf_reserve(&l->names, NAMES_MOST);
		size = llistxattr(path, l->names.data, NAMES_MOST);
	}
	if (size < 0)
		return errno == ENOTSUP ? 0 : err_sys(e, "list attributes of '%s'", name);
	for (char *p = l->names.data; p && p < l->names.data + size; p += strlen(p) + 1) {
		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 8;
			l->v = mem_realloc(l->v, l->cap, sizeof(*l->v));
		}
		l->v[l->n].name = p;
		int r = read_value(l, path, &l->v[l->n], e);
		if (r < 0)
			return err_wrap(e, r, "'%s'", name);
		l->n++;
	}
	for (size_t i = 0; i < l->n; i++)
		l->v[i].value = l->values.data + (size_t)l->v[i].value;
	if (l->n > 1)
		qsort(l->v, l->n, sizeof(*l->v), by_name);
	return 0;
}
