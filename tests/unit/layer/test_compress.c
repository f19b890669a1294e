/* Compressed layers: the same bytes wherever the compressor's memory lies. */
#include "helper.h"

#include "layer/compress.h"

static int keep(void *ctx, const void *p, size_t len, struct err *e)
{
	buf_add(ctx, p, len);
	return 0;
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/*
 * What a layer begins with comes once more, and nothing else does. Whether igzip finds it again hung
 * on the address of its stream: for one of 512 beginnings of this length it did not.
 */
static void begin_again(uint8_t *p, size_t len, uint64_t *seed)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)('a' + (random_next(seed) >> 32) % 26);
	memcpy(p + 100, p, 4);
}

static void test_any_address(void **state)
{
	uint64_t seed = 88172645463325252;
	unsigned differ = 0;
	for (int i = 0; i < 4000; i++) {
		struct err e = ERR_INIT;
		struct layer_compress_info info;
		struct layer_compress *z[2];
		struct buf out[2] = {BUF_INIT, BUF_INIT};
		uint8_t in[400];
		begin_again(in, sizeof(in), &seed);
		for (int k = 0; k < 2; k++) /* both there: two addresses */
			z[k] = layer_compress_new(LAYER_GZIP, keep, &out[k], &e);
		for (int k = 0; k < 2; k++) {
			assert_ok(layer_compress_push(z[k], in, sizeof(in), &e), &e);
			assert_ok(layer_compress_finish(z[k], &info, &e), &e);
		}
		differ += out[0].len != out[1].len ||
			  memcmp(out[0].data, out[1].data, out[0].len) != 0;
		for (int k = 0; k < 2; k++) {
			layer_compress_free(z[k]);
			buf_release(&out[k]);
		}
	}
	assert_int_equal(differ, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_address),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
