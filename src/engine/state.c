/* The record of one run, as text in a file that is written in place; see the header. libc only:
 * the monitor is linked with it. */
#include "engine/state.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const status_names[] = {
	[ENGINE_CREATED] = "created",
	[ENGINE_RUNNING] = "running",
	[ENGINE_PAUSED] = "paused",
	[ENGINE_RESTARTING] = "restarting",
	[ENGINE_REMOVING] = "removing",
	[ENGINE_EXITED] = "exited",
	[ENGINE_DEAD] = "dead",
};
static const char *const health_names[] = {
	[ENGINE_HEALTH_NONE] = "none",
	[ENGINE_HEALTH_STARTING] = "starting",
	[ENGINE_HEALTH_HEALTHY] = "healthy",
	[ENGINE_HEALTH_UNHEALTHY] = "unhealthy",
};

const char *engine_status_name(enum engine_status s)
{
	return status_names[s];
}

const char *engine_health_name(enum engine_health h)
{
	return health_names[h];
}

enum field_kind {
	FIELD_STATUS,
	FIELD_HEALTH,
	FIELD_INT,
	FIELD_U64,
	FIELD_I64,
	FIELD_BOOL,
	FIELD_TEXT,
};

/* pid_t, int and unsigned all are FIELD_INT: 32 bits that are never negative here. */
static const struct field {
	const char *name;
	size_t offset, size;
	enum field_kind kind;
} fields[] = {
#define F(kind, name)                                                          \
	{                                                                      \
#name, offsetof(struct engine_state, name),                    \
			sizeof(((struct engine_state *)0)->name), FIELD_##kind \
	}
	F(STATUS, status),
	F(INT, pid),
	F(U64, pid_start),
	F(INT, monitor),
	F(U64, monitor_start),
	F(TEXT, boot),
	F(I64, started),
	F(I64, finished),
	F(INT, exit_code),
	F(BOOL, oom_killed),
	F(INT, restarts),
	F(INT, backoff_ms),
	F(HEALTH, health),
	F(INT, health_failures),
	F(TEXT, ip),
	F(TEXT, gateway),
	F(TEXT, mac),
	F(INT, prefix),
	F(TEXT, error),
	F(TEXT, ports),
#undef F
};

static uint64_t checksum(const char *text, size_t len)
{
	uint64_t h = 0xcbf29ce484222325ULL; /* FNV-1a: against torn reads, not against people */
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)text[i]) * 0x100000001b3ULL;
	return h;
}

static int print_field(const struct field *f, const void *p, char *out, size_t size)
{
	switch (f->kind) {
	case FIELD_STATUS:
		return snprintf(out, size, "%s %s\n", f->name,
			engine_status_name(*(const enum engine_status *)p));
	case FIELD_HEALTH:
		return snprintf(out, size, "%s %s\n", f->name,
			engine_health_name(*(const enum engine_health *)p));
	case FIELD_INT:
		return snprintf(out, size, "%s %d\n", f->name, *(const int *)p);
	case FIELD_U64:
		return snprintf(out, size, "%s %" PRIu64 "\n", f->name, *(const uint64_t *)p);
	case FIELD_I64:
		return snprintf(out, size, "%s %" PRId64 "\n", f->name, *(const int64_t *)p);
	case FIELD_BOOL:
		return snprintf(out, size, "%s %d\n", f->name, *(const bool *)p);
	case FIELD_TEXT:
		return snprintf(out, size, "%s %s\n", f->name, (const char *)p);
	}
	return 0;
}

static bool is_zero(const void *p, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (((const char *)p)[i])
			return false;
	return true;
}

size_t engine_state_format(const struct engine_state *s, char out[ENGINE_STATE_TEXT])
{
	enum { TAIL = 32 };
	size_t len = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		const void *p = (const char *)s + f->offset;
		if (f->kind == FIELD_TEXT ? !*(const char *)p : is_zero(p, f->size))
			continue;
		int n = print_field(f, p, out + len, ENGINE_STATE_TEXT - TAIL - len);
		if (n > 0 && len + (size_t)n < ENGINE_STATE_TEXT - TAIL) {
			for (size_t k = len; k + 1 < len + (size_t)n; k++)
				if (out[k] == '\n')
					out[k] = ' ';
			len += (size_t)n;
		}
	}
	return len + (size_t)snprintf(out + len, TAIL, "end %016" PRIx64 "\n", checksum(out, len));
}

static int word_index(const char *const *names, size_t n, const char *word)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(names[i], word))
			return (int)i;
	return -EINVAL;
}

static int parse_field(const struct field *f, void *p, const char *value)
{
	int64_t i = 0;
	uint64_t u = 0;
	int r = 0;
	switch (f->kind) {
	case FIELD_STATUS:
		r = word_index(status_names, ARRAY_SIZE(status_names), value);
		if (r >= 0)
			*(enum engine_status *)p = (enum engine_status)r;
		break;
	case FIELD_HEALTH:
		r = word_index(health_names, ARRAY_SIZE(health_names), value);
		if (r >= 0)
			*(enum engine_health *)p = (enum engine_health)r;
		break;
	case FIELD_INT:
		r = str_parse_i64(value, &i);
		*(int *)p = (int)i;
		break;
	case FIELD_U64:
		r = str_parse_u64(value, 10, &u);
		*(uint64_t *)p = u;
		break;
	case FIELD_I64:
		r = str_parse_i64(value, &i);
		*(int64_t *)p = i;
		break;
	case FIELD_BOOL:
		*(bool *)p = str_eq(value, "1");
		break;
	case FIELD_TEXT:
		snprintf(p, f->size, "%s", value);
		break;
	}
	return r < 0 ? -EINVAL : 0;
}

static int parse_line(struct engine_state *s, char *line)
{
	char *blank = strchr(line, ' ');
	if (!blank)
		return -EINVAL;
	*blank = 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (str_eq(fields[i].name, line))
			return parse_field(&fields[i], (char *)s + fields[i].offset, blank + 1);
	return 0; /* a later version's */
}

int engine_state_parse(const char *text, size_t len, struct engine_state *ret)
{
	char copy[ENGINE_STATE_TEXT + 1];
	if (len > ENGINE_STATE_TEXT)
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = 0;
	struct engine_state s = {0};
	for (char *line = copy, *next; *line; line = next) {
		next = strchr(line, '\n');
		if (!next)
			return -EINVAL;
		*next++ = 0;
		if (str_starts(line, "end ")) {
			uint64_t sum;
			if (str_parse_u64(line + 4, 16, &sum) < 0 ||
				sum != checksum(text, (size_t)(line - copy)))
				return -EINVAL;
			*ret = s;
			return 0;
		}
		int r = parse_line(&s, line);
		if (r < 0)
			return r;
	}
	return -EINVAL;
}

int engine_state_read(int fd, struct engine_state *ret, struct err *e)
{
	char text[ENGINE_STATE_TEXT];
	/* A writer may be in the middle of its one write: look again. */
	for (int tries = 0; tries < 20; tries++) {
		ssize_t n = io_pread_full(fd, text, sizeof(text), 0);
		if (n < 0)
			return err_sysno(e, (int)n, "read the state of the container");
		if (engine_state_parse(text, (size_t)n, ret) == 0)
			return 0;
		nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
	}
	return err_set(e, ERR_FORMAT, "the state file of the container is damaged");
}

int engine_state_load(int dirfd, const char *path, struct engine_state *ret, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ENOENT : err_sys(e, "open '%s'", path);
	return engine_state_read(fd, ret, e);
}

int engine_state_save(int dirfd, const char *path, const struct engine_state *s, struct err *e)
{
	char text[ENGINE_STATE_TEXT];
	size_t len = engine_state_format(s, text);
	cleanup_fd int fd = openat(dirfd, path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT) /* nobody shall see it empty */
		return file_write(dirfd, path, text, len, 0600, 0, e);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	int r = io_pwrite_all(fd, text, len, 0);
	return r < 0 ? err_sysno(e, r, "write '%s'", path) : 0;
}
