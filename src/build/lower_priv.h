/* Shared by lower.c (stages, scopes) and lower_step.c (instructions). */
#pragma once

#include "build/lower.h"
#include "dockerfile/expand.h"
#include "dockerfile/stages.h"

enum build_lower_state {
	LOWER_UNTOUCHED,
	LOWER_ACTIVE, /* being lowered: meeting it again is a cycle */
	LOWER_DONE,
};

struct lower_stage {
	enum build_lower_state state;
	struct strv args;     /* NAME=VALUE: declared, with a value */
	struct strv declared; /* names declared, with or without a value */
	bool cmd_set;         /* CMD came after FROM */
	size_t cap;           /* of the graph stage's steps */
};

struct lower {
	const struct build_lower_options *o;
	const struct dockerfile_stages *stages;
	struct build_graph *g;
	struct lower_stage *st;
	struct strv globals;   /* NAME=VALUE: ARGs above the first FROM */
	struct strv platforms; /* NAME=VALUE: automatic platform ARGs */
	struct strv path;      /* labels of the stages being lowered, for the cycle's error */
	unsigned depth;
};

/* Where words find their variables. */
struct lower_scope {
	const struct strv *env;  /* first; or NULL */
	const struct strv *args; /* then these */
	const struct strv *more; /* then these; or NULL */
};
const char *lower_scope_lookup(void *scope, const char *name);

/* The stage becomes complete, with all that it needs. span/file: who asks. */
int lower_stage_need(
	struct lower *l, size_t index, const struct dockerfile_instruction *who, struct err *e);
/* The image that name means; suggestions of stages in the error. */
int lower_image(struct lower *l, const char *name, const struct dockerfile_instruction *who,
	struct dockerfile_span span, const struct oci_platform *want,
	const struct build_image **ret, struct err *e);
/* Appends a step; the pointer is good until the next one. */
struct build_step *lower_step_new(
	struct lower *l, size_t stage, enum build_op op, const struct dockerfile_instruction *in);
/* One instruction of a stage, or of a trigger. */
int lower_instruction(
	struct lower *l, size_t stage, const struct dockerfile_instruction *in, struct err *e);
void lower_warn(struct lower *l, const struct dockerfile_instruction *in, const char *fmt, ...)
	printf_like(3, 4);
const char *lower_build_arg(const struct lower *l, const char *name); /* --build-arg, or NULL */
/* ARG instruction: each name into `args` and `declared` */
int lower_arg(struct lower *l, size_t stage, const struct dockerfile_instruction *in,
	struct strv *used, struct strv *undefined, struct err *e);
