/* From Dockerfiles to graphs: stages, ARG scopes, ONBUILD, words, errors. */
#include "../test.h"

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/lower.h"
#include "dockerfile/stages.h"

/* Images "base" (ENV, WORKDIR, ENTRYPOINT, CMD), "trigger" (ONBUILD) and "user"; no others. */
static int find_image(void *arg, const char *name, const struct oci_platform *want,
	struct build_image *ret, struct err *e)
{
	struct oci_container_config *c = &ret->config.config;
	ret->config = (struct oci_image_config)OCI_IMAGE_CONFIG_INIT;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->config.os = mem_strdup("linux");
	ret->config.architecture = mem_strdup("amd64");
	if (str_eq(name, "base")) {
		strv_add(&c->env, "PATH=/bin");
		c->working_dir = mem_strdup("/base");
		c->has_cmd = true;
		strv_add(&c->cmd, "basecmd");
	} else if (str_eq(name, "trigger")) {
		strv_add(&c->onbuild, "COPY . /app");
		strv_add(&c->onbuild, "RUN make");
	} else if (str_eq(name, "badtrigger")) {
		strv_add(&c->onbuild, "FROM x");
	} else {
		oci_image_config_release(&ret->config);
		return err_set(e, ERR_NOT_FOUND, "there is no image '%s' in the store", name);
	}
	return 0;
}

static int lower(const char *text, const char *target, const char *args, struct build_graph **g,
	struct err *e)
{
	struct dockerfile *f cleanup_dockerfile = NULL;
	int r = dockerfile_parse("Dockerfile", text, strlen(text), &f, e);
	if (r < 0)
		return r;
	struct dockerfile_stages *s = NULL;
	r = dockerfile_stages_read(f, &s, e);
	if (r < 0)
		return r;
	struct strv list cleanup_strv = STRV_INIT;
	while (args && *args) {
		size_t n = strcspn(args, " ");
		char *one = mem_strndup(args, n);
		strv_take(&list, one);
		args += n + (args[n] == ' ');
	}
	struct build_lower_options o = {
		.build_args = &list,
		.target = target,
		.os = "linux",
		.arch = "amd64",
		.image = find_image,
	};
	r = build_lower(s, &o, g, e);
	if (r < 0) {
		dockerfile_stages_free(s);
		return r;
	}
	(*g)->dockerfile_stages = s;
	(*g)->triggers = mem_realloc((*g)->triggers, (*g)->ntriggers + 1, sizeof(f));
	(*g)->triggers[(*g)->ntriggers++] = STEAL(f);
	return 0;
}

/* The target's steps, one a line; RUN as its argv. */
static char *print(const struct build_graph *g)
{
	struct buf b cleanup_buf = BUF_INIT;
	const struct build_stage *s = &g->stages[g->target];
	for (size_t i = 0; i < s->nsteps; i++) {
		const struct build_step *p = &s->steps[i];
		if (p->op == BUILD_RUN) {
			char *args = strv_join(&p->run.argv, "|");
			char *env = strv_join(&p->args, ",");
			buf_printf(&b, "RUN %s [%s] in %s\n", args, env,
				p->config.working_dir ? p->config.working_dir : "/");
			free(args);
			free(env);
		} else if (p->op == BUILD_COPY) {
			buf_printf(&b, "%s -> %s\n", p->text, p->copy.dest);
		} else {
			buf_printf(&b, "%s\n", p->text);
		}
	}
	return buf_take(&b);
}

static const struct {
	const char *name, *text, *target, *args, *want;
} good[] = {
	{"shell and exec form", "FROM base\nRUN a $b\nRUN [\"x\", \"y z\"]\n", NULL, NULL,
		"FROM base\nRUN /bin/sh|-c|a $b [] in /base\nRUN x|y z [] in /base\n"},
	{"SHELL", "FROM base\nSHELL [\"/bin/ash\",\"-ec\"]\nRUN a\n", NULL, NULL,
		"FROM base\nSHELL [\"/bin/ash\",\"-ec\"]\nRUN /bin/ash|-ec|a [] in /base\n"},
	{"ARG before FROM", "ARG B=base\nFROM $B\nARG B\nRUN a\n", NULL, NULL,
		"FROM base\nARG B=base\nRUN /bin/sh|-c|a [B=base] in /base\n"},
	{"a global ARG is unseen without ARG", "ARG B=base\nFROM $B\nENV X=[$B]\n", NULL, NULL,
		"FROM base\nENV X=[]\n"},
	{"--build-arg wins over the default", "FROM base\nARG V=1\nENV X=$V\n", NULL, "V=2",
		"FROM base\nARG V=2\nENV X=2\n"},
	{"ENV wins over ARG", "FROM base\nARG V=1\nENV V=e\nRUN a\nENV X=$V\n", NULL, "V=2",
		"FROM base\nARG V=2\nENV V=e\nRUN /bin/sh|-c|a [] in /base\nENV X=e\n"},
	{"values are taken before the instruction", "FROM base\nENV a=1\nENV a=2 b=$a\n", NULL,
		NULL, "FROM base\nENV a=1\nENV a=2 b=1\n"},
	{"platform arguments",
		"FROM base\nARG TARGETARCH\nARG TARGETPLATFORM\nENV X=$TARGETPLATFORM\n", NULL,
		NULL,
		"FROM base\nARG TARGETARCH=amd64\nARG TARGETPLATFORM=linux/amd64\n"
		"ENV X=linux/amd64\n"},
	{"a stage inherits ARGs and config",
		"FROM base AS a\nARG V=7\nWORKDIR sub\nFROM a\nRUN x\n", NULL, NULL,
		"FROM a\nRUN /bin/sh|-c|x [V=7] in /base/sub\n"},
	{"relative destinations", "FROM base\nWORKDIR sub\nCOPY a b ./\nCOPY a x\nCOPY a .\n", NULL,
		NULL,
		"FROM base\nWORKDIR sub\nCOPY a b ./ -> /base/sub/\nCOPY a x -> /base/sub/x\n"
		"COPY a . -> /base/sub/\n"},
	{"ONBUILD comes right behind FROM", "FROM trigger\nENV A=1\n", NULL, NULL,
		"FROM trigger\nCOPY . /app -> /app\nRUN /bin/sh|-c|make [] in /\nENV A=1\n"},
	{"target by name and number", "FROM base AS a\nRUN 1\nFROM nope\n", "A", NULL,
		"FROM base AS a\nRUN /bin/sh|-c|1 [] in /base\n"},
	{"target by number", "FROM base\nRUN 1\nFROM nope\n", "0", NULL,
		"FROM base\nRUN /bin/sh|-c|1 [] in /base\n"},
	{"COPY --from a variable", "FROM base AS a\nFROM base\nARG S=a\nCOPY --from=$S /x /y\n",
		NULL, NULL, "FROM base\nARG S=a\nCOPY --from=a /x /y -> /y\n"},
	{"COPY --from a later stage", "FROM scratch AS a\nCOPY --from=b /x /\nFROM base AS b\n",
		"a", NULL, "FROM scratch AS a\nCOPY --from=b /x / -> /\n"},
	{"proxies are no ARGs of the step", "FROM base\nRUN a\n", NULL, "http_proxy=http://p",
		"FROM base\nRUN /bin/sh|-c|a [] in /base\n"},
	{"chown, chmod", "FROM base\nARG U=5\nCOPY --chown=$U --chmod=755 a /b\n", NULL, NULL,
		"FROM base\nARG U=5\nCOPY --chown=5 --chmod=755 a /b -> /b\n"},
};

static void test_good(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct err e = ERR_INIT;
		struct build_graph *g cleanup_build_graph = NULL;
		int r = lower(good[i].text, good[i].target, good[i].args, &g, &e);
		if (r < 0)
			print_error("%s: %s\n", good[i].name, e.msg);
		assert_true(r >= 0);
		char *got = print(g);
		if (strcmp(got, good[i].want) != 0)
			print_error("%s:\n", good[i].name);
		assert_string_equal(got, good[i].want);
		free(got);
	}
}

static const struct {
	const char *text, *target;
	int code;
	const char *msg, *hint;
} bad[] = {
	{"ARG V\nFROM base:$V\n", NULL, ERR_SYNTAX, "Dockerfile:2:6: FROM uses the variable 'V'",
		"--build-arg V=VALUE"},
	{"FROM $X\n", NULL, ERR_SYNTAX, "FROM uses the variable 'X'", "ARG X=VALUE"},
	{"FROM nope\n", NULL, ERR_NOT_FOUND, "Dockerfile:1:6: there is no image 'nope'", ""},
	{"FROM base AS build\nFROM biuld\n", NULL, ERR_NOT_FOUND, "Dockerfile:2",
		"did you mean the stage 'build'?"},
	{"FROM b AS a\nFROM base AS b\n", "a", ERR_NOT_FOUND, "no image 'b'", "begins at line 2"},
	{"FROM base AS a\nCOPY --from=a /x /y\n", NULL, ERR_SYNTAX,
		"Dockerfile:2:1: stages need each other in a circle: a → a", ""},
	{"FROM base AS a\nCOPY --from=b /x /y\nFROM a AS b\n", NULL, ERR_SYNTAX, "b → a → b", ""},
	{"FROM base\nCOPY --from=7 /x /y\n", NULL, ERR_NOT_FOUND, "no stage number 7",
		"the last one is 0"},
	{"FROM base\nCOPY a b c\n", NULL, ERR_SYNTAX, "must be a directory and end with '/'", ""},
	{"FROM base AS build\n", "biuld", ERR_NOT_FOUND, "no stage is called 'biuld'",
		"did you mean 'build'?"},
	{"FROM base AS a\nFROM base AS b\n", "zzz", ERR_NOT_FOUND, "--target", "stages are: a, b"},
	{"FROM badtrigger\n", NULL, ERR_SYNTAX, "ONBUILD of badtrigger:1:1", ""},
	{"FROM --platform=linux/arm64 base\n", NULL, ERR_NOT_FOUND,
		"image 'base' is for linux/amd64, not for linux/arm64", ""},
	{"FROM base\nEXPOSE 99999\n", NULL, 0, "Dockerfile:2", ""},
};

static void test_bad(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		struct build_graph *g cleanup_build_graph = NULL;
		int r = lower(bad[i].text, bad[i].target, NULL, &g, &e);
		if (r >= 0)
			print_error("taken: %s\n", bad[i].text);
		assert_true(r < 0);
		if (bad[i].code)
			assert_int_equal(-r, bad[i].code);
		assert_contains(e.msg, bad[i].msg);
		assert_contains(e.hint, bad[i].hint);
	}
}

static void test_needed(void **state)
{
	struct err e = ERR_INIT;
	struct build_graph *g cleanup_build_graph = NULL;
	assert_ok(lower("FROM base AS a\nFROM nope AS unused\nFROM base AS c\n"
			"COPY --from=a /x /\nRUN y\n",
			  NULL, NULL, &g, &e),
		&e);
	assert_true(g->stages[0].needed);
	assert_false(g->stages[1].needed);
	assert_int_equal(g->stages[1].nsteps, 0);
	assert_int_equal(g->stages[2].needs.n, 1);
	assert_string_equal(g->stages[2].needs.v[0], "0");
}

static void test_config(void **state)
{
	struct err e = ERR_INIT;
	struct build_graph *g cleanup_build_graph = NULL;
	assert_ok(
		lower("FROM base\nARG P=80\nEXPOSE $P 53/udp\nENTRYPOINT [\"e\"]\nLABEL a=\"b c\"\n"
		      "HEALTHCHECK --interval=5s CMD ok\nUSER app\nVOLUME /data\n"
		      "STOPSIGNAL 9\nONBUILD RUN x\nMAINTAINER me\n",
			NULL, NULL, &g, &e),
		&e);
	const struct oci_container_config *c = &g->stages[0].config;
	assert_true(strv_has(&c->exposed_ports, "80/tcp") && strv_has(&c->exposed_ports, "53/udp"));
	assert_int_equal(c->cmd.n, 0); /* ENTRYPOINT resets the CMD of the base */
	assert_string_equal(strv_env_get(&c->labels, "a"), "b c");
	assert_string_equal(c->healthcheck.test.v[0], "CMD-SHELL");
	assert_int_equal(c->healthcheck.interval, 5000000000);
	assert_string_equal(c->user, "app");
	assert_true(strv_has(&c->volumes, "/data"));
	assert_string_equal(c->onbuild.v[0], "RUN x");
	assert_string_equal(g->stages[0].author, "me");
}

static void test_warnings(void **state)
{
	struct err e = ERR_INIT;
	struct build_graph *g cleanup_build_graph = NULL;
	assert_ok(lower("FROM base\nARG VERSION\nENV A=$NOPE\n", NULL, "VERSON=1 https_proxy=x", &g,
			  &e),
		&e);
	char *all = strv_join(&g->warnings, "\n");
	assert_contains(all, "Dockerfile:3: the variable 'NOPE' is not set");
	assert_contains(all, "'VERSON' is not used: did you mean 'VERSION'?");
	assert_null(strstr(all, "proxy"));
	free(all);
}

/* A chain of stages deeper than the limit must not end the stack. */
static void test_depth(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_add_str(&b, "FROM base AS s0\n");
	for (int i = 1; i < 30000; i++)
		buf_printf(&b, "FROM s%d AS s%d\n", i - 1, i);
	struct err e = ERR_INIT;
	struct build_graph *g cleanup_build_graph = NULL;
	assert_int_equal(lower(buf_str(&b), NULL, NULL, &g, &e), -ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_needed),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_warnings),
		cmocka_unit_test(test_depth),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
