/* Reads --change with the Dockerfile's own parser. */
#include "cli/transport/changes.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "build/config.h"
#include "dockerfile/expand.h"
#include "dockerfile/instruction.h"
#include "dockerfile/parse.h"
#include "oci/image_config.h"

#include <stdlib.h>

static bool is_change(enum dockerfile_kind kind)
{
	switch (kind) {
	case DOCKERFILE_CMD:
	case DOCKERFILE_ENTRYPOINT:
	case DOCKERFILE_ENV:
	case DOCKERFILE_EXPOSE:
	case DOCKERFILE_HEALTHCHECK:
	case DOCKERFILE_LABEL:
	case DOCKERFILE_ONBUILD:
	case DOCKERFILE_SHELL:
	case DOCKERFILE_STOPSIGNAL:
	case DOCKERFILE_USER:
	case DOCKERFILE_VOLUME:
	case DOCKERFILE_WORKDIR:
		return true;
	default:
		return false;
	}
}

static const char *lookup(void *arg, const char *name)
{
	const struct oci_container_config *c = arg;
	return strv_env_get(&c->env, name);
}

static int apply(struct cli *c, const struct dockerfile *f, const struct dockerfile_node *node,
	struct oci_image_config *config, bool *cmd_set)
{
	struct arena a cleanup_arena = ARENA_INIT;
	struct dockerfile_instruction in, expanded;
	if (node->kind != DOCKERFILE_UNKNOWN && !is_change(node->kind))
		return dockerfile_error(f, node->keyword.span, &c->err, ERR_USAGE,
			"%s is no change of an image's config", dockerfile_kind_name(node->kind));
	int r = dockerfile_instruction_read(f, node, &a, &in, &c->err);
	if (r < 0)
		return r;
	struct dockerfile_expander x = {
		.escape = f->escape, .lookup = lookup, .arg = &config->config};
	r = dockerfile_instruction_expand(&in, &x, &a, &expanded, &c->err);
	return r < 0 ? r : build_config_apply(&config->config, &expanded, cmd_set, &c->err);
}

int transport_apply_changes(struct cli *c, struct oci_image_config *config)
{
	struct buf text cleanup_buf = BUF_INIT;
	const char *change;
	for (size_t i = 0; (change = cli_value_at(c, "change", i)); i++)
		buf_printf(&text, "%s\n", change);
	struct dockerfile *f cleanup_dockerfile = NULL;
	if (!text.len)
		return 0;
	int r = dockerfile_parse("--change", text.data, text.len, &f, &c->err);
	bool cmd_set = false;
	for (size_t i = 0; r >= 0 && i < f->nnodes; i++)
		r = apply(c, f, &f->nodes[i], config, &cmd_set);
	return r < 0 ? r : 0;
}

char *transport_created(struct cli *c)
{
	char out[CLOCK_TEXT_MAX];
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	int64_t at = clock_now();
	if (!str_empty(epoch)) {
		if (str_parse_i64(epoch, &at) < 0 || at < 0 || at > INT64_MAX / CLOCK_NS_PER_S) {
			err_set(&c->err, ERR_USAGE,
				"SOURCE_DATE_EPOCH '%.40s' is not a number of seconds", epoch);
			return NULL;
		}
		at *= CLOCK_NS_PER_S;
	}
	return mem_strdup(clock_format(at, out));
}
