/* Manifests, indexes, layouts and archive documents. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "oci/layout.h"
#include "oci/manifest.h"

#define D1  "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define D2  "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DSC "{\"mediaType\":\"" OCI_TYPE_LAYER_GZIP "\",\"digest\":\"" D2 "\",\"size\":7}"

static void manifest_round_trip(void **state)
{
	(void)state;
	static const char doc[] =
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_MANIFEST
		"\",\"config\":{\"mediaType\":\"" OCI_TYPE_CONFIG "\",\"digest\":\"" D1
		"\",\"size\":3},\"layers\":[" DSC "],\"annotations\":{\"k\":\"v\"}}";
	struct err e = ERR_INIT;
	struct oci_manifest m cleanup_oci_manifest = {0};
	assert_ok(oci_manifest_parse(doc, strlen(doc), &m, &e), &e);
	assert_string_equal(m.config.digest, D1);
	assert_int_equal(m.nlayers, 1);
	assert_int_equal(m.layers[0].size, 7);
	struct buf out cleanup_buf = BUF_INIT;
	oci_manifest_format(&m, &out);
	assert_string_equal(buf_str(&out), doc);
	enum oci_kind kind;
	assert_ok(oci_manifest_kind(doc, strlen(doc), &kind, &e), &e);
	assert_int_equal(kind, OCI_KIND_MANIFEST);
}

static void manifests_refused(void **state)
{
	(void)state;
	static const struct {
		const char *doc, *words;
	} cases[] = {
		{"{\"schemaVersion\":1}", "schema 1"},
		{"{\"schemaVersion\":2}", "not an image manifest"},
		{"{\"schemaVersion\":2,\"config\":{},\"manifests\":[],\"layers\":[]}",
			"not an image manifest"},
		{"{\"schemaVersion\":2,\"config\":" DSC "}", "no layers"},
		{"{\"schemaVersion\":2,\"config\":{\"size\":1},\"layers\":[]}",
			"manifest.config: no digest"},
		{"{\"schemaVersion\":2,\"config\":" DSC ",\"layers\":[{\"digest\":\"" D1
		 "\",\"size\":-1}]}",
			"manifest.layers[0]: no size"},
		{"{\"schemaVersion\":2,\"config\":" DSC ",\"layers\":[{\"digest\":\"" D1
		 "\",\"size\":1e3}]}",
			"expected a whole number"},
		{"{\"schemaVersion\":2,\"config\":" DSC ",\"layers\":[{\"digest\":\"" D1
		 "\",\"size\":99999999999999999999}]}",
			"not valid JSON"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct oci_manifest m;
		assert_true(oci_manifest_parse(cases[i].doc, strlen(cases[i].doc), &m, &e) < 0);
		assert_contains(e.msg, cases[i].words);
	}
}

static void index_selects_this_machine(void **state)
{
	(void)state;
	struct buf doc cleanup_buf = BUF_INIT;
	buf_printf(&doc,
		"{\"schemaVersion\":2,\"manifests\":["
		"{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" D1
		"\",\"size\":1,\"platform\":{\"os\":\"unknown\",\"architecture\":\"unknown\"}},"
		"{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" D1
		"\",\"size\":1,\"platform\":{\"os\":\"linux\",\"architecture\":\"vax\"}},"
		"{\"mediaType\":\"" OCI_TYPE_MANIFEST "\",\"digest\":\"" D2
		"\",\"size\":2,\"platform\":{\"os\":\"linux\",\"architecture\":\"%s\"}}]}",
		oci_platform_arch());
	struct err e = ERR_INIT;
	struct oci_index x cleanup_oci_index = {0};
	assert_ok(oci_index_parse(doc.data, doc.len, &x, &e), &e);
	const struct oci_descriptor *d;
	assert_ok(oci_index_select(&x, &d, &e), &e);
	assert_string_equal(d->digest, D2);
	x.nmanifests = 2; /* the one that fits is gone */
	assert_int_equal(oci_index_select(&x, &d, &e), -ERR_NOT_FOUND);
	assert_contains(e.msg, "linux/vax");
	x.nmanifests = 3;
}

static void archives(void **state)
{
	(void)state;
	static const char doc[] = "[{\"Config\":\"c.json\",\"RepoTags\":[\"alpine:3.18\","
				  "\"alpine:3\"],\"Layers\":[\"abc/layer.tar\"]},{\"Config\":"
				  "\"d.json\",\"RepoTags\":null,\"Layers\":[]}]";
	struct err e = ERR_INIT;
	struct oci_archive a cleanup_oci_archive = {0};
	assert_ok(oci_archive_parse(doc, strlen(doc), &a, &e), &e);
	struct buf out cleanup_buf = BUF_INIT;
	oci_archive_format(&a, &out);
	assert_string_equal(buf_str(&out), doc);
	static const char *const bad[] = {"[{\"Config\":\"../c\",\"Layers\":[]}]",
		"[{\"Config\":\"c\",\"Layers\":[\"a/../../etc\"]}]",
		"[{\"Config\":\"/etc/x\",\"Layers\":[]}]", "[{\"Layers\":[]}]", "{}", "[1]"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct oci_archive b;
		assert_true(oci_archive_parse(bad[i], strlen(bad[i]), &b, NULL) < 0);
	}
}

static void layouts(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct buf out cleanup_buf = BUF_INIT;
	oci_layout_format(&out);
	assert_ok(oci_layout_parse(out.data, out.len, &e), &e);
	static const char two[] = "{\"imageLayoutVersion\":\"2.0.0\"}";
	assert_int_equal(oci_layout_parse(two, strlen(two), &e), -ERR_UNSUPPORTED);
	assert_true(oci_layout_parse("{}", 2, NULL) < 0);
}

static void media_types(void **state)
{
	(void)state;
	assert_int_equal(
		oci_media_type_kind(OCI_TYPE_DOCKER_LIST "; charset=utf-8"), OCI_KIND_INDEX);
	assert_int_equal(oci_media_type_kind(NULL), OCI_KIND_OTHER);
	assert_int_equal(
		oci_media_type_compression(OCI_TYPE_DOCKER_LAYER_ZSTD), OCI_COMPRESSION_ZSTD);
	enum oci_compression c;
	assert_int_equal(oci_compression_parse("gzip", &c), 0);
	assert_true(oci_compression_parse("xz", &c) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(manifest_round_trip),
		cmocka_unit_test(manifests_refused),
		cmocka_unit_test(index_selects_this_machine),
		cmocka_unit_test(archives),
		cmocka_unit_test(layouts),
		cmocka_unit_test(media_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
