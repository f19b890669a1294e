/* tests/tools/faultproxy.py as a child, in front of a registry. */
#pragma once

#include "distribution.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "http/client.h"

struct faultproxy {
	pid_t pid;
	char host[32];
	char dir[64];
};

/* args: more of the program's options, NULL at their end */
static inline void faultproxy_start(
	struct faultproxy *f, const char *upstream, const char *const *args)
{
	char tool[600], port[128], log[128];
	const char *argv[32] = {
		"python3", tool, "--upstream", upstream, "--port-file", port, "--log", log};
	size_t n = 8;
	snprintf(f->dir, sizeof(f->dir), "/tmp/kist-fault-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(tool, sizeof(tool), "%s/../tools/faultproxy.py",
		getenv("KIST_TEST_DATA") ?: "tests/data");
	snprintf(port, sizeof(port), "%s/port", f->dir);
	snprintf(log, sizeof(log), "%s/log", f->dir);
	for (; args && *args; args++)
		argv[n++] = *args;
	argv[n] = NULL;
	f->pid = fork();
	if (f->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp("python3", (char *const *)argv);
		_exit(127);
	}
	int number = 0;
	for (int i = 0; i < 200 && !number; i++) {
		nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
		FILE *file = fopen(port, "re");
		if (file && fscanf(file, "%d", &number) != 1)
			number = 0;
		if (file)
			fclose(file);
	}
	assert_true(number > 0);
	snprintf(f->host, sizeof(f->host), "127.0.0.1:%d", number);
}

static inline void faultproxy_stop(struct faultproxy *f)
{
	struct distribution as = {.pid = f->pid};
	memcpy(as.dir, f->dir, sizeof(as.dir));
	distribution_stop(&as);
}

/* Anything under /_fault/; the answer's body, the caller's. */
static inline char *faultproxy_say(
	struct faultproxy *f, const char *method, const char *what, const char *body)
{
	struct err e = ERR_INIT;
	struct http_client *c = http_client_new(&(struct http_client_options){0});
	struct http_response rs = HTTP_RESPONSE_INIT;
	char url[128];
	snprintf(url, sizeof(url), "http://%s/_fault/%s", f->host, what);
	struct http_request rq = {
		.method = method, .url = url, .body = body, .body_len = strlen(body)};
	assert_ok(http_do(c, &rq, &rs, &e), &e);
	assert_in_range(rs.status, 200, 204);
	char *out = mem_strdup(buf_str(&rs.body));
	http_response_release(&rs);
	http_client_free(c);
	return out;
}

/* Lines of rules; counters begin anew. */
static inline void fault(struct faultproxy *f, const char *rules)
{
	free(faultproxy_say(f, "POST", "rules", rules));
	free(faultproxy_say(f, "POST", "reset", ""));
}

/* A number of the statistics, by its JSON key. */
static inline long long fault_count(struct faultproxy *f, const char *key)
{
	char *stats cleanup_free = faultproxy_say(f, "GET", "stats", "");
	char quoted[64];
	snprintf(quoted, sizeof(quoted), "\"%s\": ", key);
	const char *at = strstr(stats, quoted);
	return at ? strtoll(at + strlen(quoted), NULL, 10) : 0;
}
