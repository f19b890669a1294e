/* Shared by solve.c (order), solve_key.c (cache and reasons), solve_job.c (work), export.c. */
#pragma once

#include "build/below.h"
#include "build/build.h"
#include "build/context.h"
#include "build/digest.h"
#include "build/fetch.h"
#include "build/graph.h"
#include "build/key.h"
#include "build/record.h"
#include "build/run.h"
#include "build/source.h"
#include "build/worker.h"
#include "oci/image_config.h"

enum solve_status {
	SOLVE_WAITING,
	SOLVE_ACTIVE, /* a job works on it */
	SOLVE_CACHED,
	SOLVE_DONE,
};

struct solve_step {
	const struct build_step *step;
	enum solve_status status;
	struct build_inputs inputs;
	char key[STORE_DIGEST_MAX];
	char id[STORE_DIGEST_MAX];     /* the same for the same instruction in another build */
	char diffid[STORE_DIGEST_MAX]; /* "": no layer */
	int64_t created;               /* of its history entry, ns */
	int64_t began;                 /* monotonic */
	bool changed;                  /* ran, or would run */
	bool missed;                   /* its key is made, and the cache has it not */
	struct build_sources sources;
	struct strv why;
	struct strv source_why; /* COPY --from: what differs in the source */
};

struct solve_stage {
	const struct build_stage *stage;
	struct solve_step *steps;
	size_t next; /* index of the first step that is not done */
	struct strv diffids;
	size_t kept;                  /* how many of them our lease names */
	char chain[STORE_DIGEST_MAX]; /* digest of the layers so far */
	bool unknown;                 /* explain: what the layers would be is not known */
	struct build_below below;
};

struct solve_job; /* solve_job.c */
struct store_cache_entry;

enum { SOLVE_RESULT_MAX = 1 << 20 }; /* JSON of a cached result: LIMIT_LAYERS digests fit */

struct solver {
	const struct build_request *q;
	struct build_graph *g;
	struct solve_stage *stages;
	struct build_digests *digests;
	struct build_record *record; /* opened with the first miss */
	struct store_lease *lease;   /* from the first step that runs: a cached build needs none */
	struct snapshot_mounts *mounts;
	struct build_runner *runner;
	struct build_runner_options runner_options;
	char *log_dir;
	struct build_fetches fetches;
	bool early; /* only fetches are begun: what images are is not known yet */
	struct solve_job *jobs;
	size_t njobs, max_jobs;
	int64_t now; /* wall clock at the beginning, ns */
	struct build_result *result;
};

static inline struct solve_stage *solve_stage_of(struct solver *v, const struct build_step *p)
{
	return &v->stages[p->stage];
}

void solve_emit(struct solver *v, const struct build_event *ev);

/* ---- solve_image.c ---- */

/* The image function of struct build_lower_options; arg: the solver. */
int solve_find_image(void *solver, const char *name, const struct oci_platform *want,
	struct build_image *ret, struct err *e);
/* Do layers of images that this step stands on, or copies from, still come? */
bool solve_image_pending(const struct solver *v, const struct solve_step *x);
/* This machine's architecture and its variant ("" for none) in image-spec's words; static. */
const char *solve_host_arch(const char **ret_variant);

/* ---- solve_key.c ---- */

/* Fills inputs, key and id of the step, whose parents are done (or unknown). */
int solve_key_make(struct solver *v, struct solve_step *x, struct err *e);
/* 1: the cache has it; diffid and created are filled. */
int solve_key_find(struct solver *v, struct solve_step *x, struct err *e);
/* Takes diffid and created from an entry: 1; 0 when it is none of ours. */
int solve_key_take(struct solve_step *x, const struct store_cache_entry *c);
/* Fills why, at least one. */
int solve_key_explain(struct solver *v, struct solve_step *x, struct err *e);
/* Remembers the result. */
int solve_key_store(struct solver *v, struct solve_step *x, struct err *e);
/* Digest of a list of layers: what a step's parent is called in keys. */
void solve_chain(const struct strv *diffids, char ret[STORE_DIGEST_MAX]);

/* ---- solve_same.c ---- */

/* COPY --from: 1 when the source is another one, but what is copied is the same as last time; the
 * old result is taken. 0: not so, and source_why says what differs, if that is known. */
int solve_same_source(struct solver *v, struct solve_step *x, struct err *e);
/* The layers that a COPY --from copies from. Borrowed. */
const struct strv *solve_source_layers(const struct solver *v, const struct solve_step *x);

/* ---- solve_job.c ---- */

/* Starts the work of a step; its stage goes on when the job has ended. */
int solve_job_start(struct solver *v, struct solve_step *x, struct err *e);
/* Waits for something to happen and handles it. */
int solve_job_wait(struct solver *v, struct err *e);
void solve_job_kill_all(struct solver *v);
/* The step has its result: chain, events, cache. */
int solve_step_done(struct solver *v, struct solve_step *x, struct err *e);

/* ---- export.c ---- */

/* Writes the target's image and its tags. */
int solve_export(struct solver *v, struct err *e);
