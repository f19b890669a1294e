/* One suite for every driver that this host has: layers made, mounted, written to, stacked. */
#include "../store/store_test.h"

#include "base/clock.h"
#include "base/root.h"
#include "layer/writer.h"
#include "snapshot/ingest.h"
#include "snapshot/layer.h"
#include "snapshot/mount.h"
#include "snapshot/mounts.h"
#include "snapshot/usage.h"

#include <errno.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

/* NAME=TEXT a file, NAME/ a directory, -NAME a whiteout, NAME! an opaque directory. */
static void make_layer(struct fixture *f, const char *const *what, char diffid[STORE_DIGEST_MAX])
{
	struct snapshot_layer *l cleanup_snapshot_layer = NULL;
	assert_ok(snapshot_layer_begin(f->s, NULL, &l, &f->e), &f->e);
	struct layer_writer *w = snapshot_layer_writer(l);
	for (; *what; what++) {
		char name[128];
		snprintf(name, sizeof(name), "%s", *what);
		char *text = strchr(name, '=');
		size_t n = strlen(name);
		int r;
		struct layer_entry en = {.path = name, .type = LAYER_DIR, .mode = 0755};
		if (name[0] == '-')
			r = layer_writer_whiteout(w, name + 1, &f->e);
		else if (text) {
			*text++ = 0;
			en = (struct layer_entry){.path = name, .mode = 0644, .size = strlen(text)};
			r = layer_writer_add_bytes(w, &en, text, strlen(text), &f->e);
		} else {
			bool opaque = name[n - 1] == '!';
			name[n - 1] = 0;
			r = layer_writer_add(w, &en, -1, &f->e);
			if (r >= 0 && opaque)
				r = layer_writer_opaque(w, name, &f->e);
		}
		assert_ok(r, &f->e);
	}
	struct store_layer row;
	assert_ok(snapshot_layer_finish(l, false, &row, &f->e), &f->e);
	memcpy(diffid, row.diffid, STORE_DIGEST_MAX);
}

static const char *const lower[] = {
	"a=one", "dir/", "dir/x=hidden", "gone=away", "keep=same", NULL};
static const char *const upper[] = {"a=two", "dir!", "dir/y=shown", "-gone", NULL};

struct suite {
	struct fixture f;
	enum snapshot_driver driver;
	bool staged;
	char ids[2][STORE_DIGEST_MAX];
	const char *diffids[2];
	char target[80], up[80], work[80];
	char *stack_memory;
};

static void suite_open(struct suite *t, enum snapshot_driver d, bool staged)
{
	*t = (struct suite){.driver = d, .staged = staged};
	snprintf(t->f.root, sizeof(t->f.root), "/var/tmp/kist-snap-XXXXXX");
	assert_non_null(mkdtemp(t->f.root));
	snprintf(t->f.run, sizeof(t->f.run), "%s/run", t->f.root);
	snprintf(t->target, sizeof(t->target), "%s/target", t->f.root);
	snprintf(t->up, sizeof(t->up), "%s/up", t->f.root);
	snprintf(t->work, sizeof(t->work), "%s/work", t->f.root);
	assert_int_equal(mkdir(t->target, 0755) | mkdir(t->up, 0755) | mkdir(t->work, 0755), 0);
	t->f.s = fixture_open(&t->f);
	enum snapshot_driver got;
	assert_ok(snapshot_driver_get(t->f.s, snapshot_driver_name(d), &got, &t->f.e), &t->f.e);
	assert_int_equal(got, d);
	make_layer(&t->f, lower, t->ids[0]);
	make_layer(&t->f, upper, t->ids[1]);
	t->diffids[0] = t->ids[0];
	t->diffids[1] = t->ids[1];
}

static void suite_close(struct suite *t)
{
	while (umount2(t->target, MNT_DETACH) == 0)
		;
	store_close(t->f.s);
	assert_ok(file_remove_tree(AT_FDCWD, t->f.root, &t->f.e), &t->f.e);
}

static void spec_get(struct suite *t, size_t n, bool writable, struct snapshot_spec *spec)
{
	assert_ok(snapshot_prepare(t->f.s, t->diffids, n, spec, &t->f.e), &t->f.e);
	spec->staged = t->staged;
	if (writable) {
		spec->upper = mem_strdup(t->up);
		spec->work = mem_strdup(t->work);
	}
}

static void expect(int dir, const char *name, const char *text)
{
	char got[64] = "";
	int fd cleanup_fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	if (!text) {
		assert_true(fd < 0);
		return;
	}
	if (fd < 0)
		print_error("%s is missing\n", name);
	assert_true(fd >= 0);
	assert_true(io_read_full(fd, got, sizeof(got) - 1) >= 0);
	assert_string_equal(got, text);
}

static void expect_stack(int dir)
{
	expect(dir, "a", "two");
	expect(dir, "keep", "same");
	expect(dir, "gone", NULL);
	expect(dir, "dir/x", NULL);
	expect(dir, "dir/y", "shown");
}

static void writable(struct suite *t)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	spec_get(t, 2, true, &spec);
	int64_t start = clock_monotonic();
	assert_ok(snapshot_mount(&spec, t->target, &t->f.e), &t->f.e);
	print_message("%s%s: mounted in %.3f ms\n", snapshot_driver_name(t->driver),
		t->staged ? " staged" : "", (clock_monotonic() - start) / 1e6);
	int dir cleanup_fd = open(t->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect_stack(dir);
	assert_ok(file_write(dir, "new", "n", 1, 0644, 0, &t->f.e), &t->f.e);
	assert_int_equal(unlinkat(dir, "keep", 0), 0);
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
	int up cleanup_fd = open(t->up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	expect(up, "new", "n");
	assert_int_equal(fstatat(up, "keep", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
	struct snapshot_usage u;
	assert_ok(snapshot_usage_get(t->up, &u, &t->f.e), &t->f.e);
	assert_int_equal(u.inodes, 2);
	assert_true(u.bytes >= 512);
	/* Nothing but that one mount was made. */
	assert_int_equal(umount2(t->target, MNT_DETACH), -1);
}

static void readonly(struct suite *t)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	spec_get(t, 2, false, &spec);
	assert_ok(snapshot_mount(&spec, t->target, &t->f.e), &t->f.e);
	int dir cleanup_fd = open(t->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect_stack(dir);
	assert_int_equal(mkdirat(dir, "no", 0755), -1);
	assert_int_equal(errno, EROFS);
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
	struct snapshot_spec over cleanup_snapshot_spec = {0};
	spec_get(t, 2, true, &over);
	over.readonly = true;
	assert_ok(snapshot_mount(&over, t->target, &t->f.e), &t->f.e);
	int dir2 cleanup_fd = open(t->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(dir2, "new", "n"); /* what writable() left in upper */
	assert_int_equal(mkdirat(dir2, "no", 0755), -1);
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
}

static void detached(struct suite *t)
{
	if (t->staged)
		return;
	int fd cleanup_fd = snapshot_open_ro(t->f.s, t->diffids, 2, &t->f.e);
	assert_ok(fd, &t->f.e);
	expect_stack(fd);
	int in cleanup_fd = root_open(fd, "/dir/../dir/y", O_RDONLY, 0, &t->f.e);
	assert_ok(in, &t->f.e);
	int one cleanup_fd = snapshot_open_ro(t->f.s, t->diffids, 1, &t->f.e);
	assert_ok(one, &t->f.e);
	expect(one, "dir/x", "hidden");
	struct statvfs v;
	assert_int_equal(fstatvfs(fd, &v), 0);
	assert_true(v.f_flag & ST_NODEV);
	assert_true(v.f_flag & ST_NOSUID);
	assert_int_equal(mkdirat(one, "no", 0755), -1);
	assert_int_equal(errno, EROFS);
	int none cleanup_fd = snapshot_open_ro(t->f.s, NULL, 0, &t->f.e);
	assert_ok(none, &t->f.e);
	expect(none, "a", NULL);
}

static void scratch(struct suite *t)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	spec_get(t, 0, true, &spec);
	assert_ok(snapshot_mount(&spec, t->target, &t->f.e), &t->f.e);
	int dir cleanup_fd = open(t->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir, "made", 0755), 0);
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
	int up cleanup_fd = open(t->up, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(faccessat(up, "made", F_OK, 0), 0);
}

/* A volatile mount leaves a mark that the kernel refuses until it is taken away. */
static void volatile_mount(struct suite *t)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	spec_get(t, 2, true, &spec);
	spec.is_volatile = true;
	assert_ok(snapshot_mount(&spec, t->target, &t->f.e), &t->f.e);
	assert_int_equal(umount2(t->target, 0), 0);
	assert_true(snapshot_mount(&spec, t->target, &t->f.e) < 0);
	err_clear(&t->f.e);
	assert_ok(snapshot_volatile_done(t->work, &t->f.e), &t->f.e);
	assert_ok(snapshot_mount(&spec, t->target, &t->f.e), &t->f.e);
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
}

static void many(struct suite *t)
{
	enum { N = 70 };
	static char ids[N][STORE_DIGEST_MAX];
	const char *diffids[N];
	for (unsigned i = 0; i < N; i++) {
		char own[32], same[32];
		snprintf(own, sizeof(own), "f%u=%u", i, i);
		snprintf(same, sizeof(same), "last=%u", i);
		make_layer(&t->f, (const char *const[]){own, same, NULL}, ids[i]);
		diffids[i] = ids[i];
	}
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	assert_ok(snapshot_prepare(t->f.s, diffids, N, &spec, &t->f.e), &t->f.e);
	spec.staged = t->staged;
	int64_t start = clock_monotonic();
	assert_ok(snapshot_mount(&spec, t->target, &t->f.e), &t->f.e);
	print_message("%d layers: %.3f ms\n", N, (clock_monotonic() - start) / 1e6);
	int dir cleanup_fd = open(t->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(dir, "f0", "0");
	expect(dir, "f69", "69");
	expect(dir, "last", "69");
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
}

/* Layers that are kept mounted serve several overlays, children too, and outlive them. */
static void kept(struct suite *t)
{
	struct snapshot_mounts *m cleanup_snapshot_mounts = snapshot_mounts_new();
	struct snapshot_spec spec cleanup_snapshot_spec = {0}, low cleanup_snapshot_spec = {0};
	spec_get(t, 1, false, &low);
	assert_ok(snapshot_mounts_add(m, &low, &t->f.e), &t->f.e);
	spec_get(t, 2, false, &spec);
	assert_ok(snapshot_mounts_add(m, &spec, &t->f.e), &t->f.e);
	for (int i = 0; i < 2; i++) {
		pid_t p = fork();
		if (p == 0) {
			bool ok = unshare(CLONE_NEWNS) == 0 &&
				  snapshot_mount(&spec, t->target, NULL) == 0;
			char *path = mem_printf("%s/dir/y", t->target);
			_exit(!ok || access(path, R_OK) != 0);
		}
		int status = 1;
		waitpid(p, &status, 0);
		assert_int_equal(status, 0);
	}
	int64_t start = clock_monotonic();
	assert_ok(snapshot_mount(&spec, t->target, &t->f.e), &t->f.e);
	print_message("of kept layers: %.3f ms\n", (clock_monotonic() - start) / 1e6);
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
	assert_ok(snapshot_mount(&low, t->target, &t->f.e), &t->f.e);
	int dir cleanup_fd = open(t->target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	expect(dir, "dir/x", "hidden");
	assert_int_equal(umount2(t->target, MNT_DETACH), 0);
}

static void refused(struct suite *t)
{
	struct snapshot_spec spec cleanup_snapshot_spec = {0};
	char none[STORE_DIGEST_MAX];
	const char *missing[] = {t->ids[0], fake(9, none)};
	assert_int_equal(snapshot_prepare(t->f.s, missing, 2, &spec, &t->f.e), -ERR_NOT_FOUND);
	assert_contains(t->f.e.msg, none);
	err_clear(&t->f.e);
	assert_int_equal(snapshot_prepare(t->f.s, missing, SNAPSHOT_LAYERS_MAX + 1, &spec, NULL),
		-ERR_LIMIT);
	enum snapshot_driver d;
	const char *other = t->driver == SNAPSHOT_DIR ? "erofs" : "dir";
	assert_int_equal(snapshot_driver_get(t->f.s, other, &d, &t->f.e), -ERR_STATE);
	err_clear(&t->f.e);
	assert_int_equal(snapshot_driver_get(t->f.s, "btrfs", &d, NULL), -EINVAL);
	/* A layer whose index is cut off is refused by name. */
	if (t->driver == SNAPSHOT_DIR)
		return;
	char *index cleanup_free = store_layer_path(t->f.s, t->ids[1], "index.erofs");
	assert_int_equal(truncate(index, 512), 0);
	spec_get(t, 2, false, &spec);
	assert_true(snapshot_mount(&spec, t->target, &t->f.e) < 0);
	assert_contains(t->f.e.msg, "index.erofs");
	err_clear(&t->f.e);
}

static void run_suite(void **state)
{
	struct suite t;
	const unsigned *which = *state;
	suite_open(&t, (enum snapshot_driver)(*which & 3), *which & 4);
	writable(&t);
	readonly(&t);
	detached(&t);
	scratch(&t);
	volatile_mount(&t);
	many(&t);
	kept(&t);
	refused(&t);
	suite_close(&t);
}

static void probing(void **state)
{
	(void)state;
	struct fixture f = {.e = ERR_INIT};
	snprintf(f.root, sizeof(f.root), "/var/tmp/kist-snap-XXXXXX");
	assert_non_null(mkdtemp(f.root));
	snprintf(f.run, sizeof(f.run), "%s/run", f.root);
	f.s = fixture_open(&f);
	enum snapshot_driver d, again;
	assert_ok(snapshot_driver_get(f.s, NULL, &d, &f.e), &f.e);
	print_message("this host: %s\n", snapshot_driver_name(d));
	assert_ok(snapshot_driver_get(f.s, NULL, &again, &f.e), &f.e);
	assert_int_equal(d, again);
	/* An empty store may still change; one with layers may not (refused()). */
	assert_ok(snapshot_driver_get(f.s, "dir", &again, &f.e), &f.e);
	assert_int_equal(again, SNAPSHOT_DIR);
	store_close(f.s);
	file_remove_tree(AT_FDCWD, f.root, NULL);
}

static bool host_has(enum snapshot_driver d)
{
	char dir[] = "/var/tmp/kist-snap-XXXXXX";
	enum snapshot_driver best = SNAPSHOT_DIR;
	if (!mkdtemp(dir))
		return false;
	(void)snapshot_driver_probe(dir, &best, NULL);
	file_remove_tree(AT_FDCWD, dir, NULL);
	if (d == SNAPSHOT_EROFS_LOOP)
		return best != SNAPSHOT_DIR && access("/dev/loop-control", R_OK) == 0;
	return best <= d;
}

int main(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0) {
		print_message("SKIP: mounting needs root\n");
		return 77;
	}
	static unsigned which[] = {SNAPSHOT_EROFS, SNAPSHOT_EROFS_LOOP, SNAPSHOT_DIR,
		SNAPSHOT_EROFS | 4, SNAPSHOT_DIR | 4};
	struct CMUnitTest tests[ARRAY_SIZE(which) + 1] = {cmocka_unit_test(probing)};
	size_t n = 1;
	for (size_t i = 0; i < ARRAY_SIZE(which); i++) {
		enum snapshot_driver d = which[i] & 3;
		if (host_has(d))
			tests[n++] = (struct CMUnitTest){
				snapshot_driver_name(d), run_suite, NULL, NULL, &which[i]};
		else
			print_message("SKIP: no %s on this host\n", snapshot_driver_name(d));
	}
	return _cmocka_run_group_tests("snapshot", tests, n, NULL, NULL);
}
