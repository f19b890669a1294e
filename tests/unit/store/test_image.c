/* Images, tags, containers, build cache, leases and garbage collection. */
#include "store_test.h"

#include "base/clock.h"
#include "store/cache.h"
#include "store/container.h"
#include "store/gc.h"
#include "store/lease.h"

#include <errno.h>

#define TEXT(s) ((char *)(s)) /* the structs own their strings elsewhere */

static void images(void **state)
{
	struct fixture *f = *state;
	char a[STORE_DIGEST_MAX], b[STORE_DIGEST_MAX], old[STORE_DIGEST_MAX];
	put_image(f, 1, 2, "example/a:1", a);
	put_image(f, 1, 3, "example/a:2", b);
	struct store_image i cleanup_store_image = {0};
	assert_ok(store_image_get(f->s, a, &i, &f->e), &f->e);
	assert_int_equal(i.layers.n, 2);
	assert_int_equal(i.size, 10);
	assert_string_equal(i.tags.v[0], "example/a:1");
	assert_string_equal(i.arch, "amd64");

	assert_ok(store_tag_set(f->s, "example/a:1", b, old, &f->e), &f->e);
	assert_string_equal(old, a);
	assert_ok(store_tag_set(f->s, "example/a:3", b, old, &f->e), &f->e);
	assert_string_equal(old, "");
	char none[STORE_DIGEST_MAX];
	assert_int_equal(store_tag_set(f->s, "x:1", fake(99, none), old, NULL), -ERR_NOT_FOUND);
	assert_int_equal(store_tag_delete(f->s, "x:1", NULL), -ERR_NOT_FOUND);
	struct store_images l cleanup_store_images = {0};
	assert_ok(store_image_list(f->s, &l, &f->e), &f->e);
	assert_int_equal(l.n, 2);
	struct strv kids cleanup_strv = STRV_INIT;
	assert_ok(store_image_children(f->s, a, &kids, &f->e), &f->e);
	assert_int_equal(kids.n, 1);
	assert_string_equal(kids.v[0], b);
	assert_ok(store_image_children(f->s, b, &kids, &f->e), &f->e);
	assert_int_equal(kids.n, 1);
}

static void finding(void **state)
{
	struct fixture *f = *state;
	char id[STORE_DIGEST_MAX], m[STORE_DIGEST_MAX], ref[200];
	put_image(f, 1, 1, "docker.io/example/a:1", id);
	assert_ok(store_tag_set(f->s, "localhost/local:5", id, NULL, &f->e), &f->e);
	assert_ok(
		store_image_add_digest(f->s, id, "docker.io/example/a", fake(77, m), &f->e), &f->e);
	snprintf(ref, sizeof(ref), "example/a@%s", m);
	char prefix[20];
	snprintf(prefix, sizeof(prefix), "sha256:%.5s", id + 7);
	const struct {
		const char *text;
		int r;
	} cases[] = {
		{"example/a:1", 0},
		{"docker.io/example/a:1", 0},
		{"local:5", 0},
		{"local", -ERR_NOT_FOUND},
		{ref, 0},
		{id, 0},
		{id + 7, 0},
		{prefix, 0},
		{prefix + 7, 0},
		{"zz", -ERR_NOT_FOUND},
		{"", -ERR_NOT_FOUND},
		{"sha256:", -ERR_NOT_FOUND},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_image img cleanup_store_image = {0};
		int r = store_image_find(f->s, cases[i].text, &img, NULL);
		if (r != cases[i].r)
			print_error("%s\n", cases[i].text);
		assert_int_equal(r, cases[i].r);
		if (r == 0)
			assert_string_equal(img.id, id);
	}
	/* Seventeen images: two of them begin with the same digit. */
	char other[STORE_DIGEST_MAX];
	for (unsigned i = 0; i < 17; i++)
		put_image(f, 100 + i, 1, NULL, other);
	int ambiguous = 0;
	for (const char *c = "0123456789abcdef"; *c; c++) {
		char one[2] = {*c, 0};
		struct store_image img cleanup_store_image = {0};
		err_clear(&f->e);
		if (store_image_find(f->s, one, &img, &f->e) == -EINVAL)
			ambiguous++;
	}
	assert_true(ambiguous > 0);
}

static void add_container(struct fixture *f, unsigned n, const char *name, const char *image, int r)
{
	char id[65];
	snprintf(id, sizeof(id), "%064x", n);
	struct store_container c = {id, TEXT(name), TEXT(image), n, TEXT("{\"a\":1}")};
	err_clear(&f->e);
	assert_int_equal(store_container_add(f->s, &c, n % 2, &f->e), r);
}

static void containers(void **state)
{
	struct fixture *f = *state;
	char image[STORE_DIGEST_MAX], id[65];
	put_image(f, 1, 1, "example/a:1", image);
	add_container(f, 0xabc, "one", image, 0);
	add_container(f, 0xabd, "one", image, -ERR_EXISTS);
	assert_contains(f->e.msg, "already in use");
	add_container(f, 0xabd, "two", "", 0);
	char none[STORE_DIGEST_MAX];
	add_container(f, 0xabe, "three", fake(5, none), -ERR_NOT_FOUND);
	snprintf(id, sizeof(id), "%064x", 0xabc);
	const struct {
		const char *text;
		int r;
	} cases[] = {{"one", 0}, {"/one", 0}, {id, 0}, {"0", -EINVAL}, {"three", -ERR_NOT_FOUND},
		{"", -ERR_NOT_FOUND}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct store_container c cleanup_store_container = {0};
		assert_int_equal(store_container_find(f->s, cases[i].text, &c, NULL), cases[i].r);
		if (cases[i].r == 0)
			assert_string_equal(c.id, id);
	}
	assert_ok(store_container_update(f->s, id, "{\"a\":2}", &f->e), &f->e);
	assert_int_equal(store_container_rename(f->s, id, "two", NULL), -ERR_EXISTS);
	assert_ok(store_container_rename(f->s, id, "uno", &f->e), &f->e);
	struct store_container c cleanup_store_container = {0};
	assert_ok(store_container_find(f->s, "uno", &c, &f->e), &f->e);
	assert_string_equal(c.data, "{\"a\":2}");
	char *dir cleanup_free = store_container_path(f->s, id, NULL);
	assert_true(file_exists(AT_FDCWD, dir));
	assert_int_equal(store_image_delete(f->s, image, NULL, NULL), -ERR_IN_USE);
	assert_ok(store_container_delete(f->s, id, &f->e), &f->e);
	assert_ok(store_container_delete(f->s, id, &f->e), &f->e);
	assert_false(file_exists(AT_FDCWD, dir));
	struct store_containers l cleanup_store_containers = {0};
	assert_ok(store_container_list(f->s, &l, &f->e), &f->e);
	assert_int_equal(l.n, 1);
	assert_ok(store_image_delete(f->s, image, NULL, &f->e), &f->e);
}

static void cache_add(struct fixture *f, const char *key, unsigned layer)
{
	char d[STORE_DIGEST_MAX];
	struct store_cache_entry c = {TEXT(key), TEXT("step 1"), TEXT("RUN true"),
		TEXT("{\"x\":\"1\"}"), TEXT(fake(layer, d)), TEXT("{}")};
	assert_ok(commit_layer(f->s, d, "cached", false, &f->e), &f->e);
	assert_ok(store_cache_put(f->s, &c, &f->e), &f->e);
}

static void cache(void **state)
{
	struct fixture *f = *state;
	struct store_cache_entry c = {0};
	assert_int_equal(store_cache_get(f->s, "k1", false, &c, &f->e), 0);
	assert_int_equal(store_cache_latest(f->s, "step 1", &c, &f->e), 0);
	cache_add(f, "k1", 1);
	cache_add(f, "k2", 2);
	assert_int_equal(store_cache_get(f->s, "k1", false, &c, &f->e), 1);
	assert_string_equal(c.inputs, "{\"x\":\"1\"}");
	assert_int_equal(c.size, 6);
	store_cache_entry_release(&c);
	assert_int_equal(store_cache_latest(f->s, "step 1", &c, &f->e), 1);
	assert_string_equal(c.key, "k2");
	store_cache_entry_release(&c);
	assert_ok(store_cache_collect(f->s, "k2", "a test", &f->e), &f->e);
	assert_int_equal(store_cache_get(f->s, "k2", false, &c, &f->e), 0);
	assert_string_equal(c.collected_by, "a test");
	assert_true(c.collected > 0);
	store_cache_entry_release(&c);
	/* The layer of k1 is lost */
	char d[STORE_DIGEST_MAX];
	assert_ok(store_layer_delete(f->s, fake(1, d), &f->e), &f->e);
	assert_int_equal(store_cache_get(f->s, "k1", false, &c, &f->e), 0);
	assert_contains(c.collected_by, "loss");
	store_cache_entry_release(&c);

	char key[32];
	assert_ok(store_begin(f->s, &f->e), &f->e);
	for (int i = 0; i < 2000; i++) {
		snprintf(key, sizeof(key), "many%d", i);
		struct store_cache_entry m = {.key = key, .step = key, .inputs = TEXT("{}")};
		assert_ok(store_cache_put(f->s, &m, &f->e), &f->e);
	}
	assert_ok(store_commit(f->s, &f->e), &f->e);
	int64_t t = clock_monotonic();
	for (int i = 0; i < 30; i++) {
		snprintf(key, sizeof(key), "many%d", i * 60);
		assert_int_equal(store_cache_get(f->s, key, false, &c, &f->e), 1);
		store_cache_entry_release(&c);
	}
	print_message("30 gets of 2000: %.3f ms\n", (clock_monotonic() - t) / 1e6);
}

static bool planned(const struct store_prune_plan *p, enum store_prune_kind kind, const char *id)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].kind == kind && (!id || !strcmp(p->v[i].id, id)))
			return true;
	return false;
}

static void removing(void **state)
{
	struct fixture *f = *state;
	char a[STORE_DIGEST_MAX], b[STORE_DIGEST_MAX], d[STORE_DIGEST_MAX];
	put_image(f, 1, 2, "example/a:1", a);
	put_image(f, 2, 2, "example/b:1", b); /* layer 2 is shared */
	struct strv gone cleanup_strv = STRV_INIT;
	assert_ok(store_image_delete(f->s, a, &gone, &f->e), &f->e);
	assert_int_equal(gone.n, 2);
	assert_string_equal(gone.v[0], a);
	assert_string_equal(gone.v[1], fake(1, d));
	assert_false(store_blob_has(f->s, a, NULL));
	assert_true(store_layer_has(f->s, fake(2, d)));
	assert_int_equal(store_image_delete(f->s, a, NULL, NULL), -ERR_NOT_FOUND);

	/* The build cache and a lease keep layers. */
	struct store_cache_entry c = {
		.key = TEXT("k"), .step = TEXT("s"), .diffid = TEXT(fake(2, d))};
	assert_ok(store_cache_put(f->s, &c, &f->e), &f->e);
	struct store_lease *lease = NULL;
	assert_ok(store_lease_begin(f->s, "test", &lease, &f->e), &f->e);
	assert_ok(store_lease_add(lease, b, &f->e), &f->e);
	assert_ok(store_image_delete(f->s, b, NULL, &f->e), &f->e);
	assert_true(store_layer_has(f->s, fake(2, d)));
	assert_true(store_layer_has(f->s, fake(3, d)));
	struct store_prune_options o = {
		.all_images = true, .cache = true, .leftovers = true, .by = "kist prune"};
	struct store_prune_plan p cleanup_store_prune_plan = {0};
	assert_ok(store_prune_plan(f->s, &o, &p, &f->e), &f->e);
	assert_int_equal(p.n, 1); /* the cache entry is older than the lease; its layer is held */
	store_prune_plan_release(&p);
	store_lease_end(lease);
	assert_ok(store_prune_plan(f->s, &o, &p, &f->e), &f->e);
	assert_true(planned(&p, STORE_PRUNE_CACHE, "k"));
	assert_true(planned(&p, STORE_PRUNE_LAYER, fake(2, d)));
	assert_true(planned(&p, STORE_PRUNE_LAYER, fake(3, d)));
	assert_true(planned(&p, STORE_PRUNE_BLOB, b));
	assert_int_equal(p.n, 4);
	assert_true(store_layer_has(f->s, fake(2, d))); /* a plan changes nothing */
	uint64_t freed = 0;
	assert_ok(store_prune_apply(f->s, &p, &freed, &f->e), &f->e);
	assert_int_equal(freed, p.bytes);
	assert_false(store_layer_has(f->s, fake(2, d)));
	struct store_cache_entry t cleanup_store_cache_entry = {0};
	assert_int_equal(store_cache_get(f->s, "k", false, &t, &f->e), 0);
	assert_string_equal(t.collected_by, "kist prune");
}

static void pruning(void **state)
{
	struct fixture *f = *state;
	char a[STORE_DIGEST_MAX], b[STORE_DIGEST_MAX], c[STORE_DIGEST_MAX], d[STORE_DIGEST_MAX];
	put_image(f, 1, 1, "example/a:1", a);
	put_image(f, 10, 1, NULL, b);
	put_image(f, 20, 1, "example/c:1", c);
	add_container(f, 1, "uses-c", c, 0);
	char *orphan cleanup_free = store_layer_path(f->s, fake(500, d), NULL);
	assert_int_equal(mkdir(orphan, 0700), 0);
	struct store_prune_options o = {.images = true, .leftovers = true};
	struct store_prune_plan p cleanup_store_prune_plan = {0};
	assert_ok(store_prune_plan(f->s, &o, &p, &f->e), &f->e);
	assert_true(planned(&p, STORE_PRUNE_IMAGE, b));
	assert_true(planned(&p, STORE_PRUNE_LEFTOVER, NULL));
	assert_false(planned(&p, STORE_PRUNE_IMAGE, a));
	/* Between plan and execution somebody tags b and uses it. */
	assert_ok(store_tag_set(f->s, "example/b:late", b, NULL, &f->e), &f->e);
	uint64_t freed = 0;
	assert_ok(store_prune_apply(f->s, &p, &freed, &f->e), &f->e);
	assert_int_equal(freed, 0);
	assert_false(file_exists(AT_FDCWD, orphan));
	struct store_image i cleanup_store_image = {0};
	assert_ok(store_image_get(f->s, b, &i, &f->e), &f->e);
	assert_true(store_layer_has(f->s, fake(10, d)));
	store_prune_plan_release(&p);

	struct strv ids cleanup_strv = STRV_INIT;
	strv_addf(&ids, "%064x", 1);
	o = (struct store_prune_options){.all_images = true, .containers = &ids};
	assert_ok(store_prune_plan(f->s, &o, &p, &f->e), &f->e);
	assert_true(planned(&p, STORE_PRUNE_CONTAINER, ids.v[0]));
	assert_true(planned(&p, STORE_PRUNE_IMAGE, c));
	assert_ok(store_prune_apply(f->s, &p, &freed, &f->e), &f->e);
	store_image_release(&i);
	assert_ok(store_image_get(f->s, c, &i, &f->e), &f->e); /* the container is still there */
	assert_int_equal(store_image_get(f->s, a, &i, NULL), -ERR_NOT_FOUND);
	store_prune_plan_release(&p);
	/* Nothing that is younger than the limit goes. */
	o = (struct store_prune_options){
		.all_images = true, .before = clock_now() - CLOCK_NS_PER_S};
	assert_ok(store_container_delete(f->s, ids.v[0], &f->e), &f->e);
	assert_ok(store_prune_plan(f->s, &o, &p, &f->e), &f->e);
	assert_int_equal(p.n, 0);
}

static void dead_lease(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	pid_t p = fork();
	if (p == 0) {
		struct store *s = fixture_open(f);
		struct store_lease *l = NULL;
		_exit(store_lease_begin(s, "child", &l, NULL) < 0 ||
			store_lease_add(l, fake(1, d), NULL) < 0);
	}
	int status = 1;
	waitpid(p, &status, 0);
	assert_int_equal(status, 0);
	assert_ok(commit_layer(f->s, fake(1, d), "x", false, &f->e), &f->e);
	struct strv all cleanup_strv = STRV_INIT, gone cleanup_strv = STRV_INIT;
	strv_add(&all, d);
	assert_ok(store_collect_layers(f->s, &all, &gone, &f->e), &f->e);
	assert_int_equal(gone.n, 1);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

static void places(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	struct strv got cleanup_strv = STRV_INIT;
	fake(77, d);
	assert_ok(store_blob_seen(f->s, d, "host:5000/a/b", &f->e), &f->e);
	assert_ok(store_blob_seen(f->s, d, "host:5000/c", &f->e), &f->e);
	assert_ok(store_blob_seen(f->s, d, "host:50001/d", &f->e), &f->e);
	assert_ok(store_blob_seen(f->s, d, "host:5000/c", &f->e), &f->e);
	assert_ok(store_blob_places(f->s, d, "host:5000", 8, &got, &f->e), &f->e);
	assert_int_equal(got.n, 2);
	assert_string_equal(got.v[0], "host:5000/c");
	assert_ok(store_blob_places(f->s, d, "host:5000", 1, &got, &f->e), &f->e);
	assert_int_equal(got.n, 3);
}

static size_t prunable_images(struct fixture *f, bool all)
{
	struct store_prune_plan plan cleanup_store_prune_plan = {0};
	struct store_prune_options o = {.images = true, .all_images = all, .by = "test"};
	size_t n = 0;
	assert_ok(store_prune_plan(f->s, &o, &plan, &f->e), &f->e);
	for (size_t i = 0; i < plan.n; i++)
		n += plan.v[i].kind == STORE_PRUNE_IMAGE;
	return n;
}

/* The platforms of one index stay as long as one of them has the name. */
static void index_of_platforms(void **state)
{
	struct fixture *f = *state;
	char a[STORE_DIGEST_MAX], b[STORE_DIGEST_MAX], x[STORE_DIGEST_MAX];
	struct strv got cleanup_strv = STRV_INIT;
	put_image(f, 10, 1, "localhost/x:1", a);
	put_image(f, 20, 1, NULL, b);
	assert_ok(store_blob_put(f->s, "{index}", 7, NULL, x, &f->e), &f->e);
	assert_int_equal(prunable_images(f, false), 1);
	assert_ok(store_image_add_index(f->s, a, x, &f->e), &f->e);
	assert_ok(store_image_add_index(f->s, b, x, &f->e), &f->e);
	assert_int_equal(prunable_images(f, false), 0);
	assert_int_equal(prunable_images(f, true), 2);
	assert_ok(store_index_images(f->s, x, &got, &f->e), &f->e);
	assert_int_equal(got.n, 2);
	assert_ok(store_image_delete(f->s, b, NULL, &f->e), &f->e);
	assert_true(store_blob_has(f->s, x, NULL));
	assert_ok(store_image_indexes(f->s, a, &got, &f->e), &f->e);
	assert_int_equal(got.n, 3);
	assert_ok(store_tag_delete(f->s, "localhost/x:1", &f->e), &f->e);
	assert_int_equal(prunable_images(f, false), 1);
	assert_ok(store_image_delete(f->s, a, NULL, &f->e), &f->e);
	assert_false(store_blob_has(f->s, x, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(images), CASE(finding), CASE(containers),
		CASE(cache), CASE(removing), CASE(pruning), CASE(dead_lease), CASE(places),
		CASE(index_of_platforms)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
