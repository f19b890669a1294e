/*
 * COPY, ADD and WORKDIR: the layer they make, written straight from the sources.
 * System calls and memory only: runs in a child of the builder.
 */
#pragma once

#include "base/defs.h"

struct build_sources;
struct build_step;
struct err;
struct layer_writer;

struct build_copy_job {
	const struct build_step *step;
	const struct build_sources *sources; /* NULL for WORKDIR */
	int parent_fd;                       /* the image below, mounted; -1: scratch */
	bool has_epoch;                      /* SOURCE_DATE_EPOCH */
	int64_t epoch;                       /* seconds */
	int64_t now;                         /* seconds: for what is made */
};

/* Fills the writer. 1: there is a layer; 0: nothing to write (WORKDIR of a directory that is
 * there). Errors name file and line. */
int build_copy_write(const struct build_copy_job *job, struct layer_writer *w, struct err *e);
int build_workdir_write(const struct build_copy_job *job, struct layer_writer *w, struct err *e);
