/* kist logs. */
#include "base/clock.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/kist/containers.h"
#include "engine/log.h"
#include "store/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct printer {
	bool times;
	bool whole[2]; /* the stream is at the beginning of a line */
	bool follow;
};

static int print(const struct engine_log_record *r, void *arg)
{
	struct printer *p = arg;
	FILE *out = r->stream == ENGINE_STDERR ? stderr : stdout;
	if (p->times && p->whole[r->stream]) {
		char text[CLOCK_TEXT_MAX];
		clock_format(r->time, text);
		size_t n = strlen(text);
		if (n == 20) /* a whole second: docker prints all nine digits */
			snprintf(text + 19, sizeof(text) - 19, ".000000000Z");
		fprintf(out, "%s ", text);
	}
	fwrite(r->text, 1, r->len, out);
	if (!r->partial)
		fputc('\n', out);
	p->whole[r->stream] = !r->partial;
	/* one stream must not overtake the other, and followers want to see it */
	if ((p->follow || out == stderr) && fflush(out) != 0)
		return -errno;
	if (out == stderr)
		return 0;
	return ferror(out) ? -EPIPE : 0;
}

/* RFC 3339, a date, seconds since 1970 with a fraction, or a duration before now */
static int parse_time(const char *text, int64_t *ret, struct err *e)
{
	int64_t v;
	cleanup_free char *day = mem_printf("%sT00:00:00Z", text);
	cleanup_free char *utc = mem_printf("%sZ", text);
	char *end;
	if (clock_parse(text, ret) == 0 || clock_parse(utc, ret) == 0 || clock_parse(day, ret) == 0)
		return 0;
	double seconds = strtod(text, &end);
	if (end != text && !*end && seconds >= 0 && seconds < 9e9) {
		*ret = (int64_t)(seconds * CLOCK_NS_PER_S);
		return 0;
	}
	if (str_parse_duration(text, &v) == 0) {
		*ret = clock_now() - v;
		return 0;
	}
	return err_set(e, ERR_USAGE, "'%s' is neither a time nor a duration", text);
}

static int read_options(struct cli *c, struct engine_log_options *o)
{
	const char *v = cli_value(c, "tail");
	o->tail = -1;
	if (v && !str_eq(v, "all") && str_parse_i64(v, &o->tail) < 0)
		return err_set(&c->err, ERR_USAGE, "--tail '%s': expected a number or all", v);
	v = cli_value(c, "since");
	int r = v ? parse_time(v, &o->since, &c->err) : 0;
	v = cli_value(c, "until");
	if (r >= 0 && v)
		r = parse_time(v, &o->until, &c->err);
	return r;
}

static int cmd_logs(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	struct printer p = {cli_flag(c, "timestamps"), {true, true}, cli_flag(c, "follow")};
	struct engine_log_options o = {
		.follow = p.follow, .alive_fd = -1, .each = print, .arg = &p};
	int r = read_options(c, &o);
	if (r >= 0)
		r = containers_open(c, &s);
	if (r >= 0)
		r = engine_container_find(&s.g, c->operands[0], &k, &c->err);
	if (r < 0)
		return r;
	cleanup_free char *path = store_container_path(s.store, k.row.id, NULL);
	cleanup_fd int dir = file_open_dir(AT_FDCWD, path, &c->err);
	if (dir < 0)
		return dir;
	cleanup_fd int alive = k.monitored ? proc_pidfd_open(k.state.monitor) : -1;
	o.alive_fd = alive;
	setvbuf(stdout, NULL, _IOFBF, 65536);
	r = engine_log_read(dir, &o, &c->err);
	return r == -EPIPE ? 0 : r;
}

CLI_COMMAND(logs, cmd_logs);
