/*
 * docker's A, C and D of a container: the upper directory is walked, the image
 * asked for each path. Directories are a work list, not a recursion: their depth
 * is the container's choice.
 */
#include "transport/container_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct change {
	struct transport_difference d;
	char *path;   /* normalised */
	bool certain; /* false: a directory of the image that counts only if something in it does */
};

struct diff {
	int upper;
	struct transport_stack *image;
	struct strv stubs;
	struct strv dirs;   /* still to be read */
	struct strv opaque; /* directories that hide the image's content */
	struct change *v;
	size_t n, cap;
};

static void diff_release(struct diff *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->v[i].path);
	free(d->v);
	strv_release(&d->stubs);
	strv_release(&d->dirs);
	strv_release(&d->opaque);
}

static struct change *add_change(struct diff *d, const char *path, enum layer_change kind)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 64;
		d->v = mem_realloc(d->v, d->cap, sizeof(*d->v));
	}
	struct change *c = &d->v[d->n++];
	*c = (struct change){.d = {.change = kind}, .path = mem_strdup(path), .certain = true};
	return c;
}

static bool is_below(const char *path, const struct strv *dirs)
{
	for (size_t i = 0; i < dirs->n; i++) {
		size_t len = strlen(dirs->v[i]);
		if (!strncmp(path, dirs->v[i], len) && path[len] == '/')
			return true;
	}
	return false;
}

static bool is_opaque(int dirfd)
{
	char value[2];
	ssize_t n = fgetxattr(dirfd, "trusted.overlay.opaque", value, sizeof(value));
	if (n < 0) /* of an overlay in a user namespace */
		n = fgetxattr(dirfd, "user.overlay.opaque", value, sizeof(value));
	return n == 1 && value[0] == 'y';
}

/* A mount point that was made in a directory has touched it. */
static bool holds_stub(const struct diff *d, const char *path)
{
	size_t len = strlen(path);
	for (size_t i = 0; i < d->stubs.n; i++) {
		const char *slash = strrchr(d->stubs.v[i], '/');
		if (slash && (size_t)(slash - d->stubs.v[i]) == len &&
			!strncmp(d->stubs.v[i], path, len))
			return true;
	}
	return false;
}

static bool same_meta(const struct diff *d, const char *path, const struct stat *st,
	const struct layer_tree_node *node)
{
	return st->st_mode == node->mode && st->st_uid == node->uid && st->st_gid == node->gid &&
	       (st->st_mtime == node->mtime || holds_stub(d, path));
}

static int look_at(struct diff *d, const char *path, const struct stat *st, struct err *e)
{
	struct layer_tree_node node = {0};
	int below = is_below(path, &d->opaque) ? 0 : transport_stack_find(d->image, path, &node, e);
	if (below < 0)
		return below;
	if (S_ISCHR(st->st_mode) && st->st_rdev == makedev(0, 0)) {
		if (!below)
			return 0;
		struct change *c = add_change(d, path, LAYER_DELETED);
		c->d.mode = node.mode;
		c->d.old_size = S_ISREG(node.mode) ? node.size : 0;
		return 0;
	}
	if (strv_has(&d->stubs, path))
		return 0;
	struct change *c = add_change(d, path, below ? LAYER_CHANGED : LAYER_ADDED);
	c->d.mode = st->st_mode;
	c->d.new_size = S_ISREG(st->st_mode) ? (uint64_t)st->st_size : 0;
	c->d.old_size = below && S_ISREG(node.mode) ? node.size : 0;
	if (S_ISDIR(st->st_mode)) {
		c->certain = !below || !S_ISDIR(node.mode) || !same_meta(d, path, st, &node);
		strv_add(&d->dirs, path);
	}
	return 0;
}

static int read_dir(struct diff *d, const char *path, struct err *e)
{
	int fd = root_open(d->upper, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return fd;
	DIR *dir cleanup_dir = fdopendir(fd);
	if (!dir)
		return err_sys(e, "read '%s'", path);
	if (*path && is_opaque(fd))
		strv_add(&d->opaque, path);
	struct dirent *entry;
	while ((errno = 0, entry = readdir(dir))) {
		struct stat st;
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, ".."))
			continue;
		char *name cleanup_free =
			mem_printf("%s%s%s", path, *path ? "/" : "", entry->d_name);
		if (fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT) /* gone since: the container runs */
				continue;
			return err_sys(e, "stat '%s'", name);
		}
		int r = look_at(d, name, &st, e);
		if (r < 0)
			return r;
	}
	return errno ? err_sys(e, "read '%s'", path) : 0;
}

/* What an opaque directory hides is deleted, unless the upper directory has it again. */
static int find_hidden(void *ctx, const char *path, const struct layer_tree_node *node,
	size_t layer, struct err *e)
{
	struct diff *d = ctx;
	struct stat st;
	if (!is_below(path, &d->opaque))
		return 0;
	/* below something that is reported as deleted already */
	struct change *last = d->n ? &d->v[d->n - 1] : NULL;
	size_t len = last ? strlen(last->path) : 0;
	if (last && last->d.change == LAYER_DELETED && !strncmp(path, last->path, len) &&
		path[len] == '/')
		return 0;
	int fd cleanup_fd = root_open_path(d->upper, path, true, NULL);
	if (fd >= 0 && fstat(fd, &st) == 0)
		return 0;
	struct change *c = add_change(d, path, LAYER_DELETED);
	c->d.mode = node->mode;
	c->d.old_size = S_ISREG(node->mode) ? node->size : 0;
	return 0;
}

/* '/' sorts before everything: a directory stands directly before what is in it. */
static int compare_paths(const void *a, const void *b)
{
	const unsigned char *x = (const unsigned char *)((const struct change *)a)->path;
	const unsigned char *y = (const unsigned char *)((const struct change *)b)->path;
	while (*x && *x == *y) {
		x++;
		y++;
	}
	int cx = *x == '/' ? 1 : *x, cy = *y == '/' ? 1 : *y;
	return cx - cy;
}

static int tell(struct diff *d, transport_diff_fn fn, void *ctx, struct err *e)
{
	if (d->n)
		qsort(d->v, d->n, sizeof(*d->v), compare_paths);
	/* from the end: what holds a change has changed */
	for (size_t i = d->n; i-- > 0;) {
		struct change *c = &d->v[i];
		size_t len = strlen(c->path);
		struct change *next = i + 1 < d->n ? &d->v[i + 1] : NULL;
		for (size_t k = i + 1; !c->certain && k < d->n; k++) {
			next = &d->v[k];
			if (strncmp(next->path, c->path, len) != 0 || next->path[len] != '/')
				break;
			c->certain = next->certain;
		}
	}
	for (size_t i = 0; i < d->n; i++) {
		if (!d->v[i].certain)
			continue;
		char *path cleanup_free = mem_printf("/%s", d->v[i].path);
		d->v[i].d.path = path;
		int r = fn(ctx, &d->v[i].d, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int collect(struct diff *d, const struct transport_container *c, struct err *e)
{
	int r = transport_container_stubs(c, d->upper, d->image, &d->stubs, e);
	if (r >= 0)
		r = read_dir(d, "", e);
	while (r >= 0 && d->dirs.n) {
		char *path cleanup_free = d->dirs.v[--d->dirs.n];
		d->dirs.v[d->dirs.n] = NULL;
		r = read_dir(d, path, e);
	}
	if (r >= 0 && d->opaque.n)
		r = layer_stack_walk(d->image->v, d->image->n, find_hidden, d, e);
	return r;
}

int transport_container_diff(struct store *s, const struct transport_container *c,
	transport_diff_fn fn, void *ctx, struct err *e)
{
	int upper cleanup_fd = transport_container_upper(c, e);
	if (upper == -ENOENT)
		return 0;
	if (upper < 0)
		return upper;
	struct transport_stack image cleanup_transport_stack = {0};
	int r = transport_stack_open(s, &c->layers, &image, e);
	if (r < 0)
		return r;
	struct diff d cleanup(diff_release) = {.upper = upper, .image = &image};
	r = collect(&d, c, e);
	return r < 0 ? r : tell(&d, fn, ctx, e);
}
