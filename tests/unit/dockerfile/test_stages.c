/* Stages: cut, found, and what may not stand before them. */
#include "../test.h"

#include "base/err.h"
#include "dockerfile/stages.h"

struct read {
	struct dockerfile *file;
	struct dockerfile_stages *stages;
	struct err e;
};

static void read_release(struct read *r)
{
	dockerfile_stages_free(r->stages);
	dockerfile_free(r->file);
}

static int read_text(struct read *r, const char *text)
{
	assert_ok(dockerfile_parse("Dockerfile", text, strlen(text), &r->file, &r->e), &r->e);
	return dockerfile_stages_read(r->file, &r->stages, &r->e);
}

static void test_stages(void **state)
{
	struct read r cleanup(read_release) = {0};
	assert_ok(read_text(&r, "ARG v=1\nARG w\nFROM a AS Build\nRUN x\nARG v\n"
				"FROM build\nFROM c as test\nCMD y\nFROM d as build\nUSER z\n"),
		&r.e);
	const struct dockerfile_stages *s = r.stages;
	assert_int_equal(s->nargs, 2);
	assert_string_equal(s->args[1].pairs.items[0].name.text, "w");
	assert_int_equal(s->n, 4);
	assert_string_equal(s->items[0].name, "build");
	assert_int_equal(s->items[0].ninstructions, 2);
	assert_int_equal(s->items[0].instructions[1].kind, DOCKERFILE_ARG);
	assert_null(s->items[1].name);
	assert_int_equal(s->items[1].ninstructions, 0);
	assert_string_equal(s->items[3].instructions[0].text.text, "z");

	assert_ptr_equal(dockerfile_stage_find(s, "BUILD", SIZE_MAX, true), &s->items[3]);
	assert_ptr_equal(dockerfile_stage_find(s, "build", 3, false), &s->items[0]);
	assert_null(dockerfile_stage_find(s, "build", 0, true));
	assert_ptr_equal(dockerfile_stage_find(s, "1", SIZE_MAX, true), &s->items[1]);
	assert_null(dockerfile_stage_find(s, "1", SIZE_MAX, false));
	assert_null(dockerfile_stage_find(s, "2", 2, true));
	assert_null(dockerfile_stage_find(s, "4", SIZE_MAX, true));
	assert_null(dockerfile_stage_find(s, "-1", SIZE_MAX, true));
	assert_string_equal(dockerfile_stage_suggest(s, "biuld"), "build");
	assert_null(dockerfile_stage_suggest(s, "nothing"));
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"ARG a\nRUN x\nFROM a", "Dockerfile:2:1: RUN before the first FROM"},
		{"ARG a", "there is no FROM in the file"},
		{"RUN x", "Dockerfile:1:1: RUN before the first FROM"},
		{"FROM a\nRNU x", "Dockerfile:2:1: unknown instruction 'RNU'"},
		{"FROM a\nCOPY --link x y", "COPY --link is not supported"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct read r cleanup(read_release) = {0};
		assert_true(read_text(&r, cases[i].text) < 0);
		assert_contains(r.e.msg, cases[i].message);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stages),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
