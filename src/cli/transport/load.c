/* kist load: images from a file, a directory or standard input. */
#include "cli/store.h"
#include "cli/transport/remote.h"
#include "cli/transport/transport.h"
#include "transport/load.h"

#include <unistd.h>

static int print_loaded(void *ctx, const char *tag, const char *id)
{
	const struct cli *c = ctx;
	if (cli_flag(c, "quiet"))
		return 0;
	if (tag)
		printf("Loaded image: %s\n", transport_familiar(tag));
	else
		printf("Loaded image ID: %s\n", id);
	return 0;
}

static int cmd_load(struct cli *c)
{
	const char *input = cli_value(c, "input");
	if (!input && isatty(STDIN_FILENO)) {
		int r = err_set(&c->err, ERR_USAGE,
			"standard input is a terminal, there is nothing to load");
		err_hint(&c->err, "kist load -i FILE, or kist load < FILE");
		return r;
	}
	struct store *s cleanup_store = NULL;
	struct remote trusted cleanup_remote = {0};
	int r = remote_trust(c, &trusted);
	if (r >= 0)
		r = cli_store_open(c, &s, &c->err);
	if (r < 0)
		return r;
	struct transport_load_options o = {
		.loaded = print_loaded, .ctx = c, .trust = &trusted.trust};
	if (input)
		return transport_load_path(s, input, &o, &c->err);
	return transport_load_fd(s, STDIN_FILENO, &o, &c->err);
}

CLI_COMMAND(load, cmd_load);
