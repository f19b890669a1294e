/* The HTTP client against a server that does as told: bodies, redirects, limits, cuts, stops. */
#include "server.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "http/client.h"
#include "http/header.h"

#include <errno.h>

static struct test_server one, two;

/* What the server does is said by the path. */
static void handle(struct test_server *s, struct test_request *q)
{
	char text[9100], value[256];
	const char *p = q->path;
	if (str_eq(p, "/hello")) {
		reply(q, 200, "X-Thing: a\r\nx-thing: b\r\n", "hello");
	} else if (str_eq(p, "/auth")) {
		reply(q, 200, "",
			test_header(q, "Authorization:", value, sizeof(value)) ? value : "none");
	} else if (str_starts(p, "/to?")) {
		snprintf(text, sizeof(text), "Location: %s\r\n", p + 4);
		reply(q, 307, text, "moved");
	} else if (str_starts(p, "/found?")) {
		snprintf(text, sizeof(text), "Location: %s\r\n", p + 7);
		reply(q, 302, text, "");
	} else if (str_eq(p, "/loop")) {
		reply(q, 302, "Location: /loop\r\n", "");
	} else if (str_eq(p, "/echo")) {
		q->body = mem_realloc(q->body, q->body_len + 1, 1);
		q->body[q->body_len] = 0;
		snprintf(text, sizeof(text), "%s %zu %.100s", q->method, q->body_len, q->body);
		reply(q, 201, "", text);
	} else if (str_eq(p, "/headers")) {
		server_write(q, "HTTP/1.1 200 X\r\n", 16);
		for (int i = 0; i < 1000; i++) {
			int n = snprintf(text, sizeof(text), "X-%d: %0200d\r\n", i, i);
			server_write(q, text, (size_t)n);
		}
		server_write(q, "\r\n", 2);
		q->close = true;
	} else if (str_starts(p, "/big?")) {
		size_t len = 300000;
		char *big = mem_alloc(len + 1);
		memset(big, 'x', len);
		reply(q, (int)strtol(p + 5, NULL, 10), "", big);
		free(big);
	} else if (str_eq(p, "/cut")) {
		server_write(q, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf", 42);
		q->close = true;
	} else if (str_eq(p, "/stall")) {
		server_write(q, "HTTP/1.1 200 X\r\nContent-Length: 100\r\n\r\nhalf", 42);
		server_sleep(1500);
		q->close = true;
	} else if (str_eq(p, "/silence")) {
		server_sleep(1500);
		q->close = true;
	} else if (str_eq(p, "/garbage")) {
		server_write(q, "220 mail.example ESMTP\r\n", 24);
		q->close = true;
	} else if (str_eq(p, "/nothing")) {
		q->close = true;
	} else if (str_eq(p, "/continue")) {
		server_write(q, "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n", 37);
		reply(q, 200, "", "late");
	} else if (str_eq(p, "/range")) {
		test_header(q, "Range:", value, sizeof(value));
		reply(q, 206, "Content-Range: bytes 5-9/10\r\n", value);
	} else if (str_eq(p, "/length")) {
		reply(q, 200, "Content-Length: x1\r\n", "");
	} else {
		snprintf(text, sizeof(text), "not here: %s", p);
		reply(q, 404, "", text);
	}
}

static int start(void **state)
{
	server_start(&one, handle);
	server_start(&two, handle);
	return 0;
}

static int stop(void **state)
{
	server_stop(&one);
	server_stop(&two);
	return 0;
}

struct call {
	struct http_client *c;
	struct http_response rs;
	struct err e;
	char url[9200];
};

static int get(struct call *k, struct http_request rq, const char *path)
{
	err_clear(&k->e);
	snprintf(k->url, sizeof(k->url), "%s%s", one.url, path);
	if (!rq.url)
		rq.url = k->url;
	return http_do(k->c, &rq, &k->rs, &k->e);
}

static struct call *call_new(const struct http_client_options *o)
{
	static const struct http_client_options none;
	struct call *k = mem_alloc(sizeof(*k));
	k->c = http_client_new(o ?: &none);
	return k;
}

static void call_free(struct call *k)
{
	http_response_release(&k->rs);
	http_client_free(k->c);
	free(k);
}

static void plain(void **state)
{
	struct call *k = call_new(NULL);
	int before = one.connections;
	for (int i = 0; i < 3; i++) {
		assert_ok(get(k, (struct http_request){0}, "/hello"), &k->e);
		assert_int_equal(k->rs.status, 200);
		assert_string_equal(buf_str(&k->rs.body), "hello");
		assert_int_equal(k->rs.length, 5);
		assert_int_equal(k->rs.received, 5);
		assert_string_equal(http_header_nth(&k->rs.headers, "x-thing", 1), "b");
	}
	assert_int_equal(one.connections - before, 1); /* kept and used again */
	assert_ok(get(k, (struct http_request){.method = "HEAD"}, "/hello"), &k->e);
	assert_int_equal(k->rs.length, 5);
	assert_int_equal(k->rs.body.len, 0);
	assert_ok(get(k, (struct http_request){0}, "/nowhere"), &k->e);
	assert_int_equal(k->rs.status, 404);
	assert_contains(buf_str(&k->rs.body), "not here");
	assert_ok(get(k, (struct http_request){0}, "/continue"), &k->e);
	assert_int_equal(k->rs.status, 200);
	assert_null(http_header_get(&k->rs.headers, "x-early"));
	assert_ok(get(k, (struct http_request){.range = true, .offset = 5}, "/range"), &k->e);
	assert_string_equal(buf_str(&k->rs.body), "bytes=5-");
	call_free(k);
}

static void authorization(void **state)
{
	struct call *k = call_new(NULL);
	struct http_request rq = {.authorization = "Bearer secret"};
	char path[200];
	assert_ok(get(k, rq, "/auth"), &k->e);
	assert_string_equal(buf_str(&k->rs.body), "Bearer secret");
	/* on the same origin it stays, on another it goes, and back home it is there again */
	assert_ok(get(k, rq, "/to?/auth"), &k->e);
	assert_string_equal(buf_str(&k->rs.body), "Bearer secret");
	snprintf(path, sizeof(path), "/to?%s/auth", two.url);
	assert_ok(get(k, rq, path), &k->e);
	assert_string_equal(buf_str(&k->rs.body), "none");
	assert_true(str_starts(k->rs.url, two.url));
	snprintf(path, sizeof(path), "/to?%s/to?%s/auth", two.url, one.url);
	assert_ok(get(k, rq, path), &k->e);
	assert_string_equal(buf_str(&k->rs.body), "Bearer secret");
	/* another name of the same machine is another origin */
	snprintf(path, sizeof(path), "/to?http://localhost:%d/auth", one.port);
	assert_ok(get(k, rq, path), &k->e);
	assert_string_equal(buf_str(&k->rs.body), "none");
	call_free(k);
}

static void redirects(void **state)
{
	struct call *k = call_new(NULL);
	assert_int_equal(get(k, (struct http_request){0}, "/loop"), -ERR_LIMIT);
	assert_int_equal(get(k, (struct http_request){0}, "/to?ftp://x/"), -ERR_UNSUPPORTED);
	assert_int_equal(get(k, (struct http_request){0}, "/to?http://u:p@x/"), -ERR_UNSUPPORTED);
	/* 192.0.2.0/24 is nobody's: a plain request there is refused before it is made */
	assert_int_equal(
		get(k, (struct http_request){0}, "/to?http://192.0.2.1/x"), -ERR_UNSUPPORTED);
	assert_contains(k->e.msg, "plain HTTP to '192.0.2.1'");
	struct http_request put = {.method = "PUT", .body = "data", .body_len = 4};
	assert_ok(get(k, put, "/to?/echo"), &k->e);
	assert_string_equal(buf_str(&k->rs.body), "PUT 4 data");
	assert_int_equal(get(k, put, "/found?/echo"), -ERR_FORMAT);
	assert_contains(k->e.msg, "redirects a PUT");
	put.no_redirect = true;
	assert_ok(get(k, put, "/to?/echo"), &k->e);
	assert_int_equal(k->rs.status, 307);
	call_free(k);
}

static void refused(void **state)
{
	struct call *k = call_new(NULL);
	struct http_request rq = {.url = "http://192.0.2.1/"};
	assert_int_equal(get(k, rq, ""), -ERR_UNSUPPORTED);
	assert_contains(k->e.hint, "--tls-verify=false");
	rq.url = "http://127.0.0.1:1/";
	assert_int_equal(get(k, rq, ""), -ECONNREFUSED);
	assert_contains(k->e.msg, "GET http://127.0.0.1:1/");
	rq.url = "http://127.0.0.1:1/?secret=1";
	assert_int_equal(get(k, rq, ""), -ECONNREFUSED);
	assert_null(strstr(k->e.msg, "secret"));
	call_free(k);
	/* TLS with a server that waits for a request's end */
	k = call_new(&(struct http_client_options){.connect_ms = 300});
	char url[100];
	snprintf(url, sizeof(url), "https://127.0.0.1:%d/", one.port);
	rq.url = url;
	assert_int_equal(get(k, rq, ""), -EHOSTUNREACH);
	call_free(k);
}

static void limits(void **state)
{
	struct call *k = call_new(NULL);
	assert_int_equal(get(k, (struct http_request){0}, "/headers"), -ERR_LIMIT);
	assert_contains(k->e.msg, "headers");
	assert_int_equal(get(k, (struct http_request){.max_body = 1000}, "/big?200"), -ERR_LIMIT);
	assert_ok(get(k, (struct http_request){.max_body = 300000}, "/big?200"), &k->e);
	assert_int_equal(k->rs.body.len, 300000);
	/* an error is read for its words only */
	assert_ok(get(k, (struct http_request){0}, "/big?500"), &k->e);
	assert_int_equal(k->rs.status, 500);
	assert_int_equal(k->rs.body.len, LIMIT_ERROR_BODY);
	assert_int_equal(get(k, (struct http_request){0}, "/length"), -EBADMSG);
	call_free(k);
}

static void cuts(void **state)
{
	struct call *k = call_new(&(struct http_client_options){.stall_ms = 300});
	assert_int_equal(get(k, (struct http_request){0}, "/cut"), -ECONNRESET);
	assert_int_equal(k->rs.status, 200);
	assert_int_equal(get(k, (struct http_request){0}, "/nothing"), -ECONNRESET);
	assert_int_equal(k->rs.status, 0);
	assert_int_equal(get(k, (struct http_request){0}, "/stall"), -ETIMEDOUT);
	assert_int_equal(get(k, (struct http_request){0}, "/silence"), -ETIMEDOUT);
	assert_int_equal(get(k, (struct http_request){0}, "/garbage"), -EBADMSG);
	call_free(k);
}

struct source {
	size_t len;
};

static ssize_t read_source(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct source *s = arg;
	len = MIN(len, s->len - (size_t)offset);
	memset(p, 'y', len);
	return (ssize_t)len;
}

static ssize_t read_fails(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	return err_set(e, EIO, "the disk is gone");
}

static void uploads(void **state)
{
	struct call *k = call_new(NULL);
	struct source s = {.len = 1000000};
	struct http_request rq = {.method = "PATCH", .read = read_source, .size = s.len, .arg = &s};
	assert_ok(get(k, rq, "/echo"), &k->e);
	assert_contains(buf_str(&k->rs.body), "PATCH 1000000 yyy");
	rq.size = UINT64_MAX;
	assert_ok(get(k, rq, "/echo"), &k->e);
	assert_contains(buf_str(&k->rs.body), "PATCH 1000000 yyy");
	assert_ok(get(k, rq, "/to?/echo"), &k->e); /* sent again from its beginning */
	assert_contains(buf_str(&k->rs.body), "PATCH 1000000 yyy");
	assert_ok(get(k, (struct http_request){.method = "POST"}, "/echo"), &k->e);
	assert_contains(buf_str(&k->rs.body), "POST 0 ");
	assert_ok(get(k, (struct http_request){.method = "DELETE"}, "/echo"), &k->e);
	assert_contains(buf_str(&k->rs.body), "DELETE 0 ");
	rq.read = read_fails;
	assert_int_equal(get(k, rq, "/echo"), -EIO);
	assert_string_equal(k->e.msg, "the disk is gone");
	call_free(k);
}

struct sink {
	int heads;
	size_t bytes;
	bool fail_head, fail_write;
};

static int on_head(void *arg, const struct http_response *r, struct err *e)
{
	struct sink *s = arg;
	s->heads++;
	return s->fail_head ? err_set(e, ERR_FORMAT, "head") : 0;
}

static int on_write(void *arg, const void *p, size_t len, struct err *e)
{
	struct sink *s = arg;
	s->bytes += len;
	return s->fail_write ? err_set(e, ENOSPC, "full") : 0;
}

static void streams(void **state)
{
	struct call *k = call_new(NULL);
	struct sink s = {0};
	struct http_request rq = {.head = on_head, .write = on_write, .arg = &s};
	assert_ok(get(k, rq, "/to?/big?200"), &k->e);
	assert_int_equal(s.heads, 1); /* not for the redirect */
	assert_int_equal(s.bytes, 300000);
	assert_int_equal(k->rs.body.len, 0);
	assert_ok(get(k, rq, "/nowhere"), &k->e); /* an error's body is not the caller's */
	assert_int_equal(s.bytes, 300000);
	assert_contains(buf_str(&k->rs.body), "not here");
	s.fail_write = true;
	assert_int_equal(get(k, rq, "/big?200"), -ENOSPC);
	assert_string_equal(k->e.msg, "full");
	s.fail_head = true;
	assert_int_equal(get(k, rq, "/big?200"), -ERR_FORMAT);
	call_free(k);
}

static volatile sig_atomic_t stop_flag;

static void *stop_soon(void *arg)
{
	server_sleep(200);
	stop_flag = 1;
	return NULL;
}

static void stops(void **state)
{
	struct call *k = call_new(&(struct http_client_options){.stop = &stop_flag});
	pthread_t t;
	int64_t begin = clock_monotonic();
	pthread_create(&t, NULL, stop_soon, NULL);
	assert_int_equal(get(k, (struct http_request){0}, "/silence"), -ERR_INTERRUPTED);
	assert_true(clock_monotonic() - begin < 700 * 1000000LL);
	pthread_join(t, NULL);
	assert_int_equal(http_wait(k->c, 10000, NULL), -ERR_INTERRUPTED);
	stop_flag = 0;
	assert_int_equal(http_wait(k->c, 10, NULL), 0);
	call_free(k);
}

/* A proxy sees the whole address; loopback and no_proxy go by themselves. */
static void proxies(void **state)
{
	struct http_client_options o = {.http_proxy = two.url, .no_proxy = "direct.invalid"};
	struct call *k = call_new(&o);
	struct http_request rq = {.url = "http://registry.invalid/v2/", .plain_http = true};
	assert_ok(get(k, rq, ""), &k->e);
	assert_contains(buf_str(&k->rs.body), "not here: http://registry.invalid/v2/");
	int before = two.requests;
	assert_ok(get(k, (struct http_request){0}, "/hello"), &k->e);
	assert_int_equal(two.requests, before);
	rq.url = "http://direct.invalid/";
	assert_int_equal(get(k, rq, ""), -EHOSTUNREACH);
	call_free(k);
	/* the environment is not asked */
	setenv("http_proxy", two.url, 1);
	setenv("ALL_PROXY", two.url, 1);
	k = call_new(NULL);
	rq.url = "http://registry.invalid/";
	assert_int_equal(get(k, rq, ""), -EHOSTUNREACH);
	call_free(k);
	unsetenv("http_proxy");
	unsetenv("ALL_PROXY");
}

static void *many(void *arg)
{
	struct call *shared = arg, k = {.c = shared->c};
	for (int i = 0; i < 20; i++) {
		http_response_release(&k.rs);
		snprintf(k.url, sizeof(k.url), "%s/big?200", one.url);
		struct http_request rq = {.url = k.url};
		if (http_do(k.c, &rq, &k.rs, &k.e) < 0 || k.rs.body.len != 300000)
			return NULL;
	}
	http_response_release(&k.rs);
	return arg;
}

static void threads(void **state)
{
	struct call *k = call_new(NULL);
	pthread_t t[8];
	int before = one.connections;
	for (int i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, many, k);
	for (int i = 0; i < 8; i++) {
		void *ok;
		pthread_join(t[i], &ok);
		assert_non_null(ok);
	}
	assert_in_range(one.connections - before, 1, 8);
	call_free(k);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain),
		cmocka_unit_test(authorization),
		cmocka_unit_test(redirects),
		cmocka_unit_test(refused),
		cmocka_unit_test(limits),
		cmocka_unit_test(cuts),
		cmocka_unit_test(uploads),
		cmocka_unit_test(streams),
		cmocka_unit_test(stops),
		cmocka_unit_test(proxies),
		cmocka_unit_test(threads),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
