/* Time and its texts; see the header. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t fixed_now;

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;
	clock_gettime(id, &ts);
	return ts.tv_sec * CLOCK_NS_PER_S + ts.tv_nsec;
}

int64_t clock_now(void)
{
	return fixed_now ? fixed_now : read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void clock_fix(int64_t ns)
{
	fixed_now = ns;
}

char *clock_format(int64_t ns, char out[CLOCK_TEXT_MAX])
{
	int64_t s = ns / CLOCK_NS_PER_S, frac = ns % CLOCK_NS_PER_S;
	if (frac < 0) {
		frac += CLOCK_NS_PER_S;
		s--;
	}
	struct tm tm;
	time_t t = (time_t)s;
	gmtime_r(&t, &tm);
	size_t n = strftime(out, CLOCK_TEXT_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	if (frac)
		n += (size_t)snprintf(out + n, CLOCK_TEXT_MAX - n, ".%09lld", (long long)frac);
	snprintf(out + n, CLOCK_TEXT_MAX - n, "Z");
	return out;
}

/* n digits at *s as a number; *s moves on. -1: not digits. */
static int digits(const char **s, int n)
{
	int v = 0;
	for (; n; n--, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		v = v * 10 + (**s - '0');
	}
	return v;
}

static int parse_offset(const char **s, int *ret_seconds)
{
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		*ret_seconds = 0;
		return 0;
	}
	if (**s != '+' && **s != '-')
		return -EINVAL;
	int sign = *(*s)++ == '-' ? -1 : 1;
	int h = digits(s, 2);
	if (h < 0 || *(*s)++ != ':')
		return -EINVAL;
	int m = digits(s, 2);
	if (m < 0)
		return -EINVAL;
	*ret_seconds = sign * (h * 3600 + m * 60);
	return 0;
}

int clock_parse(const char *s, int64_t *ret_ns)
{
	static const char separators[] = "--T::";
	int v[6], widths[6] = {4, 2, 2, 2, 2, 2};
	for (int i = 0; i < 6; i++) {
		v[i] = digits(&s, widths[i]);
		if (v[i] < 0)
			return -EINVAL;
		if (i < 5 && *s != separators[i] && !(i == 2 && (*s == 't' || *s == ' ')))
			return -EINVAL;
		if (i < 5)
			s++;
	}
	int64_t frac = 0, unit = CLOCK_NS_PER_S / 10;
	if (*s == '.')
		for (s++; *s >= '0' && *s <= '9'; s++, unit /= 10)
			frac += (*s - '0') * unit;
	int offset;
	if (parse_offset(&s, &offset) < 0 || *s || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31)
		return -EINVAL;
	struct tm tm = {.tm_year = v[0] - 1900,
		.tm_mon = v[1] - 1,
		.tm_mday = v[2],
		.tm_hour = v[3],
		.tm_min = v[4],
		.tm_sec = v[5]};
	int64_t ns;
	if (__builtin_mul_overflow((int64_t)timegm(&tm) - offset, CLOCK_NS_PER_S, &ns) ||
		__builtin_add_overflow(ns, frac, &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

char *clock_format_span(int64_t span_ns, char out[CLOCK_TEXT_MAX])
{
	static const struct {
		const char *one, *many;
		int64_t seconds, until; /* this unit is used below `until` seconds */
	} units[] = {
		{"second", "seconds", 1, 60},
		{"minute", "minutes", 60, 3600},
		{"hour", "hours", 3600, 48 * 3600},
		{"day", "days", 86400, 14 * 86400},
		{"week", "weeks", 7 * 86400, 60 * 86400LL},
		{"month", "months", 30 * 86400LL, 730 * 86400LL},
		{"year", "years", 365 * 86400LL, INT64_MAX},
	};
	int64_t s = span_ns < 0 ? 0 : span_ns / CLOCK_NS_PER_S;
	size_t u = 0;
	if (s < 1) {
		snprintf(out, CLOCK_TEXT_MAX, "Less than a second");
		return out;
	}
	while (s >= units[u].until)
		u++;
	int64_t n = s / units[u].seconds;
	if (n == 1 && (u == 1 || u == 2))
		snprintf(out, CLOCK_TEXT_MAX, "About %s", u == 1 ? "a minute" : "an hour");
	else
		snprintf(out, CLOCK_TEXT_MAX, "%lld %s", (long long)n,
			n == 1 ? units[u].one : units[u].many);
	return out;
}

char *clock_format_ago(int64_t ns, int64_t now, char out[CLOCK_TEXT_MAX])
{
	clock_format_span(now - ns, out);
	size_t n = strlen(out);
	snprintf(out + n, CLOCK_TEXT_MAX - n, " ago");
	return out;
}
