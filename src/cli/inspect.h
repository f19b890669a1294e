/* The documents of `kist inspect`. */
#pragma once

#include "cli/cli.h"

struct json_t;
struct store;

/* The caller's; -ERR_NOT_FOUND when there is no such thing. */
int cli_inspect_image(
	struct cli *c, struct store *s, const char *text, struct json_t **ret, struct err *e);
int cli_inspect_container(
	struct cli *c, struct store *s, const char *text, struct json_t **ret, struct err *e);
