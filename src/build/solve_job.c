/* Work on steps: containers and layer writers, watched in one poll loop. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "build/copy.h"
#include "build/solve_priv.h"
#include "layer/writer.h"
#include "oci/descriptor.h"
#include "snapshot/mounts.h"
#include "store/lease.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TICK_MS = 100,
	MOST_RESOLVERS = 8,
	MOST_FETCH_POLLS = 32, /* of more fetches some are looked at with the next tick */
	READ_SIZE = 16 * 1024,
	READS_A_TURN = 16, /* so that one chatty step does not starve the others */
	TAIL = 8 * 1024,
	TAIL_LINES = 20,
};

struct solve_job {
	struct solver *v;
	struct solve_step *x;
	struct build_running *running;
	struct build_worker *worker; /* writes the layer; for RUN after the container has ended */
	/* COPY, ADD, WORKDIR: the image below, and the one that is copied from */
	struct snapshot_spec below, from;
	bool has_below;
	struct buf tail; /* the last output of a RUN */
	struct solve_job *next;
};

void solve_emit(struct solver *v, const struct build_event *ev)
{
	struct build_event full = *ev;
	if (ev->step)
		full.stage = &v->g->stages[ev->step->stage];
	if (v->q->event)
		v->q->event(v->q->arg, &full);
}

static void free_job(struct solve_job *j)
{
	build_worker_free(j->worker);
	build_running_free(j->running);
	snapshot_spec_release(&j->below);
	snapshot_spec_release(&j->from);
	buf_release(&j->tail);
	free(j);
}

void solve_job_kill_all(struct solver *v)
{
	while (v->jobs) {
		struct solve_job *next = v->jobs->next;
		free_job(v->jobs);
		v->jobs = next;
	}
	v->njobs = 0;
}

static void end_job(struct solver *v, struct solve_job *j)
{
	struct solve_job **p = &v->jobs;
	while (*p != j)
		p = &(*p)->next;
	*p = j->next;
	v->njobs--;
	free_job(j);
}

/* ---- layers of COPY, ADD and WORKDIR ---- */

static int mount_source(struct solve_job *j, struct build_sources *found, struct err *e)
{
	cleanup_free char *scratch = mem_printf("%s/tmp", store_path(j->v->q->store));
	int fd = snapshot_mount_open(&j->from, scratch, e);
	if (fd < 0)
		return fd;
	struct build_source_options o = {.rootfd = fd};
	return build_sources_find(j->x->step, &o, found, e);
}

/* In the child. */
static int write_copy(void *arg, struct layer_writer *w, struct err *e)
{
	struct solve_job *j = arg;
	const struct build_step *p = j->x->step;
	const struct build_request *q = j->v->q;
	struct build_copy_job job = {.step = p,
		.sources = &j->x->sources,
		.parent_fd = -1,
		.has_epoch = q->has_epoch,
		.epoch = q->epoch,
		.now = j->v->now / CLOCK_NS_PER_S};
	struct build_sources found = BUILD_SOURCES_INIT;
	int r = 0;
	if (j->has_below) {
		cleanup_free char *scratch = mem_printf("%s/tmp", store_path(q->store));
		job.parent_fd = snapshot_mount_open(&j->below, scratch, e);
		r = MIN(job.parent_fd, 0);
	}
	if (r >= 0 && p->op == BUILD_COPY && p->copy.from != BUILD_FROM_CONTEXT) {
		r = mount_source(j, &found, e);
		job.sources = &found;
	}
	if (r >= 0)
		r = p->op == BUILD_WORKDIR ? build_workdir_write(&job, w, e)
					   : build_copy_write(&job, w, e);
	/* the process ends: descriptors and memory go with it */
	return r;
}

static int prepare(
	struct solver *v, const struct strv *diffids, struct snapshot_spec *ret, struct err *e)
{
	int r = snapshot_prepare(
		v->q->store, (const char *const *)strv_items(diffids), diffids->n, ret, e);
	return r < 0 ? r : snapshot_mounts_add(v->mounts, ret, e);
}

static void writer_options(const struct solver *v, struct layer_writer_options *o)
{
	*o = (struct layer_writer_options){.clamp = v->q->has_epoch, .clamp_mtime = v->q->epoch};
}

static int start_copy(struct solver *v, struct solve_job *j, struct err *e)
{
	const struct build_step *p = j->x->step;
	struct solve_stage *s = solve_stage_of(v, p);
	int r = 0;
	j->has_below = s->diffids.n > 0;
	if (j->has_below)
		r = prepare(v, &s->diffids, &j->below, e);
	if (r >= 0 && p->op == BUILD_COPY && p->copy.from == BUILD_FROM_STAGE)
		r = prepare(v, &v->stages[p->copy.stage].diffids, &j->from, e);
	if (r >= 0 && p->op == BUILD_COPY && p->copy.from == BUILD_FROM_IMAGE)
		r = prepare(v, &p->copy.image->config.diff_ids, &j->from, e);
	if (r < 0)
		return r;
	struct layer_writer_options o;
	writer_options(v, &o);
	return build_worker_start(v->q->store, &o, write_copy, j, &j->worker, e);
}

/* ---- RUN ---- */

static struct build_runner *runner(struct solver *v)
{
	if (!v->runner) {
		v->runner_options = (struct build_runner_options){
			.store = v->q->store,
			.mounts = v->mounts,
			.add_hosts = v->q->add_hosts,
			.log_dir = v->log_dir,
			.has_epoch = v->q->has_epoch,
			.epoch = v->q->epoch,
		};
		v->runner = build_runner_new(&v->runner_options);
	}
	return v->runner;
}

/* Whether the programs of a stage are for another machine than this one. */
static bool is_foreign(const struct solver *v, const struct build_stage *s)
{
	while (s->base == BUILD_BASE_STAGE)
		s = &v->g->stages[s->base_stage];
	if (s->base != BUILD_BASE_IMAGE)
		return v->q->platform && !oci_platform_fits(v->q->platform);
	const struct oci_image_config *c = &s->image->config;
	const struct oci_platform is = {c->os, c->architecture, c->variant};
	return !oci_platform_fits(&is);
}

static int start_run(struct solver *v, struct solve_job *j, struct err *e)
{
	const struct build_step *p = j->x->step;
	struct solve_stage *s = solve_stage_of(v, p);
	cleanup_free char *label = mem_printf("%s-%zu", s->stage->label, p->number);
	struct err why = ERR_INIT;
	int r = build_below_read(v->q->store, v->mounts, &s->diffids, &s->below, &why);
	if (r >= 0)
		r = build_run_start(runner(v), p, &s->diffids, &s->below, label, &j->running, &why);
	if (r >= 0)
		return 0;
	r = build_step_error(p, e, why.code ? why.code : -r, "%s", why.msg);
	if (why.hint[0])
		err_hint(e, "%s", why.hint);
	else if (why.code == ERR_NOEXEC && is_foreign(v, s->stage))
		err_hint(e, "the stage is for another machine: its programs run here under an "
			    "emulator only (Debian: apt install qemu-user-static binfmt-support)");
	return r;
}

/* The layers of cached steps are older than the lease: a prune beside a long RUN must not take
 * them. Those of steps that ran here are known to it. */
static int keep_below(struct solver *v, struct solve_step *x, struct err *e)
{
	struct solve_stage *s = solve_stage_of(v, x->step);
	struct store *store = v->q->store;
	for (; s->kept < s->diffids.n; s->kept++) {
		int r = store_lease_keep(store, s->diffids.v[s->kept], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int solve_job_start(struct solver *v, struct solve_step *x, struct err *e)
{
	struct build_event ev = {.kind = BUILD_EVENT_START, .step = x->step, .why = &x->why};
	solve_emit(v, &ev);
	x->began = clock_monotonic();
	x->changed = true;
	v->result->ran++;
	if (x->step->op == BUILD_CONFIG)
		return solve_step_done(v, x, e);
	int r = keep_below(v, x, e);
	if (r < 0)
		return r;
	struct solve_job *j = mem_alloc(sizeof(*j));
	j->v = v;
	j->x = x;
	r = x->step->op == BUILD_RUN ? start_run(v, j, e) : start_copy(v, j, e);
	if (r < 0) {
		free_job(j);
		return r;
	}
	x->status = SOLVE_ACTIVE;
	j->next = v->jobs;
	v->jobs = j;
	v->njobs++;
	return 0;
}

/* ---- output ---- */

static void keep_tail(struct buf *tail, const char *p, size_t len)
{
	buf_add(tail, p, len);
	if (tail->len > (size_t)2 * TAIL) {
		memmove(tail->data, tail->data + tail->len - TAIL, TAIL);
		buf_truncate(tail, TAIL);
	}
}

/* 0: nothing more at the moment */
static size_t read_output(struct solve_job *j)
{
	char room[READ_SIZE];
	ssize_t n = build_running_read(j->running, room, sizeof(room));
	if (n <= 0)
		return 0;
	keep_tail(&j->tail, room, (size_t)n);
	struct build_event ev = {
		.kind = BUILD_EVENT_OUTPUT, .step = j->x->step, .text = room, .len = (size_t)n};
	solve_emit(j->v, &ev);
	return (size_t)n;
}

/* The beginning of the last lines. */
static const char *last_lines(const struct buf *b)
{
	const char *start = buf_str(b), *p = start + b->len;
	unsigned lines = 0;
	if (p > start && p[-1] == '\n')
		p--;
	while (p > start && (p[-1] != '\n' || ++lines < TAIL_LINES))
		p--;
	return p;
}

static int run_failed(struct solver *v, struct solve_job *j, int status, struct err *e)
{
	const char *tail = last_lines(&j->tail);
	struct build_event ev = {
		.kind = BUILD_EVENT_FAILED,
		.step = j->x->step,
		.text = tail,
		.len = j->tail.len - (size_t)(tail - buf_str(&j->tail)),
		.ns = clock_monotonic() - j->x->began,
	};
	solve_emit(v, &ev);
	const char *name = status > 128 ? proc_signal_name(status - 128) : NULL;
	int r = build_step_error(j->x->step, e, ERR_CHILD, "RUN ended with exit status %d%s%s%s",
		status, name ? " (killed by " : "", name ? name : "", name ? ")" : "");
	if (v->q->failed)
		v->q->failed(v->q->arg, j->running);
	else if (v->q->retry)
		err_hint(e, "its whole output is in %s; look around in its file system with `%s`",
			build_running_log(j->running), v->q->retry);
	else
		err_hint(e, "its whole output is in %s", build_running_log(j->running));
	return r;
}

/* The container has ended: its changes become a layer. */
static int run_ended(struct solver *v, struct solve_job *j, struct err *e)
{
	while (read_output(j))
		;
	int status = build_running_wait(j->running, e);
	if (status != 0)
		return status < 0 ? status : run_failed(v, j, status, e);
	build_below_update(&solve_stage_of(v, j->x->step)->below, build_running_upper(j->running));
	struct layer_writer_options o;
	writer_options(v, &o);
	return build_worker_start(v->q->store, &o, build_running_layer, j->running, &j->worker, e);
}

static int layer_ended(struct solver *v, struct solve_job *j, struct err *e)
{
	struct store_layer layer;
	struct solve_step *x = j->x;
	int r = build_worker_finish(STEAL(j->worker), &layer, e);
	if (r < 0)
		return r;
	if (r > 0)
		memcpy(x->diffid, layer.diffid, sizeof(x->diffid));
	if (x->step->op != BUILD_RUN)
		build_below_forget(&solve_stage_of(v, x->step)->below);
	end_job(v, j);
	return solve_step_done(v, x, e);
}

/* ---- the loop ---- */

struct watch {
	struct solve_job *job;
	size_t at; /* index of its first pollfd */
};

static size_t watch_job(const struct solve_job *j, struct pollfd *p)
{
	if (j->worker) {
		p[0] = (struct pollfd){build_worker_fd(j->worker), POLLIN, 0};
		return 1;
	}
	p[0] = (struct pollfd){build_running_pidfd(j->running), POLLIN, 0};
	p[1] = (struct pollfd){build_running_output(j->running), POLLIN, 0};
	return 2;
}

static int handle(struct solver *v, struct solve_job *j, const struct pollfd *p, struct err *e)
{
	if (j->worker)
		return p[0].revents ? layer_ended(v, j, e) : 0;
	for (int i = 0; p[1].revents && i < READS_A_TURN; i++)
		if (!read_output(j))
			break;
	return p[0].revents ? run_ended(v, j, e) : 0;
}

int solve_job_wait(struct solver *v, struct err *e)
{
	cleanup_free struct pollfd *p =
		mem_array(2 * v->njobs + MOST_RESOLVERS + MOST_FETCH_POLLS, sizeof(*p));
	cleanup_free struct watch *watch = mem_array(v->njobs + 1, sizeof(*watch));
	size_t n = 0, jobs = 0;
	for (struct solve_job *j = v->jobs; j; j = j->next) {
		watch[jobs++] = (struct watch){j, n};
		n += watch_job(j, p + n);
	}
	size_t resolvers = v->runner ? build_runner_polls(v->runner, p + n, MOST_RESOLVERS) : 0;
	size_t fetches = build_fetch_polls(&v->fetches, p + n + resolvers, MOST_FETCH_POLLS);
	int r = poll(p, n + resolvers + fetches, TICK_MS);
	if (v->q->stop && *v->q->stop)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	if (r < 0)
		return errno == EINTR ? 0 : err_sys(e, "poll");
	int fetched = build_fetch_turn(&v->fetches, e);
	if (fetched < 0)
		return fetched;
	if (r == 0) {
		solve_emit(v, &(struct build_event){.kind = BUILD_EVENT_TICK});
		return 0;
	}
	if (resolvers)
		build_runner_turn(v->runner);
	for (size_t i = 0; i < jobs; i++) {
		const struct build_step *step =
			watch[i].job->x->step; /* the job may end in there */
		r = handle(v, watch[i].job, p + watch[i].at, e);
		if (r < 0)
			return build_step_wrap(step, e, r);
	}
	return 0;
}
