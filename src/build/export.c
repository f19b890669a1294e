/* The image of a build: its config with history, and its tags. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "build/solve_priv.h"
#include "store/blob.h"
#include "store/image.h"

#include <stdlib.h>
#include <string.h>

#define HISTORY_COMMENT "kist"

static struct oci_history *add_history(struct oci_image_config *c)
{
	c->history = mem_realloc(c->history, c->nhistory + 1, sizeof(*c->history));
	c->history[c->nhistory] = (struct oci_history){0};
	return &c->history[c->nhistory++];
}

/* Readers match history entries with layers: a base that lacks some gets them, with what is
 * known. */
static void complete_history(struct oci_image_config *c)
{
	size_t layers = 0;
	for (size_t i = 0; i < c->nhistory; i++)
		layers += !c->history[i].empty_layer;
	for (; layers < c->diff_ids.n; layers++) {
		struct oci_history *h = add_history(c);
		h->created = mem_strdup(c->created);
		h->comment = mem_strdup("layer of a base image without a history");
	}
}

/* A copy of an image's config, everything in it that we do not know included. */
static int copy_config(
	const struct oci_image_config *from, struct oci_image_config *to, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	oci_image_config_format(from, &b);
	return oci_image_config_parse(buf_str(&b), b.len, to, e);
}

struct exporter {
	struct solver *v;
	struct oci_image_config config;
	int64_t created; /* the latest of our steps */
};

static int start_from(struct exporter *x, const struct build_stage *s, struct err *e)
{
	struct oci_image_config *c = &x->config;
	if (s->base == BUILD_BASE_IMAGE) {
		int r = copy_config(&s->image->config, c, e);
		if (r < 0)
			return r;
		complete_history(c);
		return 0;
	}
	c->os = mem_strdup(x->v->g->os);
	c->architecture = mem_strdup(x->v->g->arch);
	c->variant = str_empty(x->v->g->variant) ? NULL : mem_strdup(x->v->g->variant);
	return 0;
}

static void add_steps(struct exporter *x, const struct solve_stage *s)
{
	char text[CLOCK_TEXT_MAX];
	for (size_t i = 1; i < s->stage->nsteps; i++) {
		const struct solve_step *p = &s->steps[i];
		struct oci_history *h = add_history(&x->config);
		h->created = mem_strdup(clock_format(p->created, text));
		h->created_by = mem_strdup(p->step->created_by);
		h->comment = mem_strdup(HISTORY_COMMENT);
		h->empty_layer = !p->diffid[0];
		x->created = MAX(x->created, p->created);
	}
}

/* The chain of stages that the target is built on, the lowest first. */
static int add_history_of(struct exporter *x, size_t target, struct err *e)
{
	const struct build_graph *g = x->v->g;
	cleanup_free size_t *chain = mem_array(g->nstages, sizeof(*chain));
	size_t n = 0;
	for (size_t i = target;; i = g->stages[i].base_stage) {
		chain[n++] = i;
		if (g->stages[i].base != BUILD_BASE_STAGE)
			break;
	}
	int r = start_from(x, &g->stages[chain[n - 1]], e);
	while (r >= 0 && n > 0)
		add_steps(x, &x->v->stages[chain[--n]]);
	return r;
}

static int make_config(struct exporter *x, struct err *e)
{
	struct solver *v = x->v;
	const struct build_stage *s = &v->g->stages[v->g->target];
	int r = add_history_of(x, v->g->target, e);
	if (r < 0)
		return r;
	oci_container_config_release(&x->config.config);
	oci_container_config_copy(&x->config.config, &s->config);
	strv_copy(&x->config.diff_ids, &v->stages[v->g->target].diffids);
	if (s->author) {
		free(x->config.author);
		x->config.author = mem_strdup(s->author);
	}
	if (x->created == 0 && v->q->has_epoch && s->base == BUILD_BASE_SCRATCH)
		x->created = v->q->epoch * CLOCK_NS_PER_S;
	if (x->created) {
		char text[CLOCK_TEXT_MAX];
		free(x->config.created);
		x->config.created = mem_strdup(clock_format(x->created, text));
	}
	return 0;
}

static int put_image(struct exporter *x, const char *id, struct err *e)
{
	struct store *s = x->v->q->store;
	const struct strv *tags = x->v->q->tags;
	struct store_image image = {0};
	snprintf(image.id, sizeof(image.id), "%s", id);
	image.created = x->created;
	if (x->config.created)
		clock_parse(x->config.created, &image.created);
	image.os = x->config.os;
	image.arch = x->config.architecture;
	image.variant = x->config.variant;
	image.layers = x->config.diff_ids;
	int r = store_image_put(s, &image, tags && tags->n ? tags->v[0] : NULL, NULL, e);
	for (size_t i = 1; tags && i < tags->n && r >= 0; i++)
		r = store_tag_set(s, tags->v[i], id, NULL, e);
	return r;
}

/* Everything as it should be already? Then nothing is written, and nothing synced. */
static bool is_there(struct exporter *x, const char *id)
{
	struct store *s = x->v->q->store;
	const struct strv *tags = x->v->q->tags;
	struct store_image image cleanup(store_image_release) = {0};
	if (store_image_get(s, id, &image, NULL) < 0 || !store_blob_has(s, id, NULL))
		return false;
	for (size_t i = 0; tags && i < tags->n; i++)
		if (!strv_has(&image.tags, tags->v[i]))
			return false;
	return true;
}

int solve_export(struct solver *v, struct err *e)
{
	struct exporter x = {.v = v, .config = OCI_IMAGE_CONFIG_INIT};
	struct buf b cleanup_buf = BUF_INIT;
	char id[STORE_DIGEST_MAX];
	int r = make_config(&x, e);
	if (r >= 0) {
		oci_image_config_format(&x.config, &b);
		memcpy(id, "sha256:", 7);
		sha256_hex(b.data, b.len, id + 7);
	}
	if (r >= 0 && !is_there(&x, id)) {
		r = store_blob_put(v->q->store, b.data, b.len, id, NULL, e);
		if (r >= 0)
			r = put_image(&x, id, e);
	}
	if (r >= 0)
		memcpy(v->result->image, id, sizeof(v->result->image));
	oci_image_config_release(&x.config);
	return r;
}
