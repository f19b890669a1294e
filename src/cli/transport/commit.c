/* kist commit: an image from a container's changes. */
#include "cli/store.h"
#include "cli/transport/changes.h"
#include "cli/transport/container.h"

#include "oci/reference.h"

#include <stdio.h>
#include <stdlib.h>

static int commit(struct cli *c, struct store *s, struct container_view *v, const char *tag)
{
	struct oci_image_config config cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	oci_container_config_copy(&config.config, &v->config.config);
	int r = transport_apply_changes(c, &config);
	if (r < 0)
		return r;
	char *created cleanup_free = transport_created(c);
	if (!created)
		return -ERR_USAGE;
	char *command cleanup_free = strv_join(&v->config.config.cmd, " ");
	struct transport_commit_options o = {
		.base = v->row.image,
		.config = &config.config,
		.created = created,
		.created_by = command,
		.author = cli_value(c, "author"),
		.comment = cli_value(c, "message"),
		.tag = tag,
	};
	char id[STORE_DIGEST_MAX];
	r = transport_container_commit(s, &v->files, &o, id, &c->err);
	if (r >= 0)
		puts(id);
	return r;
}

static int cmd_commit(struct cli *c)
{
	char tag[OCI_REFERENCE_MAX];
	bool named = c->n_operands > 1;
	int r = named ? oci_reference_tag(c->operands[1], tag, &c->err) : 0;
	struct store *s cleanup_store = NULL;
	struct container_view v cleanup_container_view = {.config = ENGINE_CONFIG_INIT};
	if (r >= 0)
		r = cli_store_open(c, &s, &c->err);
	if (r >= 0)
		r = container_view_open(c, s, c->operands[0], &v);
	if (r >= 0 && cli_flag_or(c, "pause", true))
		r = container_view_pause(c, &v);
	if (r < 0)
		return r;
	r = commit(c, s, &v, named ? tag : NULL);
	return r < 0 ? err_wrap(&c->err, r, "commit '%s'", c->operands[0]) : 0;
}

CLI_COMMAND(commit, cmd_commit);
