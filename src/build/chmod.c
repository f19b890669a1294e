/* Modes from octal digits or from symbols. */
#include "build/chmod.h"
#include "base/err.h"
#include "base/str.h"

#include <string.h>
#include <sys/stat.h>

static uint32_t bits_of(char c, uint32_t mode)
{
	switch (c) {
	case 'r':
		return 0444;
	case 'w':
		return 0222;
	case 'x':
		return 0111;
	case 'X':
		return S_ISDIR(mode) || (mode & 0111) ? 0111 : 0;
	case 's':
		return 06000;
	case 't':
		return 01000;
	default:
		return UINT32_MAX;
	}
}

/* One clause, "ug+rw": the new bits, or UINT32_MAX. */
static uint32_t clause(const char *p, size_t len, uint32_t mode)
{
	uint32_t who = 0, bits = mode & 07777;
	size_t i = 0;
	for (; i < len && strchr("ugoa", p[i]); i++)
		who |= p[i] == 'u' ? 04700 : p[i] == 'g' ? 02070 : p[i] == 'o' ? 01007 : 07777;
	if (!who)
		who = 07777;
	if (i == len)
		return UINT32_MAX;
	while (i < len) {
		char op = p[i++];
		if (!strchr("+-=", op))
			return UINT32_MAX;
		uint32_t change = 0;
		for (; i < len && !strchr("+-=", p[i]); i++) {
			uint32_t b = bits_of(p[i], mode);
			if (b == UINT32_MAX)
				return UINT32_MAX;
			change |= b;
		}
		change &= who | (who == 07777 ? 0 : 01000 & change);
		if (op == '=')
			bits = (bits & ~(who & 0777)) | change;
		else
			bits = op == '+' ? bits | change : bits & ~change;
	}
	return bits;
}

static uint32_t apply(const char *spec, uint32_t mode)
{
	uint64_t octal;
	if (str_parse_u64(spec, 8, &octal) == 0)
		return octal <= 07777 ? (uint32_t)octal : UINT32_MAX;
	if (!*spec)
		return UINT32_MAX;
	uint32_t type = mode & S_IFMT, bits = mode & 07777;
	for (const char *p = spec;; p++) {
		size_t len = strcspn(p, ",");
		bits = clause(p, len, type | bits);
		if (bits == UINT32_MAX || !p[len])
			return bits;
		p += len;
	}
}

int build_chmod_check(const char *spec, struct err *e)
{
	if (apply(spec, S_IFREG | 0644) != UINT32_MAX)
		return 0;
	int r = err_set(e, ERR_SYNTAX, "--chmod=%s is no mode", spec);
	err_hint(e, "use octal digits (755) or symbols (u=rwX,go=rX)");
	return r;
}

uint32_t build_chmod_apply(const char *spec, uint32_t mode)
{
	return apply(spec, mode);
}
