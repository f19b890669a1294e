/* Files in directories that destinations write: they have their name when they are whole. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char *tmp_name(const char *path)
{
	char id[17];
	random_hex(id, 8);
	return mem_printf("%s.tmp-%s", path, id);
}

static int put_named(int dir, const char *name, struct transport_blob *b, struct err *e)
{
	char *tmp cleanup_free = tmp_name(name);
	int fd cleanup_fd =
		openat(dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create '%s'", name);
	int r = transport_blob_pump(b, transport_write_fd, &fd, e);
	if (r >= 0 && renameat(dir, tmp, dir, name) < 0)
		r = err_sys(e, "rename to '%s'", name);
	if (r < 0)
		unlinkat(dir, tmp, 0);
	return r;
}

int transport_put_file(int dir, const char *name, struct transport_blob *b, struct err *e)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == b->size)
			return 0;
		if (unlinkat(dir, name, 0) < 0) /* a link, or what a crash has left */
			return err_sys(e, "replace '%s'", name);
	}
	/* without a name, so that whoever kills us leaves nothing behind */
	int fd cleanup_fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return put_named(dir, name, b, e);
	int r = transport_blob_pump(b, transport_write_fd, &fd, e);
	if (r < 0)
		return r;
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, path, dir, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return err_sys(e, "create '%s'", name);
	return 0;
}
