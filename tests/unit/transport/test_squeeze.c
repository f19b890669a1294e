/* Compression as an upload's source: the same bytes whatever the threads and the pieces that are asked
 * for, and again from an earlier offset. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "layer/decompress.h"
#include "transport/squeeze_priv.h"

#include <fcntl.h>
#include <unistd.h>

#define SIZE (3 * 1024 * 1024 + 777)

static int make_tar(uint8_t *data)
{
	uint32_t x = 1;
	for (size_t i = 0; i < SIZE; i++) {
		x = x * 1664525 + 1013904223;
		data[i] = i % 3 ? (uint8_t)(x >> 28) : 0;
	}
	int fd = file_open_unnamed(AT_FDCWD, "/tmp", NULL);
	assert_true(fd >= 0);
	assert_int_equal(io_write_all(fd, data, SIZE), 0);
	return fd;
}

/* All bytes, asked for in pieces of `step`; goes back by `back` each megabyte. */
static void squeeze_all(const struct squeeze_options *o, size_t step, size_t back, struct buf *out)
{
	struct err e = ERR_INIT;
	struct squeeze *q cleanup_squeeze = squeeze_new(o);
	uint8_t *p cleanup_free = mem_alloc(step);
	uint64_t at = 0, next_back = 300000;
	for (;;) {
		ssize_t n = squeeze_read(q, at, p, step, &e);
		assert_ok((int)n, &e);
		if (n == 0)
			break;
		buf_truncate(out, at);
		buf_add(out, p, (size_t)n);
		at += (uint64_t)n;
		if (back && at > next_back) {
			at -= back;
			next_back += 1000000;
		}
	}
	char hex[SHA256_HEX];
	sha256_hex(out->data, out->len, hex);
	assert_string_equal(hex, squeeze_info(q)->digest);
	assert_int_equal(out->len, squeeze_info(q)->size);
}

static void same_bytes(void **state)
{
	uint8_t *data cleanup_free = mem_alloc(SIZE);
	int tar cleanup_fd = make_tar(data);
	static const enum layer_compression kinds[] = {LAYER_GZIP, LAYER_ZSTD};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct buf first cleanup_buf = BUF_INIT;
		struct squeeze_options o = {.tar = tar, .kind = kinds[k], .threads = 1};
		squeeze_all(&o, 65536, 0, &first);
		for (unsigned threads = 2; threads <= 5; threads++) {
			struct buf again cleanup_buf = BUF_INIT;
			o.threads = threads;
			squeeze_all(&o, 10007 * threads, threads % 2 ? 250000 : 0, &again);
			assert_int_equal(again.len, first.len);
			assert_memory_equal(again.data, first.data, first.len);
		}
		/* and they are what they should be */
		struct err e = ERR_INIT;
		struct layer_decompress *d cleanup_layer_decompress =
			layer_decompress_new(kinds[k], &e);
		uint8_t *plain cleanup_free = mem_alloc(SIZE + 1);
		const uint8_t *in = (const uint8_t *)first.data;
		size_t left = first.len, n = 0;
		while (left) {
			ssize_t r =
				layer_decompress_step(d, &in, &left, plain + n, SIZE + 1 - n, &e);
			assert_ok((int)r, &e);
			n += (size_t)r;
		}
		assert_int_equal(n, SIZE);
		assert_memory_equal(plain, data, SIZE);
	}
}

static void limits(void **state)
{
	uint8_t *data cleanup_free = mem_alloc(SIZE);
	int tar cleanup_fd = make_tar(data);
	struct buf z cleanup_buf = BUF_INIT;
	struct squeeze_options o = {.tar = tar, .kind = LAYER_ZSTD, .threads = 1, .level = 1};
	squeeze_all(&o, 65536, 0, &z);
	struct err e = ERR_INIT;
	struct layer_decompress *d cleanup_layer_decompress = layer_decompress_new(LAYER_ZSTD, &e);
	layer_decompress_limit(d, &(struct layer_limits){.size = 1000000});
	const uint8_t *in = (const uint8_t *)z.data;
	size_t left = z.len;
	ssize_t r = 0;
	while (left && r >= 0)
		r = layer_decompress_step(d, &in, &left, data, SIZE, &e);
	assert_int_equal(r, -ERR_LIMIT);
	assert_non_null(strstr(e.msg, "1000000"));
}

static int stop_at(void *ctx, uint64_t plain, struct err *e)
{
	return plain > 1000000 ? err_set(e, ERR_INTERRUPTED, "stopped") : 0;
}

static void gives_up(void **state)
{
	uint8_t *data cleanup_free = mem_alloc(SIZE);
	int tar cleanup_fd = make_tar(data);
	struct squeeze_options o = {.tar = tar, .kind = LAYER_GZIP, .threads = 2, .read = stop_at};
	struct squeeze *q cleanup_squeeze = squeeze_new(&o);
	struct err e = ERR_INIT;
	ssize_t n = 1;
	for (uint64_t at = 0; n > 0; at += (uint64_t)n)
		n = squeeze_read(q, at, data, 65536, &e);
	assert_int_equal(n, -ERR_INTERRUPTED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(same_bytes), cmocka_unit_test(limits), cmocka_unit_test(gives_up)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
