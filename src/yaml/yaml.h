/*
 * YAML documents as a small tree with line numbers, for files that people write:
 * kist's configuration, lists for `kist sync`. The bytes are not trusted: size,
 * depth and the number of nodes are bounded; aliases, tags and a second document
 * are refused, a key that occurs twice too.
 *
 * libfyaml does the parsing. It is loaded with dlopen by the first call, so a
 * program pays for it only when there is a file to read; without it the call
 * fails with -ERR_UNSUPPORTED, which names the package.
 *
 * Life cycle: `struct yaml_doc d cleanup_yaml = YAML_INIT;`, yaml_parse. Nodes and
 * their texts are borrowed from the document until it is released.
 */
#pragma once

#include "base/arena.h"
#include "base/defs.h"
#include "base/strv.h"

struct err;

enum yaml_kind {
	YAML_SCALAR,
	YAML_LIST,
	YAML_MAP,
};

struct yaml_node {
	enum yaml_kind kind;
	unsigned line;    /* from 1 */
	const char *text; /* of a scalar; never NULL there, no 0 byte inside */
	bool plain;       /* written without quotes: may be a number, a bool, null */
	/* of a list or map: children in the order of the file; a map's have keys */
	struct yaml_node *first, *next;
	const char *key;
	unsigned key_line;
	size_t n;
};

struct yaml_doc {
	struct arena arena;
	const char *name;       /* of the file, for messages */
	struct yaml_node *root; /* NULL: an empty document */
};

#define YAML_INIT                \
	{                        \
		{NULL}, "", NULL \
	}

void yaml_release(struct yaml_doc *d);
#define cleanup_yaml cleanup(yaml_release)

/* name: of the file, copied. Messages begin with "NAME:LINE: ". -ERR_SYNTAX, -ERR_LIMIT. */
int yaml_parse(const char *bytes, size_t len, const char *name, struct yaml_doc *ret,
	struct err *e) must_check;
/* Reads path; its size is bounded. -ENOENT sets e, too. */
int yaml_load(const char *path, struct yaml_doc *ret, struct err *e) must_check;

/* err_set with "NAME:LINE: " before the text. */
int yaml_error(struct err *e, int code, const struct yaml_doc *d, unsigned line, const char *fmt,
	...) printf_like(5, 6);

/* An unquoted null, ~ or nothing. NULL counts, too. */
bool yaml_is_null(const struct yaml_node *n);
/* NULL: absent, or o is no map */
const struct yaml_node *yaml_get(const struct yaml_node *o, const char *key);

/* Typed access. what: the place for messages ("registries.docker.io.insecure"). */
int yaml_bool(const struct yaml_doc *d, const struct yaml_node *n, const char *what, bool *ret,
	struct err *e);
/* borrowed */
int yaml_text(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	const char **ret, struct err *e);
/* A list of texts, or one text; appended. */
int yaml_texts(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	struct strv *ret, struct err *e);
int yaml_expect(const struct yaml_doc *d, const struct yaml_node *n, enum yaml_kind kind,
	const char *what, struct err *e);
/* Refuses keys of a map that are not in the list (NULL-terminated), with what was meant. */
int yaml_known_keys(const struct yaml_doc *d, const struct yaml_node *o, const char *what,
	const char *const *keys, struct err *e);
