/* Merging of resources as JSON: what is absent or null stays. Pure. */
#include "base/defs.h"
#include "runtime/update_priv.h"

#include <string.h>

/* What makes two entries of a list the same one */
static const struct {
	const char *list, *keys[2];
} lists[] = {
	{"hugepageLimits", {"pageSize", NULL}},
	{"priorities", {"name", NULL}},
	{"weightDevice", {"major", "minor"}},
	{"throttleReadBpsDevice", {"major", "minor"}},
	{"throttleWriteBpsDevice", {"major", "minor"}},
	{"throttleReadIOPSDevice", {"major", "minor"}},
	{"throttleWriteIOPSDevice", {"major", "minor"}},
};

static bool same_entry(const json_t *a, const json_t *b, const char *const *keys)
{
	for (size_t i = 0; i < 2 && keys[i]; i++) {
		const json_t *x = json_object_get(a, keys[i]), *y = json_object_get(b, keys[i]);
		/* numbers that are left out are 0 */
		bool zero = (!x || json_is_integer(x)) && (!y || json_is_integer(y));
		if (zero ? json_integer_value(x) != json_integer_value(y) : !json_equal(x, y))
			return false;
	}
	return true;
}

static void merge_list(json_t *to, json_t *from, const char *const *keys)
{
	for (size_t i = 0; i < json_array_size(from); i++) {
		json_t *entry = json_array_get(from, i);
		size_t at = 0;
		while (at < json_array_size(to) && !same_entry(json_array_get(to, at), entry, keys))
			at++;
		if (at < json_array_size(to))
			json_array_set(to, at, entry);
		else
			json_array_append(to, entry);
	}
}

void resources_merge(json_t *to, json_t *from)
{
	const char *key;
	json_t *v;
	json_object_foreach (from, key, v) {
		json_t *old = json_object_get(to, key);
		if (json_is_null(v))
			continue;
		if (json_is_object(v) && json_is_object(old)) {
			resources_merge(old, v);
			continue;
		}
		size_t i = 0;
		while (i < ARRAY_SIZE(lists) && strcmp(lists[i].list, key) != 0)
			i++;
		if (i < ARRAY_SIZE(lists) && json_is_array(v) && json_is_array(old))
			merge_list(old, v, lists[i].keys);
		else
			json_object_set_new(to, key, json_deep_copy(v));
	}
}

json_t *resources_touched(json_t *merged, json_t *given)
{
	json_t *o = json_object();
	const char *key;
	json_t *v;
	json_object_foreach (given, key, v)
		if (!json_is_null(v))
			json_object_set(o, key, json_object_get(merged, key));
	return o;
}
