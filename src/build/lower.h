/*
 * From a Dockerfile's stages to a graph: target and needed stages, scopes of ARG
 * and ENV, ONBUILD triggers of base images, expansion of every word, the config
 * after each step. Pure but for one question, which image a name means.
 *
 * Scopes (Dockerfile reference, "Scope", "Predefined ARGs", "Automatic platform
 * ARGs"): an ARG above the first FROM is seen by FROM lines, and by a stage that
 * declares it again; ENV wins over ARG; a stage built on another one inherits
 * its ARGs; proxies need no ARG and count in no key unless they are declared.
 */
#pragma once

#include "build/graph.h"

struct dockerfile_stages;
struct oci_platform;

struct build_lower_options {
	const struct strv *build_args;   /* NAME=VALUE, or NAME: declared but unset; may be NULL */
	const struct strv *labels;       /* NAME=VALUE for the target's config; may be NULL */
	const char *target;              /* stage name or number; NULL: the last stage */
	const char *os, *arch, *variant; /* TARGETPLATFORM: "linux", "amd64", "" */
	const char *build_arch, *build_variant; /* BUILDPLATFORM's: this host's */
	/* --platform: what images without a platform of their own must be for; NULL: any will do */
	const struct oci_platform *platform;
	enum build_network network; /* for RUN without --network */
	/* The image that name means, for platform want if there is one (NULL: any); it is filled in
	 * place (released by the graph). The error should say where it was looked for. An image for
	 * another platform is an answer, too. */
	int (*image)(void *arg, const char *name, const struct oci_platform *want,
		struct build_image *ret, struct err *e);
	void *arg;
};

/* Errors carry file, line and excerpt: -ERR_SYNTAX, -ERR_NOT_FOUND, -ERR_UNSUPPORTED, -ERR_LIMIT. */
int build_lower(const struct dockerfile_stages *stages, const struct build_lower_options *o,
	struct build_graph **ret, struct err *e) must_check;

/* HTTP_PROXY and its kin, in capitals or small letters. */
bool build_arg_is_proxy(const char *name);
