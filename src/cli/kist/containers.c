/* What the commands on containers share: opening the store, several operands, start errors. */
#include "cli/kist/containers.h"
#include "base/mem.h"
#include "cli/store.h"

#include <stdlib.h>

int containers_open(struct cli *c, struct containers *ret)
{
	struct store *s = NULL;
	int r = cli_store_open(c, &s, &c->err);
	if (r < 0)
		return r;
	*ret = (struct containers){.store = s,
		.kist = cli_program_path("kist"),
		.monitor = cli_program_path("kist-monitor")};
	ret->g = (struct engine){.store = s,
		.storage_driver = c->storage_driver,
		.kist = ret->kist,
		.monitor = ret->monitor};
	return 0;
}

void containers_close(struct containers *s)
{
	store_close(s->store);
	free(s->kist);
	free(s->monitor);
	*s = (struct containers){0};
}

int containers_each(struct cli *c, struct containers *s,
	int (*fn)(struct cli *c, struct containers *s, const char *text, struct err *e))
{
	int status = 0;
	for (int i = 0; i < c->n_operands; i++) {
		struct err e = ERR_INIT;
		int r = fn(c, s, c->operands[i], &e);
		if (r >= 0)
			continue;
		if (!e.code)
			err_set(&e, -r, "%s", err_text(r));
		cli_error(&e);
		status = 1;
	}
	return status;
}

int containers_start_failed(struct cli *c, int r)
{
	if (r != -ERR_NOPROG && r != -ERR_NOEXEC)
		return r;
	cli_error(&c->err);
	return r == -ERR_NOPROG ? 127 : 126;
}
