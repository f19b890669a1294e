/* Random bytes; see the header. */
#include "base/random.h"
#include "base/str.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t fixed_state; /* 0: the kernel's randomness */

void random_fix(uint64_t seed)
{
	fixed_state = seed ? seed : 1;
}

/* xorshift64: any sequence will do for a test */
static uint8_t next_fixed(void)
{
	fixed_state ^= fixed_state << 13;
	fixed_state ^= fixed_state >> 7;
	fixed_state ^= fixed_state << 17;
	return (uint8_t)fixed_state;
}

void random_bytes(void *p, size_t len)
{
	uint8_t *c = p;
	for (size_t i = 0; fixed_state && i < len; i++)
		c[i] = next_fixed();
	while (!fixed_state && len) {
		ssize_t n = getrandom(c, len, 0);
		if (n < 0 && errno != EINTR)
			abort();
		if (n > 0) {
			c += n;
			len -= (size_t)n;
		}
	}
}

void random_hex(char *out, size_t bytes)
{
	uint8_t raw[64];
	while (bytes) {
		size_t n = MIN(bytes, sizeof(raw));
		random_bytes(raw, n);
		str_hex(raw, n, out);
		out += 2 * n;
		bytes -= n;
	}
}
