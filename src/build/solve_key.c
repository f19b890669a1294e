/* Keys of steps, what the cache knows about them, and why it does not know them. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "build/solve_priv.h"
#include "oci/json.h"
#include "snapshot/ingest.h"
#include "store/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MANIFEST_MAX = 1 << 30 };

void solve_chain(const struct strv *diffids, char ret[STORE_DIGEST_MAX])
{
	struct buf b cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < diffids->n; i++)
		buf_printf(&b, "%s\n", diffids->v[i]);
	memcpy(ret, "sha256:", 7);
	sha256_hex(buf_str(&b), b.len, ret + 7);
}

/* ---- inputs ---- */

static void add_list(struct build_inputs *in, const char *prefix, const struct strv *list)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *eq = strchrnul(list->v[i], '=');
		cleanup_free char *name =
			mem_printf("%s%.*s", prefix, (int)(eq - list->v[i]), list->v[i]);
		if (!build_inputs_get(in, name))
			build_inputs_add(in, name, *eq ? eq + 1 : "");
	}
}

static void add_run(struct build_inputs *in, const struct build_step *p)
{
	static const char *const networks[] = {
		[BUILD_NETWORK_DEFAULT] = "default",
		[BUILD_NETWORK_NONE] = "none",
		[BUILD_NETWORK_HOST] = "host",
	};
	add_list(in, "arg:", &p->args);
	add_list(in, "env:", &p->config.env);
	build_inputs_add(in, "user", p->config.user);
	build_inputs_add(in, "workdir", p->config.working_dir);
	build_inputs_add(in, "network", networks[p->run.network]);
	cleanup_free char *shell = strv_join(&p->config.shell, " ");
	build_inputs_add(in, "shell", shell);
}

/* The files of the context that a COPY reads. */
static int add_files(struct solver *v, struct solve_step *x, struct err *e)
{
	struct build_context *c = v->q->context;
	struct build_source_options o = {.rootfd = c->fd, .context = c, .stop = v->q->stop};
	build_sources_release(&x->sources);
	int r = build_sources_find(x->step, &o, &x->sources, e);
	for (size_t i = 0; i < x->sources.n && r >= 0; i++) {
		/* each match was one walk */
		struct build_tree part = x->sources.tree;
		part.n = x->sources.v[i].end;
		if (!x->sources.v[i].heredoc)
			r = build_digests_fill(
				v->digests, c->fd, &part, x->sources.v[i].first, 0, v->q->stop, e);
	}
	if (r >= 0)
		build_sources_inputs(&x->sources, &x->inputs);
	return r;
}

static int add_copy(struct solver *v, struct solve_step *x, struct err *e)
{
	const struct build_copy *c = &x->step->copy;
	build_inputs_add(&x->inputs, "dest", c->dest);
	if (c->from == BUILD_FROM_CONTEXT)
		return add_files(v, x, e);
	cleanup_free char *name = mem_printf(
		"from:%s %s", c->from == BUILD_FROM_STAGE ? "stage" : "image", c->from_name);
	char chain[STORE_DIGEST_MAX] = "";
	if (c->from == BUILD_FROM_STAGE)
		memcpy(chain, v->stages[c->stage].chain, sizeof(chain));
	else
		solve_chain(&c->image->config.diff_ids, chain);
	build_inputs_add(&x->inputs, name, chain);
	return 0;
}

static void make_id(const struct solver *v, const struct build_step *p, const char *raw,
	size_t occurrence, char ret[STORE_DIGEST_MAX])
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_printf(&b, "%s%c%s%c%s%c%s%c%zu", v->q->context->path, 0, v->q->context->file_path, 0,
		v->g->stages[p->stage].label, 0, raw, 0, occurrence);
	memcpy(ret, "sha256:", 7);
	sha256_hex(b.data, b.len, ret + 7);
}

int solve_key_make(struct solver *v, struct solve_step *x, struct err *e)
{
	const struct build_step *p = x->step;
	build_inputs_release(&x->inputs);
	build_inputs_add(&x->inputs, "instruction", p->raw);
	build_inputs_add(&x->inputs, "parent", solve_stage_of(v, p)->chain);
	add_list(&x->inputs, "", &p->vars);
	if (p->op == BUILD_RUN)
		add_run(&x->inputs, p);
	if (p->op == BUILD_WORKDIR)
		build_inputs_add(&x->inputs, "dest", p->workdir);
	if (p->op != BUILD_CONFIG && v->q->has_epoch)
		build_inputs_addf(&x->inputs, "epoch", "%lld", (long long)v->q->epoch);
	int r = p->op == BUILD_COPY ? add_copy(v, x, e) : 0;
	if (r < 0)
		return r;
	build_inputs_key(&x->inputs, x->key);
	make_id(v, p, p->raw, p->occurrence, x->id);
	return 0;
}

/* ---- the cache ---- */

int solve_key_take(struct solve_step *x, const struct store_cache_entry *c)
{
	json_t *o cleanup_json = NULL;
	int64_t created = 0;
	if (oci_json_parse(c->result, strlen(c->result), SOLVE_RESULT_MAX, "cached result", &o,
		    NULL) < 0 ||
		oci_json_i64(o, "", "created", &created, NULL) <= 0)
		return 0;
	if (c->diffid[0] && !store_digest_valid(c->diffid))
		return 0;
	snprintf(x->diffid, sizeof(x->diffid), "%s", c->diffid);
	x->created = created;
	return 1;
}

int solve_key_find(struct solver *v, struct solve_step *x, struct err *e)
{
	struct store_cache_entry c cleanup_store_cache_entry = {0};
	struct store *s = v->q->store;
	int r = store_cache_get(s, x->key, false, &c, e);
	if (r != 0 || c.collected == 0)
		return r <= 0 ? r : solve_key_take(x, &c);
	/* the machine may have stopped before the layer was on disk: look at it, then trust it */
	store_cache_entry_release(&c);
	r = store_cache_get(s, x->key, true, &c, e);
	if (r <= 0 || v->q->explain)
		return r < 0 ? r : 0;
	struct err why = ERR_INIT;
	return snapshot_layer_verify(s, c.diffid, &why) < 0 ? 0 : solve_key_take(x, &c);
}

/* Many files: their names are kept beside the database, one list a step. */
static char *manifest_name(const struct solve_step *x)
{
	return mem_printf("manifest-%s", x->id + 7);
}

static int store_manifest(struct solver *v, const struct solve_step *x, struct err *e)
{
	const char *digest = build_inputs_get(&x->inputs, "files");
	int dir = store_dir(v->q->store, STORE_DIR_CACHE, e);
	if (!digest || dir < 0)
		return MIN(dir, 0);
	struct buf b cleanup_buf = BUF_INIT;
	build_manifest_format(&x->sources, &b);
	cleanup_free char *name = manifest_name(x);
	return file_write(dir, name, b.data, b.len, 0600, 0, e);
}

static char *format_result(const struct solver *v, const struct solve_step *x)
{
	json_t *o cleanup_json = json_object();
	json_object_set_new(o, "created", json_integer(x->created));
	if (x->step->op == BUILD_COPY && x->step->copy.from != BUILD_FROM_CONTEXT)
		json_object_set_new(o, "from", oci_json_from_strings(solve_source_layers(v, x)));
	struct buf b cleanup_buf = BUF_INIT;
	oci_json_format(o, &b);
	return buf_take(&b);
}

int solve_key_store(struct solver *v, struct solve_step *x, struct err *e)
{
	cleanup_free char *inputs = build_inputs_format(&x->inputs);
	cleanup_free char *result = format_result(v, x);
	struct store_cache_entry c = {
		.key = x->key,
		.step = x->id,
		.instruction = (char *)(uintptr_t)x->step->text,
		.inputs = inputs,
		.diffid = x->diffid,
		.result = result,
	};
	int r = store_cache_put(v->q->store, &c, e);
	return r < 0 ? r : store_manifest(v, x, e);
}

/* ---- reasons ---- */

/* "parent step 3", "base image x": the nearest step below that made a layer, or would make one. */
static char *name_parent(const struct solver *v, const struct solve_step *x)
{
	const struct build_step *p = x->step;
	const struct solve_stage *s = &v->stages[p->stage];
	for (size_t i = p->number - 1; i-- > 1;)
		if (s->steps[i].diffid[0] || (v->q->explain && s->steps[i].changed &&
						     s->steps[i].step->op != BUILD_CONFIG))
			return mem_printf("parent step %zu", i + 1);
	const struct build_stage *b = s->stage;
	if (b->base == BUILD_BASE_STAGE)
		return mem_printf("parent stage %s", v->g->stages[b->base_stage].label);
	return mem_printf("base image %s", b->image ? b->image->name : "scratch");
}

/* The list of files that belongs to `digest`, if it is still there. */
static bool load_manifest(
	const struct solver *v, const struct solve_step *x, const char *digest, struct buf *b)
{
	int dir = store_dir(v->q->store, STORE_DIR_CACHE, NULL);
	cleanup_free char *name = manifest_name(x);
	b->max = MANIFEST_MAX;
	if (!digest || dir < 0 || file_read(dir, name, b, NULL) < 0)
		return false;
	char hex[SHA256_HEX];
	sha256_hex(b->data, b->len, hex);
	return str_eq(hex, digest + 7);
}

static void compare_files(
	const struct solver *v, struct solve_step *x, const struct build_inputs *was)
{
	struct buf old cleanup_buf = BUF_INIT, now cleanup_buf = BUF_INIT;
	size_t before = x->why.n;
	build_manifest_format(&x->sources, &now);
	if (load_manifest(v, x, build_inputs_get(was, "files"), &old))
		build_manifest_compare(&old, &now, &x->why, NULL);
	if (x->why.n == before)
		strv_add(&x->why, "files of the context changed");
}

static void compare(struct solver *v, struct solve_step *x, const char *inputs)
{
	struct build_inputs was cleanup_build_inputs = BUILD_INPUTS_INIT;
	if (build_inputs_parse(inputs, &was, NULL) < 0)
		return;
	struct strv skip cleanup_strv = STRV_INIT;
	const struct solve_stage *s = solve_stage_of(v, x->step);
	const struct build_copy *c = &x->step->copy;
	cleanup_free char *parent = name_parent(v, x);
	if (s->unknown) {
		strv_add(&skip, "parent");
	}
	if (x->step->op == BUILD_COPY && c->from == BUILD_FROM_STAGE && v->stages[c->stage].unknown)
		strv_addf(&skip, "from:stage %s", c->from_name);
	build_inputs_key(&x->inputs, x->key); /* sorts */
	bool files = build_inputs_compare(&was, &x->inputs, parent, &skip, &x->why);
	if (files)
		compare_files(v, x, &was);
}

static void add_unknown(struct solver *v, struct solve_step *x)
{
	const struct solve_stage *s = solve_stage_of(v, x->step);
	const struct build_copy *c = &x->step->copy;
	if (s->unknown) {
		cleanup_free char *parent = name_parent(v, x);
		strv_addf(&x->why, "%s changed", parent);
	}
	if (x->step->op == BUILD_COPY && c->from == BUILD_FROM_STAGE && v->stages[c->stage].unknown)
		strv_addf(&x->why, "stage %s changed", c->from_name);
}

static void add_collected(const struct store_cache_entry *c, struct strv *why)
{
	char when[CLOCK_TEXT_MAX];
	clock_format(c->collected / CLOCK_NS_PER_S * CLOCK_NS_PER_S, when);
	strv_addf(why, "cache entry collected on %s by %s", when,
		str_empty(c->collected_by) ? "gc" : c->collected_by);
}

static struct build_record *record(struct solver *v)
{
	int dir = store_dir(v->q->store, STORE_DIR_CACHE, NULL);
	if (!v->record && dir >= 0) {
		char hex[SHA256_HEX];
		cleanup_free char *what =
			mem_printf("%s\n%s", v->q->context->path, v->q->context->file_path);
		sha256_hex(what, strlen(what), hex);
		cleanup_free char *name = mem_printf("steps-%s", hex);
		v->record = build_record_open(dir, name);
	}
	return v->record;
}

/* An instruction that the cache has not seen: new, or an old one that was edited. */
static int explain_new(struct solver *v, struct solve_step *x, struct err *e)
{
	struct build_record *rec = record(v);
	const char *was = rec ? build_record_edited(rec, v->g, x->step) : NULL;
	if (!was) {
		strv_add(&x->why, "never built here");
		return 0;
	}
	char id[STORE_DIGEST_MAX];
	make_id(v, x->step, was, 0, id);
	struct store_cache_entry c cleanup_store_cache_entry = {0};
	int r = store_cache_latest(v->q->store, id, &c, e);
	if (r > 0)
		compare(v, x, c.inputs);
	if (r >= 0 && x->why.n == 0)
		strv_addf(&x->why, "instruction changed (was: %.60s)", was);
	return r < 0 ? r : 0;
}

int solve_key_explain(struct solver *v, struct solve_step *x, struct err *e)
{
	strv_release(&x->why);
	(void)record(v); /* so that it is written when the build has gone well */
	if (v->q->no_cache && !v->q->explain) {
		strv_add(&x->why, "--no-cache");
		return 0;
	}
	struct store_cache_entry same cleanup_store_cache_entry = {0};
	struct store_cache_entry last cleanup_store_cache_entry = {0};
	int r = store_cache_get(v->q->store, x->key, false, &same, e);
	if (r >= 0 && same.collected && !solve_stage_of(v, x->step)->unknown)
		add_collected(&same, &x->why);
	else if (r >= 0)
		r = store_cache_latest(v->q->store, x->id, &last, e);
	if (r > 0 && last.inputs)
		compare(v, x, last.inputs);
	else if (r == 0 && !x->why.n)
		r = explain_new(v, x, e);
	add_unknown(v, x);
	for (size_t i = 0; i < x->source_why.n; i++)
		strv_addf(&x->why, "%s in %s", x->source_why.v[i], x->step->copy.from_name);
	if (v->q->no_cache)
		strv_add(&x->why, "--no-cache");
	if (r >= 0 && !x->why.n)
		strv_add(&x->why, "its cached result cannot be used any more");
	return r < 0 ? r : 0;
}
