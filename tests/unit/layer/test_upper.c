/* Upper directories as layers, and layers as directories again. */
#include "helper.h"

#include "base/strv.h"
#include "layer/ingest.h"
#include "layer/unpack.h"
#include "layer/upper.h"

static int64_t write_upper(
	struct scratch *s, const char *dir, const struct layer_upper_options *opt, struct err *e)
{
	cleanup_fd int fd = openat(s->fd, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_writer *w = layer_writer_new(s->tar_fd, s->index_fd, NULL);
	struct layer_info info;
	int64_t n = layer_upper_write(fd, w, opt, e);
	if (n >= 0)
		assert_ok(layer_writer_finish(w, &info, e), e);
	layer_writer_free(w);
	return n;
}

static void test_plain_tree(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	assert_int_equal(
		scratch_run(&s, "mkdir -p $D/u/d/e $D/u/skip/sub && cd $D/u && echo 1 >d/one && ln "
				"d/one d/two && ln d/one a && ln -s /nowhere d/l && mkfifo d/p && "
				"touch z && chmod 4755 z && echo no >skip/sub/f && python3 -c "
				"'import socket;socket.socket(socket.AF_UNIX).bind(\"d/sock\")'"),
		0);
	struct strv exclude cleanup_strv = STRV_INIT;
	strv_add(&exclude, "skip");
	struct layer_upper_options opt = {.exclude = &exclude};
	assert_int_equal(write_upper(&s, "u", &opt, &e), 9);
	assert_int_equal(scratch_run(&s, "tar -tf $D/tar >$D/list; printf '%s\\n' ./ a d/ z d/e/ "
					 "d/l d/one d/p d/two | diff - $D/list"),
		0);
	assert_int_equal(scratch_run(&s, "mkdir $D/x && tar -C $D/x -xf $D/tar && test $(stat -c "
					 "%h $D/x/a) = 3 && test $(stat -c %a $D/x/z) = 4755"),
		0);
	scratch_free(&s);
}

static void test_empty(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	assert_int_equal(scratch_run(&s, "mkdir $D/u"), 0);
	assert_int_equal(write_upper(&s, "u", NULL, &e), 0);
	struct stat st;
	assert_int_equal(fstat(s.tar_fd, &st), 0);
	assert_int_equal(st.st_size, 1024);
	scratch_free(&s);
}

/* A tree much deeper than there are descriptors */
static void test_deep(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	assert_int_equal(scratch_run(&s, "mkdir -p $D/u/$(printf 'x/%.0s' $(seq 1500)) && echo "
					 "deep >$D/u/$(printf 'x/%.0s' $(seq 1500))f"),
		0);
	assert_int_equal(write_upper(&s, "u", NULL, &e), 1502);
	if (scratch_mount(&s)) {
		assert_int_equal(
			scratch_run(
				&s, "test $(cat $D/mnt/$(printf 'x/%.0s' $(seq 1500))f) = deep"),
			0);
		scratch_unmount(&s);
	}
	scratch_free(&s);
}

/* Changes made through a real overlay, written as a layer, stacked again: the same tree. */
static void test_overlay_round_trip(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	char options[300], mnt[128];
	assert_int_equal(
		scratch_run(&s,
			"cd $D && mkdir low upper work ov && mkdir -p low/keep low/gone/sub "
			"low/again && echo 1 >low/keep/f && echo 2 >low/gone/sub/f && echo 3 "
			">low/again/old && echo 4 >low/file && ln low/file low/file2"),
		0);
	snprintf(options, sizeof(options),
		"lowerdir=%s/low,upperdir=%s/upper,workdir=%s/work,redirect_dir=off,metacopy=off",
		s.dir, s.dir, s.dir);
	snprintf(mnt, sizeof(mnt), "%s/ov", s.dir);
	if (geteuid() != 0 || mount("overlay", mnt, "overlay", 0, options) < 0) {
		scratch_free(&s);
		skip();
	}
	int r = scratch_run(&s,
		"cd $D/ov && rm -r gone again && mkdir again && echo new >again/new && echo "
		"more >>file && chmod 700 keep && rm keep/f && mkdir keep/new && setfattr -n "
		"user.x -v y keep/new 2>/dev/null; find . -printf '%P %y %m %s\\n' | grep -v ' "
		"d ' | LC_ALL=C sort >$D/want; find . -type d | LC_ALL=C sort >>$D/want");
	assert_int_equal(umount2(mnt, 0), 0);
	assert_int_equal(r, 0);
	assert_ok(write_upper(&s, "upper", NULL, &e), &e);
	assert_int_equal(
		scratch_run(&s,
			"tar -tf $D/tar | grep -q '^.wh.gone$' && tar -tf $D/tar | grep -q "
			"'^again/.wh..wh..opq$' && tar -tf $D/tar | grep -q '^keep/.wh.f$'"),
		0);
	if (scratch_mount(&s)) {
		snprintf(options, sizeof(options), "lowerdir=%s/mnt:%s/low", s.dir, s.dir);
		assert_int_equal(mount("overlay", mnt, "overlay", MS_RDONLY, options), 0);
		r = scratch_run(&s, "cd $D/ov && find . -printf '%P %y %m %s\\n' | grep -v ' d ' | "
				    "LC_ALL=C sort >$D/have; find . -type d | LC_ALL=C sort "
				    ">>$D/have; diff $D/want $D/have");
		assert_int_equal(umount2(mnt, 0), 0);
		scratch_unmount(&s);
		assert_int_equal(r, 0);
	}
	/* the same with the tar unpacked as a directory, and applied to a copy of the lower one */
	cleanup_fd int in = openat(s.fd, "tar", O_RDONLY | O_CLOEXEC);
	assert_int_equal(scratch_run(&s, "mkdir $D/tree && cp -a $D/low $D/applied"), 0);
	cleanup_fd int tree = openat(s.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_ingest_options opt = {.unpack = true, .unpack_fd = tree};
	struct layer_ingest_info info;
	assert_ok(layer_ingest_fd(in, UINT64_MAX, -1, -1, &opt, &info, &e), &e);
	snprintf(options, sizeof(options), "lowerdir=%s/tree:%s/low", s.dir, s.dir);
	assert_int_equal(mount("overlay", mnt, "overlay", MS_RDONLY, options), 0);
	r = scratch_run(&s,
		"cd $D/ov && find . -printf '%P %y %m %s\\n' | grep -v ' d ' | LC_ALL=C sort "
		">$D/have; find . -type d | LC_ALL=C sort >>$D/have; diff $D/want $D/have");
	assert_int_equal(umount2(mnt, 0), 0);
	assert_int_equal(r, 0);
	cleanup_fd int applied = openat(s.fd, "applied", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_unpack *u = layer_unpack_new(applied, LAYER_UNPACK_APPLY);
	struct layer_tar *t = layer_tar_new(&layer_unpack_ops, u);
	struct buf b cleanup_buf = BUF_INIT;
	assert_ok(file_read(s.fd, "tar", &b, &e), &e);
	assert_ok(layer_tar_push(t, b.data, b.len, &e), &e);
	assert_ok(layer_tar_finish(t, &e), &e);
	assert_ok(layer_unpack_finish(u, &e), &e);
	layer_tar_free(t);
	layer_unpack_free(u);
	assert_int_equal(scratch_run(&s, "cd $D/applied && find . -printf '%P %y %m %s\\n' | grep "
					 "-v ' d ' | LC_ALL=C sort >$D/have; find . -type d | "
					 "LC_ALL=C sort >>$D/have; diff $D/want $D/have"),
		0);
	scratch_free(&s);
}

static void test_redirects_are_refused(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	char path[128];
	assert_int_equal(scratch_run(&s, "mkdir -p $D/u/d"), 0);
	snprintf(path, sizeof(path), "%s/u/d", s.dir);
	if (setxattr(path, "trusted.overlay.redirect", "/x", 2, 0) < 0) {
		scratch_free(&s);
		skip();
	}
	assert_int_equal(write_upper(&s, "u", NULL, &e), -ERR_UNSUPPORTED);
	assert_contains(e.msg, "'d' is a redirect of overlayfs");
	scratch_free(&s);
}

/* Archives that try to write outside of the directory: $D/out must stay empty. */
static void test_unpack_stays_inside(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	char command[300];
	assert_int_equal(scratch_run(&s, "mkdir $D/out $D/tree && echo secret >$D/secret"), 0);
	snprintf(command, sizeof(command),
		"cd $D && ln -s ../out up && ln -s %s/out abs && tar -cf evil.tar up abs && rm up "
		"abs && mkdir up abs && echo x >up/x && echo y >abs/y && tar -rf evil.tar up/x "
		"abs/y && rm -r up abs",
		s.dir);
	assert_int_equal(scratch_run(&s, command), 0);
	cleanup_fd int in = openat(s.fd, "evil.tar", O_RDONLY | O_CLOEXEC);
	cleanup_fd int tree = openat(s.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_ingest_options opt = {.unpack = true, .unpack_fd = tree};
	struct layer_ingest_info info;
	(void)!layer_ingest_fd(in, UINT64_MAX, -1, -1, &opt, &info, &e);
	assert_int_equal(scratch_run(&s, "test -z \"$(ls $D/out)\""), 0);
	/* the index refuses the first outright */
	lseek(in, 0, SEEK_SET);
	err_clear(&e);
	assert_int_equal(layer_ingest_fd(in, UINT64_MAX, s.tar_fd, s.index_fd, NULL, &info, &e),
		-ERR_FORMAT);
	assert_contains(e.msg, "leaves the root");
	scratch_free(&s);
}

static void test_unpack_attributes(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	if (geteuid() != 0) {
		scratch_free(&s);
		skip();
	}
	assert_int_equal(
		scratch_run(&s,
			"mkdir -p $D/in/d $D/tree && cd $D/in && echo 1 >d/f && chown 1234:4321 "
			"d/f && chmod 6755 d/f && ln d/f h && ln -s d s && mknod n c 1 3 && mkfifo "
			"p && touch -d @1000000000 d/f && touch -h -d @900000000 s && touch -d "
			"@800000000 d && tar --sort=name -C $D/in -cf $D/src.tar ."),
		0);
	cleanup_fd int in = openat(s.fd, "src.tar", O_RDONLY | O_CLOEXEC);
	cleanup_fd int tree = openat(s.fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct layer_ingest_options opt = {.unpack = true, .unpack_fd = tree};
	struct layer_ingest_info info;
	assert_ok(layer_ingest_fd(in, UINT64_MAX, -1, -1, &opt, &info, &e), &e);
	assert_int_equal(
		scratch_run(&s, "for d in in tree; do (cd $D/$d && find . ! -name . -printf '%P %y "
				"%m %U:%G %s %T@ %n %l\\n' | grep -v '^[^ ]* d' | LC_ALL=C sort); "
				"done >$D/both; n=$(wc -l <$D/both); head -n $((n/2)) $D/both "
				">$D/a; tail -n $((n/2)) $D/both >$D/b; sed 's/\\.[0-9]* / /' $D/a "
				">$D/c; sed 's/\\.[0-9]* / /' $D/b | diff $D/c - && test $(stat -c "
				"%Y $D/tree/d) = 800000000"),
		0);
	scratch_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain_tree),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_overlay_round_trip),
		cmocka_unit_test(test_redirects_are_refused),
		cmocka_unit_test(test_unpack_stays_inside),
		cmocka_unit_test(test_unpack_attributes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
