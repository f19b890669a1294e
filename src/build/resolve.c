/*
 * Where a path really is: links followed by hand, inside a root. Unlike
 * base/root.h, which gives a descriptor, this gives the path's own words back:
 * a layer's entry is to be written under its true name.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "build/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct walk {
	int rootfd;
	enum build_resolve_flags flags;
	unsigned hops;
	struct buf done; /* resolved so far */
	char *pending;   /* what is left; replaced when a link is followed */
	const char *asked;
	bool missing; /* done does not exist: no more links can come */
};

/* Reads the link at path (which has no links before its last component): its length, or -errno
 * (-EINVAL: there, but not a link). */
static ssize_t read_link(int rootfd, const char *path, char out[PATH_MAX])
{
	cleanup_fd int fd = root_open_path(rootfd, path, true, NULL);
	if (fd < 0)
		return fd;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISLNK(st.st_mode))
		return -EINVAL;
	ssize_t n = readlinkat(fd, "", out, PATH_MAX - 1);
	if (n < 0)
		return -errno;
	out[n] = 0;
	return n;
}

static int outside(const struct walk *w, const char *link, const char *text, struct err *e)
{
	int r = err_set(e, ERR_FORMAT,
		"'%s' leads out of the build context: the link '%s' points to '%s'", w->asked, link,
		text);
	err_hint(e, "copy the target into the context and link to it with a relative path");
	return r;
}

/* Removes the last component; false when there is none. */
static bool go_up(struct buf *done)
{
	if (!done->len)
		return false;
	const char *slash = memrchr(done->data, '/', done->len);
	buf_truncate(done, slash ? (size_t)(slash - done->data) : 0);
	return true;
}

/* Does the text of a link, read in the directory `done` (components), climb above the root? */
static bool climbs_out(const struct buf *done, const char *text)
{
	long depth = done->len ? 1 : 0;
	for (size_t i = 0; i < done->len; i++)
		depth += done->data[i] == '/';
	for (const char *p = text; *p; p += strspn(p, "/")) {
		size_t len = strcspn(p, "/");
		if (len == 2 && memcmp(p, "..", 2) == 0)
			depth--;
		else if (len > 0 && !(len == 1 && *p == '.'))
			depth++;
		if (depth < 0)
			return true;
		p += len;
	}
	return false;
}

/* The last component of done is a link with this text; rest comes behind it. */
static int follow(struct walk *w, const char *text, const char *rest, struct err *e)
{
	if (++w->hops > LIMIT_SYMLINK_HOPS)
		return err_set(e, ELOOP, "too many links on the way to '%s'", w->asked);
	bool strict = !(w->flags & BUILD_RESOLVE_INSIDE);
	cleanup_free char *link = mem_strdup(buf_str(&w->done));
	if (text[0] == '/') {
		if (strict)
			return outside(w, link, text, e);
		buf_truncate(&w->done, 0);
	} else {
		go_up(&w->done);
		if (strict && climbs_out(&w->done, text))
			return outside(w, link, text, e);
	}
	char *next = mem_printf("%s%s%s", text, *rest ? "/" : "", rest);
	free(w->pending);
	w->pending = next;
	return 0;
}

/* One component: 1 when a link was followed, 0 when it was taken as it is. */
static int step(struct walk *w, const char *name, const char *rest, struct err *e)
{
	if (str_eq(name, "..")) {
		go_up(&w->done);
		return 0;
	}
	if (w->done.len)
		buf_add_char(&w->done, '/');
	if (buf_add_str(&w->done, name) < 0)
		return err_set(e, ERR_LIMIT, "path '%.60s...' is too long", w->asked);
	if (w->missing || (!*rest && (w->flags & BUILD_RESOLVE_NOFOLLOW)))
		return 0;
	char text[PATH_MAX];
	ssize_t n = read_link(w->rootfd, buf_str(&w->done), text);
	if (n >= 0) {
		int r = follow(w, text, rest, e);
		return r < 0 ? r : 1;
	}
	if (n == -EINVAL)
		return 0;
	if (n == -ENOENT && (w->flags & BUILD_RESOLVE_MISSING)) {
		w->missing = true;
		return 0;
	}
	return (int)n;
}

static int resolve(struct walk *w, struct err *e)
{
	for (size_t at = 0; w->pending[at];) {
		at += strspn(w->pending + at, "/");
		size_t len = strcspn(w->pending + at, "/");
		cleanup_free char *name = mem_strndup(w->pending + at, len);
		size_t after = at + len + strspn(w->pending + at + len, "/");
		if (len == 0 || str_eq(name, ".")) {
			at = after;
			continue;
		}
		cleanup_free char *rest = mem_strdup(w->pending + after);
		int r = step(w, name, rest, e);
		if (r < 0)
			return r;
		at = r ? 0 : after;
	}
	return 0;
}

int build_path_resolve(
	int rootfd, const char *path, enum build_resolve_flags flags, char **ret, struct err *e)
{
	struct walk w = {
		.rootfd = rootfd,
		.flags = flags,
		.done = BUF_INIT_MAX(LIMIT_TAR_PATH),
		.pending = mem_strdup(path),
		.asked = path,
	};
	int r = resolve(&w, e);
	if (r >= 0)
		*ret = mem_strdup(buf_str(&w.done));
	free(w.pending);
	buf_release(&w.done);
	return r;
}
