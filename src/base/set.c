/* A hash table of strings with linear probing; see the header. */
#include "base/set.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void set_release(struct set *s)
{
	for (size_t i = 0; i < s->cap; i++)
		free(s->slots[i].key);
	free(s->slots);
	*s = (struct set)SET_INIT;
}

static uint64_t hash(const char *key)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */
	for (; *key; key++)
		h = (h ^ (unsigned char)*key) * 0x100000001b3u;
	return h ^ h >> 29;
}

/* The slot that holds key, or the free one where it belongs. cap must not be 0. */
static struct set_slot *find(const struct set *s, const char *key)
{
	size_t i = hash(key) & (s->cap - 1);
	while (s->slots[i].key && strcmp(s->slots[i].key, key) != 0)
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

static void grow(struct set *s)
{
	struct set bigger = {.cap = s->cap ? 2 * s->cap : 32, .n = s->n};
	bigger.slots = mem_array(bigger.cap, sizeof(*bigger.slots));
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].key)
			*find(&bigger, s->slots[i].key) = s->slots[i];
	free(s->slots);
	*s = bigger;
}

bool set_add(struct set *s, const char *key, size_t value, size_t *old)
{
	if (2 * (s->n + 1) > s->cap)
		grow(s);
	struct set_slot *slot = find(s, key);
	if (slot->key) {
		if (old)
			*old = slot->value;
		return false;
	}
	*slot = (struct set_slot){mem_strdup(key), value};
	s->n++;
	return true;
}

bool set_has(const struct set *s, const char *key, size_t *ret_value)
{
	if (!s->cap)
		return false;
	const struct set_slot *slot = find(s, key);
	if (slot->key && ret_value)
		*ret_value = slot->value;
	return slot->key != NULL;
}
