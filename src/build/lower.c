/* Stages: which are needed, what they are based on, and where their words find variables. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/lower_priv.h"
#include "oci/descriptor.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

const char *lower_scope_lookup(void *arg, const char *name)
{
	const struct lower_scope *s = arg;
	const char *v = s->env ? strv_env_get(s->env, name) : NULL;
	if (!v && s->args)
		v = strv_env_get(s->args, name);
	if (!v && s->more)
		v = strv_env_get(s->more, name);
	return v;
}

const char *lower_build_arg(const struct lower *l, const char *name)
{
	return l->o->build_args ? strv_env_get(l->o->build_args, name) : NULL;
}

void lower_warn(struct lower *l, const struct dockerfile_instruction *in, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	cleanup_free char *all =
		in ? mem_printf("%s:%u: %s", in->file->source.name, in->node->span.start.line, text)
		   : mem_strdup(text);
	if (!strv_has(&l->g->warnings, all))
		strv_add(&l->g->warnings, all);
}

static void set_platform(
	struct lower *l, const char *prefix, const char *os, const char *arch, const char *variant)
{
	strv_addf(&l->platforms, "%sPLATFORM=%s/%s%s%s", prefix, os, arch, *variant ? "/" : "",
		variant);
	strv_addf(&l->platforms, "%sOS=%s", prefix, os);
	strv_addf(&l->platforms, "%sARCH=%s", prefix, arch);
	strv_addf(&l->platforms, "%sVARIANT=%s", prefix, variant);
}

static void set_platforms(struct lower *l)
{
	const struct build_lower_options *o = l->o;
	const char *variant = o->variant ? o->variant : "";
	set_platform(l, "TARGET", o->os, o->arch, variant);
	set_platform(l, "BUILD", o->os, o->build_arch ? o->build_arch : o->arch,
		o->build_arch ? (o->build_variant ? o->build_variant : "") : variant);
	strv_addf(&l->platforms, "TARGETSTAGE=%s", l->g->stages[l->g->target].label);
}

/* ARGs above the first FROM. */
static int read_globals(struct lower *l, struct err *e)
{
	for (size_t i = 0; i < l->stages->nargs; i++) {
		int r = lower_arg(l, SIZE_MAX, &l->stages->args[i], NULL, NULL, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int find_target(struct lower *l, struct err *e)
{
	struct build_graph *g = l->g;
	g->target = g->nstages - 1;
	if (!l->o->target)
		return 0;
	const struct dockerfile_stage *s =
		dockerfile_stage_find(l->stages, l->o->target, SIZE_MAX, true);
	if (s) {
		g->target = s->index;
		return 0;
	}
	int r = err_set(e, ERR_NOT_FOUND, "%s: no stage is called '%s' (--target)",
		l->stages->file->source.name, l->o->target);
	const char *near = dockerfile_stage_suggest(l->stages, l->o->target);
	if (near) {
		err_hint(e, "did you mean '%s'?", near);
		return r;
	}
	struct buf names cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < g->nstages && names.len < 400; i++)
		buf_printf(&names, "%s%s", i ? ", " : "", g->stages[i].label);
	err_hint(e, "stages are: %s", buf_str(&names));
	return r;
}

static void add_stages(struct lower *l)
{
	struct build_graph *g = l->g;
	g->nstages = l->stages->n;
	g->stages = mem_array(g->nstages, sizeof(*g->stages));
	for (size_t i = 0; i < g->nstages; i++) {
		const struct dockerfile_stage *d = &l->stages->items[i];
		g->stages[i] = (struct build_stage){.index = i, .config.stop_timeout = -1};
		g->stages[i].name = d->name;
		g->stages[i].label = d->name ? d->name : arena_printf(&g->arena, "%zu", i);
		g->stages[i].written = d->ninstructions + 1;
	}
}

int lower_image(struct lower *l, const char *name, const struct dockerfile_instruction *who,
	struct dockerfile_span span, const struct oci_platform *want,
	const struct build_image **ret, struct err *e)
{
	char *platform cleanup_free = want ? oci_platform_format(want) : NULL;
	for (struct build_image *i = l->g->images; i; i = i->next)
		if (str_eq(i->name, name) && str_eq(i->platform, platform)) {
			*ret = i;
			return 0;
		}
	struct build_image *image = mem_alloc(sizeof(*image));
	struct err why = ERR_INIT;
	int r = l->o->image(l->o->arg, name, want, image, &why);
	if (r >= 0) {
		image->platform = STEAL(platform);
		image->next = l->g->images;
		l->g->images = image;
		*ret = image;
		return 0;
	}
	free(image);
	r = dockerfile_error(who->file, span, e, why.code, "%s", why.msg);
	const struct dockerfile_stage *later =
		dockerfile_stage_find(l->stages, name, SIZE_MAX, false);
	const char *near = dockerfile_stage_suggest(l->stages, name);
	if (later)
		err_hint(e, "the stage '%s' begins at line %u, below: FROM sees stages above only",
			name, later->from.node->span.start.line);
	else if (near)
		err_hint(e, "did you mean the stage '%s'?", near);
	else if (why.hint[0])
		err_hint(e, "%s", why.hint);
	return r;
}

static int unset_in_from(const struct lower *l, const struct dockerfile_instruction *in,
	const char *name, struct err *e)
{
	int r = dockerfile_error(in->file, in->from.base.span, e, ERR_SYNTAX,
		"FROM uses the variable '%s', which has no value", name);
	for (size_t i = 0; i < l->stages->nargs; i++) {
		const struct dockerfile_pairs *p = &l->stages->args[i].pairs;
		for (size_t k = 0; k < p->n; k++)
			if (str_eq(p->items[k].name.text, name)) {
				err_hint(e, "give one with --build-arg %s=VALUE", name);
				return r;
			}
	}
	err_hint(e, "declare it above the first FROM: ARG %s=VALUE", name);
	return r;
}

/* What FROM's --platform says, else the build's: 1 and *ret, 0: any. */
static int wanted_platform(struct lower *l, const struct dockerfile_instruction *in,
	struct oci_platform *ret, struct err *e)
{
	const char *text = in->from.platform.text;
	struct err why = ERR_INIT;
	if (str_empty(text) && !l->o->platform)
		return 0;
	if (str_eq(text, "linux"))
		return 0; /* every image that runs here */
	cleanup_free char *of_build = str_empty(text) ? oci_platform_format(l->o->platform) : NULL;
	int r = oci_platform_parse(of_build ? of_build : text, ret, &why);
	return r < 0 ? dockerfile_error(
			       in->file, in->from.platform.span, e, why.code, "%s", why.msg)
		     : 1;
}

static int check_platform(struct lower *l, const struct dockerfile_instruction *in,
	const struct build_image *image, const struct oci_platform *want, struct err *e)
{
	const struct oci_image_config *c = &image->config;
	const struct oci_platform is = {c->os, c->architecture, c->variant};
	if (oci_platform_match(&is, want))
		return 0;
	cleanup_free char *has = oci_platform_format(&is), *wanted = oci_platform_format(want);
	bool own = !str_empty(in->from.platform.text);
	return dockerfile_error(in->file, own ? in->from.platform.span : in->from.base.span, e,
		ERR_NOT_FOUND, "image '%s' is for %s, not for %s", image->name, has, wanted);
}

/* A trigger's text as instructions of the stage. */
static int lower_trigger(
	struct lower *l, size_t stage, const char *base, const char *text, struct err *e)
{
	cleanup_free char *name = mem_printf("ONBUILD of %s", base);
	struct dockerfile *f;
	int r = dockerfile_parse(name, text, strlen(text), &f, e);
	if (r < 0)
		return r;
	struct build_graph *g = l->g;
	g->triggers = mem_realloc(g->triggers, g->ntriggers + 1, sizeof(struct dockerfile *));
	g->triggers[g->ntriggers++] = f;
	for (size_t i = 0; i < f->nnodes; i++) {
		struct dockerfile_instruction in;
		r = dockerfile_instruction_read(f, &f->nodes[i], &g->arena, &in, e);
		if (r < 0)
			return r;
		if (in.kind == DOCKERFILE_FROM || in.kind == DOCKERFILE_ONBUILD ||
			in.kind == DOCKERFILE_MAINTAINER)
			return dockerfile_error(f, in.node->span, e, ERR_SYNTAX,
				"%s is not allowed as an ONBUILD trigger",
				dockerfile_kind_name(in.kind));
		r = lower_instruction(l, stage, &in, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run_triggers(struct lower *l, size_t stage, const char *base, struct err *e)
{
	struct strv triggers cleanup_strv = STRV_INIT;
	struct oci_container_config *c = &l->g->stages[stage].config;
	strv_copy(&triggers, &c->onbuild);
	strv_release(&c->onbuild);
	for (size_t i = 0; i < triggers.n; i++) {
		int r = lower_trigger(l, stage, base, triggers.v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What the words of FROM mean: scratch, a stage above, an image. */
static int find_base(
	struct lower *l, size_t index, const struct dockerfile_instruction *from, struct err *e)
{
	struct build_stage *s = &l->g->stages[index];
	const char *base = from->from.base.text;
	if (str_eq(base, "scratch")) {
		s->base = BUILD_BASE_SCRATCH;
		return 0;
	}
	const struct dockerfile_stage *above = dockerfile_stage_find(l->stages, base, index, false);
	if (above) {
		s->base = BUILD_BASE_STAGE;
		s->base_stage = above->index;
		strv_addf(&s->needs, "%zu", above->index);
		int r = lower_stage_need(l, above->index, from, e);
		if (r < 0)
			return r;
		oci_container_config_copy(&s->config, &l->g->stages[above->index].config);
		strv_copy(&l->st[index].args, &l->st[above->index].args);
		strv_copy(&l->st[index].declared, &l->st[above->index].declared);
		s->author = l->g->stages[above->index].author;
		return 0;
	}
	s->base = BUILD_BASE_IMAGE;
	struct oci_platform want cleanup(oci_platform_release) = {0};
	int wants = wanted_platform(l, from, &want, e);
	if (wants < 0)
		return wants;
	int r = lower_image(
		l, base, from, from->from.base.span, wants ? &want : NULL, &s->image, e);
	if (r < 0)
		return r;
	oci_container_config_copy(&s->config, &s->image->config.config);
	s->author = s->image->config.author;
	return wants ? check_platform(l, from, s->image, &want, e) : 0;
}

static int lower_from(struct lower *l, size_t index, struct err *e)
{
	const struct dockerfile_instruction *in = &l->stages->items[index].from;
	struct lower_scope scope = {NULL, &l->globals, &l->platforms};
	struct strv undefined cleanup_strv = STRV_INIT;
	struct strv used cleanup_strv = STRV_INIT;
	struct dockerfile_expander x = {
		.escape = in->file->escape,
		.lookup = lower_scope_lookup,
		.arg = &scope,
		.used = &used,
		.undefined = &undefined,
	};
	struct dockerfile_instruction from;
	struct err why = ERR_INIT;
	int r = dockerfile_instruction_expand(in, &x, &l->g->arena, &from, &why);
	if (undefined.n)
		return unset_in_from(l, in, undefined.v[0], e);
	if (r < 0) {
		if (e)
			*e = why;
		return r;
	}
	if (str_empty(from.from.base.text))
		return dockerfile_error(in->file, in->from.base.span, e, ERR_SYNTAX,
			"FROM names no image: '%s' is empty", in->from.base.text);
	struct build_stage *s = &l->g->stages[index];
	r = find_base(l, index, &from, e);
	if (r < 0)
		return r;
	struct build_step *step = lower_step_new(l, index, BUILD_FROM, in);
	step->text = arena_printf(&l->g->arena, "FROM %s%s%s", from.from.base.text,
		s->name ? " AS " : "", s->name ? s->name : "");
	oci_container_config_copy(&step->config, &s->config);
	return run_triggers(l, index, from.from.base.text, e);
}

static int cycle(const struct lower *l, size_t index, const struct dockerfile_instruction *who,
	struct err *e)
{
	struct buf way cleanup_buf = BUF_INIT;
	const char *label = l->g->stages[index].label;
	bool on = false;
	for (size_t i = 0; i < l->path.n && way.len < 400; i++) {
		on = on || str_eq(l->path.v[i], label);
		if (on)
			buf_printf(&way, "%s → ", l->path.v[i]);
	}
	return dockerfile_error(who->file, who->node->span, e, ERR_SYNTAX,
		"stages need each other in a circle: %s%s", buf_str(&way), label);
}

int lower_stage_need(
	struct lower *l, size_t index, const struct dockerfile_instruction *who, struct err *e)
{
	struct lower_stage *st = &l->st[index];
	if (st->state == LOWER_DONE)
		return 0;
	if (st->state == LOWER_ACTIVE)
		return cycle(l, index, who, e);
	if (++l->depth > LIMIT_BUILD_STAGES)
		return err_set(e, ERR_LIMIT, "more than %d stages that build on each other",
			LIMIT_BUILD_STAGES);
	st->state = LOWER_ACTIVE;
	strv_add(&l->path, l->g->stages[index].label);
	int r = lower_from(l, index, e);
	const struct dockerfile_stage *d = &l->stages->items[index];
	for (size_t i = 0; i < d->ninstructions && r >= 0; i++)
		r = lower_instruction(l, index, &d->instructions[i], e);
	if (r < 0)
		return r;
	strv_remove(&l->path, l->path.n - 1);
	l->depth--;
	st->state = LOWER_DONE;
	l->g->stages[index].needed = true;
	return 0;
}

static bool declares(const struct dockerfile_instruction *in, const char *name)
{
	for (size_t i = 0; in->kind == DOCKERFILE_ARG && i < in->pairs.n; i++)
		if (str_eq(in->pairs.items[i].name.text, name))
			return true;
	return false;
}

/* Is there an ARG of this name anywhere, be it in a stage that is not needed? */
static bool declared_somewhere(
	const struct dockerfile_stages *s, const char *name, const char **near)
{
	size_t best = MIN((size_t)3, (strlen(name) + 1) / 2);
	for (size_t i = 0; i <= s->n; i++) {
		const struct dockerfile_instruction *in =
			i < s->n ? s->items[i].instructions : s->args;
		size_t n = i < s->n ? s->items[i].ninstructions : s->nargs;
		for (size_t k = 0; k < n; k++) {
			if (declares(&in[k], name))
				return true;
			for (size_t j = 0; in[k].kind == DOCKERFILE_ARG && j < in[k].pairs.n; j++) {
				size_t d = str_distance(name, in[k].pairs.items[j].name.text, 2);
				if (d < best) {
					best = d;
					*near = in[k].pairs.items[j].name.text;
				}
			}
		}
	}
	return false;
}

static void warn_unused(struct lower *l)
{
	const struct strv *args = l->o->build_args;
	for (size_t i = 0; args && i < args->n; i++) {
		cleanup_free char *name = mem_strndup(args->v[i], strcspn(args->v[i], "="));
		const char *near = NULL;
		if (build_arg_is_proxy(name) || str_starts(name, "BUILDKIT_") ||
			str_eq(name, "SOURCE_DATE_EPOCH") || strv_env_get(&l->platforms, name) ||
			declared_somewhere(l->stages, name, &near))
			continue;
		lower_warn(l, NULL, "build argument '%s' is not used%s%s%s", name,
			near ? ": did you mean '" : "", near ? near : "", near ? "'?" : "");
	}
}

int build_lower(const struct dockerfile_stages *stages, const struct build_lower_options *o,
	struct build_graph **ret, struct err *e)
{
	if (stages->n > LIMIT_BUILD_STAGES)
		return err_set(e, ERR_LIMIT, "%s has more than %d stages",
			stages->file->source.name, LIMIT_BUILD_STAGES);
	struct build_graph *g cleanup_build_graph = mem_alloc(sizeof(*g));
	g->os = arena_strdup(&g->arena, o->os);
	g->arch = arena_strdup(&g->arena, o->arch);
	g->variant = arena_strdup(&g->arena, o->variant ? o->variant : "");
	struct lower l = {.o = o, .stages = stages, .g = g};
	l.st = mem_array(stages->n, sizeof(*l.st));
	add_stages(&l);
	int r = find_target(&l, e);
	if (r >= 0) {
		set_platforms(&l);
		r = read_globals(&l, e);
	}
	if (r >= 0)
		r = lower_stage_need(&l, g->target, &stages->items[g->target].from, e);
	if (r >= 0)
		warn_unused(&l);
	for (size_t i = 0; r >= 0 && o->labels && i < o->labels->n; i++) {
		const char *eq = strchrnul(o->labels->v[i], '=');
		cleanup_free char *name =
			mem_strndup(o->labels->v[i], (size_t)(eq - o->labels->v[i]));
		strv_env_set(&g->stages[g->target].config.labels, name, *eq ? eq + 1 : "");
	}
	for (size_t i = 0; i < stages->n; i++) {
		strv_release(&l.st[i].args);
		strv_release(&l.st[i].declared);
	}
	free(l.st);
	strv_release(&l.globals);
	strv_release(&l.platforms);
	strv_release(&l.path);
	if (r >= 0)
		*ret = STEAL(g);
	return r;
}
