/* kist images: one row a tag; an image without one is <none>. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/store.h"
#include "cli/table.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "oci/reference.h"
#include "store/image.h"

#include <fnmatch.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#define NONE "<none>"

struct row {
	const struct store_image *image;
	char repository[OCI_REFERENCE_MAX];
	char tag[OCI_TAG_MAX + 1];
	const char *digest; /* borrowed from image, or NONE */
};

/* --- filters --- */

static bool name_fits(const char *repository, const char *tag, const char *pattern)
{
	char name[2 * OCI_REFERENCE_MAX];
	snprintf(name, sizeof(name), "%s:%s", repository, tag);
	return fnmatch(pattern, name, FNM_PATHNAME) == 0 ||
	       fnmatch(pattern, repository, FNM_PATHNAME) == 0;
}

/* A short name means localhost's too, as it does for every command. */
static bool reference_fits(const struct row *r, const char *pattern)
{
	static const char local[] = "localhost/";
	return name_fits(r->repository, r->tag, pattern) ||
	       (str_starts(r->repository, local) &&
		       name_fits(r->repository + strlen(local), r->tag, pattern));
}

static int label_fits(struct store *s, const struct row *r, const char *want, struct err *e)
{
	struct oci_image_config config cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	int result = cli_image_config(s, r->image->id, &config, e);
	if (result < 0)
		return result;
	const char *eq = strchr(want, '=');
	char *key cleanup_free = mem_strndup(want, eq ? (size_t)(eq - want) : strlen(want));
	const char *value = strv_env_get(&config.config.labels, key);
	return value && (!eq || str_eq(value, eq + 1));
}

static int bool_value(const char *text, bool *ret, struct err *e)
{
	if (!str_eq(text, "true") && !str_eq(text, "false") && !str_eq(text, "1") &&
		!str_eq(text, "0"))
		return err_set(e, ERR_USAGE, "--filter dangling: '%s' is not true or false", text);
	*ret = text[0] == 't' || text[0] == '1';
	return 0;
}

/* 1: the row is wanted */
static int row_fits(struct cli *c, struct store *s, const struct row *r)
{
	const char *f;
	if (c->n_operands && !reference_fits(r, c->operands[0]))
		return 0;
	for (size_t i = 0; (f = cli_value_at(c, "filter", i)); i++) {
		bool want = false;
		int fits = 1;
		if (str_starts(f, "dangling=")) {
			fits = bool_value(f + 9, &want, &c->err);
			if (fits >= 0)
				fits = want == (r->image->tags.n == 0);
		} else if (str_starts(f, "reference=")) {
			fits = reference_fits(r, f + 10);
		} else if (str_starts(f, "label=")) {
			fits = label_fits(s, r, f + 6, &c->err);
		} else {
			fits = err_set(&c->err, ERR_USAGE, "unknown filter '%s'", f);
			err_hint(&c->err, "filters: dangling=, reference=, label=");
		}
		if (fits <= 0)
			return fits;
	}
	return 1;
}

/* --- output --- */

static json_t *row_json(const struct cli *c, const struct row *r)
{
	char id[CLI_ID_MAX], ago[CLI_AGO_MAX], at[CLOCK_TEXT_MAX], size[CLI_SIZE_MAX];
	char ref[2 * OCI_REFERENCE_MAX];
	if (str_eq(r->tag, NONE))
		cli_id(r->image->id, true, ref);
	else
		snprintf(ref, sizeof(ref), "%s:%s", r->repository, r->tag);
	return json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:I,s:I,s:s,s:s}", "ID",
		cli_id(r->image->id, cli_flag(c, "no-trunc"), id), "Repository", r->repository,
		"Tag", r->tag, "Reference", ref, "Digest", r->digest, "CreatedAt",
		r->image->created ? clock_format(r->image->created, at) : "N/A", "CreatedSince",
		cli_ago(r->image->created, ago), "Size", cli_size(r->image->size, size), "Bytes",
		(json_int_t)r->image->size, "Layers", (json_int_t)r->image->layers.n, "Os",
		r->image->os, "Architecture", r->image->arch);
}

static int print_row(struct cli *c, const struct row *r, struct cli_table *t)
{
	const char *format = cli_value(c, "format");
	char id[CLI_ID_MAX], ago[CLI_AGO_MAX], size[CLI_SIZE_MAX];
	cli_id(r->image->id, cli_flag(c, "no-trunc"), id);
	if (cli_flag(c, "quiet")) {
		puts(id);
		return 0;
	}
	if (format) {
		json_t *o cleanup_json = row_json(c, r);
		if (!str_eq(format, "json"))
			return cli_format(format, o, stdout, &c->err);
		cli_print_json(o, false, stdout);
		return 0;
	}
	cli_table_add(t, r->repository);
	cli_table_add(t, r->tag);
	if (cli_flag(c, "digests"))
		cli_table_add(t, r->digest);
	cli_table_add(t, id);
	cli_table_add(t, cli_ago(r->image->created, ago));
	cli_table_add(t, cli_size(r->image->size, size));
	return 0;
}

/* The digest that an image has in a repository (its normal form, without tag). */
static const char *digest_in(const struct store_image *i, const char *tag)
{
	const char *colon = strrchr(tag, ':');
	size_t n = colon && !strchr(colon, '/') ? (size_t)(colon - tag) : strlen(tag);
	for (size_t k = 0; k < i->digests.n; k++)
		if (!strncmp(i->digests.v[k], tag, n) && i->digests.v[k][n] == '@')
			return i->digests.v[k] + n + 1;
	return NONE;
}

static int list_image(
	struct cli *c, struct store *s, const struct store_image *i, struct cli_table *t)
{
	for (size_t k = 0; k < MAX(i->tags.n, (size_t)1); k++) {
		struct row row = {.image = i, .repository = NONE, .tag = NONE, .digest = NONE};
		if (i->tags.n) {
			char familiar[OCI_REFERENCE_MAX];
			oci_reference_familiar(i->tags.v[k], familiar);
			oci_reference_split(familiar, row.repository, row.tag);
			row.digest = digest_in(i, i->tags.v[k]);
		}
		int r = row_fits(c, s, &row);
		if (r > 0)
			r = print_row(c, &row, t);
		if (r < 0)
			return r;
	}
	return 0;
}

static int cmd_images(struct cli *c)
{
	struct store *s cleanup_store = NULL;
	struct store_images l cleanup_store_images = {NULL, 0};
	int r = cli_store_open(c, &s, &c->err);
	if (r >= 0)
		r = store_image_list(s, &l, &c->err);
	if (r < 0)
		return r;
	struct cli_table t cleanup(cli_table_release) = {0};
	bool digests = cli_flag(c, "digests");
	cli_table_init(&t, digests ? 6 : 5);
	cli_table_add(&t, "REPOSITORY");
	cli_table_add(&t, "TAG");
	if (digests)
		cli_table_add(&t, "DIGEST");
	cli_table_add(&t, "IMAGE ID");
	cli_table_add(&t, "CREATED");
	cli_table_add(&t, "SIZE");
	for (size_t i = 0; r >= 0 && i < l.n; i++)
		r = list_image(c, s, &l.v[i], &t);
	if (r >= 0 && !cli_flag(c, "quiet") && !cli_value(c, "format"))
		cli_table_print(&t, stdout);
	return r;
}
CLI_COMMAND(images, cmd_images);
