/* Reading indexes back, merged views, differences, merged indexes. */
#include "helper.h"

#include "layer/compare.h"
#include "layer/index.h"
#include "layer/merge.h"
#include "layer/tree.h"

struct made {
	struct scratch s;
	struct layer_info info;
	struct layer_tree *tree;
};

static struct layer_entry file(const char *path)
{
	return (struct layer_entry){.path = path, .mode = 0644, .mtime = 1000};
}

static void put(struct layer_writer *w, struct layer_entry entry, const char *text)
{
	struct err e = ERR_INIT;
	entry.size = text ? strlen(text) : 0;
	if (entry.type == LAYER_DIR && !entry.mode)
		entry.mode = 0755;
	assert_ok(layer_writer_add_bytes(w, &entry, text, entry.size, &e), &e);
}

#define DIR_ENTRY(p) ((struct layer_entry){.path = (p), .type = LAYER_DIR, .mtime = 1000})
#define LINK_ENTRY(p, t)       \
	((struct layer_entry){ \
		.path = (p), .type = LAYER_SYMLINK, .linkname = (t), .mode = 0777, .mtime = 1000})

static void layer_of(struct made *m, void (*fill)(struct layer_writer *w))
{
	struct err e = ERR_INIT;
	m->s = scratch_new();
	struct layer_writer *w = layer_writer_new(m->s.tar_fd, m->s.index_fd, NULL);
	fill(w);
	assert_ok(layer_writer_finish(w, &m->info, &e), &e);
	layer_writer_free(w);
	m->tree = layer_tree_open(m->s.index_fd, &m->s.tar_fd, 1, &e);
	if (!m->tree)
		print_error("%s\n", e.msg);
	assert_non_null(m->tree);
}

static void made_free(struct made *m)
{
	layer_tree_free(m->tree);
	scratch_free(&m->s);
}

static void fill_base(struct layer_writer *w)
{
	put(w, DIR_ENTRY("etc"), NULL);
	put(w, file("etc/a"), "one");
	put(w, file("etc/b"), "two");
	put(w, file("etc/same"), "same");
	put(w, (struct layer_entry){.path = "etc/a2", .type = LAYER_HARDLINK, .linkname = "etc/a"},
		NULL);
	put(w, LINK_ENTRY("etc/l", "a"), NULL);
	put(w, DIR_ENTRY("gone"), NULL);
	put(w, file("gone/x"), "xxxx");
	put(w, DIR_ENTRY("hidden"), NULL);
	put(w, file("hidden/old"), "old");
	put(w, file("was-file"), "file");
	put(w, DIR_ENTRY("was-dir"), NULL);
	put(w, file("was-dir/in"), "in");
	for (int i = 0; i < 300; i++) {
		char path[300];
		snprintf(path, sizeof(path), "many/%0*d", 1 + i % 200, i);
		put(w, file(path), path);
	}
}

static void fill_second(struct layer_writer *w)
{
	struct err e = ERR_INIT;
	put(w, DIR_ENTRY("etc"), NULL);
	put(w, file("etc/a"), "ONE");
	put(w, file("etc/new"), "brand new");
	put(w, file("etc/same"), "same");
	put(w, LINK_ENTRY("etc/l", "b"), NULL);
	assert_ok(layer_writer_whiteout(w, "gone", &e), &e);
	put(w, DIR_ENTRY("hidden"), NULL);
	assert_ok(layer_writer_opaque(w, "hidden", &e), &e);
	put(w, file("hidden/fresh"), "fresh");
	put(w, DIR_ENTRY("was-file"), NULL);
	put(w, file("was-file/now"), "dir");
	put(w, file("was-dir"), "file now");
}

static int count_all(void *ctx, const char *path, const struct layer_tree_node *n, struct err *e)
{
	++*(int *)ctx;
	return 0;
}

static void test_lookup_and_read(void **state)
{
	struct made m;
	struct err e = ERR_INIT;
	struct layer_tree_node n;
	layer_of(&m, fill_base);
	assert_ok(layer_tree_lookup(m.tree, "etc/a", &n, &e), &e);
	assert_int_equal(n.mode, S_IFREG | 0644);
	assert_int_equal(n.nlink, 2);
	assert_int_equal(n.mtime, 1000);
	char text[16] = "";
	assert_int_equal(layer_tree_read(m.tree, &n, text, sizeof(text), 1, &e), 2);
	assert_string_equal(text, "ne");
	uint64_t nid = n.nid;
	assert_ok(layer_tree_lookup(m.tree, "etc/a2", &n, &e), &e);
	assert_int_equal(n.nid, nid);
	assert_int_equal(layer_tree_lookup(m.tree, "etc/zz", &n, &e), -ENOENT);
	assert_int_equal(layer_tree_lookup(m.tree, "etc/a/b", &n, &e), -ENOTDIR);
	assert_int_equal(e.code, 0);
	for (int i = 0; i < 300; i++) {
		char path[300], data[300] = "";
		snprintf(path, sizeof(path), "many/%0*d", 1 + i % 200, i);
		assert_ok(layer_tree_lookup(m.tree, path, &n, &e), &e);
		assert_int_equal(
			layer_tree_read(m.tree, &n, data, sizeof(data), 0, &e), strlen(path));
		assert_string_equal(data, path);
	}
	assert_ok(layer_tree_lookup(m.tree, "etc/l", &n, &e), &e);
	struct buf b cleanup_buf = BUF_INIT;
	assert_ok(layer_tree_link(m.tree, &n, &b, &e), &e);
	assert_string_equal(buf_str(&b), "a");
	int count = 0;
	assert_ok(layer_tree_walk(m.tree, count_all, &count, &e), &e);
	assert_int_equal(count, 1 + 13 + 1 + 300);
	made_free(&m);
}

static int list_differences(void *ctx, const struct layer_difference *d, struct err *e)
{
	static const char marks[] = "ACD";
	return buf_printf(ctx, "%c%s %s %d %d\n", marks[d->change], d->content ? "" : "m", d->path,
		(int)d->old_size, (int)d->new_size);
}

static void test_compare(void **state)
{
	struct made a, b;
	struct err e = ERR_INIT;
	layer_of(&a, fill_base);
	layer_of(&b, fill_second);
	struct layer_tree *old[] = {a.tree}, *now[] = {a.tree, b.tree};
	struct buf out cleanup_buf = BUF_INIT;
	assert_ok(layer_compare(old, 1, now, 2, list_differences, &out, &e), &e);
	assert_string_equal(buf_str(&out), "C etc/a 3 3\n"
					   "C etc/l 0 0\n"
					   "A etc/new 0 9\n"
					   "D gone 0 0\n"
					   "D gone/x 4 0\n"
					   "A hidden/fresh 0 5\n"
					   "D hidden/old 3 0\n"
					   "C was-dir 0 8\n"
					   "D was-dir/in 2 0\n"
					   "C was-file 4 0\n"
					   "A was-file/now 0 3\n");
	buf_clear(&out);
	assert_ok(layer_compare(now, 2, now, 2, list_differences, &out, &e), &e);
	assert_string_equal(buf_str(&out), "");
	assert_ok(layer_compare(NULL, 0, now, 1, list_differences, &out, &e), &e);
	assert_contains(buf_str(&out), "A etc/a2 0 3\n");
	struct layer_tree_node n;
	size_t layer;
	assert_ok(layer_stack_lookup(now, 2, "etc/b", &n, &layer, &e), &e);
	assert_int_equal(layer, 0);
	assert_ok(layer_stack_lookup(now, 2, "etc/a", &n, &layer, &e), &e);
	assert_int_equal(layer, 1);
	static const char *const absent[] = {
		"gone", "gone/x", "hidden/old", "was-dir/in", "nothing"};
	for (size_t i = 0; i < ARRAY_SIZE(absent); i++)
		assert_int_equal(layer_stack_lookup(now, 2, absent[i], &n, &layer, &e), -ENOENT);
	made_free(&a);
	made_free(&b);
}

static int list_paths(void *ctx, const char *path, const struct layer_tree_node *n, struct err *e)
{
	return strncmp(path, "many", 4) == 0 ? 0 : buf_printf(ctx, "%s %o\n", path, n->mode);
}

static int list_stack(
	void *ctx, const char *path, const struct layer_tree_node *n, size_t layer, struct err *e)
{
	return list_paths(ctx, path, n, e);
}

static void test_merge(void **state)
{
	struct made a, b;
	struct err e = ERR_INIT;
	layer_of(&a, fill_base);
	layer_of(&b, fill_second);
	struct layer_tree *layers[] = {a.tree, b.tree};
	struct scratch s = scratch_new();
	uint64_t size;
	assert_ok(layer_merge(layers, 2, false, s.index_fd, &size, &e), &e);
	int tars[] = {a.s.tar_fd, b.s.tar_fd};
	struct layer_tree *t cleanup_layer_tree = layer_tree_open(s.index_fd, tars, 2, &e);
	assert_non_null(t);
	struct buf stacked cleanup_buf = BUF_INIT;
	struct buf merged cleanup_buf = BUF_INIT;
	assert_ok(layer_stack_walk(layers, 2, list_stack, &stacked, &e), &e);
	assert_ok(layer_tree_walk(t, list_paths, &merged, &e), &e);
	assert_string_equal(buf_str(&stacked), buf_str(&merged));
	struct layer_tree_node n;
	char text[16] = "";
	assert_ok(layer_tree_lookup(t, "etc/a", &n, &e), &e);
	assert_int_equal(n.device, 2);
	assert_int_equal(layer_tree_read(t, &n, text, sizeof(text), 0, &e), 3);
	assert_string_equal(text, "ONE");
	char index[128], mnt[128], options[256];
	snprintf(index, sizeof(index), "%s/index", s.dir);
	snprintf(mnt, sizeof(mnt), "%s/mnt", s.dir);
	snprintf(options, sizeof(options), "device=%s/tar,device=%s/tar", a.s.dir, b.s.dir);
	if (geteuid() == 0 && mount(index, mnt, "erofs", MS_RDONLY, options) == 0) {
		assert_int_equal(
			scratch_run(&s,
				"test $(cat $D/mnt/etc/a) = ONE && test $(cat $D/mnt/etc/a2) = "
				"one && test $(cat $D/mnt/hidden/fresh) = fresh && test ! -e "
				"$D/mnt/gone && test ! -e $D/mnt/hidden/old && test $(ls "
				"$D/mnt/many | wc -l) = 300"),
			0);
		scratch_unmount(&s);
	}
	scratch_free(&s);
	made_free(&a);
	made_free(&b);
}

/* As overlayfs itself shows the two layers. */
static void test_kernel_overlay_agrees(void **state)
{
	struct made a, b;
	struct err e = ERR_INIT;
	layer_of(&a, fill_base);
	layer_of(&b, fill_second);
	struct layer_tree *layers[] = {a.tree, b.tree};
	struct buf stacked cleanup_buf = BUF_INIT;
	assert_ok(layer_stack_walk(layers, 2, list_stack, &stacked, &e), &e);
	struct scratch s = scratch_new();
	bool low = scratch_mount(&a.s), high = low && scratch_mount(&b.s);
	char mnt[128], options[256];
	snprintf(mnt, sizeof(mnt), "%s/mnt", s.dir);
	snprintf(options, sizeof(options), "lowerdir=%s/mnt:%s/mnt", b.s.dir, a.s.dir);
	bool mounted = high && mount("overlay", mnt, "overlay", MS_RDONLY, options) == 0;
	if (mounted) {
		int fd = openat(s.fd, "want", O_WRONLY | O_CREAT, 0644);
		assert_int_equal(io_write_all(fd, stacked.data, stacked.len), 0);
		close(fd);
		assert_int_equal(
			scratch_run(&s, "cd $D/mnt && find . -path './many*' -prune -o -printf "
					"'%P\\n' | LC_ALL=C sort >$D/have; sed 's/ [0-7]*$//' "
					"$D/want | LC_ALL=C sort | diff - $D/have"),
			0);
		scratch_unmount(&s);
	}
	if (high)
		scratch_unmount(&b.s);
	if (low)
		scratch_unmount(&a.s);
	scratch_free(&s);
	made_free(&a);
	made_free(&b);
	if (!mounted)
		skip(); /* needs root, EROFS with files and overlayfs */
}

static void test_damaged(void **state)
{
	struct made m;
	layer_of(&m, fill_base);
	struct stat st;
	assert_int_equal(fstat(m.s.index_fd, &st), 0);
	char *image = mem_alloc((size_t)st.st_size);
	assert_int_equal(io_pread_full(m.s.index_fd, image, (size_t)st.st_size, 0), st.st_size);
	/* beyond what the checksum covers: nothing may crash, whatever it says */
	for (size_t at = 1536; at < (size_t)st.st_size; at += 37) {
		struct err e = ERR_INIT;
		char old = image[at];
		image[at] = (char)(old ^ 0x55);
		assert_int_equal(io_pwrite_all(m.s.index_fd, image + at, 1, (off_t)at), 0);
		int count = 0;
		(void)!layer_tree_walk(m.tree, count_all, &count, &e);
		image[at] = old;
		assert_int_equal(io_pwrite_all(m.s.index_fd, image + at, 1, (off_t)at), 0);
	}
	struct err e = ERR_INIT;
	assert_int_equal(io_pwrite_all(m.s.index_fd, "x", 1, 1100), 0);
	assert_null(layer_tree_open(m.s.index_fd, NULL, 0, &e));
	assert_contains(e.msg, "checksum");
	assert_int_equal(ftruncate(m.s.tar_fd, 600), 0);
	struct layer_tree_node n;
	err_clear(&e);
	assert_ok(layer_tree_lookup(m.tree, "etc/b", &n, &e), &e);
	char text[8];
	assert_true(layer_tree_read(m.tree, &n, text, sizeof(text), 0, &e) < 0);
	assert_contains(e.msg, "too short");
	free(image);
	made_free(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup_and_read),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_kernel_overlay_agrees),
		cmocka_unit_test(test_damaged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
