/* Which compressed blobs a layer has, and which layer a blob unpacks to. */
#include "store/layer.h"

#include "base/clock.h"
#include "store/blob.h"
#include "store/store_priv.h"

#include <stdio.h>

int store_layer_blob_add(struct store *s, const struct store_layer_blob *b, struct err *e)
{
	int r = store_check_digest(b->diffid, e);
	if (r >= 0)
		r = store_check_digest(b->digest, e);
	if (r < 0)
		return r;
	r = store_exec(s, e,
		"INSERT OR REPLACE INTO layer_blob(diffid, digest, media_type, compressor, size,"
		" created) VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
		"ssssii", b->diffid, b->digest, b->media_type, b->compressor, (int64_t)b->size,
		clock_now());
	return r < 0 ? r : 0;
}

int store_layer_blob_get(struct store *s, const char *diffid, const char *compressor,
	bool absent_too, struct store_layer_blob *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT diffid, digest, media_type, compressor, size FROM layer_blob"
		" WHERE diffid=?1 AND (?2 IS NULL OR compressor=?2) ORDER BY created DESC",
		"ss", diffid, compressor);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		if (!absent_too && !store_blob_has(s, store_query_text(&q, 1), NULL))
			continue;
		store_query_digest(&q, 0, ret->diffid);
		store_query_digest(&q, 1, ret->digest);
		snprintf(ret->media_type, sizeof(ret->media_type), "%s", store_query_text(&q, 2));
		snprintf(ret->compressor, sizeof(ret->compressor), "%s", store_query_text(&q, 3));
		ret->size = store_query_int(&q, 4);
		return 0;
	}
	if (r < 0)
		return r;
	return err_set(e, ERR_NOT_FOUND, "layer '%s' has no compressed form", diffid);
}

int store_layer_by_blob(
	struct store *s, const char *digest, char ret_diffid[STORE_DIGEST_MAX], struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT b.diffid FROM layer_blob b JOIN layer l ON l.diffid=b.diffid"
		" WHERE b.digest=?1",
		"s", digest);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		struct store_layer l;
		if (store_layer_get(s, store_query_text(&q, 0), &l, NULL) < 0 || l.suspect)
			continue;
		store_copy_digest(ret_diffid, l.diffid);
		return 0;
	}
	if (r < 0)
		return r;
	return err_set(e, ERR_NOT_FOUND, "no layer of blob '%s' is in the store", digest);
}
