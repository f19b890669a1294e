/* Nodes to typed instructions: the simple ones; RUN, COPY, HEALTHCHECK, ONBUILD have their files. */
#include "dockerfile/instruction.h"

#include "base/arena.h"
#include "base/err.h"
#include "dockerfile/instruction_priv.h"

#include <string.h>
#include <strings.h>

static int need_arguments(struct dockerfile_reading *r, const char *what)
{
	if (r->node->nargs > 0)
		return 0;
	return dockerfile_reading_error(r, r->node->keyword.span, ERR_SYNTAX, "%s needs %s",
		dockerfile_kind_name(r->node->kind), what);
}

static int check_stage_name(struct dockerfile_reading *r, const char *name)
{
	bool fine = name[0] >= 'a' && name[0] <= 'z';
	for (const char *p = name; *p; p++)
		fine = fine &&
		       ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || strchr("-_.", *p));
	if (fine)
		return 0;
	return dockerfile_reading_error(r, r->node->args[2].span, ERR_SYNTAX,
		"'%.80s' is no name for a stage: a letter, then letters, digits, '-', '_' and '.'",
		r->node->args[2].text);
}

static int from_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	struct dockerfile_from *from = &r->in->from;
	const struct dockerfile_flag_rule rules[] = {{"platform", &from->platform}};
	int e = dockerfile_flags_read(r, rules, ARRAY_SIZE(rules));
	if (e >= 0)
		e = need_arguments(r, "an image or a stage");
	if (e < 0)
		return e;
	from->base = node->args[0];
	if (node->nargs == 1)
		return 0;
	if (strcasecmp(node->args[1].text, "as") != 0)
		return dockerfile_reading_error(r, node->args[1].span, ERR_SYNTAX,
			"FROM takes IMAGE [AS NAME], not '%.80s'", node->args[1].text);
	if (node->nargs != 3)
		return dockerfile_reading_error(r, node->args[node->nargs - 1].span, ERR_SYNTAX,
			"FROM takes IMAGE [AS NAME]: one name behind AS");
	from->name = node->args[2];
	char *lower = arena_strndup(r->arena, from->name.text, from->name.len);
	for (char *p = lower; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	from->name.text = lower;
	return check_stage_name(r, lower);
}

/* ENV and LABEL: args are names and values in turn. */
static int pairs_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	struct dockerfile_pairs *pairs = &r->in->pairs;
	int e = need_arguments(r, "NAME=VALUE");
	if (e < 0)
		return e;
	pairs->n = node->nargs / 2;
	pairs->items = arena_alloc(r->arena, pairs->n * sizeof(*pairs->items));
	for (size_t i = 0; i < pairs->n; i++) {
		pairs->items[i] =
			(struct dockerfile_pair){node->args[2 * i], node->args[2 * i + 1]};
		if (!pairs->items[i].name.len)
			return dockerfile_reading_error(r, pairs->items[i].name.span, ERR_SYNTAX,
				"a name is missing in front of '='");
	}
	return 0;
}

static int arg_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	struct dockerfile_pairs *pairs = &r->in->pairs;
	int e = need_arguments(r, "NAME or NAME=VALUE");
	if (e < 0)
		return e;
	pairs->n = node->nargs;
	pairs->items = arena_alloc(r->arena, pairs->n * sizeof(*pairs->items));
	for (size_t i = 0; i < pairs->n; i++) {
		struct dockerfile_pair *pair = &pairs->items[i];
		const char *equals = strchr(node->args[i].text, '=');
		pair->name = node->args[i];
		if (equals) {
			pair->value = node->args[i];
			pair->value.text = equals + 1;
			pair->name.len = equals - pair->name.text;
			pair->value.len -= pair->name.len + 1;
			pair->name.text = arena_strndup(r->arena, pair->name.text, pair->name.len);
		}
		if (!pair->name.len)
			return dockerfile_reading_error(r, pair->name.span, ERR_SYNTAX,
				"a name is missing in front of '='");
	}
	return 0;
}

static int command_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	r->in->command =
		(struct dockerfile_command){node->form == DOCKERFILE_JSON, node->args, node->nargs};
	if (node->kind != DOCKERFILE_SHELL)
		return 0;
	int e = need_arguments(r, "a JSON array");
	if (e >= 0 && node->form != DOCKERFILE_JSON)
		return dockerfile_reading_error(r, node->rest.span, ERR_SYNTAX,
			"SHELL takes a JSON array: [\"/bin/sh\", \"-c\"]");
	return e;
}

static int volume_read(struct dockerfile_reading *r)
{
	for (size_t i = 0; i < r->node->nargs; i++)
		if (strspn(r->node->args[i].text, " \t") == r->node->args[i].len)
			return dockerfile_reading_error(
				r, r->node->args[i].span, ERR_SYNTAX, "a VOLUME cannot be empty");
	return need_arguments(r, "a directory");
}

static int no_zero_bytes(struct dockerfile_reading *r)
{
	for (size_t i = 0; i < r->node->nargs; i++)
		if (memchr(r->node->args[i].text, 0, r->node->args[i].len))
			return dockerfile_reading_error(
				r, r->node->args[i].span, ERR_SYNTAX, "a zero byte in an argument");
	return 0;
}

static int unknown_read(struct dockerfile_reading *r)
{
	const char *meant = dockerfile_kind_suggest(r->node->keyword.text);
	if (meant)
		err_hint(r->e, "did you mean %s?", meant);
	return dockerfile_reading_error(r, r->node->keyword.span, ERR_SYNTAX,
		"unknown instruction '%.80s'", r->node->keyword.text);
}

/* Those without flags */
static int plain_read(struct dockerfile_reading *r)
{
	int e = dockerfile_flags_read(r, NULL, 0);
	if (e < 0)
		return e;
	switch (r->node->kind) {
	case DOCKERFILE_ARG:
		return arg_read(r);
	case DOCKERFILE_ENV:
	case DOCKERFILE_LABEL:
		return pairs_read(r);
	case DOCKERFILE_CMD:
	case DOCKERFILE_ENTRYPOINT:
	case DOCKERFILE_SHELL:
		return command_read(r);
	case DOCKERFILE_EXPOSE:
		r->in->words = (struct dockerfile_list){r->node->args, r->node->nargs};
		return need_arguments(r, "a port");
	case DOCKERFILE_VOLUME:
		r->in->words = (struct dockerfile_list){r->node->args, r->node->nargs};
		return volume_read(r);
	case DOCKERFILE_ONBUILD:
		return dockerfile_onbuild_read(r);
	default: /* WORKDIR, USER, STOPSIGNAL, MAINTAINER */
		e = need_arguments(r, "a value");
		if (e >= 0)
			r->in->text = r->node->args[0];
		return e;
	}
}

int dockerfile_instruction_read(const struct dockerfile *file, const struct dockerfile_node *node,
	struct arena *a, struct dockerfile_instruction *ret_in, struct err *e)
{
	struct dockerfile_instruction in = {.kind = node->kind, .file = file, .node = node};
	struct dockerfile_reading r = {file, node, a, &in, e};
	int result = no_zero_bytes(&r);
	if (result < 0)
		return result;
	switch (node->kind) {
	case DOCKERFILE_UNKNOWN:
		result = unknown_read(&r);
		break;
	case DOCKERFILE_FROM:
		result = from_read(&r);
		break;
	case DOCKERFILE_RUN:
		result = dockerfile_run_read(&r);
		break;
	case DOCKERFILE_COPY:
	case DOCKERFILE_ADD:
		result = dockerfile_copy_read(&r);
		break;
	case DOCKERFILE_HEALTHCHECK:
		result = dockerfile_health_read(&r);
		break;
	default:
		result = plain_read(&r);
		break;
	}
	if (result < 0)
		return result;
	*ret_in = in;
	return 0;
}
