/* Partial blobs: growing, going on in another process, one owner at a time, prune. */
#include "store_test.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "store/gc.h"
#include "store/partial.h"

#include <errno.h>
#include <sys/time.h>
#include <time.h>

static void digest_of(const char *text, char out[STORE_DIGEST_MAX])
{
	char hex[SHA256_HEX];
	sha256_hex(text, strlen(text), hex);
	snprintf(out, STORE_DIGEST_MAX, "sha256:%s", hex);
}

static bool on_disk(struct fixture *f, const char *folder, const char *digest)
{
	char *path cleanup_free =
		mem_printf("%s/blobs/%s/%s", f->root, folder, store_digest_hex(digest));
	return file_exists(AT_FDCWD, path);
}

static void goes_on(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	digest_of("one two", d);
	struct store_partial *p = NULL;
	assert_ok(store_partial_open(f->s, d, &p, &f->e), &f->e);
	assert_int_equal(store_partial_size(p), 0);
	assert_ok(store_partial_append(p, "one ", 4, &f->e), &f->e);
	store_partial_free(p);
	assert_true(on_disk(f, "partial", d));

	struct store *other cleanup_store = fixture_open(f);
	assert_ok(store_partial_open(other, d, &p, &f->e), &f->e);
	assert_int_equal(store_partial_size(p), 4);
	char got[5] = "";
	assert_int_equal(pread(store_partial_fd(p), got, 4, 0), 4);
	assert_string_equal(got, "one ");
	assert_ok(store_partial_append(p, "two", 3, &f->e), &f->e);
	assert_ok(store_partial_commit(p, &f->e), &f->e);
	assert_false(on_disk(f, "partial", d));
	struct buf b cleanup_buf = BUF_INIT_MAX(100);
	assert_ok(store_blob_read(f->s, d, &b, &f->e), &f->e);
	assert_string_equal(buf_str(&b), "one two");
}

static void nothing_is_left_of_nothing(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	digest_of("x", d);
	struct store_partial *p = NULL;
	assert_ok(store_partial_open(f->s, d, &p, &f->e), &f->e);
	store_partial_free(p);
	assert_false(on_disk(f, "partial", d));
	assert_ok(store_partial_open(f->s, d, &p, &f->e), &f->e);
	assert_ok(store_partial_append(p, "y", 1, &f->e), &f->e);
	assert_ok(store_partial_cut(p, 0, &f->e), &f->e);
	assert_int_equal(store_partial_size(p), 0);
	assert_ok(store_partial_append(p, "z", 1, &f->e), &f->e);
	store_partial_drop(p);
	assert_false(on_disk(f, "partial", d));
	assert_int_equal(store_partial_open(f->s, "sha256:../../x", &p, &f->e), -EINVAL);
}

/* Marks stay with the bytes that they are of, and go with them. */
static void marks(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	const uint8_t one[32] = {1}, two[32] = {2};
	struct store_partial_mark m;
	struct store_partial *p = NULL;
	digest_of("marked", d);
	char *path cleanup_free =
		mem_printf("%s/blobs/partial/%s.marks", f->root, store_digest_hex(d));
	assert_ok(store_partial_open(f->s, d, &p, &f->e), &f->e);
	assert_ok(store_partial_add_mark(p, one, &f->e), &f->e); /* of nothing: none */
	assert_false(store_partial_mark(p, 0, &m));
	assert_ok(store_partial_append(p, "mar", 3, &f->e), &f->e);
	assert_ok(store_partial_add_mark(p, one, &f->e), &f->e);
	assert_ok(store_partial_add_mark(p, one, &f->e), &f->e); /* nothing new came */
	assert_ok(store_partial_append(p, "ked", 3, &f->e), &f->e);
	assert_ok(store_partial_add_mark(p, two, &f->e), &f->e);
	store_partial_free(p);

	assert_ok(store_partial_open(f->s, d, &p, &f->e), &f->e);
	assert_true(store_partial_mark(p, 0, &m));
	assert_int_equal(m.size, 3);
	assert_memory_equal(m.digest, one, 32);
	assert_true(store_partial_mark(p, 1, &m));
	assert_int_equal(m.size, 6);
	assert_memory_equal(m.digest, two, 32);
	assert_false(store_partial_mark(p, 2, &m));
	assert_ok(store_partial_cut(p, 5, &f->e), &f->e);
	assert_int_equal(store_partial_size(p), 5);
	assert_false(store_partial_mark(p, 1, &m));
	store_partial_free(p);
	/* a crash: the file is shorter than its marks say */
	char *file cleanup_free = mem_printf("%s/blobs/partial/%s", f->root, store_digest_hex(d));
	assert_int_equal(truncate(file, 2), 0);
	assert_ok(store_partial_open(f->s, d, &p, &f->e), &f->e);
	assert_false(store_partial_mark(p, 0, &m));
	assert_ok(store_partial_append(p, "rked", 4, &f->e), &f->e);
	assert_ok(store_partial_add_mark(p, two, &f->e), &f->e);
	assert_true(store_partial_mark(p, 0, &m));
	assert_int_equal(m.size, 6);
	assert_true(file_exists(AT_FDCWD, path));
	assert_ok(store_partial_commit(p, &f->e), &f->e);
	assert_false(file_exists(AT_FDCWD, path));
}

static void one_owner(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	digest_of("owned", d);
	struct store *other cleanup_store = fixture_open(f);
	struct store_partial *p = NULL, *q = NULL;
	assert_ok(store_partial_open(f->s, d, &p, &f->e), &f->e);
	assert_int_equal(store_partial_open(other, d, &q, &f->e), -EWOULDBLOCK);
	assert_int_equal(f->e.code, 0);
	assert_int_equal(store_partial_delete(other, d, &f->e), 0);
	assert_ok(store_partial_append(p, "owned", 5, &f->e), &f->e);
	assert_ok(store_partial_commit(p, &f->e), &f->e);
	/* the name is free again: what the other one gets is a new, empty file */
	assert_ok(store_partial_open(other, d, &q, &f->e), &f->e);
	assert_int_equal(store_partial_size(q), 0);
	store_partial_free(q);
}

static void age(struct fixture *f, const char *digest, time_t seconds)
{
	char *path cleanup_free =
		mem_printf("%s/blobs/partial/%s", f->root, store_digest_hex(digest));
	struct timeval t[2] = {{.tv_sec = time(NULL) - seconds}, {.tv_sec = time(NULL) - seconds}};
	assert_int_equal(utimes(path, t), 0);
}

static size_t prune(struct fixture *f, bool all, bool apply)
{
	struct store_prune_plan plan cleanup_store_prune_plan = {0};
	struct store_prune_options o = {.leftovers = true, .all_partials = all, .by = "test"};
	uint64_t freed = 0;
	assert_ok(store_prune_plan(f->s, &o, &plan, &f->e), &f->e);
	for (size_t i = 0; i < plan.n; i++) {
		assert_int_equal(plan.v[i].kind, STORE_PRUNE_PARTIAL);
		assert_non_null(strstr(plan.v[i].reason, "cut"));
		assert_int_equal(plan.v[i].bytes, 3);
	}
	if (apply) {
		assert_ok(store_prune_apply(f->s, &plan, &freed, &f->e), &f->e);
		assert_int_equal(freed, 3 * plan.n);
	}
	return plan.n;
}

static void lease_ends(void **state)
{
	struct fixture *f = *state;
	char d[3][STORE_DIGEST_MAX];
	struct store_partial *p = NULL;
	const char *const texts[] = {"old", "young", "busy"};
	for (int i = 0; i < 3; i++) {
		digest_of(texts[i], d[i]);
		assert_ok(store_partial_open(f->s, d[i], &p, &f->e), &f->e);
		assert_ok(store_partial_append(p, "abc", 3, &f->e), &f->e);
		if (i < 2)
			store_partial_free(p);
	}
	age(f, d[0], 8 * 24 * 3600);
	age(f, d[1], 6 * 24 * 3600);
	age(f, d[2], 9 * 24 * 3600);
	assert_int_equal(prune(f, false, false), 1);
	assert_int_equal(prune(f, false, true), 1);
	assert_false(on_disk(f, "partial", d[0]));
	assert_int_equal(prune(f, false, true), 0);
	assert_int_equal(prune(f, true, true), 1);
	assert_false(on_disk(f, "partial", d[1]));
	assert_true(on_disk(f, "partial", d[2]));
	store_partial_free(p);
	assert_int_equal(prune(f, false, true), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(goes_on, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			nothing_is_left_of_nothing, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(marks, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(one_owner, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(lease_ends, fixture_setup, fixture_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
