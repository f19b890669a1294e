/*
 * Properties of a scope that a config's annotations name, as runc and crun take them:
 * "org.systemd.property.TimeoutStopUSec": "uint64 5000000". Values are GVariant's text
 * (gvariant-text(7)): booleans, whole numbers with or without their type, strings and arrays of
 * strings. A name that ends in "Sec" has seconds, perhaps with a fraction, and goes as "USec".
 * Pure; see systemd.h.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/config.h"
#include "runtime/dbus_priv.h"
#include "runtime/systemd.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define VALUE_MAX 4096

/* A quoted string at *text, put into out (as long as text at most); *text is behind it */
static bool take_string(const char **text, char *out)
{
	const char *s = *text;
	char quote = *s++;
	if (quote != '\'' && quote != '"')
		return false;
	for (; *s && *s != quote; s++) {
		if (*s == '\\' && !strchr("\\'\"", *++s))
			return false; /* \n, \u0041: nobody names a unit so */
		if (!*s)
			return false;
		*out++ = *s;
	}
	*out = 0;
	*text = s + 1;
	return *s == quote;
}

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

/* ['a', 'b']; @as [] */
static bool put_strings(const char *text, struct buf *out)
{
	char part[VALUE_MAX];
	bool typed = str_starts(text, "@as ");
	if (typed)
		text = skip_blanks(text + strlen("@as "));
	if (*text++ != '[')
		return false;
	dbus_put_sig(out, "as");
	size_t at = dbus_array_begin(out, 4), n = 0;
	text = skip_blanks(text);
	while (*text && *text != ']') {
		if (!take_string(&text, part))
			return false;
		dbus_put_str(out, part);
		n++;
		text = skip_blanks(text);
		if (*text == ',')
			text = skip_blanks(text + 1);
		else if (*text != ']')
			return false;
	}
	dbus_array_end(out, at, 4);
	return str_eq(text, "]") && (n || typed);
}

static bool put_number(const char *text, struct buf *out)
{
	static const struct {
		const char *word, *type;
	} types[] = {
		{"uint64 ", "t"}, {"int64 ", "x"}, {"uint32 ", "u"}, {"int32 ", "i"}, {"", "i"}};
	size_t i = 0;
	while (!str_starts(text, types[i].word))
		i++;
	text = skip_blanks(text + strlen(types[i].word));
	const char *type = types[i].type;
	char *end;
	errno = 0;
	bool minus = *text == '-';
	long long v = minus ? strtoll(text, &end, 10) : (long long)strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[minus]) || *end || errno)
		return false;
	bool wide = *type == 't' || *type == 'x';
	if ((minus && strchr("tu", *type)) || (!minus && *type != 't' && v < 0) ||
		(*type == 'u' && v > UINT32_MAX) ||
		(*type == 'i' && (v > INT32_MAX || v < INT32_MIN)))
		return false;
	dbus_put_sig(out, type);
	if (wide)
		dbus_put_u64(out, (uint64_t)v);
	else
		dbus_put_u32(out, (uint32_t)v);
	return true;
}

static bool put_seconds(const char *text, struct buf *out)
{
	char *end;
	const char *space = strrchr(text, ' '); /* "uint64 5" */
	const char *digits = space ? space + 1 : text;
	double v = strtod(digits, &end);
	if (!isdigit((unsigned char)*digits) || *end || !(v >= 0 && v < 1e12))
		return false;
	dbus_put_sig(out, "t");
	dbus_put_u64(out, (uint64_t)(v * 1e6 + 0.5));
	return true;
}

static bool put_value(const char *text, bool seconds, struct buf *out)
{
	char string[VALUE_MAX];
	bool yes = str_eq(text, "true");
	if (seconds)
		return put_seconds(text, out);
	if (yes || str_eq(text, "false")) {
		dbus_put_sig(out, "b");
		dbus_put_bool(out, yes);
		return true;
	}
	if (*text == '\'' || *text == '"') {
		if (!take_string(&text, string) || *text)
			return false;
		dbus_put_sig(out, "s");
		dbus_put_str(out, string);
		return true;
	}
	return *text == '[' || *text == '@' ? put_strings(text, out) : put_number(text, out);
}

static int put_property(
	const char *key, const char *name, const char *text, struct buf *out, struct err *e)
{
	size_t len = strlen(name);
	bool letters = len >= 3;
	for (const char *c = name; *c; c++)
		letters = letters && isalpha((unsigned char)*c);
	if (!letters)
		return err_set(
			e, ERR_FORMAT, "annotation '%s': '%s' is no name of a property", key, name);
	bool seconds = len > 4 && str_ends(name, "Sec") && islower((unsigned char)name[len - 4]);
	cleanup_free char *in_us = mem_printf("%.*sUSec", (int)len - 3, name);
	text = skip_blanks(text);
	dbus_put_struct(out);
	dbus_put_str(out, seconds ? in_us : name);
	if (strlen(text) < VALUE_MAX && put_value(text, seconds, out))
		return 0;
	int r = err_set(e, ERR_FORMAT, "annotation '%s': '%.100s' is no value that systemd gets",
		key, text);
	err_hint(e, "such as true, uint64 5000000, 'text' or ['a.service', 'b.service']");
	return r;
}

int systemd_annotations(const struct runtime_pairs *a, struct buf *out, struct err *e)
{
	for (size_t i = 0; i < a->n; i++) {
		const char *key = a->v[i].key;
		if (!str_starts(key, SYSTEMD_ANNOTATION))
			continue;
		int r = put_property(key, key + strlen(SYSTEMD_ANNOTATION), a->v[i].value, out, e);
		if (r < 0)
			return r;
	}
	return 0;
}
