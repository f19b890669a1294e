/* Names of places on the command line, and blobs that lie about their digest. */
#include "../test.h"

#include "base/err.h"
#include "transport/endpoint.h"

#include <unistd.h>

static void test_places(void **state)
{
	static const struct {
		const char *text;
		enum transport_kind kind;
		const char *path, *name, *digest;
		int index;
	} cases[] = {
		{"docker://a.b:5000/x:1", TRANSPORT_KIND_REGISTRY, "a.b:5000/x:1", NULL, NULL, -1},
		{"oci:dir", TRANSPORT_KIND_OCI, "dir", NULL, NULL, -1},
		{"oci:/a/b:tag", TRANSPORT_KIND_OCI, "/a/b", "tag", NULL, -1},
		{"oci:/a/b:@3", TRANSPORT_KIND_OCI, "/a/b", NULL, NULL, 3},
		{"oci:/a:b/c:@0", TRANSPORT_KIND_OCI, "/a:b/c", NULL, NULL, 0},
		{"oci-archive:f.tar:docker.io/x:1", TRANSPORT_KIND_OCI_ARCHIVE, "f.tar",
			"docker.io/x:1", NULL, -1},
		{"docker-archive:f.tar:x/y:1", TRANSPORT_KIND_DOCKER_ARCHIVE, "f.tar", "x/y:1",
			NULL, -1},
		{"dir:/a:b@c", TRANSPORT_KIND_DIR, "/a:b@c", NULL, NULL, -1},
		{"store:app:1", TRANSPORT_KIND_STORE, "app:1", NULL, NULL, -1},
		{"oci:d:@sha256:"
		 "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			TRANSPORT_KIND_OCI, "d", NULL,
			"sha256:"
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
			-1},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct transport_place p cleanup_transport_place = {0};
		assert_ok(transport_place_parse(cases[i].text, &p, &e), &e);
		assert_int_equal(p.kind, cases[i].kind);
		assert_string_equal(p.path, cases[i].path);
		assert_string_equal(p.name ?: "", cases[i].name ?: "");
		assert_string_equal(p.digest ?: "", cases[i].digest ?: "");
		assert_int_equal(p.by_index ? (int)p.index : -1, cases[i].index);
	}
	static const char *const bad[] = {
		"", "alpine", "oci:", "oci:d:", "oci:d:@x", "http://x", "docker:x", "dir:"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct transport_place p cleanup_transport_place = {0};
		assert_true(transport_place_parse(bad[i], &p, NULL) < 0);
	}
}

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HELLO "sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"

static void test_verified(void **state)
{
	struct err e = ERR_INIT;
	char p[16];
	struct transport_blob *good cleanup_transport_blob =
		transport_blob_verified(transport_blob_bytes("hello", 5), HELLO);
	assert_int_equal(transport_blob_read(good, 0, p, 2, &e), 2);
	/* back, over what was read, and ahead of it */
	assert_int_equal(transport_blob_read(good, 1, p, 3, &e), 3);
	assert_int_equal(transport_blob_read(good, 4, p, 16, &e), 1);
	assert_int_equal(transport_blob_read(good, 5, p, 16, &e), 0);
	assert_int_equal(transport_blob_read(good, 0, p, 16, &e), 5);
	struct transport_blob *skipped cleanup_transport_blob =
		transport_blob_verified(transport_blob_bytes("hello", 5), HELLO);
	assert_int_equal(transport_blob_read(skipped, 4, p, 16, &e), 1);
	struct transport_blob *bad cleanup_transport_blob =
		transport_blob_verified(transport_blob_bytes("hellO", 5), HELLO);
	assert_int_equal(transport_blob_read(bad, 0, p, 4, &e), 4);
	assert_int_equal(transport_blob_read(bad, 4, p, 1, &e), -ERR_DIGEST);
	struct transport_blob *empty cleanup_transport_blob =
		transport_blob_verified(transport_blob_bytes("", 0), EMPTY);
	assert_int_equal(transport_blob_read(empty, 0, p, 1, &e), 0);
	struct transport_blob *wrong cleanup_transport_blob =
		transport_blob_verified(transport_blob_bytes("", 0), HELLO);
	assert_int_equal(transport_blob_read(wrong, 0, p, 1, NULL), -ERR_DIGEST);
}

static int fetch(void *arg, transport_write_fn write, void *ctx, struct err *e)
{
	for (const char *p = arg; *p; p++) {
		int r = write(ctx, p, 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static ssize_t spool(const char *bytes, uint64_t size, struct err *e)
{
	struct transport_blob *b cleanup_transport_blob = NULL;
	const struct transport_fetcher f = {.fetch = fetch, .arg = (void *)bytes};
	FILE *tmp = tmpfile();
	assert_ok(transport_blob_spool(&f, dup(fileno(tmp)), HELLO, size, &b, e), e);
	fclose(tmp);
	char p[16];
	uint64_t at = 0;
	for (;;) {
		ssize_t n = transport_blob_read(b, at, p, 3, e);
		if (n <= 0)
			return n < 0 ? n : (ssize_t)at;
		at += (uint64_t)n;
	}
}

static void test_spool(void **state)
{
	struct err e = ERR_INIT;
	assert_int_equal(spool("hello", 5, &e), 5);
	assert_int_equal(spool("hellO", 5, NULL), -ERR_DIGEST);
	assert_int_equal(spool("hello, world", 5, NULL), -ERR_DIGEST);
	assert_int_equal(spool("hell", 5, NULL), -ERR_DIGEST);
	/* nobody reads: the thread ends with the blob */
	struct transport_blob *b = NULL;
	const struct transport_fetcher f = {.fetch = fetch, .arg = (void *)"hello"};
	FILE *tmp = tmpfile();
	assert_ok(transport_blob_spool(&f, dup(fileno(tmp)), HELLO, 5, &b, &e), &e);
	fclose(tmp);
	transport_blob_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_verified),
		cmocka_unit_test(test_spool),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
