/*
 * Typed reading of untrusted JSON with errors that name the path. A struct jnode
 * stands on the stack of whoever reads; `up` chains give the path when it is
 * needed. JSON null counts as absent: Go programs write it for empty lists.
 */
#pragma once

#include "base/arena.h"
#include "base/defs.h"
#include "runtime/config.h"

#include <jansson.h>

struct jnode {
	json_t *v;
	const struct jnode *up;
	const char *key; /* NULL: array element */
	size_t index;
};

struct jread {
	struct arena *a;
	struct err *e;
};

/* Checks depth, then parses. Integers above INT64_MAX (RLIM_INFINITY is written so) come out as
 * the negative number of the same 64 bits. The caller owns *ret. */
int json_load(const char *text, size_t len, size_t max, json_t **ret, struct err *e);

/* A member of a member of the document, cut out before parsing: the object `inner` of the object
 * `outer`, when it stands there as an object. The parsed document has null in its place. */
struct json_cut {
	const char *outer, *inner;
	const char *text; /* into the text that was given; NULL: not found */
	size_t len;
};
int json_load_cut(const char *text, size_t len, size_t max, struct json_cut *cut, json_t **ret,
	struct err *e);

int jread_fail(const struct jread *r, const struct jnode *n, const char *fmt, ...)
	printf_like(3, 4);
/* "process.user.uid" into out; returns out */
char *jread_path(const struct jnode *n, char *out, size_t size);

/* Each: 1 when present, 0 when absent (nothing is written), negative when the type is wrong. */
int jread_object(const struct jread *r, const struct jnode *n, const char *key, struct jnode *ret);
int jread_array(const struct jread *r, const struct jnode *n, const char *key, struct jnode *ret);
int jread_str(const struct jread *r, const struct jnode *n, const char *key, const char **ret);
int jread_bool(const struct jread *r, const struct jnode *n, const char *key, bool *ret);
int jread_int(const struct jread *r, const struct jnode *n, const char *key, int64_t min,
	int64_t max, int64_t *ret);
int jread_u32(const struct jread *r, const struct jnode *n, const char *key, uint32_t *ret);
int jread_u64(const struct jread *r, const struct jnode *n, const char *key, uint64_t *ret);
int jread_limit(const struct jread *r, const struct jnode *n, const char *key,
	struct runtime_i64 *ret); /* any number; unsigned ones beyond INT64_MAX become -1 */
int jread_strings(
	const struct jread *r, const struct jnode *n, const char *key, struct runtime_strings *ret);
/* An object of strings (numbers and booleans are refused) */
int jread_pairs(
	const struct jread *r, const struct jnode *n, const char *key, struct runtime_pairs *ret);
/* Element i of array n */
struct jnode jread_at(const struct jnode *n, size_t i);
/* As jread_at, and it must be an object */
int jread_object_at(const struct jread *r, const struct jnode *n, size_t i, struct jnode *ret);
/* An array of objects as a counted list in the arena: `read` fills one item (zeroed before) of
 * `size` bytes from one object. `ret` is the address of the list's pointer (struct x **). */
int jread_objects(const struct jread *r, const struct jnode *n, const char *key, size_t size,
	int (*read)(const struct jread *r, const struct jnode *n, void *item), void *ret,
	size_t *ret_n);

/* parts of config.c */
int config_read_process(const struct jread *r, const struct jnode *n, struct runtime_process *p);
int config_read_mounts(const struct jread *r, const struct jnode *root, struct runtime_config *c);
/* uidMappings, gidMappings (of linux and of a mount) */
int config_read_id_maps(const struct jread *r, const struct jnode *n, const char *key,
	struct runtime_id_map **ret, size_t *ret_n);
int config_read_linux(const struct jread *r, const struct jnode *n, struct runtime_config *c);
int config_read_resources(
	const struct jread *r, const struct jnode *n, struct runtime_resources *res);
/* config_sched.c; each reads one member of the object, 0 when it is absent */
int config_read_scheduler(const struct jread *r, const struct jnode *n, struct runtime_process *p);
int config_read_io_priority(
	const struct jread *r, const struct jnode *n, struct runtime_process *p);
int config_read_affinity(const struct jread *r, const struct jnode *n, struct runtime_process *p);
int config_read_personality(const struct jread *r, const struct jnode *n, struct runtime_config *c);
int config_read_memory_policy(
	const struct jread *r, const struct jnode *n, struct runtime_config *c);
/* propagation words: "rslave" → MS_SLAVE | MS_REC; 0 when it is none */
unsigned long config_propagation(const char *word);
