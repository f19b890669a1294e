/* Random identifiers from the kernel. Tests may fix them with a seed. */
#pragma once

#include "base/defs.h"

void random_bytes(void *p, size_t len);
void random_hex(char *out, size_t bytes); /* 2 * bytes lower-case digits and a 0 */
/* From now on a fixed sequence; for tests only. */
void random_fix(uint64_t seed);
