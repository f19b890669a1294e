/* Images: putting, reading, listing. Names and searches are in tag.c, removal in image_delete.c. */
#include "store/image.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "oci/reference.h"
#include "store/blob.h"
#include "store/layer.h"
#include "store/store_priv.h"

#include <stdio.h>
#include <string.h>

void store_image_release(struct store_image *i)
{
	free(i->os);
	free(i->arch);
	free(i->variant);
	strv_release(&i->layers);
	strv_release(&i->tags);
	strv_release(&i->digests);
	*i = (struct store_image){0};
}

void store_images_release(struct store_images *l)
{
	for (size_t i = 0; i < l->n; i++)
		store_image_release(&l->v[i]);
	free(l->v);
	*l = (struct store_images){NULL, 0};
}

static int put_rows(struct store *s, const struct store_image *img, struct err *e)
{
	int64_t known = 0, size = 0;
	int r = store_query_number(
		s, &known, e, "SELECT count(*) FROM image WHERE id=?1", "s", img->id);
	if (r < 0 || known)
		return r;
	for (size_t i = 0; i < img->layers.n; i++) {
		struct store_layer l;
		r = store_layer_get(s, img->layers.v[i], &l, e);
		if (r < 0)
			return r;
		size += l.content_size;
		r = store_exec(s, e, "INSERT OR REPLACE INTO image_layer VALUES(?1, ?2, ?3)", "sis",
			img->id, (int64_t)i, l.diffid);
		if (r < 0)
			return r;
	}
	return store_exec(s, e, "INSERT INTO image VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)", "siisssi",
		img->id, img->created, clock_now(), img->os, img->arch, img->variant, size);
}

int store_image_put(struct store *s, const struct store_image *img, const char *tag,
	char ret_old[STORE_DIGEST_MAX], struct err *e)
{
	int r = store_check_digest(img->id, e);
	if (r < 0)
		return r;
	if (img->layers.n > LIMIT_LAYERS)
		return err_set(e, ERR_LIMIT, "an image of %zu layers, at most %d are possible",
			img->layers.n, LIMIT_LAYERS);
	r = store_blob_sync(s, img->id, e);
	for (size_t i = 0; r >= 0 && i < img->layers.n; i++)
		r = store_layer_require(s, img->layers.v[i], NULL, e);
	if (r >= 0)
		r = store_layer_sync(
			s, (const char *const *)strv_items(&img->layers), img->layers.n, e);
	if (r >= 0)
		r = store_begin_durable(s, e);
	if (r < 0)
		return err_wrap(e, r, "store image '%s'", img->id);
	struct store *guard cleanup_transaction = s;
	r = put_rows(s, img, e);
	if (r >= 0 && tag)
		r = store_tag_set(s, tag, img->id, ret_old, e);
	if (r < 0)
		return err_wrap(e, r, "store image '%s'", img->id);
	return store_commit(STEAL(guard), e);
}

static int read_strings(
	struct store *s, struct strv *out, struct err *e, const char *sql, const char *id)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e, sql, "s", id);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		strv_add(out, store_query_text(&q, 0));
	return r;
}

#define IMAGE_COLUMNS "id, created, added, os, arch, variant, size"

static int read_image(
	struct store *s, const struct store_query *q, struct store_image *i, struct err *e)
{
	store_query_digest(q, 0, i->id);
	i->created = store_query_int(q, 1);
	i->added = store_query_int(q, 2);
	i->os = mem_strdup(store_query_text(q, 3));
	i->arch = mem_strdup(store_query_text(q, 4));
	i->variant = mem_strdup(store_query_text(q, 5));
	i->size = store_query_int(q, 6);
	int r = read_strings(s, &i->layers, e,
		"SELECT diffid FROM image_layer WHERE image=?1 ORDER BY pos", i->id);
	if (r >= 0)
		r = read_strings(
			s, &i->tags, e, "SELECT name FROM tag WHERE image=?1 ORDER BY name", i->id);
	if (r >= 0)
		r = read_strings(s, &i->digests, e,
			"SELECT repository || '@' || digest FROM image_digest"
			" WHERE image=?1 AND repository<>'' ORDER BY 1",
			i->id);
	return r;
}

int store_image_get(struct store *s, const char *id, struct store_image *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	struct store_image i cleanup_store_image = {0};
	int r = store_query(s, &q, e, "SELECT " IMAGE_COLUMNS " FROM image WHERE id=?1", "s", id);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "no such image: %s", id);
	if (r > 0)
		r = read_image(s, &q, &i, e);
	if (r < 0)
		return r;
	*ret = i;
	i = (struct store_image){0};
	return 0;
}

int store_image_list(struct store *s, struct store_images *ret, struct err *e)
{
	int r = store_begin_read(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	struct store_images l cleanup(store_images_release) = {NULL, 0};
	r = store_query(s, &q, e,
		"SELECT " IMAGE_COLUMNS " FROM image ORDER BY created DESC, added DESC, id", "");
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		l.v = mem_realloc(l.v, l.n + 1, sizeof(*l.v));
		l.v[l.n] = (struct store_image){0};
		r = read_image(s, &q, &l.v[l.n++], e);
	}
	if (r < 0)
		return r;
	store_query_end(&q);
	r = store_commit(STEAL(guard), e);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct store_images){NULL, 0};
	return 0;
}

int store_image_users(struct store *s, const char *id, struct strv *ret, struct err *e)
{
	int r = read_strings(
		s, ret, e, "SELECT id FROM container WHERE image=?1 ORDER BY created DESC", id);
	return r < 0 ? r : 0;
}

int store_image_children(struct store *s, const char *id, struct strv *ret, struct err *e)
{
	/* Another image with more layers, of which the first ones are all of this image's. */
	int r = read_strings(s, ret, e,
		"SELECT i.id FROM image i WHERE i.id<>?1"
		" AND EXISTS(SELECT 1 FROM image_layer WHERE image=?1)"
		" AND (SELECT count(*) FROM image_layer WHERE image=i.id)"
		"   > (SELECT count(*) FROM image_layer WHERE image=?1)"
		" AND NOT EXISTS(SELECT 1 FROM image_layer a WHERE a.image=?1 AND NOT EXISTS("
		"   SELECT 1 FROM image_layer b WHERE b.image=i.id AND b.pos=a.pos"
		"   AND b.diffid=a.diffid)) ORDER BY i.created, i.id",
		id);
	return r < 0 ? r : 0;
}

int store_image_add_digest(struct store *s, const char *id, const char *repository,
	const char *manifest_digest, struct err *e)
{
	int r = store_check_digest(manifest_digest, e);
	if (r < 0)
		return r;
	r = store_exec(s, e, "INSERT OR REPLACE INTO image_digest VALUES(?1, ?2, ?3, ?4)", "sssi",
		id, repository, manifest_digest, clock_now());
	return r < 0 ? r : 0;
}

int store_image_manifest(struct store *s, const char *id, const char *name,
	char ret_digest[STORE_DIGEST_MAX], struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	char repository[OCI_REFERENCE_MAX] = "", tag[OCI_TAG_MAX + 1];
	if (name)
		oci_reference_split(name, repository, tag);
	int r = store_query(s, &q, e,
		"SELECT digest FROM image_digest WHERE image=?1 AND NOT EXISTS("
		"SELECT 1 FROM image_index x WHERE x.digest=image_digest.digest)"
		" ORDER BY repository=?2 DESC, added DESC",
		"ss", id, repository);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		if (!store_blob_has(s, store_query_text(&q, 0), NULL))
			continue;
		store_query_digest(&q, 0, ret_digest);
		return 0;
	}
	return r < 0 ? r : err_set(e, ERR_NOT_FOUND, "image '%s' has no manifest", id);
}

int store_image_digest(struct store *s, const char *id, const char *name,
	char ret_digest[STORE_DIGEST_MAX], struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	char repository[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1];
	oci_reference_split(name, repository, tag);
	int r = store_query(s, &q, e,
		"SELECT digest FROM image_digest WHERE image=?1 AND repository=?2"
		" ORDER BY EXISTS(SELECT 1 FROM image_index x WHERE x.digest=image_digest.digest)"
		" DESC, added DESC LIMIT 1",
		"ss", id, repository);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r > 0)
		store_query_digest(&q, 0, ret_digest);
	return r > 0   ? 0
	       : r < 0 ? r
		       : err_set(e, ERR_NOT_FOUND, "'%s' has no digest of a registry", name);
}
