/* --chmod of COPY and ADD: octal, or chmod(1)'s symbols. Pure. */
#pragma once

#include "base/defs.h"

struct err;

/* "755", "u=rwX,go=rX": checks it. -ERR_SYNTAX. */
int build_chmod_check(const char *spec, struct err *e);
/* The permission bits of a file that has `mode` (with type bits). spec must be valid. */
uint32_t build_chmod_apply(const char *spec, uint32_t mode);
