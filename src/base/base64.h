/* Base64 (RFC 4648, section 4: the standard alphabet with padding). */
#pragma once

#include "base/defs.h"

struct buf;

int base64_encode(const void *p, size_t len, struct buf *out);
/* The whole text must be base64; padding may be missing, nothing may follow it. -EINVAL, or what
 * out's maximum says; out may hold a part then. */
int base64_decode(const char *text, size_t len, struct buf *out);
