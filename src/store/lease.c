/* Leases: rows that name a process; a lease whose process is gone counts for nothing. */
#include "store/lease.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/strv.h"
#include "store/image.h"
#include "store/store_priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

struct store_lease {
	struct store *store;
	int64_t id;
};

int store_lease_begin(struct store *s, const char *what, struct store_lease **ret, struct err *e)
{
	uint64_t start = 0;
	int r = proc_start_time(getpid(), &start);
	if (r < 0)
		return err_sysno(e, r, "read our own start time");
	r = store_exec(s, e, "INSERT INTO lease VALUES(NULL, ?1, ?2, ?3, ?4, ?5)", "siisi", what,
		(int64_t)getpid(), (int64_t)start, store_boot(s), clock_now());
	if (r < 0)
		return r;
	struct store_lease *l = mem_alloc(sizeof(*l));
	l->store = s;
	l->id = sqlite3_last_insert_rowid(s->db);
	s->lease = l->id;
	*ret = l;
	return 0;
}

static int add_ref(struct store *s, int64_t lease, const char *ref, struct err *e)
{
	int r = store_exec(
		s, e, "INSERT OR IGNORE INTO lease_ref VALUES(?1, ?2)", "is", lease, ref);
	return r < 0 ? r : 0;
}

int store_lease_keep(struct store *s, const char *ref, struct err *e)
{
	return s->lease ? add_ref(s, s->lease, ref, e) : 0;
}

int store_lease_add(struct store_lease *l, const char *ref, struct err *e)
{
	int r = store_begin(l->store, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = l->store;
	r = add_ref(l->store, l->id, ref, e);
	if (r >= 0)
		r = store_exec(l->store, e,
			"INSERT OR IGNORE INTO lease_ref SELECT ?1, diffid FROM image_layer"
			" WHERE image=?2",
			"is", l->id, ref);
	return r < 0 ? r : store_commit(STEAL(guard), e);
}

static int drop(struct store *s, int64_t id, struct err *e)
{
	int r = store_exec(s, e, "DELETE FROM lease_ref WHERE lease=?1", "i", id);
	if (r >= 0)
		r = store_exec(s, e, "DELETE FROM lease WHERE id=?1", "i", id);
	return r < 0 ? r : 0;
}

void store_lease_end(struct store_lease *l)
{
	if (!l)
		return;
	l->store->lease = 0;
	/* What cannot be removed now is swept when our process is gone. */
	if (store_begin(l->store, NULL) >= 0) {
		if (drop(l->store, l->id, NULL) >= 0)
			(void)store_commit(l->store, NULL);
		else
			store_rollback(l->store);
	}
	free(l);
}

static bool alive(struct store *s, int64_t pid, int64_t start, const char *boot)
{
	uint64_t now = 0;
	return !strcmp(boot, store_boot(s)) && proc_start_time((pid_t)pid, &now) >= 0 &&
	       (int64_t)now == start;
}

int store_lease_sweep(struct store *s, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e, "SELECT id, pid, start, boot FROM lease", "");
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0) {
		if (alive(s, store_query_int(&q, 1), store_query_int(&q, 2),
			    store_query_text(&q, 3)))
			continue;
		r = drop(s, store_query_int(&q, 0), e);
	}
	return r < 0 ? r : 0;
}
