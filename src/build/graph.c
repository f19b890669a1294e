/* What belongs to a graph, and the place of a step in its Dockerfile. */
#include "build/graph.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "dockerfile/stages.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static void release_stage(struct build_stage *s)
{
	for (size_t i = 0; i < s->nsteps; i++) {
		struct build_step *p = &s->steps[i];
		oci_container_config_release(&p->config);
		strv_release(&p->args);
		strv_release(&p->proxies);
		strv_release(&p->vars);
		strv_release(&p->run.argv);
	}
	free(s->steps);
	oci_container_config_release(&s->config);
	strv_release(&s->needs);
}

void build_graph_free(struct build_graph *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < g->nstages; i++)
		release_stage(&g->stages[i]);
	free(g->stages);
	while (g->images) {
		struct build_image *next = g->images->next;
		oci_image_config_release(&g->images->config);
		free(g->images->platform);
		free(g->images);
		g->images = next;
	}
	dockerfile_stages_free(g->dockerfile_stages);
	for (size_t i = 0; i < g->ntriggers; i++)
		dockerfile_free(g->triggers[i]);
	free(g->triggers);
	strv_release(&g->warnings);
	arena_release(&g->arena);
	free(g);
}

void build_step_place(const struct build_step *s, struct buf *out)
{
	buf_printf(out, "%s:%u", s->file->source.name, s->span.start.line);
}

int build_step_error(const struct build_step *s, struct err *e, int code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	return dockerfile_error(s->file, s->span, e, code, "%s", text);
}

int build_step_wrap(const struct build_step *s, struct err *e, int r)
{
	const char *name = s->file->source.name;
	bool placed = e && str_starts(e->msg, name) && e->msg[strlen(name)] == ':';
	if (r >= 0 || r == -ERR_INTERRUPTED || !e || !e->code || placed)
		return r;
	struct err why = *e;
	err_clear(e);
	r = build_step_error(s, e, why.code, "%s", why.msg);
	if (why.hint[0])
		err_hint(e, "%s", why.hint);
	return r;
}
