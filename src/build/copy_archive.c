/*
 * ADD of a local archive: its entries go into the layer as they stream in.
 * Paths in it are untrusted: normalised by the tar reader, resolved inside the
 * image, and what stands for deletions in a layer is refused.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/copy_priv.h"
#include "layer/archive.h"
#include "layer/writer.h"

#include <string.h>
#include <sys/stat.h>

struct unpacker {
	struct copier *c;
	const char *dest;
	char *dir, *real; /* the last directory that was resolved, and what it is */
	bool skip;        /* the present entry's data is not wanted */
};

static const char *dir_of(const char *path, size_t *len)
{
	const char *slash = strrchr(path, '/');
	*len = slash ? (size_t)(slash - path) : 0;
	return slash ? slash + 1 : path;
}

/* Where an entry goes: its directory through the image's links, its name as it is. */
static int place(struct unpacker *u, const char *path, char **ret, struct err *e)
{
	cleanup_free char *full = mem_printf("%s%s%s", u->dest, *u->dest && *path ? "/" : "", path);
	size_t len;
	const char *name = dir_of(full, &len);
	cleanup_free char *dir = mem_strndup(full, len);
	if (!u->dir || !str_eq(u->dir, dir)) {
		char *real;
		int r = build_dest_resolve(&u->c->dest, dir, &real, e);
		if (r < 0)
			return r;
		free(u->dir);
		free(u->real);
		u->dir = STEAL(dir);
		u->real = real;
	}
	*ret = mem_printf("%s%s%s", u->real, *u->real && *name ? "/" : "", name);
	return 0;
}

/* A directory that the image has behind a link keeps the link. 1: nothing to write. */
static int dir_behind_link(struct unpacker *u, const char *to, struct err *e)
{
	int type = build_dest_type(&u->c->dest, to, e);
	if (type != S_IFLNK)
		return type < 0 ? type : 0;
	cleanup_free char *real = NULL;
	int r = build_dest_resolve(&u->c->dest, to, &real, e);
	if (r < 0)
		return r;
	type = build_dest_type(&u->c->dest, real, e);
	return type < 0 ? type : type == S_IFDIR;
}

static int on_entry(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct unpacker *u = ctx;
	struct layer_entry out = *entry;
	cleanup_free char *to = NULL, *link = NULL;
	u->skip = true;
	int r = place(u, entry->path, &to, e);
	if (r < 0)
		return r;
	if (!*to)
		return 0; /* the root directory stays as it is */
	if (entry->type == LAYER_DIR) {
		r = dir_behind_link(u, to, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (entry->type == LAYER_CHAR && !entry->rdev_major && !entry->rdev_minor)
		return 0; /* overlayfs takes such a one for a deleted file */
	out.path = to;
	if (entry->type == LAYER_HARDLINK) {
		r = place(u, entry->linkname, &link, e);
		if (r < 0)
			return r;
		out.linkname = link;
	}
	if (u->c->own) {
		out.uid = u->c->dest.uid;
		out.gid = u->c->dest.gid;
	}
	if (out.type != LAYER_SYMLINK)
		out.mode = copier_mode(u->c, layer_entry_stat_mode(entry));
	out.mtime = u->c->job->has_epoch ? MIN(entry->mtime, u->c->job->epoch) : entry->mtime;
	if (entry->type != LAYER_FILE)
		return build_dest_add(&u->c->dest, &out, -1, e);
	r = build_dest_parents(&u->c->dest, to, e);
	if (r >= 0 &&
		str_starts(strrchr(to, '/') ? strrchr(to, '/') + 1 : to, LAYER_WHITEOUT_PREFIX))
		r = err_set(e, ERR_FORMAT, "'%s' cannot be stored in a layer", to);
	u->skip = false;
	return r < 0 ? r : layer_writer_begin(u->c->dest.w, &out, e);
}

static int on_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct unpacker *u = ctx;
	return u->skip ? 0 : layer_writer_data(u->c->dest.w, p, len, e);
}

int copier_unpack(struct copier *c, int fd, const char *dest, struct err *e)
{
	static const struct layer_tar_ops ops = {.entry = on_entry, .data = on_data};
	struct unpacker u = {.c = c, .dest = dest};
	int type = build_dest_type(&c->dest, dest, e);
	int r = type < 0 ? type : build_dest_dir(&c->dest, dest, e);
	if (r >= 0)
		r = layer_archive_read(fd, &ops, &u, e);
	free(u.dir);
	free(u.real);
	return r;
}
