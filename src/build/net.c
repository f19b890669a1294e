/* Network namespaces of a build; see the header. */
#include "build/net.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/userns.h"
#include "network/bridge.h"
#include "network/dns.h"
#include "network/names.h"
#include "network/usermode.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RESOLV_MAX = 64 * 1024 };

void build_nets_init(struct build_nets *n, const char *run_path)
{
	*n = (struct build_nets){.state_dir = mem_printf("%s/network", run_path),
		.usermode_dir = mem_printf("%s/net", run_path)};
}

static void detach(const struct build_nets *n, const char *id)
{
	cleanup_free char *dir = mem_printf("%s/%s", n->usermode_dir, id);
	if (userns_owns_network())
		network_detach(n->state_dir, id, NETWORK_LINGER, NULL);
	else
		network_usermode_detach(dir, NULL);
}

void build_nets_release(struct build_nets *n)
{
	while (n->first) {
		struct build_net *next = n->first->next;
		network_dns_close(n->first->dns);
		close(n->first->fd);
		detach(n, n->first->id);
		free(n->first);
		n->first = next;
	}
	free(n->state_dir);
	free(n->usermode_dir);
	free(n->resolv[0]);
	free(n->resolv[1]);
	strv_release(&n->upstreams);
	*n = (struct build_nets){0};
}

struct build_net *build_nets_take(struct build_nets *n)
{
	for (struct build_net *x = n->first; x; x = x->next)
		if (!x->busy) {
			x->busy = true;
			return x;
		}
	return NULL;
}

static bool all_loopback(const struct strv *servers)
{
	for (size_t i = 0; i < servers->n; i++)
		if (!str_starts(servers->v[i], "127.") && !str_eq(servers->v[i], "::1"))
			return false;
	return servers->n > 0;
}

static int read_resolv(struct build_nets *n, bool host, struct buf *out, struct err *e)
{
	struct buf text cleanup_buf = BUF_INIT_MAX(RESOLV_MAX);
	if (file_read(AT_FDCWD, "/etc/resolv.conf", &text, NULL) < 0)
		buf_clear(&text);
	struct network_resolv r = {
		.host = buf_str(&text), .host_len = text.len, .keep_loopback = host};
	if (host)
		return network_resolv_format(&r, out, NULL, e);
	int ret = network_resolv_format(&r, out, &n->upstreams, e);
	if (ret < 0 || !all_loopback(&n->upstreams))
		return ret;
	n->need_dns = true;
	buf_clear(out);
	r.resolver = NETWORK_DNS;
	strv_release(&n->upstreams);
	return network_resolv_format(&r, out, &n->upstreams, e);
}

int build_nets_resolv(struct build_nets *n, bool host, const char **ret, struct err *e)
{
	if (!n->resolv[host]) {
		struct buf b cleanup_buf = BUF_INIT;
		int r = read_resolv(n, host, &b, e);
		if (r < 0)
			return r;
		n->resolv[host] = mem_strdup(buf_str(&b));
	}
	*ret = n->resolv[host];
	return 0;
}

/* "build-PID-START-N"; containers are not ours to judge */
static bool owner_lives(const char *name)
{
	int pid;
	unsigned long long start;
	uint64_t now;
	if (sscanf(name, "build-%d-%llu-", &pid, &start) != 2)
		return true;
	return proc_start_time(pid, &now) == 0 && now == start;
}

/* What killed builds have left goes first. */
static int attach(struct build_nets *n, const char *id, int netns_fd, struct network_result *ret,
	struct err *e)
{
	if (!userns_owns_network()) {
		cleanup_free char *dir = mem_printf("%s/%s", n->usermode_dir, id);
		struct network_usermode u = {.dir = dir, .netns_fd = netns_fd};
		network_usermode_sweep(n->usermode_dir, owner_lives);
		return network_usermode_attach(&u, ret, e);
	}
	struct network_options o = {
		.state_dir = n->state_dir, .container_id = id, .netns_fd = netns_fd};
	if (n->count == 1)
		network_sweep(n->state_dir, NULL, NULL, NULL);
	return network_attach(&o, ret, e);
}

int build_nets_attach(struct build_nets *n, int netns_fd, struct build_net **ret, struct err *e)
{
	struct build_net *x = mem_alloc(sizeof(*x));
	uint64_t start = 0;
	proc_start_time(getpid(), &start);
	snprintf(x->id, sizeof(x->id), "build-%d-%llu-%u", (int)getpid(), (unsigned long long)start,
		n->count++);
	struct network_result got = {.iface = ""};
	int r = attach(n, x->id, netns_fd, &got, e);
	if (r < 0) {
		free(x);
		return r;
	}
	if (got.warning[0])
		log_warn("%s", got.warning);
	memcpy(x->ip, got.ip, sizeof(x->ip));
	network_result_release(&got);
	x->busy = true;
	x->fd = fcntl(netns_fd, F_DUPFD_CLOEXEC, 3);
	x->next = n->first;
	n->first = x;
	if (n->need_dns) {
		struct network_dns_options d = {.state_dir = n->state_dir,
			.netns_fd = netns_fd,
			.upstreams = &n->upstreams};
		x->dns = network_dns_open(&d, e);
		if (!x->dns)
			return -ERR_STATE;
	}
	*ret = x;
	return 0;
}
