/* Tables and templates; see the header. */
#include "cli/table.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

void cli_table_init(struct cli_table *t, size_t columns)
{
	*t = (struct cli_table){.columns = columns};
}

void cli_table_add(struct cli_table *t, const char *cell)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->cells = mem_realloc(t->cells, t->cap, sizeof(*t->cells));
	}
	t->cells[t->n++] = mem_strdup(cell ? cell : "");
}

/* characters, not bytes: UTF-8 continuation bytes take no column */
static size_t width(const char *s)
{
	size_t n = 0;
	for (; *s; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

void cli_table_print(const struct cli_table *t, FILE *out)
{
	size_t *widths = mem_array(t->columns, sizeof(*widths));
	for (size_t i = 0; i < t->n; i++)
		widths[i % t->columns] = MAX(widths[i % t->columns], width(t->cells[i]));
	for (size_t i = 0; i < t->n; i++) {
		size_t column = i % t->columns;
		bool last = column + 1 == t->columns;
		fputs(t->cells[i], out);
		if (last)
			fputc('\n', out);
		else
			fprintf(out, "%*s", (int)(widths[column] - width(t->cells[i]) + 3), "");
	}
	free(widths);
}

void cli_table_release(struct cli_table *t)
{
	for (size_t i = 0; i < t->n; i++)
		free(t->cells[i]);
	free(t->cells);
	*t = (struct cli_table){0};
}

void cli_print_json(const json_t *value, bool indent, FILE *out)
{
	json_dumpf(value, out,
		JSON_ENCODE_ANY | JSON_PRESERVE_ORDER | (indent ? JSON_INDENT(4) : JSON_COMPACT));
	fputc('\n', out);
}

static int unknown_field(const json_t *object, const char *name, struct err *e)
{
	struct buf names cleanup_buf = BUF_INIT;
	const char *key;
	json_t *value;
	json_object_foreach ((json_t *)object, key, value)
		buf_printf(&names, "%s.%s", names.len ? ", " : "", key);
	int r = err_set(e, ERR_USAGE, "--format: there is no field '.%s'", name);
	err_hint(e, "fields: %s", buf_str(&names));
	return r;
}

/* "A.B.C" below object */
static int find_field(const json_t *object, const char *path, const json_t **ret, struct err *e)
{
	cleanup_free char *copy = mem_strdup(path);
	char *p = copy;
	const json_t *v = object;
	while (*p) {
		size_t len = strcspn(p, ".");
		bool more = p[len] == '.';
		p[len] = 0;
		const json_t *next = json_is_object(v) ? json_object_get(v, p) : NULL;
		if (!next)
			return unknown_field(v, p, e);
		v = next;
		p += len + more;
	}
	*ret = v;
	return 0;
}

static void print_value(const json_t *v, bool as_json, FILE *out)
{
	if (json_is_string(v) && !as_json) {
		fputs(json_string_value(v), out);
		return;
	}
	if (json_is_null(v) && !as_json)
		return;
	json_dumpf(v, out, JSON_ENCODE_ANY | JSON_PRESERVE_ORDER | JSON_COMPACT);
}

/* The inside of one {{ }}: ".A.B", "json .", "json .A" */
static int print_action(
	const char *text, size_t len, const json_t *object, FILE *out, struct err *e)
{
	while (len && text[0] == ' ') {
		text++;
		len--;
	}
	while (len && text[len - 1] == ' ')
		len--;
	cleanup_free char *copy = mem_strndup(text, len);
	const char *path = copy;
	bool as_json = str_starts(path, "json ");
	if (as_json)
		path += 5 + strspn(path + 5, " ");
	const json_t *v = NULL;
	if (*path != '.' || strchr(path, ' ')) {
		int r = err_set(e, ERR_USAGE, "--format: '{{%s}}' is not understood", copy);
		err_hint(e, "use {{.Field}}, {{json .Field}} or {{json .}}");
		return r;
	}
	int r = find_field(object, path + 1, &v, e);
	if (r < 0)
		return r;
	print_value(v, as_json, out);
	return 0;
}

int cli_format(const char *template, const json_t *object, FILE *out, struct err *e)
{
	const char *p = template;
	while (*p) {
		if (p[0] == '\\' && (p[1] == 't' || p[1] == 'n')) {
			fputc(p[1] == 't' ? '\t' : '\n', out);
			p += 2;
		} else if (p[0] == '{' && p[1] == '{') {
			const char *end = strstr(p, "}}");
			if (!end)
				return err_set(e, ERR_USAGE, "--format: '{{' without '}}'");
			int r = print_action(p + 2, (size_t)(end - p - 2), object, out, e);
			if (r < 0)
				return r;
			p = end + 2;
		} else {
			fputc(*p++, out);
		}
	}
	fputc('\n', out);
	return 0;
}
