/*
 * Putting layers on top of each other. The layers are detached mounts
 * (mount_lower.c); overlayfs takes them as descriptors (Linux 6.15). An older
 * kernel wants them to have a place: they are attached below a tmpfs on the target
 * for the moment of the overlay's mount, which keeps clones of them.
 */
#include "snapshot/mount.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/userns.h"
#include "snapshot/mount_priv.h"
#include "store/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* What an image's root file system looks like must not depend on options that the kernel was
 * configured with; redirects and metacopies would not survive as a layer. */
static const char *const overlay_options[][2] = {
	{"index", "off"},
	{"xino", "off"},
	{"redirect_dir", "off"},
	{"metacopy", "off"},
};

/* In a user namespace the attributes that mark opaque directories are user.overlay.*, as
 * trusted.overlay.* is for root alone; redirects and metacopies are off with it, and saying so is
 * refused. */
enum { USER_OPTIONS = 2 };

static size_t count_options(void)
{
	return userns_inside() ? USER_OPTIONS : ARRAY_SIZE(overlay_options);
}

void snapshot_spec_release(struct snapshot_spec *spec)
{
	strv_release(&spec->lower);
	free(spec->base);
	free(spec->upper);
	free(spec->work);
	*spec = (struct snapshot_spec){0};
}

int snapshot_prepare(struct store *s, const char *const *diffids, size_t n,
	struct snapshot_spec *ret, struct err *e)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	if (n > SNAPSHOT_LAYERS_MAX)
		return err_set(e, ERR_LIMIT, "%zu layers: overlayfs takes at most %d", n,
			SNAPSHOT_LAYERS_MAX);
	int r = snapshot_driver_get(s, NULL, &spec.driver, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = store_layer_require(s, diffids[i], NULL, e);
		if (r < 0)
			return r;
		strv_take(&spec.lower, store_layer_path(s, diffids[i], NULL));
	}
	*ret = spec;
	spec = (struct snapshot_spec){0};
	return 0;
}

/* --- overlay --- */

static int set_common(int fs, const struct snapshot_spec *spec)
{
	for (size_t i = 0; i < count_options(); i++)
		if (fsconfig(fs, FSCONFIG_SET_STRING, overlay_options[i][0], overlay_options[i][1],
			    0) < 0)
			return -errno;
	if (userns_inside() && fsconfig(fs, FSCONFIG_SET_FLAG, "userxattr", NULL, 0) < 0)
		return -errno;
	if (!spec->upper)
		return 0;
	if (fsconfig(fs, FSCONFIG_SET_STRING, "upperdir", spec->upper, 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "workdir", spec->work, 0) < 0)
		return -errno;
	if (spec->is_volatile && fsconfig(fs, FSCONFIG_SET_FLAG, "volatile", NULL, 0) < 0)
		return -errno;
	return 0;
}

static unsigned top_attrs(const struct snapshot_spec *spec)
{
	return spec->readonly || !spec->upper ? MOUNT_ATTR_RDONLY : 0;
}

/* -EOPNOTSUPP, e untouched: this kernel does not take descriptors of detached mounts. */
static int overlay_by_fd(const struct snapshot_spec *spec, const struct mount_set *lower,
	unsigned attrs, struct err *e)
{
	int fs cleanup_fd = fsopen("overlay", FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_sys(e, "the kernel has no overlayfs");
	for (size_t i = lower->n; i > 0; i--)
		if (fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, lower->v[i - 1]) < 0)
			return -EOPNOTSUPP;
	if (set_common(fs, spec) < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return mount_fs_error(fs, e, "mount an overlay of %zu layers", lower->n);
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, top_attrs(spec) | attrs);
	return fd < 0 ? err_sys(e, "mount an overlay of %zu layers", lower->n) : fd;
}

/* A tmpfs on target with the lower mounts at 0, 1, ... inside. */
static int stage(const struct mount_set *lower, const char *target, struct err *e)
{
	if (mount("kist", target, "tmpfs", MS_NOSUID | MS_NODEV, "mode=700") < 0)
		return err_sys(e, "mount a tmpfs on '%s'", target);
	int dir cleanup_fd = file_open_dir(AT_FDCWD, target, e);
	if (dir < 0)
		return dir;
	for (size_t i = 0; i < lower->n; i++) {
		char name[16];
		snprintf(name, sizeof(name), "%zu", i);
		if (mkdirat(dir, name, 0700) < 0 ||
			move_mount(lower->v[i], "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
			return err_sys(e, "attach layer %zu below '%s'", i, target);
	}
	return STEAL_FD(dir);
}

/* mount(2) with relative names: one page of options holds 500 of them, whatever the store's path.
 * upper and work are absolute. */
static int overlay_in_stage(const struct snapshot_spec *spec, size_t n, int stage_fd, struct err *e)
{
	struct buf o cleanup_buf = BUF_INIT;
	for (size_t i = n; i > 0; i--)
		buf_printf(&o, "%s%zu", i == n ? "lowerdir=" : ":", i - 1);
	for (size_t i = 0; i < count_options(); i++)
		buf_printf(&o, ",%s=%s", overlay_options[i][0], overlay_options[i][1]);
	if (userns_inside())
		buf_add_str(&o, ",userxattr");
	if (spec->upper)
		buf_printf(&o, ",upperdir=%s,workdir=%s%s", spec->upper, spec->work,
			spec->is_volatile ? ",volatile" : "");
	if (o.len >= 4096)
		return err_set(e, ERR_LIMIT, "the mount options of %zu layers exceed a page", n);
	int here cleanup_fd = file_open_dir(AT_FDCWD, ".", e);
	if (here < 0)
		return here;
	if (mkdirat(stage_fd, "merged", 0700) < 0 || fchdir(stage_fd) < 0)
		return err_sys(e, "enter the stage of an overlay");
	unsigned long flags = top_attrs(spec) & MOUNT_ATTR_RDONLY ? MS_RDONLY : 0;
	int r = mount("kist", "merged", "overlay", flags, buf_str(&o));
	if (r < 0)
		r = err_sys(e, "mount an overlay of %zu layers", n);
	int fd = r < 0 ? r : open_tree(AT_FDCWD, "merged", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (r >= 0 && fd < 0)
		fd = err_sys(e, "take the overlay out of its stage");
	if (fchdir(here) < 0 && fd >= 0) {
		close(fd);
		fd = err_sys(e, "go back to the working directory");
	}
	return fd;
}

static int overlay_staged(const struct snapshot_spec *spec, const struct mount_set *lower,
	const char *target, struct err *e)
{
	if (strpbrk(spec->upper ? spec->upper : "", ",:\\"))
		return err_set(e, ERR_UNSUPPORTED,
			"this kernel cannot mount a store whose path has ',' or ':' in it: '%s'",
			spec->upper);
	int dir cleanup_fd = stage(lower, target, e);
	int fd = dir < 0 ? dir : overlay_in_stage(spec, lower->n, dir, e);
	/* Whatever happened: the stage goes; a mounted overlay has its own clones of the layers. */
	umount2(target, MNT_DETACH);
	return fd;
}

/* --- the public forms --- */

static int empty_root(const struct snapshot_spec *spec, struct err *e)
{
	if (spec->upper) { /* nothing below: the upper directory is the root file system */
		int fd cleanup_fd =
			open_tree(AT_FDCWD, spec->upper, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open '%s'", spec->upper);
		struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
		if (spec->readonly && mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
			return err_sys(e, "make '%s' read-only", spec->upper);
		return STEAL_FD(fd);
	}
	int fs cleanup_fd = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "mount an empty root file system");
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	return fd < 0 ? err_sys(e, "mount an empty root file system") : fd;
}

static int overlay_mount(
	const struct snapshot_spec *spec, const char *target, unsigned attrs, struct err *e)
{
	struct mount_set lower cleanup_mount_set = {NULL, 0};
	int r = mount_lower_open(spec, !spec->staged, 0, &lower, e);
	if (r < 0)
		return r;
	struct err why = ERR_INIT;
	r = spec->staged ? -EOPNOTSUPP : overlay_by_fd(spec, &lower, attrs, &why);
	if (r >= 0)
		return r;
	if (!target && r == -EOPNOTSUPP)
		return err_set(e, ERR_UNSUPPORTED,
			"an overlay of %zu layers without a place needs Linux 6.15", lower.n);
	if (!target || (r != -EOPNOTSUPP && r != -EINVAL)) {
		if (e)
			*e = why;
		return r;
	}
	/* The stage takes its layers away: mounts that are shared cannot be given. */
	mount_set_release(&lower);
	r = mount_lower_open(spec, false, 0, &lower, e);
	return r < 0 ? r : overlay_staged(spec, &lower, target, e);
}

/* target: a place for the stage of older kernels; NULL: none can be had. */
static int mount_detached(
	const struct snapshot_spec *spec, const char *target, unsigned attrs, struct err *e)
{
	if (spec->lower.n == 0 && !spec->base)
		return empty_root(spec, e);
	if (spec->upper || spec->lower.n > 1)
		return overlay_mount(spec, target, attrs, e);
	return mount_layer_open(spec->driver, spec->lower.v[0], attrs, e);
}

int snapshot_mount_fd(const struct snapshot_spec *spec, struct err *e)
{
	unsigned attrs = spec->upper ? 0 : MOUNT_ATTR_NODEV | MOUNT_ATTR_NOSUID;
	return mount_detached(spec, NULL, attrs, e);
}

int snapshot_mount(const struct snapshot_spec *spec, const char *target, struct err *e)
{
	int fd cleanup_fd = mount_detached(spec, target, 0, e);
	if (fd < 0)
		return fd;
	if (move_mount(fd, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "attach the root file system at '%s'", target);
	return 0;
}

int snapshot_mount_open(const struct snapshot_spec *spec, const char *scratch, struct err *e)
{
	struct err why = ERR_INIT;
	int fd = spec->staged ? -ERR_UNSUPPORTED : snapshot_mount_fd(spec, &why);
	if (fd != -ERR_UNSUPPORTED) {
		if (fd < 0 && e)
			*e = why;
		return fd;
	}
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return err_sys(e, "make a mount namespace");
	int r = snapshot_mount(spec, scratch, e);
	if (r < 0)
		return r;
	fd = open(scratch, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = fd < 0 ? err_sys(e, "open '%s'", scratch) : fd;
	umount2(scratch, MNT_DETACH); /* the descriptor keeps it */
	return r;
}

int snapshot_open_ro(struct store *s, const char *const *diffids, size_t n, struct err *e)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	int r = snapshot_prepare(s, diffids, n, &spec, e);
	return r < 0 ? r : snapshot_mount_fd(&spec, e);
}

int snapshot_volatile_done(const char *work, struct err *e)
{
	char *path cleanup_free = mem_printf("%s/work/incompat", work);
	return file_remove_tree(AT_FDCWD, path, e);
}
