/*
 * Removing what is not needed: a layer, the rows of an image, and `rmi`, which does
 * both. Files are renamed into a temporary directory inside the transaction and
 * unlinked after it.
 */
#include "base/file.h"
#include "store/blob.h"
#include "store/gc_priv.h"
#include "store/image.h"
#include "store/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int gc_blob_needed(struct store *s, const char *digest, int64_t mtime, struct err *e)
{
	int64_t needed = 0;
	int r = store_query_number(s, &needed, e,
		"SELECT EXISTS(SELECT 1 FROM image WHERE id=?1)"
		" OR EXISTS(SELECT 1 FROM image_digest d JOIN image i ON i.id=d.image"
		"           WHERE d.digest=?1)"
		" OR EXISTS(SELECT 1 FROM image_index x JOIN image i ON i.id=x.image"
		"           WHERE x.digest=?1)"
		" OR EXISTS(SELECT 1 FROM index_blob b JOIN image_index x ON x.digest=b.idx"
		"           JOIN image i ON i.id=x.image WHERE b.blob=?1)"
		" OR EXISTS(SELECT 1 FROM layer_blob b JOIN layer l ON l.diffid=b.diffid"
		"           WHERE b.digest=?1)"
		" OR EXISTS(SELECT 1 FROM lease_ref WHERE ref=?1)"
		" OR ?2 >=" GC_LEASED_SINCE,
		"si", digest, mtime + GC_MTIME_SLACK);
	return r < 0 ? r : needed != 0;
}

static int blob_collect(struct store *s, const char *digest, struct err *e)
{
	struct stat st;
	int dir = store_dir(s, STORE_DIR_BLOBS, e);
	if (dir < 0)
		return dir;
	const char *hex = store_digest_hex(digest);
	if (!hex || fstatat(dir, hex, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	int r = gc_blob_needed(s, digest, st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec, e);
	if (r != 0)
		return r < 0 ? r : 0;
	return store_blob_delete(s, digest, e);
}

static int read_digests(
	struct store *s, struct strv *out, struct err *e, const char *sql, const char *arg)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e, sql, "s", arg);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		strv_add(out, store_query_text(&q, 0));
	return r;
}

static int blobs_collect(struct store *s, const struct strv *digests, struct err *e)
{
	for (size_t i = 0; i < digests->n; i++) {
		int r = blob_collect(s, digests->v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

int gc_layer_collect(struct store *s, const char *diffid, int trash, struct err *e)
{
	int64_t unused = 0;
	int r = store_query_number(s, &unused, e,
		"SELECT EXISTS(SELECT 1 FROM layer WHERE diffid=?1) AND" GC_LAYER_UNUSED("?1"), "s",
		diffid);
	if (r < 0 || !unused)
		return r;
	struct strv blobs cleanup_strv = STRV_INIT;
	r = read_digests(s, &blobs, e, "SELECT digest FROM layer_blob WHERE diffid=?1", diffid);
	if (r >= 0)
		r = store_exec(s, e,
			"DELETE FROM blob_place WHERE digest IN"
			" (SELECT digest FROM layer_blob WHERE diffid=?1)",
			"s", diffid);
	if (r >= 0)
		r = store_exec(s, e, "DELETE FROM layer_blob WHERE diffid=?1", "s", diffid);
	if (r >= 0)
		r = store_layer_discard(s, diffid, trash, e);
	if (r >= 0)
		r = blobs_collect(s, &blobs, e);
	return r < 0 ? r : 1;
}

int gc_image_rows_delete(struct store *s, const char *id, struct err *e)
{
	int r = store_exec(s, e, "DELETE FROM tag WHERE image=?1", "s", id);
	if (r >= 0)
		r = store_exec(s, e, "DELETE FROM image_layer WHERE image=?1", "s", id);
	if (r >= 0)
		r = store_exec(s, e, "DELETE FROM image_digest WHERE image=?1", "s", id);
	if (r >= 0)
		r = store_exec(s, e, "DELETE FROM image_index WHERE image=?1", "s", id);
	if (r >= 0)
		r = store_exec(s, e,
			"DELETE FROM index_blob WHERE idx NOT IN (SELECT digest FROM image_index)",
			"");
	if (r >= 0)
		r = store_exec(s, e, "DELETE FROM image WHERE id=?1", "s", id);
	return r < 0 ? r : 0;
}

static int collect_layers(
	struct store *s, const struct strv *diffids, int trash, struct strv *ret, struct err *e)
{
	int r = store_lease_sweep(s, e);
	for (size_t i = diffids->n; r >= 0 && i > 0;
		i--) { /* the top first, as docker lists them */
		r = gc_layer_collect(s, diffids->v[i - 1], trash, e);
		if (r > 0 && ret)
			strv_add(ret, diffids->v[i - 1]);
	}
	return r < 0 ? r : 0;
}

/* Runs fn between a new trash directory and its removal, in one transaction. */
struct collection {
	const char *image; /* NULL: only layers */
	const struct strv *layers;
	struct strv *ret;
};

static int delete_image(struct store *s, const struct collection *c, int trash, struct err *e)
{
	struct store_image img cleanup_store_image = {0};
	struct strv users cleanup_strv = STRV_INIT, blobs cleanup_strv = STRV_INIT;
	int r = store_image_get(s, c->image, &img, e);
	if (r >= 0)
		r = store_image_users(s, c->image, &users, e);
	if (r < 0)
		return r;
	if (users.n)
		return err_set(e, ERR_IN_USE, "image %.12s is in use by container %.12s",
			store_digest_hex(c->image), users.v[0]);
	strv_add(&blobs, c->image);
	r = read_digests(s, &blobs, e,
		"SELECT digest FROM image_digest WHERE image=?1"
		" UNION SELECT digest FROM image_index WHERE image=?1"
		" UNION SELECT b.blob FROM index_blob b JOIN image_index x ON x.digest=b.idx"
		" WHERE x.image=?1",
		c->image);
	if (r >= 0)
		r = gc_image_rows_delete(s, c->image, e);
	if (r < 0)
		return r;
	if (c->ret)
		strv_add(c->ret, c->image);
	r = collect_layers(s, &img.layers, trash, c->ret, e);
	return r < 0 ? r : blobs_collect(s, &blobs, e);
}

static int collect(struct store *s, const struct collection *c, struct err *e)
{
	char name[STORE_TMP_NAME];
	int trash = store_tmp_dir(s, name, e);
	if (trash < 0)
		return trash;
	int r = store_begin(s, e);
	if (r >= 0) {
		r = c->image ? delete_image(s, c, trash, e)
			     : collect_layers(s, c->layers, trash, c->ret, e);
		if (r >= 0)
			r = store_commit(s, e);
		else
			store_rollback(s);
	}
	int gone = store_trash_remove(s, name, trash, e);
	return r < 0 ? r : gone;
}

int store_image_delete(struct store *s, const char *id, struct strv *ret_deleted, struct err *e)
{
	struct collection c = {.image = id, .ret = ret_deleted};
	return collect(s, &c, e);
}

int store_collect_layers(
	struct store *s, const struct strv *diffids, struct strv *ret, struct err *e)
{
	struct collection c = {.layers = diffids, .ret = ret};
	return collect(s, &c, e);
}
