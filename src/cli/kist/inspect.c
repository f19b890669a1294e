/* kist inspect: containers and images by name. */
#include "base/str.h"
#include "base/strv.h"
#include "cli/inspect.h"
#include "cli/store.h"
#include "cli/table.h"

#include <jansson.h>

static int find(struct cli *c, struct store *s, const char *text, json_t **ret, struct err *e)
{
	const char *type = cli_value(c, "type");
	int r = -ERR_NOT_FOUND;
	if (!str_eq(type, "image"))
		r = cli_inspect_container(c, s, text, ret, e);
	if (r != -ERR_NOT_FOUND || str_eq(type, "container"))
		return r;
	err_clear(e);
	r = cli_inspect_image(c, s, text, ret, e);
	if (r == -ERR_NOT_FOUND && !type) {
		err_clear(e);
		return err_set(e, ERR_NOT_FOUND, "no such container or image: %s", text);
	}
	return r;
}

/* Registries are reached by another program, in our place. */
static int inspect_remote(struct cli *c)
{
	struct strv argv cleanup_strv = STRV_INIT;
	strv_add(&argv, "kist");
	strv_addf(&argv, "--root=%s", c->root);
	strv_addf(&argv, "--runroot=%s", c->runroot);
	if (c->config)
		strv_addf(&argv, "--config=%s", c->config);
	if (c->debug)
		strv_add(&argv, "--debug");
	strv_add(&argv, "inspect_remote");
	for (size_t i = 0; i < c->n_values; i++) {
		const struct cli_value *v = &c->values[i];
		strv_addf(&argv, "--%s%s%s", v->opt->name, v->text ? "=" : "",
			v->text ? v->text : "");
	}
	strv_add(&argv, "--");
	for (int i = 0; i < c->n_operands; i++)
		strv_add(&argv, c->operands[i]);
	return cli_program_exec("kist-transport", argv.v, &c->err);
}

/* Options that only mean something over there. */
static int refuse_remote_options(struct cli *c)
{
	static const char *const known[] = {"type", "format", "size", "remote"};
	for (size_t i = 0; i < c->n_values; i++) {
		bool local = false;
		for (size_t k = 0; k < ARRAY_SIZE(known); k++)
			local |= str_eq(c->values[i].opt->name, known[k]);
		if (!local)
			return err_set(&c->err, ERR_USAGE, "--%s goes with --remote",
				c->values[i].opt->name);
	}
	return 0;
}

static int cmd_inspect(struct cli *c)
{
	if (cli_flag(c, "remote"))
		return inspect_remote(c);
	struct store *s cleanup_store = NULL;
	const char *type = cli_value(c, "type"), *format = cli_value(c, "format");
	if (type && !str_eq(type, "container") && !str_eq(type, "image"))
		return err_set(&c->err, ERR_USAGE, "--type is container or image, not '%s'", type);
	int r = refuse_remote_options(c);
	if (r >= 0)
		r = cli_store_open(c, &s, &c->err);
	if (r < 0)
		return r;
	json_t *all = json_array();
	int status = 0;
	for (int i = 0; i < c->n_operands && r >= 0; i++) {
		struct err e = ERR_INIT;
		json_t *one = NULL;
		if (find(c, s, c->operands[i], &one, &e) < 0) {
			cli_error(&e);
			status = 1;
			continue;
		}
		if (format && !str_eq(format, "json"))
			r = cli_format(format, one, stdout, &c->err);
		json_array_append_new(all, one);
	}
	if (r >= 0 && (!format || str_eq(format, "json")))
		cli_print_json(all, !format, stdout);
	json_decref(all);
	return r < 0 ? r : status;
}

CLI_COMMAND(inspect, cmd_inspect);
