/* Subnets, ports, sysctls, namespaces of the host; see the header. */
#include "network/host_priv.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Ports to choose from: IANA's dynamic range, as docker uses it */
#define PORT_DYNAMIC_FIRST 49153
#define PORT_DYNAMIC_LAST  65535

static uint32_t mask_of(unsigned prefix)
{
	return prefix ? htonl(UINT32_MAX << (32 - prefix)) : 0;
}

int host_subnet_parse(const char *s, struct in_addr *ret, unsigned *ret_prefix, struct err *e)
{
	const char *slash = strchr(s, '/');
	char ip[INET_ADDRSTRLEN];
	struct in_addr net;
	uint64_t prefix;
	if (!slash || (size_t)(slash - s) >= sizeof(ip))
		return err_set(e, ERR_USAGE, "subnet '%s' is not like 10.87.0.0/16", s);
	memcpy(ip, s, (size_t)(slash - s));
	ip[slash - s] = 0;
	if (inet_pton(AF_INET, ip, &net) != 1 || str_parse_u64(slash + 1, 10, &prefix) < 0 ||
		prefix < 8 || prefix > 28)
		return err_set(e, ERR_USAGE, "subnet '%s' is not like 10.87.0.0/16 (/8 to /28)", s);
	if (net.s_addr & ~mask_of((unsigned)prefix))
		return err_set(e, ERR_USAGE, "subnet '%s': bits after the first %u are set", s,
			(unsigned)prefix);
	*ret = net;
	*ret_prefix = (unsigned)prefix;
	return 0;
}

bool host_subnet_is_used(const struct link_routes *r, struct in_addr net, unsigned prefix)
{
	for (size_t i = 0; i < r->n; i++) {
		if (r->v[i].prefix == 0)
			continue;
		uint32_t mask = mask_of(MIN(prefix, r->v[i].prefix));
		if (((net.s_addr ^ r->v[i].dst.s_addr) & mask) == 0)
			return true;
	}
	return false;
}

static int open_sysctl(const char *name, struct err *e)
{
	cleanup_free char *path = mem_printf("/proc/sys/net/ipv4/%s", name);
	int fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 && (errno == EROFS || errno == EACCES))
		fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

int host_sysctl_get(const char *name, struct err *e)
{
	cleanup_fd int fd = open_sysctl(name, e);
	if (fd < 0)
		return fd;
	char c;
	ssize_t n = io_pread_full(fd, &c, 1, 0);
	if (n != 1)
		return err_sysno(e, n < 0 ? (int)n : -EIO, "read sysctl net/ipv4/%s", name);
	return c != '0';
}

int host_sysctl_set(const char *name, bool on, struct err *e)
{
	cleanup_fd int fd = open_sysctl(name, e);
	if (fd < 0)
		return fd;
	char c, want = on ? '1' : '0';
	if (io_pread_full(fd, &c, 1, 0) == 1 && c == want)
		return 0;
	int r = io_pwrite_all(fd, &want, 1, 0);
	if (r < 0)
		return err_sysno(e, r, "set sysctl net/ipv4/%s to %c", name, want);
	return 0;
}

/* 0 when nothing on the host has the port; -EADDRINUSE, or another errno. */
static int try_port(const struct network_port *p)
{
	int type = p->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM;
	cleanup_fd int fd = socket(AF_INET, type | SOCK_CLOEXEC, p->proto);
	if (fd < 0)
		return p->proto == IPPROTO_SCTP ? 0 : -errno; /* no SCTP here: nobody has it */
	int one = 1;
	if (p->proto != IPPROTO_UDP) /* connections that just ended do not count */
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	struct sockaddr_in a = {
		.sin_family = AF_INET,
		.sin_port = htons(p->host_port),
		.sin_addr = p->host_ip,
	};
	return bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ? -errno : 0;
}

static int refuse_port(const struct table *t, const struct network_port *p, int r, struct err *e)
{
	char ip[INET_ADDRSTRLEN];
	const char *proto = network_proto_name(p->proto);
	inet_ntop(AF_INET, &p->host_ip, ip, sizeof(ip));
	const struct table_lease *holder = table_port_holder(t, p);
	if (holder)
		return err_set(e, ERR_IN_USE, "port %s:%u/%s is published by container '%s'", ip,
			p->host_port, proto, holder->name ? holder->name : holder->id);
	char owner[80] = "";
	if (r == -EADDRINUSE && host_port_owner(p, owner, sizeof(owner)))
		return err_set(e, ERR_IN_USE, "port %s:%u/%s is in use on the host by %s", ip,
			p->host_port, proto, owner);
	if (r == -EADDRINUSE)
		return err_set(e, ERR_IN_USE, "port %s:%u/%s is in use on the host", ip,
			p->host_port, proto);
	if (r == -EADDRNOTAVAIL)
		return err_set(e, ERR_USAGE, "port %s:%u/%s: the host has no address %s", ip,
			p->host_port, proto, ip);
	return err_sysno(e, r, "port %s:%u/%s", ip, p->host_port, proto);
}

static bool wanted_twice(const struct network_ports *done, const struct network_port *p)
{
	struct table_lease self = {.ports = *done};
	struct table t = {.v = &self, .n = 1};
	return table_port_holder(&t, p) != NULL;
}

static int check_port(
	const struct table *t, const struct network_ports *done, const struct network_port *p)
{
	if (table_port_holder(t, p) || wanted_twice(done, p))
		return -EADDRINUSE;
	return try_port(p);
}

/* The first port of first..last, beginning at start and going round, that is free. */
static int choose_port(const struct table *t, const struct network_ports *done,
	struct network_port *p, unsigned first, unsigned last, unsigned start, struct err *e)
{
	unsigned n = last - first + 1;
	for (unsigned i = 0; i < n; i++) {
		p->host_port = (uint16_t)(first + (start - first + i) % n);
		int r = check_port(t, done, p);
		if (r == 0)
			return 0;
		if (r != -EADDRINUSE)
			return refuse_port(t, p, r, e);
	}
	return err_set(e, ERR_IN_USE, "all ports from %u to %u are in use", first, last);
}

static int resolve_port(const struct table *t, const struct network_ports *done,
	struct network_port *p, struct err *e)
{
	unsigned first = p->host_port, last = p->host_port_last;
	p->host_port_last = 0;
	if (last)
		return choose_port(t, done, p, first, last, first, e);
	if (first == 0) {
		uint16_t dice;
		random_bytes(&dice, sizeof(dice));
		first = PORT_DYNAMIC_FIRST;
		last = PORT_DYNAMIC_LAST;
		return choose_port(t, done, p, first, last, first + dice % (last - first + 1), e);
	}
	if (wanted_twice(done, p))
		return err_set(e, ERR_USAGE, "port %u/%s is asked for twice", p->host_port,
			network_proto_name(p->proto));
	int r = check_port(t, done, p);
	return r < 0 ? refuse_port(t, p, r, e) : 0;
}

int host_ports_resolve(const struct table *t, const struct network_port *ports, size_t n,
	struct network_ports *ret, struct err *e)
{
	struct network_ports done cleanup_network_ports = NETWORK_PORTS_INIT;
	/* fixed ports first: a chosen one must not take what the next spec names */
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < n; i++) {
			struct network_port p = ports[i];
			bool free_choice = p.host_port == 0 || p.host_port_last != 0;
			if (free_choice != (pass == 1))
				continue;
			int r = resolve_port(t, &done, &p, e);
			if (r < 0)
				return r;
			network_ports_add(&done, &p);
		}
	}
	*ret = done;
	done = (struct network_ports)NETWORK_PORTS_INIT;
	return 0;
}

int host_in_netns(int netns_fd, int (*fn)(void *arg, struct err *e), void *arg, struct err *e)
{
	cleanup_fd int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (here < 0)
		return err_sys(e, "open our network namespace");
	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_sys(e, "enter the container's network namespace");
	int r = fn(arg, e);
	if (setns(here, CLONE_NEWNET) < 0) {
		err_clear(e);
		return err_sys(e, "return to our network namespace");
	}
	return r;
}
