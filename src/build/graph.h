/*
 * struct build_graph: what a Dockerfile means for one build: the stages that the
 * target needs, each a chain of steps with everything expanded, every step with
 * the names of what it depends on. Made by build/lower.h, pure data: no file of
 * the context and no layer has been looked at.
 *
 * Numbers: a stage's steps count from 1, FROM is step 1. Strings and arrays live
 * in the graph's arena until build_graph_free; struct strv and configs belong to
 * the graph too.
 */
#pragma once

#include "base/arena.h"
#include "base/strv.h"
#include "dockerfile/parse.h"
#include "oci/image_config.h"
#include "store/store.h"

struct dockerfile_stages;
struct err;

enum build_op {
	BUILD_FROM,
	BUILD_RUN,
	BUILD_COPY,    /* COPY and ADD */
	BUILD_WORKDIR, /* a layer only when the directory is missing */
	BUILD_CONFIG,  /* changes the config only */
};

/* An image that FROM or COPY --from names, as the store has it. */
struct build_image {
	char name[512]; /* the tag it was found under, or its id */
	char id[STORE_DIGEST_MAX];
	char *platform; /* that was asked for; NULL: any */
	struct oci_image_config config;
	struct build_image *next;
};

/* Where the sources of a COPY come from. */
enum build_from {
	BUILD_FROM_CONTEXT,
	BUILD_FROM_STAGE,
	BUILD_FROM_IMAGE,
};

struct build_copy_source {
	const char *path; /* as expanded: may hold wildcards; the name of a heredoc */
	bool heredoc;
	const char *data; /* of a heredoc */
	size_t len;
	struct dockerfile_span span;
};

struct build_copy {
	bool add;
	enum build_from from;
	size_t stage;                    /* BUILD_FROM_STAGE */
	const struct build_image *image; /* BUILD_FROM_IMAGE */
	const char *from_name;           /* as written; NULL: the context */
	struct build_copy_source *sources;
	size_t nsources;
	const char *dest;          /* absolute; ends with '/' when it was written so */
	const char *chown, *chmod; /* NULL: not given */
};

enum build_network {
	BUILD_NETWORK_DEFAULT, /* the bridge */
	BUILD_NETWORK_NONE,
	BUILD_NETWORK_HOST,
};

struct build_run {
	struct strv argv;
	const char *script; /* RUN with a heredoc that begins with #!: the file's bytes, or NULL */
	size_t script_len;
	enum build_network network;
};

struct build_step {
	enum build_op op;
	size_t stage;                  /* index of its stage in the graph */
	size_t number;                 /* from 1 within the stage */
	const struct dockerfile *file; /* the Dockerfile, or an ONBUILD trigger's text */
	struct dockerfile_span span;
	const char *raw;        /* as written: what the step is recognised by in the next build */
	size_t occurrence;      /* how many steps of this stage before it have the same raw text */
	const char *text;       /* expanded, on one line: what people see */
	const char *created_by; /* of the history entry; NULL: none (FROM) */
	/* Config as it is when the step runs: for RUN env, user, directory; after it for others. */
	struct oci_container_config config;
	struct strv args;    /* RUN: NAME=VALUE, build arguments in its environment */
	struct strv proxies; /* RUN: NAME=VALUE, predefined arguments: environment, but in no key */
	struct strv vars;    /* "arg:NAME=VALUE", "env:NAME=VALUE": what its words looked at */
	struct build_copy copy;
	struct build_run run;
	const char *workdir; /* BUILD_WORKDIR: the absolute directory */
};

enum build_base {
	BUILD_BASE_SCRATCH,
	BUILD_BASE_IMAGE,
	BUILD_BASE_STAGE,
};

struct build_stage {
	size_t index;      /* in the Dockerfile */
	const char *name;  /* NULL: none */
	const char *label; /* its name, or its number as text: never NULL */
	bool needed;
	enum build_base base;
	size_t base_stage;
	const struct build_image *image;
	struct build_step *steps; /* none when it is not needed */
	size_t nsteps;
	size_t written; /* instructions in the Dockerfile with FROM: for stages that are skipped */
	struct oci_container_config config; /* after the last step */
	const char *author;                 /* MAINTAINER, or NULL */
	struct strv needs; /* indexes as text: stages that must be complete first */
};

struct build_graph {
	struct build_stage *stages; /* in the order of the Dockerfile */
	size_t nstages;
	size_t target;
	struct strv warnings; /* for people, each once */
	const char *os, *arch, *variant;
	struct build_image *images;
	struct dockerfile **triggers; /* texts of ONBUILD */
	size_t ntriggers;
	struct dockerfile_stages *dockerfile_stages; /* texts that steps borrow; or NULL */
	struct arena arena;
};

void build_graph_free(struct build_graph *g);
DEFINE_CLEANUP(struct build_graph *, build_graph_free)
#define cleanup_build_graph cleanup(build_graph_free_cleanup)

/* "FILE:LINE" of a step, appended. */
struct buf;
void build_step_place(const struct build_step *s, struct buf *out);
/* err_set with place, message and the excerpt of the Dockerfile. code: positive. */
int build_step_error(const struct build_step *s, struct err *e, int code, const char *fmt, ...)
	printf_like(4, 5);
/* Gives an error that names no line yet (a full disk, say) the place of the step; r for r. */
int build_step_wrap(const struct build_step *s, struct err *e, int r);
