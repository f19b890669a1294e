/* RUN, HEALTHCHECK and ONBUILD */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "dockerfile/instruction_priv.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

static int network_read(struct dockerfile_reading *r, const struct dockerfile_token *value)
{
	static const char *const names[] = {
		[DOCKERFILE_NETWORK_DEFAULT] = "default",
		[DOCKERFILE_NETWORK_NONE] = "none",
		[DOCKERFILE_NETWORK_HOST] = "host",
	};
	for (size_t i = 0; value->text && i < ARRAY_SIZE(names); i++)
		if (strcmp(value->text, names[i]) == 0) {
			r->in->run.network = i;
			return 0;
		}
	if (!value->text)
		return 0;
	return dockerfile_reading_error(r, value->span, ERR_SYNTAX,
		"RUN --network is default, none or host, not '%.80s'", value->text);
}

/* The text with the heredocs' lines behind it, as a shell or an image config reads it. */
static struct dockerfile_token with_heredocs(
	struct dockerfile_reading *r, const struct dockerfile_token *text)
{
	struct buf full cleanup_buf = BUF_INIT;
	buf_add(&full, text->text, text->len);
	for (size_t i = 0; i < r->node->nheredocs; i++) {
		const struct dockerfile_heredoc *h = &r->node->heredocs[i];
		buf_add_char(&full, '\n');
		buf_add(&full, h->body.text, h->body.len);
		buf_add_str(&full, h->name);
	}
	return (struct dockerfile_token){
		arena_strndup(r->arena, full.data, full.len), full.len, text->span};
}

static int script_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	struct dockerfile_run *run = &r->in->run;
	const struct dockerfile_token *text = &node->args[0];
	run->form = DOCKERFILE_RUN_SHELL;
	if (!node->nheredocs) {
		run->script = *text;
		return 0;
	}
	for (size_t i = 0; i < node->nheredocs; i++)
		if (memchr(node->heredocs[i].text, 0, node->heredocs[i].text_len))
			return dockerfile_reading_error(r, node->heredocs[i].word.span, ERR_SYNTAX,
				"a zero byte in a heredoc");
	const struct dockerfile_heredoc *h = &node->heredocs[0];
	if (!dockerfile_word_is_heredoc(text->text)) {
		run->script = with_heredocs(r, text);
		return 0;
	}
	/* nothing but a heredoc: its body is the script, so any SHELL will do */
	bool file = str_starts(h->text, "#!");
	if (file &&
		(strchr(h->name, '/') || strcmp(h->name, ".") == 0 || strcmp(h->name, "..") == 0))
		return dockerfile_reading_error(r, h->word.span, ERR_SYNTAX,
			"the heredoc '%.80s' becomes a file: its name cannot be a path", h->name);
	run->form = file ? DOCKERFILE_RUN_FILE : DOCKERFILE_RUN_SCRIPT;
	run->file_name = file ? h->name : NULL;
	run->script = (struct dockerfile_token){h->text, h->text_len, h->body.span};
	return 0;
}

int dockerfile_run_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	struct dockerfile_token network = {0};
	const struct dockerfile_flag_rule rules[] = {
		{"network", &network},
		{"mount", NULL},
		{"security", NULL},
		{"device", NULL},
	};
	int e = dockerfile_flags_read(r, rules, ARRAY_SIZE(rules));
	if (e >= 0)
		e = network_read(r, &network);
	if (e < 0)
		return e;
	if (!node->nargs)
		return dockerfile_reading_error(
			r, node->keyword.span, ERR_SYNTAX, "RUN needs a command");
	if (node->form != DOCKERFILE_JSON)
		return script_read(r);
	r->in->run.form = DOCKERFILE_RUN_EXEC;
	r->in->run.args = node->args;
	r->in->run.nargs = node->nargs;
	return 0;
}

static int duration_read(
	struct dockerfile_reading *r, const struct dockerfile_token *value, int64_t *ret_ns)
{
	int64_t ns = 0;
	if (!value->text)
		return 0;
	if (str_parse_duration(value->text, &ns) < 0)
		return dockerfile_reading_error(r, value->span, ERR_SYNTAX,
			"'%.80s' is no duration like 1m30s", value->text);
	if (ns != 0 && ns < 1000000)
		return dockerfile_reading_error(
			r, value->span, ERR_SYNTAX, "'%.80s' is less than 1ms", value->text);
	*ret_ns = ns;
	return 0;
}

static int retries_read(struct dockerfile_reading *r, const struct dockerfile_token *value)
{
	uint64_t n;
	if (!value->text)
		return 0;
	if (str_parse_u64(value->text, 10, &n) < 0 || n > INT_MAX)
		return dockerfile_reading_error(r, value->span, ERR_SYNTAX,
			"HEALTHCHECK --retries takes a number, not '%.80s'", value->text);
	r->in->health.retries = (int)n;
	return 0;
}

static int health_flags_read(struct dockerfile_reading *r)
{
	struct dockerfile_health *health = &r->in->health;
	struct dockerfile_token interval = {0}, timeout = {0}, start = {0}, start_interval = {0},
				retries = {0};
	const struct dockerfile_flag_rule rules[] = {
		{"interval", &interval},
		{"timeout", &timeout},
		{"start-period", &start},
		{"start-interval", &start_interval},
		{"retries", &retries},
	};
	int e = dockerfile_flags_read(r, rules, ARRAY_SIZE(rules));
	if (e >= 0)
		e = duration_read(r, &interval, &health->interval);
	if (e >= 0)
		e = duration_read(r, &timeout, &health->timeout);
	if (e >= 0)
		e = duration_read(r, &start, &health->start_period);
	if (e >= 0)
		e = duration_read(r, &start_interval, &health->start_interval);
	return e < 0 ? e : retries_read(r, &retries);
}

int dockerfile_health_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	struct dockerfile_health *health = &r->in->health;
	int e = health_flags_read(r);
	if (e < 0)
		return e;
	if (!node->nargs)
		return dockerfile_reading_error(
			r, node->keyword.span, ERR_SYNTAX, "HEALTHCHECK needs CMD or NONE");
	const struct dockerfile_token *type = &node->args[0];
	if (strcasecmp(type->text, "NONE") == 0) {
		health->none = true;
		if (node->nargs > 1)
			return dockerfile_reading_error(r, node->args[1].span, ERR_SYNTAX,
				"HEALTHCHECK NONE takes no arguments");
		return 0;
	}
	if (strcasecmp(type->text, "CMD") != 0)
		return dockerfile_reading_error(r, type->span, ERR_SYNTAX,
			"HEALTHCHECK takes CMD or NONE, not '%.80s'", type->text);
	if (node->nargs == 1)
		return dockerfile_reading_error(
			r, type->span, ERR_SYNTAX, "a command is missing behind HEALTHCHECK CMD");
	health->command = (struct dockerfile_command){
		node->form == DOCKERFILE_JSON, node->args + 1, node->nargs - 1};
	return 0;
}

int dockerfile_onbuild_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *trigger = r->node->trigger;
	if (!trigger)
		return dockerfile_reading_error(
			r, r->node->keyword.span, ERR_SYNTAX, "ONBUILD needs an instruction");
	switch (trigger->kind) {
	case DOCKERFILE_ONBUILD:
	case DOCKERFILE_FROM:
	case DOCKERFILE_MAINTAINER:
		return dockerfile_reading_error(r, trigger->keyword.span, ERR_SYNTAX,
			"%s cannot be a trigger of ONBUILD", dockerfile_kind_name(trigger->kind));
	default:
		break;
	}
	struct dockerfile_instruction unused; /* a trigger that cannot work is an error now */
	int e = dockerfile_instruction_read(r->file, trigger, r->arena, &unused, r->e);
	if (e < 0)
		return e;
	r->in->onbuild = (struct dockerfile_onbuild){with_heredocs(r, &trigger->text), trigger};
	return 0;
}
