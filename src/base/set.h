/*
 * struct set: a set of strings (it keeps copies) with a number for each: names
 * seen before, a path's place in a list. Grows; nothing is ever taken out.
 * Life cycle: `struct set s cleanup_set = SET_INIT;`.
 */
#pragma once

#include "base/defs.h"

struct set_slot {
	char *key;
	size_t value;
};

struct set {
	struct set_slot *slots;
	size_t n, cap; /* cap: a power of two */
};

#define SET_INIT           \
	{                  \
		NULL, 0, 0 \
	}

void set_release(struct set *s);
#define cleanup_set cleanup(set_release)

/* Adds key with value: true when it is new. Else nothing changes, and *old (may be NULL) gets the
 * value it has. */
bool set_add(struct set *s, const char *key, size_t value, size_t *old);
/* ret_value may be NULL */
bool set_has(const struct set *s, const char *key, size_t *ret_value);
