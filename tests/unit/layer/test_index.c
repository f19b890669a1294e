/* The index builder's rules: duplicates, implied parents, links, whiteouts, very many entries. */
#include "helper.h"

#include "layer/index.h"
#include "layer/tree.h"

#include <sys/resource.h>

/* An entry as text: "f path", "d path", "l path -> target", "h path -> target", "c path" */
static int add(struct layer_index *x, const char *line, struct err *e)
{
	char path[300] = "", target[300] = "";
	sscanf(line + 2, "%299s -> %299s", path, target);
	struct layer_entry entry = {.path = path, .linkname = target, .mode = 0644, .mtime = 5};
	switch (line[0]) {
	case 'd':
		entry.type = LAYER_DIR;
		entry.mode = 0711;
		break;
	case 'l':
		entry.type = LAYER_SYMLINK;
		break;
	case 'h':
		entry.type = LAYER_HARDLINK;
		break;
	case 'c':
		entry.type = LAYER_CHAR;
		entry.rdev_major = 5;
		break;
	default:
		entry.size = 1;
		entry.offset = 512;
	}
	return layer_index_add(x, &entry, e);
}

static int show(void *ctx, const char *path, const struct layer_tree_node *n, struct err *e)
{
	char type = S_ISDIR(n->mode) ? 'd' : S_ISLNK(n->mode) ? 'l' : S_ISREG(n->mode) ? 'f' : 'c';
	if (layer_tree_is_whiteout(n))
		type = 'w';
	return buf_printf(ctx, "%c%s%s%s%s\n", n->opaque ? 'O' : type, path,
		S_ISREG(n->mode) && n->nlink > 1 ? "+" : "",
		S_ISDIR(n->mode) && n->mtime == 5 ? "=" : "",
		S_ISDIR(n->mode) && n->nlink > 2 ? "/" : "");
}

static int build(const char *const *lines, struct buf *out, struct err *e)
{
	struct scratch s = scratch_new();
	struct layer_index *x = layer_index_new(s.index_fd);
	int r = 0;
	for (; r == 0 && *lines; lines++)
		r = add(x, *lines, e);
	if (r == 0)
		r = layer_index_finish(x, 1024, NULL, e);
	if (r == 0) {
		struct layer_tree *t cleanup_layer_tree = layer_tree_open(s.index_fd, NULL, 0, e);
		assert_non_null(t);
		r = layer_tree_walk(t, show, out, e);
		if (scratch_mount(&s)) { /* the kernel must be able to read all of it too */
			assert_int_equal(scratch_run(&s, "ls -lR $D/mnt >/dev/null"), 0);
			scratch_unmount(&s);
		}
	}
	layer_index_free(x);
	scratch_free(&s);
	return r;
}

struct good {
	const char *lines[10];
	const char *tree;
};

static void test_rules(void **state)
{
	static const struct good cases[] = {
		{{NULL}, "d\n"},
		{{"f a/b/c"}, "d/\nda/\nda/b\nfa/b/c\n"},
		{{"f a/b", "d a"}, "d/\nda=\nfa/b\n"},
		{{"f a", "f a", "f a"}, "d\nfa\n"},
		{{"f z", "f !", "f a.b", "f a", "d a-"}, "d/\nf!\nfa\nda-=\nfa.b\nfz\n"},
		/* the last one wins */
		{{"d a", "f a/x", "f a"}, "d\nfa\n"},
		{{"d a", "f a/x", "f a", "d a"}, "d/\nda=\n"},
		{{"f a", "l a -> b", "c a"}, "d\nca\n"},
		/* hard links keep what they were made from */
		{{"f a", "h b -> a"}, "d\nfa+\nfb+\n"},
		{{"f a", "h b -> a", "f a"}, "d\nfa\nfb\n"},
		{{"f a", "h b -> a", "h c -> b", "d a"}, "d/\nda=\nfb+\nfc+\n"},
		{{"d d", "f d/a", "h b -> d/a", "f d"}, "d\nfb\nfd\n"},
		{{"f a", "h a -> a"}, "d\nfa\n"},
		{{"l s -> x", "h t -> s"}, "d\nls\nlt\n"},
		{{"f a", "h b -> a", "f b"}, "d\nfa\nfb\n"},
		/* through links that stay inside */
		{{"d usr/bin", "l bin -> usr/bin", "f bin/sh"},
			"d/\nlbin\ndusr/\ndusr/bin=\nfusr/bin/sh\n"},
		{{"l lib -> /usr/lib", "f lib/x/y"},
			"d/\nllib\ndusr/\ndusr/lib/\ndusr/lib/x\nfusr/lib/x/y\n"},
		{{"d a/b", "l a/l -> ../c", "f a/l/f", "h h -> a/l/f"},
			"d/\nda/\nda/b=\nla/l\ndc\nfc/f+\nfh+\n"},
		{{"d d1", "d d2", "l s -> d1", "f s/a", "l s -> d2", "f s/b"},
			"d/\ndd1=\nfd1/a\ndd2=\nfd2/b\nls\n"},
		/* whiteouts */
		{{"f .wh.a", "f d/.wh.b"}, "d/\nwa\ndd\nwd/b\n"},
		{{"f a", "f .wh.a"}, "d\nfa\n"},
		{{"f .wh.a", "f a"}, "d\nfa\n"},
		{{"f .wh.a", "d a", "f a/x"}, "d/\nOa=\nfa/x\n"},
		{{"d a", "f .wh.a"}, "d/\nOa=\n"},
		{{"f .wh.a", "f a/x"}, "d/\nOa\nfa/x\n"},
		{{"f d/.wh..wh..opq", "d d", "f d/x"}, "d/\nOd=\nfd/x\n"},
		{{"f .wh..wh..opq"}, "O\n"},
		{{"f .wh..wh.plnk/12.34", "f .wh..wh.aufs", "f x.wh..wh.y"}, "d\nfx.wh..wh.y\n"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct buf out cleanup_buf = BUF_INIT;
		int r = build(cases[i].lines, &out, &e);
		if (r < 0 || strcmp(buf_str(&out), cases[i].tree) != 0)
			print_error("case %zu (%s): %s\n", i, cases[i].lines[0], e.msg);
		assert_int_equal(r, 0);
		assert_string_equal(buf_str(&out), cases[i].tree);
	}
}

static void test_refuses(void **state)
{
	static const struct good cases[] = {
		{{"h a -> b"}, "'a' is a hard link to 'b', which is not in this layer before it"},
		{{"h a -> b/c/d"}, "which is not in this layer"},
		{{"f .wh.b", "h a -> b"}, "which is not in this layer"},
		{{"d b", "h a -> b"}, "hard link to the directory 'b'"},
		{{"f a", "f a/b"}, "'a/b': 'a' is not a directory"},
		{{"l a -> ../..", "f a/b"},
			"'a/b': through a symbolic link: path '../../b' leaves the root"},
		{{"l a -> /../etc", "f a/b"}, "leaves the root"},
		{{"l a -> b", "l b -> a", "f a/x"}, "too many symbolic links"},
		{{"l a -> a", "f a/x"}, "too many symbolic links"},
		{{"f a", "f a/.wh..wh..opq"}, "opaque, but not a directory"},
		{{"f .wh."}, "whiteout of nothing"},
		{{"f d/.wh..."}, NULL},
		{{"f d/.wh..", ""}, "whiteout of nothing"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct buf out cleanup_buf = BUF_INIT;
		int r = build(cases[i].lines, &out, &e);
		if (!cases[i].tree)
			continue;
		assert_true(r < 0);
		assert_contains(e.msg, cases[i].tree);
	}
}

/* Links that lead to links: each hop doubles nothing. */
static void test_long_link_chain(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct layer_index *x = layer_index_new(s.index_fd);
	char line[64];
	for (int i = 0; i < 39; i++) {
		snprintf(line, sizeof(line), "l l%d -> l%d", i, i + 1);
		assert_ok(add(x, line, &e), &e);
	}
	assert_ok(add(x, "d l39", &e), &e);
	assert_ok(add(x, "f l0/file", &e), &e);
	assert_ok(layer_index_finish(x, 1024, NULL, &e), &e);
	struct layer_tree *t cleanup_layer_tree = layer_tree_open(s.index_fd, NULL, 0, &e);
	struct layer_tree_node n;
	assert_ok(layer_tree_lookup(t, "l39/file", &n, &e), &e);
	layer_index_free(x);
	scratch_free(&s);
}

static int count(void *ctx, const char *path, const struct layer_tree_node *n, struct err *e)
{
	++*(long *)ctx;
	return 0;
}

/* A million entries, a third of them hard links and duplicates: what spilled comes back whole. */
static void test_million(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct layer_index *x = layer_index_new(s.index_fd);
	enum { N = 1000 * 1000 };
	for (int i = 0; i < N; i++) {
		char path[64], target[64];
		struct layer_entry entry = {.path = path,
			.mode = 0644,
			.mtime = i,
			.size = 1 + i % 7,
			.offset = 512 * (uint64_t)i};
		snprintf(path, sizeof(path), "d%d/e%d/file-%d", i / 10000, i / 200 % 50, i);
		if (i % 10 == 3) {
			snprintf(target, sizeof(target), "d%d/e%d/file-%d", (i - 1) / 10000,
				(i - 1) / 200 % 50, i - 1);
			entry.type = LAYER_HARDLINK;
			entry.linkname = target;
			entry.size = 0;
		}
		assert_ok(layer_index_add(x, &entry, &e), &e);
	}
	uint64_t size;
	assert_ok(layer_index_finish(x, 512ULL * N, &size, &e), &e);
	layer_index_free(x);
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
#if !defined(__SANITIZE_ADDRESS__)
	print_message("peak %ld kB, index %llu bytes\n", usage.ru_maxrss, (unsigned long long)size);
	assert_true(usage.ru_maxrss < 48 * 1024);
#endif
	struct stat st;
	assert_int_equal(fstat(s.index_fd, &st), 0);
	assert_int_equal(st.st_size, size); /* what was spilled is cut off */
	struct layer_tree *t = layer_tree_open(s.index_fd, NULL, 0, &e);
	long n = 0;
	assert_ok(layer_tree_walk(t, count, &n, &e), &e);
	assert_int_equal(n, N + 1 + 100 + 5000);
	struct layer_tree_node node;
	assert_ok(layer_tree_lookup(t, "d12/e17/file-123472", &node, &e), &e);
	assert_int_equal(node.offset, 512ULL * 123472);
	assert_int_equal(node.nlink, 2);
	assert_int_equal(node.mtime, 123472);
	layer_tree_free(t);
	scratch_free(&s);
}

/* One directory with very many names */
static void test_wide(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct layer_index *x = layer_index_new(s.index_fd);
	enum { N = 50000 };
	for (int i = 0; i < N; i++) {
		char line[64];
		snprintf(line, sizeof(line), "f wide/%d", (i * 7919) % N);
		assert_ok(add(x, line, &e), &e);
	}
	assert_ok(layer_index_finish(x, 1024, NULL, &e), &e);
	layer_index_free(x);
	if (scratch_mount(&s)) {
		assert_int_equal(
			scratch_run(&s,
				"test $(ls -f $D/mnt/wide | wc -l) = 50002 && cd $D/mnt/wide "
				"&& test -f 0 -a -f 49999 -a -f 12345 -a ! -e 50000"),
			0);
		scratch_unmount(&s);
	}
	scratch_free(&s);
}

/* A limit on file sizes forbids the spill: memory must do, and no signal comes. */
static void test_file_size_limit(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct rlimit old;
	getrlimit(RLIMIT_FSIZE, &old);
	struct rlimit low = {256 << 20, old.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
	struct layer_index *x = layer_index_new(s.index_fd);
	for (int i = 0; i < 200000; i++) {
		char line[64];
		snprintf(line, sizeof(line), "f d%d/%d", i / 100, i);
		assert_ok(add(x, line, &e), &e);
	}
	assert_ok(layer_index_finish(x, 1024, NULL, &e), &e);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	layer_index_free(x);
	struct layer_tree *t = layer_tree_open(s.index_fd, NULL, 0, &e);
	long n = 0;
	assert_ok(layer_tree_walk(t, count, &n, &e), &e);
	assert_int_equal(n, 200000 + 2000 + 1);
	layer_tree_free(t);
	scratch_free(&s);
}

/* The disk is full while memory spills: an error, no signal. */
static void test_full_disk(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	char mnt[128];
	snprintf(mnt, sizeof(mnt), "%s/mnt", s.dir);
	if (geteuid() != 0 || mount("none", mnt, "tmpfs", 0, "size=2m") < 0) {
		scratch_free(&s);
		skip();
	}
	int fd = openat(s.fd, "mnt/index", O_RDWR | O_CREAT, 0644);
	struct layer_index *x = layer_index_new(fd);
	int r = 0;
	for (int i = 0; r == 0 && i < 300000; i++) {
		char line[64];
		snprintf(line, sizeof(line), "f a-long-name-to-fill-memory-%d", i);
		r = add(x, line, &e);
	}
	assert_int_equal(r, -ENOSPC);
	assert_contains(e.msg, "reserve space beside the index");
	layer_index_free(x);
	close(fd);
	scratch_unmount(&s);
	scratch_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_long_link_chain),
		cmocka_unit_test(test_wide),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_million),
		cmocka_unit_test(test_file_size_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
