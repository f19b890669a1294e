/* Messages: to the log that engines read for the reason of a failure, and to stderr. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The length of a well-formed UTF-8 sequence at s, 0 when it is none (RFC 3629) */
static size_t utf8_length(const unsigned char *s)
{
	size_t n = s[0] < 0x80                   ? 1
		   : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		   : (s[0] & 0xf0) == 0xe0       ? 3
		   : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
						 : 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if (n == 3 && ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f)))
		return 0;
	if (n == 4 && ((s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f)))
		return 0;
	return n;
}

/* A message may quote any bytes of a config; a JSON document is UTF-8. */
static void add_json_text(struct buf *b, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	while (*s) {
		size_t n = utf8_length(s);
		if (n == 0)
			buf_add_char(b, '?');
		else if (*s < 0x20 || *s == 0x7f)
			buf_printf(b, "\\u%04x", *s);
		else if (*s == '"' || *s == '\\')
			buf_printf(b, "\\%c", *s);
		else
			buf_add(b, s, n);
		s += n ? n : 1;
	}
}

static void add_json(struct buf *b, const char *level, const char *text, const char *hint)
{
	char time[CLOCK_TEXT_MAX];
	buf_printf(b, "{\"level\":\"%s\",\"msg\":\"", level);
	add_json_text(b, text);
	if (!str_empty(hint)) {
		buf_add_str(b, " (");
		add_json_text(b, hint);
		buf_add_char(b, ')');
	}
	buf_printf(b, "\",\"time\":\"%s\"}\n", clock_format(clock_now(), time));
}

/* One line: what a config or an image calls its files must not move a terminal's cursor. */
static void add_line(struct buf *b, const char *head, const char *text)
{
	buf_printf(b, "kist-runtime: %s", head);
	for (; *text; text++)
		buf_add_char(b, iscntrl((unsigned char)*text) ? '?' : *text);
	buf_add_char(b, '\n');
}

static void add_text(struct buf *b, const char *level, const char *text, const char *hint)
{
	char head[32] = "";
	if (!str_eq(level, "error"))
		snprintf(head, sizeof(head), "%s: ", level);
	add_line(b, head, text);
	if (!str_empty(hint))
		add_line(b, "hint: ", hint);
}

void message(const char *level, const char *text, const char *hint)
{
	cleanup_fd int fd = -1;
	if (global.log)
		fd = open(global.log, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY | O_CLOEXEC, 0644);
	struct buf b cleanup_buf = BUF_INIT;
	if (global.log && fd < 0)
		dprintf(2, "kist-runtime: warning: log '%s': %s\n", global.log, strerror(errno));
	if (str_eq(global.log_format, "json") && (fd >= 0 || !global.log))
		add_json(&b, level, text, hint);
	else
		add_text(&b, level, text, hint);
	io_write_all(fd >= 0 ? fd : 2, b.data, b.len);
	/* engines show stderr, and read the log only when told to */
	if (fd >= 0 && str_eq(level, "error")) {
		b.len = 0;
		add_text(&b, level, text, hint);
		io_write_all(2, b.data, b.len);
	}
}
