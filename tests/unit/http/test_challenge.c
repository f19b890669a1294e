/* WWW-Authenticate: the shapes that registries send, and those that nobody should. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "http/challenge.h"

/* "scheme[token68]{name=value;...} " for each challenge */
static char *show(const struct http_challenges *list)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < list->n; i++) {
		const struct http_challenge *c = &list->v[i];
		buf_printf(&b, "%s%s", i ? " " : "", c->scheme);
		if (c->token68)
			buf_printf(&b, "[%s]", c->token68);
		for (size_t k = 0; k < c->params.n; k++)
			buf_printf(&b, "{%s}", c->params.v[k]);
	}
	return b.len ? buf_take(&b) : strdup("");
}

static void table(void **state)
{
	static const struct {
		const char *value, *out; /* out NULL: refused */
	} cases[] = {
		{"Basic realm=\"x\"", "basic{realm=x}"},
		{"Bearer realm=\"https://a/t\",service=\"a b\",scope=\"repository:x/y:pull,push\"",
			"bearer{realm=https://a/t}{service=a b}{scope=repository:x/y:pull,push}"},
		{"Basic realm=\"a, Bearer realm=b\", Bearer realm=\"c\"",
			"basic{realm=a, Bearer realm=b} bearer{realm=c}"},
		{"Negotiate, Basic realm=x", "negotiate basic{realm=x}"},
		{"Negotiate oYGeMIGboAMK==, Basic realm=x",
			"negotiate[oYGeMIGboAMK==] basic{realm=x}"},
		{"Basic", "basic"},
		{"  ,, Basic  realm = \"x\" , , charset=\"UTF-8\" ,",
			"basic{realm=x}{charset=UTF-8}"},
		{"BEARER Realm=\"x\"", "bearer{realm=x}"},
		{"Basic realm=\"a\\\"b\\\\c\"", "basic{realm=a\"b\\c}"},
		{"Basic realm=\"\"", "basic{realm=}"},
		{"Bearer realm=https://a/t,service=b", "bearer{realm=https://a/t}{service=b}"},
		{"Digest a=1, b=2, Basic c=3", "digest{a=1}{b=2} basic{c=3}"},
		{"", ""},
		{"Basic realm=\"x", NULL},
		{"Basic realm=\"x\\", NULL},
		{"realm=\"x\"", NULL},
		{"Basic realm=\"x\", realm=\"y\"", NULL},
		{"\"Basic\"", NULL},
		{"Basic realm=a\"b\"", NULL},
		{"\xff\xfe", NULL},
		{"Basic =x", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_challenges list cleanup_http_challenges = HTTP_CHALLENGES_INIT;
		struct err e = ERR_INIT;
		int r = http_challenges_parse(cases[i].value, &list, &e);
		if (!cases[i].out) {
			if (r >= 0)
				print_error("'%s' was taken\n", cases[i].value);
			assert_true(r < 0);
			assert_contains(e.msg, "www-authenticate");
			assert_int_equal(list.n, 0);
			continue;
		}
		assert_ok(r, &e);
		char *text = show(&list);
		assert_string_equal(text, cases[i].out);
		free(text);
	}
}

static void several_fields(void **state)
{
	struct http_challenges list cleanup_http_challenges = HTTP_CHALLENGES_INIT;
	assert_int_equal(http_challenges_parse("Basic realm=a", &list, NULL), 0);
	assert_int_equal(http_challenges_parse("Bearer realm=b", &list, NULL), 0);
	assert_int_equal(list.n, 2);
	/* a bad one changes nothing; a parameter does not belong to the field before */
	assert_true(http_challenges_parse("x=1", &list, NULL) < 0);
	assert_int_equal(list.n, 2);
	const struct http_challenge *c = http_challenges_get(&list, "bearer");
	assert_string_equal(http_challenge_param(c, "realm"), "b");
	assert_null(http_challenge_param(c, "service"));
	assert_null(http_challenges_get(&list, "digest"));
}

static void limits(void **state)
{
	struct http_challenges list cleanup_http_challenges = HTTP_CHALLENGES_INIT;
	struct buf b cleanup_buf = BUF_INIT;
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "s%d,", i);
	assert_int_equal(http_challenges_parse(buf_str(&b), &list, NULL), -ERR_LIMIT);
	buf_clear(&b);
	buf_add_str(&b, "s ");
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "p%d=1,", i);
	assert_int_equal(http_challenges_parse(buf_str(&b), &list, NULL), -ERR_LIMIT);
	assert_int_equal(list.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(several_fields),
		cmocka_unit_test(limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
