/* Commands that fetch images; see the header. */
#include "build/fetch.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TICK_MS = 100, LINE_MOST = 4096 };

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void fetch_free(struct build_fetch *x)
{
	if (x->pid > 0) {
		kill(x->pid, SIGTERM);
		(void)proc_wait(x->pid, NULL);
	}
	close_fd(&x->out);
	close_fd(&x->err);
	buf_release(&x->out_line);
	buf_release(&x->err_line);
	free(x->message);
	free(x->hint);
	free(x->name);
	free(x->platform);
	free(x);
}

void build_fetches_release(struct build_fetches *f)
{
	while (f->first) {
		struct build_fetch *next = f->first->next;
		fetch_free(f->first);
		f->first = next;
	}
}

static struct build_fetch *running(
	const struct build_fetches *f, const char *name, const char *platform)
{
	struct build_fetch *x = f->first;
	while (x && !(x->pid && str_eq(x->name, name) && str_eq(x->platform ?: "", platform ?: "")))
		x = x->next;
	return x;
}

int build_fetch_start(struct build_fetches *f, const struct strv *argv, const char *name,
	const char *platform, struct build_fetch **ret, struct err *e)
{
	struct strv words cleanup_strv = STRV_INIT;
	*ret = running(f, name, platform);
	if (*ret)
		return 0;
	strv_add_all(&words, argv);
	if (platform)
		strv_addf(&words, "--platform=%s", platform);
	strv_add(&words, name);
	int out, err;
	pid_t pid = proc_start((char *const *)strv_items(&words), &out, &err, e);
	if (pid < 0)
		return (int)pid;
	struct build_fetch *x = mem_alloc(sizeof(*x));
	x->name = mem_strdup(name);
	x->platform = mem_strdup(platform);
	x->pid = pid;
	x->out = out;
	x->err = err;
	x->out_line = x->err_line = (struct buf)BUF_INIT_MAX(LINE_MOST);
	x->next = f->first;
	f->first = x;
	*ret = x;
	return 0;
}

static void out_line(struct build_fetch *x, const char *text)
{
	if (str_starts(text, "config ") && store_digest_valid(text + strlen("config ")))
		memcpy(x->id, text + strlen("config "), sizeof(x->id) - 1);
}

static void err_line(struct build_fetches *f, struct build_fetch *x, const char *text)
{
	char **keep = str_starts(text, "kist: ")   ? &x->message
		      : str_starts(text, "hint: ") ? &x->hint
						   : NULL;
	if (keep) {
		free(*keep);
		*keep = mem_strdup(text + strlen("kist: "));
	} else if (x->hint) { /* hints may have several lines; nothing follows them */
		char *longer = mem_printf("%s\n%s", x->hint, text);
		free(x->hint);
		x->hint = longer;
	} else if (f->line) {
		f->line(f->arg, x->name, text);
	}
}

/* Whole lines go on; -1 in *fd at the end. */
static void read_lines(
	struct build_fetches *f, struct build_fetch *x, int *fd, struct buf *line, bool is_out)
{
	char room[LINE_MOST];
	ssize_t n = 0;
	while (*fd >= 0 && (n = read(*fd, room, sizeof(room))) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (room[i] != '\n') {
				(void)buf_add_char(line, room[i]); /* too long: cut */
				continue;
			}
			if (is_out)
				out_line(x, buf_str(line));
			else
				err_line(f, x, buf_str(line));
			buf_clear(line);
		}
	if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close_fd(fd);
}

void build_fetch_drop_guesses(struct build_fetches *f)
{
	for (struct build_fetch **at = &f->first; *at;) {
		struct build_fetch *x = *at;
		if (x->wanted) {
			at = &x->next;
			continue;
		}
		/* what it has said: the image may be here because of it */
		read_lines(f, x, &x->out, &x->out_line, true);
		read_lines(f, x, &x->err, &x->err_line, false);
		*at = x->next;
		fetch_free(x);
	}
}

static int failed(const struct build_fetch *x, struct err *e)
{
	int r = err_set(e, ERR_NOT_FOUND, "%s",
		x->message
			?: "it could not be fetched, and the command that fetches does not say "
			   "why");
	if (x->hint)
		err_hint(e, "%s", x->hint);
	return r;
}

/* 0: goes on, or has ended well. */
static int turn(struct build_fetches *f, struct build_fetch *x, struct err *e)
{
	read_lines(f, x, &x->out, &x->out_line, true);
	read_lines(f, x, &x->err, &x->err_line, false);
	if (x->pid > 0 && x->out < 0 && x->err < 0) {
		x->status = proc_wait(x->pid, e);
		x->pid = 0;
	}
	return x->pid == 0 && x->status != 0 ? failed(x, e) : 0;
}

int build_fetch_turn(struct build_fetches *f, struct err *e)
{
	for (struct build_fetch *x = f->first; x; x = x->next) {
		int r = x->pid ? turn(f, x, e) : 0;
		if (r < 0)
			return err_wrap(e, r, "fetch '%s'", x->name);
	}
	return 0;
}

static size_t polls_of(const struct build_fetch *x, struct pollfd *p)
{
	size_t n = 0;
	if (x->out >= 0)
		p[n++] = (struct pollfd){x->out, POLLIN, 0};
	if (x->err >= 0)
		p[n++] = (struct pollfd){x->err, POLLIN, 0};
	return n;
}

size_t build_fetch_polls(const struct build_fetches *f, struct pollfd *p, size_t most)
{
	size_t n = 0;
	for (const struct build_fetch *x = f->first; x && n + BUILD_FETCH_POLLS <= most;
		x = x->next)
		n += x->pid ? polls_of(x, p + n) : 0;
	return n;
}

int build_fetch_id(struct build_fetches *f, struct build_fetch *x, struct err *e)
{
	while (!x->id[0]) {
		struct pollfd p[BUILD_FETCH_POLLS];
		(void)poll(p, polls_of(x, p), TICK_MS);
		if (f->stop && *f->stop)
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		/* the others are read, too: none may wait for us with a full pipe */
		for (struct build_fetch *i = f->first; i; i = i->next) {
			int r = i->pid || i == x ? turn(f, i, i == x ? e : NULL) : 0;
			if (r < 0 && i == x)
				return r;
		}
		if (!x->pid && !x->id[0])
			return err_set(e, ERR_CHILD, "the command that fetches told no config");
	}
	return 0;
}

bool build_fetch_pending(const struct build_fetches *f, const char *id)
{
	for (const struct build_fetch *x = f->first; x; x = x->next)
		if (x->pid && str_eq(x->id, id))
			return true;
	return false;
}

bool build_fetch_any(const struct build_fetches *f)
{
	for (const struct build_fetch *x = f->first; x; x = x->next)
		if (x->pid)
			return true;
	return false;
}
