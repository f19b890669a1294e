/* A set of hashes; see the header. Open addressing, at most half full. */
#include "layer/hash_set_priv.h"
#include "base/mem.h"
#include "base/random.h"

#include <stdlib.h>
#include <string.h>

void hash_set_release(struct hash_set *s)
{
	free(s->slots);
	*s = (struct hash_set){0};
}

/* Never 0: that is an empty slot. */
static uint64_t hash_of(const struct hash_set *s, const char *text)
{
	uint64_t h = s->seed;
	for (const char *p = text; *p; p++) {
		h = (h ^ (unsigned char)*p) * 0x9FB21C651E98DF25ULL;
		h ^= h >> 35;
	}
	h *= 0x9E3779B97F4A7C15ULL;
	h ^= h >> 32;
	return h ? h : 1;
}

static uint64_t *slot_of(uint64_t *slots, size_t n, uint64_t hash)
{
	size_t at = hash & (n - 1);
	while (slots[at] && slots[at] != hash)
		at = (at + 1) & (n - 1);
	return &slots[at];
}

static void grow(struct hash_set *s)
{
	size_t n = s->n_slots ? 2 * s->n_slots : 1024;
	uint64_t *slots = mem_array(n, sizeof(*slots));
	if (!s->seed)
		random_bytes(&s->seed, sizeof(s->seed));
	for (size_t i = 0; i < s->n_slots; i++)
		if (s->slots[i])
			*slot_of(slots, n, s->slots[i]) = s->slots[i];
	free(s->slots);
	s->slots = slots;
	s->n_slots = n;
}

void hash_set_add(struct hash_set *s, const char *text)
{
	if (2 * (s->n + 1) > s->n_slots)
		grow(s);
	uint64_t hash = hash_of(s, text);
	uint64_t *slot = slot_of(s->slots, s->n_slots, hash);
	s->n += *slot == 0;
	*slot = hash;
}

bool hash_set_has(const struct hash_set *s, const char *text)
{
	return s->n_slots && *slot_of(s->slots, s->n_slots, hash_of(s, text)) != 0;
}
