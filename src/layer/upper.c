/*
 * Walks an overlay's upper directory into a layer; see the header. A directory's
 * entries come together and in byte order, its subdirectories after them, so
 * that one descriptor is open at a time however deep the tree is.
 */
#include "layer/upper.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/strv.h"
#include "layer/writer.h"
#include "layer/xattr_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* First names of files that have several, by inode; open addressing. */
struct links {
	struct link {
		uint64_t ino;
		char *path; /* NULL: empty */
	} * slots;
	size_t n_slots;
	size_t n;
};

struct upper {
	int root;
	struct layer_writer *w;
	const struct layer_upper_options *opt;
	dev_t dev;
	struct links links;
	struct strv pending; /* directories to be read, the next one last */
	struct xattr_list xattrs;
	int64_t count;
};

static struct link *link_slot(struct link *slots, size_t n, uint64_t ino)
{
	size_t at = (ino * 0x9E3779B97F4A7C15ULL) >> 20 & (n - 1);
	while (slots[at].path && slots[at].ino != ino)
		at = (at + 1) & (n - 1);
	return &slots[at];
}

/* The slot of ino, which is empty when it is new: the caller fills it then. */
static struct link *links_get(struct links *l, uint64_t ino)
{
	if (2 * (l->n + 1) > l->n_slots) {
		size_t n = l->n_slots ? 2 * l->n_slots : 64;
		struct link *slots = mem_array(n, sizeof(*slots));
		for (size_t i = 0; i < l->n_slots; i++)
			if (l->slots[i].path)
				*link_slot(slots, n, l->slots[i].ino) = l->slots[i];
		free(l->slots);
		l->slots = slots;
		l->n_slots = n;
	}
	return link_slot(l->slots, l->n_slots, ino);
}

static void links_release(struct links *l)
{
	for (size_t i = 0; i < l->n_slots; i++)
		free(l->slots[i].path);
	free(l->slots);
}

/* Takes overlayfs's own attributes out of the list. Sets *ret_opaque; refuses what would need the
 * lower layers to be understood. */
static int sort_out_xattrs(struct xattr_list *l, const char *path, bool *ret_opaque, struct err *e)
{
	size_t kept = 0;
	*ret_opaque = false;
	for (size_t i = 0; i < l->n; i++) {
		const struct layer_xattr *x = &l->v[i];
		const char *rest = xattr_overlay_name(x->name);
		if (!rest) {
			l->v[kept++] = *x;
			continue;
		}
		if (strcmp(rest, "opaque") == 0 && x->len == 1 && *(const char *)x->value == 'y')
			*ret_opaque = true;
		if (strcmp(rest, "redirect") == 0 || strcmp(rest, "metacopy") == 0)
			return err_set(e, ERR_UNSUPPORTED,
				"'%s' is a %s of overlayfs: the mount was not made for layers",
				path, rest);
	}
	l->n = kept;
	return 0;
}

static int add_data(
	struct upper *u, struct layer_entry *entry, int dirfd, const char *name, struct err *e)
{
	if (entry->type != LAYER_FILE || entry->size == 0)
		return layer_writer_add(u->w, entry, -1, e);
	cleanup_fd int fd =
		openat(dirfd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", entry->path);
	struct stat st;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return err_set(e, EAGAIN, "'%s' changed while it was read", entry->path);
	return layer_writer_add(u->w, entry, fd, e);
}

static bool type_of(mode_t mode, enum layer_type *ret)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		*ret = LAYER_FILE;
		return true;
	case S_IFDIR:
		*ret = LAYER_DIR;
		return true;
	case S_IFLNK:
		*ret = LAYER_SYMLINK;
		return true;
	case S_IFCHR:
		*ret = LAYER_CHAR;
		return true;
	case S_IFBLK:
		*ret = LAYER_BLOCK;
		return true;
	case S_IFIFO:
		*ret = LAYER_FIFO;
		return true;
	default:
		return false;
	}
}

static struct layer_entry entry_of(const char *path, enum layer_type type, const struct stat *st)
{
	return (struct layer_entry){.path = path,
		.type = type,
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.size = type == LAYER_FILE ? (uint64_t)st->st_size : 0,
		.mtime = st->st_mtim.tv_sec,
		.mtime_ns = (uint32_t)st->st_mtim.tv_nsec,
		.rdev_major = major(st->st_rdev),
		.rdev_minor = minor(st->st_rdev)};
}

/* An entry that is neither a whiteout nor a further name of a file */
static int add_new(struct upper *u, int dirfd, const char *name, const char *path,
	enum layer_type type, const struct stat *st, struct err *e)
{
	char link[LIMIT_TAR_PATH + 1];
	struct layer_entry entry = entry_of(path, type, st);
	bool opaque = false;
	int r = xattr_list_read(&u->xattrs, dirfd, name, e);
	if (r == 0)
		r = sort_out_xattrs(&u->xattrs, path, &opaque, e);
	if (r < 0)
		return r;
	entry.xattrs = u->xattrs.v;
	entry.n_xattrs = u->xattrs.n;
	if (type == LAYER_SYMLINK) {
		ssize_t n = readlinkat(dirfd, name, link, sizeof(link) - 1);
		if (n < 0)
			return err_sys(e, "read link '%s'", path);
		link[n] = 0;
		entry.linkname = link;
	}
	r = add_data(u, &entry, dirfd, name, e);
	if (r == 0 && opaque && type == LAYER_DIR) {
		u->count++;
		r = layer_writer_opaque(u->w, path, e);
	}
	u->count++;
	return r;
}

static int add_one(struct upper *u, int dirfd, const char *name, const char *path, struct err *e)
{
	struct stat st;
	enum layer_type type;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", path);
	if (st.st_dev != u->dev)
		return err_set(
			e, ERR_UNSUPPORTED, "'%s' is a mount point in an upper directory", path);
	if (!type_of(st.st_mode, &type))
		return 0; /* a socket */
	if (type == LAYER_CHAR && st.st_rdev == makedev(0, 0)) {
		u->count++;
		return layer_writer_whiteout(u->w, path, e);
	}
	if (type == LAYER_DIR) {
		strv_add(&u->pending, path);
	} else if (st.st_nlink > 1) {
		struct link *l = links_get(&u->links, st.st_ino);
		if (l->path) {
			struct layer_entry entry = entry_of(path, LAYER_HARDLINK, &st);
			entry.size = 0;
			entry.linkname = l->path;
			u->count++;
			return layer_writer_add(u->w, &entry, -1, e);
		}
		l->ino = st.st_ino;
		l->path = mem_strdup(path);
		u->links.n++;
	}
	return add_new(u, dirfd, name, path, type, &st, e);
}

static int list_names(int fd, struct strv *names, struct err *e)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return err_sys(e, "read directory");
	for (;;) {
		errno = 0;
		struct dirent *ent = readdir(d);
		if (!ent)
			break;
		if (strcmp(ent->d_name, ".") != 0 && strcmp(ent->d_name, "..") != 0)
			strv_add(names, ent->d_name);
	}
	if (errno)
		return err_sys(e, "read directory");
	strv_sort(names);
	return 0;
}

static bool is_excluded(const struct upper *u, const char *path)
{
	return u->opt && u->opt->exclude && strv_has(u->opt->exclude, path);
}

/* The root's own entry comes first, but only when something follows. */
static int add_root(struct upper *u, int dirfd, struct err *e)
{
	struct stat st;
	if (u->count || (u->opt && u->opt->skip_root))
		return 0;
	if (fstat(dirfd, &st) < 0)
		return err_sys(e, "stat the upper directory");
	return add_new(u, dirfd, ".", "", LAYER_DIR, &st, e);
}

static int walk_dir(struct upper *u, const char *dir, struct err *e)
{
	struct strv names cleanup_strv = STRV_INIT;
	cleanup_fd int fd =
		root_open(u->root, *dir ? dir : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return fd;
	size_t first = u->pending.n;
	int r = list_names(fd, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		cleanup_free char *path = mem_printf("%s%s%s", dir, *dir ? "/" : "", names.v[i]);
		if (is_excluded(u, path))
			continue;
		if (!*dir)
			r = add_root(u, fd, e);
		if (r == 0)
			r = add_one(u, fd, names.v[i], path, e);
	}
	/* the last of the list is read next: turn the new ones round */
	for (size_t a = first, b = u->pending.n; a + 1 < b; a++) {
		char *t = u->pending.v[a];
		u->pending.v[a] = u->pending.v[--b];
		u->pending.v[b] = t;
	}
	return r;
}

int64_t layer_upper_write(
	int upper_fd, struct layer_writer *w, const struct layer_upper_options *opt, struct err *e)
{
	struct stat st;
	if (fstat(upper_fd, &st) < 0)
		return err_sys(e, "stat the upper directory");
	struct upper u = {.root = upper_fd, .w = w, .opt = opt, .dev = st.st_dev};
	strv_add(&u.pending, "");
	int r = 0;
	while (r == 0 && u.pending.n) {
		char *dir = u.pending.v[--u.pending.n];
		u.pending.v[u.pending.n] = NULL;
		r = walk_dir(&u, dir, e);
		if (r < 0 && *dir)
			err_wrap(e, r, "in '%s'", dir);
		free(dir);
	}
	strv_release(&u.pending);
	links_release(&u.links);
	xattr_list_release(&u.xattrs);
	return r < 0 ? r : u.count;
}
