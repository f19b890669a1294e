/* The client on a bad day: everything either completes with the right bytes or says why, and a second
 * try transfers only the rest. */
#include "faultproxy.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/list.h"
#include "registry/client/manifest.h"
#include "registry/client/upload.h"

#include <pthread.h>

#define MB 1000000

static struct distribution registry;
static struct faultproxy proxy;
static bool there;
static char *content; /* of blobs */
static char digest_8m[OCI_DIGEST_MAX];
static int notices;

static void digest_of(const void *p, size_t len, char out[OCI_DIGEST_MAX])
{
	char hex[SHA256_HEX];
	sha256_hex(p, len, hex);
	oci_digest_from_hex(hex, out);
}

static void say(void *arg, const char *line)
{
	if (getenv("KIST_TEST_TRACE"))
		print_message("%s\n", line);
}

static void notice(void *arg, const char *line)
{
	notices++;
	say(arg, line);
}

struct setup {
	struct registry_client *c;
	struct registry_repo *r;
	struct err e;
};

static volatile sig_atomic_t stop_flag;

static struct setup setup_at(const struct registry_endpoint *at, size_t n)
{
	struct setup s = {.e = ERR_INIT};
	if (!there) {
		print_message("SKIP: docker-registry is not installed\n");
		skip();
	}
	notices = 0;
	stop_flag = 0;
	s.c = registry_client_new(&(struct registry_client_options){.trace = say,
		.notice = notice,
		.retry_ms = 5,
		.stall_ms = 1000,
		.stop = &stop_flag});
	assert_ok(registry_repo_new(s.c, "the/name", at, n, &s.r, &s.e), &s.e);
	return s;
}

static struct setup setup(const char *rules)
{
	struct registry_endpoint at;
	registry_endpoint_default(proxy.host, "f/blobs", &at);
	struct setup s = setup_at(&at, 1);
	fault(&proxy, rules);
	return s;
}

static void finish(struct setup *s)
{
	registry_repo_free(s->r);
	registry_client_free(s->c);
}

static int start(void **state)
{
	there = distribution_start(&registry, "");
	if (!there)
		return 0;
	faultproxy_start(&proxy, registry.host, NULL);
	content = mem_alloc(8 * MB);
	uint64_t x = 88172645463325252ULL;
	for (size_t i = 0; i < 8 * MB; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		content[i] = (char)x;
	}
	digest_of(content, 8 * MB, digest_8m);
	struct setup s = setup("");
	assert_ok(registry_blob_put_bytes(s.r, digest_8m, content, 8 * MB, &s.e), &s.e);
	finish(&s);
	return 0;
}

static int stop(void **state)
{
	if (there) {
		faultproxy_stop(&proxy);
		distribution_stop(&registry);
	}
	free(content);
	return 0;
}

struct got {
	struct sha256 *h;
	uint64_t at;
	int resumed;
	uint64_t resumed_at;
	uint64_t fail_at; /* our own failure; 0: none */
};

static int add(void *arg, const void *p, size_t len, struct err *e)
{
	struct got *g = arg;
	if (memcmp(content + g->at, p, len) != 0)
		return err_set(e, ERR_DIGEST, "other bytes");
	g->at += len;
	return g->fail_at && g->at >= g->fail_at ? err_set(e, ENOSPC, "the disk is full") : 0;
}

static void resumed(void *arg, uint64_t at)
{
	struct got *g = arg;
	g->resumed++;
	g->resumed_at = at;
}

static int fetch_with(struct setup *s, struct got *g, uint64_t *received)
{
	struct registry_blob_fetch f = {
		.digest = digest_8m,
		.size = 8 * MB,
		.offset = g->at,
		.write = add,
		.resumed = resumed,
		.arg = g,
	};
	err_clear(&s->e);
	return registry_blob_fetch(s->r, &f, received, &s->e);
}

static int fetch(struct setup *s, uint64_t *received)
{
	struct got g = {0};
	return fetch_with(s, &g, received);
}

static void cut_and_resumed(void **state)
{
	struct setup s =
		setup("GET /blobs/ cut=3000000 times=1\nGET /blobs/ cut=2000000 times=1\n");
	struct got g = {0};
	uint64_t received;
	assert_ok(fetch_with(&s, &g, &received), &s.e);
	assert_int_equal(g.at, 8 * MB);
	assert_int_equal(g.resumed, 2);
	assert_int_equal(g.resumed_at, 5 * MB);
	assert_int_equal(received, 8 * MB); /* nothing came twice */
	assert_int_equal(fault_count(&proxy, "to_client"), 8 * MB);
	finish(&s);
}

/* A line that breaks each megabyte is slow, not broken: more cuts than attempts. */
static void cut_all_the_time(void **state)
{
	struct setup s = setup("GET /blobs/ cut=1048576\n");
	uint64_t received;
	assert_ok(fetch(&s, &received), &s.e);
	assert_int_equal(received, 8 * MB);
	finish(&s);
	/* nor is one that breaks after less, but goes on */
	s = setup("GET /blobs/ cut=500000\n");
	assert_ok(fetch(&s, &received), &s.e);
	assert_int_equal(received, 8 * MB);
	finish(&s);
	/* but one without progress ends */
	s = setup("GET /blobs/ cut=10\n");
	assert_int_equal(fetch(&s, &received), -ECONNRESET);
	assert_int_equal(received, 60);
	assert_contains(s.e.msg, "of 'the/name'");
	finish(&s);
}

/* The next command knows the first bytes. */
static void resumed_later(void **state)
{
	struct setup s = setup("GET /blobs/ cut=7200000 times=1\n");
	struct got g = {.fail_at = 7000000};
	uint64_t received;
	assert_int_equal(fetch_with(&s, &g, &received), -ENOSPC);
	assert_contains(s.e.msg, "the disk is full");
	finish(&s);
	s = setup("");
	g.fail_at = 0;
	uint64_t before = g.at;
	assert_ok(fetch_with(&s, &g, &received), &s.e);
	assert_int_equal(g.at, 8 * MB);
	assert_int_equal(received, 8 * MB - before);
	/* all there: nothing is asked */
	fault(&proxy, "");
	assert_ok(fetch_with(&s, &g, &received), &s.e);
	assert_int_equal(fault_count(&proxy, "requests"), 0);
	finish(&s);
}

static void no_ranges(void **state)
{
	struct setup s = setup("GET /blobs/ cut=3000000 no-range times=1\nGET /blobs/ no-range\n");
	struct got g = {0};
	uint64_t received;
	assert_ok(fetch_with(&s, &g, &received), &s.e);
	assert_int_equal(g.at, 8 * MB);
	assert_int_equal(received, 11 * MB);
	assert_int_equal(g.resumed_at, 0);
	finish(&s);
	/* refused ranges: 416, then all of it */
	s = setup("GET /blobs/ cut=3000000 times=1\nGET /blobs/ status=416 times=1\n");
	assert_ok(fetch(&s, &received), &s.e);
	assert_int_equal(received, 11 * MB);
	finish(&s);
}

static void wrong_bytes(void **state)
{
	struct setup s = setup("GET /blobs/ truncate=5000000\n");
	uint64_t received;
	assert_int_equal(fetch(&s, &received), -ERR_DIGEST);
	assert_contains(s.e.msg, "it has 5000000 bytes there, and should have 8000000");
	fault(&proxy, "GET /blobs/ corrupt=4000000\n");
	assert_int_equal(fetch(&s, &received), -ERR_DIGEST); /* our add compares, as a hash would */
	struct buf b cleanup_buf = BUF_INIT_MAX(8 * MB);
	err_clear(&s.e);
	assert_int_equal(registry_blob_read(s.r, digest_8m, 8 * MB, &b, &s.e), -ERR_DIGEST);
	assert_contains(s.e.msg, digest_8m);
	/* a small document is asked for once more */
	static const char *const once[] = {
		"GET /blobs/ corrupt=4000000 times=1\n", "GET /blobs/ truncate=4000000 times=1\n"};
	for (size_t i = 0; i < ARRAY_SIZE(once); i++) {
		fault(&proxy, once[i]);
		notices = 0;
		err_clear(&s.e);
		assert_ok(registry_blob_read(s.r, digest_8m, 8 * MB, &b, &s.e), &s.e);
		assert_int_equal(notices, 1);
		assert_int_equal(fault_count(&proxy, "GET blobs"), 2);
	}
	finish(&s);
}

static void busy(void **state)
{
	/* 429, 500, 503 in turn, then it works */
	struct setup s = setup("GET /blobs/ status=429 times=1\nGET /blobs/ status=500 times=1\n"
			       "GET /blobs/ status=503 retry-after=1 times=1\n");
	uint64_t received;
	int64_t begin = clock_monotonic();
	assert_ok(fetch(&s, &received), &s.e);
	assert_true(clock_monotonic() - begin >= CLOCK_NS_PER_S);
	assert_int_equal(notices, 3);
	fault(&proxy, "GET /blobs/ status=503 retry-after=Sun,_06_Nov_1994_08:49:37_GMT times=2\n");
	assert_ok(fetch(&s, &received), &s.e);
	fault(&proxy, "GET /blobs/ status=429\n");
	assert_int_equal(fetch(&s, &received), -EBUSY);
	assert_contains(s.e.msg, "too many requests");
	assert_contains(s.e.msg, "faultproxy answers 429");
	assert_contains(s.e.hint, "kist login");
	assert_int_equal(fault_count(&proxy, "GET blobs"), 6);
	/* nobody waits an hour */
	fault(&proxy, "GET /blobs/ status=429 retry-after=3600\n");
	assert_int_equal(fetch(&s, &received), -EBUSY);
	assert_contains(s.e.hint, "to wait for 60 minutes");
	assert_int_equal(fault_count(&proxy, "GET blobs"), 1);
	finish(&s);
}

static void stalled(void **state)
{
	struct setup s = setup("GET /blobs/ stall=3000000,3 times=1\n");
	uint64_t received;
	assert_ok(fetch(&s, &received), &s.e);
	assert_int_equal(received, 8 * MB);
	finish(&s);
}

static void asked_in_vain_for_a_login(void **state)
{
	struct setup s = setup("GET /blobs/ status=401\n");
	uint64_t received;
	assert_int_equal(fetch(&s, &received), -EACCES);
	assert_contains(s.e.hint, "kist login 127.0.0.1:");
	finish(&s);
	/* in the middle of a blob */
	s = setup("GET /blobs/ cut=3000000 times=1\nGET /blobs/ status=401 times=1\n");
	assert_int_equal(fetch(&s, &received), -EACCES);
	finish(&s);
}

static void *stop_soon(void *arg)
{
	nanosleep(&(struct timespec){.tv_nsec = 200 * 1000000}, NULL);
	stop_flag = 1;
	return NULL;
}

static void interrupted(void **state)
{
	struct setup s = setup("GET /blobs/ rate=100000\n");
	uint64_t received;
	pthread_t t;
	int64_t begin = clock_monotonic();
	pthread_create(&t, NULL, stop_soon, NULL);
	assert_int_equal(fetch(&s, &received), -ERR_INTERRUPTED);
	assert_true(clock_monotonic() - begin < CLOCK_NS_PER_S);
	pthread_join(t, NULL);
	assert_int_equal(notices, 0);
	finish(&s);
}

/* ---- mirrors ---- */

static void mirrors(void **state)
{
	struct registry_endpoint at[3];
	registry_endpoint_default("127.0.0.1:1", "f/blobs", &at[0]); /* nobody is there */
	registry_endpoint_default(proxy.host, "f/blobs", &at[1]);
	registry_endpoint_default(registry.host, "f/blobs", &at[2]);
	at[0].flags = at[1].flags = REGISTRY_MIRROR;
	struct setup s = setup_at(at, 3);
	fault(&proxy, "GET /blobs/ cut=3000000 times=1\nGET /blobs/ status=404\n");
	struct got g = {0};
	uint64_t received;
	/* the second gives a part, the third the rest */
	assert_ok(fetch_with(&s, &g, &received), &s.e);
	assert_int_equal(received, 8 * MB);
	assert_string_equal(registry_repo_host(s.r), registry.host);
	/* who answered is asked first */
	fault(&proxy, "");
	assert_ok(fetch(&s, &received), &s.e);
	assert_int_equal(fault_count(&proxy, "requests"), 0);
	/* nobody has it: all are named */
	struct registry_manifest m;
	assert_true(registry_manifest_get(s.r, "none", NULL, &m, &s.e) < 0);
	assert_contains(s.e.msg, "127.0.0.1:1");
	assert_contains(s.e.msg, proxy.host);
	assert_contains(s.e.msg, registry.host);
	finish(&s);
}

static void mirror_for_digests_only(void **state)
{
	struct registry_endpoint at[2];
	registry_endpoint_default(proxy.host, "f/blobs", &at[0]);
	registry_endpoint_default(registry.host, "f/blobs", &at[1]);
	at[0].flags = REGISTRY_MIRROR | REGISTRY_DIGEST_ONLY;
	struct setup s = setup_at(at, 2);
	struct registry_manifest m;
	fault(&proxy, "");
	assert_int_equal(registry_manifest_get(s.r, "v9", NULL, &m, &s.e), -ERR_NOT_FOUND);
	assert_int_equal(fault_count(&proxy, "requests"), 0);
	err_clear(&s.e);
	char nobodys[OCI_DIGEST_MAX];
	digest_of("nobody's", 8, nobodys);
	assert_int_equal(registry_manifest_get(s.r, nobodys, NULL, &m, &s.e), -ERR_NOT_FOUND);
	assert_int_equal(fault_count(&proxy, "requests"), 1);
	/* nothing is pushed to a mirror */
	assert_ok(registry_blob_put_bytes(s.r, digest_8m, content, 8 * MB, &s.e), &s.e);
	assert_int_equal(fault_count(&proxy, "requests"), 1);
	finish(&s);
}

/* ---- pushing ---- */

struct memory {
	size_t len;
	uint64_t lowest, highest; /* offsets asked for after the first cut */
	bool forward_only;
	uint64_t reached;
	uint64_t read;
};

static ssize_t read_memory(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct memory *m = arg;
	if (m->forward_only && offset < m->reached)
		return -ESPIPE;
	len = MIN(len, m->len - (size_t)offset);
	memcpy(p, content + offset, len);
	m->reached = offset + len;
	m->read += len;
	return (ssize_t)len;
}

static int push(struct setup *s, struct memory *m, uint64_t chunk)
{
	char digest[OCI_DIGEST_MAX];
	digest_of(content, m->len, digest);
	struct registry_source src = {.read = read_memory, .arg = m};
	struct registry_upload_options o = {.chunk = chunk};
	err_clear(&s->e);
	int r = registry_blob_put(s->r, digest, m->len, &src, &o, &s->e);
	if (r >= 0)
		assert_int_equal(registry_blob_has(s->r, digest, NULL, NULL), 1);
	return r;
}

static void push_cut(void **state)
{
	struct setup s = setup("PUT /uploads/ cut-request=1000000 times=1\n");
	struct memory m = {.len = 3 * MB};
	assert_ok(push(&s, &m, 0), &s.e);
	/* chunks: the first two are not sent again */
	fault(&proxy, "PATCH /uploads/ cut-request=100000 skip=2 times=1\n");
	m = (struct memory){.len = 4 * MB};
	assert_ok(push(&s, &m, 1 * MB), &s.e);
	print_message("chunked push of 4 MB with a cut in the third MB: %lld bytes were sent\n",
		fault_count(&proxy, "from_client"));
	/* before the answer came, and errors in between */
	fault(&proxy, "PATCH /uploads/ status=500 times=1\nPUT /uploads/ status=503 times=1\n"
		      "POST /uploads/ status=429 times=1\n");
	m = (struct memory){.len = 5 * MB};
	assert_ok(push(&s, &m, 1 * MB), &s.e);
	fault(&proxy, "PUT /uploads/ hang-up\n");
	m = (struct memory){.len = 100};
	assert_int_equal(push(&s, &m, 0), -ECONNRESET);
	assert_contains(s.e.msg, "upload to 'the/name'");
	assert_int_equal(fault_count(&proxy, "DELETE uploads") > 0, 1); /* cancelled */
	finish(&s);
}

static void push_interrupted(void **state)
{
	struct setup s = setup("PUT /uploads/ delay=1.5\n");
	struct memory m = {.len = 3 * MB - 1};
	pthread_t t;
	int64_t begin = clock_monotonic();
	pthread_create(&t, NULL, stop_soon, NULL);
	assert_int_equal(push(&s, &m, 0), -ERR_INTERRUPTED);
	assert_true(clock_monotonic() - begin < CLOCK_NS_PER_S);
	pthread_join(t, NULL);
	assert_int_equal(fault_count(&proxy, "DELETE uploads"), 1); /* cancelled all the same */
	finish(&s);
}

static void push_stream_cut(void **state)
{
	struct setup s = setup("PATCH /uploads/ cut-request=1000000 times=1\n");
	struct memory m = {.len = 6 * MB};
	struct registry_source src = {.read = read_memory, .arg = &m};
	struct registry_upload *u;
	char digest[OCI_DIGEST_MAX];
	uint64_t sent = 0;
	digest_of(content, m.len, digest);
	assert_ok(registry_upload_begin(s.r, NULL, &u, &s.e), &s.e);
	assert_ok(registry_upload_send(u, &src, &sent, &s.e), &s.e);
	assert_int_equal(sent, m.len);
	assert_ok(registry_upload_finish(u, digest, &s.e), &s.e);
	assert_int_equal(registry_blob_has(s.r, digest, NULL, &s.e), 1);
	/* a source that cannot go back: the cut is what is told */
	fault(&proxy, "PATCH /uploads/ cut-request=1000000 times=1\n");
	m = (struct memory){.len = 7 * MB, .forward_only = true};
	assert_ok(registry_upload_begin(s.r, NULL, &u, &s.e), &s.e);
	assert_int_equal(registry_upload_send(u, &src, &sent, &s.e), -ECONNRESET);
	registry_upload_free(u);
	/* the end's answer is lost */
	fault(&proxy, "");
	m = (struct memory){.len = 7 * MB};
	err_clear(&s.e);
	assert_ok(registry_upload_begin(s.r, NULL, &u, &s.e), &s.e);
	assert_ok(registry_upload_send(u, &src, &sent, &s.e), &s.e);
	digest_of(content, m.len, digest);
	fault(&proxy, "PUT /uploads/ truncate=0 cut=0 times=1\n");
	assert_ok(registry_upload_finish(u, digest, &s.e), &s.e);
	assert_int_equal(registry_blob_has(s.r, digest, NULL, &s.e), 1);
	finish(&s);
}

static void manifests(void **state)
{
	struct setup s = setup("");
	char config[OCI_DIGEST_MAX], text[500], digest[OCI_DIGEST_MAX];
	digest_of("{}", 2, config);
	assert_ok(registry_blob_put_bytes(s.r, config, "{}", 2, &s.e), &s.e);
	snprintf(text, sizeof(text),
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_MANIFEST
		"\",\"config\":{\"mediaType\":\"" OCI_TYPE_EMPTY
		"\",\"digest\":\"%s\",\"size\":2},\"layers\":[]}",
		config);
	fault(&proxy, "PUT /manifests/ status=500 times=2\n");
	assert_ok(registry_manifest_put(
			  s.r, "v1", OCI_TYPE_MANIFEST, text, strlen(text), digest, &s.e),
		&s.e);
	struct registry_manifest m;
	/* exactly one request for a manifest, by tag and by digest */
	fault(&proxy, "");
	assert_ok(registry_manifest_get(s.r, "v1", NULL, &m, &s.e), &s.e);
	registry_manifest_release(&m);
	assert_int_equal(fault_count(&proxy, "requests"), 1);
	assert_ok(registry_manifest_get(s.r, digest, NULL, &m, &s.e), &s.e);
	registry_manifest_release(&m);
	assert_int_equal(fault_count(&proxy, "requests"), 2);
	fault(&proxy, "GET /manifests/ corrupt=30\n");
	assert_int_equal(registry_manifest_get(s.r, digest, NULL, &m, &s.e), -ERR_DIGEST);
	assert_contains(s.e.msg, digest);
	err_clear(&s.e);
	assert_int_equal(registry_manifest_get(s.r, "v1", NULL, &m, &s.e), -ERR_DIGEST);
	err_clear(&s.e);
	/* HEAD without a digest, HEAD refused: GET tells */
	fault(&proxy, "HEAD /manifests/ drop-header=docker-content-digest times=1\n"
		      "HEAD /manifests/ status=405 times=1\n");
	for (int i = 0; i < 2; i++) {
		assert_ok(registry_manifest_head(s.r, "v1", &m, &s.e), &s.e);
		assert_string_equal(m.digest, digest);
		assert_int_equal(m.bytes.len, strlen(text));
		registry_manifest_release(&m);
	}
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_and_resumed),
		cmocka_unit_test(cut_all_the_time),
		cmocka_unit_test(resumed_later),
		cmocka_unit_test(no_ranges),
		cmocka_unit_test(wrong_bytes),
		cmocka_unit_test(busy),
		cmocka_unit_test(stalled),
		cmocka_unit_test(asked_in_vain_for_a_login),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(mirrors),
		cmocka_unit_test(mirror_for_digests_only),
		cmocka_unit_test(push_cut),
		cmocka_unit_test(push_interrupted),
		cmocka_unit_test(push_stream_cut),
		cmocka_unit_test(manifests),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
