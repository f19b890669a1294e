/* Facts about the image below a step. */
#include "build/below.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/strv.h"
#include "oci/passwd.h"
#include "snapshot/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where a container gets mounts; children behind their parents. */
static const struct {
	const char *path;
	bool dir;
} stubs[BUILD_STUBS] = {
	{"proc", true},
	{"sys", true},
	{"dev", true},
	{"etc", true},
	{"etc/hosts", false},
	{"etc/hostname", false},
	{"etc/resolv.conf", false},
	{"dev/pipes", true},
};

void build_below_release(struct build_below *b)
{
	buf_release(&b->passwd);
	buf_release(&b->group);
	b->known = false;
}

void build_below_forget(struct build_below *b)
{
	b->known = false;
}

static int read_optional(int rootfd, const char *path, struct buf *b, struct err *e)
{
	buf_clear(b);
	b->max = LIMIT_PASSWD_FILE;
	struct err why = ERR_INIT;
	int r = root_read(rootfd, path, b, &why);
	if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR)
		return 0;
	if (r < 0 && e)
		*e = why;
	return r;
}

int build_below_read(struct store *s, struct snapshot_mounts *mounts, const struct strv *diffids,
	struct build_below *b, struct err *e)
{
	if (b->known)
		return 0;
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	int r = snapshot_prepare(s, (const char *const *)strv_items(diffids), diffids->n, &spec, e);
	if (r >= 0)
		r = snapshot_mounts_add(mounts, &spec, e);
	if (r < 0)
		return r;
	cleanup_free char *scratch = mem_printf("%s/tmp", store_path(s));
	cleanup_fd int fd = snapshot_mount_open(&spec, scratch, e);
	if (fd < 0)
		return fd;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat the root of the image");
	b->root_mode = st.st_mode & 07777;
	b->root_uid = st.st_uid;
	b->root_gid = st.st_gid;
	r = read_optional(fd, "/etc/passwd", &b->passwd, e);
	if (r >= 0)
		r = read_optional(fd, "/etc/group", &b->group, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < BUILD_STUBS; i++) {
		cleanup_fd int place = root_open_path(fd, stubs[i].path, true, NULL);
		b->missing[i] = place < 0;
	}
	b->known = true;
	return 0;
}

void build_below_update(struct build_below *b, int upper_fd)
{
	struct stat st;
	for (size_t i = 0; i < BUILD_STUBS; i++)
		if (strchr(stubs[i].path, '/') == NULL &&
			fstatat(upper_fd, stubs[i].path, &st, AT_SYMLINK_NOFOLLOW) == 0)
			b->known = false;
}

int build_below_user(
	const struct build_below *b, const char *spec, struct oci_user *ret, struct err *e)
{
	return oci_user_resolve(spec ? spec : "", buf_str(&b->passwd), b->passwd.len,
		buf_str(&b->group), b->group.len, ret, e);
}

/* A directory that the kernel copied up for the sake of a mount point in it, and no more. */
static void drop_copied_up(int upper_fd, const char *path)
{
	unlinkat(upper_fd, path, AT_REMOVEDIR); /* fails, rightly, when something is left in it */
}

void build_below_clean(const struct build_below *b, int upper_fd)
{
	bool in_etc = false;
	for (size_t i = BUILD_STUBS; i-- > 0;) {
		struct stat st;
		const char *path = stubs[i].path;
		if (!b->missing[i] || fstatat(upper_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (stubs[i].dir && S_ISDIR(st.st_mode))
			unlinkat(upper_fd, path, AT_REMOVEDIR);
		else if (!stubs[i].dir && S_ISREG(st.st_mode) && st.st_size == 0 &&
			 unlinkat(upper_fd, path, 0) == 0)
			in_etc = true;
	}
	if (in_etc)
		drop_copied_up(upper_fd, "etc");
}
