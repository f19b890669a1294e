/* Rows and directories of containers. */
#include "store/container.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Dirty pages are written after 30 s (vm.dirty_expire_centisecs): fsync costs little afterwards. */
#define QUICK_SYNC_NS (60 * CLOCK_NS_PER_S)

#define CONTAINER_COLUMNS "id, name, image, created, data"

void store_container_release(struct store_container *c)
{
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->data);
	*c = (struct store_container){0};
}

void store_containers_release(struct store_containers *l)
{
	for (size_t i = 0; i < l->n; i++)
		store_container_release(&l->v[i]);
	free(l->v);
	*l = (struct store_containers){NULL, 0};
}

static bool id_valid(const char *id)
{
	return id && strlen(id) == 64 && strspn(id, "0123456789abcdef") == 64;
}

static int check_id(const char *id, struct err *e)
{
	if (id_valid(id))
		return 0;
	return err_set(e, EINVAL, "'%.100s' is not the id of a container", id ? id : "");
}

static int name_free(struct store *s, const char *name, const char *but, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(
		s, &q, e, "SELECT id FROM container WHERE name=?1 AND id<>?2", "ss", name, but);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r <= 0)
		return r;
	r = err_set(e, ERR_EXISTS, "the container name '%s' is already in use by container '%s'",
		name, store_query_text(&q, 0));
	err_hint(e, "remove or rename that container to use the name again");
	return r;
}

static int add_rows(struct store *s, const struct store_container *c, struct err *e)
{
	int64_t known = 0;
	int r = name_free(s, c->name, "", e);
	if (r >= 0 && c->image[0])
		r = store_query_number(
			s, &known, e, "SELECT count(*) FROM image WHERE id=?1", "s", c->image);
	if (r >= 0 && c->image[0] && !known)
		r = err_set(e, ERR_NOT_FOUND, "no such image: %s", c->image);
	if (r < 0)
		return r;
	return store_exec(s, e, "INSERT INTO container VALUES(?1, ?2, ?3, ?4, ?5)", "sssis", c->id,
		c->name, c->image, c->created, c->data ? c->data : "{}");
}

int store_container_add(struct store *s, const struct store_container *c, bool quick, struct err *e)
{
	int r = check_id(c->id, e);
	int dir = r < 0 ? r : store_dir(s, STORE_DIR_CONTAINERS, e);
	if (dir < 0)
		return dir;
	/* A quick container waits for no disk; by then the kernel has written older layers. */
	if (c->image[0])
		r = store_image_sync(s, c->image, quick ? QUICK_SYNC_NS : 0, e);
	if (r < 0)
		return r;
	r = quick ? store_begin(s, e) : store_begin_durable(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	r = add_rows(s, c, e);
	if (r < 0)
		return r;
	if (!c->has_dir && mkdirat(dir, c->id, 0700) < 0)
		return err_sys(e, "make the directory of container '%s'", c->id);
	r = store_commit(STEAL(guard), e);
	if (r < 0 && !c->has_dir)
		unlinkat(dir, c->id, AT_REMOVEDIR);
	return r;
}

static int must_change(int changed, const char *id, struct err *e)
{
	if (changed != 0)
		return changed < 0 ? changed : 0;
	return err_set(e, ERR_NOT_FOUND, "no such container: %s", id);
}

int store_container_update(struct store *s, const char *id, const char *data, struct err *e)
{
	int r = store_exec(s, e, "UPDATE container SET data=?2 WHERE id=?1", "ss", id, data);
	return must_change(r, id, e);
}

int store_container_rename(struct store *s, const char *id, const char *name, struct err *e)
{
	int r = store_begin(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	r = name_free(s, name, id, e);
	if (r >= 0)
		r = must_change(store_exec(s, e, "UPDATE container SET name=?2 WHERE id=?1", "ss",
					id, name),
			id, e);
	return r < 0 ? r : store_commit(STEAL(guard), e);
}

int store_container_delete(struct store *s, const char *id, struct err *e)
{
	int r = check_id(id, e);
	int dir = r < 0 ? r : store_dir(s, STORE_DIR_CONTAINERS, e);
	if (dir < 0)
		return dir;
	/* The directory first: a row without files can be removed again, files without a row are
	 * nobody's. */
	r = file_remove_tree(dir, id, e);
	if (r < 0)
		return err_wrap(e, r, "remove container '%s'", id);
	r = store_exec(s, e, "DELETE FROM container WHERE id=?1", "s", id);
	return r < 0 ? r : 0;
}

static void read_row(const struct store_query *q, struct store_container *c)
{
	c->id = mem_strdup(store_query_text(q, 0));
	c->name = mem_strdup(store_query_text(q, 1));
	c->image = mem_strdup(store_query_text(q, 2));
	c->created = store_query_int(q, 3);
	c->data = mem_strdup(store_query_text(q, 4));
}

/* 1 and the container, 0 for none; two that match are an error. */
static int find_one(struct store *s, const char *text, struct store_container *ret, struct err *e,
	const char *sql, const char *a, const char *b)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	struct store_container c cleanup_store_container = {0};
	int r = store_query(s, &q, e, sql, "ss", a, b);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r <= 0)
		return r;
	read_row(&q, &c);
	r = store_query_next(s, &q, e);
	if (r > 0)
		return err_set(e, EINVAL, "multiple containers found with prefix '%s'", text);
	if (r < 0)
		return r;
	*ret = c;
	c = (struct store_container){0};
	return 1;
}

int store_container_find(
	struct store *s, const char *text, struct store_container *ret, struct err *e)
{
	const char *name = text[0] == '/' ? text + 1 : text; /* docker shows names with one */
	int r = find_one(s, text, ret, e,
		"SELECT " CONTAINER_COLUMNS " FROM container WHERE id=?1 AND ?2=?2", text, "");
	if (r == 0)
		r = find_one(s, text, ret, e,
			"SELECT " CONTAINER_COLUMNS " FROM container WHERE name=?1 AND ?2=?2", name,
			"");
	size_t n = strlen(text);
	if (r == 0 && n > 0 && n < 64 && strspn(text, "0123456789abcdef") == n) {
		char end[66];
		snprintf(end, sizeof(end), "%sg", text);
		r = find_one(s, text, ret, e,
			"SELECT " CONTAINER_COLUMNS
			" FROM container WHERE id>=?1 AND id<?2 LIMIT 2",
			text, end);
	}
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "no such container: %s", text);
	return r < 0 ? r : 0;
}

int store_container_list(struct store *s, struct store_containers *ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	struct store_containers l cleanup_store_containers = {NULL, 0};
	int r = store_query(s, &q, e,
		"SELECT " CONTAINER_COLUMNS " FROM container ORDER BY created DESC, id", "");
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		l.v = mem_realloc(l.v, l.n + 1, sizeof(*l.v));
		read_row(&q, &l.v[l.n++]);
	}
	if (r < 0)
		return r;
	*ret = l;
	l = (struct store_containers){NULL, 0};
	return 0;
}

char *store_container_path(struct store *s, const char *id, const char *name)
{
	return mem_printf("%s/containers/%s%s%s", s->root, id, name ? "/" : "", name ? name : "");
}

char *store_container_run_path(const struct store *s, const char *id)
{
	return mem_printf("%s/containers/%s", s->runroot, id);
}
