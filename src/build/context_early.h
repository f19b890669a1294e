/*
 * The Dockerfile of a context that still comes: a tar, plain or compressed, that passes by in pieces.
 * Whoever reads it can begin with the Dockerfile's images before the last file is here.
 */
#pragma once

#include "base/buf.h"

struct build_early;

/* name: of the Dockerfile in the context, clean. */
struct build_early *build_early_new(const char *name);
void build_early_free(struct build_early *b);
DEFINE_CLEANUP(struct build_early *, build_early_free)
#define cleanup_build_early cleanup(build_early_free_cleanup)

/* The next bytes. The Dockerfile, borrowed until the next call, once, when it is whole; else NULL. */
const struct buf *build_early_push(struct build_early *b, const void *p, size_t len);
/* Nothing more can come of it: found, no tar, damaged. */
bool build_early_done(const struct build_early *b);
