/*
 * Layers: made in a temporary directory, named by rename and row inside one write
 * transaction, so that committers and removers of one diffID take turns.
 */
#include "store/layer.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/strv.h"
#include "store/lease.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct store_layer_tmp {
	struct store *store;
	char name[STORE_TMP_NAME];
	char *path;
	int dir;
	bool named; /* the directory has left tmp/ */
};

int store_layer_begin(struct store *s, struct store_layer_tmp **ret, struct err *e)
{
	struct store_layer_tmp *t cleanup_store_layer_tmp = mem_alloc(sizeof(*t));
	t->store = s;
	t->dir = store_tmp_dir(s, t->name, e);
	if (t->dir < 0)
		return t->dir;
	t->path = mem_printf("%s/tmp/%s", s->root, t->name);
	*ret = STEAL(t);
	return 0;
}

int store_layer_tmp_dir(const struct store_layer_tmp *t)
{
	return t->dir;
}

const char *store_layer_tmp_path(const struct store_layer_tmp *t)
{
	return t->path;
}

void store_layer_tmp_free(struct store_layer_tmp *t)
{
	if (!t)
		return;
	if (t->dir >= 0 && t->named)
		close(t->dir);
	else if (t->dir >= 0) {
		(void)store_unlink(t->dir, "tar"); /* fast for a large one */
		(void)store_tmp_remove(t->store, t->name, t->dir, NULL);
	}
	free(t->path);
	free(t);
}

static bool directory_there(struct store *s, const char *diffid)
{
	struct stat st;
	int layers = store_dir(s, STORE_DIR_LAYERS, NULL);
	return layers >= 0 &&
	       fstatat(layers, store_digest_hex(diffid), &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* fsync of what a layer directory holds; a tree of files is left to syncfs. */
static int sync_files(int dir, struct err *e)
{
	if (file_exists(dir, "tree") && syncfs(dir) < 0)
		return err_sys(e, "sync a layer");
	static const char *const names[] = {"tar", "index.erofs"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int r = file_exists(dir, names[i]) ? store_sync_at(dir, names[i], e) : 0;
		if (r < 0)
			return r;
	}
	return store_sync_at(dir, NULL, e);
}

/* tmp/NAME becomes layers/HEX. What lies there without a row is left from a crash: it changes
 * places with ours and goes with tmp/. */
static int rename_in(struct store_layer_tmp *t, const char *hex, struct err *e)
{
	struct store *s = t->store;
	int tmp = store_dir(s, STORE_DIR_TMP, e);
	int layers = tmp < 0 ? tmp : store_dir(s, STORE_DIR_LAYERS, e);
	if (layers < 0)
		return layers;
	if (renameat2(tmp, t->name, layers, hex, RENAME_NOREPLACE) == 0) {
		t->named = true;
		return 0;
	}
	if (errno != EEXIST || renameat2(tmp, t->name, layers, hex, RENAME_EXCHANGE) < 0)
		return err_sys(e, "name layer '%s'", hex);
	t->named = true;
	return file_remove_tree(tmp, t->name, e);
}

static int commit_locked(struct store_layer_tmp *t, const char *diffid,
	const struct store_layer_info *info, struct err *e)
{
	struct store *s = t->store;
	struct store_layer old;
	int r = store_layer_get(s, diffid, &old, NULL);
	if (r >= 0 && !old.suspect) /* older than our lease, which must name it then */
		return store_lease_keep(s, diffid, e);
	r = rename_in(t, store_digest_hex(diffid), e);
	if (r < 0)
		return r;
	if (info->durable) {
		r = store_sync_at(store_dir(s, STORE_DIR_LAYERS, e), NULL, e);
		if (r < 0)
			return r;
	}
	return store_exec(s, e,
		"INSERT OR REPLACE INTO layer(diffid, tar, content, entries, idx, created, durable,"
		" boot) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		"siiiiiis", diffid, (int64_t)info->tar_size, (int64_t)info->content_size,
		(int64_t)info->entries, (int64_t)info->index_size, clock_now(),
		(int64_t)info->durable, store_boot(s));
}

int store_layer_commit(struct store_layer_tmp *tmp, const char *diffid,
	const struct store_layer_info *info, struct err *e)
{
	struct store_layer_tmp *t cleanup_store_layer_tmp = tmp;
	int r = store_check_digest(diffid, e);
	if (r >= 0 && info->durable)
		r = sync_files(t->dir, e); /* before the transaction: it may take long */
	if (r < 0)
		return r;
	r = store_begin(t->store, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = t->store;
	r = commit_locked(t, diffid, info, e);
	if (r < 0)
		return err_wrap(e, r, "store layer '%s'", diffid);
	return store_commit(STEAL(guard), e);
}

#define LAYER_COLUMNS "diffid, tar, content, entries, idx, created, durable, boot"

static void read_row(struct store *s, const struct store_query *q, struct store_layer *l)
{
	store_query_digest(q, 0, l->diffid);
	l->tar_size = store_query_int(q, 1);
	l->content_size = store_query_int(q, 2);
	l->entries = store_query_int(q, 3);
	l->index_size = store_query_int(q, 4);
	l->created = store_query_int(q, 5);
	l->durable = store_query_int(q, 6);
	l->suspect = !l->durable && strcmp(store_query_text(q, 7), store_boot(s)) != 0;
}

int store_layer_get(struct store *s, const char *diffid, struct store_layer *ret, struct err *e)
{
	int r = store_check_digest(diffid, e);
	if (r < 0)
		return r;
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	r = store_query(
		s, &q, e, "SELECT " LAYER_COLUMNS " FROM layer WHERE diffid=?1", "s", diffid);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r < 0)
		return r;
	/* A row whose directory somebody took away is no layer. */
	if (r == 0 || !directory_there(s, diffid))
		return err_set(e, ERR_NOT_FOUND, "layer '%s' is not in the store", diffid);
	if (ret)
		read_row(s, &q, ret);
	return 0;
}

int store_layer_require(struct store *s, const char *diffid, struct store_layer *ret, struct err *e)
{
	struct store_layer l;
	int r = store_layer_get(s, diffid, &l, e);
	if (r >= 0 && l.suspect && s->verify) {
		r = s->verify(s, diffid, e);
		if (r >= 0)
			r = store_layer_get(s, diffid, &l, e);
	}
	if (r < 0)
		return r;
	if (l.suspect)
		return err_set(e, ERR_STATE,
			"layer '%s' was not on the disk for certain when the machine stopped",
			diffid);
	if (ret)
		*ret = l;
	return 0;
}

bool store_layer_has(struct store *s, const char *diffid)
{
	return store_layer_get(s, diffid, NULL, NULL) >= 0;
}

char *store_layer_path(struct store *s, const char *diffid, const char *name)
{
	const char *hex = store_digest_hex(diffid);
	return mem_printf(
		"%s/layers/%s%s%s", s->root, hex ? hex : "", name ? "/" : "", name ? name : "");
}

int store_layer_open(struct store *s, const char *diffid, struct err *e)
{
	int r = store_check_digest(diffid, e);
	int layers = r < 0 ? r : store_dir(s, STORE_DIR_LAYERS, e);
	if (layers < 0)
		return layers;
	int fd = openat(
		layers, store_digest_hex(diffid), O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "open layer '%s'", diffid) : fd;
}

static int sync_one(struct store *s, const char *diffid, struct err *e)
{
	int dir cleanup_fd = store_layer_open(s, diffid, e);
	return dir < 0 ? dir : sync_files(dir, e);
}

int store_layer_sync(struct store *s, const char *const *diffids, size_t n, struct err *e)
{
	bool any = false;
	for (size_t i = 0; i < n; i++) {
		struct store_layer l;
		int r = store_layer_get(s, diffids[i], &l, e);
		if (r < 0)
			return r;
		if (l.durable)
			continue;
		if (l.suspect)
			return err_set(e, ERR_STATE,
				"layer '%s' was not written completely before the machine stopped",
				diffids[i]);
		r = sync_one(s, diffids[i], e);
		if (r < 0)
			return r;
		any = true;
	}
	if (!any)
		return 0;
	int r = store_sync_at(store_dir(s, STORE_DIR_LAYERS, e), NULL, e);
	if (r >= 0)
		r = store_begin(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	for (size_t i = 0; i < n; i++) {
		r = store_exec(s, e, "UPDATE layer SET durable=1 WHERE diffid=?1 AND durable=0",
			"s", diffids[i]);
		if (r < 0)
			return r;
	}
	return store_commit(STEAL(guard), e);
}

int store_image_sync(struct store *s, const char *image, int64_t young, struct err *e)
{
	struct strv ids cleanup_strv = STRV_INIT;
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT l.diffid FROM image_layer i JOIN layer l ON l.diffid=i.diffid"
		" WHERE i.image=?1 AND l.durable=0 AND l.created<=?2",
		"si", image, clock_now() - young);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		strv_add(&ids, store_query_text(&q, 0));
	store_query_end(&q);
	for (size_t i = 0; r >= 0 && i < ids.n; i++)
		r = store_layer_require(s, ids.v[i], NULL, e);
	return r < 0 ? r : store_layer_sync(s, (const char *const *)strv_items(&ids), ids.n, e);
}

int store_layer_trust(struct store *s, const char *diffid, struct err *e)
{
	int r = store_exec(
		s, e, "UPDATE layer SET boot=?2 WHERE diffid=?1", "ss", diffid, store_boot(s));
	return r < 0 ? r : 0;
}

int store_layer_discard(struct store *s, const char *diffid, int trash, struct err *e)
{
	int layers = store_dir(s, STORE_DIR_LAYERS, e);
	if (layers < 0)
		return layers;
	int r = store_exec(s, e, "DELETE FROM layer WHERE diffid=?1", "s", diffid);
	if (r < 0)
		return r;
	const char *hex = store_digest_hex(diffid);
	/* Inside the transaction: a committer of the same layer waits until both are gone. */
	if (renameat(layers, hex, trash, hex) < 0 && errno != ENOENT)
		return err_sys(e, "remove layer '%s'", diffid);
	return 0;
}

int store_layer_delete(struct store *s, const char *diffid, struct err *e)
{
	int r = store_check_digest(diffid, e);
	if (r < 0)
		return r;
	char name[STORE_TMP_NAME];
	int trash = store_tmp_dir(s, name, e);
	if (trash < 0)
		return trash;
	r = store_begin(s, e);
	if (r >= 0) {
		r = store_layer_discard(s, diffid, trash, e);
		if (r >= 0)
			r = store_commit(s, e);
		else
			store_rollback(s);
	}
	int gone = store_trash_remove(s, name, trash, e);
	return r < 0 ? r : gone;
}

int store_layer_list(struct store *s, struct store_layers *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	struct store_layers l cleanup_store_layers = {NULL, 0};
	int r = store_query(
		s, &q, e, "SELECT " LAYER_COLUMNS " FROM layer ORDER BY created, diffid", "");
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		l.v = mem_realloc(l.v, l.n + 1, sizeof(*l.v));
		read_row(s, &q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct store_layers){NULL, 0};
	return 0;
}

void store_layers_release(struct store_layers *l)
{
	free(l->v);
	*l = (struct store_layers){NULL, 0};
}
