/* Capabilities by name and number, without libcap. */
#pragma once

#include "base/defs.h"

enum { RUNTIME_CAP_COUNT = 41 };

/* "CAP_CHOWN", "chown", any case: the number, or -EINVAL. */
int runtime_cap_parse(const char *name);
/* "CAP_CHOWN"; NULL beyond the last known one. Static storage. */
const char *runtime_cap_name(int cap);
/* The fourteen that docker gives a container. */
uint64_t runtime_caps_default(void);
/* All that the running kernel knows. */
uint64_t runtime_caps_all(void);
