/*
 * The semantic level: a node of the tree as a typed instruction, with its
 * arity, flags and values checked. What is wrong is an error with a position
 * (ERR_SYNTAX); what Dockerfiles know but kist does not do yet is refused by
 * name (ERR_UNSUPPORTED), never ignored.
 *
 * An instruction borrows from the file and from the arena that is given: it
 * needs no release of its own. A token with text NULL is absent.
 */
#pragma once

#include "base/defs.h"
#include "dockerfile/parse.h"

struct arena;
struct dockerfile_expander;
struct err;

struct dockerfile_pair {
	struct dockerfile_token name;
	struct dockerfile_token value; /* text NULL: ARG without a default */
};

struct dockerfile_from {
	struct dockerfile_token base; /* image, stage or "scratch" */
	struct dockerfile_token platform;
	struct dockerfile_token name; /* lower-cased */
};

struct dockerfile_copy_source {
	struct dockerfile_token path;             /* or the heredoc's name: a file in the image */
	const struct dockerfile_heredoc *heredoc; /* NULL for a path */
	struct dockerfile_token content;          /* of a heredoc; expanded if it asks for it */
};

/* COPY and ADD */
struct dockerfile_copy {
	struct dockerfile_token from; /* COPY only: stage name, number or image */
	struct dockerfile_token chown;
	struct dockerfile_token chmod;
	struct dockerfile_copy_source *sources; /* at least one */
	size_t nsources;
	struct dockerfile_token dest;
};

/* CMD, ENTRYPOINT, SHELL (always exec) and the command of a HEALTHCHECK */
struct dockerfile_command {
	bool exec;                     /* JSON: run args as they are; else args[0] for the shell */
	struct dockerfile_token *args; /* none: `CMD []` resets */
	size_t nargs;
};

enum dockerfile_run_form {
	DOCKERFILE_RUN_EXEC,  /* args */
	DOCKERFILE_RUN_SHELL, /* script is the last argument of SHELL (heredocs put back into it) */
	DOCKERFILE_RUN_SCRIPT, /* the same; script is the body of a single heredoc */
	DOCKERFILE_RUN_FILE,   /* that body begins with "#!": a file to execute, named file_name */
};

enum dockerfile_network {
	DOCKERFILE_NETWORK_DEFAULT,
	DOCKERFILE_NETWORK_NONE,
	DOCKERFILE_NETWORK_HOST,
};

struct dockerfile_run {
	enum dockerfile_run_form form;
	struct dockerfile_token *args;
	size_t nargs;
	struct dockerfile_token script;
	const char *file_name;
	enum dockerfile_network network;
};

struct dockerfile_health {
	bool none; /* HEALTHCHECK NONE */
	struct dockerfile_command command;
	int64_t interval; /* nanoseconds; 0: not given, inherit */
	int64_t timeout;
	int64_t start_period;
	int64_t start_interval;
	int retries; /* 0: not given */
};

struct dockerfile_onbuild {
	struct dockerfile_token expression; /* what the image config stores: heredocs included */
	const struct dockerfile_node *trigger;
};

struct dockerfile_list {
	struct dockerfile_token *items;
	size_t n;
};

struct dockerfile_pairs {
	struct dockerfile_pair *items;
	size_t n;
};

struct dockerfile_instruction {
	enum dockerfile_kind kind;
	const struct dockerfile *file;
	const struct dockerfile_node *node;
	union {
		struct dockerfile_from from;
		struct dockerfile_pairs pairs; /* ARG, ENV, LABEL */
		struct dockerfile_copy copy;   /* COPY, ADD */
		struct dockerfile_run run;
		struct dockerfile_command command; /* CMD, ENTRYPOINT, SHELL */
		struct dockerfile_list words;      /* EXPOSE, VOLUME */
		struct dockerfile_token text;      /* WORKDIR, USER, STOPSIGNAL, MAINTAINER */
		struct dockerfile_health health;
		struct dockerfile_onbuild onbuild;
	};
};

/* node: of file. Unknown keywords are refused here, with the one probably meant as a hint. */
int dockerfile_instruction_read(const struct dockerfile *file, const struct dockerfile_node *node,
	struct arena *a, struct dockerfile_instruction *ret_in, struct err *e);

/*
 * A copy of in with everything expanded that the reference expands: FROM (base,
 * platform), ARG, ENV, LABEL, COPY and ADD (--chown, --chmod, sources,
 * destination, heredocs whose name is not quoted), EXPOSE (may become several
 * words), VOLUME, WORKDIR, USER, STOPSIGNAL. RUN, CMD, ENTRYPOINT, SHELL,
 * HEALTHCHECK, MAINTAINER and ONBUILD come back as they are. All values are
 * taken before the instruction takes effect: `ENV a=1 b=$a` uses the old a. ARG
 * differs: each of its names sees those before it, and a default that --build-arg
 * replaces is not looked at; use dockerfile_pair_expand, one pair after the other.
 * x->escape should be file->escape; x->flags are ignored.
 */
int dockerfile_instruction_expand(const struct dockerfile_instruction *in,
	const struct dockerfile_expander *x, struct arena *a, struct dockerfile_instruction *ret_in,
	struct err *e);
/* Pair i of ARG, ENV or LABEL alone */
int dockerfile_pair_expand(const struct dockerfile_instruction *in, size_t i,
	const struct dockerfile_expander *x, struct arena *a, struct dockerfile_pair *ret_pair,
	struct err *e);
bool dockerfile_kind_expands(enum dockerfile_kind kind);

/* An expanded word of EXPOSE: "80", "80/udp", "8000-8010/tcp". */
struct dockerfile_port {
	uint16_t first;
	uint16_t last;
	char proto[8]; /* "tcp", "udp" or "sctp" */
};
int dockerfile_port_parse(const char *word, struct dockerfile_port *ret_port, struct err *e);
