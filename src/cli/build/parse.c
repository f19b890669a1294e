/* kist parse [--format sexp|json] FILE|- */
#include "base/buf.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "cli/cli.h"
#include "dockerfile/parse.h"

#include <fcntl.h>
#include <unistd.h>

static int cmd_parse(struct cli *c)
{
	const char *format = cli_value(c, "format"), *path = c->operands[0];
	bool json = str_eq(format, "json");
	if (format && !json && !str_eq(format, "sexp"))
		return err_set(
			&c->err, ERR_USAGE, "--format is 'sexp' or 'json', not '%s'", format);

	/* one byte more than the parser takes, so that it says what is too large */
	struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_DOCKERFILE + 1);
	int r;
	if (str_eq(path, "-")) {
		r = io_read_to_end(STDIN_FILENO, &bytes);
		if (r < 0)
			err_sysno(&c->err, r, "read standard input");
	} else {
		r = file_read(AT_FDCWD, path, &bytes, &c->err);
	}
	if (r < 0)
		return r;

	struct dockerfile *f cleanup_dockerfile = NULL;
	r = dockerfile_parse(path, buf_str(&bytes), bytes.len, &f, &c->err);
	if (r < 0)
		return r;
	struct buf out cleanup_buf = BUF_INIT;
	if (json)
		dockerfile_print_json(f, &out);
	else
		dockerfile_print_sexp(f, &out);
	fwrite(out.data, 1, out.len, stdout);
	return 0;
}

CLI_COMMAND(parse, cmd_parse);
