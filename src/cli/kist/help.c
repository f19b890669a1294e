/* kist help [--format man] [COMMAND] */
#include "cli/cli.h"
#include "base/str.h"

static int cmd_help(struct cli *c)
{
	const char *format = cli_value(c, "format");
	bool man = str_eq(format, "man");
	if (format && !man && !str_eq(format, "text"))
		return err_set(&c->err, ERR_USAGE, "--format is 'text' or 'man', not '%s'", format);
	if (c->n_operands == 0) {
		if (man)
			cli_man(stdout);
		else
			cli_help(stdout);
		return 0;
	}
	const struct cli_spec *s = cli_spec_find(c->operands[0]);
	if (!s)
		return err_set(&c->err, ERR_USAGE, "'%s' is not a kist command", c->operands[0]);
	if (man)
		cli_man_command(stdout, s);
	else
		cli_help_command(stdout, s);
	return 0;
}

CLI_COMMAND(help, cmd_help);
