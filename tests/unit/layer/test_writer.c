/* New layers: what GNU tar and the kernel's EROFS see in them. */
#include "helper.h"

#include "base/sha256.h"

static void add(struct layer_writer *w, struct layer_entry entry, const char *text)
{
	struct err e = ERR_INIT;
	if (!entry.mtime)
		entry.mtime = 1600000000;
	if (text)
		entry.size = strlen(text);
	assert_ok(layer_writer_add_bytes(w, &entry, text, entry.size, &e), &e);
}

static void fill(struct layer_writer *w)
{
	struct err e = ERR_INIT;
	char deep[1200] = "", name[256] = "", link[3000] = "";
	const struct layer_xattr xattrs[] = {{"user.note", "hello", 5},
		{"security.thing", "\0\1\2", 3}, {"trusted.overlay.redirect", "/x", 2}};
	add(w, (struct layer_entry){.path = "", .type = LAYER_DIR, .mode = 0755}, NULL);
	add(w,
		(struct layer_entry){
			.path = "etc", .type = LAYER_DIR, .mode = 0700, .uid = 5, .gid = 6},
		NULL);
	add(w,
		(struct layer_entry){.path = "etc/passwd",
			.mode = 04644,
			.uid = 70000,
			.gid = 3000000,
			.mtime = 1700000000},
		"root\n");
	add(w, (struct layer_entry){.path = "etc/empty", .mode = 0600}, "");
	add(w, (struct layer_entry){.path = "a/b/c/implied", .mode = 0644}, "x");
	add(w,
		(struct layer_entry){.path = "etc/link",
			.type = LAYER_SYMLINK,
			.mode = 0777,
			.linkname = "../a/b"},
		NULL);
	add(w,
		(struct layer_entry){
			.path = "etc/hard", .type = LAYER_HARDLINK, .linkname = "etc/passwd"},
		NULL);
	add(w,
		(struct layer_entry){.path = "dev/null",
			.type = LAYER_CHAR,
			.mode = 0666,
			.rdev_major = 1,
			.rdev_minor = 3},
		NULL);
	add(w,
		(struct layer_entry){.path = "dev/disk",
			.type = LAYER_BLOCK,
			.mode = 0660,
			.rdev_major = 259,
			.rdev_minor = 70000},
		NULL);
	add(w, (struct layer_entry){.path = "dev/fifo", .type = LAYER_FIFO, .mode = 0660}, NULL);
	add(w, (struct layer_entry){.path = "x", .mode = 0644, .xattrs = xattrs, .n_xattrs = 3},
		"attributes");
	add(w, (struct layer_entry){.path = "old", .mode = 0644, .mtime = -5}, "before 1970");
	memset(name, 'n', 255);
	for (int i = 0; i < 4; i++)
		snprintf(deep + strlen(deep), sizeof(deep) - strlen(deep), "%s%.250s", i ? "/" : "",
			name);
	add(w, (struct layer_entry){.path = deep, .mode = 0644}, "deep");
	add(w, (struct layer_entry){.path = name, .mode = 0644}, "long name");
	memset(link, 'l', sizeof(link) - 1);
	add(w,
		(struct layer_entry){
			.path = "longlink", .type = LAYER_SYMLINK, .mode = 0777, .linkname = link},
		NULL);
	link[430] = 0;
	add(w,
		(struct layer_entry){
			.path = "midlink", .type = LAYER_SYMLINK, .mode = 0777, .linkname = link},
		NULL);
	for (int i = 0; i < 2000; i++) {
		char path[64];
		snprintf(path, sizeof(path), "many/file-%d", (i * 7919) % 2000);
		add(w, (struct layer_entry){.path = path, .mode = 0644, .mtime = i % 3 ? 0 : 12345},
			path);
	}
	assert_ok(layer_writer_whiteout(w, "etc/gone", &e), &e);
	assert_ok(layer_writer_opaque(w, "a/b", &e), &e);
}

static void build(struct scratch *s, struct layer_info *info)
{
	struct err e = ERR_INIT;
	struct layer_writer *w = layer_writer_new(s->tar_fd, s->index_fd, NULL);
	fill(w);
	assert_true(layer_writer_has(w, "etc/passwd", NULL));
	assert_false(layer_writer_has(w, "a/b", NULL)); /* only implied */
	assert_false(layer_writer_has(w, "etc/gone", NULL));
	assert_ok(layer_writer_finish(w, info, &e), &e);
	layer_writer_free(w);
}

static void test_gnu_tar_reads_it(void **state)
{
	struct scratch s = scratch_new();
	struct layer_info info;
	build(&s, &info);
	assert_int_equal(scratch_run(&s, "test \"$(sha256sum <$D/tar | cut -c1-64)\" = \"$(cat "
					 "$D/tar | sha256sum | cut -c1-64)\""),
		0);
	char command[256];
	snprintf(command, sizeof(command), "test $(sha256sum <$D/tar | cut -c1-64) = %s",
		info.diffid);
	assert_int_equal(scratch_run(&s, command), 0);
	assert_int_equal(scratch_run(&s, "mkdir $D/x && tar --no-same-owner --exclude='dev/*' -C "
					 "$D/x -xf $D/tar 2>&1"),
		0);
	assert_int_equal(
		scratch_run(
			&s, "grep -q root $D/x/etc/hard && test $(ls $D/x/many | wc -l) = 2000"),
		0);
	assert_int_equal(scratch_run(&s, "test $(stat -c %Y $D/x/etc/passwd) = 1700000000 && test "
					 "-e $D/x/etc/.wh.gone"),
		0);
	assert_int_equal(scratch_run(&s, "test $(stat -c %Y $D/x/old) = -5"), 0);
	scratch_free(&s);
}

static void test_kernel_reads_it(void **state)
{
	struct scratch s = scratch_new();
	struct layer_info info;
	build(&s, &info);
	if (!scratch_mount(&s)) {
		scratch_free(&s);
		skip();
	}
	static const char *const checks[] = {
		"test $(stat -c %a.%u.%g.%Y.%h.%s $D/mnt/etc/passwd) = "
		"4644.70000.3000000.1700000000.2.5",
		"test $(stat -c %i $D/mnt/etc/passwd) = $(stat -c %i $D/mnt/etc/hard)",
		"test $(cat $D/mnt/etc/hard) = root",
		"test $(stat -c %F $D/mnt/etc/empty | tr -d ' ') = regularemptyfile",
		"test $(stat -c %a.%u.%h $D/mnt/etc) = 700.5.2 && test $(stat -c %a.%Y $D/mnt/a) = "
		"755.0",
		"test $(stat -c %h $D/mnt) = 7",
		"test $(cat $D/mnt/a/b/c/implied) = x",
		"test $(readlink $D/mnt/etc/link) = ../a/b",
		"test $(stat -c %t.%T $D/mnt/dev/null) = 1.3 && test $(stat -c %t.%T "
		"$D/mnt/dev/disk) = 103.11170",
		"test -p $D/mnt/dev/fifo",
		"test $(getfattr --only-values -n user.note $D/mnt/x 2>/dev/null || echo hello) = "
		"hello",
		"test $(stat -c %Y $D/mnt/old) = -5",
		"test $(readlink $D/mnt/longlink | wc -c) = 3000 && test $(readlink $D/mnt/midlink "
		"| wc -c) = 431",
		"test $(ls $D/mnt/many | wc -l) = 2000 && test \"$(ls -f $D/mnt/many | sort | uniq "
		"-d)\" = ''",
		"for i in $(seq 0 13 1999); do test $(cat $D/mnt/many/file-$i) = many/file-$i || "
		"exit 1; done",
		"test ! -e $D/mnt/many/nothing && test ! -e $D/mnt/aa && test ! -e $D/mnt/zzz",
		"test $(stat -c %F $D/mnt/etc/gone | tr -d ' ') = characterspecialfile",
		"find $D/mnt -type f -name 'nnn*' | xargs cat | tr -d '\\n' | grep -q deep",
		"find $D/mnt -xdev >/dev/null",
	};
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		assert_int_equal(scratch_run(&s, checks[i]), 0);
	char path[128], value[16];
	snprintf(path, sizeof(path), "%s/mnt/a/b", s.dir);
	assert_int_equal(getxattr(path, "trusted.overlay.opaque", value, sizeof(value)), 1);
	assert_int_equal(value[0], 'y');
	snprintf(path, sizeof(path), "%s/mnt/x", s.dir);
	assert_int_equal(getxattr(path, "user.note", value, sizeof(value)), 5);
	assert_int_equal(getxattr(path, "security.thing", value, sizeof(value)), 3);
	assert_int_equal(getxattr(path, "trusted.overlay.redirect", value, sizeof(value)), -1);
	scratch_unmount(&s);
	scratch_free(&s);
}

static void test_same_calls_same_bytes(void **state)
{
	struct scratch a = scratch_new(), b = scratch_new();
	struct layer_info ia, ib;
	build(&a, &ia);
	build(&b, &ib);
	assert_string_equal(ia.diffid, ib.diffid);
	assert_int_equal(ia.index_size, ib.index_size);
	setenv("B", b.dir, 1);
	assert_int_equal(scratch_run(&a, "cmp $D/index $B/index"), 0);
	scratch_free(&a);
	scratch_free(&b);
}

static void test_large_file_and_clamp(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	int fd = openat(s.fd, "src", O_RDWR | O_CREAT, 0644);
	static char block[100000];
	for (size_t i = 0; i < sizeof(block); i++)
		block[i] = (char)(i * 31 + i / 256);
	for (int i = 0; i < 37; i++)
		assert_int_equal(io_write_all(fd, block, sizeof(block)), 0);
	lseek(fd, 0, SEEK_SET);
	struct layer_writer_options opt = {.clamp = true, .clamp_mtime = 1000};
	struct layer_writer *w = layer_writer_new(s.tar_fd, s.index_fd, &opt);
	struct layer_entry entry = {
		.path = "big", .mode = 0644, .mtime = 5000, .mtime_ns = 7, .size = 3700000};
	assert_ok(layer_writer_add(w, &entry, fd, &e), &e);
	struct layer_info info;
	assert_ok(layer_writer_finish(w, &info, &e), &e);
	assert_int_equal(info.tar_size, 512 + 3700224 + 1024);
	assert_int_equal(info.content, 3700000);
	layer_writer_free(w);
	assert_int_equal(scratch_run(&s, "tar -xOf $D/tar big | cmp - $D/src && tar --utc -tvf "
					 "$D/tar | grep -q '1970-01-01 00:16'"),
		0);
	if (scratch_mount(&s)) {
		assert_int_equal(
			scratch_run(&s,
				"cmp $D/mnt/big $D/src && test $(stat -c %Y $D/mnt/big) = 1000"),
			0);
		scratch_unmount(&s);
	}
	close(fd);
	scratch_free(&s);
}

/* Sizes around the one that is said, on both sides of a buffer's end. */
static void test_changing_file(void **state)
{
	static const struct {
		size_t real, said;
	} cases[] = {{10, 11}, {11, 10}, {0, 5}, {262144, 262143}, {262144, 262145},
		{261632, 261631}, {600000, 599999}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct scratch s = scratch_new();
		struct err e = ERR_INIT;
		int fd = openat(s.fd, "src", O_RDWR | O_CREAT, 0644);
		assert_int_equal(ftruncate(fd, (off_t)cases[i].real), 0);
		struct layer_writer *w = layer_writer_new(s.tar_fd, -1, NULL);
		struct layer_entry entry = {.path = "f", .mode = 0644, .size = cases[i].said};
		int r = layer_writer_add(w, &entry, fd, &e);
		assert_int_equal(r, -EAGAIN);
		assert_contains(e.msg, "'f' changed while it was read");
		layer_writer_free(w);
		close(fd);
		scratch_free(&s);
	}
}

static void test_exact_buffer_end(void **state)
{
	for (size_t size = 261631; size <= 261634; size++) {
		struct scratch s = scratch_new();
		struct err e = ERR_INIT;
		int fd = openat(s.fd, "src", O_RDWR | O_CREAT, 0644);
		assert_int_equal(ftruncate(fd, (off_t)size), 0);
		struct layer_writer *w = layer_writer_new(s.tar_fd, s.index_fd, NULL);
		struct layer_entry entry = {.path = "f", .mode = 0644, .size = size};
		struct layer_info info;
		assert_ok(layer_writer_add(w, &entry, fd, &e), &e);
		assert_ok(layer_writer_finish(w, &info, &e), &e);
		layer_writer_free(w);
		assert_int_equal(scratch_run(&s, "tar -xOf $D/tar f | cmp - $D/src"), 0);
		close(fd);
		scratch_free(&s);
	}
}

static void test_refuses(void **state)
{
	struct scratch s = scratch_new();
	static const struct {
		struct layer_entry entry;
		const char *words;
	} cases[] = {
		{{.path = "/abs"}, "not a normalised path"},
		{{.path = "a/../b"}, "not a normalised path"},
		{{.path = "a//b"}, "not a normalised path"},
		{{.path = ""}, "only be a directory"},
		{{.path = "l", .type = LAYER_SYMLINK}, "bad link target"},
		{{.path = "l", .type = LAYER_HARDLINK, .linkname = "none"}, "not in this layer"},
		{{.path = "l", .type = LAYER_HARDLINK, .linkname = "../x"}, "not normalised"},
		{{.path = "d", .type = LAYER_DIR, .size = 1}, "only files have data"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct layer_writer *w = layer_writer_new(s.tar_fd, s.index_fd, NULL);
		assert_true(layer_writer_add(w, &cases[i].entry, -1, &e) < 0);
		assert_contains(e.msg, cases[i].words);
		layer_writer_free(w);
	}
	scratch_free(&s);
}

static void test_full_disk(void **state)
{
	struct err e = ERR_INIT;
	int fd = open("/dev/full", O_WRONLY);
	struct layer_writer *w = layer_writer_new(fd, -1, NULL);
	struct layer_entry entry = {.path = "f", .mode = 0644, .size = 10 << 20};
	int zero = open("/dev/zero", O_RDONLY);
	int r = layer_writer_add(w, &entry, zero, &e);
	struct layer_info info;
	if (r >= 0)
		r = layer_writer_finish(w, &info, &e);
	assert_int_equal(r, -ENOSPC);
	assert_contains(e.msg, "write the layer");
	layer_writer_free(w);
	close(fd);
	close(zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gnu_tar_reads_it),
		cmocka_unit_test(test_kernel_reads_it),
		cmocka_unit_test(test_same_calls_same_bytes),
		cmocka_unit_test(test_large_file_and_clamp),
		cmocka_unit_test(test_changing_file),
		cmocka_unit_test(test_exact_buffer_end),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_full_disk),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
