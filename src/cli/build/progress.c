/* Plain lines of a build, and what stays on a terminal; the live part is in live.c. */
#include "cli/build/progress.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "build/graph.h"
#include "cli/build/live.h"

#include <stdlib.h>
#include <string.h>

enum { FEW_REASONS = 3, BUFFER = 64 * 1024 };

/* Output of a step that has not ended its line yet. */
struct pending {
	const struct build_step *step;
	struct buf line;
	struct pending *next;
};

struct progress {
	FILE *out;
	enum progress_mode mode;
	bool every_reason;
	struct pending *pending;
	struct live *live; /* on a terminal only */
	size_t stages;     /* seen so far: with one, its name is left out */
	size_t first_stage;
};

struct progress *progress_new(FILE *out, enum progress_mode mode, bool every_reason)
{
	struct progress *p = mem_alloc(sizeof(*p));
	p->out = out;
	p->mode = mode;
	p->every_reason = every_reason;
	/* standard error writes each piece at once: a step that prints millions of lines would wait
	 * for that. Every event ends with a flush. */
	setvbuf(out, NULL, _IOFBF, BUFFER);
	if (mode == PROGRESS_TTY)
		p->live = live_new(out);
	return p;
}

void progress_free(struct progress *p)
{
	if (!p)
		return;
	progress_pause(p);
	while (p->pending) {
		struct pending *next = p->pending->next;
		buf_release(&p->pending->line);
		free(p->pending);
		p->pending = next;
	}
	live_free(p->live);
	free(p);
}

void progress_pause(struct progress *p)
{
	if (p->live)
		live_erase(p->live);
	fflush(p->out);
}

char *progress_place(const struct build_event *ev)
{
	const struct build_stage *s = ev->stage;
	if (s->index == 0 && !s->name && s->nsteps == s->written && ev->step)
		return mem_printf("[%zu/%zu]", ev->step->number, s->nsteps);
	if (!ev->step)
		return mem_printf("[%s]", s->label);
	return mem_printf("[%s %zu/%zu]", s->label, ev->step->number, s->nsteps);
}

/* An instruction on one line, cut where it gets long. */
static void print_text(FILE *out, const char *text)
{
	enum { MOST = 100 };
	size_t len = strlen(text);
	fprintf(out, "%.*s%s", (int)MIN(len, (size_t)MOST), text, len > MOST ? "…" : "");
}

static void print_step(struct progress *p, const struct build_event *ev, const char *word)
{
	cleanup_free char *place = progress_place(ev);
	fprintf(p->out, "%s %-7s ", place, word);
	print_text(p->out, ev->step->text);
	const struct strv *why = ev->why;
	size_t few = p->every_reason ? SIZE_MAX : FEW_REASONS;
	if (why && why->n == 1 && !p->every_reason) {
		fprintf(p->out, "  (%s)\n", why->v[0]);
		return;
	}
	fputc('\n', p->out);
	for (size_t i = 0; why && i < MIN(why->n, few); i++)
		fprintf(p->out, "    because %s\n", why->v[i]);
	if (why && why->n > few)
		fprintf(p->out, "    and %zu more reasons (--explain lists them)\n", why->n - few);
}

/* ---- output of steps ---- */

static struct buf *pending_line(struct progress *p, const struct build_step *step)
{
	for (struct pending *x = p->pending; x; x = x->next)
		if (x->step == step)
			return &x->line;
	struct pending *x = mem_alloc(sizeof(*x));
	x->step = step;
	x->next = p->pending;
	p->pending = x;
	return &x->line;
}

static void print_line(struct progress *p, const struct build_event *ev, struct buf *line)
{
	cleanup_free char *place = progress_place(ev);
	/* what a progress bar has overwritten with carriage returns need not be seen */
	while (line->len && line->data[line->len - 1] == '\r')
		buf_truncate(line, line->len - 1);
	const char *cr = line->len ? memrchr(line->data, '\r', line->len) : NULL;
	const char *text = cr ? cr + 1 : buf_str(line);
	fprintf(p->out, "%s | ", place);
	fwrite(text, 1, line->len - (size_t)(text - buf_str(line)), p->out);
	putc('\n', p->out);
	buf_clear(line);
}

static void add_output(struct progress *p, const struct build_event *ev)
{
	enum { LONG_LINE = 64 * 1024 };
	struct buf *line = pending_line(p, ev->step);
	for (size_t i = 0; i < ev->len;) {
		const char *end = memchr(ev->text + i, '\n', ev->len - i);
		size_t n = end ? (size_t)(end - ev->text) - i : ev->len - i;
		buf_add(line, ev->text + i, n);
		i += n + (end != NULL);
		if (end || line->len > LONG_LINE)
			print_line(p, ev, line);
	}
}

static void end_output(struct progress *p, const struct build_event *ev)
{
	struct buf *line = pending_line(p, ev->step);
	if (line->len)
		print_line(p, ev, line);
}

static void print_time(struct progress *p, const struct build_event *ev, const char *word)
{
	cleanup_free char *place = progress_place(ev);
	fprintf(p->out, "%s %s %.2fs\n", place, word, (double)ev->ns / 1e9);
}

static void print_tail(struct progress *p, const struct build_event *ev)
{
	cleanup_free char *place = progress_place(ev);
	fprintf(p->out, "------\n%s ", place);
	print_text(p->out, ev->step->text);
	fprintf(p->out, "\n");
	fwrite(ev->text, 1, ev->len, p->out);
	if (ev->len && ev->text[ev->len - 1] != '\n')
		fputc('\n', p->out);
	fprintf(p->out, "------\n");
}

static void print_skipped(struct progress *p, const struct build_event *ev)
{
	cleanup_free char *place = progress_place(ev);
	fprintf(p->out, "%s SKIPPED %zu step%s, not needed by the target\n", place,
		ev->stage->written, ev->stage->written == 1 ? "" : "s");
}

static void plain(struct progress *p, const struct build_event *ev)
{
	switch (ev->kind) {
	case BUILD_EVENT_CACHED:
		print_step(p, ev, "CACHED");
		break;
	case BUILD_EVENT_START:
	case BUILD_EVENT_WOULD:
		print_step(p, ev, "RUN");
		break;
	case BUILD_EVENT_OUTPUT:
		if (!p->live)
			add_output(p, ev);
		break;
	case BUILD_EVENT_DONE:
		if (!p->live)
			end_output(p, ev);
		if (ev->step->op != BUILD_CONFIG)
			print_time(p, ev, "done in");
		break;
	case BUILD_EVENT_FAILED:
		if (!p->live)
			end_output(p, ev);
		print_time(p, ev, "FAILED after");
		print_tail(p, ev);
		break;
	case BUILD_EVENT_SKIPPED:
		print_skipped(p, ev);
		break;
	case BUILD_EVENT_WARNING:
		fprintf(p->out, "warning: %s\n", ev->text);
		break;
	case BUILD_EVENT_FETCH:
		fprintf(p->out, "[fetch %s] %s\n", ev->name, ev->text);
		break;
	case BUILD_EVENT_TICK:
		break;
	}
}

void progress_event(void *arg, const struct build_event *ev)
{
	struct progress *p = arg;
	if (p->mode == PROGRESS_QUIET) {
		if (ev->kind == BUILD_EVENT_FAILED) {
			print_tail(p, ev);
			fflush(p->out);
		}
		return;
	}
	if (p->live && ev->kind != BUILD_EVENT_OUTPUT && ev->kind != BUILD_EVENT_TICK)
		live_erase(p->live);
	plain(p, ev);
	if (p->live)
		live_event(p->live, ev);
	else
		fflush(p->out);
}
