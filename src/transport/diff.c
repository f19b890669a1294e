/* Differences between stacks of layers. */
#include "transport/diff.h"

#include "base/mem.h"
#include "transport/stack_priv.h"

#include <stdlib.h>

struct forward {
	transport_diff_fn fn;
	void *ctx;
	size_t layer;
};

static int pass_on(void *ctx, const struct layer_difference *d, struct err *e)
{
	struct forward *f = ctx;
	char *path cleanup_free = mem_printf("/%s", d->path);
	struct transport_difference out = {
		.change = d->change,
		.path = path,
		.mode = d->mode,
		.old_size = d->old_size,
		.new_size = d->new_size,
		.layer = f->layer,
	};
	return f->fn(f->ctx, &out, e);
}

int transport_diff_images(struct store *s, const struct strv *old, const struct strv *now,
	transport_diff_fn fn, void *ctx, struct err *e)
{
	struct transport_stack a cleanup_transport_stack = {0}, b cleanup_transport_stack = {0};
	struct forward f = {fn, ctx, 0};
	int r = transport_stack_open(s, old, &a, e);
	if (r >= 0)
		r = transport_stack_open(s, now, &b, e);
	return r < 0 ? r : layer_compare(a.v, a.n, b.v, b.n, pass_on, &f, e);
}

int transport_diff_layers(
	struct store *s, const struct strv *diffids, transport_diff_fn fn, void *ctx, struct err *e)
{
	struct transport_stack k cleanup_transport_stack = {0};
	struct forward f = {fn, ctx, 0};
	int r = transport_stack_open(s, diffids, &k, e);
	for (; f.layer < k.n && r >= 0; f.layer++)
		r = layer_compare(k.v, f.layer, k.v, f.layer + 1, pass_on, &f, e);
	return r;
}
