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
#define OUR_LOCK    3
#define OUR_NFT     4
#define FIRST_FREE  5

struct child {
	struct net *net;
	int lock; /* -1: somebody else waits; we only keep the nftables socket for a moment */
};

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

/* Keeps the lock as descriptor 3, when there is one. The terminal, pipes, the network's own lock go;
 * the nftables socket stays open until our end, so that its last close is not the parent's. */
static void drop_descriptors(const struct child *c)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int lock = fcntl(c->lock, F_DUPFD_CLOEXEC, FIRST_FREE);
	int nft = fcntl(c->net->nft, F_DUPFD_CLOEXEC, FIRST_FREE);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	for (int fd = OUR_LOCK; fd < FIRST_FREE; fd++)
		close(fd);
	if (lock >= 0)
		dup2(lock, OUR_LOCK);
	if (nft >= 0)
		dup2(nft, OUR_NFT);
	syscall(SYS_close_range, (unsigned)FIRST_FREE, ~0U, 0U);
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
	if (!n.t.bridge[0] && last->bridge[0]) {
		/* somebody removed the table's file under us: the bridge is there all the same */
		n.t.forward_was = last->forward_was;
		memcpy(n.t.bridge, last->bridge, sizeof(n.t.bridge));
		n.t.changes = *changes;
	}
	if (n.t.n == 0 && n.t.changes != *changes) {
		*changes = n.t.changes;
		return false;
	}
	if (n.t.n == 0)
		net_remove(&n, NULL);
	close(OUR_LOCK); /* under the lock: who detaches next sees that nobody waits */
	return true;
}

static int child_main(void *arg)
{
	const struct child *c = arg;
	struct net *n = c->net;
	bool cleans = c->lock >= 0;
	uint64_t changes = n->t.changes;
	drop_descriptors(c);
	log_set(LOG_WARN, NULL);
	setsid();
	prctl(PR_SET_NAME, "kist-linger");
	signal(SIGHUP, SIG_IGN);
	do
		wait_a_moment();
	while (cleans && !finish(n->state_dir, &n->t, &changes));
	return 0;
}

int net_linger(struct net *n, struct err *e)
{
	cleanup_fd int lock = n->t.n == 0 ? take_lock(n->state_dir, NULL) : -1;
	if (lock < 0 && n->nft < 0)
		return 0;
	struct child c = {n, lock};
	pid_t pid = proc_fork(child_main, &c, NULL, e);
	return pid < 0 ? (int)pid : 0;
}
