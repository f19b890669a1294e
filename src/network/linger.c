/*
 * The child that takes bridge and rules away a moment after the last container.
 * It lives a quarter of a second, has nothing open but a lock of its own that
 * says "somebody will clean up", and stays on while containers come and go.
 */
#include "base/err.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "network/bridge.h"
#include "network/net_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define LINGER_LOCK "linger"

static int take_lock(const char *state_dir, struct err *e)
{
	cleanup_free char *path = mem_printf("%s/%s", state_dir, LINGER_LOCK);
	return lock_take(AT_FDCWD, path, LOCK_EXCLUSIVE, false, e);
}

bool net_is_lingering(const struct net *n)
{
	cleanup_fd int fd = take_lock(n->state_dir, NULL);
	return fd < 0;
}

/* Keeps only `keep`, as descriptor 3: the terminal, pipes and the network's lock are let go. */
static void drop_descriptors(int keep)
{
	if (keep != 3)
		dup2(keep, 3);
	syscall(SYS_close_range, 4U, ~0U, 0U);
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		if (null >= 0)
			dup2(null, fd);
	if (null > 3)
		close(null);
}

static void wait_a_moment(void)
{
	struct timespec t = {.tv_nsec = NETWORK_LINGER_MS * 1000000L};
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* One look under the lock. True when there is nothing more to wait for. */
static bool finish(const char *state_dir, const struct table *last, uint64_t *changes)
{
	struct net n cleanup_net = NET_INIT;
	if (net_open(&n, state_dir, NULL) < 0) {
		/* the directory is gone, or its file is damaged: what we knew goes */
		struct net lost = {.state_dir = state_dir, .lock = -1, .route = -1, .nft = -1};
		lost.t.forward_was = last->forward_was;
		memcpy(lost.t.bridge, last->bridge, sizeof(lost.t.bridge));
		if (access(state_dir, F_OK) < 0)
			net_remove(&lost, NULL);
		net_release(&lost);
		return true;
	}
	if (n.t.n == 0 && n.t.changes != *changes) {
		*changes = n.t.changes;
		return false;
	}
	if (n.t.n == 0)
		net_remove(&n, NULL);
	close(3); /* under the lock: who detaches next sees that nobody waits */
	return true;
}

static int linger(void *arg)
{
	const struct net *n = arg;
	uint64_t changes = n->t.changes;
	cleanup_free char *state_dir = mem_strdup(n->state_dir);
	log_set(LOG_WARN, NULL);
	setsid();
	prctl(PR_SET_NAME, "kist-linger");
	signal(SIGHUP, SIG_IGN);
	do
		wait_a_moment();
	while (!finish(state_dir, &n->t, &changes));
	return 0;
}

struct child {
	struct net *n;
	int lock;
};

static int child_main(void *arg)
{
	struct child *c = arg;
	drop_descriptors(c->lock);
	c->n->lock = c->n->route = c->n->nft = -1;
	return linger(c->n);
}

int net_linger(struct net *n, struct err *e)
{
	cleanup_fd int lock = take_lock(n->state_dir, NULL);
	if (lock < 0)
		return 0; /* somebody waits already */
	struct child c = {n, lock};
	pid_t pid = proc_fork(child_main, &c, NULL, e);
	return pid < 0 ? (int)pid : 0;
}
