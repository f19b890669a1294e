/* Between the files of the semantic level: what every reader of an instruction needs. */
#pragma once

#include "dockerfile/instruction.h"

struct err;

/* One node being read */
struct dockerfile_reading {
	const struct dockerfile *file;
	const struct dockerfile_node *node;
	struct arena *arena;
	struct dockerfile_instruction *in; /* zeroed, but for kind, file and node */
	struct err *e;
};

struct dockerfile_flag_rule {
	const char *name;
	struct dockerfile_token *ret_value; /* NULL: known, but refused */
};

#define dockerfile_reading_error(r, span, code, ...) \
	dockerfile_error((r)->file, (span), (r)->e, (code), __VA_ARGS__)

/* Sorts the node's flags into the rules. Refused: unknown ones, a second one, none or an empty
 * value, and those that kist does not know how to do yet. */
int dockerfile_flags_read(
	struct dockerfile_reading *r, const struct dockerfile_flag_rule *rules, size_t n);

int dockerfile_run_read(struct dockerfile_reading *r);
int dockerfile_copy_read(struct dockerfile_reading *r);
int dockerfile_health_read(struct dockerfile_reading *r);
int dockerfile_onbuild_read(struct dockerfile_reading *r);

/* ADD of something that is fetched: -ERR_UNSUPPORTED */
int dockerfile_copy_check_source(const struct dockerfile *file, enum dockerfile_kind kind,
	const struct dockerfile_token *path, struct err *e);
