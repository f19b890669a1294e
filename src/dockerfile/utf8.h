/* One character of UTF-8 (RFC 3629): no overlong forms, no surrogates. */
#pragma once

#include "base/defs.h"

/* Its length, 1 to 4, or 0 when p does not begin with a character. len: bytes there are. */
size_t utf8_decode(const char *p, size_t len, uint32_t *ret_char);
