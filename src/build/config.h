/* Instructions that only change the image's config, applied to it: for a build's stages, and for
 * --change of import and commit. */
#pragma once

#include "base/defs.h"

struct dockerfile_instruction;
struct err;
struct oci_container_config;

/* in: expanded (dockerfile/instruction.h). cmd_set: whether a CMD was given since the config was
 * begun: an ENTRYPOINT drops only a CMD that it inherits. Instructions that change no config (RUN,
 * COPY, ARG, MAINTAINER ...) are 0 and change nothing. */
int build_config_apply(struct oci_container_config *c, const struct dockerfile_instruction *in,
	bool *cmd_set, struct err *e);
