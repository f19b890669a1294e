/* The parser, both printers, every typed instruction and its expansion, on any bytes. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "dockerfile/expand.h"
#include "dockerfile/stages.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool fine)
{
	if (!fine)
		abort();
}

static const char *look(void *arg, const char *name)
{
	return *name & 1 ? "v a\\l$ue" : NULL;
}

static void check_token(const struct dockerfile *f, const struct dockerfile_token *t)
{
	check(t->text[t->len] == 0);
	check(t->span.start.offset <= t->span.end.offset);
	check(t->span.end.offset <= f->source.len);
	check(t->span.start.line >= 1 && t->span.start.line <= f->source.nlines);
}

static void check_node(const struct dockerfile *f, const struct dockerfile_node *node)
{
	struct arena a cleanup_arena = ARENA_INIT;
	struct dockerfile_instruction in;
	struct dockerfile_expander x = {.escape = f->escape, .lookup = look};
	struct err e = ERR_INIT;
	check_token(f, &node->keyword);
	check_token(f, &node->text);
	for (size_t i = 0; i < node->nargs; i++)
		check_token(f, &node->args[i]);
	for (size_t i = 0; i < node->nflags; i++) {
		check_token(f, &node->flags[i].word);
		check_token(f, &node->flags[i].value);
	}
	for (size_t i = 0; i < node->nheredocs; i++)
		check_token(f, &node->heredocs[i].body);
	int r = dockerfile_instruction_read(f, node, &a, &in, &e);
	check(r == 0 || (r < 0 && e.msg[0]));
	if (r == 0)
		r = dockerfile_instruction_expand(&in, &x, &a, &in, &e);
	check(r == 0 || (r < 0 && e.msg[0]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dockerfile *f cleanup_dockerfile = NULL;
	struct dockerfile_stages *s cleanup_dockerfile_stages = NULL;
	struct err e = ERR_INIT;
	int r = dockerfile_parse("Dockerfile", (const char *)data, size, &f, &e);
	check(r == 0 || (r < 0 && e.msg[0]));
	if (r < 0)
		return 0;
	for (size_t i = 0; i < f->nnodes; i++)
		for (const struct dockerfile_node *node = &f->nodes[i]; node; node = node->trigger)
			check_node(f, node);
	struct buf out cleanup_buf = BUF_INIT;
	dockerfile_print_sexp(f, &out);
	dockerfile_print_json(f, &out);
	check(out.len > 0);
	struct err e2 = ERR_INIT;
	r = dockerfile_stages_read(f, &s, &e2);
	check(r == 0 ? s->n > 0 : e2.msg[0] != 0);
	return 0;
}
