/*
 * The sources of a COPY or ADD, found: wildcards matched, links followed inside
 * the root, everything below directories listed.
 */
#pragma once

#include "build/graph.h"
#include "build/tree.h"

struct build_context;
struct build_inputs;
struct buf;
struct err;

/* One thing to be copied: a file, or the contents of a directory. */
struct build_match {
	size_t first, end; /* its entries in tree: itself, then what is below */
	char *name; /* its last component, as it was asked for: the name at the destination */
	bool is_dir;
	size_t source;                           /* index of the source that matched */
	const struct build_copy_source *heredoc; /* then there are no entries */
};

struct build_sources {
	struct build_tree tree;
	struct build_match *v;
	size_t n, cap;
	int rootfd; /* borrowed */
};
#define BUILD_SOURCES_INIT             \
	{                              \
		BUILD_TREE_INIT, NULL, \
	}
void build_sources_release(struct build_sources *s);
#define cleanup_build_sources cleanup(build_sources_release)

struct build_source_options {
	int rootfd;                          /* the context, or a mounted image; borrowed */
	const struct build_context *context; /* its ignore rules and errors; NULL: an image */
	const volatile sig_atomic_t *stop;
};

/* Finds all sources of step's copy. A source that matches nothing is an error with file and line,
 * which names the ignore rule that hides it, if one does. Files of a context belong to 0:0. */
int build_sources_find(const struct build_step *step, const struct build_source_options *o,
	struct build_sources *ret, struct err *e);

/* ---- what they are, for the cache ---- */

/*
 * The manifest: for every entry a type ('f' file, 'd' directory, 'l' link, 'o' other), the mode,
 * the digest or the link's text, the owner when it is not 0:0, and the path. Digests must have been filled in.
 */
void build_manifest_hash(const struct build_sources *s, char ret[72]);
void build_manifest_format(const struct build_sources *s, struct buf *out);
/* Few files are named one by one ("file:PATH"), many through their manifest ("files"). */
void build_sources_inputs(const struct build_sources *s, struct build_inputs *in);
/* Appends to why what differs between two manifests. -ERR_FORMAT: one is damaged. */
int build_manifest_compare(
	const struct buf *was, const struct buf *is, struct strv *why, struct err *e);
