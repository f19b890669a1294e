/* Files for output; see the header. */
#include "base/outfile.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The names that stand for descriptors of this process; -1: it is none of them. Opened anew they
 * would write a file from its beginning, not where whoever calls us has got to. */
static int descriptor_of(const char *path)
{
	static const char *const dirs[] = {"/dev/fd/", "/proc/self/fd/"};
	uint64_t n;
	if (str_eq(path, "/dev/stdout"))
		return STDOUT_FILENO;
	if (str_eq(path, "/dev/stderr"))
		return STDERR_FILENO;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (str_starts(path, dirs[i]) &&
			str_parse_u64(path + strlen(dirs[i]), 10, &n) >= 0 && n < 1 << 20)
			return (int)n;
	return -1;
}

static int open_temporary(struct outfile *o, const char *path, struct err *e)
{
	char id[17];
	random_hex(id, 8);
	o->path = realpath(path, NULL);
	if (!o->path)
		o->path = mem_strdup(path);
	o->tmp = mem_printf("%s.tmp-%s", o->path, id);
	o->fd = open(o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (o->fd >= 0)
		return 0;
	int r = err_sys(e, "create '%s'", path);
	free(STEAL(o->tmp));
	return r;
}

int outfile_open(struct outfile *o, const char *path, struct err *e)
{
	*o = (struct outfile){.fd = -1};
	struct stat st;
	int fd = descriptor_of(path);
	if (fd >= 0)
		o->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	else if (stat(path, &st) < 0 || S_ISREG(st.st_mode))
		return open_temporary(o, path, e);
	else
		o->fd = open(path, O_WRONLY | O_NOCTTY | O_CLOEXEC); /* EISDIR for a directory */
	return o->fd < 0 ? err_sys(e, "write to '%s'", path) : 0;
}

int outfile_commit(struct outfile *o, struct err *e)
{
	int fd = STEAL_FD(o->fd);
	if (close(fd) < 0)
		return err_sys(e, "write '%s'", o->path ?: "output");
	if (o->tmp && rename(o->tmp, o->path) < 0)
		return err_sys(e, "rename to '%s'", o->path);
	free(STEAL(o->tmp));
	return 0;
}

void outfile_release(struct outfile *o)
{
	if (o->fd >= 0)
		close(STEAL_FD(o->fd));
	if (o->tmp)
		unlink(o->tmp);
	free(STEAL(o->tmp));
	free(STEAL(o->path));
}

int outfile_write(const char *path, const char *text, struct err *e)
{
	struct outfile o cleanup_outfile = {.fd = -1};
	if (!path)
		return 0;
	int r = outfile_open(&o, path, e);
	if (r < 0)
		return r;
	r = io_write_all(o.fd, text, strlen(text));
	return r < 0 ? err_sysno(e, r, "write '%s'", path) : outfile_commit(&o, e);
}

int outfile_check(const char *path, struct err *e)
{
	struct stat st;
	if (!path || descriptor_of(path) >= 0)
		return 0;
	char *real cleanup_free = realpath(path, NULL);
	char *dir cleanup_free = mem_strdup(real ?: path);
	char *slash = strrchr(dir, '/');
	if (slash)
		slash[slash == dir] = 0;
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "write to '%s': it is a directory", path);
	if (real && !S_ISREG(st.st_mode))
		return access(real, W_OK) < 0 ? err_sys(e, "write to '%s'", path) : 0;
	return access(slash ? dir : ".", W_OK) < 0 ? err_sys(e, "create '%s'", path) : 0;
}
