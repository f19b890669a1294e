/* The client against Debian's docker-registry: push, pull, resume, mount, lists, delete. */
#include "distribution.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/strv.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/list.h"
#include "registry/client/manifest.h"
#include "registry/client/referrers.h"
#include "registry/client/upload.h"

static struct distribution registry;
static bool there;

static int start(void **state)
{
	there = distribution_start(&registry, "");
	return 0;
}

static int stop(void **state)
{
	if (there)
		distribution_stop(&registry);
	return 0;
}

static void say(void *arg, const char *line)
{
	if (getenv("KIST_TEST_TRACE"))
		print_message("%s\n", line);
}

struct setup {
	struct registry_client *c;
	struct registry_repo *r;
};

static struct setup setup(const char *path)
{
	struct setup s = {0};
	struct err e = ERR_INIT;
	char name[128];
	if (!there) {
		print_message("SKIP: docker-registry is not installed\n");
		skip();
	}
	s.c = registry_client_new(
		&(struct registry_client_options){.trace = say, .notice = say, .retry_ms = 10});
	struct registry_endpoint at;
	registry_endpoint_default(registry.host, path, &at);
	snprintf(name, sizeof(name), "%s/%s", registry.host, path);
	assert_ok(registry_repo_new(s.c, name, &at, 1, &s.r, &e), &e);
	return s;
}

static void finish(struct setup *s)
{
	registry_repo_free(s->r);
	registry_client_free(s->c);
}

static void digest_of(const void *p, size_t len, char out[OCI_DIGEST_MAX])
{
	char hex[SHA256_HEX];
	sha256_hex(p, len, hex);
	oci_digest_from_hex(hex, out);
}

/* Bytes that differ at every place. */
static char *noise(size_t len)
{
	char *p = mem_alloc(len);
	uint64_t x = 88172645463325252ULL;
	for (size_t i = 0; i < len; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = (char)x;
	}
	return p;
}

struct memory {
	const char *p;
	size_t len;
};

static ssize_t read_memory(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct memory *m = arg;
	len = MIN(len, m->len - (size_t)offset);
	memcpy(p, m->p + offset, len);
	return (ssize_t)len;
}

static int add(void *arg, const void *p, size_t len, struct err *e)
{
	return buf_add(arg, p, len);
}

static void fetch_and_compare(
	struct registry_repo *r, const char *digest, const char *p, size_t len, uint64_t offset)
{
	struct err e = ERR_INIT;
	struct buf b cleanup_buf = BUF_INIT;
	uint64_t received = 0;
	struct registry_blob_fetch f = {
		.digest = digest, .size = len, .offset = offset, .write = add, .arg = &b};
	assert_ok(registry_blob_fetch(r, &f, &received, &e), &e);
	assert_int_equal(b.len, len - offset);
	assert_memory_equal(b.data, p + offset, b.len);
	assert_int_equal(received, b.len);
}

static void test_blob(void **state)
{
	struct setup s = setup("a/blob");
	struct err e = ERR_INIT;
	size_t len = 3000000;
	char *p cleanup_free = noise(len), digest[OCI_DIGEST_MAX];
	digest_of(p, len, digest);
	uint64_t size = 0;
	assert_int_equal(registry_blob_has(s.r, digest, &size, &e), 0);
	assert_ok(registry_blob_put_bytes(s.r, digest, p, len, &e), &e);
	assert_int_equal(registry_blob_has(s.r, digest, &size, &e), 1);
	assert_int_equal(size, len);
	fetch_and_compare(s.r, digest, p, len, 0);
	fetch_and_compare(s.r, digest, p, len, 2999999);
	fetch_and_compare(s.r, digest, p, len, 1000000);
	struct buf b cleanup_buf = BUF_INIT_MAX(len);
	assert_ok(registry_blob_read(s.r, digest, len, &b, &e), &e);
	assert_int_equal(registry_blob_read(s.r, digest, len + 1, &b, &e), -ERR_LIMIT);
	err_clear(&e);
	/* another size than the registry has */
	b.max = 0;
	assert_int_equal(registry_blob_read(s.r, digest, len - 1, &b, &e), -ERR_DIGEST);
	err_clear(&e);
	/* and bytes that do not have the digest */
	digest_of(p, len - 1, digest);
	assert_int_equal(registry_blob_put_bytes(s.r, digest, p, len, &e), -ERR_DIGEST);
	assert_contains(e.msg, "another digest");
	err_clear(&e);
	assert_int_equal(registry_blob_read(s.r, digest, UINT64_MAX, &b, &e), -ERR_NOT_FOUND);
	assert_contains(e.msg, "a/blob");
	finish(&s);
}

static void test_empty_blob(void **state)
{
	struct setup s = setup("a/empty");
	struct err e = ERR_INIT;
	char digest[OCI_DIGEST_MAX];
	digest_of("", 0, digest);
	assert_ok(registry_blob_put_bytes(s.r, digest, "", 0, &e), &e);
	assert_int_equal(registry_blob_has(s.r, digest, NULL, &e), 1);
	finish(&s);
}

static void test_chunks(void **state)
{
	struct setup s = setup("a/chunks");
	struct err e = ERR_INIT;
	size_t len = 1000001;
	char *p cleanup_free = noise(len), digest[OCI_DIGEST_MAX];
	digest_of(p, len, digest);
	struct memory m = {p, len};
	struct registry_source src = {.read = read_memory, .arg = &m};
	struct registry_upload_options o = {.chunk = 100000};
	assert_int_equal(registry_blob_put(s.r, digest, len, &src, &o, &e), 0);
	fetch_and_compare(s.r, digest, p, len, 0);
	finish(&s);
}

static void stream(struct registry_repo *r, const char *p, size_t len, uint64_t chunk)
{
	struct err e = ERR_INIT;
	char digest[OCI_DIGEST_MAX];
	digest_of(p, len, digest);
	struct memory m = {p, len};
	struct registry_source src = {.read = read_memory, .arg = &m};
	struct registry_upload_options o = {.chunk = chunk};
	struct registry_upload *u;
	uint64_t sent = 0;
	assert_ok(registry_upload_begin(r, &o, &u, &e), &e);
	assert_ok(registry_upload_send(u, &src, &sent, &e), &e);
	assert_int_equal(sent, len);
	assert_ok(registry_upload_finish(u, digest, &e), &e);
	fetch_and_compare(r, digest, p, len, 0);
}

static void test_stream(void **state)
{
	struct setup s = setup("a/stream");
	size_t len = 2000000;
	char *p cleanup_free = noise(len);
	stream(s.r, p, len, 0);
	stream(s.r, p, 1, 0);
	stream(s.r, p + 1, 600000, 200000); /* ends with a chunk */
	stream(s.r, p + 1, 500000, 200000);
	/* what is given up leaves no upload behind */
	struct registry_upload *u;
	struct err e = ERR_INIT;
	assert_ok(registry_upload_begin(s.r, NULL, &u, &e), &e);
	registry_upload_free(u);
	finish(&s);
}

static void test_mount(void **state)
{
	struct setup s = setup("m/from"), t = setup("m/to");
	struct err e = ERR_INIT;
	char *p cleanup_free = noise(5000), digest[OCI_DIGEST_MAX];
	digest_of(p, 5000, digest);
	assert_int_equal(registry_blob_mount(t.r, digest, "m/from", &e), 0);
	assert_ok(registry_blob_put_bytes(s.r, digest, p, 5000, &e), &e);
	assert_int_equal(registry_blob_mount(t.r, digest, "m/from", &e), 1);
	assert_int_equal(registry_blob_has(t.r, digest, NULL, &e), 1);
	finish(&s);
	finish(&t);
}

/* An artifact; subject may be "". Its digest goes to out. */
static void put_manifest(struct registry_repo *r, const char *tag, const char *subject,
	const char *note, char out[OCI_DIGEST_MAX])
{
	struct err e = ERR_INIT;
	char config[OCI_DIGEST_MAX];
	digest_of("{}", 2, config);
	assert_ok(registry_blob_put_bytes(r, config, "{}", 2, &e), &e);
	struct buf b cleanup_buf = BUF_INIT;
	buf_printf(&b,
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"artifactType\":"
		"\"application/x.%s\",\"config\":{\"mediaType\":\"" OCI_TYPE_EMPTY
		"\",\"digest\":\"%s\",\"size\":2},\"layers\":[]",
		note, config);
	if (*subject)
		buf_printf(&b,
			",\"subject\":{\"mediaType\":\"" OCI_TYPE_MANIFEST
			"\",\"digest\":\"%s\",\"size\":300}",
			subject);
	buf_printf(&b, ",\"annotations\":{\"note\":\"%s\"}}", note);
	digest_of(b.data, b.len, out);
	assert_ok(registry_manifest_put(
			  r, *tag ? tag : out, OCI_TYPE_MANIFEST, b.data, b.len, NULL, &e),
		&e);
}

static void test_manifest(void **state)
{
	struct setup s = setup("a/manifest");
	struct err e = ERR_INIT;
	char one[OCI_DIGEST_MAX], two[OCI_DIGEST_MAX];
	struct registry_manifest m = {0};
	assert_int_equal(registry_manifest_head(s.r, "v1", &m, &e), -ERR_NOT_FOUND);
	assert_contains(e.msg, "manifest 'v1' of '127.0.0.1:");
	err_clear(&e);
	put_manifest(s.r, "v1", "", "one", one);
	assert_ok(registry_manifest_head(s.r, "v1", &m, &e), &e);
	assert_string_equal(m.digest, one);
	assert_string_equal(m.media_type, OCI_TYPE_MANIFEST);
	assert_int_equal(m.bytes.len, 0);
	registry_manifest_release(&m);
	assert_ok(registry_manifest_get(s.r, "v1", one, &m, &e), &e);
	assert_int_equal(m.size, m.bytes.len);
	registry_manifest_release(&m);
	assert_ok(registry_manifest_get(s.r, one, NULL, &m, &e), &e);
	registry_manifest_release(&m);
	/* the tag moves between a look and the fetch: both digests are told */
	put_manifest(s.r, "v1", "", "two", two);
	assert_int_equal(registry_manifest_get(s.r, "v1", one, &m, &e), -ERR_DIGEST);
	assert_contains(e.msg, one);
	assert_contains(e.msg, two);
	err_clear(&e);
	assert_int_equal(registry_manifest_delete(s.r, "v1", &e), -ERR_UNSUPPORTED);
	err_clear(&e);
	assert_ok(registry_manifest_delete(s.r, two, &e), &e);
	assert_int_equal(registry_manifest_get(s.r, "v1", NULL, &m, &e), -ERR_NOT_FOUND);
	finish(&s);
}

static void test_referrers(void **state)
{
	struct setup s = setup("a/referrers");
	struct err e = ERR_INIT;
	char image[OCI_DIGEST_MAX], one[OCI_DIGEST_MAX], two[OCI_DIGEST_MAX];
	struct oci_index i;
	put_manifest(s.r, "v1", "", "image", image);
	assert_ok(registry_referrers(s.r, image, NULL, &i, &e), &e);
	assert_int_equal(i.nmanifests, 0);
	oci_index_release(&i);
	put_manifest(s.r, "", image, "sbom", one);
	put_manifest(s.r, "", image, "signature", two);
	put_manifest(s.r, "", image, "signature", two); /* again: still one entry */
	assert_ok(registry_referrers(s.r, image, NULL, &i, &e), &e);
	assert_int_equal(i.nmanifests, 2);
	assert_string_equal(i.manifests[0].digest, one);
	assert_string_equal(i.manifests[1].artifact_type, "application/x.signature");
	assert_string_equal(strv_env_get(&i.manifests[1].annotations, "note"), "signature");
	oci_index_release(&i);
	assert_ok(registry_referrers(s.r, image, "application/x.sbom", &i, &e), &e);
	assert_int_equal(i.nmanifests, 1);
	oci_index_release(&i);
	finish(&s);
}

static int note(void *arg, const char *name, struct err *e)
{
	strv_add(arg, name);
	return 0;
}

static void test_lists(void **state)
{
	struct setup s = setup("a/lists");
	struct err e = ERR_INIT;
	char digest[OCI_DIGEST_MAX];
	struct strv names cleanup_strv = STRV_INIT;
	struct registry_list list = {.each = note, .arg = &names};
	assert_int_equal(registry_tags(s.r, &list, &e), -ERR_NOT_FOUND);
	err_clear(&e);
	put_manifest(s.r, "v1", "", "x", digest);
	put_manifest(s.r, "v2", "", "x", digest);
	put_manifest(s.r, "v3", "", "x", digest);
	assert_ok(registry_tags(s.r, &list, &e), &e);
	assert_int_equal(names.n, 3);
	strv_release(&names);
	list.n = 2;
	assert_ok(registry_tags(s.r, &list, &e), &e);
	assert_int_equal(names.n, 2);
	strv_release(&names);
	struct registry_endpoint at;
	registry_endpoint_default(registry.host, "", &at);
	list.n = 0;
	assert_ok(registry_catalog(s.c, &at, &list, &e), &e);
	assert_true(strv_has(&names, "a/lists"));
	finish(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_blob),
		cmocka_unit_test(test_empty_blob),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_mount),
		cmocka_unit_test(test_manifest),
		cmocka_unit_test(test_referrers),
		cmocka_unit_test(test_lists),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
