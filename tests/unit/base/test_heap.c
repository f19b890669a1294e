/* base/heap: what malloc(3) promises, and that what is freed is used again */
#include "base/heap.h"
#include "base/defs.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void test_sizes(void **state)
{
	static const size_t sizes[] = {0, 1, 15, 16, 17, 1023, 1024, 1025, 1280, 1281, 2048, 2049,
		65536, 65537, HEAP_LARGE - 1, HEAP_LARGE, HEAP_LARGE + 1, 3 * HEAP_LARGE};
	unsigned char *blocks[ARRAY_SIZE(sizes)];
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		blocks[i] = heap_alloc(sizes[i]);
		assert_non_null(blocks[i]);
		assert_int_equal((uintptr_t)blocks[i] % 16, 0);
		memset(blocks[i], (int)i + 1, sizes[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < sizes[i]; j++)
			assert_int_equal(blocks[i][j], i + 1);
		heap_free(blocks[i]);
	}
	heap_free(NULL);
}

static void test_used_again(void **state)
{
	for (size_t size = 1; size <= HEAP_LARGE; size += size / 3 + 1) {
		void *a = heap_alloc(size);
		heap_free(a);
		void *b = heap_alloc(size);
		assert_ptr_equal(a, b);
		heap_free(b);
	}
}

static void test_zero(void **state)
{
	for (size_t size = 1; size <= (size_t)2 * HEAP_LARGE; size *= 2) {
		unsigned char *p = heap_alloc(size);
		memset(p, 0xff, size);
		heap_free(p);
		p = heap_zalloc(size, 1);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], 0);
		heap_free(p);
	}
	errno = 0;
	assert_null(heap_zalloc(SIZE_MAX / 2, 3));
	assert_int_equal(errno, ENOMEM);
	errno = 0;
	assert_null(heap_alloc(SIZE_MAX - 4));
	assert_int_equal(errno, ENOMEM);
}

static void test_grow(void **state)
{
	unsigned char *p = heap_realloc(NULL, 1);
	p[0] = 0;
	size_t size = 1;
	while (size < (size_t)4 * HEAP_LARGE) {
		size_t more = size + size / 2 + 1;
		p = heap_realloc(p, more);
		assert_non_null(p);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(p[i], (unsigned char)(i * 7));
		for (size_t i = size; i < more; i++)
			p[i] = (unsigned char)(i * 7);
		size = more;
	}
	p = heap_realloc(p, 100);
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(p[i], (unsigned char)(i * 7));
	heap_free(p);
}

/* Blocks of all sizes, taken and freed in no order, never overlap. */
static void test_mixed(void **state)
{
	enum { SLOTS = 200, TURNS = 20000 };
	static struct {
		unsigned char *p;
		size_t size;
	} slot[SLOTS];
	uint32_t seed = 1;
	for (int turn = 0; turn < TURNS; turn++) {
		seed = seed * 1664525 + 1013904223;
		size_t i = (seed >> 8) % SLOTS;
		for (size_t j = 0; j < slot[i].size; j += 97)
			assert_int_equal(slot[i].p[j], (unsigned char)i);
		heap_free(slot[i].p);
		slot[i].size = ((seed >> 16) % 16 ? 600 : 40000) * (size_t)(seed >> 20) >> 12;
		slot[i].p = heap_alloc(slot[i].size);
		memset(slot[i].p, (int)i, slot[i].size);
	}
	for (size_t i = 0; i < SLOTS; i++)
		heap_free(slot[i].p);
}

static void test_twice(void **state)
{
	pid_t pid = fork();
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		void *p = heap_alloc(10);
		heap_free(p);
		heap_free(p);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_used_again),
		cmocka_unit_test(test_zero),
		cmocka_unit_test(test_grow),
		cmocka_unit_test(test_mixed),
		cmocka_unit_test(test_twice),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
