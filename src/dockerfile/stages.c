/* A Dockerfile cut into stages. */
#include "dockerfile/stages.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Room for all; instructions of one stage stand together in this array. */
static void stages_prepare(struct dockerfile_stages *s, struct dockerfile_instruction **ret_all)
{
	size_t from = 0;
	for (size_t i = 0; i < s->file->nnodes; i++)
		from += s->file->nodes[i].kind == DOCKERFILE_FROM;
	s->items = arena_alloc(&s->arena, (from + 1) * sizeof(*s->items));
	*ret_all = arena_alloc(&s->arena, s->file->nnodes * sizeof(**ret_all));
}

static int node_add(struct dockerfile_stages *s, const struct dockerfile_instruction *in,
	struct dockerfile_instruction *place, struct err *e)
{
	if (in->kind == DOCKERFILE_FROM) {
		s->items[s->n] = (struct dockerfile_stage){
			.index = s->n,
			.name = in->from.name.text,
			.from = *in,
			.instructions = place,
		};
		s->n++;
		return 0;
	}
	if (s->n) {
		struct dockerfile_stage *stage = &s->items[s->n - 1];
		stage->instructions[stage->ninstructions++] = *in;
		return 0;
	}
	if (in->kind != DOCKERFILE_ARG)
		return dockerfile_error(s->file, in->node->keyword.span, e, ERR_SYNTAX,
			"%s before the first FROM: only ARG may stand there",
			dockerfile_kind_name(in->kind));
	if (!s->nargs)
		s->args = place;
	s->args[s->nargs++] = *in;
	return 0;
}

int dockerfile_stages_read(
	const struct dockerfile *file, struct dockerfile_stages **ret_stages, struct err *e)
{
	struct dockerfile_stages *s cleanup_dockerfile_stages = mem_alloc(sizeof(*s));
	struct dockerfile_instruction *all, in;
	s->file = file;
	stages_prepare(s, &all);
	for (size_t i = 0; i < file->nnodes; i++) {
		int r = dockerfile_instruction_read(file, &file->nodes[i], &s->arena, &in, e);
		if (r >= 0)
			r = node_add(s, &in, all + i, e);
		if (r < 0)
			return r;
	}
	if (!s->n)
		return dockerfile_error(file, file->nodes[file->nnodes - 1].keyword.span, e,
			ERR_SYNTAX, "there is no FROM in the file");
	*ret_stages = STEAL(s);
	return 0;
}

void dockerfile_stages_free(struct dockerfile_stages *s)
{
	if (!s)
		return;
	arena_release(&s->arena);
	free(s);
}

const struct dockerfile_stage *dockerfile_stage_find(
	const struct dockerfile_stages *s, const char *name, size_t before, bool numbers)
{
	uint64_t number;
	size_t n = MIN(before, s->n);
	for (size_t i = n; i > 0; i--)
		if (s->items[i - 1].name && strcasecmp(s->items[i - 1].name, name) == 0)
			return &s->items[i - 1];
	if (numbers && str_parse_u64(name, 10, &number) == 0 && number < n)
		return &s->items[number];
	return NULL;
}

const char *dockerfile_stage_suggest(const struct dockerfile_stages *s, const char *name)
{
	const char *found = NULL;
	size_t best = 3;
	for (size_t i = 0; i < s->n; i++) {
		if (!s->items[i].name)
			continue;
		size_t d = str_distance(name, s->items[i].name, best);
		if (d < best) {
			best = d;
			found = s->items[i].name;
		}
	}
	return found;
}
