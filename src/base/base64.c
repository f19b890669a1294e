/* Base64; see the header. */
#include "base/base64.h"
#include "base/buf.h"

#include <errno.h>
#include <string.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int base64_encode(const void *p, size_t len, struct buf *out)
{
	const uint8_t *in = p;
	for (size_t i = 0; i < len; i += 3) {
		size_t n = MIN(len - i, (size_t)3);
		uint32_t v = (uint32_t)in[i] << 16 | (n > 1 ? (uint32_t)in[i + 1] << 8 : 0) |
			     (n > 2 ? in[i + 2] : 0);
		char four[4] = {alphabet[v >> 18], alphabet[v >> 12 & 63],
			n > 1 ? alphabet[v >> 6 & 63] : '=', n > 2 ? alphabet[v & 63] : '='};
		int r = buf_add(out, four, 4);
		if (r < 0)
			return r;
	}
	return 0;
}

int base64_decode(const char *text, size_t len, struct buf *out)
{
	for (int padding = 0; len && padding < 2 && text[len - 1] == '='; padding++)
		len--;
	if (len % 4 == 1)
		return -EINVAL;
	uint32_t v = 0;
	size_t bits = 0;
	for (size_t i = 0; i < len; i++) {
		const char *at = text[i] ? strchr(alphabet, text[i]) : NULL;
		if (!at)
			return -EINVAL;
		v = v << 6 | (uint32_t)(at - alphabet);
		bits += 6;
		if (bits < 8)
			continue;
		bits -= 8;
		int r = buf_add_char(out, (char)(v >> bits & 255));
		if (r < 0)
			return r;
	}
	return 0;
}
