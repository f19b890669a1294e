/* Reading a container's log, across rotations, from the end, and while it grows; see log.h. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

int engine_log_parse(const char *line, size_t len, struct engine_log_record *ret)
{
	char time[CLOCK_TEXT_MAX];
	const char *blank = memchr(line, ' ', len);
	if (!blank || (size_t)(blank - line) >= sizeof(time))
		return -EINVAL;
	memcpy(time, line, (size_t)(blank - line));
	time[blank - line] = 0;
	const char *rest = blank + 1;
	size_t left = len - (size_t)(rest - line);
	if (left < 9 || (memcmp(rest, "stdout ", 7) != 0 && memcmp(rest, "stderr ", 7) != 0) ||
		(rest[7] != 'F' && rest[7] != 'P') || rest[8] != ' ')
		return -EINVAL;
	if (clock_parse(time, &ret->time) < 0)
		return -EINVAL;
	ret->stream = rest[3] == 'e' ? ENGINE_STDERR : ENGINE_STDOUT;
	ret->partial = rest[7] == 'P';
	ret->text = rest + 9;
	ret->len = left - 9;
	return 0;
}

/* Reads files line by line; `skip` counts the lines that --tail leaves out. */
struct reader {
	const struct engine_log_options *o;
	struct buf pending;
	int64_t skip;
	int64_t lines; /* counting: whole lines seen */
	bool counting, done;
};

static bool in_time(const struct engine_log_options *o, const struct engine_log_record *r)
{
	return r->time >= o->since && (!o->until || r->time <= o->until);
}

static int take_line(struct reader *r, const char *line, size_t len)
{
	struct engine_log_record rec;
	if (engine_log_parse(line, len, &rec) < 0 || !in_time(r->o, &rec))
		return 0;
	if (r->counting) {
		r->lines += !rec.partial;
		return 0;
	}
	if (r->skip > 0) {
		r->skip -= !rec.partial;
		return 0;
	}
	return r->o->each(&rec, r->o->arg);
}

static int take_bytes(struct reader *r, const char *p, size_t len)
{
	while (len) {
		const char *nl = memchr(p, '\n', len);
		if (!nl)
			return buf_add(&r->pending, p, len);
		size_t n = (size_t)(nl - p);
		int res;
		if (r->pending.len) {
			res = buf_add(&r->pending, p, n);
			if (res == 0)
				res = take_line(r, buf_str(&r->pending), r->pending.len);
			buf_clear(&r->pending);
		} else {
			res = take_line(r, p, n);
		}
		if (res < 0)
			return res;
		p += n + 1;
		len -= n + 1;
	}
	return 0;
}

static int read_on(struct reader *r, int fd, struct err *e)
{
	char chunk[65536];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the container's log");
		if (n == 0)
			return 0;
		int res = take_bytes(r, chunk, (size_t)n);
		if (res < 0)
			return res;
	}
}

enum { MAX_FILES = 1000 };

/* All files from the oldest on. The newest stays open for following: its descriptor or -ENOENT. */
static int read_files(struct reader *r, int dirfd, struct err *e)
{
	unsigned oldest = 0;
	char name[32];
	while (oldest < MAX_FILES) {
		snprintf(name, sizeof(name), "log.%u", oldest + 1);
		if (faccessat(dirfd, name, F_OK, 0) < 0)
			break;
		oldest++;
	}
	for (unsigned i = oldest; i > 0; i--) {
		snprintf(name, sizeof(name), "log.%u", i);
		cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
		int res = fd < 0 ? 0 : read_on(r, fd, e);
		if (res < 0)
			return res;
	}
	cleanup_fd int fd = openat(dirfd, "log", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_sys(e, "open the container's log");
	int res = read_on(r, fd, e);
	return res < 0 ? res : STEAL_FD(fd);
}

/* Another file is called log now, and the rest of the old one has been read: opens it. */
static bool follow_rotation(int dirfd, int *fd)
{
	struct stat now, ours;
	if (fstatat(dirfd, "log", &now, 0) < 0 || (*fd >= 0 && fstat(*fd, &ours) < 0))
		return false;
	if (*fd >= 0 && now.st_ino == ours.st_ino && now.st_dev == ours.st_dev)
		return false;
	if (*fd >= 0)
		close(*fd);
	*fd = openat(dirfd, "log", O_RDONLY | O_CLOEXEC);
	return *fd >= 0;
}

static int follow(struct reader *r, int dirfd, int *fd, struct err *e)
{
	char path[64], events[4096];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", dirfd);
	cleanup_fd int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (watch < 0 || inotify_add_watch(watch, path, IN_MODIFY | IN_CREATE | IN_MOVED_FROM) < 0)
		return err_sys(e, "watch the container's log");
	for (bool ended = false;;) {
		int res = *fd >= 0 ? read_on(r, *fd, e) : 0;
		if (res < 0)
			return res;
		if (follow_rotation(dirfd, fd))
			continue;
		if (ended)
			return 0;
		struct pollfd p[] = {{watch, POLLIN, 0}, {r->o->alive_fd, POLLIN, 0}};
		if (poll(p, 2, -1) < 0 && (errno != EINTR || !r->o->stop || r->o->stop(r->o->arg)))
			return 0;
		while (read(watch, events, sizeof(events)) > 0)
			continue;
		ended = p[1].revents != 0;
	}
}

int engine_log_read(int dirfd, const struct engine_log_options *o, struct err *e)
{
	struct reader r = {.o = o};
	cleanup_fd int fd = -1;
	if (o->tail >= 0) {
		r.counting = true;
		fd = read_files(&r, dirfd, e);
		if (fd < 0 && fd != -ENOENT) {
			buf_release(&r.pending);
			return fd;
		}
		if (fd >= 0)
			close(fd);
		buf_clear(&r.pending);
		r.counting = false;
		r.skip = MAX(r.lines - o->tail, 0);
	}
	fd = read_files(&r, dirfd, e);
	int res = fd < 0 && fd != -ENOENT ? fd : 0;
	if (res == 0 && o->follow && o->alive_fd >= 0)
		res = follow(&r, dirfd, &fd, e);
	buf_release(&r.pending);
	return res;
}
