/* kist layer_verify: what `kist` asks for when it meets a layer that a crash may have torn. */
#include "cli/cli.h"
#include "cli/store.h"
#include "snapshot/ingest.h"

static int cmd_layer_verify(struct cli *c)
{
	struct store *s cleanup_store = NULL;
	int r = cli_store_open(c, &s, &c->err);
	for (int i = 0; r >= 0 && i < c->n_operands; i++)
		r = snapshot_layer_verify(s, c->operands[i], &c->err);
	return r;
}
CLI_COMMAND(layer_verify, cmd_layer_verify);
