/*
 * Wildcards: a pattern becomes a list of items, and a path is run through all
 * places it may be at in that list at once, so no pattern is exponential.
 */
#include "dockerfile/glob.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "dockerfile/glob_priv.h"
#include "dockerfile/utf8.h"

#include <errno.h>
#include <string.h>

enum glob_kind {
	GLOB_CHARACTER,
	GLOB_ONE,     /* ? */
	GLOB_STAR,    /* * */
	GLOB_CLASS,   /* [a-z] */
	GLOB_ALL,     /* ** at the end */
	GLOB_DIRS,    /* ** elsewhere: nothing, or directories; GLOB_DIRS_IN follows */
	GLOB_DIRS_IN, /* inside of these, behind no '/' */
};

struct glob_range {
	uint32_t first;
	uint32_t last;
};

struct glob_item {
	enum glob_kind kind;
	uint32_t c;
	bool negated;
	size_t nranges;
	struct glob_range *ranges;
};

struct reader {
	const char *p;
	size_t at;
	size_t len;
	struct arena *a;
	struct glob *g;
};

static size_t take_character(const char *p, size_t len, uint32_t *ret)
{
	size_t n = utf8_decode(p, len, ret);
	if (n)
		return n;
	*ret = 0x110000 + (unsigned char)*p; /* no character: equal to itself only */
	return 1;
}

static struct glob_item *item_add(struct reader *r, enum glob_kind kind)
{
	struct glob_item *item = &r->g->items[r->g->nitems++];
	item->kind = kind;
	return item;
}

/* An end of a range */
static int class_character(struct reader *r, uint32_t *ret)
{
	if (r->at == r->len || r->p[r->at] == '-' || r->p[r->at] == ']')
		return -EINVAL;
	if (r->p[r->at] == '\\' && ++r->at == r->len)
		return -EINVAL;
	r->at += take_character(r->p + r->at, r->len - r->at, ret);
	return r->at == r->len ? -EINVAL : 0; /* at least the ']' must follow */
}

/* Behind the '[' */
static int class_read(struct reader *r)
{
	struct glob_item *item = item_add(r, GLOB_CLASS);
	if (r->at < r->len && r->p[r->at] == '^') {
		item->negated = true;
		r->at++;
	}
	size_t cap = 0;
	while (r->at < r->len && (r->p[r->at] != ']' || item->nranges == 0)) {
		struct glob_range range;
		int e = class_character(r, &range.first);
		range.last = range.first;
		if (e == 0 && r->p[r->at] == '-') {
			r->at++;
			e = class_character(r, &range.last);
		}
		if (e < 0)
			return e;
		if (item->nranges == cap) {
			struct glob_range *old = item->ranges;
			cap = cap ? 2 * cap : 4;
			item->ranges = arena_alloc(r->a, cap * sizeof(range));
			if (old)
				memcpy(item->ranges, old, item->nranges * sizeof(range));
		}
		item->ranges[item->nranges++] = range;
	}
	if (r->at == r->len)
		return -EINVAL;
	r->at++;
	r->g->fixed_depth = false; /* a class may hold '/' */
	return 0;
}

/* Behind a `*` */
static void star_read(struct reader *r, bool double_star)
{
	if (!double_star || r->at == r->len || r->p[r->at] != '*') {
		item_add(r, GLOB_STAR);
		return;
	}
	r->at++;
	if (r->at < r->len && r->p[r->at] == '/')
		r->at++;
	r->g->fixed_depth = false;
	if (r->at == r->len) {
		item_add(r, GLOB_ALL);
		return;
	}
	item_add(r, GLOB_DIRS);
	item_add(r, GLOB_DIRS_IN);
}

static int items_read(struct reader *r, bool double_star)
{
	int e = 0;
	while (e == 0 && r->at < r->len) {
		char c = r->p[r->at];
		if (c == '*') {
			r->at++;
			star_read(r, double_star);
		} else if (c == '?') {
			r->at++;
			item_add(r, GLOB_ONE);
		} else if (c == '[') {
			r->at++;
			e = class_read(r);
		} else if (c == '\\' && ++r->at == r->len) {
			e = -EINVAL;
		} else {
			struct glob_item *item = item_add(r, GLOB_CHARACTER);
			r->at += take_character(r->p + r->at, r->len - r->at, &item->c);
			r->g->slashes += item->c == '/';
		}
	}
	return e;
}

static bool is_literal(const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (strchr("*?[]\\", p[i]))
			return false;
	return true;
}

/* The simple shapes that most patterns have. `**x` matches any path that ends in x, in whatever
 * component it begins, and `x**` any that begins with x: as the reference. */
static void simplify(struct glob *g, const char *pattern, size_t len, bool double_star)
{
	g->type = GLOB_ITEMS;
	if (is_literal(pattern, len)) {
		g->type = GLOB_EXACT;
		g->text = pattern;
		g->len = len;
	} else if (double_star && len >= 2 && memcmp(pattern, "**", 2) == 0 &&
		   is_literal(pattern + 2, len - 2)) {
		g->type = GLOB_SUFFIX;
		g->text = pattern + 2;
		g->len = len - 2;
	} else if (double_star && len > 2 && memcmp(pattern + len - 2, "**", 2) == 0 &&
		   is_literal(pattern, len - 2)) {
		g->type = GLOB_PREFIX;
		g->text = pattern;
		g->len = len - 2;
	} else {
		while (g->len < len && is_literal(pattern + len - g->len - 1, 1))
			g->len++;
		/* what a backslash quotes is not counted, nor a '/' that `**` takes */
		if (g->len < len && g->len && pattern[len - g->len - 1] != '?')
			g->len--;
		g->text = pattern + len - g->len;
	}
}

int glob_compile(struct glob *g, struct arena *a, const char *pattern, bool double_star)
{
	size_t len = strlen(pattern);
	*g = (struct glob){.fixed_depth = true};
	if (len > LIMIT_IGNORE_PATTERN)
		return -ERR_LIMIT;
	pattern = arena_strndup(a, pattern, len);
	simplify(g, pattern, len, double_star);
	if (g->type != GLOB_ITEMS)
		return 0;
	g->items = arena_alloc(a, (len + 1) * sizeof(*g->items));
	struct reader r = {pattern, 0, len, a, g};
	return items_read(&r, double_star);
}

static bool class_has(const struct glob_item *item, uint32_t c)
{
	for (size_t i = 0; i < item->nranges; i++)
		if (c >= item->ranges[i].first && c <= item->ranges[i].last)
			return !item->negated;
	return item->negated;
}

/* Marks place i, and those behind it that need no character. */
static void place_add(const struct glob *g, bool *places, size_t i)
{
	while (!places[i]) {
		places[i] = true;
		if (i == g->nitems)
			return;
		switch (g->items[i].kind) {
		case GLOB_DIRS:
			place_add(g, places, i + 1); /* DIRS_IN: goes no further */
			i += 2;
			break;
		case GLOB_STAR:
		case GLOB_ALL:
			i++;
			break;
		default:
			return;
		}
	}
}

static void place_step(const struct glob *g, bool *next, size_t i, uint32_t c)
{
	const struct glob_item *item = &g->items[i];
	switch (item->kind) {
	case GLOB_CHARACTER:
		if (c == item->c)
			place_add(g, next, i + 1);
		break;
	case GLOB_ONE:
		if (c != '/')
			place_add(g, next, i + 1);
		break;
	case GLOB_CLASS:
		if (class_has(item, c))
			place_add(g, next, i + 1);
		break;
	case GLOB_STAR:
		if (c != '/')
			place_add(g, next, i);
		break;
	case GLOB_ALL:
		place_add(g, next, i);
		break;
	case GLOB_DIRS_IN:
		next[i] = true;
		if (c == '/')
			place_add(g, next, i + 1);
		break;
	case GLOB_DIRS:
		break;
	}
}

/* Runs len bytes through the items from the places on; false: no place is left. */
static bool run(const struct glob *g, bool *places, const char *path, size_t len)
{
	bool next[LIMIT_IGNORE_PATTERN + 2];
	bool any = true;
	for (size_t at = 0; at < len && any;) {
		uint32_t c;
		at += take_character(path + at, len - at, &c);
		memset(next, 0, g->nitems + 1);
		any = false;
		for (size_t i = 0; i < g->nitems; i++)
			if (places[i])
				place_step(g, next, i, c);
		memcpy(places, next, g->nitems + 1);
		any = memchr(places, true, g->nitems + 1) != NULL;
	}
	return any;
}

static bool ends_with(const char *path, size_t len, const char *end, size_t end_len)
{
	return len >= end_len && memcmp(path + len - end_len, end, end_len) == 0;
}

static bool items_match(const struct glob *g, const char *path, size_t len)
{
	if (!ends_with(path, len, g->text, g->len))
		return false;
	if (g->fixed_depth) {
		size_t slashes = 0;
		for (size_t i = 0; i < len; i++)
			slashes += path[i] == '/';
		if (slashes != g->slashes)
			return false;
	}
	bool places[LIMIT_IGNORE_PATTERN + 2];
	memset(places, 0, g->nitems + 1);
	place_add(g, places, 0);
	return run(g, places, path, len) && places[g->nitems];
}

bool glob_match(const struct glob *g, const char *path, size_t len)
{
	switch (g->type) {
	case GLOB_EXACT:
		return len == g->len && memcmp(path, g->text, len) == 0;
	case GLOB_PREFIX:
		return len >= g->len && memcmp(path, g->text, g->len) == 0;
	case GLOB_SUFFIX:
		return ends_with(path, len, g->text, g->len) ||
		       (*g->text == '/' && len + 1 == g->len &&
			       memcmp(path, g->text + 1, len) == 0);
	default:
		return items_match(g, path, len);
	}
}

bool glob_may_match_below(const struct glob *g, const char *dir, size_t len)
{
	bool places[LIMIT_IGNORE_PATTERN + 2];
	size_t common;
	switch (g->type) {
	case GLOB_EXACT:
		return g->len > len && memcmp(g->text, dir, len) == 0 && g->text[len] == '/';
	case GLOB_PREFIX:
		common = MIN(len, g->len);
		return memcmp(g->text, dir, common) == 0 && (g->len <= len || g->text[len] == '/');
	case GLOB_SUFFIX:
		return true;
	default:
		memset(places, 0, g->nitems + 1);
		place_add(g, places, 0);
		return run(g, places, dir, len) && run(g, places, "/", 1);
	}
}

int dockerfile_glob_match(const char *pattern, const char *path)
{
	struct arena a cleanup_arena = ARENA_INIT;
	struct glob g;
	int r = glob_compile(&g, &a, pattern, false);
	return r < 0 ? -EINVAL : glob_match(&g, path, strlen(path));
}

bool dockerfile_glob_has_magic(const char *pattern)
{
	return strpbrk(pattern, "*?[") != NULL;
}
