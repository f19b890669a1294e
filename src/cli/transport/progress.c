/* Lines about layers; see the header. */
#include "cli/transport/progress.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define REDRAW_NS (90LL * 1000 * 1000)
#define REPORT_NS (10 * CLOCK_NS_PER_S) /* without a terminal: how often a long transfer is told */
#define SIZE_TEXT 32

/* What is remembered of an item between two looks */
struct seen {
	struct transport_item last;
	int64_t began; /* of its bytes; 0: not yet */
	int64_t told;
	bool printed; /* its last line stands */
};

struct progress {
	struct transport_progress listener;
	enum progress_way way;
	bool quiet, tty;
	struct seen *seen;
	size_t n;
	unsigned drawn; /* lines on the terminal that are ours */
	int64_t last, began;
	uint64_t flowed, reused; /* of items that are over, in all rounds */
	size_t items;
	pthread_mutex_t lock; /* notes come from other threads */
};

static const char *size_text(uint64_t bytes, char out[SIZE_TEXT])
{
	return str_format_size(bytes, out, SIZE_TEXT);
}

static unsigned percent(uint64_t part, uint64_t whole)
{
	return whole ? (unsigned)((double)part * 100 / (double)whole) : 0;
}

/* What the bytes do, and what they have done */
static const struct {
	const char *doing, *done;
} words[] = {
	[PROGRESS_PULL] = {"downloading", "fetched"},
	[PROGRESS_PUSH] = {"uploading", "sent"},
	[PROGRESS_COPY] = {"copying", "copied"},
};

static void describe_running(
	const struct progress *p, const struct transport_item *i, struct buf *b)
{
	if (i->from)
		buf_printf(b, "resumed at %u %%, ", percent(i->from, i->size));
	buf_add_str(b, words[p->way].doing);
	if (i->size)
		buf_printf(b, " %u %%", percent(i->done, i->size));
}

static void describe(const struct progress *p, const struct transport_item *i, struct buf *b)
{
	char size[SIZE_TEXT];
	switch (i->state) {
	case TRANSPORT_WAITING:
		buf_add_str(b, "waiting");
		break;
	case TRANSPORT_BUSY:
		buf_add_str(b, "another kist fetches it: waiting");
		break;
	case TRANSPORT_RUNNING:
		describe_running(p, i, b);
		break;
	case TRANSPORT_STORING:
		buf_add_str(b, "storing");
		break;
	case TRANSPORT_EXISTS:
		buf_add_str(b, "exists");
		return;
	case TRANSPORT_MOUNTED:
		buf_add_str(b, "mounted");
		return;
	case TRANSPORT_DONE:
		buf_add_str(b, "done");
		if (i->from)
			buf_printf(b, ", resumed at %u %%", percent(i->from, i->size));
		break;
	case TRANSPORT_FAILED:
		buf_add_str(b, "failed");
		break;
	}
	if (i->size && i->state != TRANSPORT_RUNNING)
		buf_printf(b, "  %s", size_text(i->size, size));
}

static void add_rate(
	const struct seen *s, const struct transport_item *i, int64_t now, struct buf *b)
{
	char done[SIZE_TEXT], size[SIZE_TEXT], rate[SIZE_TEXT];
	uint64_t moved = i->done - MIN(i->from, i->done);
	if (i->state == TRANSPORT_RUNNING)
		buf_printf(b, "  %s%s%s", size_text(i->done, done), i->size ? " / " : "",
			i->size ? size_text(i->size, size) : "");
	if (s->began && now - s->began > CLOCK_NS_PER_S / 20 && moved)
		buf_printf(b, "  %s/s",
			size_text(
				(uint64_t)((double)moved * 1e9 / (double)(now - s->began)), rate));
}

static char *line_of(
	const struct progress *p, const struct seen *s, const struct transport_item *i, int64_t now)
{
	struct buf b cleanup_buf = BUF_INIT;
	char id[OCI_DIGEST_SHORT];
	buf_printf(&b, "%s  ", oci_digest_short(i->digest, id));
	describe(p, i, &b);
	if (i->state == TRANSPORT_RUNNING || i->state == TRANSPORT_DONE)
		add_rate(s, i, now, &b);
	return buf_take(&b);
}

static void erase(struct progress *p)
{
	if (p->drawn)
		fprintf(stderr, "\033[%uF\033[J", p->drawn);
	p->drawn = 0;
}

static void window(unsigned *rows, unsigned *cols)
{
	struct winsize w;
	bool known = ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col >= 20 && w.ws_row >= 4;
	*rows = known ? w.ws_row : 24;
	*cols = known ? w.ws_col : 80;
}

static bool is_over(const struct transport_item *i)
{
	return i->state >= TRANSPORT_EXISTS;
}

static void draw_total(struct progress *p, const struct transport_item *v, size_t n, int64_t now)
{
	uint64_t done = 0, size = 0, moved = 0;
	char a[SIZE_TEXT], b[SIZE_TEXT], c[SIZE_TEXT];
	size_t over = 0;
	for (size_t i = 0; i < n; i++) {
		bool there = v[i].state == TRANSPORT_EXISTS || v[i].state == TRANSPORT_MOUNTED;
		over += is_over(&v[i]);
		size += v[i].size;
		done += there ? v[i].size : v[i].done;
		moved += there ? 0 : v[i].done - MIN(v[i].from, v[i].done);
	}
	fprintf(stderr, "total         %u %%, %zu of %zu layers  %s / %s  %s/s\n",
		percent(done, size), over, n, size_text(done, a), size_text(size, b),
		size_text((uint64_t)((double)moved * 1e9 / (double)MAX(now - p->began, 1)), c));
	p->drawn++;
}

/* What is over is printed once, above; the rest is redrawn, as far as the terminal is high. */
static void show_tty(struct progress *p, const struct transport_item *v, size_t n, int64_t now)
{
	unsigned rows, cols;
	size_t left = 0;
	bool ended = false;
	for (size_t i = 0; i < n; i++) {
		left += !is_over(&v[i]);
		ended |= is_over(&v[i]) && !p->seen[i].printed;
	}
	if (!ended && p->last && now - p->last < REDRAW_NS)
		return;
	p->last = now;
	window(&rows, &cols);
	erase(p);
	for (size_t i = 0; i < n; i++) {
		if (!is_over(&v[i]) || p->seen[i].printed)
			continue;
		char *line cleanup_free = line_of(p, &p->seen[i], &v[i], now);
		fprintf(stderr, "%s\n", line);
		p->seen[i].printed = true;
	}
	for (size_t i = 0; i < n && p->drawn + 2 < rows; i++) {
		if (is_over(&v[i]))
			continue;
		char *line cleanup_free = line_of(p, &p->seen[i], &v[i], now);
		fprintf(stderr, "%.*s\n", (int)cols - 1, line);
		p->drawn++;
	}
	if (left)
		draw_total(p, v, n, now);
	fflush(stderr);
}

static void show_plain(struct progress *p, const struct transport_item *v, size_t n, int64_t now)
{
	for (size_t i = 0; i < n; i++) {
		struct seen *s = &p->seen[i];
		bool changed = v[i].state != s->last.state && v[i].state != TRANSPORT_WAITING &&
			       v[i].state != TRANSPORT_STORING;
		bool long_time = v[i].state == TRANSPORT_RUNNING && now - s->told >= REPORT_NS;
		if (!changed && !long_time)
			continue;
		char *line cleanup_free = line_of(p, s, &v[i], now);
		fprintf(stderr, "%s\n", line);
		s->told = now;
	}
}

/* Another image's layers: what was counted of the last ones is kept. */
static void begin_round(struct progress *p, const struct transport_item *v, size_t n)
{
	free(p->seen);
	p->seen = mem_array(n + 1, sizeof(*p->seen));
	p->n = n;
	p->drawn = 0;
	for (size_t i = 0; i < n; i++)
		p->seen[i].last = v[i];
	for (size_t i = 0; i < n; i++)
		p->seen[i].last.state = TRANSPORT_WAITING;
}

static bool same_round(const struct progress *p, const struct transport_item *v, size_t n)
{
	for (size_t i = 0; i < n && i < p->n; i++)
		if (!str_eq(p->seen[i].last.digest, v[i].digest) ||
			(p->seen[i].last.state >= TRANSPORT_EXISTS && !is_over(&v[i])))
			return false;
	return p->seen && n == p->n;
}

static void show(void *ctx, const struct transport_item *v, size_t n)
{
	struct progress *p = ctx;
	int64_t now = clock_monotonic();
	pthread_mutex_lock(&p->lock);
	if (!same_round(p, v, n))
		begin_round(p, v, n);
	for (size_t i = 0; i < n; i++) {
		struct seen *s = &p->seen[i];
		if (!s->began && v[i].state == TRANSPORT_RUNNING)
			s->began = now;
		if (is_over(&v[i]) && s->last.state < TRANSPORT_EXISTS) {
			p->items++;
			p->flowed += v[i].done - MIN(v[i].from, v[i].done);
			p->reused += v[i].from;
		}
	}
	if (!p->quiet && p->tty)
		show_tty(p, v, n, now);
	else if (!p->quiet)
		show_plain(p, v, n, now);
	for (size_t i = 0; i < n; i++)
		p->seen[i].last = v[i];
	pthread_mutex_unlock(&p->lock);
}

void progress_note(void *ctx, const char *line)
{
	struct progress *p = ctx;
	pthread_mutex_lock(&p->lock);
	if (p->tty && !p->quiet)
		erase(p);
	cli_note(line);
	p->last = 0;
	pthread_mutex_unlock(&p->lock);
}

struct progress *progress_new(enum progress_way way, bool quiet)
{
	struct progress *p = mem_alloc(sizeof(*p));
	const char *term = getenv("TERM");
	p->way = way;
	p->quiet = quiet;
	p->tty = isatty(STDERR_FILENO) && !str_empty(term) && !str_eq(term, "dumb");
	p->began = clock_monotonic();
	p->listener = (struct transport_progress){show, progress_note, p};
	pthread_mutex_init(&p->lock, NULL);
	return p;
}

const struct transport_progress *progress_listener(struct progress *p)
{
	return &p->listener;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	if (p->tty && !p->quiet)
		erase(p);
	if (!p->quiet && p->items && (p->flowed || p->reused)) {
		char flowed[SIZE_TEXT], reused[SIZE_TEXT];
		fprintf(stderr, "total         %s %s", size_text(p->flowed, flowed),
			words[p->way].done);
		if (p->reused)
			fprintf(stderr, ", %s were here", size_text(p->reused, reused));
		fprintf(stderr, ", %.1f s\n", (double)(clock_monotonic() - p->began) / 1e9);
	}
	pthread_mutex_destroy(&p->lock);
	free(p->seen);
	free(p);
}
