/*
 * For tests that need a network of their own: a "host" namespace, in which the test
 * itself then lives, with an uplink to an "outside" namespace, and namespaces for
 * containers. Nothing of the machine's own network is touched. Root only.
 */
#pragma once

#include "../test.h"

#include "base/defs.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#define HOST_IP    "192.0.2.2"
#define OUTSIDE_IP "192.0.2.1"

static inline int netns_new(void)
{
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(here >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(setns(here, CLONE_NEWNET), 0);
	close(here);
	return fd;
}

/* Runs a shell line in a namespace (-1: ours); its exit status, its output in out when not NULL. */
static inline int netns_run(int fd, const char *line, char *out, size_t size)
{
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (fd >= 0 && setns(fd, CLONE_NEWNET) < 0)
			_exit(99);
		dup2(p[1], 1);
		dup2(p[1], 2);
		execl("/bin/sh", "sh", "-c", line, (char *)NULL);
		_exit(98);
	}
	close(p[1]);
	size_t len = 0;
	char drop[512];
	for (;;) {
		bool room = out && len + 1 < size;
		ssize_t n = room ? read(p[0], out + len, size - 1 - len)
				 : read(p[0], drop, sizeof(drop));
		if (n <= 0)
			break;
		len += room ? (size_t)n : 0;
	}
	if (out)
		out[len] = 0;
	close(p[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Moves the test into a fresh host namespace with sysctls to write and an uplink of MTU 1400 to
 * another one, which is returned. */
static inline int netns_make_host(void)
{
	assert_int_equal(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
	assert_int_equal(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	/* /proc/sys/net shows the namespace of the reader, so the mounted /proc serves */
	int outside = netns_new();
	char line[512];
	snprintf(line, sizeof(line),
		"ip link set lo up && "
		"ip link add up0 mtu 1400 type veth peer name host0 netns /proc/%d/fd/%d && "
		"ip addr add " HOST_IP "/24 dev up0 && ip link set up0 up && "
		"ip route add default via " OUTSIDE_IP,
		(int)getpid(), outside);
	char out[1024];
	if (netns_run(-1, line, out, sizeof(out)) != 0) {
		print_error("%s\n", out);
		fail();
	}
	assert_int_equal(netns_run(outside,
				 "ip link set lo up && ip addr add " OUTSIDE_IP
				 "/24 dev host0 && ip link set host0 up",
				 out, sizeof(out)),
		0);
	return outside;
}

/* NULL when tests of this kind can run; else the reason. */
static inline const char *netns_missing(void)
{
	if (geteuid() != 0)
		return "needs root";
	if (access("/sbin/ip", X_OK) < 0 && access("/usr/sbin/ip", X_OK) < 0)
		return "needs ip (iproute2)";
	return NULL;
}
