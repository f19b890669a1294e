/* kist build: from the command line to a build, and its end. */
#include "build/build.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/str.h"
#include "build/context.h"
#include "build/tree.h"
#include "cli/build/progress.h"
#include "cli/build/shell.h"
#include "cli/cli.h"
#include "cli/fetch.h"
#include "cli/stop.h"
#include "cli/store.h"
#include "network/names.h"
#include "oci/descriptor.h"
#include "oci/reference.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct command {
	struct cli *c;
	struct store *store;
	struct build_context context;
	struct strv args, labels, hosts, tags, fetch;
	char tmp[STORE_TMP_NAME]; /* of a context from standard input */
	int tmp_fd;
	struct build_request q;
	struct build_fetches begun; /* while the context was being read */
	struct oci_platform platform;
	struct progress *progress;
	char *retry;
};

/* ---- options ---- */

static int read_pairs(struct command *m, const char *name, struct strv *to, bool environment)
{
	struct cli *c = m->c;
	for (size_t i = 0; i < cli_count(c, name); i++) {
		const char *text = cli_value_at(c, name, i);
		const char *eq = strchr(text, '=');
		if (text[0] == '=' || !*text)
			return err_set(
				&c->err, ERR_USAGE, "--%s %s: a name is missing", name, text);
		cleanup_free char *key = mem_strndup(text, eq ? (size_t)(eq - text) : strlen(text));
		const char *value = eq ? eq + 1 : environment ? getenv(key) : "";
		if (value)
			strv_env_set(to, key, value);
	}
	return 0;
}

static int read_network(struct command *m)
{
	const char *text = cli_value(m->c, "network");
	if (!text || str_eq(text, "bridge") || str_eq(text, "default"))
		m->q.network = BUILD_NETWORK_DEFAULT;
	else if (str_eq(text, "none"))
		m->q.network = BUILD_NETWORK_NONE;
	else if (str_eq(text, "host"))
		m->q.network = BUILD_NETWORK_HOST;
	else
		return err_set(&m->c->err, ERR_USAGE,
			"--network %s: it must be bridge, none or host", text);
	return 0;
}

static int read_epoch(struct command *m)
{
	const char *text = strv_env_get(&m->args, "SOURCE_DATE_EPOCH");
	if (!text)
		text = getenv("SOURCE_DATE_EPOCH");
	if (str_empty(text))
		return 0;
	uint64_t seconds;
	if (str_parse_u64(text, 10, &seconds) < 0 || seconds > (1ULL << 33))
		return err_set(&m->c->err, ERR_USAGE,
			"SOURCE_DATE_EPOCH=%s is no number of seconds since 1970", text);
	m->q.has_epoch = true;
	m->q.epoch = (int64_t)seconds;
	strv_env_set(&m->args, "SOURCE_DATE_EPOCH", text); /* for an ARG of this name */
	return 0;
}

static int read_tags(struct command *m)
{
	for (size_t i = 0; i < cli_count(m->c, "tag"); i++) {
		char tag[OCI_REFERENCE_MAX];
		int r = oci_reference_tag(cli_value_at(m->c, "tag", i), tag, &m->c->err);
		if (r < 0)
			return r;
		if (!strv_has(&m->tags, tag))
			strv_add(&m->tags, tag);
	}
	return 0;
}

static int read_hosts(struct command *m)
{
	for (size_t i = 0; i < cli_count(m->c, "add-host"); i++) {
		const char *text = cli_value_at(m->c, "add-host", i), *ip;
		size_t len;
		int r = network_host_parse(text, &len, &ip, &m->c->err);
		if (r < 0)
			return r;
		strv_add(&m->hosts, text);
	}
	return 0;
}

static int read_mode(struct command *m, enum progress_mode *ret)
{
	const char *text = cli_value(m->c, "progress");
	if (!text || str_eq(text, "auto"))
		*ret = isatty(STDERR_FILENO) && !str_eq(getenv("TERM"), "dumb") ? PROGRESS_TTY
										: PROGRESS_PLAIN;
	else if (str_eq(text, "plain"))
		*ret = PROGRESS_PLAIN;
	else if (str_eq(text, "tty"))
		*ret = PROGRESS_TTY;
	else if (str_eq(text, "quiet"))
		*ret = PROGRESS_QUIET;
	else
		return err_set(&m->c->err, ERR_USAGE,
			"--progress %s: it must be auto, plain, tty or quiet", text);
	if (cli_flag(m->c, "quiet"))
		*ret = PROGRESS_QUIET;
	return 0;
}

static int read_on_error(struct command *m)
{
	const char *text = cli_value(m->c, "on-error");
	if (!text || str_eq(text, "fail"))
		return 0;
	if (!str_eq(text, "shell"))
		return err_set(
			&m->c->err, ERR_USAGE, "--on-error %s: it must be fail or shell", text);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return err_set(&m->c->err, ERR_USAGE, "--on-error=shell needs a terminal");
	m->q.failed = shell_in_step;
	return 0;
}

/* --pull alone is docker's: look for newer ones, and fail when nobody answers. */
static int read_pull(struct command *m)
{
	static const struct {
		const char *word, *policy;
		enum build_pull pull;
	} words[] = {
		{"missing", "missing", BUILD_PULL_MISSING},
		{"false", "missing", BUILD_PULL_MISSING},
		{"always", "always", BUILD_PULL_ALWAYS},
		{"true", "always", BUILD_PULL_ALWAYS},
		{"newer", "newer", BUILD_PULL_NEWER},
		{"never", "never", BUILD_PULL_NEVER},
	};
	const char *text = "missing";
	if (cli_count(m->c, "pull"))
		text = cli_value(m->c, "pull") ?: "always";
	size_t i = 0;
	while (i < ARRAY_SIZE(words) && !str_eq(words[i].word, text))
		i++;
	if (i == ARRAY_SIZE(words))
		return err_set(&m->c->err, ERR_USAGE,
			"--pull=%s: it is always, missing, newer or never", text);
	m->q.pull = words[i].pull;
	cli_fetch_command(m->c, words[i].policy, &m->fetch);
	strv_add(&m->fetch, "--announce");
	m->q.fetch = &m->fetch;
	return 0;
}

static int read_platform(struct command *m)
{
	const char *text = cli_value(m->c, "platform");
	if (!text)
		return 0;
	if (strchr(text, ',')) {
		int r = err_set(&m->c->err, ERR_UNSUPPORTED,
			"--platform %s: one platform is built at a time", text);
		err_hint(&m->c->err, "build each under a name of its own and join them: kist "
				     "manifest create NAME NAME-amd64 NAME-arm64");
		return r;
	}
	int r = oci_platform_parse(text, &m->platform, &m->c->err);
	if (r < 0)
		return err_wrap(&m->c->err, r, "--platform");
	m->q.platform = &m->platform;
	return 0;
}

static int read_options(struct command *m)
{
	int r = read_pairs(m, "build-arg", &m->args, true);
	if (r >= 0)
		r = read_pairs(m, "label", &m->labels, false);
	if (r >= 0)
		r = read_network(m);
	if (r >= 0)
		r = read_epoch(m);
	if (r >= 0)
		r = read_tags(m);
	if (r >= 0)
		r = read_hosts(m);
	if (r >= 0)
		r = read_on_error(m);
	if (r >= 0)
		r = read_pull(m);
	if (r >= 0)
		r = read_platform(m);
	if (r >= 0)
		r = outfile_check(cli_value(m->c, "iidfile"), &m->c->err);
	m->q.target = cli_value(m->c, "target");
	m->q.no_cache = cli_flag(m->c, "no-cache");
	m->q.explain = cli_flag(m->c, "explain");
	return r;
}

/* ---- the context ---- */

static int make_tmp(void *arg, struct err *e)
{
	struct command *m = arg;
	m->tmp_fd = store_tmp_dir(m->store, m->tmp, e);
	return m->tmp_fd < 0 ? m->tmp_fd : fcntl(m->tmp_fd, F_DUPFD_CLOEXEC, 3);
}

/* The images that the Dockerfile names come while the rest of the context does. */
static void begin_fetches(void *arg, const struct buf *file)
{
	struct command *m = arg;
	build_fetch_early(&m->q, file);
}

static void fill_request(struct command *m)
{
	struct build_request *q = &m->q;
	q->store = m->store;
	q->context = &m->context;
	q->build_args = &m->args;
	q->labels = &m->labels;
	q->add_hosts = &m->hosts;
	q->tags = &m->tags;
	q->stop = cli_stop_flag();
	q->begun = &m->begun;
}

static int open_context(struct command *m)
{
	struct cli *c = m->c;
	const char *file = cli_value(c, "file");
	if (c->n_operands == 0) {
		int r = err_set(&c->err, ERR_USAGE, "the build context is missing: a directory");
		if (file)
			err_hint(&c->err, "for the current directory: kist build -f %s .", file);
		else
			err_hint(&c->err, "for the current directory: kist build .");
		return r;
	}
	if (str_eq(c->operands[0], "-") && isatty(STDIN_FILENO))
		return err_set(&c->err, ERR_USAGE,
			"standard input is a terminal: pipe a tar archive or a Dockerfile into it");
	struct build_context_options o = {
		.path = c->operands[0],
		.file = file,
		.stdin_fd = STDIN_FILENO,
		.unpack_dir = make_tmp,
		.early = cli_flag(c, "print-context") ? NULL : begin_fetches,
		.stop = cli_stop_flag(),
		.arg = m,
	};
	return build_context_open(&o, &m->context, &c->err);
}

/* What the build sees, and what hides the rest. */
static int print_context(struct command *m)
{
	struct build_context *x = &m->context;
	if (x->fd < 0)
		return 0; /* a Dockerfile from standard input: nothing at all */
	struct build_tree t cleanup_build_tree = BUILD_TREE_INIT;
	struct build_tree_options o = {
		.ignore = x->ignore, .flags = BUILD_TREE_EXCLUDED, .stop = cli_stop_flag()};
	int r = build_tree_walk(x->fd, "", &o, &t, &m->c->err);
	for (size_t i = 1; i < t.n && r >= 0; i++) {
		const struct build_file *f = &t.v[i];
		const char *slash = (f->mode & S_IFMT) == S_IFDIR ? "/" : "";
		if (f->pattern)
			printf("excluded  %s%s  (pattern '%s', %s:%u)\n", f->path, slash,
				f->pattern, x->ignore_name, f->line);
		else
			printf("included  %s%s\n", f->path, slash);
	}
	return r;
}

/* ---- the end ---- */

static int write_iidfile(struct command *m, const char *id)
{
	return outfile_write(cli_value(m->c, "iidfile"), id, &m->c->err);
}

static int finish(struct command *m, const struct build_result *got, enum progress_mode mode)
{
	if (m->q.explain) {
		if (!got->ran)
			printf("nothing would run: all %zu steps are in the cache\n", got->steps);
		else
			printf("%zu of %zu steps would run\n", got->ran, got->steps);
		return 0;
	}
	if (mode == PROGRESS_QUIET) {
		printf("%s\n", got->image);
	} else {
		printf("Built %s, %zu of %zu steps from the cache\n", got->image, got->cached,
			got->steps);
		for (size_t i = 0; i < m->tags.n; i++)
			printf("Tagged %s\n", m->tags.v[i]);
	}
	return write_iidfile(m, got->image);
}

/* The same command, with a shell where it fails. */
static char *retry_command(const struct cli *c)
{
	struct strv words cleanup_strv = STRV_INIT;
	strv_add(&words, "kist build --on-error=shell");
	for (size_t i = 0; i < c->n_values; i++) {
		const struct cli_value *v = &c->values[i];
		/* what would show a secret on the terminal is left to be typed again */
		if (v->text && !str_eq(v->opt->name, "creds"))
			strv_addf(&words, "--%s='%s'", v->opt->name, v->text);
	}
	strv_add(&words, c->operands[0]);
	return strv_join(&words, " ");
}

static int build(struct command *m)
{
	enum progress_mode mode = PROGRESS_PLAIN;
	int r = read_mode(m, &mode);
	if (r < 0)
		return r;
	struct build_request *q = &m->q;
	q->event = progress_event;
	m->retry = retry_command(m->c);
	q->retry = m->retry;
	m->progress = progress_new(q->explain ? stdout : stderr,
		q->explain && mode == PROGRESS_TTY ? PROGRESS_PLAIN : mode, q->explain);
	q->arg = m->progress;
	struct build_result got;
	r = build_run(q, &got, &m->c->err);
	progress_free(m->progress);
	if (r == -ERR_INTERRUPTED) {
		fprintf(stderr, "kist: the build was interrupted\n");
		return 128 + *q->stop;
	}
	return r < 0 ? r : finish(m, &got, mode);
}

static int cmd_build(struct cli *c)
{
	struct command m = {.c = c, .tmp_fd = -1, .context.fd = -1};
	int r = read_options(&m);
	if (r >= 0)
		r = cli_store_open(c, &m.store, &c->err);
	if (r >= 0) {
		cli_stop_catch();
		fill_request(&m);
		r = open_context(&m);
	}
	if (r >= 0)
		r = cli_flag(c, "print-context") ? print_context(&m) : build(&m);
	build_fetches_release(&m.begun);
	build_context_release(&m.context);
	if (m.tmp_fd >= 0)
		store_tmp_remove(m.store, m.tmp, m.tmp_fd, NULL);
	store_close(m.store);
	strv_release(&m.args);
	strv_release(&m.labels);
	strv_release(&m.hosts);
	oci_platform_release(&m.platform);
	strv_release(&m.tags);
	strv_release(&m.fetch);
	free(m.retry);
	return r;
}

CLI_COMMAND(build, cmd_build);
