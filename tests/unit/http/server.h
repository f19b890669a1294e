/* A small HTTP server inside a test: a thread for each connection, and a handler that writes its
 * answer as it likes, right or wrong. */
#pragma once

#include "../test.h"

#include "base/mem.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct test_request {
	char method[16];
	char path[9000];
	char head[32768]; /* all header lines */
	char *body;
	size_t body_len;
	int number; /* of this server, from 1 */
	int fd;     /* for the answer */
	bool close; /* handler: end the connection after this */
};

struct test_server {
	int fd, port;
	void (*handle)(struct test_server *s, struct test_request *q);
	void *arg;
	atomic_int requests, connections;
	pthread_t thread;
	pthread_t threads[64];
	int fds[64];
	int nthreads;
	pthread_mutex_t lock;
	char url[64]; /* "http://127.0.0.1:PORT" */
};

struct test_connection {
	struct test_server *s;
	int fd;
	char buf[65536];
	size_t len;
};

static inline bool server_more(struct test_connection *c)
{
	ssize_t n = c->len < sizeof(c->buf) - 1
			    ? read(c->fd, c->buf + c->len, sizeof(c->buf) - 1 - c->len)
			    : 0;
	if (n <= 0)
		return false;
	c->len += (size_t)n;
	c->buf[c->len] = 0;
	return true;
}

static inline void server_drop(struct test_connection *c, size_t n)
{
	memmove(c->buf, c->buf + n, c->len - n + 1);
	c->len -= n;
}

/* A header's value in out; false: not there. name with its colon. */
static inline bool test_header(
	const struct test_request *q, const char *name, char *out, size_t size)
{
	for (const char *p = q->head; *p;) {
		if (strncasecmp(p, name, strlen(name)) == 0) {
			p += strlen(name) + 1;
			snprintf(out, size, "%.*s", (int)strcspn(p, "\r\n"), p);
			return true;
		}
		p += strcspn(p, "\n");
		p += *p == '\n';
	}
	*out = 0;
	return false;
}

static inline bool server_take(struct test_connection *c, struct test_request *q, size_t n)
{
	while (n) {
		if (c->len == 0 && !server_more(c))
			return false;
		size_t take = n < c->len ? n : c->len;
		q->body = mem_realloc(q->body, q->body_len + take + 1, 1);
		memcpy(q->body + q->body_len, c->buf, take);
		q->body_len += take;
		server_drop(c, take);
		n -= take;
	}
	return true;
}

static inline bool server_body(struct test_connection *c, struct test_request *q)
{
	char value[64];
	if (test_header(q, "Content-Length:", value, sizeof(value)))
		return server_take(c, q, strtoul(value, NULL, 10));
	if (!test_header(q, "Transfer-Encoding:", value, sizeof(value)))
		return true;
	for (;;) {
		char *end;
		while (!(end = strstr(c->buf, "\r\n")) || c->len == 0)
			if (!server_more(c))
				return false;
		size_t n = strtoul(c->buf, NULL, 16);
		server_drop(c, (size_t)(end + 2 - c->buf));
		if (n && !server_take(c, q, n))
			return false;
		while (c->len < 2)
			if (!server_more(c))
				return false;
		server_drop(c, 2);
		if (n == 0)
			return true;
	}
}

static inline bool server_one(struct test_connection *c, struct test_request *q)
{
	char *end;
	memset(q, 0, sizeof(*q));
	while (c->len == 0 || !(end = strstr(c->buf, "\r\n\r\n")))
		if (!server_more(c))
			return false;
	sscanf(c->buf, "%15s %8999s", q->method, q->path);
	char *line = strstr(c->buf, "\r\n") + 2;
	snprintf(q->head, sizeof(q->head), "%.*s", (int)(end + 2 - line), line);
	server_drop(c, (size_t)(end + 4 - c->buf));
	q->fd = c->fd;
	return server_body(c, q);
}

static inline void *server_connection(void *arg)
{
	struct test_connection *c = arg;
	struct test_request *q = mem_alloc(sizeof(*q));
	bool go = true;
	while (go && server_one(c, q)) {
		q->number = ++c->s->requests;
		c->s->handle(c->s, q);
		go = !q->close;
		free(q->body);
		q->body = NULL;
	}
	free(q->body);
	free(q);
	shutdown(c->fd, SHUT_RDWR);
	free(c);
	return NULL;
}

static inline void *server_loop(void *arg)
{
	struct test_server *s = arg;
	int fd;
	while ((fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
		struct test_connection *c = mem_alloc(sizeof(*c));
		s->connections++;
		c->s = s;
		c->fd = fd;
		pthread_mutex_lock(&s->lock);
		assert_true(s->nthreads < 64);
		s->fds[s->nthreads] = fd;
		pthread_create(&s->threads[s->nthreads++], NULL, server_connection, c);
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

static inline void server_start(
	struct test_server *s, void (*handle)(struct test_server *, struct test_request *))
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	memset(s, 0, sizeof(*s));
	s->handle = handle;
	pthread_mutex_init(&s->lock, NULL);
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(s->fd, 64), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&a, &len), 0);
	s->port = ntohs(a.sin_port);
	snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%d", s->port);
	pthread_create(&s->thread, NULL, server_loop, s);
}

static inline void server_stop(struct test_server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	for (int i = 0; i < s->nthreads; i++)
		shutdown(s->fds[i], SHUT_RDWR);
	for (int i = 0; i < s->nthreads; i++) {
		pthread_join(s->threads[i], NULL);
		close(s->fds[i]);
	}
	pthread_mutex_destroy(&s->lock);
}

static inline void server_write(struct test_request *q, const void *p, size_t len)
{
	const char *s = p;
	while (len) {
		ssize_t n = send(q->fd, s, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;
		s += n;
		len -= (size_t)n;
	}
}

/* headers: complete lines with \r\n, or "" */
static inline void reply(struct test_request *q, int status, const char *headers, const char *body)
{
	char head[4096];
	size_t len = strlen(body);
	int n = snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s\r\n",
		status, len, headers);
	server_write(q, head, (size_t)n);
	if (strcmp(q->method, "HEAD") != 0)
		server_write(q, body, len);
}

static inline void server_sleep(int ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}
