/* What kist says on standard error, and the last word on standard output. */
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void cli_error(const struct err *e)
{
	fflush(stdout);
	fprintf(stderr, "kist: %s\n", e->code ? e->msg : "unknown error");
	if (e->hint[0])
		fprintf(stderr, "hint: %s\n", e->hint);
}

void cli_warn(const char *fmt, ...)
{
	va_list ap;
	fflush(stdout);
	fputs("kist: warning: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

int cli_flush(struct err *e)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_sys(e, "write to standard output");
	return 0;
}
