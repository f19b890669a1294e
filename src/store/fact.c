/* Facts about the store: a small table of names and values. */
#include "base/mem.h"
#include "store/store_priv.h"

#include <errno.h>

int store_fact_get(struct store *s, const char *name, char **ret, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e, "SELECT value FROM fact WHERE name=?1", "s", name);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r < 0)
		return r;
	if (r == 0)
		return -ENOENT;
	*ret = mem_strdup(store_query_text(&q, 0));
	return 0;
}

int store_fact_set(struct store *s, const char *name, const char *value, struct err *e)
{
	int r = value ? store_exec(s, e, "INSERT OR REPLACE INTO fact VALUES(?1, ?2)", "ss", name,
				value)
		      : store_exec(s, e, "DELETE FROM fact WHERE name=?1", "s", name);
	return r < 0 ? r : 0;
}
