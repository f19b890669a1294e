/* The pipe of stages: every byte once and in order whatever the pieces are, failures, an early end. */
#include "helper.h"

#include "layer/pipe_priv.h"

#include <pthread.h>
#include <stdlib.h>

/* Byte number n of the stream */
static uint8_t byte_at(uint64_t n)
{
	return (uint8_t)((n * 0x9E3779B97F4A7C15ULL) >> 56);
}

/* A stage that checks what it sees */
struct seen {
	uint64_t n;
	size_t largest;
	uint64_t fail_at; /* 0: never */
	struct layer_pipe *next;
	bool wrong;
};

static int check(void *ctx, const void *p, size_t len, struct err *e)
{
	struct seen *s = ctx;
	const uint8_t *c = p;
	s->wrong |= len == 0 || s->n % PIPE_GRAIN != 0 || len > PIPE_STEP;
	for (size_t i = 0; i < len; i++)
		s->wrong |= c[i] != byte_at(s->n + i);
	s->n += len;
	s->largest = MAX(s->largest, len);
	if (s->fail_at && s->n > s->fail_at)
		return err_set(e, EIO, "had enough at %llu", (unsigned long long)s->n);
	return s->next ? layer_pipe_put(s->next, p, len, e) : 0;
}

/* Fills in pieces of up to `most` bytes, now by put, now by room. Returns what has gone in. */
static uint64_t feed(struct layer_pipe *p, uint64_t size, size_t most, struct err *e)
{
	uint8_t *piece cleanup_free = mem_alloc(most);
	uint64_t at = 0;
	for (unsigned round = 1; at < size; round++) {
		size_t n = (size_t)rand() % most + 1;
		n = (size_t)MIN(size - at, (uint64_t)n);
		void *room = piece;
		if (round % 3 == 0) {
			size_t have;
			if (layer_pipe_room(p, &room, &have, e) < 0)
				return at;
			assert_true(have > 0 && have <= PIPE_STEP);
			n = MIN(n, have);
		}
		for (size_t i = 0; i < n; i++)
			((uint8_t *)room)[i] = byte_at(at + i);
		if (room != piece)
			layer_pipe_filled(p, n);
		else if (layer_pipe_put(p, piece, n, e) < 0)
			return at;
		at += n;
	}
	return at;
}

static void test_order(void **state)
{
	static const uint64_t sizes[] = {0, 1, PIPE_GRAIN, PIPE_ALONE - 1, PIPE_ALONE,
		PIPE_ALONE + 1, 5 * PIPE_ALONE, 9 * PIPE_ALONE + 17};
	static const size_t depths[] = {1, 3, 8}, mosts[] = {100000, 700000};
	for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(depths) * ARRAY_SIZE(mosts); i++) {
		uint64_t size = sizes[i % ARRAY_SIZE(sizes)];
		size_t depth = depths[i / ARRAY_SIZE(sizes) % ARRAY_SIZE(depths)];
		struct err e = ERR_INIT;
		struct seen last = {0}, a = {0}, b = {0};
		const struct pipe_stage end[] = {{check, &last}};
		struct layer_pipe *second cleanup_layer_pipe =
			layer_pipe_new(end, 1, depth * PIPE_ALONE);
		a.next = second;
		const struct pipe_stage stages[] = {{check, &a}, {check, &b}};
		struct layer_pipe *first cleanup_layer_pipe =
			layer_pipe_new(stages, 2, depth * PIPE_ALONE);
		assert_int_equal(feed(first, size, mosts[i % ARRAY_SIZE(mosts)], &e), size);
		assert_ok(layer_pipe_close(first, &e), &e);
		assert_ok(layer_pipe_wait(first, &e), &e);
		assert_ok(layer_pipe_close(second, &e), &e);
		assert_ok(layer_pipe_wait(second, &e), &e);
		assert_int_equal(a.n, size);
		assert_int_equal(b.n, size);
		assert_int_equal(last.n, size);
		assert_false(a.wrong || b.wrong || last.wrong);
	}
}

/* A stage's words reach the producer, soon and again at the end. */
static void test_failure(void **state)
{
	struct err e = ERR_INIT, again = ERR_INIT;
	struct seen bad = {.fail_at = 3 * PIPE_ALONE}, good = {0};
	const struct pipe_stage stages[] = {{check, &good}, {check, &bad}};
	struct layer_pipe *p cleanup_layer_pipe = layer_pipe_new(stages, 2, 3 * PIPE_ALONE);
	assert_true(feed(p, 100 * PIPE_ALONE, 300000, &e) < 10 * PIPE_ALONE);
	assert_int_equal(e.code, EIO);
	assert_contains(e.msg, "had enough at");
	assert_int_equal(layer_pipe_close(p, &again), -EIO);
	assert_contains(again.msg, "had enough at");
	assert_int_equal(layer_pipe_wait(p, NULL), -EIO);
	assert_false(bad.wrong || good.wrong);
}

struct stuck {
	pthread_mutex_t gate;
};

static int block(void *ctx, const void *p, size_t len, struct err *e)
{
	struct stuck *s = ctx;
	pthread_mutex_lock(&s->gate);
	pthread_mutex_unlock(&s->gate);
	return 0;
}

static void *stop_it(void *arg)
{
	layer_pipe_stop(arg);
	return NULL;
}

/* A producer that waits for room is let go by a stop from another thread. */
static void test_stop(void **state)
{
	struct err e = ERR_INIT;
	struct stuck s = {PTHREAD_MUTEX_INITIALIZER};
	const struct pipe_stage stages[] = {{block, &s}};
	struct layer_pipe *p = layer_pipe_new(stages, 1, 2 * PIPE_ALONE);
	pthread_t t;
	pthread_mutex_lock(&s.gate);
	assert_int_equal(feed(p, 2 * PIPE_ALONE, PIPE_ALONE, &e), 2 * PIPE_ALONE);
	assert_int_equal(pthread_create(&t, NULL, stop_it, p), 0);
	assert_true(feed(p, 2 * PIPE_ALONE, PIPE_ALONE, &e) < 2 * PIPE_ALONE);
	assert_int_equal(e.code, ERR_INTERRUPTED);
	pthread_join(t, NULL);
	pthread_mutex_unlock(&s.gate);
	layer_pipe_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_failure),
		cmocka_unit_test(test_stop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
