/* Instructions: expanded in their scope, applied to the stage's config, made into steps. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/config.h"
#include "build/lower_priv.h"
#include "oci/config_edit.h"

#include <string.h>

bool build_arg_is_proxy(const char *name)
{
	static const char *const names[] = {
		"HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

/* The instruction as the next build recognises it: its words, and the bodies of its heredocs. */
static const char *raw_text(struct lower *l, const struct dockerfile_node *node)
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_add_str(&b, node->text.text);
	for (size_t i = 0; i < node->nheredocs; i++) {
		buf_add_char(&b, '\n');
		buf_add(&b, node->heredocs[i].text, node->heredocs[i].text_len);
	}
	return arena_strdup(&l->g->arena, buf_str(&b));
}

struct build_step *lower_step_new(
	struct lower *l, size_t stage, enum build_op op, const struct dockerfile_instruction *in)
{
	struct build_stage *s = &l->g->stages[stage];
	if (s->nsteps == l->st[stage].cap) {
		size_t *cap = &l->st[stage].cap;
		*cap = *cap ? 2 * *cap : 16;
		s->steps = mem_realloc(s->steps, *cap, sizeof(*s->steps));
	}
	struct build_step *p = &s->steps[s->nsteps++];
	*p = (struct build_step){.op = op, .stage = stage, .number = s->nsteps, .file = in->file};
	p->span = in->node->span;
	p->config.stop_timeout = -1;
	p->raw = raw_text(l, in->node);
	for (size_t i = 0; i + 1 < s->nsteps; i++)
		p->occurrence += str_eq(s->steps[i].raw, p->raw);
	return p;
}

/* ---- ARG ---- */

static void declare(struct lower *l, size_t stage, const char *name, const char *value)
{
	struct strv *args = stage == SIZE_MAX ? &l->globals : &l->st[stage].args;
	if (value)
		strv_env_set(args, name, value);
	if (stage == SIZE_MAX)
		return;
	if (!value)
		strv_env_unset(args, name); /* a plain ARG forgets what was declared before */
	if (!strv_has(&l->st[stage].declared, name))
		strv_add(&l->st[stage].declared, name);
}

/* --build-arg wins, then the default; `ARG NAME` in a stage takes the global or automatic one. */
static const char *arg_value(const struct lower *l, size_t stage, const struct dockerfile_pair *p)
{
	const char *v = lower_build_arg(l, p->name.text);
	if (v || p->value.text)
		return v ? v : p->value.text;
	if (stage != SIZE_MAX)
		v = strv_env_get(&l->globals, p->name.text);
	return v ? v : strv_env_get(&l->platforms, p->name.text);
}

int lower_arg(struct lower *l, size_t stage, const struct dockerfile_instruction *in,
	struct strv *used, struct strv *undefined, struct err *e)
{
	for (size_t i = 0; i < in->pairs.n; i++) {
		struct lower_scope scope = {
			.env = stage == SIZE_MAX ? NULL : &l->g->stages[stage].config.env,
			.args = stage == SIZE_MAX ? &l->globals : &l->st[stage].args,
			.more = stage == SIZE_MAX ? &l->platforms : NULL,
		};
		struct dockerfile_expander x = {
			.escape = in->file->escape,
			.lookup = lower_scope_lookup,
			.arg = &scope,
			.used = used,
			.undefined = undefined,
		};
		struct dockerfile_instruction one = *in, got;
		one.pairs.items = &in->pairs.items[i];
		one.pairs.n = 1;
		int r = dockerfile_instruction_expand(&one, &x, &l->g->arena, &got, e);
		if (r < 0)
			return r;
		const struct dockerfile_pair *p = &got.pairs.items[0];
		/* a global ARG counts only when it is declared; the value must outlive the list */
		cleanup_free char *value = mem_strdup(arg_value(l, stage, p));
		declare(l, stage, p->name.text, value);
	}
	return 0;
}

/* ---- texts ---- */

static void add_pairs(struct buf *b, const struct dockerfile_pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		buf_printf(b, " %s", p->items[i].name.text);
		if (p->items[i].value.text)
			buf_printf(b, "=%s", p->items[i].value.text);
	}
}

/* With the values that count, not the defaults. */
static void add_args(struct lower *l, size_t stage, struct buf *b, const struct dockerfile_pairs *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const char *value = strv_env_get(&l->st[stage].args, p->items[i].name.text);
		buf_printf(
			b, " %s%s%s", p->items[i].name.text, value ? "=" : "", value ? value : "");
	}
}

static void add_copy(struct buf *b, const struct build_copy *c)
{
	if (c->from_name)
		buf_printf(b, " --from=%s", c->from_name);
	if (c->chown)
		buf_printf(b, " --chown=%s", c->chown);
	if (c->chmod)
		buf_printf(b, " --chmod=%s", c->chmod);
	for (size_t i = 0; i < c->nsources; i++)
		buf_printf(b, " %s%s", c->sources[i].heredoc ? "<<" : "", c->sources[i].path);
}

/* The expanded instruction on one line. */
static const char *expanded_text(
	struct lower *l, const struct dockerfile_instruction *in, const struct build_step *step)
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_add_str(&b, dockerfile_kind_name(in->kind));
	switch (in->kind) {
	case DOCKERFILE_ARG:
		add_args(l, step->stage, &b, &in->pairs);
		break;
	case DOCKERFILE_ENV:
	case DOCKERFILE_LABEL:
		add_pairs(&b, &in->pairs);
		break;
	case DOCKERFILE_COPY:
	case DOCKERFILE_ADD:
		add_copy(&b, &step->copy);
		buf_printf(&b, " %s", in->copy.dest.text);
		break;
	case DOCKERFILE_EXPOSE:
	case DOCKERFILE_VOLUME:
		for (size_t i = 0; i < in->words.n; i++)
			buf_printf(&b, " %s", in->words.items[i].text);
		break;
	case DOCKERFILE_WORKDIR:
	case DOCKERFILE_USER:
	case DOCKERFILE_STOPSIGNAL:
	case DOCKERFILE_MAINTAINER:
		buf_printf(&b, " %s", in->text.text);
		break;
	default:
		buf_clear(&b);
		buf_add_str(&b, in->node->text.text);
	}
	for (size_t i = 0; i < b.len; i++)
		if (b.data[i] == '\n' || b.data[i] == '\t')
			b.data[i] = ' ';
	return arena_strdup(&l->g->arena, buf_str(&b));
}

static const char *run_created_by(struct lower *l, const struct build_step *p)
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_add_str(&b, "RUN ");
	if (p->args.n) {
		buf_printf(&b, "|%zu ", p->args.n);
		for (size_t i = 0; i < p->args.n; i++)
			buf_printf(&b, "%s ", p->args.v[i]);
	}
	for (size_t i = 0; i < p->run.argv.n; i++)
		buf_printf(&b, "%s%s", i ? " " : "", p->run.argv.v[i]);
	return arena_strdup(&l->g->arena, buf_str(&b));
}

/* ---- config ---- */

static int apply(
	struct lower *l, size_t stage, const struct dockerfile_instruction *in, struct err *e)
{
	struct build_stage *s = &l->g->stages[stage];
	if (in->kind == DOCKERFILE_MAINTAINER) {
		s->author = arena_strdup(&l->g->arena, in->text.text);
		return 0;
	}
	return build_config_apply(&s->config, in, &l->st[stage].cmd_set, e);
}

/* ---- RUN ---- */

static void fill_run(struct lower *l, size_t stage, const struct dockerfile_instruction *in,
	struct build_step *p)
{
	const struct dockerfile_run *run = &in->run;
	struct oci_container_config *c = &l->g->stages[stage].config;
	p->run.network = run->network == DOCKERFILE_NETWORK_NONE   ? BUILD_NETWORK_NONE
			 : run->network == DOCKERFILE_NETWORK_HOST ? BUILD_NETWORK_HOST
								   : l->o->network;
	if (run->form == DOCKERFILE_RUN_EXEC) {
		for (size_t i = 0; i < run->nargs; i++)
			strv_add(&p->run.argv, run->args[i].text);
	} else if (run->form == DOCKERFILE_RUN_FILE) {
		strv_addf(&p->run.argv, "/dev/pipes/%s", run->file_name);
		p->run.script = run->script.text;
		p->run.script_len = run->script.len;
	} else {
		oci_config_shell(c, &p->run.argv);
		strv_add(&p->run.argv, run->script.text);
	}
	const struct strv *args = &l->st[stage].args;
	for (size_t i = 0; i < args->n; i++) {
		cleanup_free char *name = mem_strndup(args->v[i], strcspn(args->v[i], "="));
		if (!strv_env_get(&c->env, name)) /* ENV wins */
			strv_add(&p->args, args->v[i]);
	}
	strv_sort(&p->args);
	for (size_t i = 0; l->o->build_args && i < l->o->build_args->n; i++) {
		const char *arg = l->o->build_args->v[i];
		cleanup_free char *name = mem_strndup(arg, strcspn(arg, "="));
		if (build_arg_is_proxy(name) && !strv_has(&l->st[stage].declared, name) &&
			strchr(arg, '='))
			strv_add(&p->proxies, arg);
	}
}

/* ---- COPY, ADD ---- */

static int copy_from(struct lower *l, size_t stage, const struct dockerfile_instruction *in,
	const struct dockerfile_expander *x, struct build_copy *c, struct err *e)
{
	/* more than the reference allows: variables, also those above the first FROM */
	struct lower_scope scope = *(const struct lower_scope *)x->arg;
	struct dockerfile_expander wide = *x;
	scope.more = &l->globals;
	wide.arg = &scope;
	struct buf name cleanup_buf = BUF_INIT;
	int r = dockerfile_expand_word(&wide, in->copy.from.text, &name, e);
	if (r < 0)
		return r;
	if (!name.len)
		return dockerfile_error(in->file, in->copy.from.span, e, ERR_SYNTAX,
			"--from=%s names nothing: its value is empty", in->copy.from.text);
	c->from_name = arena_strdup(&l->g->arena, buf_str(&name));
	const struct dockerfile_stage *s =
		dockerfile_stage_find(l->stages, c->from_name, SIZE_MAX, true);
	if (s) {
		c->from = BUILD_FROM_STAGE;
		c->stage = s->index;
		r = lower_stage_need(l, s->index, in, e);
		cleanup_free char *text = mem_printf("%zu", s->index);
		struct strv *needs = &l->g->stages[stage].needs;
		if (!strv_has(needs, text))
			strv_add(needs, text);
		return r;
	}
	uint64_t number;
	if (str_parse_u64(c->from_name, 10, &number) == 0) {
		r = dockerfile_error(in->file, in->copy.from.span, e, ERR_NOT_FOUND,
			"there is no stage number %s", c->from_name);
		err_hint(e, "stages count from 0; the last one is %zu", l->stages->n - 1);
		return r;
	}
	c->from = BUILD_FROM_IMAGE;
	return lower_image(l, c->from_name, in, in->copy.from.span, l->o->platform, &c->image, e);
}

/* raw: before expansion, whose tokens have the positions */
static int fill_copy(struct lower *l, size_t stage, const struct dockerfile_instruction *in,
	const struct dockerfile_expander *x, struct build_copy *c, struct err *e)
{
	struct arena *a = &l->g->arena;
	const struct dockerfile_copy *from = &in->copy;
	c->add = in->kind == DOCKERFILE_ADD;
	c->nsources = from->nsources;
	c->sources = arena_alloc(a, from->nsources * sizeof(*c->sources));
	for (size_t i = 0; i < from->nsources; i++) {
		struct build_copy_source *s = &c->sources[i];
		s->path = from->sources[i].path.text;
		s->span = from->sources[i].path.span;
		s->heredoc = from->sources[i].heredoc != NULL;
		s->data = from->sources[i].content.text;
		s->len = from->sources[i].content.len;
	}
	c->chown = str_empty(from->chown.text) ? NULL : from->chown.text;
	c->chmod = str_empty(from->chmod.text) ? NULL : from->chmod.text;
	const char *dest = from->dest.text;
	cleanup_free char *joined =
		oci_config_join_path(l->g->stages[stage].config.working_dir, dest);
	bool dir = str_ends(dest, "/") || str_ends(dest, "/.") || str_eq(dest, ".") ||
		   str_eq(dest, "..") || str_ends(dest, "/..");
	c->dest = arena_printf(a, "%s%s", joined, dir && !str_eq(joined, "/") ? "/" : "");
	if (c->nsources > 1 && !str_ends(c->dest, "/"))
		return dockerfile_error(in->file, from->dest.span, e, ERR_SYNTAX,
			"with more than one source the destination must be a directory and end "
			"with '/'");
	return in->copy.from.text ? copy_from(l, stage, in, x, c, e) : 0;
}

/* ---- one instruction ---- */

static enum build_op op_of(enum dockerfile_kind kind)
{
	switch (kind) {
	case DOCKERFILE_RUN:
		return BUILD_RUN;
	case DOCKERFILE_COPY:
	case DOCKERFILE_ADD:
		return BUILD_COPY;
	case DOCKERFILE_WORKDIR:
		return BUILD_WORKDIR;
	default:
		return BUILD_CONFIG;
	}
}

static void note_vars(
	struct build_step *p, const struct lower_scope *scope, const struct strv *used)
{
	for (size_t i = 0; i < used->n; i++) {
		const char *env = strv_env_get(scope->env, used->v[i]);
		const char *arg = strv_env_get(scope->args, used->v[i]);
		strv_addf(&p->vars, "%s:%s=%s", env ? "env" : "arg", used->v[i],
			env   ? env
			: arg ? arg
			      : "");
	}
}

static void warn_undefined(
	struct lower *l, const struct dockerfile_instruction *in, const struct strv *undefined)
{
	for (size_t i = 0; i < undefined->n; i++)
		lower_warn(l, in, "the variable '%s' is not set", undefined->v[i]);
}

static int fill(struct lower *l, size_t stage, const struct dockerfile_instruction *in,
	const struct dockerfile_expander *x, struct build_step *p, struct err *e)
{
	if (in->kind == DOCKERFILE_RUN)
		fill_run(l, stage, in, p);
	if (p->op == BUILD_COPY)
		return fill_copy(l, stage, in, x, &p->copy, e);
	return 0;
}

int lower_instruction(
	struct lower *l, size_t stage, const struct dockerfile_instruction *in, struct err *e)
{
	struct build_stage *s = &l->g->stages[stage];
	if (s->nsteps >= LIMIT_BUILD_STEPS)
		return dockerfile_error(in->file, in->node->span, e, ERR_LIMIT,
			"a stage may have %d instructions", LIMIT_BUILD_STEPS);
	struct strv used cleanup_strv = STRV_INIT, undefined cleanup_strv = STRV_INIT;
	/* copies: the instruction changes what it reads */
	struct strv env cleanup_strv = STRV_INIT, args cleanup_strv = STRV_INIT;
	strv_copy(&env, &s->config.env);
	strv_copy(&args, &l->st[stage].args);
	struct lower_scope scope = {&env, &args, NULL};
	struct dockerfile_expander x = {
		.escape = in->file->escape,
		.lookup = lower_scope_lookup,
		.arg = &scope,
		.used = &used,
		.undefined = &undefined,
	};
	struct dockerfile_instruction got;
	int r = in->kind == DOCKERFILE_ARG ? lower_arg(l, stage, in, &used, &undefined, e) : 0;
	if (r >= 0)
		r = dockerfile_instruction_expand(in, &x, &l->g->arena, &got, e);
	if (r < 0)
		return r;
	struct build_step now = {.op = op_of(in->kind), .config.stop_timeout = -1};
	/* may lower other stages, but never adds to this one */
	r = fill(l, stage, &got, &x, &now, e);
	struct build_step *p = lower_step_new(l, stage, now.op, in);
	p->run = now.run;
	p->args = now.args;
	p->proxies = now.proxies;
	p->copy = now.copy;
	if (r < 0)
		return r;
	if (p->op == BUILD_RUN || p->op == BUILD_COPY)
		oci_container_config_copy(&p->config, &s->config);
	struct err why = ERR_INIT;
	r = apply(l, stage, &got, &why);
	if (r < 0)
		return dockerfile_error(in->file, in->node->span, e, why.code, "%s", why.msg);
	if (p->op == BUILD_WORKDIR) {
		oci_container_config_copy(&p->config, &s->config);
		p->workdir = arena_strdup(&l->g->arena, s->config.working_dir);
	}
	note_vars(p, &scope, &used);
	warn_undefined(l, in, &undefined);
	p->text = expanded_text(l, &got, p);
	p->created_by = p->op == BUILD_RUN ? run_created_by(l, p) : p->text;
	return 0;
}
