/* The tar reader: every dialect, and what hostile archives try. */
#include "helper.h"

#include "layer/tar_read.h"
#include "layer/tar_write.h"

struct seen {
	struct buf text;
	struct buf data;
	uint64_t ends;
};

static int see_entry(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct seen *s = ctx;
	static const char types[] = "fdlhcbp";
	buf_printf(&s->text, "%c %s", types[entry->type], entry->path);
	if (entry->linkname)
		buf_printf(&s->text, " -> %s", entry->linkname);
	buf_printf(&s->text, " %o %u:%u %d %lld.%09u", entry->mode, entry->uid, entry->gid,
		(int)entry->size, (long long)entry->mtime, entry->mtime_ns);
	for (size_t i = 0; i < entry->n_xattrs; i++)
		buf_printf(&s->text, " %s=%.*s", entry->xattrs[i].name, (int)entry->xattrs[i].len,
			(const char *)entry->xattrs[i].value);
	return buf_add_char(&s->text, '\n');
}

static int see_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct seen *s = ctx;
	return buf_add(&s->data, p, len);
}

static int see_end(void *ctx, struct err *e)
{
	struct seen *s = ctx;
	s->ends++;
	return 0;
}

static const struct layer_tar_ops ops = {see_entry, see_data, see_end};

static void seen_release(struct seen *s)
{
	buf_release(&s->text);
	buf_release(&s->data);
}

/* step: how many bytes at a time */
static int read_tar(const struct buf *tar, size_t step, struct seen *s, struct err *e)
{
	struct layer_tar *t = layer_tar_new(&ops, s);
	int r = 0;
	for (size_t at = 0; r == 0 && at < tar->len; at += step)
		r = layer_tar_push(t, tar->data + at, MIN(step, tar->len - at), e);
	if (r == 0)
		r = layer_tar_finish(t, e);
	layer_tar_free(t);
	return r;
}

/* A raw header with a right checksum */
struct raw {
	const char *name;
	char type;
	const char *link;
	const char *size; /* 11 octal digits, or 12 bytes as they are */
	const char *data;
	const char *magic;
	const char *prefix;
	const char *uid;
};

static void add_raw(struct buf *b, struct raw r)
{
	char h[512] = "";
	size_t len = r.data ? strlen(r.data) : 0;
	memcpy(h, r.name, MIN(strlen(r.name), 100));
	memcpy(h + 100, "0000644", 8);
	memcpy(h + 108, r.uid ? r.uid : "0000001", 8);
	memcpy(h + 116, "0000002", 8);
	snprintf(h + 124, 12, "%011o", (unsigned)len);
	if (r.size)
		memcpy(h + 124, r.size, 12);
	memcpy(h + 136, "00000001750", 12);
	h[156] = r.type;
	if (r.link)
		memcpy(h + 157, r.link, MIN(strlen(r.link), 100));
	memcpy(h + 257, r.magic ? r.magic : "ustar\00000", 8);
	if (r.prefix)
		memcpy(h + 345, r.prefix, MIN(strlen(r.prefix), 155));
	unsigned sum = 8 * ' ';
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	h[155] = ' ';
	buf_add(b, h, 512);
	buf_add(b, r.data, len);
	static const char zeros[512];
	buf_add(b, zeros, -len & 511);
}

static void add_end(struct buf *b)
{
	static const char zeros[1024];
	buf_add(b, zeros, sizeof(zeros));
}

static void test_dialects(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	add_raw(&b, (struct raw){.name = "./plain", .type = '0', .data = "hello"});
	add_raw(&b, (struct raw){.name = "v7", .magic = "\0\0\0\0\0\0\0\0", .prefix = "rubbish"});
	add_raw(&b, (struct raw){.name = "v7dir/", .magic = "\0\0\0\0\0\0\0\0"});
	add_raw(&b, (struct raw){.name = "name", .type = '0', .prefix = "a/prefix"});
	add_raw(&b,
		(struct raw){.name = "gnu", .type = '0', .magic = "ustar  \0", .prefix = "12345"});
	add_raw(&b, (struct raw){.name = "big",
			    .type = '5',
			    .size = "77777777777",
			    .uid = "\x80\0\0\0\0\x01\x11\x70"});
	add_raw(&b, (struct raw){.name = "@LongLink", .type = 'L', .data = "long/name/here"});
	add_raw(&b, (struct raw){.name = "@LongLink", .type = 'K', .data = "/a/long/target"});
	add_raw(&b, (struct raw){.name = "short", .type = '2', .link = "short"});
	add_raw(&b, (struct raw){.name = "g", .type = 'g', .data = "20 comment=nothing\n"});
	add_raw(&b, (struct raw){.name = "x",
			    .type = 'x',
			    .data = "14 path=p/a/x\n17 mtime=-1.2500\n13 uid=70000\n29 "
				    "SCHILY.xattr.user.k=va=ue\n12 comment=\n"});
	add_raw(&b, (struct raw){.name = "short", .type = '0', .data = "pax"});
	add_raw(&b,
		(struct raw){
			.name = "hard", .type = '1', .link = "./p//a/x", .size = "00000000005"});
	add_raw(&b, (struct raw){.name = "/abs/../olute", .type = '6'});
	add_raw(&b, (struct raw){.name = "./", .type = '5'});
	add_end(&b);
	buf_add_str(&b, "what follows does not count");
	static const size_t steps[] = {1, 3, 511, 512, 513, 100000};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct seen s = {0};
		struct err e = ERR_INIT;
		assert_ok(read_tar(&b, steps[i], &s, &e), &e);
		assert_string_equal(buf_str(&s.text),
			"f plain 644 1:2 5 1000.000000000\n"
			"f v7 644 1:2 0 1000.000000000\n"
			"d v7dir 644 1:2 0 1000.000000000\n"
			"f a/prefix/name 644 1:2 0 1000.000000000\n"
			"f gnu 644 1:2 0 1000.000000000\n"
			"d big 644 70000:2 0 1000.000000000\n"
			"l long/name/here -> /a/long/target 644 1:2 0 1000.000000000\n"
			"f p/a/x 644 70000:2 3 -2.750000000 user.k=va=ue\n"
			"h hard -> p/a/x 644 1:2 0 1000.000000000\n"
			"p olute 644 1:2 0 1000.000000000\n"
			"d  644 1:2 0 1000.000000000\n");
		assert_string_equal(buf_str(&s.data), "hellopax");
		assert_int_equal(s.ends, 11);
		seen_release(&s);
	}
}

static void expect_refused(const struct buf *b, const char *words)
{
	struct seen s = {0};
	struct err e = ERR_INIT;
	int r = read_tar(b, 700, &s, &e);
	if (r >= 0)
		print_error("not refused: %s: %s\n", words, buf_str(&s.text));
	assert_true(r < 0);
	assert_contains(e.msg, words);
	seen_release(&s);
}

static void test_refuses(void **state)
{
	static const struct {
		struct raw raw;
		const char *words;
	} cases[] = {
		{{.name = "../etc/passwd", .type = '0'},
			"'../etc/passwd': path '../etc/passwd' leaves the root"},
		{{.name = "a/../../b", .type = '0'}, "leaves the root"},
		{{.name = "l", .type = '1', .link = "../../etc/shadow"},
			"hard link target: path '../../etc/shadow' leaves the root"},
		{{.name = "l", .type = '1'}, "link without a target"},
		{{.name = "l", .type = '2'}, "link without a target"},
		{{.name = "", .type = '0'}, "without a name"},
		{{.name = "//", .type = '2', .link = "x"}, "without a name"},
		{{.name = "s", .type = 'S'}, "sparse file (old GNU format)"},
		{{.name = "s", .type = 'D'}, "unknown entry type 0x44"},
		{{.name = "s", .type = '0', .size = "0000000000x"}, "bad size"},
		{{.name = "s",
			 .type = '0',
			 .size = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
			"bad size"},
		{{.name = "s", .type = '0', .size = "\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"},
			"file of 9223372036854775807 bytes"},
		{{.name = "s", .type = '0', .size = "\x80\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff"},
			"bad size"},
		{{.name = "x", .type = 'x', .size = "00040000000"}, "extended header of"},
		{{.name = "L", .type = 'L', .size = "00040000000"}, "extended header of"},
		{{.name = "x", .type = 'x', .data = "30 path=x\n"}, "malformed record"},
		{{.name = "x", .type = 'x', .data = "5 a=b"}, "malformed record"},
		{{.name = "x", .type = 'x', .data = "99999999999999999999 a=b\n"},
			"malformed record"},
		{{.name = "x", .type = 'x', .data = "0 a=b\n"}, "malformed record"},
		{{.name = "x", .type = 'x', .data = "5 ab\n"}, "without '='"},
		{{.name = "x", .type = 'x', .data = "22 GNU.sparse.major=1\n"},
			"sparse file (pax format"},
		{{.name = "x", .type = 'x', .data = "10 size=x\n"}, "bad number for 'size'"},
		{{.name = "x", .type = 'x', .data = "13 mtime=1.x\n"}, "bad time"},
		{{.name = "u", .type = '0', .uid = "\x80\1\0\0\0\0\0\0"}, "uid beyond 32 bits"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b cleanup_buf = BUF_INIT;
		add_raw(&b, cases[i].raw);
		add_raw(&b, (struct raw){.name = "after", .type = '0'});
		add_end(&b);
		expect_refused(&b, cases[i].words);
	}
}

static void test_long_names(void **state)
{
	char *component = mem_alloc(5000);
	memset(component, 'c', 4096);
	struct buf b cleanup_buf = BUF_INIT;
	add_raw(&b, (struct raw){.name = "L", .type = 'L', .data = component});
	add_raw(&b, (struct raw){.name = "x", .type = '0'});
	expect_refused(&b, "component longer than 255 bytes");
	buf_clear(&b);
	for (size_t i = 100; i < 4600; i += 101)
		component[i] = '/';
	memset(component + 4000, 'd', 90);
	component[4100] = 'e';
	add_raw(&b, (struct raw){.name = "L", .type = 'L', .data = component});
	add_raw(&b, (struct raw){.name = "x", .type = '0'});
	expect_refused(&b, "longer than 4096 bytes");
	free(component);
}

static void test_truncated_anywhere(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	add_raw(&b, (struct raw){.name = "one", .type = '0', .data = "data"});
	add_raw(&b, (struct raw){.name = "L", .type = 'L', .data = "longer"});
	add_raw(&b, (struct raw){.name = "two", .type = '0'});
	size_t whole = b.len;
	for (size_t len = 0; len <= whole; len++) {
		struct seen s = {0};
		struct err e = ERR_INIT;
		b.len = len;
		/* the stream may end between entries, but not behind a long name */
		bool fine = len == 0 || len == 1024 || len == whole;
		int r = read_tar(&b, 4096, &s, &e);
		assert_int_equal(r, fine ? 0 : -ERR_FORMAT);
		if (!fine)
			assert_contains(e.msg, "truncated");
		seen_release(&s);
	}
	b.len = whole;
}

static void test_corrupt(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	add_raw(&b, (struct raw){.name = "one", .type = '0', .data = "data"});
	b.data[3] ^= 1;
	expect_refused(&b, "not a tar header");
	b.data[3] ^= 1;
	static const char zeros[512];
	buf_add(&b, zeros, 512);
	add_raw(&b, (struct raw){.name = "after one zero block", .type = '0'});
	expect_refused(&b, "not a tar header");
	buf_clear(&b);
	buf_add_str(&b, "this is no archive at all, but there is enough of it for a block");
	while (b.len < 2000)
		buf_add_str(&b, ", and more");
	expect_refused(&b, "not a tar header");
}

/* What our writer makes, our reader and GNU tar read: names and numbers that need pax. */
static void test_round_trip(void **state)
{
	static const char name101[] = "n23456789-123456789-123456789-123456789-123456789-"
				      "123456789-123456789-123456789-123456789-123456789-1";
	char path[600];
	snprintf(path, sizeof(path), "%.90s/%.100s", name101, name101);
	const struct layer_xattr xattrs[] = {
		{"user.a", "1=\n2", 4}, {"security.capability", "cap", 3}};
	const struct layer_entry entries[] = {
		{.path = path, .mode = 0644, .mtime = 1},
		{.path = name101,
			.type = LAYER_DIR,
			.mode = 01777,
			.uid = 2097152,
			.gid = 4294967294U},
		{.path = "far", .mode = 0644, .mtime = 8589934592LL, .mtime_ns = 120000000},
		{.path = "before", .mode = 0644, .mtime = -2, .mtime_ns = 750000000},
		{.path = "link", .type = LAYER_SYMLINK, .mode = 0777, .linkname = path},
		{.path = "x", .mode = 06755, .xattrs = xattrs, .n_xattrs = 2},
		{.path = "", .type = LAYER_DIR, .mode = 0755},
	};
	struct buf b cleanup_buf = BUF_INIT;
	struct seen want = {0}, have = {0};
	struct err e = ERR_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		assert_ok(layer_tar_header(&b, &entries[i], LAYER_TAR_NANOSECONDS, &e), &e);
		see_entry(&want, &entries[i], NULL);
	}
	add_end(&b);
	assert_ok(read_tar(&b, 1000, &have, &e), &e);
	assert_string_equal(buf_str(&want.text), buf_str(&have.text));
	struct scratch s = scratch_new();
	assert_int_equal(io_write_all(s.tar_fd, b.data, b.len), 0);
	assert_int_equal(scratch_run(&s, "tar --numeric-owner -tvf $D/tar >$D/list 2>&1 && grep -q "
					 "'^drwxrwxrwt 2097152/4294967294' $D/list && grep -q "
					 "'link -> n2345' $D/list && test $(wc -l <$D/list) = 7"),
		0);
	scratch_free(&s);
	seen_release(&want);
	seen_release(&have);
}

/* Archives that GNU tar writes in all its formats */
static void test_gnu_tar_formats(void **state)
{
	static const char *const formats[] = {"v7", "oldgnu", "gnu", "ustar", "pax"};
	struct scratch s = scratch_new();
	assert_int_equal(scratch_run(&s, "mkdir -p $D/in/dir && echo text >$D/in/dir/file && ln "
					 "$D/in/dir/file $D/in/hard && ln -s dir/file $D/in/soft "
					 "&& touch -d @1234567 $D/in/dir/file"),
		0);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		char command[256];
		snprintf(command, sizeof(command),
			"tar --sort=name --format=%s --numeric-owner --owner=7 --group=8 -C $D/in "
			"-cf $D/out dir hard soft",
			formats[i]);
		assert_int_equal(scratch_run(&s, command), 0);
		struct buf b cleanup_buf = BUF_INIT;
		struct seen seen = {0};
		struct err e = ERR_INIT;
		assert_ok(file_read(s.fd, "out", &b, &e), &e);
		assert_ok(read_tar(&b, 1024, &seen, &e), &e);
		assert_contains(buf_str(&seen.text), "f dir/file 644 7:8 5 1234567.");
		assert_contains(buf_str(&seen.text), "h hard -> dir/file ");
		assert_contains(buf_str(&seen.text), "l soft -> dir/file ");
		assert_string_equal(buf_str(&seen.data), "text\n");
		seen_release(&seen);
	}
	scratch_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dialects),
		cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_truncated_anywhere),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_gnu_tar_formats),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
