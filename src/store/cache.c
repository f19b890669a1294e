/* The build cache. Marks of use are gathered and written in one transaction. */
#include "store/cache.h"

#include "base/clock.h"
#include "base/mem.h"
#include "store/layer.h"
#include "store/store_priv.h"

#include <string.h>

#define CACHE_COLUMNS                                                                         \
	"c.key, c.step, c.instruction, c.inputs, c.diffid, c.result, c.created, c.last_used," \
	" c.collected_by, c.collected, coalesce(l.content, 0)"
#define CACHE_FROM " FROM cache c LEFT JOIN layer l ON l.diffid=c.diffid "

void store_cache_entry_release(struct store_cache_entry *c)
{
	free(c->key);
	free(c->step);
	free(c->instruction);
	free(c->inputs);
	free(c->diffid);
	free(c->result);
	free(c->collected_by);
	*c = (struct store_cache_entry){0};
}

void store_cache_list_release(struct store_cache_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		store_cache_entry_release(&l->v[i]);
	free(l->v);
	*l = (struct store_cache_list){NULL, 0};
}

int store_cache_flush(struct store *s, struct err *e)
{
	if (!s->n_used)
		return 0;
	int r = store_begin(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	int64_t now = clock_now();
	for (size_t i = 0; i < s->n_used; i++) {
		r = store_exec(
			s, e, "UPDATE cache SET last_used=?2 WHERE key=?1", "si", s->used[i], now);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < s->n_used; i++)
		free(s->used[i]);
	s->n_used = 0;
	return store_commit(STEAL(guard), e);
}

int store_cache_put(struct store *s, const struct store_cache_entry *c, struct err *e)
{
	int r = store_begin(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	int64_t now = clock_now();
	r = store_exec(s, e,
		"INSERT OR REPLACE INTO cache VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, '', 0)",
		"ssssssii", c->key, c->step, c->instruction ? c->instruction : "",
		c->inputs ? c->inputs : "{}", c->diffid ? c->diffid : "",
		c->result ? c->result : "", now, now);
	if (r >= 0)
		r = store_cache_flush(s, e);
	return r < 0 ? r : store_commit(STEAL(guard), e);
}

static void read_row(const struct store_query *q, struct store_cache_entry *c)
{
	c->key = mem_strdup(store_query_text(q, 0));
	c->step = mem_strdup(store_query_text(q, 1));
	c->instruction = mem_strdup(store_query_text(q, 2));
	c->inputs = mem_strdup(store_query_text(q, 3));
	c->diffid = mem_strdup(store_query_text(q, 4));
	c->result = mem_strdup(store_query_text(q, 5));
	c->created = store_query_int(q, 6);
	c->last_used = store_query_int(q, 7);
	c->collected = store_query_int(q, 9);
	c->collected_by = c->collected ? mem_strdup(store_query_text(q, 8)) : NULL;
	c->size = store_query_int(q, 10);
}

/* 1 and the first row, or 0 */
static int read_one(
	struct store *s, struct store_query *q, int r, struct store_cache_entry *ret, struct err *e)
{
	if (r >= 0)
		r = store_query_next(s, q, e);
	if (r > 0)
		read_row(q, ret);
	return r;
}

static void note_use(struct store *s, const char *key)
{
	for (size_t i = 0; i < s->n_used; i++)
		if (!strcmp(s->used[i], key))
			return;
	s->used = mem_realloc(s->used, s->n_used + 1, sizeof(*s->used));
	s->used[s->n_used++] = mem_strdup(key);
}

int store_cache_get(struct store *s, const char *key, bool suspect_too,
	struct store_cache_entry *ret, struct err *e)
{
	*ret = (struct store_cache_entry){0};
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(
		s, &q, e, "SELECT " CACHE_COLUMNS CACHE_FROM "WHERE c.key=?1", "s", key);
	r = read_one(s, &q, r, ret, e);
	if (r <= 0 || ret->collected)
		return r < 0 ? r : 0;
	struct store_layer l = {0};
	if (ret->diffid[0]) {
		r = store_layer_get(s, ret->diffid, &l, NULL);
		if (r < 0 && r != -ERR_NOT_FOUND)
			return err_set(e, -r, "look for layer '%s'", ret->diffid);
	}
	if (r < 0 || (l.suspect && !suspect_too)) {
		ret->collected_by =
			mem_strdup(r < 0 ? "the loss of its layer"
					 : "a stop of the machine before it was synced");
		ret->collected = ret->last_used;
		return 0;
	}
	if (!s->readonly)
		note_use(s, key);
	return 1;
}

int store_cache_latest(
	struct store *s, const char *step, struct store_cache_entry *ret, struct err *e)
{
	*ret = (struct store_cache_entry){0};
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT " CACHE_COLUMNS CACHE_FROM
		"WHERE c.step=?1 ORDER BY max(c.created, c.last_used) DESC LIMIT 1",
		"s", step);
	return read_one(s, &q, r, ret, e);
}

int store_cache_list(struct store *s, struct store_cache_list *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	struct store_cache_list l cleanup_store_cache_list = {NULL, 0};
	int r = store_query(s, &q, e,
		"SELECT " CACHE_COLUMNS CACHE_FROM
		"WHERE c.collected=0 ORDER BY c.last_used, c.key",
		"");
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		l.v = mem_realloc(l.v, l.n + 1, sizeof(*l.v));
		l.v[l.n] = (struct store_cache_entry){0};
		read_row(&q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct store_cache_list){NULL, 0};
	return 0;
}

int store_cache_collect(struct store *s, const char *key, const char *by, struct err *e)
{
	int r = store_exec(s, e,
		"UPDATE cache SET collected_by=?2, collected=?3, result='', diffid='' WHERE key=?1",
		"ssi", key, by, clock_now());
	return r < 0 ? r : 0;
}
