/* The tree: positions, comments, directives, heredocs, odd input, errors, time. */
#include "../test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "dockerfile/parse.h"

#include <ctype.h>

static struct dockerfile *parse(const char *text)
{
	struct dockerfile *f = NULL;
	struct err e = ERR_INIT;
	assert_ok(dockerfile_parse("Dockerfile", text, strlen(text), &f, &e), &e);
	return f;
}

static void check_sexp(const char *text, const char *expected)
{
	struct dockerfile *f cleanup_dockerfile = parse(text);
	struct buf out cleanup_buf = BUF_INIT;
	dockerfile_print_sexp(f, &out);
	assert_string_equal(buf_str(&out), expected);
}

static void check_span(struct dockerfile_span s, unsigned l1, unsigned c1, unsigned l2, unsigned c2)
{
	if (s.start.line != l1 || s.start.column != c1 || s.end.line != l2 || s.end.column != c2)
		print_error(
			"%u:%u-%u:%u\n", s.start.line, s.start.column, s.end.line, s.end.column);
	assert_true(s.start.line == l1 && s.start.column == c1);
	assert_true(s.end.line == l2 && s.end.column == c2);
}

static void test_positions(void **state)
{
	struct dockerfile *f cleanup_dockerfile = parse("FROM a\n"
							"  COPY --from=b \\\n"
							"\t# inside\n"
							"\n"
							"    one tw\\\n"
							"o \\\n"
							"  /dst\n"
							"CMD [\"x\", \"y\\u0041\"]\n"
							"ENV k=v \"l\"='w w'\n");
	assert_int_equal(f->nnodes, 4);
	const struct dockerfile_node *copy = &f->nodes[1];
	check_span(copy->span, 2, 3, 7, 7);
	check_span(copy->keyword.span, 2, 3, 2, 7);
	check_span(copy->flags[0].word.span, 2, 8, 2, 16);
	check_span(copy->flags[0].name.span, 2, 10, 2, 14);
	check_span(copy->flags[0].value.span, 2, 15, 2, 16);
	assert_int_equal(copy->nargs, 3);
	check_span(copy->args[0].span, 5, 5, 5, 8);
	assert_string_equal(copy->args[1].text, "two");
	check_span(copy->args[1].span, 5, 9, 6, 2); /* over two lines */
	check_span(copy->args[2].span, 7, 3, 7, 7);
	assert_int_equal(copy->empty_line.start.line, 4);
	assert_int_equal(copy->ncomments, 1);
	assert_true(f->comments[copy->first_comment].inside);
	assert_string_equal(copy->rest.text, "    one two   /dst" + 4);
	const struct dockerfile_node *cmd = &f->nodes[2];
	check_span(cmd->args[1].span, 8, 11, 8, 20);
	assert_string_equal(cmd->args[1].text, "yA");
	const struct dockerfile_node *env = &f->nodes[3];
	check_span(env->args[0].span, 9, 5, 9, 6);
	check_span(env->args[1].span, 9, 7, 9, 8);
	check_span(env->args[2].span, 9, 9, 9, 12);
	check_span(env->args[3].span, 9, 13, 9, 18);
}

/* Whatever the token, its text stands at its position, as long as it is on one line and plain. */
static void test_positions_hold_the_text(void **state)
{
	static const char text[] =
		"\xef\xbb\xbf# syntax=x\r\n# c\r\nfrom  a  as b\r\n"
		"ARG x=1 y \"z=2\"\r\nEXPOSE 1 2\r\nUSER  me \r\n"
		"ONBUILD copy --chown=a b c\r\nHEALTHCHECK --retries=1 CMD x y\r\n";
	struct dockerfile *f cleanup_dockerfile = parse(text);
	assert_int_equal(f->nnodes, 6);
	for (size_t i = 0; i < f->nnodes; i++)
		for (const struct dockerfile_node *n = &f->nodes[i]; n; n = n->trigger) {
			assert_memory_equal(text + n->keyword.span.start.offset, n->keyword.text,
				n->keyword.len);
			assert_memory_equal(
				text + n->text.span.start.offset, n->text.text, n->text.len);
			for (size_t k = 0; k < n->nargs; k++)
				assert_memory_equal(text + n->args[k].span.start.offset,
					n->args[k].text, n->args[k].len);
		}
	assert_string_equal(f->nodes[3].args[0].text, "me");
	check_span(f->nodes[0].keyword.span, 3, 1, 3, 5);
	check_span(f->directives[0].name.span, 1, 6, 1, 12); /* bytes: the mark counts */
}

static void test_comments(void **state)
{
	struct dockerfile *f cleanup_dockerfile =
		parse("# far\n\n# near 1\n  # near 2 \nFROM a\n"
		      "#\nRUN a \\\n # in 1\n  # in 2\n b\nRUN c\n"
		      "# last\n");
	assert_int_equal(f->ncomments, 7);
	assert_int_equal(f->nodes[0].first_comment, 1);
	assert_int_equal(f->nodes[0].ncomments, 2);
	assert_string_equal(f->comments[2].text.text, "near 2");
	check_span(f->comments[2].text.span, 4, 5, 4, 11);
	assert_int_equal(f->nodes[1].ncomments, 3);
	assert_false(f->comments[3].inside);
	assert_string_equal(f->comments[3].text.text, "");
	assert_true(f->comments[4].inside);
	assert_int_equal(f->nodes[2].ncomments, 0);
}

static void test_directives(void **state)
{
	struct dockerfile *f cleanup_dockerfile =
		parse("#Syntax = a/b:1 \n# ESCAPE=`\n#check=skip=A,B;error=true\nRUN a `\n b\n");
	assert_int_equal(f->ndirectives, 3);
	assert_int_equal(f->ncomments, 0);
	assert_string_equal(f->directives[0].name.text, "syntax");
	assert_string_equal(f->directives[0].value.text, "a/b:1");
	assert_string_equal(f->directives[2].value.text, "skip=A,B;error=true");
	assert_int_equal(f->escape, '`');
	assert_string_equal(f->nodes[0].rest.text, "a  b");
	static const char *const none[] = {"\n# escape=`\nRUN a", "# x\n# escape=`\nRUN a",
		"# other=1\n# escape=`\nRUN a", "RUN a\n# escape=`", "# escape\nRUN a",
		"# escape=\nRUN a", "# escape `=`\nRUN a"};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		struct dockerfile *g cleanup_dockerfile = parse(none[i]);
		assert_int_equal(g->ndirectives, 0);
		assert_int_equal(g->escape, '\\');
	}
}

static void test_heredocs(void **state)
{
	struct dockerfile *f cleanup_dockerfile =
		parse("RUN cat <<A 3<<-'B C' <<\"D\" # no comment \\\n && x\n"
		      "a $v\n# not a comment \\\nA\n\tb\n\t\tB C\nd\r\nD\r\nRUN y\n");
	assert_int_equal(f->nnodes, 2);
	const struct dockerfile_node *n = &f->nodes[0];
	assert_int_equal(n->nheredocs, 3);
	assert_string_equal(n->heredocs[0].body.text, "a $v\n# not a comment \\\n");
	assert_true(n->heredocs[0].expand);
	check_span(n->heredocs[0].word.span, 1, 9, 1, 12);
	check_span(n->heredocs[0].body.span, 3, 1, 5, 1);
	check_span(n->heredocs[0].end, 5, 1, 5, 2);
	assert_string_equal(n->heredocs[1].name, "B C");
	assert_int_equal(n->heredocs[1].fd, 3);
	assert_false(n->heredocs[1].expand);
	assert_true(n->heredocs[1].strip_tabs);
	assert_string_equal(n->heredocs[1].body.text, "\tb\n");
	assert_string_equal(n->heredocs[1].text, "b\n");
	assert_string_equal(n->heredocs[2].text, "d\r\n");
	assert_false(n->heredocs[2].expand);
	check_span(n->span, 1, 1, 9, 2);
	struct dockerfile *g cleanup_dockerfile = parse("ONBUILD RUN <<E\nx\nE\nENV a=<<E\n");
	assert_int_equal(g->nodes[0].trigger->nheredocs, 1);
	assert_int_equal(g->nodes[1].nheredocs, 0);
	assert_true(dockerfile_word_is_heredoc("<<E"));
	assert_true(dockerfile_word_is_heredoc("12<<-'E F'"));
	static const char *const no[] = {
		"", "<<", "<<-", "<E", "<<<E", "a<<E", "<<E F", "<<''", "<<'E", "<<E<F"};
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(dockerfile_word_is_heredoc(no[i]));
}

static void test_sexp(void **state)
{
	check_sexp("FrOm a\n", "(from \"a\")\n");
	check_sexp("FOO bar  baz\n", "(foo \"bar  baz\")\n");
	check_sexp("RUN a \\", "(run \"a\")\n");
	check_sexp("RUN a\\\n", "(run \"a\")\n");
	check_sexp("RUN a\\\\\nUSER b", "(run \"a\\\\\\\\\")\n(user \"b\")\n");
	check_sexp("\\\nRUN a", "(run \"a\")\n");
	check_sexp("RUN a\r\nRUN b \\\r\n c\r\n", "(run \"a\")\n(run \"b  c\")\n");
	check_sexp("CMD [\"a\"", "(cmd \"[\\\"a\\\"\")\n");
	check_sexp("CMD [\"a\",]", "(cmd \"[\\\"a\\\",]\")\n");
	check_sexp("CMD [\"a\"] b", "(cmd \"[\\\"a\\\"] b\")\n");
	check_sexp("CMD [\"\\ud83d\\ude00\\ud83d\\x\"]",
		"(cmd \"[\\\"\\\\ud83d\\\\ude00\\\\ud83d\\\\x\\\"]\")\n");
	check_sexp("CMD [\"\\ud83d\\ude00\\ud83d\"]", "(cmd \"\xf0\x9f\x98\x80\xef\xbf\xbd\")\n");
	check_sexp("CMD [\"a\tb\"]", "(cmd \"[\\\"a\\tb\\\"]\")\n");
	check_sexp("COPY [\"a b\",\"c\"]", "(copy \"a b\" \"c\")\n");
	check_sexp("COPY [\"a b\" \"c\"]", "(copy \"[\\\"a\" \"b\\\"\" \"\\\"c\\\"]\")\n");
	check_sexp("RUN --a='x y' --b=\\ c d", "(run [\"--a=x y\" \"--b= c\"] \"d\")\n");
	check_sexp("RUN -- --a", "(run \"--a\")\n");
	check_sexp("ONBUILD", "(onbuild)\n");
	check_sexp("ONBUILD ONBUILD RUN x", "(onbuild (onbuild (run \"x\")))\n");
	check_sexp("ENV", "(env)\n");
	check_sexp("ENV a=", "(env \"a\" \"\" \"=\")\n");
	check_sexp("RUN \xff\xc3\xa9\x7f\xc2\x85", "(run \"\\xff\xc3\xa9\\x7f\\u0085\")\n");
	check_sexp("RUN <<E\n x\nE\nRUN y\n", "(run \"<<E\")\n(run \"y\")\n");
	check_sexp("RUN echo it's <<E\nE\n", "(run \"echo it's <<E\")\n(e)\n");
}

static void test_errors(void **state)
{
	static const struct {
		const char *text, *message;
		int code;
	} cases[] = {
		{"", "Dockerfile: no instruction in the file", ERR_SYNTAX},
		{"# a\n\n \\\n", "no instruction", ERR_SYNTAX},
		{"FROM a\nCMD [ \"b\",\n", "", 0},
		{"FROM a\nCMD [ \"b\", [ \"c\" ] ]\n",
			"Dockerfile:2:12: a JSON array here holds strings only\n"
			"     2 | CMD [ \"b\", [ \"c\" ] ]\n"
			"       |            ^~~~~~~",
			ERR_SYNTAX},
		{"RUN [1, \"a\"]", "Dockerfile:1:6:", ERR_SYNTAX},
		{"RUN [null]", "Dockerfile:1:6:", ERR_SYNTAX},
		{"RUN [{\"a\": [true, -1.5e+3]}]", "Dockerfile:1:6:", ERR_SYNTAX},
		{"FROM a\nRUN x <<E \\\n && y\nz\n",
			"Dockerfile:2:7: the heredoc is not closed: no line says 'E'\n"
			"     2 | RUN x <<E \\\n"
			"       |       ^~~",
			ERR_SYNTAX},
		{"# escape=x\nRUN a", "Dockerfile:1:10: the escape character", ERR_SYNTAX},
		{"# escape=`\n# escape=`\nRUN a", "Dockerfile:2:3: only one escape", ERR_SYNTAX},
		{"LABEL a", "Dockerfile:1:7: LABEL needs a value", ERR_SYNTAX},
		{"ENV a=b \\\n  c", "Dockerfile:2:3: 'c' has no '='", ERR_SYNTAX},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dockerfile *f cleanup_dockerfile = NULL;
		struct err e = ERR_INIT;
		int r = dockerfile_parse(
			"Dockerfile", cases[i].text, strlen(cases[i].text), &f, &e);
		assert_int_equal(r, -cases[i].code);
		if (r < 0 && !strstr(e.msg, cases[i].message))
			fail_msg("case %zu: %s", i, e.msg);
	}
	struct buf many cleanup_buf = BUF_INIT;
	struct dockerfile *f cleanup_dockerfile = NULL;
	for (int i = 0; i < 100000; i++)
		buf_add_str(&many, "ONBUILD ");
	assert_int_equal(dockerfile_parse("D", many.data, many.len, &f, NULL), -ERR_LIMIT);
	buf_clear(&many);
	buf_add_str(&many, "CMD ");
	for (int i = 0; i < 100000; i++)
		buf_add_char(&many, '[');
	assert_int_equal(dockerfile_parse("D", many.data, many.len, &f, NULL), 0);
	for (int i = 0; i < 1000000; i++)
		buf_add_char(&many, 'x');
	struct dockerfile *g cleanup_dockerfile = NULL;
	assert_int_equal(dockerfile_parse("D", many.data, many.len, &g, NULL), -ERR_LIMIT);
}

/* A crude check that the JSON nests and that strings are closed; jq looks closer in the bats. */
static void test_json(void **state)
{
	struct dockerfile *f cleanup_dockerfile =
		parse("# escape=`\n# c\nONBUILD RUN --x=1 a <<E\n\"\\\x01\n\xff\nE\nENV a=b c=d");
	struct buf out cleanup_buf = BUF_INIT;
	dockerfile_print_json(f, &out);
	int depth = 0;
	bool quoted = false;
	for (size_t i = 0; i < out.len; i++) {
		char c = out.data[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && strchr("[{", c))
			depth++;
		else if (!quoted && strchr("]}", c))
			depth--;
		assert_true(depth >= 0);
	}
	assert_int_equal(depth, 0);
	assert_false(quoted);
	assert_contains(out.data, "\"escape\":\"`\"");
	assert_contains(out.data, "\"trigger\":{\"kind\":\"RUN\",\"form\":\"text\"");
	assert_contains(out.data, "\"text\":\"\\\"\\\\\\u0001\\n\\ufffd\\n\"");
	assert_contains(out.data, "{\"text\":\"c\",\"start\":{\"line\":7,\"column\":9,\"offset\":");
}

/* Half a mebibyte of anything takes well under the time that anybody notices. */
static void test_large(void **state)
{
	static const char *const units[] = {"RUN a\n", "a ", "ENV a=b \\\n", "a=b ", "# c\n",
		"COPY <<a <<b /\na\nb\n", "\\\n", "RUN a <<\\\n", "\"", "<<a ", "--a=b ", "\n",
		"[\"a\",\n", "ONBUILD RUN <<a\na\n"};
	static const char *const starts[] = {"", "EXPOSE ", "ENV a=b "};
	enum { SIZE = 1 << 19 };
	int64_t worst = 0;
	for (size_t u = 0; u < ARRAY_SIZE(units); u++)
		for (size_t s = 0; s < ARRAY_SIZE(starts); s++) {
			struct buf text cleanup_buf = BUF_INIT;
			buf_add_str(&text, starts[s]);
			while (text.len + strlen(units[u]) <= SIZE)
				buf_add_str(&text, units[u]);
			struct dockerfile *f cleanup_dockerfile = NULL;
			int64_t begin = clock_monotonic();
			dockerfile_parse("D", text.data, text.len, &f, NULL);
			int64_t took = clock_monotonic() - begin;
			if (took > worst) {
				worst = took;
				print_message("'%s%s...': %lld ms\n", starts[s], units[u],
					(long long)took / 1000000);
			}
		}
	assert_true(worst < 3 * CLOCK_NS_PER_S); /* sanitizers and busy machines are slow */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_positions),
		cmocka_unit_test(test_positions_hold_the_text),
		cmocka_unit_test(test_comments),
		cmocka_unit_test(test_directives),
		cmocka_unit_test(test_heredocs),
		cmocka_unit_test(test_sexp),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
