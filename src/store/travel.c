/* Where blobs were seen, and which index names an image: what pulls and pushes remember. */
#include "store/blob.h"
#include "store/image.h"

#include "base/clock.h"
#include "base/mem.h"
#include "oci/descriptor.h"
#include "store/store_priv.h"

int store_blob_seen(struct store *s, const char *digest, const char *repository, struct err *e)
{
	int r = store_check_digest(digest, e);
	if (r >= 0)
		r = store_exec(s, e, "INSERT OR REPLACE INTO blob_place VALUES(?1, ?2, ?3)", "ssi",
			digest, repository, clock_now());
	return r < 0 ? r : 0;
}

int store_blob_places(struct store *s, const char *digest, const char *host, size_t most,
	struct strv *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	char *from cleanup_free = mem_printf("%s/", host);
	char *to cleanup_free = mem_printf("%s0", host); /* '0' follows '/' */
	int r = store_query(s, &q, e,
		"SELECT repository FROM blob_place WHERE digest=?1 AND repository>?2"
		" AND repository<?3 ORDER BY seen DESC LIMIT ?4",
		"sssi", digest, from, to, (int64_t)most);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		strv_add(ret, store_query_text(&q, 0));
	return r < 0 ? r : 0;
}

int store_image_add_index(struct store *s, const char *id, const char *index_digest, struct err *e)
{
	int r = store_check_digest(index_digest, e);
	if (r >= 0)
		r = store_exec(s, e, "INSERT OR REPLACE INTO image_index VALUES(?1, ?2, ?3)", "ssi",
			index_digest, id, clock_now());
	return r < 0 ? r : 0;
}

int store_index_add_blob(struct store *s, const char *index_digest, const char *blob, struct err *e)
{
	int r = store_check_digest(index_digest, e);
	if (r >= 0)
		r = store_check_digest(blob, e);
	if (r >= 0)
		r = store_exec(s, e, "INSERT OR IGNORE INTO index_blob VALUES(?1, ?2)", "ss",
			index_digest, blob);
	return r < 0 ? r : 0;
}

int store_image_indexes(struct store *s, const char *id, struct strv *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT digest FROM image_index WHERE image=?1 ORDER BY added DESC", "s", id);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		if (store_blob_has(s, store_query_text(&q, 0), NULL))
			strv_add(ret, store_query_text(&q, 0));
	return r < 0 ? r : 0;
}

int store_index_images(struct store *s, const char *index_digest, struct strv *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT x.image FROM image_index x JOIN image i ON i.id=x.image"
		" WHERE x.digest=?1 ORDER BY x.image",
		"s", index_digest);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		strv_add(ret, store_query_text(&q, 0));
	return r < 0 ? r : 0;
}

bool store_image_fits(const struct store_image *image, const struct oci_platform *want)
{
	const struct oci_platform is = {image->os, image->arch, image->variant};
	return !want || oci_platform_match(&is, want);
}

int store_image_for_platform(
	struct store *s, struct store_image *image, const struct oci_platform *want, struct err *e)
{
	struct strv indexes cleanup_strv = STRV_INIT;
	if (store_image_fits(image, want))
		return 1;
	int r = store_image_indexes(s, image->id, &indexes, e);
	for (size_t i = 0; i < indexes.n && r >= 0; i++) {
		struct strv ids cleanup_strv = STRV_INIT;
		r = store_index_images(s, indexes.v[i], &ids, e);
		for (size_t k = 0; k < ids.n && r >= 0; k++) {
			struct store_image other cleanup_store_image = {0};
			r = store_image_get(s, ids.v[k], &other, e);
			if (r < 0 || !store_image_fits(&other, want))
				continue;
			store_image_release(image);
			*image = other;
			other = (struct store_image){0};
			return 1;
		}
	}
	return r < 0 ? r : 0;
}
