/* Layers from outside: every packing, digests, truncation, damage, bombs, compression on the way
 * out, archives for ADD. */
#include "helper.h"

#include "base/limits.h"
#include "base/sha256.h"
#include "layer/archive.h"
#include "layer/compress.h"
#include "layer/ingest.h"
#include "layer/tree.h"

static const char *const packers[] = {
	"cat", "gzip -c", "gzip -9c", "zstd -qc", "zstd -q --long=27 -9 -c", "bzip2 -c", "xz -c"};

/* A tar with some megabytes that pack well and badly, in $D/src.tar */
static void make_source(struct scratch *s)
{
	assert_int_equal(
		scratch_run(s,
			"mkdir -p $D/in/a && head -c 700000 /dev/urandom >$D/in/a/noise && "
			"head -c 1000000 /dev/zero >$D/in/a/zeros && seq 60000 >$D/in/numbers && "
			"tar -C $D/in -cf $D/src.tar ."),
		0);
}

static int open_in(struct scratch *s, const char *name)
{
	int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	return fd;
}

static int ingest(struct scratch *s, const char *name, const struct layer_ingest_options *opt,
	struct layer_ingest_info *info, struct err *e)
{
	cleanup_fd int in = open_in(s, name);
	assert_int_equal(ftruncate(s->tar_fd, 0), 0);
	assert_int_equal(ftruncate(s->index_fd, 0), 0);
	assert_int_equal(lseek(s->tar_fd, 0, SEEK_SET), 0);
	return layer_ingest_fd(in, UINT64_MAX, s->tar_fd, s->index_fd, opt, info, e);
}

static void hash_file(struct scratch *s, const char *name, char out[SHA256_HEX])
{
	struct buf b cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(file_read(s->fd, name, &b, &e), &e);
	sha256_hex(buf_str(&b), b.len, out);
}

static void test_every_packing(void **state)
{
	struct scratch s = scratch_new();
	char diffid[SHA256_HEX], blob[SHA256_HEX], command[256];
	make_source(&s);
	hash_file(&s, "src.tar", diffid);
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		struct err e = ERR_INIT;
		struct layer_ingest_info info;
		snprintf(command, sizeof(command), "%s <$D/src.tar >$D/packed", packers[i]);
		assert_int_equal(scratch_run(&s, command), 0);
		hash_file(&s, "packed", blob);
		struct layer_ingest_options opt = {.blob_digest = blob, .diffid = diffid};
		assert_ok(ingest(&s, "packed", &opt, &info, &e), &e);
		assert_string_equal(info.layer.diffid, diffid);
		assert_string_equal(info.blob_digest, blob);
		assert_int_equal(info.layer.entries, 5);
		assert_int_equal(scratch_run(&s, "cmp $D/src.tar $D/tar"), 0);
		if (scratch_mount(&s)) {
			assert_int_equal(scratch_run(&s, "diff -r $D/in $D/mnt"), 0);
			scratch_unmount(&s);
		}
	}
	scratch_free(&s);
}

/* Two gzip members, padding behind; two zstd frames with a skippable one between them */
static void test_several_members(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct layer_ingest_info info;
	make_source(&s);
	assert_int_equal(scratch_run(&s, "(head -c 900000 $D/src.tar | gzip; tail -c +900001 "
					 "$D/src.tar | gzip; head -c 700 /dev/zero) >$D/packed"),
		0);
	assert_ok(ingest(&s, "packed", NULL, &info, &e), &e);
	assert_int_equal(scratch_run(&s, "cmp $D/src.tar $D/tar"), 0);
	assert_int_equal(scratch_run(&s, "(head -c 900000 $D/src.tar | zstd; printf "
					 "'\\120\\052\\115\\030\\003\\0\\0\\0abc'; tail -c "
					 "+900001 $D/src.tar | zstd) >$D/packed"),
		0);
	assert_ok(ingest(&s, "packed", NULL, &info, &e), &e);
	assert_int_equal(scratch_run(&s, "cmp $D/src.tar $D/tar"), 0);
	assert_int_equal(scratch_run(&s, "(gzip -c $D/src.tar; echo rubbish) >$D/packed"), 0);
	assert_int_equal(ingest(&s, "packed", NULL, &info, &e), -ERR_FORMAT);
	assert_contains(e.msg, "rubbish behind the gzip data");
	scratch_free(&s);
}

/* Cut off at many places and with a byte changed: always an error, with words. */
static void test_truncated_and_damaged(void **state)
{
	struct scratch s = scratch_new();
	char command[300];
	make_source(&s);
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		struct layer_ingest_info info;
		struct stat st;
		snprintf(command, sizeof(command), "%s <$D/src.tar >$D/packed", packers[i]);
		assert_int_equal(scratch_run(&s, command), 0);
		assert_int_equal(fstatat(s.fd, "packed", &st, 0), 0);
		static const int parts[] = {0, 1, 300, 700, 999};
		for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
			struct err e = ERR_INIT;
			long long size = st.st_size * parts[k] / 1000 + 3;
			snprintf(command, sizeof(command), "head -c %lld $D/packed >$D/cut", size);
			assert_int_equal(scratch_run(&s, command), 0);
			int r = ingest(&s, "cut", NULL, &info, &e);
			/* a tar that ends between entries is whole as far as one can see */
			if (i == 0 && r == 0)
				continue;
			assert_int_equal(r, -ERR_FORMAT);
			struct layer_ingest_options opt = {.blob_size = (uint64_t)st.st_size};
			err_clear(&e);
			assert_true(ingest(&s, "cut", &opt, &info, &e) < 0);
		}
		if (i == 0)
			continue;
		snprintf(command, sizeof(command),
			"cp $D/packed $D/bad; printf '\\377\\0\\377\\0' | dd of=$D/bad bs=1 "
			"seek=%lld conv=notrunc 2>/dev/null",
			(long long)st.st_size / 2);
		assert_int_equal(scratch_run(&s, command), 0);
		struct err e = ERR_INIT;
		int r = ingest(&s, "bad", NULL, &info, &e);
		if (r >= 0)
			print_error("%s: damage not seen\n", packers[i]);
		assert_int_equal(r, -ERR_FORMAT);
	}
	scratch_free(&s);
}

static void test_digests(void **state)
{
	struct scratch s = scratch_new();
	struct layer_ingest_info info;
	char wrong[SHA256_HEX];
	sha256_hex("x", 1, wrong);
	assert_int_equal(
		scratch_run(&s,
			"echo hi >$D/f; tar -C $D -cf $D/src.tar f; gzip -c $D/src.tar >$D/packed"),
		0);
	struct err e = ERR_INIT;
	struct layer_ingest_options opt = {.blob_digest = wrong};
	assert_int_equal(ingest(&s, "packed", &opt, &info, &e), -ERR_DIGEST);
	assert_contains(e.msg, "the layer's digest is sha256:");
	assert_contains(e.msg, wrong);
	err_clear(&e);
	opt = (struct layer_ingest_options){.diffid = wrong};
	assert_int_equal(ingest(&s, "packed", &opt, &info, &e), -ERR_DIGEST);
	assert_contains(e.msg, "content (diffID)");
	err_clear(&e);
	opt = (struct layer_ingest_options){.blob_size = 5};
	assert_int_equal(ingest(&s, "packed", &opt, &info, &e), -ERR_DIGEST);
	assert_contains(e.msg, "more than the 5 bytes");
	err_clear(&e);
	opt = (struct layer_ingest_options){.blob_size = 5000000};
	assert_int_equal(ingest(&s, "packed", &opt, &info, &e), -ERR_DIGEST);
	assert_contains(e.msg, "instead of 5000000: it is truncated");
	err_clear(&e);
	cleanup_fd int in = open_in(&s, "packed");
	assert_int_equal(layer_ingest_fd(in, 1000000, -1, -1, NULL, &info, &e), -ERR_FORMAT);
	assert_contains(e.msg, "bytes too early");
	scratch_free(&s);
}

/* 10 GB of zeros in about 10 kB, two ways */
static void test_bombs(void **state)
{
	static const char *const bombs[] = {
		"head -c 100M /dev/zero | bzip2 -c >$D/one; cat $D/one $D/one $D/one >$D/packed",
		"head -c 200M /dev/zero | zstd -qc >$D/packed",
	};
	struct scratch s = scratch_new();
	/* a ratio that is asked for counts early: less to unpack */
	const struct layer_ingest_options opt = {.limits.ratio = 2000};
	for (size_t i = 0; i < ARRAY_SIZE(bombs); i++) {
		struct err e = ERR_INIT;
		struct layer_ingest_info info;
		assert_int_equal(scratch_run(&s, bombs[i]), 0);
		assert_int_equal(ingest(&s, "packed", &opt, &info, &e), -ERR_LIMIT);
		assert_contains(e.msg, "decompression bomb");
		struct stat st;
		assert_int_equal(fstat(s.tar_fd, &st), 0);
		assert_true(st.st_size < 300 << 20);
	}
	scratch_free(&s);
}

/* Zeros that somebody means: up to a size the ratio does not count, and then it does. */
static void test_zeros(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	assert_int_equal(scratch_run(&s, "head -c 1100M /dev/zero | zstd -qc >$D/packed"), 0);
	struct buf b cleanup_buf = BUF_INIT;
	assert_ok(file_read(s.fd, "packed", &b, &e), &e);
	struct layer_decompress *d cleanup_layer_decompress = layer_decompress_new(LAYER_ZSTD, &e);
	const uint8_t *in = (const uint8_t *)b.data;
	const size_t size = 1024 * 1024;
	uint8_t *out cleanup_free = mem_alloc(size);
	uint64_t sum = 0;
	ssize_t n = 1;
	for (size_t left = b.len; n > 0 || (n == 0 && left); sum += n > 0 ? (uint64_t)n : 0)
		n = layer_decompress_step(d, &in, &left, out, size, &e);
	assert_int_equal(n, -ERR_LIMIT);
	assert_contains(e.msg, "decompression bomb");
	assert_in_range(sum, LIMIT_EXPAND_FREE - size, LIMIT_EXPAND_FREE);
	scratch_free(&s);
}

static int keep(void *ctx, const void *p, size_t len, struct err *e)
{
	return buf_add(ctx, p, len) < 0 ? err_set(e, ENOSPC, "no room for them") : 0;
}

/* Pushes the first len bytes of b in pieces. */
static int push_some(struct layer_ingest *g, const struct buf *b, size_t len, struct err *e)
{
	int r = 0;
	for (size_t at = 0; at < len && r >= 0; at += 10007)
		r = layer_ingest_push(g, b->data + at, MIN(len - at, (size_t)10007), e);
	return r;
}

/* Whoever keeps the bytes as they come gets all of them, also when they end early, and none after a
 * stop. */
static void test_kept(void **state)
{
	struct scratch s = scratch_new();
	char command[256];
	make_source(&s);
	for (size_t i = 0; i < 4 * ARRAY_SIZE(packers); i++) {
		struct err e = ERR_INIT;
		struct buf packed cleanup_buf = BUF_INIT, kept cleanup_buf = BUF_INIT;
		struct layer_ingest_info info;
		snprintf(command, sizeof(command), "%s <$D/src.tar >$D/packed", packers[i / 4]);
		assert_int_equal(scratch_run(&s, command), 0);
		assert_ok(file_read(s.fd, "packed", &packed, &e), &e);
		struct layer_ingest_options opt = {.keep = keep, .keep_arg = &kept};
		opt.skip_blob_hash = i % 2;
		struct layer_ingest *g cleanup_layer_ingest = layer_ingest_new(-1, -1, &opt);
		const size_t lengths[] = {packed.len, 3, packed.len / 3, packed.len - 1};
		size_t len = lengths[i % 4];
		assert_ok(push_some(g, &packed, len, &e), &e);
		if (len == packed.len)
			assert_ok(layer_ingest_finish(g, &info, &e), &e);
		else
			layer_ingest_stop(g);
		assert_int_equal(kept.len, len);
		assert_memory_equal(kept.data, packed.data, len);
	}
	scratch_free(&s);
}

static void test_keeping_fails(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct buf packed cleanup_buf = BUF_INIT, kept cleanup_buf = BUF_INIT;
	struct layer_ingest_info info;
	make_source(&s);
	assert_int_equal(scratch_run(&s, "gzip -c <$D/src.tar >$D/packed"), 0);
	assert_ok(file_read(s.fd, "packed", &packed, &e), &e);
	kept.max = 100;
	struct layer_ingest_options opt = {.keep = keep, .keep_arg = &kept};
	struct layer_ingest *g cleanup_layer_ingest = layer_ingest_new(-1, -1, &opt);
	int r = push_some(g, &packed, packed.len, &e);
	if (r >= 0)
		r = layer_ingest_finish(g, &info, &e);
	assert_int_equal(r, -ENOSPC);
	assert_contains(e.msg, "no room for them");
	layer_ingest_stop(g);
	scratch_free(&s);
}

static void test_not_a_layer(void **state)
{
	static const char *const inputs[] = {"", "x", "{\"json\": true}\n",
		"this text is longer than one block of a tar, at least when it comes many times\n"};
	struct scratch s = scratch_new();
	for (size_t i = 0; i < ARRAY_SIZE(inputs); i++) {
		struct err e = ERR_INIT;
		struct layer_ingest_info info;
		struct layer_ingest *g = layer_ingest_new(s.tar_fd, s.index_fd, NULL);
		int r = 0;
		for (int k = 0; r == 0 && k < (i == 3 ? 100 : 1); k++)
			r = layer_ingest_push(g, inputs[i], strlen(inputs[i]), &e);
		if (r == 0)
			r = layer_ingest_finish(g, &info, &e);
		layer_ingest_free(g);
		assert_int_equal(r, i == 0 ? 0 : -ERR_FORMAT); /* no bytes: an empty layer */
	}
	scratch_free(&s);
}

/* A reader that gives up half way leaves no thread waiting. */
static void test_abandoned(void **state)
{
	struct scratch s = scratch_new();
	make_source(&s);
	assert_int_equal(scratch_run(&s, "gzip -1c $D/src.tar >$D/packed"), 0);
	struct buf b cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(file_read(s.fd, "packed", &b, &e), &e);
	for (size_t part = 1; part <= 4; part++) {
		struct layer_ingest *g = layer_ingest_new(s.tar_fd, s.index_fd, NULL);
		assert_ok(layer_ingest_push(g, b.data, b.len * part / 4, &e), &e);
		layer_ingest_free(g);
	}
	scratch_free(&s);
}

static void test_full_disk(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct layer_ingest_info info;
	make_source(&s);
	assert_int_equal(scratch_run(&s, "gzip -1c $D/src.tar >$D/packed"), 0);
	cleanup_fd int in = open_in(&s, "packed");
	cleanup_fd int full = open("/dev/full", O_WRONLY);
	assert_int_equal(
		layer_ingest_fd(in, UINT64_MAX, full, s.index_fd, NULL, &info, &e), -ENOSPC);
	assert_contains(e.msg, "write the layer");
	scratch_free(&s);
}

/* What we compress, others read; the pieces in which it comes change nothing. */
static void test_compress(void **state)
{
	static const struct {
		enum layer_compression c;
		const char *unpack;
	} kinds[] = {{LAYER_PLAIN, "cat"}, {LAYER_GZIP, "gzip -dc"}, {LAYER_ZSTD, "zstd -dc"}};
	static const char *const sources[] = {"src.tar", "empty", "small"};
	struct scratch s = scratch_new();
	make_source(&s);
	assert_int_equal(scratch_run(&s, ": >$D/empty; echo hello >$D/small"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(kinds) * ARRAY_SIZE(sources); i++) {
		struct err e = ERR_INIT;
		struct layer_compress_info a, b;
		struct buf in cleanup_buf = BUF_INIT, out cleanup_buf = BUF_INIT,
			      again cleanup_buf = BUF_INIT;
		const char *source = sources[i % 3];
		enum layer_compression c = kinds[i / 3].c;
		char hex[SHA256_HEX], command[128];
		assert_ok(file_read(s.fd, source, &in, &e), &e);
		cleanup_fd int fd = open_in(&s, source);
		assert_ok(layer_compress_fd(fd, c, keep, &out, &a, &e), &e);
		struct layer_compress *z = layer_compress_new(c, keep, &again, &e);
		for (size_t at = 0; at < in.len; at += 77777)
			assert_ok(layer_compress_push(z, in.data + at, MIN(77777, in.len - at), &e),
				&e);
		assert_ok(layer_compress_finish(z, &b, &e), &e);
		layer_compress_free(z);
		assert_int_equal(out.len, again.len);
		assert_true(out.len == 0 || memcmp(out.data, again.data, out.len) == 0);
		sha256_hex(buf_str(&out), out.len, hex);
		assert_string_equal(a.digest, hex);
		assert_string_equal(b.digest, hex);
		sha256_hex(buf_str(&in), in.len, hex);
		assert_string_equal(a.diffid, hex);
		assert_int_equal(a.plain_size, in.len);
		assert_int_equal(a.size, out.len);
		cleanup_fd int to = openat(s.fd, "out", O_WRONLY | O_CREAT | O_TRUNC, 0644);
		assert_int_equal(io_write_all(to, buf_str(&out), out.len), 0);
		snprintf(command, sizeof(command), "%s <$D/out | cmp - $D/%s", kinds[i / 3].unpack,
			source);
		assert_int_equal(scratch_run(&s, command), 0);
	}
	struct err e = ERR_INIT;
	assert_null(layer_compress_new(LAYER_XZ, keep, NULL, &e));
	scratch_free(&s);
}

static int refuse(void *ctx, const void *p, size_t len, struct err *e)
{
	return err_set(e, EPIPE, "nobody reads");
}

static void test_compress_stops(void **state)
{
	struct scratch s = scratch_new();
	struct err e = ERR_INIT;
	struct layer_compress_info info;
	make_source(&s);
	cleanup_fd int fd = open_in(&s, "src.tar");
	assert_int_equal(layer_compress_fd(fd, LAYER_GZIP, refuse, NULL, &info, &e), -EPIPE);
	assert_string_equal(e.msg, "nobody reads");
	scratch_free(&s);
}

static int count_entry(void *ctx, const struct layer_entry *entry, struct err *e)
{
	++*(int *)ctx;
	return 0;
}

static void test_archives(void **state)
{
	const struct layer_tar_ops ops = {.entry = count_entry};
	struct scratch s = scratch_new();
	char command[256];
	make_source(&s);
	for (size_t i = 0; i < ARRAY_SIZE(packers); i++) {
		struct err e = ERR_INIT;
		enum layer_compression c;
		int entries = 0;
		snprintf(command, sizeof(command), "%s <$D/src.tar >$D/packed", packers[i]);
		assert_int_equal(scratch_run(&s, command), 0);
		cleanup_fd int fd = open_in(&s, "packed");
		assert_int_equal(layer_archive_sniff(fd, &c, &e), 1);
		assert_int_equal(lseek(fd, 0, SEEK_CUR), 0);
		assert_ok(layer_archive_read(fd, &ops, &entries, &e), &e);
		assert_int_equal(entries, 5);
		/* the same packing around something that is no tar */
		snprintf(command, sizeof(command), "%s <$D/in/numbers >$D/packed", packers[i]);
		assert_int_equal(scratch_run(&s, command), 0);
		cleanup_fd int no = open_in(&s, "packed");
		assert_int_equal(layer_archive_sniff(no, &c, &e), 0);
	}
	static const char *const others[] = {": >$D/o", "echo BZh >$D/o",
		"printf '\\037\\213\\010' >$D/o", "head -c 10240 /dev/zero >$D/o"};
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		struct err e = ERR_INIT;
		enum layer_compression c;
		assert_int_equal(scratch_run(&s, others[i]), 0);
		cleanup_fd int fd = open_in(&s, "o");
		assert_int_equal(layer_archive_sniff(fd, &c, &e), 0);
	}
	scratch_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_packing),
		cmocka_unit_test(test_several_members),
		cmocka_unit_test(test_truncated_and_damaged),
		cmocka_unit_test(test_digests),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_zeros),
		cmocka_unit_test(test_kept),
		cmocka_unit_test(test_keeping_fails),
		cmocka_unit_test(test_not_a_layer),
		cmocka_unit_test(test_abandoned),
		cmocka_unit_test(test_full_disk),
		cmocka_unit_test(test_compress),
		cmocka_unit_test(test_compress_stops),
		cmocka_unit_test(test_archives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
