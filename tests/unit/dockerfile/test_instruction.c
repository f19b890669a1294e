/* Typed instructions: what is read, what is refused and where. */
#include "../test.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "dockerfile/expand.h"
#include "dockerfile/instruction.h"

struct one {
	struct arena arena;
	struct dockerfile *file;
	struct dockerfile_instruction in;
	struct err e;
};

static void one_release(struct one *o)
{
	dockerfile_free(o->file);
	arena_release(&o->arena);
}
#define cleanup_one cleanup(one_release)

/* Reads the first instruction of text. */
static int one_read(struct one *o, const char *text)
{
	dockerfile_free(STEAL(o->file));
	int r = dockerfile_parse("Dockerfile", text, strlen(text), &o->file, &o->e);
	if (r < 0)
		return r;
	return dockerfile_instruction_read(o->file, &o->file->nodes[0], &o->arena, &o->in, &o->e);
}

static const char *look(void *arg, const char *name)
{
	return strv_env_get(arg, name);
}

static int one_expand(struct one *o, struct strv *env)
{
	struct dockerfile_expander x = {.escape = o->file->escape, .lookup = look, .arg = env};
	return dockerfile_instruction_expand(&o->in, &x, &o->arena, &o->in, &o->e);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *place, *message, *hint;
		int code;
	} cases[] = {
		{"RUNN echo", "Dockerfile:1:1:", "unknown instruction 'RUNN'", "RUN", ERR_SYNTAX},
		{"FORM a", ":1:1:", "unknown instruction 'FORM'", "FROM", ERR_SYNTAX},
		{"entrypiont a", ":1:1:", "unknown instruction 'entrypiont'", "ENTRYPOINT",
			ERR_SYNTAX},
		{"completely different", ":1:1:", "unknown", NULL, ERR_SYNTAX},
		{"\n\n  COPY --form=x a b", ":3:8:", "no flag '--form'", "--from", ERR_SYNTAX},
		{"COPY a \\\n  --chown=x b\n", NULL, NULL, NULL, 0},
		{"COPY --chown=x \\\n # c\n  --chown=y a b\n", ":3:3:", "given twice", NULL,
			ERR_SYNTAX},
		{"COPY --chown a b", ":1:6:", "needs a value", NULL, ERR_SYNTAX},
		{"COPY a", ":1:6:", "a source and a destination", NULL, ERR_SYNTAX},
		{"COPY", ":1:1:", "a source and a destination", NULL, ERR_SYNTAX},
		{"COPY a <<E\nE\n", ":1:8:", "cannot be the destination", NULL, ERR_SYNTAX},
		{"COPY <<../E a\n../E\n", ":1:6:", "cannot be a path", NULL, ERR_SYNTAX},
		{"COPY --from=x <<E a\nE\n", ":1:15:", "cannot take a heredoc", NULL, ERR_SYNTAX},
		{"COPY --link a b", ":1:6:", "COPY --link is not supported", NULL, ERR_UNSUPPORTED},
		{"COPY --parents a b", ":1:6:", "--parents", NULL, ERR_UNSUPPORTED},
		{"COPY --exclude=x a b", ":1:6:", "--exclude", NULL, ERR_UNSUPPORTED},
		{"ADD --checksum=x a b", ":1:5:", "ADD --checksum", NULL, ERR_UNSUPPORTED},
		{"ADD --keep-git-dir=true a b", ":1:5:", "--keep-git-dir", NULL, ERR_UNSUPPORTED},
		{"ADD --unpack=true a b", ":1:5:", "--unpack", NULL, ERR_UNSUPPORTED},
		{"ADD --from=a a b", ":1:5:", "no flag '--from'", NULL, ERR_SYNTAX},
		{"ADD x https://a.example/b /c", ":1:7:", "ADD of a URL", NULL, ERR_UNSUPPORTED},
		{"ADD git@a.example:b.git /c", ":1:5:", "ADD of a git", NULL, ERR_UNSUPPORTED},
		{"RUN --mount=type=cache,target=/x y", ":1:5:", "RUN --mount", NULL,
			ERR_UNSUPPORTED},
		{"RUN --security=insecure y", ":1:5:", "RUN --security", NULL, ERR_UNSUPPORTED},
		{"RUN --device=x y", ":1:5:", "RUN --device", NULL, ERR_UNSUPPORTED},
		{"RUN --network=foo y", ":1:15:", "not 'foo'", NULL, ERR_SYNTAX},
		{"RUN --netwrk=none y", ":1:5:", "no flag", "--network", ERR_SYNTAX},
		{"RUN", ":1:1:", "RUN needs a command", NULL, ERR_SYNTAX},
		{"RUN []", ":1:1:", "RUN needs a command", NULL, ERR_SYNTAX},
		{"RUN [\"a\\u0000\"]", ":1:6:", "zero byte", NULL, ERR_SYNTAX},
		{"CMD --x a", ":1:5:", "CMD has no flag '--x'", NULL, ERR_SYNTAX},
		{"SHELL /bin/sh -c", ":1:7:", "JSON array", NULL, ERR_SYNTAX},
		{"SHELL []", ":1:1:", "JSON array", NULL, ERR_SYNTAX},
		{"FROM", ":1:1:", "FROM needs", NULL, ERR_SYNTAX},
		{"FROM a b", ":1:8:", "IMAGE [AS NAME]", NULL, ERR_SYNTAX},
		{"FROM a as", ":1:8:", "one name behind AS", NULL, ERR_SYNTAX},
		{"FROM a as b c", ":1:13:", "one name behind AS", NULL, ERR_SYNTAX},
		{"FROM a AS 1b", ":1:11:", "no name for a stage", NULL, ERR_SYNTAX},
		{"FROM a AS b/c", ":1:11:", "no name for a stage", NULL, ERR_SYNTAX},
		{"FROM --platfrm=x a", ":1:6:", "no flag", "--platform", ERR_SYNTAX},
		{"ENV", ":1:1:", "ENV needs", NULL, ERR_SYNTAX},
		{"ENV =a", ":1:5:", "a name is missing", NULL, ERR_SYNTAX},
		{"ENV a", ":1:5:", "ENV needs a value", NULL, ERR_SYNTAX},
		{"ENV a=b c", ":1:9:", "'c' has no '='", NULL, ERR_SYNTAX},
		{"LABEL a=b \"=c\"", NULL, NULL, NULL, 0},
		{"ARG", ":1:1:", "ARG needs", NULL, ERR_SYNTAX},
		{"ARG =a", ":1:5:", "a name is missing", NULL, ERR_SYNTAX},
		{"EXPOSE", ":1:1:", "EXPOSE needs", NULL, ERR_SYNTAX},
		{"VOLUME [\" \"]", ":1:9:", "cannot be empty", NULL, ERR_SYNTAX},
		{"VOLUME", ":1:1:", "VOLUME needs", NULL, ERR_SYNTAX},
		{"WORKDIR", ":1:1:", "WORKDIR needs", NULL, ERR_SYNTAX},
		{"HEALTHCHECK", ":1:1:", "CMD or NONE", NULL, ERR_SYNTAX},
		{"HEALTHCHECK CMD", ":1:13:", "a command is missing", NULL, ERR_SYNTAX},
		{"HEALTHCHECK NONE x", ":1:18:", "no arguments", NULL, ERR_SYNTAX},
		{"HEALTHCHECK TCP 7", ":1:13:", "not 'TCP'", NULL, ERR_SYNTAX},
		{"HEALTHCHECK --interval=5 CMD x", ":1:24:", "no duration", NULL, ERR_SYNTAX},
		{"HEALTHCHECK --interval=1us CMD x", ":1:24:", "less than 1ms", NULL, ERR_SYNTAX},
		{"HEALTHCHECK --interval=-1s CMD x", ":1:24:", "less than 1ms", NULL, ERR_SYNTAX},
		{"HEALTHCHECK --retries=x CMD x", ":1:23:", "a number", NULL, ERR_SYNTAX},
		{"HEALTHCHECK --retris=1 CMD x", ":1:13:", "no flag", "--retries", ERR_SYNTAX},
		{"ONBUILD", ":1:1:", "needs an instruction", NULL, ERR_SYNTAX},
		{"ONBUILD FROM a", ":1:9:", "FROM cannot be a trigger", NULL, ERR_SYNTAX},
		{"ONBUILD MAINTAINER a", ":1:9:", "MAINTAINER cannot", NULL, ERR_SYNTAX},
		{"ONBUILD ONBUILD RUN a", ":1:9:", "ONBUILD cannot", NULL, ERR_SYNTAX},
		{"ONBUILD RNU a", ":1:9:", "unknown instruction 'RNU'", NULL, ERR_SYNTAX},
		{"ONBUILD COPY a", ":1:14:", "a source and", NULL, ERR_SYNTAX},
		{"ONBUILD COPY --form=x a b", ":1:14:", "no flag", "--from", ERR_SYNTAX},
	};
	size_t bad = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct one o cleanup_one = {0};
		int r = one_read(&o, cases[i].text);
		if (r != -cases[i].code ||
			(r < 0 && (!strstr(o.e.msg, cases[i].place) ||
					  !strstr(o.e.msg, cases[i].message) ||
					  !strstr(o.e.msg, "^"))) ||
			(cases[i].hint && !strstr(o.e.hint, cases[i].hint))) {
			print_error("%s: %d %s (%s)\n", cases[i].text, r, o.e.msg, o.e.hint);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void test_excerpt(void **state)
{
	struct one o cleanup_one = {0};
	assert_int_equal(one_read(&o, "# c\nCOPY \\\n\t\xc3\xa9 --x \\\n /dst --form=x\n") < 0, 0);
	struct one p cleanup_one = {0};
	assert_true(one_read(&p, "# c\nCOPY \\\n\t--form=\xc3\xa9 \\\n a /dst\n") < 0);
	assert_string_equal(p.e.msg, "Dockerfile:3:2: COPY has no flag '--form'\n"
				     "     3 |  --form=\xc3\xa9 \\\n"
				     "       |  ^~~~~~~~");
	struct one q cleanup_one = {0};
	char text[3000];
	snprintf(text, sizeof(text), "COPY %0500d --form=x %01000d", 1, 2);
	/* the flag stands behind the first operand: it is none */
	assert_ok(one_read(&q, text), &q.e);
	snprintf(text, sizeof(text), "COPY --from=%0500d --form=x %01000d /", 1, 2);
	struct one z cleanup_one = {0};
	assert_true(one_read(&z, text) < 0);
	assert_contains(z.e.msg, "Dockerfile:1:514: COPY has no flag");
	assert_contains(z.e.msg, "\n     1 | ...000000000000000000000000000000000000001 --form=x ");
	assert_contains(z.e.msg, "0...\n       |  ");
	assert_true(strlen(z.e.msg) < 400);
}

static void test_from(void **state)
{
	struct one o cleanup_one = {0};
	struct strv env cleanup_strv = STRV_INIT;
	strv_add(&env, "V=3.20");
	assert_ok(one_read(&o, "FROM --platform=linux/${A:-amd64} alpine:$V aS Base"), &o.e);
	assert_string_equal(o.in.from.name.text, "base");
	assert_ok(one_expand(&o, &env), &o.e);
	assert_string_equal(o.in.from.base.text, "alpine:3.20");
	assert_string_equal(o.in.from.platform.text, "linux/amd64");
	struct one p cleanup_one = {0};
	assert_ok(one_read(&p, "FROM ${NO}"), &p.e);
	assert_true(one_expand(&p, &env) < 0);
	assert_contains(p.e.msg, "Dockerfile:1:6: the base image is empty");
}

static void test_pairs(void **state)
{
	struct one o cleanup_one = {0};
	struct strv env cleanup_strv = STRV_INIT;
	strv_add(&env, "a=old");
	assert_ok(one_read(&o, "ENV a=new b=$a c=\"x y\" d=x\\ y \\\n e='$a' f="), &o.e);
	assert_int_equal(o.in.pairs.n, 6);
	assert_ok(one_expand(&o, &env), &o.e);
	static const char *const values[] = {"new", "old", "x y", "x y", "$a", ""};
	for (size_t i = 0; i < 6; i++)
		assert_string_equal(o.in.pairs.items[i].value.text, values[i]);
	assert_int_equal(o.in.pairs.items[4].name.span.start.line, 2);
	assert_int_equal(o.in.pairs.items[4].name.span.start.column, 2);

	struct one p cleanup_one = {0};
	assert_ok(one_read(&p, "ENV a  b \"c\" = d"), &p.e);
	assert_ok(one_expand(&p, &env), &p.e);
	assert_int_equal(p.in.pairs.n, 1);
	assert_string_equal(p.in.pairs.items[0].value.text, "b c = d");

	struct one q cleanup_one = {0};
	assert_ok(one_read(&q, "ARG x y= z=$a w=\"1 2\""), &q.e);
	assert_int_equal(q.in.pairs.n, 4);
	assert_null(q.in.pairs.items[0].value.text);
	assert_string_equal(q.in.pairs.items[1].value.text, "");
	assert_ok(one_expand(&q, &env), &q.e);
	assert_null(q.in.pairs.items[0].value.text);
	assert_string_equal(q.in.pairs.items[2].value.text, "old");
	assert_string_equal(q.in.pairs.items[3].value.text, "1 2");

	struct dockerfile_pair pair;
	struct dockerfile_expander x = {.lookup = look, .arg = &env};
	assert_ok(one_read(&q, "ARG x y=$x z=${bad"), &q.e);
	strv_add(&env, "x=1");
	assert_ok(dockerfile_pair_expand(&q.in, 1, &x, &q.arena, &pair, &q.e), &q.e);
	assert_string_equal(pair.value.text, "1");
	assert_int_equal(dockerfile_pair_expand(&q.in, 2, &x, &q.arena, &pair, NULL), -ERR_SYNTAX);

	struct one z cleanup_one = {0};
	assert_ok(one_read(&z, "LABEL \"a b\"=c x.y=\"q\\\"r\""), &z.e);
	assert_ok(one_expand(&z, &env), &z.e);
	assert_string_equal(z.in.pairs.items[0].name.text, "a b");
	assert_string_equal(z.in.pairs.items[1].value.text, "q\"r");
}

static void test_copy(void **state)
{
	struct one o cleanup_one = {0};
	struct strv env cleanup_strv = STRV_INIT;
	strv_add(&env, "u=me");
	strv_add(&env, "d=/dst");
	assert_ok(one_read(&o, "COPY --chown=$u:$u --chmod=0644 x$u <<one <<-\"two\" $d/\n"
			       "it's $u \\$u\none\n\t\t$u\n\ttwo\n"),
		&o.e);
	assert_int_equal(o.in.copy.nsources, 3);
	assert_ok(one_expand(&o, &env), &o.e);
	assert_null(o.in.copy.from.text);
	assert_string_equal(o.in.copy.chown.text, "me:me");
	assert_string_equal(o.in.copy.chmod.text, "0644");
	assert_string_equal(o.in.copy.dest.text, "/dst/");
	assert_string_equal(o.in.copy.sources[0].path.text, "xme");
	assert_null(o.in.copy.sources[0].heredoc);
	assert_string_equal(o.in.copy.sources[1].path.text, "one");
	assert_string_equal(o.in.copy.sources[1].content.text, "it's me $u\n");
	assert_string_equal(o.in.copy.sources[2].path.text, "two");
	assert_string_equal(o.in.copy.sources[2].content.text, "$u\n");

	struct one p cleanup_one = {0};
	assert_ok(one_read(&p, "COPY --from=0 [\"a b\", \"<<x\", \"/d\"]"), &p.e);
	assert_string_equal(p.in.copy.from.text, "0");
	assert_string_equal(p.in.copy.sources[0].path.text, "a b");
	assert_null(p.in.copy.sources[1].heredoc);

	struct one q cleanup_one = {0};
	strv_add(&env, "url=https://x.example/");
	assert_ok(one_read(&q, "ADD $url /d"), &q.e);
	assert_int_equal(one_expand(&q, &env), -ERR_UNSUPPORTED);
	assert_contains(q.e.msg, "Dockerfile:1:5: ADD of a URL");
}

static void test_run(void **state)
{
	static const struct {
		const char *text;
		enum dockerfile_run_form form;
		const char *script;
		enum dockerfile_network network;
	} cases[] = {
		{"RUN a  b \\\n c", DOCKERFILE_RUN_SHELL, "a  b  c", 0},
		{"RUN --network=none a", DOCKERFILE_RUN_SHELL, "a", DOCKERFILE_NETWORK_NONE},
		{"RUN --network=host a", DOCKERFILE_RUN_SHELL, "a", DOCKERFILE_NETWORK_HOST},
		{"RUN <<E\na\n\tb\nE", DOCKERFILE_RUN_SCRIPT, "a\n\tb\n", 0},
		{"RUN <<-E\na\n\tb\n\tE\n", DOCKERFILE_RUN_SCRIPT, "a\nb\n", 0},
		{"RUN <<E\n#!/bin/sh\na\nE\n", DOCKERFILE_RUN_FILE, "#!/bin/sh\na\n", 0},
		{"RUN <<E python3\nprint()\nE\n", DOCKERFILE_RUN_SHELL, "<<E python3\nprint()\nE",
			0},
		{"RUN cat <<A <<'B' > x\n1\nA\n2\nB\n", DOCKERFILE_RUN_SHELL,
			"cat <<A <<'B' > x\n1\nA\n2\nB", 0},
		{"RUN echo $((1<<2))", DOCKERFILE_RUN_SHELL, "echo $((1<<2))", 0},
		{"RUN echo '<<E'", DOCKERFILE_RUN_SHELL, "echo '<<E'", 0},
		{"RUN cat <<<word", DOCKERFILE_RUN_SHELL, "cat <<<word", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct one o cleanup_one = {0};
		assert_ok(one_read(&o, cases[i].text), &o.e);
		assert_int_equal(o.in.run.form, cases[i].form);
		assert_string_equal(o.in.run.script.text, cases[i].script);
		assert_int_equal(o.in.run.network, cases[i].network);
		assert_int_equal(o.file->nnodes, 1);
	}
	struct one o cleanup_one = {0};
	assert_ok(one_read(&o, "RUN [\"a\", \"b c\"]"), &o.e);
	assert_int_equal(o.in.run.form, DOCKERFILE_RUN_EXEC);
	assert_int_equal(o.in.run.nargs, 2);
}

static void test_command(void **state)
{
	struct one o cleanup_one = {0}, p cleanup_one = {0}, q cleanup_one = {0},
		     s cleanup_one = {0};
	assert_ok(one_read(&o, "CMD []"), &o.e);
	assert_true(o.in.command.exec);
	assert_int_equal(o.in.command.nargs, 0);
	assert_ok(one_read(&p, "ENTRYPOINT a 'b c'"), &p.e);
	assert_false(p.in.command.exec);
	assert_string_equal(p.in.command.args[0].text, "a 'b c'");
	assert_ok(one_read(&q, "CMD [\"a\"] && b"), &q.e);
	assert_false(q.in.command.exec);
	assert_ok(one_read(&s, "SHELL [\"/bin/bash\", \"-c\"]"), &s.e);
	assert_int_equal(s.in.command.nargs, 2);
}

static void test_health(void **state)
{
	struct one o cleanup_one = {0}, p cleanup_one = {0};
	assert_ok(one_read(&o, "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=0s "
			       "--start-interval=2s --retries=4 cmd curl x || exit 1"),
		&o.e);
	assert_int_equal(o.in.health.interval, 90000000000);
	assert_int_equal(o.in.health.timeout, 500000000);
	assert_int_equal(o.in.health.start_period, 0);
	assert_int_equal(o.in.health.start_interval, 2000000000);
	assert_int_equal(o.in.health.retries, 4);
	assert_false(o.in.health.command.exec);
	assert_string_equal(o.in.health.command.args[0].text, "curl x || exit 1");
	assert_ok(one_read(&p, "HEALTHCHECK none"), &p.e);
	assert_true(p.in.health.none);
}

static void test_lists(void **state)
{
	struct one o cleanup_one = {0}, p cleanup_one = {0}, q cleanup_one = {0},
		     s cleanup_one = {0};
	struct strv env cleanup_strv = STRV_INIT;
	strv_add(&env, "ports=80 90-91/UDP");
	strv_add(&env, "v=/data dir");
	assert_ok(one_read(&o, "EXPOSE $ports 7/sctp $none"), &o.e);
	assert_ok(one_expand(&o, &env), &o.e);
	assert_int_equal(o.in.words.n, 3);
	struct dockerfile_port port;
	assert_ok(dockerfile_port_parse(o.in.words.items[1].text, &port, &o.e), &o.e);
	assert_int_equal(port.first, 90);
	assert_int_equal(port.last, 91);
	assert_string_equal(port.proto, "udp");
	assert_ok(one_read(&p, "VOLUME $v /x"), &p.e);
	assert_ok(one_expand(&p, &env), &p.e);
	assert_string_equal(p.in.words.items[0].text, "/data dir");
	assert_ok(one_read(&q, "EXPOSE 1 70000"), &q.e);
	assert_true(one_expand(&q, &env) < 0);
	assert_contains(q.e.msg, "Dockerfile:1:10: '70000' is no port");
	assert_ok(one_read(&s, "STOPSIGNAL SIGFOO"), &s.e);
	assert_true(one_expand(&s, &env) < 0);
	assert_contains(s.e.msg, "'SIGFOO' is no signal");
	static const char *const bad[] = {"", "x", "80/", "80/icmp", "9-8", "80:80", "-1", "1-"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(dockerfile_port_parse(bad[i], &port, NULL), -ERR_SYNTAX);
}

static void test_onbuild(void **state)
{
	struct one o cleanup_one = {0};
	assert_ok(one_read(&o, "onbuild  copy <<a \\\n /x\nhi\na\n"), &o.e);
	assert_string_equal(o.in.onbuild.expression.text, "copy <<a  /x\nhi\na");
	struct one p cleanup_one = {0}; /* what is stored can be read again */
	assert_ok(one_read(&p, o.in.onbuild.expression.text), &p.e);
	assert_string_equal(p.in.copy.sources[0].content.text, "hi\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_excerpt),
		cmocka_unit_test(test_from),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_run),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_health),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_onbuild),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
