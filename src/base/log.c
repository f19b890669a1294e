/* The one sink for notes; see the header. */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static enum log_level most_wanted = LOG_WARN;
static log_sink current_sink;

void log_set(enum log_level most, log_sink sink)
{
	most_wanted = most;
	current_sink = sink;
}

bool log_wants(enum log_level level)
{
	return current_sink && level <= most_wanted;
}

void log_write(enum log_level level, const char *fmt, ...)
{
	if (!log_wants(level))
		return;
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(text, sizeof(text), fmt, ap) < 0)
		text[0] = 0;
	va_end(ap);
	current_sink(level, text);
}
