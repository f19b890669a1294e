/* base/direct: the same bytes whatever the pieces, and past the page cache where that is possible */
#include "base/direct.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

enum { TOTAL = DIRECT_FROM + (6 << 20) + 1234 };

static uint8_t *bytes; /* TOTAL of them, page aligned */

static int setup(void **state)
{
	bytes = mmap(NULL, TOTAL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint32_t seed = 7;
	for (size_t i = 0; i < TOTAL; i++) {
		seed = seed * 1664525 + 1013904223;
		bytes[i] = (uint8_t)(seed >> 24);
	}
	return bytes == MAP_FAILED;
}

static int make(const char *dir)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/kist-direct.XXXXXX", dir);
	int fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

static void check_content(int fd)
{
	assert_int_equal(fcntl(fd, F_GETFL) & O_DIRECT, 0);
	assert_int_equal(lseek(fd, 0, SEEK_END), TOTAL);
	uint8_t *have = mmap(NULL, TOTAL, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(have != MAP_FAILED);
	assert_memory_equal(have, bytes, TOTAL);
	munmap(have, TOTAL);
}

/* How many pages of the file's direct part the page cache has */
static size_t cached_pages(int fd)
{
	static unsigned char in[TOTAL / DIRECT_BLOCK + 1];
	uint8_t *map = mmap(NULL, TOTAL, PROT_READ, MAP_SHARED, fd, 0);
	assert_true(map != MAP_FAILED);
	assert_int_equal(mincore(map, TOTAL, in), 0);
	size_t n = 0;
	for (size_t i = DIRECT_FROM / DIRECT_BLOCK + 1; i < TOTAL / DIRECT_BLOCK; i++)
		n += in[i] & 1;
	munmap(map, TOTAL);
	return n;
}

static void write_in(int fd, size_t piece, bool *ret_refused)
{
	struct direct_file d = DIRECT_FILE_INIT(fd);
	for (size_t at = 0; at < TOTAL;) {
		size_t n = MIN(piece, TOTAL - at);
		assert_int_equal(direct_write(&d, bytes + at, n, at), 0);
		at += n;
	}
	direct_end(&d);
	*ret_refused = d.refused;
}

static void test_whole_pieces(void **state)
{
	int fd = make(".");
	bool refused;
	write_in(fd, 256 * 1024, &refused);
	if (!refused)
		assert_true(cached_pages(fd) <= 1); /* the last, which is no whole block */
	check_content(fd);
	close(fd);
}

static void test_odd_pieces(void **state)
{
	static const size_t sizes[] = {100003, DIRECT_BLOCK - 1, TOTAL};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = make(".");
		bool refused;
		write_in(fd, sizes[i], &refused);
		check_content(fd);
		close(fd);
	}
}

/* Without direct I/O, or (Linux 6.6) with it in name only */
static void test_tmpfs(void **state)
{
	int fd = make("/dev/shm");
	bool refused;
	write_in(fd, 256 * 1024, &refused);
	check_content(fd);
	close(fd);
}

/* Going on behind what an earlier process left, in memory that has another place in its block */
static void test_resumed(void **state)
{
	static const size_t left[] = {DIRECT_FROM + 4097, 11, DIRECT_FROM - 1};
	for (size_t i = 0; i < ARRAY_SIZE(left); i++) {
		int fd = make(".");
		assert_int_equal(pwrite(fd, bytes, left[i], 0), left[i]);
		struct direct_file d = DIRECT_FILE_INIT(fd);
		uint8_t *copy = malloc(TOTAL);
		memcpy(copy + 16, bytes + left[i], TOTAL - left[i] - 16);
		size_t half = (TOTAL - left[i]) / 2;
		assert_int_equal(direct_write(&d, copy + 16, half, left[i]), 0);
		assert_int_equal(direct_write(&d, bytes + left[i] + half, TOTAL - left[i] - half,
					 left[i] + half),
			0);
		direct_end(&d);
		check_content(fd);
		free(copy);
		close(fd);
	}
}

static void test_failure(void **state)
{
	int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
	struct direct_file d = DIRECT_FILE_INIT(fd);
	assert_int_equal(direct_write(&d, bytes, 4096, 0), -ENOSPC);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_pieces),
		cmocka_unit_test(test_odd_pieces),
		cmocka_unit_test(test_tmpfs),
		cmocka_unit_test(test_resumed),
		cmocka_unit_test(test_failure),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
