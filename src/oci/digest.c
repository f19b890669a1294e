/* The text form of a digest: checks and small conversions. No hashing here. */
#include "oci/digest.h"

#include "base/err.h"
#include "base/str.h"

#include <string.h>

#define DIGEST_PREFIX     "sha256:"
#define DIGEST_PREFIX_LEN (sizeof(DIGEST_PREFIX) - 1)

static bool digest_is_hex(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
			return false;
	return true;
}

static bool digest_valid_n(const char *s, size_t len)
{
	return len == OCI_DIGEST_MAX - 1 && !memcmp(s, DIGEST_PREFIX, DIGEST_PREFIX_LEN) &&
	       digest_is_hex(s + DIGEST_PREFIX_LEN, len - DIGEST_PREFIX_LEN);
}

bool oci_digest_valid(const char *s)
{
	return s && digest_valid_n(s, strnlen(s, OCI_DIGEST_MAX));
}

int oci_digest_parse(
	const char *s, size_t len, const char *what, char ret[OCI_DIGEST_MAX], struct err *e)
{
	if (digest_valid_n(s, len)) {
		memcpy(ret, s, len);
		ret[len] = 0;
		return 0;
	}
	int shown = (int)MIN(len, 80);
	if ((len > 7 && !memcmp(s, "sha512:", 7)) || (len > 7 && !memcmp(s, "blake3:", 7)))
		return err_set(e, ERR_UNSUPPORTED, "%s: digest '%.*s': only sha256 is supported",
			what, shown, s);
	return err_set(e, ERR_FORMAT,
		"%s: '%.*s' is not a digest (sha256: and 64 lower-case hexadecimal digits)", what,
		shown, s);
}

void oci_digest_from_hex(const char *hex, char ret[OCI_DIGEST_MAX])
{
	memcpy(ret, DIGEST_PREFIX, DIGEST_PREFIX_LEN);
	size_t len = MIN(strlen(hex), (size_t)OCI_DIGEST_MAX - 1 - DIGEST_PREFIX_LEN);
	memcpy(ret + DIGEST_PREFIX_LEN, hex, len);
	ret[DIGEST_PREFIX_LEN + len] = 0;
}

const char *oci_digest_hex(const char *s)
{
	return s + DIGEST_PREFIX_LEN;
}

char *oci_digest_short(const char *s, char out[OCI_DIGEST_SHORT])
{
	if (str_starts(s, DIGEST_PREFIX))
		s += DIGEST_PREFIX_LEN;
	size_t len = strnlen(s, OCI_DIGEST_SHORT - 1);
	memcpy(out, s, len);
	out[len] = 0;
	return out;
}

bool oci_digest_equal(const char *a, const char *b)
{
	return str_eq(a, b);
}
