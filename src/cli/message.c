/* What kist says on standard error, and the last word on standard output. */
#include "base/mem.h"
#include "cli/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Names in messages may come from archives and Dockerfiles of strangers: no byte of them shall
 * steer the terminal. Lines and tabs are ours; C1 controls are 0xc2 and one of 0x80 to 0x9f. */
static void put_text(const char *s)
{
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		bool c1 = p[0] == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0;
		bool control = (*p < ' ' && *p != '\n' && *p != '\t') || *p == 0x7f;
		putc(control || c1 ? '?' : *p, stderr);
		p += c1;
	}
}

void cli_error(const struct err *e)
{
	fflush(stdout);
	fputs("kist: ", stderr);
	put_text(e->code ? e->msg : "unknown error");
	if (e->hint[0]) {
		fputs("\nhint: ", stderr);
		put_text(e->hint);
	}
	putc('\n', stderr);
}

void cli_note(const char *text)
{
	fputs("kist: ", stderr);
	put_text(text);
	putc('\n', stderr);
}

void cli_warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *text = mem_vprintf(fmt, ap);
	va_end(ap);
	fflush(stdout);
	fputs("kist: warning: ", stderr);
	put_text(text);
	putc('\n', stderr);
}

int cli_flush(struct err *e)
{
	errno = 0;
	if (fflush(stdout) != 0 || ferror(stdout))
		return err_sys(e, "write to standard output");
	return 0;
}
