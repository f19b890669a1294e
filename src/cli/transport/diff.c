/* kist diff: of a container, of two images, of an image's layers. */
#include "cli/store.h"
#include "cli/transport/container.h"

#include "base/buf.h"
#include "base/str.h"
#include "oci/json.h"
#include "store/image.h"
#include "transport/diff.h"

#include <stdio.h>
#include <sys/stat.h>

struct printer {
	const struct strv *layers; /* of an image that is shown layer by layer; or NULL */
	bool json, sizes, any;
	size_t layer; /* the one whose head was printed, from 1 */
	struct {
		size_t n;
		uint64_t bytes;
	} sum[3]; /* per enum layer_change */
};

static const char letters[] = {[LAYER_ADDED] = 'A', [LAYER_CHANGED] = 'C', [LAYER_DELETED] = 'D'};
static const char *const words[] = {
	[LAYER_ADDED] = "added", [LAYER_CHANGED] = "changed", [LAYER_DELETED] = "deleted"};

static void print_sum(struct printer *p)
{
	char added[CLI_SIZE_MAX], deleted[CLI_SIZE_MAX];
	printf("added %zu (%s), changed %zu, deleted %zu (%s)\n", p->sum[LAYER_ADDED].n,
		cli_size(p->sum[LAYER_ADDED].bytes, added), p->sum[LAYER_CHANGED].n,
		p->sum[LAYER_DELETED].n, cli_size(p->sum[LAYER_DELETED].bytes, deleted));
	for (size_t i = 0; i < ARRAY_SIZE(p->sum); i++)
		p->sum[i].n = p->sum[i].bytes = 0;
}

/* Heads and sums of the layers up to n. */
static void begin_layers(struct printer *p, size_t n)
{
	while (p->layers && !p->json && p->layer < n) {
		if (p->layer)
			print_sum(p);
		printf("%s%s\n", p->layer ? "\n" : "", p->layers->v[p->layer]);
		p->layer++;
	}
}

static void print_json(struct printer *p, const struct transport_difference *d)
{
	cleanup_json json_t *o = json_object();
	char mode[16];
	snprintf(mode, sizeof(mode), "%06o", d->mode);
	json_object_set_new(o, "change", json_string(words[d->change]));
	json_object_set_new(o, "path", oci_json_text(d->path));
	json_object_set_new(o, "mode", json_string(mode));
	json_object_set_new(o, "old_size", json_integer((json_int_t)d->old_size));
	json_object_set_new(o, "new_size", json_integer((json_int_t)d->new_size));
	if (p->layers)
		json_object_set_new(o, "layer", json_string(p->layers->v[d->layer]));
	struct buf text cleanup_buf = BUF_INIT;
	oci_json_format(o, &text);
	printf("%s\n%s", p->any ? "," : "[", buf_str(&text));
}

/* Control characters of a name must not reach the terminal. */
static void print_path(const char *path)
{
	for (; *path; path++) {
		unsigned char ch = (unsigned char)*path;
		if (ch < 32 || ch == 127)
			printf("\\%03o", ch);
		else
			putchar(ch);
	}
}

static int print_difference(void *ctx, const struct transport_difference *d, struct err *e)
{
	struct printer *p = ctx;
	begin_layers(p, d->layer + 1);
	p->sum[d->change].n++;
	p->sum[d->change].bytes += d->change == LAYER_DELETED ? d->old_size : d->new_size;
	if (p->json) {
		print_json(p, d);
		p->any = true;
		return 0;
	}
	char old[CLI_SIZE_MAX], now[CLI_SIZE_MAX];
	printf("%c ", letters[d->change]);
	print_path(d->path);
	if (p->sizes && !S_ISDIR(d->mode)) {
		cli_size(d->old_size, old);
		cli_size(d->new_size, now);
		if (d->change == LAYER_CHANGED && d->old_size != d->new_size)
			printf("\t%s -> %s", old, now);
		else
			printf("\t%s", d->change == LAYER_DELETED ? old : now);
	}
	putchar('\n');
	return 0;
}

static void end_printing(struct printer *p)
{
	if (p->json) {
		puts(p->any ? "\n]" : "[]");
		return;
	}
	begin_layers(p, p->layers ? p->layers->n : 0);
	if (p->sizes && (!p->layers || p->layers->n))
		print_sum(p);
}

static int diff_container(struct cli *c, struct store *s, struct printer *p)
{
	struct container_view v cleanup_container_view = {.config = ENGINE_CONFIG_INIT};
	int r = container_view_open(c, s, c->operands[0], &v);
	if (r >= 0)
		r = transport_container_diff(s, &v.files, print_difference, p, &c->err);
	if (r >= 0)
		end_printing(p);
	return r;
}

static int diff_images(struct cli *c, struct store *s, struct printer *p)
{
	struct store_image a cleanup_store_image = {0}, b cleanup_store_image = {0};
	int r = cli_image_find(s, c->operands[0], &a, NULL, &c->err);
	if (r >= 0 && c->n_operands > 1)
		r = cli_image_find(s, c->operands[1], &b, NULL, &c->err);
	if (r < 0)
		return r;
	p->sizes = true;
	if (c->n_operands > 1) {
		r = transport_diff_images(s, &a.layers, &b.layers, print_difference, p, &c->err);
	} else {
		p->layers = &a.layers;
		r = transport_diff_layers(s, &a.layers, print_difference, p, &c->err);
	}
	if (r >= 0)
		end_printing(p);
	return r;
}

static int cmd_diff(struct cli *c)
{
	const char *format = cli_value(c, "format");
	struct printer p = {.json = str_eq(format, "json")};
	if (format && !p.json && !str_eq(format, "text"))
		return err_set(&c->err, ERR_USAGE, "--format '%s': it is text or json", format);
	bool layers = cli_flag(c, "layers");
	if (layers && c->n_operands > 1)
		return err_set(&c->err, ERR_USAGE, "--layers goes with one image");
	struct store *s cleanup_store = NULL;
	int r = cli_store_open(c, &s, &c->err);
	if (r < 0)
		return r;
	if (layers || c->n_operands > 1)
		return diff_images(c, s, &p);
	struct store_container row cleanup_store_container = {0};
	struct store_image img cleanup_store_image = {0};
	struct err e = ERR_INIT;
	r = store_container_find(s, c->operands[0], &row, &e);
	if (r >= 0)
		return diff_container(c, s, &p);
	if (r != -ERR_NOT_FOUND) {
		c->err = e;
		return r;
	}
	if (cli_image_find(s, c->operands[0], &img, NULL, NULL) < 0)
		return err_set(
			&c->err, ERR_NOT_FOUND, "no such container or image: %s", c->operands[0]);
	return diff_images(c, s, &p);
}

CLI_COMMAND(diff, cmd_diff);
