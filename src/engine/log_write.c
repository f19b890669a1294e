/* Writing and rotating a container's log; see log.h. libc only, no heap: part of the monitor. */
#include "base/clock.h"
#include "base/io.h"
#include "engine/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int open_current(struct engine_log *l)
{
	struct stat st;
	l->fd = openat(l->dirfd, "log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (l->fd < 0)
		return -errno;
	l->size = fstat(l->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

void engine_log_init(struct engine_log *l, int dirfd, uint64_t max_size, unsigned max_files)
{
	*l = (struct engine_log){.dirfd = dirfd,
		.fd = -1,
		.max_size = max_size ? max_size : ENGINE_LOG_MAX_SIZE,
		.max_files = max_files ? max_files : ENGINE_LOG_MAX_FILE};
}

void engine_log_close(struct engine_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

static void rotate(struct engine_log *l)
{
	char from[32], to[32];
	for (unsigned i = l->max_files - 1; i > 0; i--) {
		snprintf(to, sizeof(to), "log.%u", i);
		snprintf(from, sizeof(from), i > 1 ? "log.%u" : "log", i - 1);
		renameat(l->dirfd, from, l->dirfd, to); /* an absent one is fine */
	}
	if (l->max_files == 1)
		unlinkat(l->dirfd, "log", 0);
	engine_log_close(l);
	open_current(l);
}

static void flush(struct engine_log *l, const char *p, size_t len)
{
	if (l->fd < 0 && open_current(l) < 0)
		return;
	/* The end of a file that a full disk cut must not be continued by the next record. */
	if (l->broken && io_write_all(l->fd, "\n", 1) < 0)
		return;
	l->broken = io_write_all(l->fd, p, len) < 0;
	l->size += len;
	if (l->size >= l->max_size)
		rotate(l);
}

/* The calendar by hand: gmtime_r would read the time zone's files into the monitor. */
static int format_time(int64_t ns, char *out, size_t size)
{
	int64_t s = ns / CLOCK_NS_PER_S, days = s / 86400, rest = s % 86400;
	int64_t z = days + 719468, era = z / 146097, doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	int day = (int)(doy - (153 * mp + 2) / 5 + 1), month = (int)(mp < 10 ? mp + 3 : mp - 9);
	int year = (int)(yoe + era * 400 + (month <= 2));
	return snprintf(out, size, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", year, month, day,
		(int)(rest / 3600), (int)(rest / 60 % 60), (int)(rest % 60),
		(int)(ns % CLOCK_NS_PER_S));
}

void engine_log_write(
	struct engine_log *l, enum engine_stream stream, int64_t now, const char *p, size_t len)
{
	char out[16384], head[ENGINE_LOG_HEADER];
	size_t fill = 0;
	int head_len = format_time(now < 0 ? 0 : now, head, sizeof(head));
	head_len += snprintf(head + head_len, sizeof(head) - (size_t)head_len, " %s ",
		stream == ENGINE_STDERR ? "stderr" : "stdout");
	while (len) {
		const char *nl = memchr(p, '\n', len);
		size_t line = nl ? (size_t)(nl - p) : len, space = sizeof(out) - fill;
		size_t need = (size_t)head_len + 2 + line + 1;
		if (need > space && fill) {
			flush(l, out, fill);
			fill = 0;
			continue;
		}
		bool whole = nl != NULL;
		if (need > space) { /* longer than the buffer: a part of it */
			line = space - (size_t)head_len - 3;
			whole = false;
		}
		memcpy(out + fill, head, (size_t)head_len);
		fill += (size_t)head_len;
		out[fill++] = whole ? 'F' : 'P';
		out[fill++] = ' ';
		memcpy(out + fill, p, line);
		fill += line;
		out[fill++] = '\n';
		p += line + whole;
		len -= line + whole;
	}
	if (fill)
		flush(l, out, fill);
}
