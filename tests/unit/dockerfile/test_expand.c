/* Variables and words: the public tables, our own cases, names reported, limits. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/strv.h"
#include "dockerfile/expand.h"

#include <fcntl.h>

static const char *look(void *arg, const char *name)
{
	return strv_env_get(arg, name);
}

static int table_read(const char *name, struct buf *out)
{
	char path[4096];
	struct err e = ERR_INIT;
	const char *data = getenv("KIST_SHARED_DATA");
	snprintf(path, sizeof(path), "%s/dockerfile/%s", data ? data : "", name);
	if (!data || !file_exists(AT_FDCWD, path)) {
		print_message("SKIP: '%s' is not there\n", path);
		return -1;
	}
	assert_ok(file_read(AT_FDCWD, path, out, &e), &e);
	return 0;
}

static char *trim(char *s)
{
	while (*s == ' ' || *s == '\t')
		s++;
	size_t n = strlen(s);
	while (n && strchr(" \t\r", s[n - 1]))
		s[--n] = 0;
	return s;
}

static void test_table_words_single(void **state)
{
	struct buf table cleanup_buf = BUF_INIT;
	struct strv env cleanup_strv = STRV_INIT;
	if (table_read("envVarTest", &table) < 0)
		skip();
	strv_add(&env, "PWD=/home");
	strv_add(&env, "SHELL=bash");
	strv_add(&env, "KOREAN=한국어");
	strv_add(&env, "NULL=");
	struct dockerfile_expander x = {.lookup = look, .arg = &env};
	size_t rows = 0, bad = 0;
	char *rest = table.data, *line;
	while ((line = strsep(&rest, "\n"))) {
		char *kind = trim(strsep(&line, "|"));
		if (!line || (*kind != 'U' && *kind != 'A'))
			continue;
		char *source = trim(strsep(&line, "|"));
		char *expected = trim(line);
		struct err e = ERR_INIT;
		struct buf out cleanup_buf = BUF_INIT;
		rows++;
		int r = dockerfile_expand_word(&x, source, &out, &e);
		const char *got = r < 0 ? "error" : buf_str(&out);
		if (strcmp(got, expected) != 0) {
			print_error("%s: '%s', not '%s' (%s)\n", source, got, expected, e.msg);
			bad++;
		}
	}
	assert_true(rows > 150);
	assert_int_equal(bad, 0);
}

static void test_table_words_split(void **state)
{
	struct buf table cleanup_buf = BUF_INIT;
	struct strv env cleanup_strv = STRV_INIT;
	if (table_read("wordsTest", &table) < 0)
		skip();
	struct dockerfile_expander x = {.lookup = look, .arg = &env};
	size_t rows = 0, bad = 0;
	char *rest = table.data, *line;
	while ((line = strsep(&rest, "\n"))) {
		if (*line == '#' || !*line)
			continue;
		if (strncmp(line, "ENV ", 4) == 0) {
			strv_add(&env, line + 4);
			continue;
		}
		char *source = trim(strsep(&line, "|"));
		while (*line == ' ')
			line++;
		struct err e = ERR_INIT;
		struct strv words cleanup_strv = STRV_INIT;
		rows++;
		if (dockerfile_expand_words(&x, source, &words, &e) < 0)
			strv_add(&words, "error");
		char *got cleanup_free = strv_join(&words, ",");
		if (strcmp(got, line) != 0) {
			print_error("%s: '%s', not '%s'\n", source, got, line);
			bad++;
		}
	}
	assert_true(rows >= 20);
	assert_int_equal(bad, 0);
}

static void test_forms(void **state)
{
	static const struct {
		const char *source, *env, *expected; /* env: FOO=..., then B=... behind a '\n' */
	} cases[] = {
		{"${FOO#a}", "FOO=aab", "ab"},
		{"${FOO##a*}", "FOO=aab", ""},
		{"${FOO#*/}", "FOO=a/b/c", "b/c"},
		{"${FOO##*/}", "FOO=a/b/c", "c"},
		{"${FOO%/*}", "FOO=a/b/c", "a/b"},
		{"${FOO%%/*}", "FOO=a/b/c", "a"},
		{"${FOO%.txt}", "FOO=x.txt", "x"},
		{"${FOO#?}", "FOO=\xc3\xa9t\xc3\xa9", "t\xc3\xa9"},
		{"${FOO%?}", "FOO=\xc3\xa9t\xc3\xa9", "\xc3\xa9t"},
		{"${FOO#x}", "FOO=abc", "abc"},
		{"${FOO#}", "FOO=abc", "abc"},
		{"${FOO#$B}", "FOO=xxyy\nB=x", "xyy"},
		{"${FOO#*x*y}", "FOO=xxyy", "y"},
		{"${FOO##*x*y}", "FOO=xxyyz", "z"},
		{"${FOO#()[]{\\}^$.\\*\\?|\\\\}", "FOO=()[]{}^$.*?|\\x", "x"},
		{"${FOO%%\\**}", "FOO=xx**", "xx"},
		{"${FOO%%\\**\\*}", "FOO=a***yy*", "a"},
		{"${FOO#?\\?}", "FOO=?\?\?y", "?y"},
		{"${FOO#\\a}", "FOO=a", NULL},
		{"${FOO/a/X}", "FOO=banana", "bXnana"},
		{"${FOO//a/X}", "FOO=banana", "bXnXnX"},
		{"${FOO//a/}", "FOO=banana", "bnn"},
		{"${FOO//a*n/X}", "FOO=banana", "bXa"},
		{"${FOO/$B/.}", "FOO=/tmp/tmp/b\nB=/tmp", "./tmp/b"},
		{"${FOO//\\//\\/}", "FOO=/a/b", "\\/a\\/b"},
		{"${FOO/$B/ww}", "FOO=xxyy\nB=", "wwxxyy"},
		{"${FOO///-}", "FOO=ab", "-a-b-"},
		{"${FOO///}", "FOO=xxyy", "xxyy"},
		{"${FOO//*/X}", "FOO=abc", "X"},
		{"${FOO//x}", "FOO=abc", NULL},
		{"${FOO//}", "FOO=abc", NULL},
		{"${FOO/a", "FOO=abc", NULL},
		{"${FOO/a/", "FOO=abc", NULL},
		{"${NO/a/b}", "FOO=abc", ""},
		{"${FOO=x}", "FOO=abc", NULL},
		{"${FOO-a b}", "", "a b"},
		{"${FOO-}", "FOO=", ""},
		{"${FOO-x}", "FOO=", ""},
		{"${FOO:-x}", "FOO=", "x"},
		{"${FOO+x}", "FOO=", "x"},
		{"${FOO:+x}", "FOO=", ""},
		{"${NO?say $FOO}", "FOO=why", NULL},
		{"${FOO:-\"a b\"}", "", "a b"},
		{"${FOO:-'$B'}", "B=x", "$B"},
		{"a\\", "", "a"},
		{"$", "", "$"},
		{"${", "", NULL},
		{"${FOO:", "", NULL},
		{"$FOO$B", "FOO=1\nB=2", "12"},
	};
	size_t bad = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct strv env cleanup_strv = STRV_INIT;
		char copy[100], *rest = copy, *one;
		snprintf(copy, sizeof(copy), "%s", cases[i].env);
		while ((one = strsep(&rest, "\n")))
			strv_add(&env, one);
		struct dockerfile_expander x = {.lookup = look, .arg = &env};
		struct buf out cleanup_buf = BUF_INIT;
		struct err e = ERR_INIT;
		int r = dockerfile_expand_word(&x, cases[i].source, &out, &e);
		bool fine = cases[i].expected
				    ? r == 0 && strcmp(buf_str(&out), cases[i].expected) == 0
				    : r == -ERR_SYNTAX && e.msg[0];
		if (!fine) {
			print_error("%s with %s: %d '%s' (%s), not '%s'\n", cases[i].source,
				cases[i].env, r, buf_str(&out), e.msg,
				cases[i].expected ? cases[i].expected : "error");
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void test_backtick_escapes(void **state)
{
	struct strv env cleanup_strv = STRV_INIT;
	strv_add(&env, "V=x");
	struct dockerfile_expander x = {.escape = '`', .lookup = look, .arg = &env};
	struct buf out cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(dockerfile_expand_word(&x, "c:\\dir\\$V `$V \"`$V `\" \\\"", &out, &e), &e);
	assert_string_equal(buf_str(&out), "c:\\dir\\x $V $V \" \\");
}

static void test_heredoc_body(void **state)
{
	struct strv env cleanup_strv = STRV_INIT;
	strv_add(&env, "V=x");
	struct dockerfile_expander x = {
		.flags = DOCKERFILE_LITERAL_QUOTES, .lookup = look, .arg = &env};
	struct buf out cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(dockerfile_expand_word(&x, "it's \"$V\"\n\\$V ${V}\n", &out, &e), &e);
	assert_string_equal(buf_str(&out), "it's \"x\"\n$V x\n");
}

static void test_names_are_reported(void **state)
{
	struct strv env cleanup_strv = STRV_INIT, used cleanup_strv = STRV_INIT,
			unset cleanup_strv = STRV_INIT, undefined cleanup_strv = STRV_INIT;
	strv_add(&env, "A=1");
	strv_add(&env, "B=");
	struct dockerfile_expander x = {.lookup = look,
		.arg = &env,
		.used = &used,
		.unset = &unset,
		.undefined = &undefined};
	struct buf out cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(dockerfile_expand_word(&x, "$B$A${A}${C:-$D}${E:+x}${F#y}'$G'\\$H$B$D", &out, &e),
		&e);
	char *u cleanup_free = strv_join(&used, " "), *n cleanup_free = strv_join(&unset, " "),
		*d cleanup_free = strv_join(&undefined, " ");
	assert_string_equal(u, "A B");
	assert_string_equal(n, "C D E F");
	assert_string_equal(d, "D F");
}

static void test_unset_stays(void **state)
{
	struct dockerfile_expander x = {
		.flags = DOCKERFILE_KEEP_UNSET | DOCKERFILE_KEEP_QUOTES | DOCKERFILE_KEEP_ESCAPES};
	static const char text[] = "a $b ${c} ${d:-x} \"q $e\" 'r' ${f/a/b} \\$g";
	struct buf out cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(dockerfile_expand_word(&x, text, &out, &e), &e);
	assert_string_equal(buf_str(&out), text);
}

static const char *big(void *arg, const char *name)
{
	return arg;
}

static void test_limits(void **state)
{
	enum { SIZE = 1 << 20 };
	char *text cleanup_free = malloc(SIZE + 1), *value cleanup_free = malloc(SIZE / 2 + 1);
	memset(value, 'a', SIZE / 2);
	value[SIZE / 2] = 0;
	struct dockerfile_expander x = {.lookup = big, .arg = value};
	struct err e = ERR_INIT;
	struct buf out cleanup_buf = BUF_INIT;
	assert_int_equal(dockerfile_expand_word(&x, "$a$a$a", &out, &e), -ERR_LIMIT);

	size_t n = 0; /* nesting */
	for (int i = 0; i < 100000; i++)
		n += (size_t)snprintf(text + n, SIZE - n, "${a:-");
	text[n] = 0;
	err_clear(&e);
	assert_int_equal(dockerfile_expand_word(&x, text, &out, &e), -ERR_LIMIT);

	err_clear(&e); /* work */
	assert_int_equal(dockerfile_expand_word(&x, "${a//a*b*c/}", &out, &e), -ERR_LIMIT);
	err_clear(&e);
	buf_clear(&out);
	assert_ok(dockerfile_expand_word(&x, "${a//a/}", &out, &e), &e);
	assert_int_equal(out.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_words_single),
		cmocka_unit_test(test_table_words_split),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_backtick_escapes),
		cmocka_unit_test(test_heredoc_body),
		cmocka_unit_test(test_names_are_reported),
		cmocka_unit_test(test_unset_stays),
		cmocka_unit_test(test_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
