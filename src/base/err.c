/* Collects one error's sentence and hint; see the header. Does not print. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *err_text(int code)
{
	static const char *const texts[] = {
		[ERR_SYNTAX - ERR_FIRST] = "syntax error",
		[ERR_LIMIT - ERR_FIRST] = "limit exceeded",
		[ERR_DIGEST - ERR_FIRST] = "digest mismatch",
		[ERR_FORMAT - ERR_FIRST] = "invalid format",
		[ERR_UNSUPPORTED - ERR_FIRST] = "not supported",
		[ERR_NOT_FOUND - ERR_FIRST] = "not found",
		[ERR_EXISTS - ERR_FIRST] = "already exists",
		[ERR_IN_USE - ERR_FIRST] = "in use",
		[ERR_STATE - ERR_FIRST] = "wrong state",
		[ERR_CHILD - ERR_FIRST] = "command failed",
		[ERR_INTERRUPTED - ERR_FIRST] = "interrupted",
		[ERR_NOEXEC - ERR_FIRST] = "cannot be executed",
		[ERR_NOPROG - ERR_FIRST] = "executable file not found",
		[ERR_USAGE - ERR_FIRST] = "usage error",
	};
	if (code < 0)
		code = -code;
	if (code >= ERR_FIRST && (size_t)(code - ERR_FIRST) < ARRAY_SIZE(texts))
		return texts[code - ERR_FIRST];
	return strerror(code);
}

/* Cuts at the end of the array instead of failing: a long message is still a message. */
static void format_into(char *buf, size_t size, const char *fmt, va_list ap)
{
	if (vsnprintf(buf, size, fmt, ap) < 0)
		buf[0] = 0;
}

int err_set(struct err *e, int code, const char *fmt, ...)
{
	if (e && !e->code) {
		va_list ap;
		va_start(ap, fmt);
		e->code = code;
		format_into(e->msg, sizeof(e->msg), fmt, ap);
		va_end(ap);
	}
	return -code;
}

static int set_errno(struct err *e, int code, const char *fmt, va_list ap)
{
	if (e && !e->code) {
		e->code = code;
		format_into(e->msg, sizeof(e->msg), fmt, ap);
		size_t len = strlen(e->msg);
		snprintf(e->msg + len, sizeof(e->msg) - len, ": %s", err_text(code));
	}
	return -code;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int code = errno ? errno : EIO;
	va_list ap;
	va_start(ap, fmt);
	int r = set_errno(e, code, fmt, ap);
	va_end(ap);
	return r;
}

int err_sysno(struct err *e, int r, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	r = set_errno(e, r < 0 ? -r : r, fmt, ap);
	va_end(ap);
	return r;
}

int err_wrap(struct err *e, int r, const char *fmt, ...)
{
	if (!e)
		return r;
	char context[sizeof(e->msg) / 2], inner[sizeof(e->msg)];
	va_list ap;
	va_start(ap, fmt);
	format_into(context, sizeof(context), fmt, ap);
	va_end(ap);
	if (!e->code) {
		e->code = r < 0 ? -r : r;
		snprintf(e->msg, sizeof(e->msg), "%s", err_text(r));
	}
	memcpy(inner, e->msg, sizeof(inner));
	if (snprintf(e->msg, sizeof(e->msg), "%s: %s", context, inner) < 0)
		e->msg[0] = 0;
	return r;
}

void err_hint(struct err *e, const char *fmt, ...)
{
	if (!e || e->hint[0])
		return;
	va_list ap;
	va_start(ap, fmt);
	format_into(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
}

void err_clear(struct err *e)
{
	if (e)
		*e = (struct err)ERR_INIT;
}
