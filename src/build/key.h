/*
 * Cache keys from named inputs. A step's inputs are a list of names and values;
 * the key is a digest over all of them; the list itself is stored beside the
 * result, so that the next miss can say which input differs, and how.
 *
 * Names: "instruction", "parent", "arg:NAME", "env:NAME", "user", "workdir",
 * "shell", "network", "file:PATH", "files" (a manifest: build/manifest.h),
 * "from", "image", "epoch". Pure.
 */
#pragma once

#include "base/defs.h"
#include "store/store.h"

struct buf;
struct err;
struct strv;

struct build_input {
	char *name, *value;
};

struct build_inputs {
	struct build_input *v;
	size_t n, cap;
};
#define BUILD_INPUTS_INIT  \
	{                  \
		NULL, 0, 0 \
	}
void build_inputs_release(struct build_inputs *in);
#define cleanup_build_inputs cleanup(build_inputs_release)

/* A name may be added once. */
void build_inputs_add(struct build_inputs *in, const char *name, const char *value);
void build_inputs_addf(struct build_inputs *in, const char *name, const char *fmt, ...)
	printf_like(3, 4);
const char *build_inputs_get(const struct build_inputs *in, const char *name); /* NULL: absent */
/* The digest of all inputs; their order does not count. Sorts the list by name. */
void build_inputs_key(struct build_inputs *in, char ret[STORE_DIGEST_MAX]);
/* A JSON object, sorted by name; the caller frees it. */
char *build_inputs_format(struct build_inputs *in) must_check;
int build_inputs_parse(const char *json, struct build_inputs *ret, struct err *e);

/*
 * What differs, as sentences for people, appended to why: all of it, in a fixed order (instruction,
 * arguments, environment, files, parent). parent: how to call the parent step ("parent step 3",
 * "base image x"). Inputs in `skip` (may be NULL) are not compared: they are not known yet. The
 * difference of "files" is left to the caller, who has the manifests: returns true when it differs.
 */
bool build_inputs_compare(const struct build_inputs *was, const struct build_inputs *is,
	const char *parent, const struct strv *skip, struct strv *why);
/* "sha256 1f3a… → 9a07…" from two digests (with or without "sha256:") */
char *build_digest_change(const char *was, const char *is) must_check;
