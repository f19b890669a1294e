/* Files in directories that destinations write: they have their name when they are whole. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "transport/squeeze_priv.h"

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

/* A file of a directory, without a name until it is whole, so that whoever kills us leaves nothing
 * behind; where the file system cannot, with a name that tells. */
struct newfile {
	int dir, fd;
	char *tmp; /* its name so far; NULL: none */
};

static int newfile_open(struct newfile *f, int dir, struct err *e)
{
	f->dir = dir;
	f->fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0644);
	if (f->fd >= 0)
		return 0;
	f->tmp = tmp_name("blob");
	f->fd = openat(dir, f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (f->fd >= 0)
		return 0;
	free(STEAL(f->tmp));
	return err_sys(e, "create a file");
}

static int newfile_name(struct newfile *f, const char *name, struct err *e)
{
	char path[64];
	if (f->tmp) {
		if (renameat(f->dir, f->tmp, f->dir, name) < 0)
			return err_sys(e, "rename to '%s'", name);
		free(STEAL(f->tmp));
		return 0;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d", f->fd);
	if (linkat(AT_FDCWD, path, f->dir, name, AT_SYMLINK_FOLLOW) < 0 && errno != EEXIST)
		return err_sys(e, "create '%s'", name);
	return 0;
}

static void newfile_release(struct newfile *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->tmp)
		unlinkat(f->dir, f->tmp, 0);
	free(f->tmp);
}

/* 1: the name has a file of that size. What else has it (a link, what a crash has left) goes. */
static int look(int dir, const char *name, uint64_t size, struct err *e)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size == size)
		return 1;
	return unlinkat(dir, name, 0) < 0 ? err_sys(e, "replace '%s'", name) : 0;
}

int transport_put_file(int dir, const char *name, struct transport_blob *b, struct err *e)
{
	struct newfile f cleanup(newfile_release) = {.fd = -1};
	int r = look(dir, name, b->size, e);
	if (r)
		return MIN(r, 0);
	r = newfile_open(&f, dir, e);
	if (r >= 0)
		r = transport_blob_pump(b, transport_write_fd, &f.fd, e);
	return r < 0 ? r : newfile_name(&f, name, e);
}

int transport_put_made(int dir, struct squeeze *q, struct err *e)
{
	struct newfile f cleanup(newfile_release) = {.fd = -1};
	int r = newfile_open(&f, dir, e);
	if (r >= 0)
		r = squeeze_pump(q, transport_write_fd, &f.fd, e);
	if (r < 0)
		return r;
	const struct layer_compress_info *info = squeeze_info(q);
	r = look(dir, info->digest, info->size, e);
	return r ? MIN(r, 0) : newfile_name(&f, info->digest, e);
}
