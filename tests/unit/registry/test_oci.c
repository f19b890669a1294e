/* The client against a registry of the test's own: what OCI 1.1 allows and docker-registry does not do,
 * and what a hostile registry may try. One long file: the cases steer the one registry's state. */
#include "../http/server.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/strv.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/client_priv.h"
#include "registry/client/list.h"
#include "registry/client/manifest.h"
#include "registry/client/referrers.h"
#include "registry/client/upload.h"

#include <errno.h>

static struct test_server server, other;
static char host[64];

/* What the registry remembers; one request at a time in these tests. */
static struct {
	char *blob; /* of the upload that is open */
	size_t len;
	char log[20000]; /* "METHOD path-tail header..." */
	size_t cut_at;   /* take this many bytes of a PATCH or PUT, then hang up, once */
	bool stateless;  /* sessions are lost */
	char put[20000]; /* the last manifest that was put */
	char put_at[300];
	char authorization[200];
} reg;

static const char image[] =
	"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_MANIFEST
	"\",\"config\":{\"mediaType\":\"" OCI_TYPE_EMPTY "\",\"digest\":\"sha256:"
	"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a\",\"size\":2},"
	"\"layers\":[]}";

static void digest_of(const void *p, size_t len, char out[OCI_DIGEST_MAX])
{
	char hex[SHA256_HEX];
	sha256_hex(p, len, hex);
	oci_digest_from_hex(hex, out);
}

static void note(const struct test_request *q)
{
	char range[100];
	size_t len = strlen(reg.log);
	test_header(q, "Content-Range:", range, sizeof(range));
	snprintf(reg.log + len, sizeof(reg.log) - len, "%s %s %s body=%zu\n", q->method, q->path,
		range, q->body_len);
	if (!test_header(q, "Authorization:", reg.authorization, sizeof(reg.authorization)))
		*reg.authorization = 0;
}

static void reply_upload(struct test_request *q, int status)
{
	char headers[300];
	snprintf(headers, sizeof(headers),
		"Location: /v2/a/blobs/uploads/u1?state=%zu\r\nRange: "
		"0-%zu\r\nOCI-Chunk-Min-Length: "
		"1000\r\n",
		reg.len, reg.len ? reg.len - 1 : 0);
	reply(q, status, headers, "");
}

static void take(struct test_request *q)
{
	size_t n = q->body_len;
	if (reg.cut_at && n > reg.cut_at)
		n = reg.cut_at;
	reg.blob = mem_realloc(reg.blob, reg.len + n + 1, 1);
	memcpy(reg.blob + reg.len, q->body, n);
	reg.len += n;
}

static void upload(struct test_request *q)
{
	char range[100], digest[OCI_DIGEST_MAX], want[200];
	unsigned long long from = reg.len;
	if (reg.stateless && !str_eq(q->method, "POST")) {
		reg.stateless = false;
		reply(q, 404, "", "{\"errors\":[{\"code\":\"BLOB_UPLOAD_UNKNOWN\"}]}");
		return;
	}
	if (str_eq(q->method, "POST")) {
		reg.len = 0;
		reply_upload(q, 202);
		return;
	}
	if (str_eq(q->method, "GET")) {
		reply_upload(q, 204);
		return;
	}
	if (test_header(q, "Content-Range:", range, sizeof(range)))
		sscanf(range, "%llu-", &from);
	if (from != reg.len) {
		reply_upload(q, 416);
		return;
	}
	if (q->body_len) {
		bool cut = reg.cut_at && q->body_len > reg.cut_at;
		take(q);
		if (cut) {
			reg.cut_at = 0;
			q->close = true;
			return;
		}
	}
	if (str_eq(q->method, "PATCH")) {
		reply_upload(q, 202);
		return;
	}
	digest_of(reg.blob ?: "", reg.len, digest);
	snprintf(want, sizeof(want), "digest=sha256%%3A%s", digest + 7);
	reply(q, strstr(q->path, want) ? 201 : 400, "",
		strstr(q->path, want) ? "" : "{\"errors\":[{\"code\":\"DIGEST_INVALID\"}]}");
}

static void tags(struct test_request *q)
{
	char headers[500];
	if (strstr(q->path, "/loop/"))
		snprintf(headers, sizeof(headers), "Link: <%s>; rel=\"next\"\r\n", q->path);
	else if (strstr(q->path, "/steal/"))
		snprintf(headers, sizeof(headers), "Link: <%s/v2/x>; rel=next\r\n", other.url);
	else if (strstr(q->path, "last=b"))
		*headers = 0;
	else
		snprintf(headers, sizeof(headers),
			"Link: </v2/a/tags/list?n=2&last=b>; rel=\"next\"\r\n");
	reply(q, 200, headers,
		strstr(q->path, "last=b")  ? "{\"name\":\"a\",\"tags\":[\"c\"]}"
		: strstr(q->path, "/bad/") ? "{\"tags\":[\"a\",5]}"
					   : "{\"name\":\"a\",\"tags\":[\"a\",\"b\"]}");
}

#define ENTRY(hex, type)                                          \
	"{\"mediaType\":\"" OCI_TYPE_MANIFEST                     \
	"\",\"digest\":\"sha256:" hex hex hex hex hex hex hex hex \
	"\",\"size\":5,\"artifactType\":\"" type "\"}"

static void referrers(struct test_request *q)
{
	bool second = strstr(q->path, "page=2");
	char text[2000];
	snprintf(text, sizeof(text),
		"{\"schemaVersion\":2,\"mediaType\":\"" OCI_TYPE_INDEX "\",\"manifests\":[%s]}",
		second ? ENTRY("cccccccc", "application/x.sbom")
		       : ENTRY("aaaaaaaa", "application/x.sig") "," ENTRY(
				 "bbbbbbbb", "application/x.sbom"));
	reply(q, 200,
		second ? "Content-Type: " OCI_TYPE_INDEX "\r\n"
		       : "Content-Type: " OCI_TYPE_INDEX "\r\nLink: <?page=2>; rel=\"next\"\r\n",
		text);
}

static void manifests(struct test_request *q)
{
	const char *tag = strrchr(q->path, '/') + 1;
	char text[200], digest[OCI_DIGEST_MAX];
	if (str_eq(q->method, "PUT")) {
		snprintf(reg.put, sizeof(reg.put), "%.*s", (int)q->body_len, q->body);
		snprintf(reg.put_at, sizeof(reg.put_at), "%.200s", tag);
		reply(q, 201, strstr(q->path, "/modern/") ? "OCI-Subject: sha256:x\r\n" : "", "");
	} else if (str_eq(tag, "schema1")) {
		reply(q, 200,
			"Content-Type: "
			"application/vnd.docker.distribution.manifest.v1+prettyjws\r\n",
			"{}");
	} else if (str_eq(tag, "large")) {
		char *big = mem_alloc(LIMIT_MANIFEST + 10);
		memset(big, ' ', LIMIT_MANIFEST + 5);
		reply(q, 200, "", big);
		free(big);
	} else if (str_eq(tag, "untyped")) {
		reply(q, 200, "Content-Type: text/plain; charset=utf-8\r\n", image);
	} else if (str_eq(tag, "lies")) {
		digest_of("x", 1, digest);
		snprintf(text, sizeof(text), "Docker-Content-Digest: %s\r\n", digest);
		reply(q, 200, text, image);
	} else if (str_eq(tag, "escape")) {
		reply(q, 403, "",
			"{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b["
			"31mred\\u0007\\n\\u009b2J "
			"end\"}]}");
	} else if (str_eq(tag, "portal")) {
		reply(q, 200, "Content-Type: text/html; charset=utf-8\r\n",
			"<html>who are you?</html>");
	} else if (str_eq(tag, "html")) {
		reply(q, 502, "Content-Type: text/html\r\n", "<html>bad gateway</html>");
	} else if (str_eq(tag, "negotiate")) {
		reply(q, 401, "WWW-Authenticate: Negotiate\r\n", "");
	} else if (str_eq(tag, "broken")) {
		reply(q, 401, "WWW-Authenticate: Bearer realm=\"x\r\n", "");
	} else if (str_eq(tag, "plain-realm")) {
		reply(q, 401, "WWW-Authenticate: Bearer realm=\"http://192.0.2.1/token\"\r\n", "");
	} else if (str_eq(tag, "away")) {
		snprintf(text, sizeof(text), "Location: %s/stolen\r\n", other.url);
		reply(q, 307, text, "");
	} else if (str_eq(tag, "basic")) {
		reply(q, *reg.authorization ? 200 : 401,
			"WWW-Authenticate: Basic realm=\"x\"\r\nContent-Type: " OCI_TYPE_MANIFEST
			"\r\n",
			image);
	} else {
		reply(q, 404, "", "{\"errors\":[{\"code\":\"MANIFEST_UNKNOWN\"}]}");
	}
}

static void blobs(struct test_request *q)
{
	char range[100], headers[300];
	static const char data[] = "0123456789";
	bool asks = test_header(q, "Range:", range, sizeof(range));
	unsigned long long from = 0;
	if (asks)
		sscanf(range, "bytes=%llu-", &from);
	/* always from the beginning, whatever it says */
	if (strstr(q->path, "/liar/") && asks) {
		reply(q, 206, "Content-Range: bytes 0-9/10\r\n", data);
	} else if (strstr(q->path, "/silent/") && asks) {
		reply(q, 206, "", data + from);
	} else if (strstr(q->path, "/longer/")) {
		reply(q, 200, "", "0123456789abcdef");
	} else if (strstr(q->path, "/endless/")) {
		server_write(q, "HTTP/1.1 200 X\r\nConnection: close\r\n\r\n0123456789abcdef", 54);
		q->close = true;
	} else if (asks) {
		snprintf(headers, sizeof(headers), "Content-Range: bytes %llu-9/10\r\n", from);
		reply(q, 206, headers, data + from);
	} else {
		reply(q, 200, "", data);
	}
}

static void handle(struct test_server *s, struct test_request *q)
{
	note(q);
	if (s == &other)
		reply(q, 200, "", *reg.authorization ? "got a secret" : "{\"tags\":[]}");
	else if (strstr(q->path, "/blobs/uploads"))
		upload(q);
	else if (strstr(q->path, "/tags/"))
		tags(q);
	else if (strstr(q->path, "/referrers/") && !strstr(q->path, "/old/"))
		referrers(q);
	else if (strstr(q->path, "/manifests/"))
		manifests(q);
	else if (strstr(q->path, "/blobs/"))
		blobs(q);
	else
		reply(q, 404, "", "404 page not found");
}

static int start(void **state)
{
	server_start(&server, handle);
	server_start(&other, handle);
	snprintf(host, sizeof(host), "127.0.0.1:%d", server.port);
	return 0;
}

static int stop(void **state)
{
	server_stop(&server);
	server_stop(&other);
	free(reg.blob);
	return 0;
}

static int credentials(void *arg, const char *key, struct registry_credentials *ret, struct err *e)
{
	ret->username = mem_strdup("eve");
	ret->password = mem_strdup("secret");
	return 1;
}

struct setup {
	struct registry_client *c;
	struct registry_repo *r;
	struct err e;
};

static struct setup setup(const char *path)
{
	struct setup s = {.e = ERR_INIT};
	struct registry_endpoint at;
	free(reg.blob);
	memset(&reg, 0, sizeof(reg));
	registry_endpoint_default(host, path, &at);
	s.c = registry_client_new(&(struct registry_client_options){
		.retry_ms = 1, .retries = 2, .credentials = credentials});
	assert_ok(registry_repo_new(s.c, "the/name", &at, 1, &s.r, &s.e), &s.e);
	return s;
}

static void finish(struct setup *s)
{
	registry_repo_free(s->r);
	registry_client_free(s->c);
}

/* ---- uploads ---- */

static char *data(size_t len)
{
	char *p = mem_alloc(len + 1);
	for (size_t i = 0; i < len; i++)
		p[i] = (char)(i * 7 + i / 251);
	return p;
}

struct memory {
	const char *p;
	size_t len;
	int resumed;
	uint64_t at;
};

static ssize_t read_memory(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct memory *m = arg;
	len = MIN(len, m->len - (size_t)offset);
	memcpy(p, m->p + offset, len);
	return (ssize_t)len;
}

static void resumed(void *arg, uint64_t at)
{
	struct memory *m = arg;
	m->resumed++;
	m->at = at;
}

static void push(struct setup *s, struct memory *m, uint64_t chunk)
{
	char digest[OCI_DIGEST_MAX];
	digest_of(m->p, m->len, digest);
	struct registry_source src = {.read = read_memory, .resumed = resumed, .arg = m};
	struct registry_upload_options o = {.chunk = chunk};
	err_clear(&s->e);
	assert_ok(registry_blob_put(s->r, digest, m->len, &src, &o, &s->e), &s->e);
	assert_int_equal(reg.len, m->len);
	assert_memory_equal(reg.blob, m->p, m->len);
}

static void uploads_resume(void **state)
{
	char *p cleanup_free = data(10000);
	struct memory m = {.p = p, .len = 10000};
	struct setup s = setup("a");
	reg.cut_at = 4000;
	push(&s, &m, 0);
	/* the rest, and nothing twice */
	assert_contains(reg.log, "PATCH /v2/a/blobs/uploads/u1?state=4000 4000-9999 body=6000\n");
	assert_int_equal(m.resumed, 1);
	assert_int_equal(m.at, 4000);
	finish(&s);
	/* in chunks; the registry wants no less than 1000 */
	s = setup("a");
	reg.cut_at = 0;
	push(&s, &m, 10);
	assert_contains(reg.log, "0-999 body=1000\n");
	assert_contains(reg.log, "9000-9999 body=1000\n");
	finish(&s);
	s = setup("a");
	m.resumed = 0;
	reg.cut_at = 2500;
	push(&s, &m, 3000);
	assert_contains(reg.log, "2500-5499 body=3000\n");
	assert_int_equal(m.resumed, 1);
	finish(&s);
	/* the session is gone: a new one, from the beginning */
	s = setup("a");
	reg.stateless = true;
	push(&s, &m, 3000);
	assert_contains(reg.log, "DELETE ");
	finish(&s);
}

static void uploads_of_an_unknown_size(void **state)
{
	char *p cleanup_free = data(10000), digest[OCI_DIGEST_MAX];
	struct memory m = {.p = p, .len = 10000};
	struct setup s = setup("a");
	struct registry_source src = {.read = read_memory, .resumed = resumed, .arg = &m};
	struct registry_upload *u;
	uint64_t sent = 0;
	reg.cut_at = 4000;
	digest_of(p, m.len, digest);
	assert_ok(registry_upload_begin(s.r, NULL, &u, &s.e), &s.e);
	assert_ok(registry_upload_send(u, &src, &sent, &s.e), &s.e);
	assert_int_equal(sent, 10000);
	assert_contains(reg.log, "body=6000\n");
	assert_ok(registry_upload_finish(u, digest, &s.e), &s.e);
	assert_memory_equal(reg.blob, p, m.len);
	/* a wrong digest is told as such, after one attempt */
	assert_ok(registry_upload_begin(s.r, NULL, &u, &s.e), &s.e);
	assert_ok(registry_upload_send(u, &src, &sent, &s.e), &s.e);
	digest_of("x", 1, digest);
	*reg.log = 0;
	assert_int_equal(registry_upload_finish(u, digest, &s.e), -ERR_DIGEST);
	assert_contains(reg.log, "PUT ");
	assert_null(strstr(strstr(reg.log, "PUT ") + 1, "PUT "));
	assert_contains(reg.log, "DELETE ");
	finish(&s);
}

/* ---- lists ---- */

static int collect(void *arg, const char *name, struct err *e)
{
	strv_add(arg, name);
	return 0;
}

static int list(const char *path, struct strv *names, const char *last, unsigned n, struct err *e)
{
	struct setup s = setup(path);
	struct registry_list l = {.each = collect, .arg = names, .last = last, .n = n};
	strv_release(names);
	err_clear(e);
	int r = registry_tags(s.r, &l, e);
	finish(&s);
	return r;
}

static void lists(void **state)
{
	struct strv names cleanup_strv = STRV_INIT;
	struct err e = ERR_INIT;
	assert_ok(list("a", &names, NULL, 0, &e), &e);
	assert_int_equal(names.n, 3);
	assert_string_equal(names.v[2], "c");
	assert_ok(list("a", &names, NULL, 1, &e), &e);
	assert_int_equal(names.n, 1);
	assert_contains(reg.log, "list?n=1 ");
	assert_ok(list("a", &names, "b", 0, &e), &e);
	assert_int_equal(names.n, 1);
	assert_int_equal(list("loop/x", &names, NULL, 0, &e), -ERR_FORMAT);
	assert_contains(e.msg, "this page again");
	assert_int_equal(list("bad/x", &names, NULL, 0, &e), -ERR_FORMAT);
	assert_contains(e.msg, "tags[1]");
	/* a next page elsewhere is looked for here */
	int before = other.requests;
	assert_int_equal(list("steal/x", &names, NULL, 0, &e), -ERR_NOT_FOUND);
	assert_contains(reg.log, "GET /v2/x ");
	assert_int_equal(other.requests, before);
}

static void referrers_api(void **state)
{
	struct setup s = setup("a");
	struct oci_index i;
	char digest[OCI_DIGEST_MAX];
	digest_of("x", 1, digest);
	assert_ok(registry_referrers(s.r, digest, NULL, &i, &s.e), &s.e);
	assert_int_equal(i.nmanifests, 3);
	oci_index_release(&i);
	/* this registry does not filter: we do */
	assert_ok(registry_referrers(s.r, digest, "application/x.sbom", &i, &s.e), &s.e);
	assert_int_equal(i.nmanifests, 2);
	assert_contains(reg.log, "?artifactType=application%2Fx.sbom");
	oci_index_release(&i);
	finish(&s);
}

static void subjects(void **state)
{
	char text[3000], subject[OCI_DIGEST_MAX];
	digest_of("x", 1, subject);
	snprintf(text, sizeof(text),
		"%.*s,\"subject\":{\"mediaType\":\"" OCI_TYPE_MANIFEST
		"\",\"digest\":\"%s\",\"size\":1}}",
		(int)strlen(image) - 1, image, subject);
	struct setup s = setup("old/x");
	assert_ok(
		registry_manifest_put(s.r, "t", OCI_TYPE_MANIFEST, text, strlen(text), NULL, &s.e),
		&s.e);
	assert_true(str_starts(reg.put_at, "sha256-"));
	assert_contains(reg.put, OCI_TYPE_EMPTY); /* the config's type stands for the artifact's */
	finish(&s);
	s = setup("modern/x");
	assert_ok(
		registry_manifest_put(s.r, "t", OCI_TYPE_MANIFEST, text, strlen(text), NULL, &s.e),
		&s.e);
	assert_string_equal(reg.put_at, "t");
	finish(&s);
}

/* ---- hostile answers ---- */

static void hostile_manifests(void **state)
{
	static const struct {
		const char *tag;
		int code;
		const char *text;
	} cases[] = {
		{"schema1", ERR_UNSUPPORTED, "schema 1"},
		{"large", ERR_LIMIT, "more than"},
		{"lies", ERR_DIGEST, "says that 'lies' is sha256:"},
		{"escape", EACCES, "DENIED, [31mred 2J end"},
		{"html", EBUSY, "in trouble (status 502)"},
		{"portal", ERR_FORMAT, "answers with a web page"},
		{"negotiate", ERR_UNSUPPORTED, "'negotiate'"},
		{"broken", ERR_SYNTAX, "www-authenticate"},
		{"plain-realm", ERR_UNSUPPORTED, "plain HTTP"},
		{"nothing", ERR_NOT_FOUND, "no such tag or manifest"},
	};
	struct registry_manifest m;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct setup s = setup("a");
		int r = registry_manifest_get(s.r, cases[i].tag, NULL, &m, &s.e);
		assert_int_equal(r, -cases[i].code);
		assert_contains(s.e.msg, cases[i].text);
		assert_contains(s.e.msg, host);
		for (const char *p = s.e.msg; *p; p++)
			assert_true((unsigned char)*p >= ' ');
		finish(&s);
	}
	struct setup s = setup("a");
	static const char *const no_tags[] = {
		"", "..", "a/b", "../../v2/x", "-x", "a b", "sha256:ab", "x?y"};
	for (size_t i = 0; i < ARRAY_SIZE(no_tags); i++) {
		assert_int_equal(
			registry_manifest_get(s.r, no_tags[i], NULL, &m, &s.e), -ERR_SYNTAX);
		assert_int_equal(registry_manifest_head(s.r, no_tags[i], &m, &s.e), -ERR_SYNTAX);
		assert_int_equal(registry_manifest_delete(s.r, no_tags[i], &s.e), -ERR_SYNTAX);
		assert_int_equal(registry_manifest_put(s.r, no_tags[i], "x", "{}", 2, NULL, &s.e),
			-ERR_SYNTAX);
	}
	assert_string_equal(reg.log, "");
	err_clear(&s.e);
	assert_ok(registry_manifest_get(s.r, "untyped", NULL, &m, &s.e), &s.e);
	assert_string_equal(m.media_type, OCI_TYPE_MANIFEST);
	registry_manifest_release(&m);
	finish(&s);
}

/* Basic credentials: known from the first 401 on, and for this registry only. */
static void secrets_stay(void **state)
{
	struct setup s = setup("a");
	struct registry_manifest m;
	assert_ok(registry_manifest_get(s.r, "basic", NULL, &m, &s.e), &s.e);
	registry_manifest_release(&m);
	assert_string_equal(reg.authorization, "Basic ZXZlOnNlY3JldA==");
	err_clear(&s.e);
	registry_manifest_get(s.r, "away", NULL, &m, &s.e);
	registry_manifest_release(&m);
	assert_contains(reg.log, "GET /stolen");
	assert_string_equal(reg.authorization, "");
	finish(&s);
}

static int add(void *arg, const void *p, size_t len, struct err *e)
{
	return buf_add(arg, p, len);
}

static int fetch(const char *path, uint64_t offset, struct buf *b, struct err *e)
{
	struct setup s = setup(path);
	char digest[OCI_DIGEST_MAX];
	digest_of("0123456789", 10, digest);
	buf_clear(b);
	err_clear(e);
	struct registry_blob_fetch f = {
		.digest = digest, .size = 10, .offset = offset, .write = add, .arg = b};
	int r = registry_blob_fetch(s.r, &f, NULL, e);
	finish(&s);
	return r;
}

static void hostile_blobs(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(fetch("a", 0, &b, &e), &e);
	assert_ok(fetch("a", 4, &b, &e), &e);
	assert_string_equal(buf_str(&b), "456789");
	assert_int_equal(fetch("liar/x", 4, &b, &e), -ERR_FORMAT);
	assert_contains(e.msg, "asked for the bytes from 4 on, and those from 0 came");
	assert_int_equal(fetch("silent/x", 4, &b, &e), -ERR_FORMAT);
	assert_int_equal(fetch("longer/x", 0, &b, &e), -ERR_DIGEST);
	assert_int_equal(fetch("endless/x", 0, &b, &e), -ERR_DIGEST);
	assert_int_equal(b.len, 0);
	assert_int_equal(fetch("a", 11, &b, &e), -ERR_DIGEST);
}

/* A foreign layer comes from its own address, without our credentials; else from the registry. */
static void foreign_layers(void **state)
{
	struct setup s = setup("a");
	char digest[OCI_DIGEST_MAX];
	struct buf b cleanup_buf = BUF_INIT;
	struct strv urls cleanup_strv = STRV_INIT;
	digest_of("0123456789", 10, digest);
	strv_addf(&urls, "%s/v2/x/blobs/foreign", server.url);
	struct registry_blob_fetch f = {
		.digest = digest, .size = 10, .write = add, .arg = &b, .urls = &urls};
	assert_ok(registry_blob_fetch(s.r, &f, NULL, &s.e), &s.e);
	assert_contains(reg.log, "GET /v2/x/blobs/foreign");
	assert_null(strstr(reg.log, "sha256:"));
	strv_release(&urls);
	strv_add(&urls, "file:///etc/passwd");
	strv_add(&urls, "http://192.0.2.1/x");
	strv_addf(&urls, "%s/none", server.url);
	buf_clear(&b);
	assert_ok(registry_blob_fetch(s.r, &f, NULL, &s.e), &s.e);
	assert_contains(reg.log, digest);
	assert_string_equal(buf_str(&b), "0123456789");
	finish(&s);
}

static void offline(void **state)
{
	struct err e = ERR_INIT;
	struct registry_endpoint at;
	struct registry_repo *r;
	struct registry_manifest m;
	struct registry_client *c =
		registry_client_new(&(struct registry_client_options){.offline = true});
	registry_endpoint_default("192.0.2.1", "a", &at);
	assert_ok(registry_repo_new(c, "192.0.2.1/a", &at, 1, &r, &e), &e);
	assert_int_equal(registry_manifest_get(r, "x", NULL, &m, &e), -ERR_UNSUPPORTED);
	assert_contains(e.msg, "offline");
	registry_repo_free(r);
	err_clear(&e);
	at.host = "bad host";
	assert_int_equal(registry_repo_new(c, "x", &at, 1, &r, &e), -ERR_SYNTAX);
	registry_client_free(c);
	registry_endpoint_default("docker.io", "library/x", &at);
	assert_string_equal(at.host, "registry-1.docker.io");
	assert_string_equal(at.auth_key, "https://index.docker.io/v1/");
}

static void clean_text(void **state)
{
	char out[12];
	registry_clean_text("a\n\n\tb \x1b[0m", out, sizeof(out));
	assert_string_equal(out, "a b [0m");
	registry_clean_text("\xc2\x9b"
			    "x\xc3\xa4",
		out, sizeof(out));
	assert_string_equal(out, "x\xc3\xa4");
	registry_clean_text("aaaaaaaaa\xe2\x82\xac", out, sizeof(out));
	assert_string_equal(out, "aaaaaaaaa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(uploads_resume),
		cmocka_unit_test(uploads_of_an_unknown_size),
		cmocka_unit_test(lists),
		cmocka_unit_test(referrers_api),
		cmocka_unit_test(subjects),
		cmocka_unit_test(hostile_manifests),
		cmocka_unit_test(secrets_stay),
		cmocka_unit_test(hostile_blobs),
		cmocka_unit_test(foreign_layers),
		cmocka_unit_test(offline),
		cmocka_unit_test(clean_text),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
