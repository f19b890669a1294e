/* Tar entries as files below a directory; see the header. */
#include "layer/unpack.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/userns.h"
#include "layer/hash_set_priv.h"
#include "layer/xattr_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

struct dir_time {
	char *path;
	struct timespec mtime;
};

#define CAPABILITIES "security.capability"

/* What could not be made, for one sentence at the end. */
struct left_out {
	size_t n;
	char *first;
	uint32_t uid, gid;
};

struct layer_unpack {
	int root;
	enum layer_unpack_flags flags;
	/* the directory of the last entry */
	char *parent;
	int parent_fd;
	/* the file that is being written */
	int file;
	struct timespec mtime;
	char *path;
	uint32_t mode;           /* not 0: set when its data is written */
	struct buf capabilities; /* likewise: the attribute's value */
	/* set in the end: unpacking into a directory changes its time */
	struct dir_time *dirs;
	size_t n_dirs;
	size_t cap_dirs;
	struct hash_set made; /* LAYER_UNPACK_APPLY: paths of this layer */
	bool inside;          /* a user namespace: some owners and all devices cannot be had */
	struct left_out owners, devices;
};

struct layer_unpack *layer_unpack_new(int dirfd, enum layer_unpack_flags flags)
{
	struct layer_unpack *u = mem_alloc(sizeof(*u));
	u->root = dirfd;
	u->flags = flags;
	u->parent_fd = u->file = -1;
	u->inside = userns_inside();
	return u;
}

void layer_unpack_free(struct layer_unpack *u)
{
	if (!u)
		return;
	defs_close_cleanup(&u->parent_fd);
	defs_close_cleanup(&u->file);
	for (size_t i = 0; i < u->n_dirs; i++)
		free(u->dirs[i].path);
	free(u->dirs);
	free(u->parent);
	free(u->path);
	hash_set_release(&u->made);
	buf_release(&u->capabilities);
	free(u->owners.first);
	free(u->devices.first);
	free(u);
}

/* Opens (and makes) the directory of path, as u->parent_fd; the name in it is returned. */
static int enter(struct layer_unpack *u, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	*ret_name = slash ? slash + 1 : path;
	if (u->parent && strlen(u->parent) == len && memcmp(u->parent, path, len) == 0)
		return 0;
	cleanup_free char *dir = mem_strndup(path, len);
	cleanup_fd int fd = root_mkdirs(u->root, *dir ? dir : ".", 0755, e);
	if (fd < 0)
		return fd;
	int real = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (real < 0)
		return err_sys(e, "open directory '%s'", dir);
	defs_close_cleanup(&u->parent_fd);
	u->parent_fd = real;
	free(u->parent);
	u->parent = STEAL(dir);
	return 0;
}

/* Makes room for an entry. A directory that is there stays for a directory. 1: it is there. */
static int clear_place(struct layer_unpack *u, const char *name, bool dir, struct err *e)
{
	struct stat st;
	if (fstatat(u->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat '%s'", name);
	if (dir && S_ISDIR(st.st_mode))
		return 1;
	free(STEAL(u->parent)); /* its path may lead through what goes now */
	if (!S_ISDIR(st.st_mode))
		return unlinkat(u->parent_fd, name, 0) < 0 ? err_sys(e, "remove '%s'", name) : 0;
	return file_remove_tree(u->parent_fd, name, e);
}

/* Through the directory's descriptor: there is no lsetxattrat. The name is one component. */
static int set_xattr(struct layer_unpack *u, const char *name, const struct layer_xattr *x)
{
	char path[64 + LIMIT_TAR_COMPONENT];
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", u->parent_fd, name);
	return lsetxattr(path, x->name, x->value, x->len, 0) < 0 ? -errno : 0;
}

static void leave_out(struct left_out *l, const struct layer_entry *entry)
{
	if (l->n++)
		return;
	l->first = mem_strdup(entry->path);
	l->uid = entry->uid;
	l->gid = entry->gid;
}

/* The mode that may be set: where the owner is another one, no set-id bit may speak for him. */
static int set_owner(struct layer_unpack *u, const struct layer_entry *entry, const char *at,
	uint32_t *mode, struct err *e)
{
	*mode = entry->mode & 07777;
	if ((u->flags & LAYER_UNPACK_NO_OWNER) ||
		fchownat(u->parent_fd, at, entry->uid, entry->gid, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	if (!u->inside || errno != EINVAL)
		return err_sys(e, "change the owner of '%s'", entry->path);
	leave_out(&u->owners, entry);
	*mode &= 01777;
	return 0;
}

/* A write takes capabilities away from a file, and set-id bits unless the host's root writes. */
static bool set_later(
	struct layer_unpack *u, const struct layer_entry *entry, const struct layer_xattr *x)
{
	if (entry->type != LAYER_FILE || !entry->size || strcmp(x->name, CAPABILITIES) != 0)
		return false;
	return buf_add(&u->capabilities, x->value, x->len) >= 0;
}

static int set_metadata(
	struct layer_unpack *u, const struct layer_entry *entry, const char *name, struct err *e)
{
	int fd = u->parent_fd;
	const char *at = *name ? name : ".";
	uint32_t mode;
	int owned = set_owner(u, entry, at, &mode, e);
	if (owned < 0)
		return owned;
	/* after the owner, whose change takes set-id bits and capabilities away */
	if (entry->type != LAYER_SYMLINK && fchmodat(fd, at, mode, 0) < 0)
		return err_sys(e, "change the mode of '%s'", entry->path);
	for (size_t i = 0; i < entry->n_xattrs; i++) {
		if (xattr_overlay_name(entry->xattrs[i].name))
			continue;
		if (set_later(u, entry, &entry->xattrs[i]))
			continue;
		int r = set_xattr(u, at, &entry->xattrs[i]);
		if (r == -ENOTSUP || r == -EPERM) /* as docker: the file system or we cannot */
			log_debug("'%s': attribute '%s' left out", entry->path,
				entry->xattrs[i].name);
		else if (r < 0)
			return err_sysno(e, r, "set attribute '%s' of '%s'", entry->xattrs[i].name,
				entry->path);
	}
	if (entry->type == LAYER_FILE && entry->size && (mode & 06000))
		u->mode = mode;
	const struct timespec times[2] = {
		{.tv_nsec = UTIME_OMIT}, {entry->mtime, (long)entry->mtime_ns}};
	if (entry->type != LAYER_DIR && utimensat(fd, at, times, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "set the time of '%s'", entry->path);
	return 0;
}

static void remember_dir(struct layer_unpack *u, const struct layer_entry *entry)
{
	if (u->n_dirs == u->cap_dirs) {
		u->cap_dirs = u->cap_dirs ? 2 * u->cap_dirs : 64;
		u->dirs = mem_realloc(u->dirs, u->cap_dirs, sizeof(*u->dirs));
	}
	u->dirs[u->n_dirs++] =
		(struct dir_time){mem_strdup(entry->path), {entry->mtime, (long)entry->mtime_ns}};
}

static int make_link(
	struct layer_unpack *u, const struct layer_entry *entry, const char *name, struct err *e)
{
	const char *target;
	cleanup_fd int dir = root_open_parent(u->root, entry->linkname, &target, e);
	if (dir < 0)
		return dir;
	if (linkat(dir, target, u->parent_fd, name, 0) < 0)
		return err_sys(e, "hard link '%s' to '%s'", entry->path, entry->linkname);
	return 0;
}

/* Creates the entry itself, with no permission for others until its owner is right. */
static int make(
	struct layer_unpack *u, const struct layer_entry *entry, const char *name, struct err *e)
{
	int fd = u->parent_fd;
	int r = 0;
	switch (entry->type) {
	case LAYER_FILE:
		u->file = openat(
			fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
		r = u->file;
		break;
	case LAYER_DIR:
		r = mkdirat(fd, name, 0700);
		break;
	case LAYER_SYMLINK:
		r = symlinkat(entry->linkname, fd, name);
		break;
	case LAYER_HARDLINK:
		return make_link(u, entry, name, e);
	case LAYER_FIFO:
	case LAYER_CHAR:
	case LAYER_BLOCK:
		if (entry->type != LAYER_FIFO && (u->flags & LAYER_UNPACK_NO_OWNER))
			return 1;
		r = mknodat(fd, name, (layer_entry_stat_mode(entry) & S_IFMT) | 0600,
			makedev(entry->rdev_major, entry->rdev_minor));
		if (r < 0 && errno == EPERM && u->inside) {
			leave_out(&u->devices, entry);
			return 1;
		}
		break;
	}
	return r < 0 ? err_sys(e, "create '%s'", entry->path) : 0;
}

static int remove_if_older(struct layer_unpack *u, const char *dir, const char *name, struct err *e)
{
	cleanup_free char *path = mem_printf("%s%s%s", dir, *dir ? "/" : "", name);
	if (hash_set_has(&u->made, path))
		return 0;
	return file_remove_tree(u->parent_fd, name, e);
}

/* Everything in u->parent that this layer has not brought goes. */
static int empty_parent(struct layer_unpack *u, struct err *e)
{
	int copy = openat(u->parent_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return err_sys(e, "read directory '%s'", u->parent);
	for (struct dirent *ent; (ent = readdir(d));) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		int r = remove_if_older(u, u->parent, ent->d_name, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int mark_opaque(struct layer_unpack *u, const char *name, struct err *e)
{
	bool user = u->inside || (u->flags & LAYER_UNPACK_NO_OWNER);
	struct layer_xattr x = {user ? "user.overlay.opaque" : "trusted.overlay.opaque", "y", 1};
	int r = set_xattr(u, name, &x);
	return r < 0 ? err_sysno(e, r, "mark '%s' as opaque", u->parent) : 0;
}

static int whiteout(struct layer_unpack *u, const char *name, struct err *e)
{
	bool apply = u->flags & LAYER_UNPACK_APPLY;
	if (strcmp(name, LAYER_WHITEOUT_OPAQUE) == 0)
		return apply ? empty_parent(u, e) : mark_opaque(u, ".", e);
	if (strncmp(name, LAYER_WHITEOUT_META, strlen(LAYER_WHITEOUT_META)) == 0)
		return 0;
	name += strlen(LAYER_WHITEOUT_PREFIX);
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, ERR_FORMAT, "a whiteout of nothing in '%s'", u->parent);
	if (apply)
		return remove_if_older(u, u->parent, name, e);
	struct stat st;
	if (fstatat(u->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		/* this layer has it: only what lies below is hidden */
		return S_ISDIR(st.st_mode) ? mark_opaque(u, name, e) : 0;
	if (mknodat(u->parent_fd, name, S_IFCHR, makedev(0, 0)) < 0)
		return err_sys(e, "create a whiteout for '%s'", name);
	return 0;
}

static bool is_meta(const char *path)
{
	cleanup_free char *slashed = mem_printf("/%s", path);
	return strstr(slashed, "/" LAYER_WHITEOUT_META) != NULL;
}

/* A directory that replaces a whiteout hides what lies below. 1: it does. */
static int was_whiteout(struct layer_unpack *u, const struct layer_entry *entry, const char *name)
{
	struct stat st;
	return entry->type == LAYER_DIR && !(u->flags & LAYER_UNPACK_APPLY) &&
	       fstatat(u->parent_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(0, 0);
}

static int unpack_entry(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct layer_unpack *u = ctx;
	const char *name;
	int r = enter(u, entry->path, &name, e);
	if (r < 0)
		return r;
	bool white = strncmp(name, LAYER_WHITEOUT_PREFIX, strlen(LAYER_WHITEOUT_PREFIX)) == 0;
	if (is_meta(entry->path))
		return strcmp(name, LAYER_WHITEOUT_OPAQUE) == 0 ? whiteout(u, name, e) : 0;
	if (white)
		return whiteout(u, name, e);
	if (u->flags & LAYER_UNPACK_APPLY)
		hash_set_add(&u->made, entry->path);
	if (entry->type == LAYER_DIR)
		remember_dir(u, entry);
	if (!*name)
		return set_metadata(u, entry, name, e);
	int opaque = was_whiteout(u, entry, name);
	r = clear_place(u, name, entry->type == LAYER_DIR, e);
	if (r == 0)
		r = make(u, entry, name, e);
	else if (r > 0)
		r = 0;
	if (r > 0)
		return 0; /* a device that we may not make */
	if (r >= 0 && opaque)
		r = mark_opaque(u, name, e);
	if (r >= 0 && entry->type != LAYER_HARDLINK)
		r = set_metadata(u, entry, name, e);
	if (entry->type != LAYER_FILE || r < 0)
		return r;
	u->mtime = (struct timespec){entry->mtime, (long)entry->mtime_ns};
	free(u->path);
	u->path = mem_strdup(entry->path);
	return 0;
}

static int unpack_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_unpack *u = ctx;
	if (u->file < 0)
		return 0;
	int r = io_write_all(u->file, p, len);
	return r < 0 ? err_sysno(e, r, "write '%s'", u->path) : 0;
}

static int set_privileges(struct layer_unpack *u, struct err *e)
{
	int r = 0;
	if (u->mode && fchmod(u->file, u->mode) < 0)
		r = err_sys(e, "change the mode of '%s'", u->path);
	if (r == 0 && u->capabilities.len &&
		fsetxattr(u->file, CAPABILITIES, u->capabilities.data, u->capabilities.len, 0) <
			0) {
		if (errno == ENOTSUP || errno == EPERM)
			log_debug("'%s': attribute '" CAPABILITIES "' left out", u->path);
		else
			r = err_sys(e, "set attribute '" CAPABILITIES "' of '%s'", u->path);
	}
	u->mode = 0;
	buf_clear(&u->capabilities);
	return r;
}

static int unpack_end(void *ctx, struct err *e)
{
	struct layer_unpack *u = ctx;
	if (u->file < 0)
		return 0;
	int done = set_privileges(u, e);
	if (done < 0)
		return done;
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, u->mtime};
	int r = futimens(u->file, times) < 0 ? err_sys(e, "set the time of '%s'", u->path) : 0;
	if (close(STEAL_FD(u->file)) < 0 && r == 0)
		r = err_sys(e, "close '%s'", u->path);
	return r;
}

const struct layer_tar_ops layer_unpack_ops = {unpack_entry, unpack_data, unpack_end};

static void tell_left_out(const struct layer_unpack *u)
{
	const struct left_out *o = &u->owners, *d = &u->devices;
	if (o->n)
		log_warn("%zu files, '%s' (%u:%u) first, have owners that your subordinate ids do "
			 "not reach (%u users and %u groups): they belong to root of the container",
			o->n, o->first, o->uid, o->gid, userns_last_id(true) + 1,
			userns_last_id(false) + 1);
	if (d->n)
		log_warn("%zu device nodes, '%s' first, cannot be made without root and are left "
			 "out",
			d->n, d->first);
}

int layer_unpack_finish(struct layer_unpack *u, struct err *e)
{
	tell_left_out(u);
	for (size_t i = u->n_dirs; i-- > 0;) {
		const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, u->dirs[i].mtime};
		const char *path = *u->dirs[i].path ? u->dirs[i].path : ".";
		cleanup_fd int fd =
			root_open(u->root, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
		/* replaced by something else later in the layer */
		if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
			continue;
		if (fd < 0 || futimens(fd, times) < 0)
			return fd < 0 ? err_sysno(e, fd, "open '%s'", path)
				      : err_sys(e, "set the time of '%s'", path);
	}
	return 0;
}
