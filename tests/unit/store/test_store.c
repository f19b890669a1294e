/* Opening, temporary directories, blobs, layers, damage, a full disk, two processes. */
#include "store_test.h"

#include "base/clock.h"
#include "store/usage.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/statvfs.h>

static void opening(void **state)
{
	struct fixture *f = *state;
	int64_t t = clock_monotonic();
	for (int i = 0; i < 20; i++) {
		struct store *s cleanup_store = fixture_open(f);
		char *v cleanup_free = NULL;
		assert_int_equal(store_fact_get(s, "nothing", &v, &f->e), -ENOENT);
	}
	print_message("open + first query: %.3f ms\n", (clock_monotonic() - t) / 20e6);
	assert_ok(store_fact_set(f->s, "driver", "erofs", &f->e), &f->e);
	struct store *s cleanup_store = fixture_open(f);
	char *v cleanup_free = NULL;
	assert_ok(store_fact_get(s, "driver", &v, &f->e), &f->e);
	assert_string_equal(v, "erofs");

	struct store_options o = {.root = "relative", .runroot = "/x"};
	struct store *none = NULL;
	assert_int_equal(store_open(&o, &none, &f->e), -EINVAL);
	o = (struct store_options){.root = "/nonexistent-kist", .runroot = "/x", .readonly = true};
	err_clear(&f->e);
	assert_int_equal(store_open(&o, &none, &f->e), -ENOENT);
	assert_contains(f->e.msg, "/nonexistent-kist");
}

static void digests(void **state)
{
	(void)state;
	char d[STORE_DIGEST_MAX];
	assert_true(store_digest_valid(fake(7, d)));
	assert_string_equal(store_digest_hex(d), d + 7);
	d[70] = 'G';
	assert_false(store_digest_valid(d));
	assert_false(store_digest_valid("sha256:../../../../etc/passwd"));
	assert_false(store_digest_valid("sha512:00"));
	assert_null(store_digest_hex(NULL));
}

static void blobs(void **state)
{
	struct fixture *f = *state;
	static const char hello[] =
		"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
	char d[STORE_DIGEST_MAX];
	assert_ok(store_blob_put(f->s, "hello", 5, hello, d, &f->e), &f->e);
	assert_string_equal(d, hello);
	assert_int_equal(store_blob_put(f->s, "hellO", 5, hello, d, &f->e), -ERR_DIGEST);
	uint64_t size = 0;
	assert_true(store_blob_has(f->s, hello, &size));
	assert_int_equal(size, 5);
	struct buf b cleanup_buf = BUF_INIT_MAX(5);
	assert_ok(store_blob_read(f->s, hello, &b, &f->e), &f->e);
	assert_string_equal(buf_str(&b), "hello");
	struct buf small cleanup_buf = BUF_INIT_MAX(4);
	assert_int_equal(store_blob_read(f->s, hello, &small, NULL), -ERR_LIMIT);

	struct store_blob_writer *w = NULL;
	assert_ok(store_blob_writer_new(f->s, &w, &f->e), &f->e);
	assert_ok(store_blob_writer_add(w, "hel", 3, &f->e), &f->e);
	assert_ok(store_blob_writer_add(w, "lo", 2, &f->e), &f->e);
	assert_ok(store_blob_writer_finish(w, hello, d, &size, &f->e), &f->e);
	assert_ok(store_blob_writer_new(f->s, &w, &f->e), &f->e);
	assert_ok(store_blob_writer_add(w, "other", 5, &f->e), &f->e);
	err_clear(&f->e);
	assert_int_equal(store_blob_writer_finish(w, hello, d, &size, &f->e), -ERR_DIGEST);
	assert_contains(f->e.msg, hello);
	assert_ok(store_blob_delete(f->s, hello, &f->e), &f->e);
	assert_ok(store_blob_delete(f->s, hello, &f->e), &f->e);
	err_clear(&f->e);
	assert_int_equal(store_blob_open(f->s, hello, &f->e), -ENOENT);
	assert_int_equal(store_blob_open(f->s, "sha256:..", NULL), -EINVAL);
}

static void layers(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	struct store_layer l;
	assert_int_equal(store_layer_get(f->s, fake(1, d), &l, &f->e), -ERR_NOT_FOUND);
	err_clear(&f->e);
	assert_ok(commit_layer(f->s, d, "first", false, &f->e), &f->e);
	assert_ok(commit_layer(f->s, d, "second comes too late", false, &f->e), &f->e);
	assert_ok(store_layer_get(f->s, d, &l, &f->e), &f->e);
	assert_int_equal(l.tar_size, 5);
	assert_false(l.durable);
	assert_false(l.suspect);
	const char *all[] = {d};
	assert_ok(store_layer_sync(f->s, all, 1, &f->e), &f->e);
	assert_ok(store_layer_get(f->s, d, &l, &f->e), &f->e);
	assert_true(l.durable);

	/* A directory without a row, as a kill between rename and row leaves it, is replaced. */
	char *path cleanup_free = store_layer_path(f->s, fake(2, d), NULL);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_ok(commit_layer(f->s, d, "whole", true, &f->e), &f->e);
	char *tar cleanup_free = store_layer_path(f->s, d, "tar");
	struct stat st;
	assert_int_equal(stat(tar, &st), 0);
	assert_int_equal(st.st_size, 5);
	/* A row without its directory is no layer, and can be made anew. */
	assert_ok(file_remove_tree(AT_FDCWD, path, &f->e), &f->e);
	assert_false(store_layer_has(f->s, d));
	assert_ok(commit_layer(f->s, d, "again", true, &f->e), &f->e);
	assert_true(store_layer_has(f->s, d));

	struct store_layers list cleanup_store_layers = {0};
	assert_ok(store_layer_list(f->s, &list, &f->e), &f->e);
	assert_int_equal(list.n, 2);
	assert_ok(store_layer_delete(f->s, d, &f->e), &f->e);
	assert_false(store_layer_has(f->s, d));
	assert_int_equal(stat(tar, &st), -1);
}

static void layer_blobs(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX], found[STORE_DIGEST_MAX];
	assert_ok(commit_layer(f->s, fake(1, d), "first", false, &f->e), &f->e);
	struct store_layer_blob b = {
		.size = 3, .media_type = "application/x", .compressor = "gzip"};
	memcpy(b.diffid, d, sizeof(d));
	assert_ok(store_blob_put(f->s, "abc", 3, NULL, b.digest, &f->e), &f->e);
	assert_ok(store_layer_blob_add(f->s, &b, &f->e), &f->e);
	struct store_layer_blob r = {0};
	assert_ok(store_layer_blob_get(f->s, d, NULL, false, &r, &f->e), &f->e);
	assert_string_equal(r.digest, b.digest);
	assert_string_equal(r.media_type, "application/x");
	assert_int_equal(store_layer_blob_get(f->s, d, "zstd", true, &r, NULL), -ERR_NOT_FOUND);
	assert_ok(store_layer_by_blob(f->s, b.digest, found, &f->e), &f->e);
	assert_string_equal(found, d);
	assert_ok(store_blob_delete(f->s, b.digest, &f->e), &f->e);
	assert_int_equal(store_layer_blob_get(f->s, d, NULL, false, &r, NULL), -ERR_NOT_FOUND);
	assert_ok(store_layer_blob_get(f->s, d, "gzip", true, &r, &f->e), &f->e);
}

static int count(const char *root, const char *sub)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/%s", root, sub);
	int n = 0;
	DIR *d cleanup_dir = opendir(path);
	for (struct dirent *de; d && (de = readdir(d));)
		n += de->d_name[0] != '.';
	return n;
}

static int open_files(void)
{
	int n = 0;
	DIR *d cleanup_dir = opendir("/proc/self/fd");
	while (d && readdir(d))
		n++;
	return n;
}

/* A store on a tmpfs of this size at f->root/NAME, that no other process writes to. */
static struct store *open_on_tmpfs(
	struct fixture *f, const char *name, const char *options, char *path)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		skip(); /* a private mount needs root */
	snprintf(path, 80, "%s/%s", f->root, name);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(mount("tmpfs", path, "tmpfs", 0, options), 0);
	struct store_options o = {.root = path, .runroot = f->run};
	struct store *s = NULL;
	assert_ok(store_open(&o, &s, &f->e), &f->e);
	return s;
}

static uint64_t room(const char *path)
{
	struct statvfs v;
	assert_int_equal(statvfs(path, &v), 0);
	return v.f_bfree * v.f_frsize;
}

/* Puts a large layer on a tmpfs and removes it: no descriptor of it stays here, and its bytes come
 * back: at once, or with wait when the kernel has come to it. */
static void large_on(struct fixture *f, const char *name, const char *options, bool wait)
{
	enum { SIZE = 64 << 20, DATABASE = 1 << 20 }; /* what its log may grow by */
	char d[STORE_DIGEST_MAX], path[80];
	struct store *s = open_on_tmpfs(f, name, options, path);
	char *text cleanup_free = mem_alloc(SIZE + 1);
	memset(text, 'x', SIZE);
	assert_ok(commit_layer(s, fake(1, d), text, true, &f->e), &f->e);
	uint64_t want = room(path) + SIZE - DATABASE;
	int files = open_files();
	int64_t start = clock_monotonic();
	assert_ok(store_layer_delete(s, d, &f->e), &f->e);
	print_message("64 MiB removed in %.3f ms\n", (clock_monotonic() - start) / 1e6);
	assert_int_equal(open_files(), files);
	assert_int_equal(count(path, "layers"), 0);
	for (int i = 0; wait && i < 3000 && room(path) < want; i++)
		usleep(10000);
	assert_true(room(path) >= want);
	store_close(s);
	umount2(path, MNT_DETACH);
}

/* A large layer goes without waiting, unless its room may be wanted. */
static void large(void **state)
{
	large_on(*state, "wide", "size=2g", true);
	large_on(*state, "narrow", "size=100m", false);
}

/* Another boot wrote an unsynced layer: it is suspect until trusted. */
static void other_boot(void **state)
{
	struct fixture *f = *state;
	char d[STORE_DIGEST_MAX];
	assert_ok(commit_layer(f->s, fake(1, d), "x", false, &f->e), &f->e);
	char cmd[200], db[100];
	snprintf(db, sizeof(db), "%s/kist.db", f->root);
	snprintf(cmd, sizeof(cmd), "UPDATE layer SET boot='an earlier one'");
	pid_t p = fork();
	if (p == 0) {
		execlp("sqlite3", "sqlite3", db, cmd, (char *)NULL);
		_exit(99);
	}
	int status = 0;
	waitpid(p, &status, 0);
	if (WEXITSTATUS(status) == 99)
		skip(); /* no sqlite3 program here */
	struct store_layer l;
	assert_ok(store_layer_get(f->s, d, &l, &f->e), &f->e);
	assert_true(l.suspect);
	const char *all[] = {d};
	assert_int_equal(store_layer_sync(f->s, all, 1, NULL), -ERR_STATE);
	assert_int_equal(store_layer_require(f->s, d, NULL, NULL), -ERR_STATE);
	assert_ok(store_layer_trust(f->s, d, &f->e), &f->e);
	assert_ok(store_layer_get(f->s, d, &l, &f->e), &f->e);
	assert_false(l.suspect);
}

/* Children that die in the middle leave directories in tmp/; the next open sweeps them, and not
 * those of the living. */
static void killed(void **state)
{
	struct fixture *f = *state;
	char mine[STORE_TMP_NAME], d[STORE_DIGEST_MAX];
	int fd = store_tmp_dir(f->s, mine, &f->e);
	assert_true(fd >= 0);
	assert_ok(commit_layer(f->s, fake(1, d), "kept", true, &f->e), &f->e);
	for (int i = 0; i < 10; i++) {
		int ready[2];
		assert_int_equal(pipe(ready), 0);
		pid_t p = fork();
		if (p == 0) {
			struct fixture child = *f;
			child.s = fixture_open(f);
			(void)!write(ready[1], "x", 1);
			for (unsigned n = 10;; n++)
				if (commit_layer(child.s, fake(n, d), "child", n % 2, &child.e) < 0)
					_exit(1);
		}
		char c;
		assert_int_equal(read(ready[0], &c, 1), 1);
		usleep(3000 + 700 * i);
		kill(p, SIGKILL);
		waitpid(p, NULL, 0);
		close(ready[0]);
		close(ready[1]);
	}
	struct store *s cleanup_store = fixture_open(f);
	assert_int_equal(count(f->root, "tmp"), 1); /* ours */
	struct store_layers l cleanup_store_layers = {0};
	assert_ok(store_layer_list(s, &l, &f->e), &f->e);
	assert_true(l.n > 1);
	for (size_t i = 0; i < l.n; i++) {
		char *tar cleanup_free = store_layer_path(s, l.v[i].diffid, "tar");
		struct stat st;
		assert_int_equal(stat(tar, &st), 0); /* every row has its whole file */
		assert_int_equal(st.st_size, l.v[i].tar_size);
	}
	assert_ok(store_tmp_remove(f->s, mine, fd, &f->e), &f->e);
	assert_int_equal(count(f->root, "tmp"), 0);
}

static int work(struct fixture *f, unsigned seed)
{
	struct store *s cleanup_store = fixture_open(f);
	char d[STORE_DIGEST_MAX];
	for (unsigned i = 0; i < 60; i++) {
		unsigned n = (i * 7 + seed) % 20;
		if (commit_layer(s, fake(n, d), "same bytes", false, &f->e) < 0) {
			print_error("worker %u: %s\n", seed, f->e.msg);
			return 1;
		}
		if (i % 5 == 4 && store_layer_delete(s, fake(n, d), &f->e) < 0) {
			print_error("worker %u: %s\n", seed, f->e.msg);
			return 1;
		}
	}
	return 0;
}

/* From the first open on: four processes create, commit and delete the same layers. */
static void together(void **state)
{
	struct fixture *f = *state;
	pid_t p[4];
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++)
		if ((p[i] = fork()) == 0)
			_exit(work(f, i));
	for (unsigned i = 0; i < ARRAY_SIZE(p); i++) {
		int status = 0;
		waitpid(p[i], &status, 0);
		assert_int_equal(status, 0);
	}
	struct store_layers l cleanup_store_layers = {0};
	assert_ok(store_layer_list(f->s, &l, &f->e), &f->e);
	assert_int_equal(count(f->root, "layers"), l.n);
	assert_int_equal(count(f->root, "tmp"), 0);
}

static void damaged(void **state)
{
	struct fixture *f = *state;
	assert_ok(store_fact_set(f->s, "a", "b", &f->e), &f->e);
	store_close(STEAL(f->s));
	static const char *const rest[] = {"kist.db-wal", "kist.db-shm"};
	int dir = open(f->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (size_t i = 0; i < ARRAY_SIZE(rest); i++)
		unlinkat(dir, rest[i], 0);
	char junk[8192];
	memset(junk, 'x', sizeof(junk));
	assert_ok(file_write(dir, "kist.db", junk, sizeof(junk), 0600, 0, &f->e), &f->e);
	close(dir);
	f->s = fixture_open(f);
	char *v = NULL;
	assert_int_equal(store_fact_get(f->s, "a", &v, &f->e), -ERR_FORMAT);
	assert_contains(f->e.msg, "damaged");
	assert_true(strstr(f->e.hint, f->root) != NULL);
}

/* On a file system of 400 KiB a layer and then rows do not fit: clean errors, nothing visible. */
static void full(void **state)
{
	struct fixture *f = *state;
	char small[80];
	struct store *s = open_on_tmpfs(f, "small", "size=400k", small);
	assert_ok(store_fact_set(s, "x", "y", &f->e), &f->e);
	char *big cleanup_free = mem_alloc(500001);
	memset(big, 'b', 500000);
	char d[STORE_DIGEST_MAX];
	assert_int_equal(commit_layer(s, fake(1, d), big, true, &f->e), -ENOSPC);
	assert_false(store_layer_has(s, d));
	err_clear(&f->e);
	assert_int_equal(store_blob_put(s, big, 500000, NULL, d, &f->e), -ENOSPC);
	assert_contains(f->e.msg, "No space left");
	assert_int_equal(count(small, "tmp"), 0);
	assert_int_equal(count(small, "blobs/sha256"), 0);
	int r = 0;
	big[3000] = 0;
	char name[32];
	for (int i = 0; i < 2000 && r >= 0; i++) {
		snprintf(name, sizeof(name), "fact%d", i);
		err_clear(&f->e);
		r = store_fact_set(s, name, big, &f->e);
	}
	assert_int_equal(r, -ENOSPC);
	char *v cleanup_free = NULL;
	assert_ok(store_fact_get(s, "x", &v, &f->e), &f->e);
	store_close(s);
	umount2(small, MNT_DETACH);
}

static void usage(void **state)
{
	struct fixture *f = *state;
	char id[STORE_DIGEST_MAX];
	put_image(f, 1, 2, "example/a:1", id);
	struct store_usage u;
	assert_ok(store_usage_get(f->s, &u, &f->e), &f->e);
	assert_int_equal(u.images, 1);
	assert_int_equal(u.layers, 2);
	assert_int_equal(u.blobs, 1);
	assert_int_equal(u.layer_bytes, 10);
	assert_true(u.disk_size > 0);
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {CASE(opening), CASE(digests), CASE(blobs), CASE(layers),
		CASE(layer_blobs), CASE(large), CASE(other_boot), CASE(killed), CASE(together),
		CASE(damaged), CASE(full), CASE(usage)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
