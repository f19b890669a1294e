/*
 * RUN: a container on the image so far, whose changes become a layer. Output is
 * kept in a file and handed on. One struct build_runner serves a whole build: it
 * holds what its containers share (seccomp section, network namespaces, resolver).
 */
#pragma once

#include "base/strv.h"
#include "store/store.h"

struct build_below;
struct build_runner;
struct build_running;
struct build_step;
struct err;
struct layer_writer;
struct pollfd;
struct runtime_container;
struct snapshot_mounts;

struct build_runner_options {
	struct store *store;
	struct snapshot_mounts *mounts;
	const struct strv *add_hosts; /* NAME:IP; may be NULL */
	const char *log_dir;          /* absolute; made when the first step runs */
	bool has_epoch;
	int64_t epoch; /* seconds */
};
/* o and what it points to must outlive the runner. */
struct build_runner *build_runner_new(const struct build_runner_options *o);
void build_runner_free(struct build_runner *r); /* networks go, too */
DEFINE_CLEANUP(struct build_runner *, build_runner_free)
#define cleanup_build_runner cleanup(build_runner_free_cleanup)
/* Resolvers of the networks: descriptors for a poll loop, and their turn. At most max are set. */
size_t build_runner_polls(struct build_runner *r, struct pollfd *p, size_t max);
void build_runner_turn(struct build_runner *r);

/* Starts it. below: of diffids, read; label names the log: "build-3". */
int build_run_start(struct build_runner *r, const struct build_step *step,
	const struct strv *diffids, const struct build_below *below, const char *label,
	struct build_running **ret, struct err *e);
void build_running_free(struct build_running *x); /* kills what runs, removes its files */
DEFINE_CLEANUP(struct build_running *, build_running_free)
#define cleanup_build_running cleanup(build_running_free_cleanup)
int build_running_pidfd(const struct build_running *x);
int build_running_output(const struct build_running *x); /* -1 when it has ended */
/* Reads once, without blocking: bytes for out (size of room), 0: nothing at the moment or the end. */
ssize_t build_running_read(struct build_running *x, void *out, size_t size);
const char *build_running_log(const struct build_running *x); /* path of its whole output */
/* The process has ended: its status, 0..255. Its files stay. */
int build_running_wait(struct build_running *x, struct err *e);
int build_running_upper(const struct build_running *x); /* directory of its changes; borrowed */
/* A build_worker_fn: the layer of its changes. arg: the running. */
int build_running_layer(void *arg, struct layer_writer *w, struct err *e);

/* A failed step's file system, with argv in it on a terminal of this size, for a person to look
 * around; used as any container of the runtime. */
int build_running_enter(struct build_running *x, const struct strv *argv, uint16_t rows,
	uint16_t columns, struct runtime_container **ret, struct err *e);
/* The program to enter it with: the step's shell, or sh; NULL: the image has none. */
const char *build_running_shell(const struct build_running *x);
