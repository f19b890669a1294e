/* Debian's docker-registry (distribution 2.8) as a child on a free port of loopback, in memory or in
 * a directory that goes with it. Tests SKIP where it is not installed. */
#pragma once

#include "../test.h"

#include "base/defs.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct distribution {
	pid_t pid;
	int port;
	char host[32]; /* "127.0.0.1:PORT" */
	char dir[64];
};

static inline int distribution_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

static inline bool distribution_answers(int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return ok;
}

/* extra: more lines of the configuration's http section and below, or "" */
static inline bool distribution_start(struct distribution *d, const char *extra)
{
	char path[128];
	if (access("/usr/bin/docker-registry", X_OK) != 0)
		return false;
	snprintf(d->dir, sizeof(d->dir), "/tmp/kist-registry-XXXXXX");
	assert_non_null(mkdtemp(d->dir));
	d->port = distribution_port();
	snprintf(d->host, sizeof(d->host), "127.0.0.1:%d", d->port);
	snprintf(path, sizeof(path), "%s/config.yml", d->dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f,
		"version: 0.1\nlog:\n  level: error\nstorage:\n  filesystem:\n    rootdirectory: "
		"%s/data\n  delete:\n    enabled: true\nhttp:\n  addr: %s\n%s",
		d->dir, d->host, extra);
	fclose(f);
	d->pid = fork();
	if (d->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
		dup2(null, 1);
		if (!getenv("KIST_REGISTRY_LOG"))
			dup2(null, 2);
		execl("/usr/bin/docker-registry", "docker-registry", "serve", path, NULL);
		_exit(127);
	}
	for (int i = 0; i < 200 && !distribution_answers(d->port); i++)
		nanosleep(&(struct timespec){.tv_nsec = 50 * 1000000}, NULL);
	assert_true(distribution_answers(d->port));
	return true;
}

static inline void distribution_stop(struct distribution *d)
{
	char command[128];
	kill(d->pid, SIGKILL);
	waitpid(d->pid, NULL, 0);
	pid_t pid = fork();
	if (pid == 0) {
		snprintf(command, sizeof(command), "%s", d->dir);
		execl("/bin/rm", "rm", "-rf", "--", command, NULL);
		_exit(127);
	}
	waitpid(pid, NULL, 0);
}
