/* A manifest list leaves: its images first, each by its digest, then the index under the name. */
#include "transport/list.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static int copy_entry(const char *source, const char *digest, const struct transport_world *w,
	struct transport_to *to, const struct transport_copy_options *o,
	struct transport_copied *sum, struct oci_replacement *became, struct err *e)
{
	struct transport_place p cleanup_transport_place = {0};
	struct transport_from *from cleanup_transport_from = NULL;
	struct transport_copied done = {0};
	struct transport_copy_options mine = *o;
	/* the digest to keep is the list's: that of an image of the store was made for it */
	mine.preserve_digests = false;
	int r = transport_place_parse(source, &p, e);
	if (r >= 0)
		r = transport_from_open(&p, w, &from, e);
	if (r >= 0)
		r = transport_copy_manifest(from, to, NULL, false, &mine, &done, e);
	if (r >= 0 && o->preserve_digests && !str_eq(done.digest, digest))
		r = err_set(e, ERR_UNSUPPORTED, "it would become %s: --preserve-digests forbids it",
			done.digest);
	if (r < 0)
		return r;
	became->changed = !str_eq(done.digest, digest);
	became->size = done.size;
	memcpy(became->digest, done.digest, sizeof(became->digest));
	sum->blobs += done.blobs;
	sum->skipped += done.skipped;
	sum->bytes += done.bytes;
	return 0;
}

int transport_list_push(const struct transport_list *l, const struct transport_world *w,
	struct transport_to *to, const struct transport_copy_options *o,
	struct transport_copied *ret, struct err *e)
{
	json_t *list = json_object_get(l->doc, "manifests"), *entry;
	size_t n = json_array_size(list), i;
	struct oci_replacement *v cleanup_free = mem_array(n + 1, sizeof(*v));
	struct transport_document doc cleanup_transport_document = {0};
	struct buf b cleanup_buf = BUF_INIT, out cleanup_buf = BUF_INIT;
	struct transport_copied sum = {0};
	const char *type;
	int r = 0;
	if (!n)
		return err_set(e, ERR_STATE, "the manifest list %s is empty", l->name);
	json_array_foreach (list, i, entry) {
		const char *source = json_string_value(json_object_get(entry, "source"));
		const char *digest = json_string_value(json_object_get(entry, "digest"));
		if (!source || !digest)
			return err_set(e, ERR_FORMAT, "%s: entry %zu has no source", l->name, i);
		r = copy_entry(source, digest, w, to, o, &sum, &v[i], e);
		if (r < 0)
			return err_wrap(e, r, "%s of %s", digest, l->name);
	}
	transport_list_format(l, &b);
	r = oci_index_rewrite(b.data, b.len, o->format, v, n, &out, &type, e);
	if (r >= 0)
		r = transport_document_make(&doc, out.data, out.len, type, e);
	if (r >= 0)
		r = to->ops->manifest(to, &doc, true, e);
	if (r >= 0)
		r = transport_to_finish(to, e);
	if (r < 0)
		return r;
	memcpy(sum.digest, doc.digest, sizeof(sum.digest));
	sum.size = doc.bytes.len;
	if (ret)
		*ret = sum;
	return 0;
}
