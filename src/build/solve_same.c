/*
 * A COPY --from whose source was built again: when the files that it copies came
 * out the same, its old result holds. The layers of the old source are looked up
 * through the cache entry; both are mounted and compared, times left aside, as
 * in every key.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/solve_priv.h"
#include "oci/json.h"
#include "snapshot/mounts.h"
#include "store/cache.h"

#include <string.h>

const struct strv *solve_source_layers(const struct solver *v, const struct solve_step *x)
{
	const struct build_copy *c = &x->step->copy;
	return c->from == BUILD_FROM_STAGE ? &v->stages[c->stage].diffids
					   : &c->image->config.diff_ids;
}

/* What the sources are in these layers, in the manifest's form. */
static int look(struct solver *v, struct solve_step *x, const struct strv *layers, struct buf *out,
	struct err *e)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	int r = snapshot_prepare(
		v->q->store, (const char *const *)strv_items(layers), layers->n, &spec, e);
	if (r >= 0)
		r = snapshot_mounts_add(v->mounts, &spec, e);
	if (r < 0)
		return r;
	cleanup_free char *scratch = mem_printf("%s/tmp", store_path(v->q->store));
	cleanup_fd int fd = snapshot_mount_open(&spec, scratch, e);
	if (fd < 0)
		return fd;
	struct build_sources found cleanup_build_sources = BUILD_SOURCES_INIT;
	struct build_source_options o = {.rootfd = fd, .stop = v->q->stop};
	r = build_sources_find(x->step, &o, &found, e);
	struct build_digests *none cleanup_build_digests = build_digests_open(-1, NULL);
	if (r >= 0)
		r = build_digests_fill(none, fd, &found.tree, 0, 0, v->q->stop, e);
	if (r >= 0)
		build_manifest_format(&found, out);
	return r;
}

/* Is everything but the source as it was? */
static bool same_otherwise(const struct solve_step *x, const char *inputs)
{
	struct build_inputs was cleanup_build_inputs = BUILD_INPUTS_INIT;
	if (build_inputs_parse(inputs, &was, NULL) < 0 || was.n != x->inputs.n)
		return false;
	for (size_t i = 0; i < was.n; i++)
		if (!str_starts(was.v[i].name, "from:") &&
			!str_eq(was.v[i].value, build_inputs_get(&x->inputs, was.v[i].name)))
			return false;
	return true;
}

static int read_layers(const struct store_cache_entry *c, struct strv *layers)
{
	json_t *o cleanup_json = NULL;
	if (oci_json_parse(
		    c->result, strlen(c->result), SOLVE_RESULT_MAX, "cached result", &o, NULL) < 0)
		return 0;
	return oci_json_strings(o, "", "from", layers, NULL) > 0;
}

int solve_same_source(struct solver *v, struct solve_step *x, struct err *e)
{
	struct store_cache_entry last cleanup_store_cache_entry = {0};
	struct store_cache_entry usable cleanup_store_cache_entry = {0};
	struct strv layers cleanup_strv = STRV_INIT;
	int r = store_cache_latest(v->q->store, x->id, &last, e);
	if (r <= 0 || last.collected || !read_layers(&last, &layers) ||
		strv_equal(&layers, solve_source_layers(v, x)))
		return MIN(r, 0);
	struct buf was cleanup_buf = BUF_INIT, is cleanup_buf = BUF_INIT;
	/* the old layers may have gone: then there is nothing to compare with */
	if (look(v, x, &layers, &was, NULL) < 0)
		return 0;
	r = look(v, x, solve_source_layers(v, x), &is, e);
	if (r < 0)
		return r;
	bool same = was.len == is.len && memcmp(buf_str(&was), buf_str(&is), is.len) == 0;
	if (!same) {
		build_manifest_compare(&was, &is, &x->source_why, NULL);
		return 0;
	}
	if (!same_otherwise(x, last.inputs) ||
		store_cache_get(v->q->store, last.key, false, &usable, NULL) <= 0)
		return 0;
	r = solve_key_take(x, &usable);
	return r <= 0 ? r : (r = solve_key_store(v, x, e)) < 0 ? r : 1;
}
