/* Hooks of a config: programs that get the state document on their standard input. */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

struct err;

/* Runs them one after another in this process's namespaces; the first that fails ends it with
 * -ERR_CHILD. */
int hooks_run(const struct runtime_hooks *h, const char *state, struct err *e);
/* As hooks_run, but a failure is a warning and the rest runs too (poststop). */
void hooks_run_all(const struct runtime_hooks *h, const char *state);
