/* kist export: a container's file system as a tar. */
#include "cli/store.h"
#include "cli/transport/container.h"
#include "cli/transport/output.h"

static int cmd_export(struct cli *c)
{
	struct store *s cleanup_store = NULL;
	struct container_view v cleanup_container_view = {.config = ENGINE_CONFIG_INIT};
	int r = cli_store_open(c, &s, &c->err);
	if (r >= 0)
		r = container_view_open(c, s, c->operands[0], &v);
	if (r < 0)
		return r;
	struct outfile out;
	r = output_open(&out, cli_value(c, "output"), &c->err);
	if (r < 0)
		return r;
	if (cli_flag_or(c, "pause", true))
		r = container_view_pause(c, &v);
	if (r >= 0)
		r = transport_container_export(s, &v.files, out.fd, &c->err);
	return output_close(&out, r, &c->err);
}

CLI_COMMAND(export, cmd_export);
