/*
 * JSON from outside, read with care: size and depth are bounded before the
 * parser sees the bytes, a key that occurs twice is an error (two readers would
 * see two documents), bytes after the document too. Errors name the place as a
 * JSON path.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

#include <jansson.h>

struct buf;
struct err;

static inline void oci_json_cleanup(json_t **p)
{
	json_decref(*p);
}
#define cleanup_json cleanup(oci_json_cleanup)

/* what: "image config", for errors. The root must be an object or an array. Caller decrefs. */
int oci_json_parse(const char *bytes, size_t len, size_t max, const char *what, json_t **ret,
	struct err *e) must_check;
/* Deterministic bytes: compact, keys in the order in which they were set, '/' not escaped. */
void oci_json_format(const json_t *doc, struct buf *out);

/* Members of an object, with the type checked. Absent and null: 0 and *ret is untouched; there: 1;
 * another type: -ERR_FORMAT with "where.key: expected ...". Strings and objects are borrowed. */
int oci_json_string(json_t *o, const char *where, const char *key, const char **ret, struct err *e);
int oci_json_i64(json_t *o, const char *where, const char *key, int64_t *ret, struct err *e);
int oci_json_bool(json_t *o, const char *where, const char *key, bool *ret, struct err *e);
int oci_json_object(json_t *o, const char *where, const char *key, json_t **ret, struct err *e);
int oci_json_array(json_t *o, const char *where, const char *key, json_t **ret, struct err *e);
/* A list of strings, appended to ret; null entries are an error. 1 when it is there, even empty. */
int oci_json_strings(
	json_t *o, const char *where, const char *key, struct strv *ret, struct err *e);
/* An object of strings as NAME=VALUE, in the document's order. */
int oci_json_map(json_t *o, const char *where, const char *key, struct strv *ret, struct err *e);
/* An object as a set (docker's Volumes, ExposedPorts): its keys. An array of strings is taken too. */
int oci_json_set(json_t *o, const char *where, const char *key, struct strv *ret, struct err *e);

/* New values, the caller's. */
/* A string; bytes that are not UTF-8 become U+FFFD, since JSON cannot hold them. */
json_t *oci_json_text(const char *s) must_check;
json_t *oci_json_from_strings(const struct strv *s) must_check;
json_t *oci_json_from_map(const struct strv *s) must_check; /* NAME=VALUE, sorted by name */
json_t *oci_json_from_set(const struct strv *s) must_check; /* {"name": {}}, sorted */
