/* Numbers with units, sizes, durations, distances. */
#include "../test.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/buf.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/strv.h"

#include <errno.h>
#include <signal.h>

static void sizes(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		uint64_t bytes;
	} cases[] = {
		{"0", 0, 0},
		{"100", 0, 100},
		{"4096b", 0, 4096},
		{"64m", 0, 64 << 20},
		{"1.5G", 0, 1610612736},
		{"2KiB", 0, 2048},
		{"2kb", 0, 2048},
		{"", -EINVAL, 0},
		{"m", -EINVAL, 0},
		{"1x", -EINVAL, 0},
		{"1mm", -EINVAL, 0},
		{"-1", -EINVAL, 0},
		{"99999999999p", -ERANGE, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t v = 0;
		assert_int_equal(str_parse_size(cases[i].text, &v), cases[i].r);
		assert_int_equal(v, cases[i].bytes);
	}
}

static void durations(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int r;
		int64_t ns;
	} cases[] = {
		{"0", 0, 0},
		{"30s", 0, 30000000000},
		{"1m30s", 0, 90000000000},
		{"500ms", 0, 500000000},
		{"1.5h", 0, 5400000000000},
		{"-5s", 0, -5000000000},
		{"5", -EINVAL, 0},
		{"s", -EINVAL, 0},
		{"1d", -EINVAL, 0},
		{"", -EINVAL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t v = 0;
		assert_int_equal(str_parse_duration(cases[i].text, &v), cases[i].r);
		assert_int_equal(v, cases[i].ns);
	}
}

static void sizes_are_printed_in_decimal_units(void **state)
{
	(void)state;
	char out[32];
	assert_string_equal(str_format_size(0, out, sizeof(out)), "0 B");
	assert_string_equal(str_format_size(999, out, sizeof(out)), "999 B");
	assert_string_equal(str_format_size(1500, out, sizeof(out)), "1.50 kB");
	assert_string_equal(str_format_size(726000000, out, sizeof(out)), "726 MB");
	assert_string_equal(str_format_size(UINT64_MAX, out, sizeof(out)), "18.4 EB");
}

static void distances(void **state)
{
	(void)state;
	assert_int_equal(str_distance("COPY", "COPPY", 2), 1);
	assert_int_equal(str_distance("RUN", "RNU", 2), 2);
	assert_int_equal(str_distance("RUN", "HEALTHCHECK", 2), 3);
}

static void times(void **state)
{
	(void)state;
	char out[CLOCK_TEXT_MAX];
	int64_t t;
	assert_int_equal(clock_parse("2024-01-02T03:04:05.5+01:00", &t), 0);
	assert_string_equal(clock_format(t, out), "2024-01-02T02:04:05.500000000Z");
	assert_int_equal(clock_parse("2024-13-02T03:04:05Z", &t), -EINVAL);
	assert_int_equal(clock_parse("2024-01-02", &t), -EINVAL);
	assert_int_equal(clock_parse("0001-01-01T00:00:00Z", &t), -ERANGE);
	assert_string_equal(clock_format_ago(0, 90 * CLOCK_NS_PER_S, out), "About a minute ago");
	assert_string_equal(clock_format_ago(0, 3 * CLOCK_NS_PER_S, out), "3 seconds ago");
	assert_string_equal(clock_format_ago(0, 5 * 86400 * CLOCK_NS_PER_S, out), "5 days ago");
}

static void signals(void **state)
{
	(void)state;
	assert_int_equal(proc_parse_signal("SIGTERM"), SIGTERM);
	assert_int_equal(proc_parse_signal("term"), SIGTERM);
	assert_int_equal(proc_parse_signal("9"), SIGKILL);
	assert_int_equal(proc_parse_signal("RTMIN+3"), 34 + 3);
	assert_int_equal(proc_parse_signal("SIGRTMAX-1"), 64 - 1);
	assert_int_equal(proc_parse_signal("65"), -EINVAL);
	assert_int_equal(proc_parse_signal("io"), SIGIO);
	assert_int_equal(proc_parse_signal("SIGPOLL"), SIGIO);
	assert_int_equal(proc_parse_signal("CLD"), SIGCHLD);
	assert_int_equal(proc_parse_signal("IOT"), SIGABRT);
	assert_int_equal(proc_parse_signal("SIGNOPE"), -EINVAL);
	assert_int_equal(proc_parse_signal("0"), -EINVAL);
}

static void environment_lists(void **state)
{
	(void)state;
	struct strv env cleanup_strv = STRV_INIT;
	strv_env_set(&env, "A", "1");
	strv_env_set(&env, "AB", "2");
	strv_env_set(&env, "A", "3");
	assert_int_equal(env.n, 2);
	assert_string_equal(env.v[0], "A=3");
	assert_string_equal(strv_env_get(&env, "AB"), "2");
	assert_null(strv_env_get(&env, "B"));
	assert_true(strv_env_unset(&env, "A"));
	assert_int_equal(env.n, 1);
}

static void buffers_stop_at_their_limit(void **state)
{
	(void)state;
	struct buf b cleanup_buf = BUF_INIT_MAX(4);
	assert_int_equal(buf_add_str(&b, "abcd"), 0);
	assert_int_equal(buf_add_char(&b, 'e'), -ERR_LIMIT);
	assert_string_equal(buf_str(&b), "abcd");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sizes),
		cmocka_unit_test(durations),
		cmocka_unit_test(sizes_are_printed_in_decimal_units),
		cmocka_unit_test(distances),
		cmocka_unit_test(times),
		cmocka_unit_test(signals),
		cmocka_unit_test(environment_lists),
		cmocka_unit_test(buffers_stop_at_their_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
