/*
 * Opening a build context: which directory, which Dockerfile, which ignore file;
 * and what may come through standard input instead.
 */
#include "build/context.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "build/context_early.h"
#include "layer/archive.h"
#include "layer/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	CHUNK = 64 * 1024,
	LOOK_AHEAD = 8 << 20, /* into a file that is here as a whole: it is read again soon */
};

void build_context_release(struct build_context *c)
{
	defs_close_cleanup(&c->fd);
	free(c->path);
	free(c->file_name);
	free(c->file_path);
	buf_release(&c->file);
	free(c->ignore_name);
	buf_release(&c->ignore_bytes);
	dockerfile_ignore_free(c->ignore);
	*c = (struct build_context){.fd = -1};
}

/* ---- standard input ---- */

static int unpack(int archive, int dir, struct err *e)
{
	struct layer_unpack *u cleanup_layer_unpack =
		layer_unpack_new(dir, LAYER_UNPACK_APPLY | LAYER_UNPACK_NO_OWNER);
	if (lseek(archive, 0, SEEK_SET) < 0)
		return err_sys(e, "read the context from standard input");
	int r = layer_archive_read(archive, &layer_unpack_ops, u, e);
	if (r >= 0)
		r = layer_unpack_finish(u, e);
	return r < 0 ? err_wrap(e, r, "unpack the context from standard input") : 0;
}

/* Reads `in` to its end (or `most` bytes), on the way looking for the Dockerfile, and writes what it
 * reads to `out` unless that is negative. */
static int pass(
	const struct build_context_options *o, int in, int out, uint64_t most, struct err *e)
{
	struct build_early *early cleanup_build_early = NULL;
	cleanup_free char *chunk = mem_alloc(CHUNK);
	if (o->early)
		early = build_early_new(o->file ?: "Dockerfile");
	for (uint64_t done = 0; done < most;) {
		if (o->stop && *o->stop)
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		ssize_t n =
			out >= 0 ? read(in, chunk, CHUNK) : pread(in, chunk, CHUNK, (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the context from standard input");
		int r = out >= 0 ? io_write_all(out, chunk, (size_t)n) : 0;
		if (r < 0)
			return err_sysno(e, r, "write the context from standard input");
		const struct buf *file = early ? build_early_push(early, chunk, (size_t)n) : NULL;
		if (file)
			o->early(o->arg, file);
		if (n == 0 || (out < 0 && (!early || build_early_done(early))))
			break;
		done += (uint64_t)n;
	}
	return 0;
}

/* A file that can be read more than once: standard input itself, or a copy of it. */
static int seekable(const struct build_context_options *o, struct err *e)
{
	int in = o->stdin_fd;
	struct stat st;
	if (lseek(in, 0, SEEK_CUR) == 0 && fstat(in, &st) == 0 && S_ISREG(st.st_mode)) {
		int r = pass(o, in, -1, LOOK_AHEAD, e);
		return r < 0 ? r : fcntl(in, F_DUPFD_CLOEXEC, 3);
	}
	cleanup_fd int copy = file_open_unnamed(AT_FDCWD, "/var/tmp", e);
	if (copy < 0)
		return copy;
	int r = pass(o, in, copy, UINT64_MAX, e);
	return r < 0 ? r : STEAL_FD(copy);
}

static int read_bytes(int fd, size_t limit, const char *name, struct buf *b, struct err *e)
{
	b->max = limit;
	if (lseek(fd, 0, SEEK_SET) < 0 && errno != ESPIPE)
		return err_sys(e, "read '%s'", name);
	int r = io_read_to_end(fd, b);
	if (r == -ERR_LIMIT)
		return err_set(e, ERR_LIMIT, "'%s' is larger than %zu bytes", name, limit);
	return r < 0 ? err_sysno(e, r, "read '%s'", name) : 0;
}

/* A tar, or a Dockerfile without a context. 1: the Dockerfile has been read. */
static int open_stdin(const struct build_context_options *o, struct build_context *c, struct err *e)
{
	cleanup_fd int in = seekable(o, e);
	if (in < 0)
		return in;
	c->path = mem_strdup("-");
	enum layer_compression how;
	int r = layer_archive_sniff(in, &how, e);
	if (r < 0)
		return r;
	if (r) {
		c->fd = o->unpack_dir(o->arg, e);
		return c->fd < 0 ? c->fd : unpack(in, c->fd, e);
	}
	if (o->file)
		return err_set(e, ERR_USAGE,
			"standard input is no tar archive, so there is no context in which '%s' "
			"could be",
			o->file);
	c->file_name = mem_strdup("-");
	r = read_bytes(in, LIMIT_DOCKERFILE, "the Dockerfile from standard input", &c->file, e);
	return r < 0 ? r : 1;
}

/* ---- the Dockerfile ---- */

static int open_regular(int dirfd, const char *path, bool inside)
{
	int fd = inside ? root_open(dirfd, path, O_RDONLY | O_NONBLOCK, 0, NULL)
			: openat(dirfd, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 && !inside ? -errno : fd;
}

/* How messages call a file of the context. */
static char *shown(const struct build_context_options *o, const char *name)
{
	cleanup_free char *path = mem_strdup(o->path);
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		path[--n] = 0;
	if (str_eq(path, ".") || str_eq(path, "-") || str_eq(path, ""))
		return mem_strdup(name);
	return mem_printf("%s%s%s", path, str_eq(path, "/") ? "" : "/", name);
}

static int no_dockerfile(const struct build_context_options *o, struct err *e)
{
	if (o->file) {
		int r = err_set(e, ENOENT, "there is no Dockerfile '%s'", o->file);
		if (str_eq(o->path, "-"))
			err_hint(e, "with a context from standard input -f names a file in it");
		else
			err_hint(e,
				"-f is looked for from the current directory, then in the context "
				"'%s'",
				o->path);
		return r;
	}
	int r = err_set(e, ENOENT, "there is no Dockerfile in '%s'", o->path);
	err_hint(e, "name another file with -f FILE");
	return r;
}

/* Opens it; *ret_dir gets the directory that it was found from, *ret_name its path there. */
static int find_dockerfile(const struct build_context_options *o, struct build_context *c,
	int *ret_dir, const char **ret_name, struct err *e)
{
	static const char *const names[] = {"Dockerfile", "dockerfile", "Containerfile"};
	if (o->file && !str_eq(o->path, "-")) {
		int fd = open_regular(AT_FDCWD, o->file, false);
		if (fd >= 0) {
			*ret_dir = AT_FDCWD;
			*ret_name = o->file;
			c->file_name = mem_strdup(o->file);
			return fd;
		}
		if (fd != -ENOENT)
			return err_sysno(e, fd, "open '%s'", o->file);
	}
	*ret_dir = c->fd;
	for (size_t i = 0; i < (o->file ? 1 : ARRAY_SIZE(names)); i++) {
		const char *name = o->file ? o->file : names[i];
		int fd = open_regular(c->fd, name, true);
		if (fd >= 0) {
			*ret_name = name;
			c->file_name = shown(o, name);
			return fd;
		}
		if (fd != -ENOENT)
			return err_sysno(e, fd, "open '%s'", name);
	}
	return no_dockerfile(o, e);
}

static int read_named(int dirfd, const char *name, size_t limit, struct buf *b, struct err *e)
{
	cleanup_fd int fd = open_regular(dirfd, name, dirfd != AT_FDCWD);
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_sysno(e, fd, "open '%s'", name);
	struct stat st;
	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(e, EISDIR, "'%s' is a directory", name);
	int r = read_bytes(fd, limit, name, b, e);
	return r < 0 ? r : 1;
}

static int read_ignore(const struct build_context_options *o, struct build_context *c, int dir,
	const char *name, struct err *e)
{
	int r = 0;
	if (name) {
		cleanup_free char *own = mem_printf("%s.dockerignore", name);
		r = read_named(dir, own, LIMIT_IGNORE_FILE, &c->ignore_bytes, e);
		if (r > 0)
			c->ignore_name = dir == AT_FDCWD ? STEAL(own) : shown(o, own);
	}
	if (r == 0 && c->fd >= 0) {
		r = read_named(c->fd, ".dockerignore", LIMIT_IGNORE_FILE, &c->ignore_bytes, e);
		if (r > 0)
			c->ignore_name = shown(o, ".dockerignore");
	}
	if (r <= 0)
		return r;
	return dockerfile_ignore_parse(
		c->ignore_name, buf_str(&c->ignore_bytes), c->ignore_bytes.len, &c->ignore, e);
}

static int open_directory(
	const struct build_context_options *o, struct build_context *c, struct err *e)
{
	c->fd = open(o->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (c->fd < 0 && errno == ENOTDIR) {
		int r = err_set(e, ENOTDIR, "the context '%s' is not a directory", o->path);
		err_hint(e, "the last argument is the directory with the files; "
			    "the Dockerfile is named with -f");
		return r;
	}
	if (c->fd < 0)
		return err_sys(e, "open the context '%s'", o->path);
	c->path = realpath(o->path, NULL);
	return c->path ? 0 : err_sys(e, "find the context '%s'", o->path);
}

/* What people see may depend on the directory they are in; this does not. */
static char *path_of(int fd)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	return n < 0 ? mem_strdup("-") : mem_strndup(path, (size_t)n);
}

int build_context_open(
	const struct build_context_options *o, struct build_context *ret, struct err *e)
{
	*ret = (struct build_context){.fd = -1};
	bool from_stdin = str_eq(o->path, "-"), file_stdin = o->file && str_eq(o->file, "-");
	if (from_stdin && file_stdin)
		return err_set(e, ERR_USAGE,
			"Dockerfile and context cannot both come from standard input");
	int r = from_stdin ? open_stdin(o, ret, e) : open_directory(o, ret, e);
	int dir = AT_FDCWD;
	const char *name = NULL;
	if (r == 0 && file_stdin) {
		ret->file_name = mem_strdup("-");
		r = read_bytes(o->stdin_fd, LIMIT_DOCKERFILE, "the Dockerfile from standard input",
			&ret->file, e);
	} else if (r == 0) {
		cleanup_fd int fd = find_dockerfile(o, ret, &dir, &name, e);
		struct stat st;
		if (fd >= 0 && !from_stdin)
			ret->file_path = path_of(fd);
		if (fd >= 0 && fstat(fd, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
			r = err_set(e, EISDIR, "'%s' is not a file", ret->file_name);
		else if (fd >= 0 && io_set_nonblock(fd, false) >= 0)
			r = read_bytes(fd, LIMIT_DOCKERFILE, ret->file_name, &ret->file, e);
		else
			r = fd < 0 ? fd : -EIO;
	}
	if (!ret->file_path)
		ret->file_path = mem_strdup("-");
	if (r >= 0)
		r = read_ignore(o, ret, dir, name, e);
	if (r < 0)
		build_context_release(ret);
	return r < 0 ? r : 0;
}

struct dockerfile_ignore_verdict build_context_verdict(
	const struct build_context *c, const char *path)
{
	return dockerfile_ignore_match(c->ignore, path);
}
