/*
 * The steps of the last build of a Dockerfile, as they were written: so that a
 * step which is new to the cache can be told to be an old one, edited. A small
 * file below cache/; a damaged one counts as none.
 */
#pragma once

#include "build/graph.h"

struct build_record;

struct build_record *build_record_open(int dirfd, const char *name);
void build_record_free(struct build_record *r);
DEFINE_CLEANUP(struct build_record *, build_record_free)
#define cleanup_build_record cleanup(build_record_free_cleanup)
/* What stood at this step's place, if it is gone from the stage now and the step is new in it;
 * NULL: nothing like that. Borrowed. */
const char *build_record_edited(
	const struct build_record *r, const struct build_graph *g, const struct build_step *step);
/* Writes the graph's needed stages when they differ from what is kept. */
void build_record_save(struct build_record *r, const struct build_graph *g);

/* Removes what builds have kept in this directory (cache/) and none has used for long. */
void build_record_sweep(int dirfd, int64_t now);
