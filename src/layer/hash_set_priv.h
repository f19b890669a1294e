/* A set of paths that keeps only 64 bits of each: to ask "was this one of mine?". The hash has a
 * random seed, so that nobody can arrange for two paths to be taken for one. */
#pragma once

#include "base/defs.h"

struct hash_set {
	uint64_t *slots;
	size_t n_slots;
	size_t n;
	uint64_t seed;
};

void hash_set_release(struct hash_set *s);
void hash_set_add(struct hash_set *s, const char *text);
bool hash_set_has(const struct hash_set *s, const char *text);
