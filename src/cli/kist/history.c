/* kist history: the steps of an image beside its layers. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/store.h"
#include "cli/table.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "store/image.h"
#include "store/layer.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define MISSING        "<missing>"
#define CREATED_BY_MAX 45 /* characters that docker shows of an instruction */

struct step {
	const char *created_by, *comment, *created; /* RFC 3339 or NULL */
	uint64_t size;
};

struct steps {
	struct step *v;
	size_t n;
};

static void steps_release(struct steps *s)
{
	free(s->v);
}

static void add(struct steps *s, const struct oci_history *h, uint64_t size)
{
	s->v = mem_realloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n++] = (struct step){
		.created_by = h && h->created_by ? h->created_by : "",
		.comment = h && h->comment ? h->comment : "",
		.created = h ? h->created : NULL,
		.size = size,
	};
}

/* Entries with a layer take the layers in order. A history that speaks of fewer layers than there
 * are (none at all is legal) leaves rows without words. */
static int gather(
	struct store *s, const struct oci_image_config *config, struct steps *ret, struct err *e)
{
	size_t layer = 0;
	for (size_t i = 0; i <= config->nhistory; i++) {
		const struct oci_history *h = i < config->nhistory ? &config->history[i] : NULL;
		if (h && (h->empty_layer || layer == config->diff_ids.n)) {
			add(ret, h, 0);
			continue;
		}
		for (; layer < config->diff_ids.n; layer++) {
			struct store_layer l;
			int r = store_layer_get(s, config->diff_ids.v[layer], &l, e);
			if (r < 0)
				return r;
			add(ret, h, l.content_size);
			if (h) {
				layer++;
				break;
			}
		}
	}
	return 0;
}

static char *one_line(const char *text, bool whole)
{
	char *t = mem_strdup(text);
	size_t characters = 0;
	for (char *p = t; *p; p++) {
		if (*p == '\t' || *p == '\n')
			*p = ' ';
		if ((*p & 0xc0) == 0x80)
			continue;
		if (!whole && characters == CREATED_BY_MAX - 1 && strlen(p) > 1) {
			*p = 0;
			char *cut = mem_printf("%s…", t);
			free(t);
			return cut;
		}
		characters++;
	}
	return t;
}

struct cells {
	char id[CLI_ID_MAX], since[CLI_AGO_MAX], at[CLOCK_TEXT_MAX], size[CLI_SIZE_MAX];
};

static void fill(const struct cli *c, const char *id, const struct step *s, struct cells *ret)
{
	int64_t ns = 0;
	if (s->created && clock_parse(s->created, &ns) < 0)
		ns = 0;
	cli_id(id ? id : MISSING, !id || cli_flag(c, "no-trunc"), ret->id);
	cli_ago(ns, ret->since);
	snprintf(ret->at, sizeof(ret->at), "%s", "N/A");
	if (ns)
		clock_format(ns, ret->at);
	if (cli_flag_or(c, "human", true))
		cli_size(s->size, ret->size);
	else
		snprintf(ret->size, sizeof(ret->size), "%llu", (unsigned long long)s->size);
}

static int print_step(struct cli *c, const char *id, const struct step *s, struct cli_table *t)
{
	const char *format = cli_value(c, "format");
	struct cells cells;
	fill(c, id, s, &cells);
	if (cli_flag(c, "quiet")) {
		puts(cells.id);
		return 0;
	}
	char *by cleanup_free = one_line(s->created_by, cli_flag(c, "no-trunc"));
	if (format) {
		json_t *by_json = oci_json_text(s->created_by);
		json_t *comment = oci_json_text(s->comment);
		json_t *o cleanup_json = json_pack("{s:s,s:s,s:s,s:o,s:s,s:o}", "ID", cells.id,
			"CreatedAt", cells.at, "CreatedSince", cells.since, "CreatedBy", by_json,
			"Size", cells.size, "Comment", comment);
		if (!str_eq(format, "json"))
			return cli_format(format, o, stdout, &c->err);
		cli_print_json(o, false, stdout);
		return 0;
	}
	cli_table_add(t, cells.id);
	cli_table_add(t, cli_flag_or(c, "human", true) ? cells.since : cells.at);
	cli_table_add(t, by);
	cli_table_add(t, cells.size);
	cli_table_add(t, s->comment);
	return 0;
}

static int cmd_history(struct cli *c)
{
	struct store *s cleanup_store = NULL;
	struct store_image img cleanup_store_image = {0};
	struct oci_image_config config cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct steps steps cleanup(steps_release) = {NULL, 0};
	int r = cli_store_open(c, &s, &c->err);
	if (r >= 0)
		r = cli_image_find(s, c->operands[0], &img, &config, &c->err);
	if (r >= 0)
		r = gather(s, &config, &steps, &c->err);
	if (r < 0)
		return r;
	struct cli_table t cleanup(cli_table_release) = {0};
	cli_table_init(&t, 5);
	static const char *const head[] = {"IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"};
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		cli_table_add(&t, head[i]);
	for (size_t i = steps.n; r >= 0 && i > 0; i--)
		r = print_step(c, i == steps.n ? img.id : NULL, &steps.v[i - 1], &t);
	if (r >= 0 && !cli_flag(c, "quiet") && !cli_value(c, "format"))
		cli_table_print(&t, stdout);
	return r;
}
CLI_COMMAND(history, cmd_history);
