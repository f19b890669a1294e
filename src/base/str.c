/* Questions about strings and numbers with units; see the header. */
#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool str_eq(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool str_starts(const char *s, const char *prefix)
{
	return s && strncmp(s, prefix, strlen(prefix)) == 0;
}

bool str_ends(const char *s, const char *suffix)
{
	size_t n = s ? strlen(s) : 0, m = strlen(suffix);
	return s && n >= m && strcmp(s + n - m, suffix) == 0;
}

bool str_empty(const char *s)
{
	return !s || !*s;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'Z')
		return c - 'A' + 10;
	return 255;
}

int str_parse_u64(const char *s, int base, uint64_t *ret_value)
{
	uint64_t v = 0;
	if (str_empty(s))
		return -EINVAL;
	for (; *s; s++) {
		int d = digit_value(*s);
		if (d >= base)
			return -EINVAL;
		if (__builtin_mul_overflow(v, (uint64_t)base, &v) ||
			__builtin_add_overflow(v, (uint64_t)d, &v))
			return -ERANGE;
	}
	*ret_value = v;
	return 0;
}

int str_parse_i64(const char *s, int64_t *ret_value)
{
	uint64_t v;
	bool negative = s && *s == '-';
	int r = str_parse_u64(negative ? s + 1 : s, 10, &v);
	if (r < 0)
		return r;
	if (v > (uint64_t)INT64_MAX)
		return -ERANGE;
	*ret_value = negative ? -(int64_t)v : (int64_t)v;
	return 0;
}

/* A decimal fraction "12.5" at *s as a double; *s moves behind it. */
static int parse_decimal(const char **s, double *ret_value)
{
	const char *p = *s;
	double v = 0, scale = 1;
	bool any = false;
	for (; *p >= '0' && *p <= '9'; p++, any = true)
		v = v * 10 + (*p - '0');
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, any = true)
			v += (*p - '0') * (scale /= 10);
	if (!any)
		return -EINVAL;
	*s = p;
	*ret_value = v;
	return 0;
}

int str_parse_size(const char *s, uint64_t *ret_bytes)
{
	static const char units[] = "bkmgtp";
	double v;
	if (str_empty(s) || parse_decimal(&s, &v) < 0)
		return -EINVAL;
	while (*s == ' ')
		s++;
	char unit = *s ? (char)(*s | 0x20) : 'b';
	const char *u = strchr(units, unit);
	if (!u)
		return -EINVAL;
	if (*s)
		s++;
	if (unit != 'b' && (*s | 0x20) == 'i')
		s++;
	if (unit != 'b' && (*s | 0x20) == 'b')
		s++;
	if (*s)
		return -EINVAL;
	for (; u > units; u--)
		v *= 1024;
	if (v >= 9.2e18)
		return -ERANGE;
	*ret_bytes = (uint64_t)v;
	return 0;
}

int str_parse_duration(const char *s, int64_t *ret_ns)
{
	static const struct {
		const char *name;
		double ns;
	} units[] = {{"ns", 1}, {"us", 1e3}, {"\xc2\xb5s", 1e3}, {"ms", 1e6}, {"s", 1e9},
		{"m", 60e9}, {"h", 3600e9}};
	double total = 0;
	if (str_empty(s))
		return -EINVAL;
	if (strcmp(s, "0") == 0) {
		*ret_ns = 0;
		return 0;
	}
	bool negative = *s == '-';
	if (*s == '-' || *s == '+')
		s++;
	do {
		double v;
		size_t i;
		if (parse_decimal(&s, &v) < 0)
			return -EINVAL;
		for (i = 0; i < ARRAY_SIZE(units); i++) {
			size_t len = strlen(units[i].name);
			if (strncmp(s, units[i].name, len) == 0 &&
				!(len == 1 && units[i].name[0] == 'm' && s[1] == 's'))
				break;
		}
		if (i == ARRAY_SIZE(units))
			return -EINVAL;
		total += v * units[i].ns;
		s += strlen(units[i].name);
	} while (*s);
	if (total >= 9.2e18)
		return -ERANGE;
	*ret_ns = (int64_t)(negative ? -total : total);
	return 0;
}

char *str_format_size(uint64_t bytes, char *out, size_t size)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double v = (double)bytes;
	size_t u = 0;
	for (; v >= 999.5 && u + 1 < ARRAY_SIZE(units); u++)
		v /= 1000;
	if (u == 0)
		snprintf(out, size, "%llu B", (unsigned long long)bytes);
	else
		snprintf(out, size,
			v < 9.995   ? "%.2f %s"
			: v < 99.95 ? "%.1f %s"
				    : "%.0f %s",
			v, units[u]);
	return out;
}

size_t str_distance(const char *a, const char *b, size_t max)
{
	enum { LONGEST = 64 };
	size_t n = strlen(a), m = strlen(b), row[LONGEST + 1];
	if (n > LONGEST || m > LONGEST || (n > m ? n - m : m - n) > max)
		return max + 1;
	for (size_t j = 0; j <= m; j++)
		row[j] = j;
	for (size_t i = 1; i <= n; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= m; j++) {
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			best = MIN(best, MIN(row[j], row[j - 1]) + 1);
			diagonal = row[j];
			row[j] = best;
		}
	}
	return MIN(row[m], max + 1);
}

void str_hex(const void *bytes, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;
	for (size_t i = 0; i < len; i++) {
		*out++ = digits[p[i] >> 4];
		*out++ = digits[p[i] & 15];
	}
	*out = 0;
}
