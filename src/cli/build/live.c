/* Redrawing the running steps. */
#include "cli/build/live.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "build/graph.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	LINES = 6,  /* of output, shown below a step */
	KEEP = 4096 /* bytes of output, kept for that */
};

#define REDRAW_NS (60LL * 1000 * 1000)

struct running {
	const struct build_step *step;
	const struct build_stage *stage;
	int64_t began;
	struct buf tail;
	struct running *next;
};

struct live {
	FILE *out;
	struct running *first;
	unsigned drawn; /* lines on the terminal that are ours */
	int64_t last;
};

struct live *live_new(FILE *out)
{
	struct live *l = mem_alloc(sizeof(*l));
	l->out = out;
	return l;
}

static void drop(struct live *l, const struct build_step *step)
{
	for (struct running **p = &l->first; *p; p = &(*p)->next)
		if ((*p)->step == step) {
			struct running *gone = *p;
			*p = gone->next;
			buf_release(&gone->tail);
			free(gone);
			return;
		}
}

void live_free(struct live *l)
{
	if (!l)
		return;
	while (l->first)
		drop(l, l->first->step);
	free(l);
}

void live_erase(struct live *l)
{
	if (l->drawn)
		fprintf(l->out, "\033[%uF\033[J", l->drawn);
	l->drawn = 0;
	l->last = 0;
	fflush(l->out);
}

static unsigned width(const struct live *l)
{
	struct winsize w;
	if (ioctl(fileno(l->out), TIOCGWINSZ, &w) < 0 || w.ws_col < 20)
		return 80;
	return w.ws_col;
}

/* One line, cut to the terminal's width; what would move the cursor is left out. */
static void draw_line(
	struct live *l, const char *indent, const char *text, size_t len, unsigned cols)
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_add_str(&b, indent);
	unsigned used = (unsigned)strlen(indent);
	bool escape = false;
	for (size_t i = 0; i < len && used + 1 < cols; i++) {
		unsigned char c = (unsigned char)text[i];
		if (escape) {
			escape = !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
			continue;
		}
		if (c == 27)
			escape = true;
		else if (c == '\t')
			buf_add_char(&b, ' '), used++;
		else if (c >= 32 && c != 127)
			buf_add_char(&b, (char)c), used += (c & 0xc0) != 0x80;
	}
	fprintf(l->out, "%s\n", buf_str(&b));
	l->drawn++;
}

static void draw_tail(struct live *l, const struct buf *tail, unsigned cols)
{
	const char *text = buf_str(tail), *end = text + tail->len, *p = end;
	if (p > text && p[-1] == '\n')
		p--;
	unsigned lines = 0;
	for (; p > text; p--)
		if (p[-1] == '\n' && ++lines == LINES)
			break;
	while (p < end) {
		size_t n = strcspn(p, "\n");
		n = MIN(n, (size_t)(end - p));
		const char *cr = n > 1 ? memrchr(p, '\r', n - 1) : NULL;
		const char *from = cr ? cr + 1 : p;
		draw_line(l, "    ", from, n - (size_t)(from - p), cols);
		p += n + 1;
	}
}

static void draw(struct live *l)
{
	int64_t now = clock_monotonic();
	if (l->last && now - l->last < REDRAW_NS)
		return;
	unsigned drawn = l->drawn, cols = width(l);
	l->last = now;
	if (drawn)
		fprintf(l->out, "\033[%uF\033[J", drawn);
	l->drawn = 0;
	for (struct running *r = l->first; r; r = r->next) {
		struct build_event ev = {.step = r->step, .stage = r->stage};
		cleanup_free char *place = progress_place(&ev);
		cleanup_free char *line = mem_printf(
			"%s %.1fs %s", place, (double)(now - r->began) / 1e9, r->step->text);
		draw_line(l, "", line, strlen(line), cols);
		draw_tail(l, &r->tail, cols);
	}
	fflush(l->out);
}

void live_event(struct live *l, const struct build_event *ev)
{
	if (ev->kind == BUILD_EVENT_START) {
		struct running *r = mem_alloc(sizeof(*r));
		r->step = ev->step;
		r->stage = ev->stage;
		r->began = clock_monotonic();
		r->next = l->first;
		l->first = r;
	} else if (ev->kind == BUILD_EVENT_DONE || ev->kind == BUILD_EVENT_FAILED) {
		drop(l, ev->step);
	} else if (ev->kind == BUILD_EVENT_OUTPUT) {
		for (struct running *r = l->first; r; r = r->next)
			if (r->step == ev->step) {
				buf_add(&r->tail, ev->text, ev->len);
				if (r->tail.len > 2 * KEEP) {
					memmove(r->tail.data, r->tail.data + r->tail.len - KEEP,
						KEEP);
					buf_truncate(&r->tail, KEEP);
				}
			}
	}
	draw(l);
}
