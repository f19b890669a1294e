/* The order of a build: stages advance step by step, as far as what they need is there. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/sha256.h"
#include "base/str.h"
#include "build/lower.h"
#include "build/solve_priv.h"
#include "dockerfile/stages.h"
#include "oci/descriptor.h"
#include "snapshot/mounts.h"
#include "store/lease.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT_LOGS = 20 };

/* ---- steps ---- */

static int64_t history_time(const struct solver *v)
{
	return v->q->has_epoch ? v->q->epoch * CLOCK_NS_PER_S : clock_now();
}

static void take_result(struct solver *v, struct solve_step *x)
{
	struct solve_stage *s = solve_stage_of(v, x->step);
	if (x->diffid[0]) {
		strv_add(&s->diffids, x->diffid);
		solve_chain(&s->diffids, s->chain);
	}
	s->next++;
}

int solve_step_done(struct solver *v, struct solve_step *x, struct err *e)
{
	x->status = SOLVE_DONE;
	x->created = history_time(v);
	int r = solve_key_store(v, x, e);
	if (r < 0)
		return r;
	build_sources_release(&x->sources);
	take_result(v, x);
	struct build_event ev = {
		.kind = BUILD_EVENT_DONE, .step = x->step, .ns = clock_monotonic() - x->began};
	solve_emit(v, &ev);
	return 0;
}

/* From now on nothing that this build uses may be collected: its base images and what the cache has
 * given so far; what it makes is covered by itself. */
static int take_lease(struct solver *v, struct err *e)
{
	if (v->lease)
		return 0;
	struct store *s = v->q->store;
	int r = store_begin(s, e);
	if (r < 0)
		return r;
	r = store_lease_begin(s, "build", &v->lease, e);
	for (const struct build_image *i = v->g->images; i && r >= 0; i = i->next)
		r = store_lease_add(v->lease, i->id, e);
	for (size_t i = 0; i < v->g->nstages; i++) {
		const struct strv *list = &v->stages[i].diffids;
		for (size_t k = 0; k < list->n && r >= 0; k++)
			r = store_lease_add(v->lease, list->v[k], e);
	}
	if (r >= 0)
		return store_commit(s, e);
	store_rollback(s);
	return r;
}

static void step_cached(struct solver *v, struct solve_step *x)
{
	if (v->lease && x->diffid[0])
		store_lease_add(v->lease, x->diffid, NULL);
	x->status = SOLVE_CACHED;
	if (v->q->has_epoch)
		x->created = history_time(v);
	v->result->cached++;
	build_sources_release(&x->sources);
	if (x->diffid[0])
		build_below_forget(&solve_stage_of(v, x->step)->below);
	take_result(v, x);
	struct build_event ev = {.kind = BUILD_EVENT_CACHED, .step = x->step};
	solve_emit(v, &ev);
}

static void step_from(struct solver *v, struct solve_step *x)
{
	struct solve_stage *s = solve_stage_of(v, x->step);
	const struct build_stage *b = s->stage;
	if (b->base == BUILD_BASE_IMAGE) {
		strv_copy(&s->diffids, &b->image->config.diff_ids);
	} else if (b->base == BUILD_BASE_STAGE) {
		strv_copy(&s->diffids, &v->stages[b->base_stage].diffids);
		s->unknown = v->stages[b->base_stage].unknown;
	}
	solve_chain(&s->diffids, s->chain);
	x->status = SOLVE_CACHED;
	s->next++;
	v->result->cached++;
	struct build_event ev = {.kind = BUILD_EVENT_CACHED, .step = x->step};
	solve_emit(v, &ev);
}

/* Nothing is built: what comes after a step that would run can only be told in part. */
static int step_would(struct solver *v, struct solve_step *x, struct err *e)
{
	struct solve_stage *s = solve_stage_of(v, x->step);
	int r = solve_key_explain(v, x, e);
	if (r < 0)
		return r;
	x->changed = true;
	x->status = SOLVE_DONE;
	v->result->ran++;
	if (x->step->op != BUILD_CONFIG)
		s->unknown = true;
	s->next++;
	build_sources_release(&x->sources);
	struct build_event ev = {.kind = BUILD_EVENT_WOULD, .step = x->step, .why = &x->why};
	solve_emit(v, &ev);
	return 0;
}

static bool is_unknown(const struct solver *v, const struct solve_step *x)
{
	const struct build_copy *c = &x->step->copy;
	return v->stages[x->step->stage].unknown ||
	       (x->step->op == BUILD_COPY && c->from == BUILD_FROM_STAGE &&
		       v->stages[c->stage].unknown);
}

static bool copies_from_image(const struct build_step *p)
{
	return p->op == BUILD_COPY && p->copy.from != BUILD_FROM_CONTEXT;
}

static bool complete(const struct solve_stage *s)
{
	return s->next == s->stage->nsteps;
}

static bool can_begin(const struct solver *v, const struct solve_step *x)
{
	const struct build_step *p = x->step;
	const struct build_stage *s = v->stages[p->stage].stage;
	if (p->op == BUILD_FROM && s->base == BUILD_BASE_STAGE)
		return complete(&v->stages[s->base_stage]);
	if (p->op == BUILD_COPY && p->copy.from == BUILD_FROM_STAGE)
		return complete(&v->stages[p->copy.stage]);
	return true;
}

/* One step, as far as it goes at once. 1: the stage can go on; 0: it waits. */
static int advance_step(struct solver *v, struct solve_step *x, struct err *e)
{
	if (x->status == SOLVE_ACTIVE || !can_begin(v, x))
		return 0;
	if (x->step->op == BUILD_FROM) {
		step_from(v, x);
		return 1;
	}
	if (v->njobs >= v->max_jobs)
		return 0;
	bool unknown = is_unknown(v, x);
	int r = x->missed ? 0 : solve_key_make(v, x, e);
	if (r >= 0 && !x->missed && !v->q->no_cache && !unknown)
		r = solve_key_find(v, x, e);
	x->missed = r == 0;
	if (r == 0 && solve_image_pending(v, x))
		return 0;
	if (r == 0 && !v->q->no_cache && !unknown && copies_from_image(x->step))
		r = solve_same_source(v, x, e);
	if (r > 0) {
		step_cached(v, x);
		return 1;
	}
	if (r >= 0 && v->q->explain) {
		r = step_would(v, x, e);
		return r < 0 ? r : 1;
	}
	if (r >= 0)
		r = take_lease(v, e);
	if (r >= 0)
		r = solve_key_explain(v, x, e);
	if (r >= 0)
		r = solve_job_start(v, x, e);
	return r < 0 ? r : x->status != SOLVE_ACTIVE;
}

static int advance(struct solver *v, struct err *e)
{
	bool moved;
	do {
		moved = false;
		for (size_t i = 0; i < v->g->nstages; i++) {
			struct solve_stage *s = &v->stages[i];
			int r = 1;
			while (s->stage->needed && !complete(s) && r > 0) {
				if (v->q->stop && *v->q->stop)
					return err_set(e, ERR_INTERRUPTED, "interrupted");
				struct solve_step *x = &s->steps[s->next];
				r = advance_step(v, x, e);
				if (r < 0)
					return build_step_wrap(x->step, e, r);
				moved |= r > 0;
			}
		}
	} while (moved); /* a stage that is complete may let one above it go on */
	return 0;
}

static int solve(struct solver *v, struct err *e)
{
	for (size_t i = 0; i < v->g->nstages; i++)
		if (!v->g->stages[i].needed) {
			struct build_event ev = {
				.kind = BUILD_EVENT_SKIPPED, .stage = &v->g->stages[i]};
			solve_emit(v, &ev);
		}
	const struct solve_stage *target = &v->stages[v->g->target];
	for (;;) {
		int r = advance(v, e);
		/* an image whose steps are all in the cache still needs the layers below them */
		if (r < 0 || (complete(target) && !build_fetch_any(&v->fetches)))
			return r;
		r = solve_job_wait(v, e);
		if (r < 0)
			return r;
	}
}

/* ---- all of it ---- */

static void set_up(struct solver *v)
{
	v->stages = mem_array(v->g->nstages, sizeof(*v->stages));
	for (size_t i = 0; i < v->g->nstages; i++) {
		struct solve_stage *s = &v->stages[i];
		s->stage = &v->g->stages[i];
		s->steps = mem_array(MAX(s->stage->nsteps, 1), sizeof(*s->steps));
		for (size_t k = 0; k < s->stage->nsteps; k++)
			s->steps[k].step = &s->stage->steps[k];
		v->result->steps += s->stage->nsteps;
	}
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	v->max_jobs = (size_t)MAX(cpus, 2);
	v->now = clock_now();
	v->mounts = snapshot_mounts_new();
}

static void tear_down(struct solver *v)
{
	solve_job_kill_all(v);
	build_fetches_release(&v->fetches);
	store_lease_end(v->lease);
	build_runner_free(v->runner);
	snapshot_mounts_free(v->mounts);
	for (size_t i = 0; v->g && i < v->g->nstages; i++) {
		struct solve_stage *s = &v->stages[i];
		for (size_t k = 0; k < s->stage->nsteps; k++) {
			build_inputs_release(&s->steps[k].inputs);
			build_sources_release(&s->steps[k].sources);
			strv_release(&s->steps[k].why);
			strv_release(&s->steps[k].source_why);
		}
		free(s->steps);
		strv_release(&s->diffids);
		build_below_release(&s->below);
	}
	free(v->stages);
	build_digests_free(v->digests);
	build_record_free(v->record);
	build_graph_free(v->g);
	free(v->log_dir);
}

static int read_graph(struct solver *v, struct err *e)
{
	const struct build_request *q = v->q;
	struct build_context *c = q->context;
	struct dockerfile *file cleanup_dockerfile = NULL;
	int r = dockerfile_parse(c->file_name, buf_str(&c->file), c->file.len, &file, e);
	if (r < 0)
		return r;
	struct dockerfile_stages *stages cleanup(dockerfile_stages_free_cleanup) = NULL;
	r = dockerfile_stages_read(file, &stages, e);
	if (r < 0)
		return r;
	struct build_lower_options o = {
		.build_args = q->build_args,
		.labels = q->labels,
		.target = q->target,
		.os = "linux",
		.network = q->network,
		.image = solve_find_image,
		.arg = v,
	};
	o.build_arch = solve_host_arch(&o.build_variant);
	o.arch = q->platform ? q->platform->architecture : o.build_arch;
	o.variant = q->platform ? q->platform->variant : o.build_variant;
	o.platform = q->platform;
	r = build_lower(stages, &o, &v->g, e);
	if (r < 0)
		return r;
	/* steps point into the file: it stays with the triggers' files */
	v->g->triggers =
		mem_realloc(v->g->triggers, v->g->ntriggers + 1, sizeof(struct dockerfile *));
	v->g->triggers[v->g->ntriggers++] = STEAL(file);
	v->g->dockerfile_stages = STEAL(stages);
	for (size_t i = 0; i < v->g->warnings.n; i++) {
		struct build_event ev = {.kind = BUILD_EVENT_WARNING, .text = v->g->warnings.v[i]};
		solve_emit(v, &ev);
	}
	return 0;
}

/* The memory of digests belongs to a directory and to what is left out of it. */
static int open_digests(struct solver *v, struct err *e)
{
	const struct build_context *c = v->q->context;
	int dir = store_dir(v->q->store, STORE_DIR_CACHE, e);
	if (dir < 0)
		return dir;
	cleanup_free char *name = NULL;
	if (!str_eq(c->path, "-")) {
		char hex[SHA256_HEX];
		struct buf b cleanup_buf = BUF_INIT;
		buf_printf(&b, "%s\n%s", c->path, buf_str(&c->ignore_bytes));
		sha256_hex(b.data, b.len, hex);
		name = mem_printf("context-%s", hex);
	}
	v->digests = build_digests_open(dir, name);
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* A directory for the output of this build's steps; the oldest ones go. Names sort by time. */
static void name_logs(struct solver *v)
{
	const char *root = store_path(v->q->store);
	char random[9];
	random_hex(random, 4);
	v->log_dir = mem_printf("%s/logs/%020lld-%s", root, (long long)(v->now / 1000), random);
	cleanup_free char *logs = mem_printf("%s/logs", root);
	DIR *d cleanup_dir = opendir(logs);
	if (!d)
		return;
	struct strv names cleanup_strv = STRV_INIT;
	for (struct dirent *x; (x = readdir(d));)
		if (x->d_name[0] != '.')
			strv_add(&names, x->d_name);
	if (names.n < KEPT_LOGS)
		return;
	qsort(names.v, names.n, sizeof(*names.v), compare_names);
	for (size_t i = 0; i + KEPT_LOGS <= names.n; i++)
		file_remove_tree(dirfd(d), names.v[i], NULL);
}

static int build(struct solver *v, struct err *e)
{
	int r = open_digests(v, e);
	if (r < 0)
		return r;
	set_up(v);
	name_logs(v);
	r = solve(v, e);
	solve_job_kill_all(v);
	if (r < 0 || v->q->explain)
		return r;
	r = solve_export(v, e);
	if (r >= 0 && v->record) {
		build_record_save(v->record, v->g);
		build_record_sweep(store_dir(v->q->store, STORE_DIR_CACHE, NULL), v->now);
	}
	return r;
}

static void fetch_line(void *arg, const char *name, const char *text)
{
	struct build_event ev = {.kind = BUILD_EVENT_FETCH, .name = name, .text = text};
	solve_emit(arg, &ev);
}

void build_fetch_early(const struct build_request *q, const struct buf *file)
{
	struct build_context context = {.fd = -1, .file_name = (char *)"Dockerfile", .file = *file};
	struct build_request quiet = *q;
	struct build_result unused = {0};
	quiet.context = &context;
	quiet.event = NULL;
	struct solver v = {.q = &quiet, .result = &unused, .early = true};
	v.fetches = *q->begun;
	(void)read_graph(&v, NULL);
	build_graph_free(v.g);
	*q->begun = v.fetches;
}

int build_run(const struct build_request *q, struct build_result *ret, struct err *e)
{
	*ret = (struct build_result){0};
	struct solver v = {.q = q, .result = ret};
	v.fetches = (struct build_fetches){.line = fetch_line, .arg = &v, .stop = q->stop};
	if (q->begun)
		v.fetches.first = STEAL(q->begun->first);
	int r = read_graph(&v, e);
	build_fetch_drop_guesses(&v.fetches);
	if (r >= 0)
		r = build(&v, e);
	tear_down(&v);
	return r;
}
