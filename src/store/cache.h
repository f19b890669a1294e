/*
 * The build cache: what a step made, under a key computed from its named inputs.
 * The inputs are kept as text, so that a miss can be explained by comparing with
 * the latest entry of the same step; a collected entry leaves a tombstone.
 */
#pragma once

#include "store/store.h"

struct store_cache_entry {
	char *key;         /* digest of all inputs, the builder's form */
	char *step;        /* identity of the step without its inputs' values: where it stands */
	char *instruction; /* for people */
	char *inputs;      /* JSON object: name of the input -> its value or digest */
	char *diffid;      /* the layer it made; "" when none */
	char *result;      /* JSON, the builder's: config changes, and whatever else */
	int64_t created;   /* filled by put */
	int64_t last_used;
	uint64_t size; /* content of the layer; filled by get */
	/* Set by get and latest when the entry was collected: what took it ("kist prune", ...), and
	 * when. Such an entry has no result any more. */
	char *collected_by;
	int64_t collected;
};
void store_cache_entry_release(struct store_cache_entry *c);
#define cleanup_store_cache_entry cleanup(store_cache_entry_release)

/* Replaces an entry of the same key. Not durable: a crash of the machine only costs a rebuild. */
int store_cache_put(struct store *s, const struct store_cache_entry *c, struct err *e);
/*
 * 1 and the entry (its layer is in the store and not suspect); 0 when there is none that can be
 * used: then ret->collected tells whether there was one. Marks it used (written by store_close or
 * the next put, in one transaction). suspect_too: entries whose layer must be verified count.
 */
int store_cache_get(struct store *s, const char *key, bool suspect_too,
	struct store_cache_entry *ret, struct err *e);
/* 1 and the most recent entry of a step, collected or not; 0 when it was never built here. */
int store_cache_latest(
	struct store *s, const char *step, struct store_cache_entry *ret, struct err *e);

struct store_cache_list {
	struct store_cache_entry *v;
	size_t n;
};
int store_cache_list(struct store *s, struct store_cache_list *ret, struct err *e); /* live ones */
void store_cache_list_release(struct store_cache_list *l);
#define cleanup_store_cache_list cleanup(store_cache_list_release)
/* Turns an entry into a tombstone; its layer goes with the next prune. by: "kist prune" ... */
int store_cache_collect(struct store *s, const char *key, const char *by, struct err *e);
