/*
 * Tables for people: columns as wide as their widest cell, three blanks between
 * them, as docker prints. And templates for scripts: `--format`.
 */
#pragma once

#include "base/defs.h"

#include <stdio.h>

struct err;
struct json_t;

struct cli_table {
	size_t columns;
	char **cells; /* rows * columns, the header is the first row */
	size_t n, cap;
};

void cli_table_init(struct cli_table *t, size_t columns);
void cli_table_add(struct cli_table *t, const char *cell); /* copies; NULL is "" */
void cli_table_print(const struct cli_table *t, FILE *out);
void cli_table_release(struct cli_table *t);

/* Prints template with {{.Field}} and {{.Outer.Inner}} replaced from object (strings as they are,
 * others as JSON), {{json .}} and {{json .Field}}, \t and \n, and a newline at the end.
 * An unknown field is an error that lists the known ones. */
int cli_format(const char *template, const struct json_t *object, FILE *out, struct err *e);
/* A JSON document on lines of its own, indented by 4, or on one line. */
void cli_print_json(const struct json_t *value, bool indent, FILE *out);
