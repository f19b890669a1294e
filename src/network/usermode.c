/* Starts and ends pasta or slirp4netns; see the header. */
#include "network/usermode_priv.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/strv.h"
#include "network/host_priv.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Both helpers' customary addresses: a host's own are hidden from its containers by them least. */
#define ADDRESS "10.0.2.100"
#define PREFIX  24
#define GATEWAY "10.0.2.2"
#define MTU     65520

enum { END_MS = 2000, READY_MS = 10000, SAID_MAX = 2048 };

const char *network_helper_name(enum network_helper h)
{
	static const char *const names[] = {"none", "pasta", "slirp4netns"};
	return names[h];
}

enum network_helper network_helper_find(void)
{
	return proc_is_installed("pasta")         ? NETWORK_HELPER_PASTA
	       : proc_is_installed("slirp4netns") ? NETWORK_HELPER_SLIRP
						  : NETWORK_HELPER_NONE;
}

/* ---- what can be said before a helper tries ---- */

static int check_tun(struct err *e)
{
	cleanup_fd int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	int r = err_sys(e, "a network without root needs '/dev/net/tun'");
	if (r == -EACCES || r == -EPERM)
		err_hint(e, "as root: chmod 666 /dev/net/tun; or use --network host or none");
	else
		err_hint(e, "as root: modprobe tun; or use --network host or none");
	return r;
}

/* ip(7): below it only CAP_NET_BIND_SERVICE of the host may bind. */
static unsigned first_free_port(void)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(64);
	uint64_t n;
	if (file_read(AT_FDCWD, "/proc/sys/net/ipv4/ip_unprivileged_port_start", &b, NULL) < 0)
		return 1024;
	while (b.len && b.data[b.len - 1] == '\n')
		buf_truncate(&b, b.len - 1);
	return str_parse_u64(buf_str(&b), 10, &n) < 0 ? 1024 : (unsigned)n;
}

static int check_ports(const struct network_usermode *o, struct err *e)
{
	unsigned first = first_free_port();
	for (size_t i = 0; i < o->nports; i++) {
		const struct network_port *p = &o->ports[i];
		if (p->proto == IPPROTO_SCTP)
			return err_set(e, ERR_UNSUPPORTED,
				"port %u/sctp: without root only tcp and udp can be published",
				p->container_port);
		if (!p->host_port || p->host_port >= first)
			continue;
		int r = err_set(e, ERR_UNSUPPORTED,
			"port %u of the host: without root only ports from %u on can be published",
			p->host_port, first);
		err_hint(e,
			"take another one (-p 8%03u:%u), or as root: "
			"sysctl -w net.ipv4.ip_unprivileged_port_start=%u",
			p->host_port, p->container_port, p->host_port);
		return r;
	}
	return 0;
}

/* ---- the directory ---- */

static int bind_namespace(const struct network_usermode *o, const char *file, struct err *e)
{
	char ours[64];
	cleanup_fd int fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "create '%s'", file);
	snprintf(ours, sizeof(ours), "/proc/self/fd/%d", o->netns_fd);
	/* by a path: a helper drops the capabilities that /proc/PID/ns asks for */
	if (mount(ours, file, NULL, MS_BIND, NULL) < 0)
		return err_sys(e, "mount the network namespace at '%s'", file);
	return 0;
}

/* "PID START-TIME PORTS": which process it is, and how many ports it holds */
static int save_pid(const char *dir, pid_t pid, size_t nports, struct err *e)
{
	char text[64];
	uint64_t start = 0;
	cleanup_free char *path = mem_printf("%s/pid", dir);
	if (proc_start_time(pid, &start) < 0)
		return err_set(e, ERR_CHILD, "the network helper has ended");
	int n = snprintf(text, sizeof(text), "%d %" PRIu64 " %zu\n", (int)pid, start, nports);
	return file_write(AT_FDCWD, path, text, (size_t)n, 0600, 0, e);
}

static void end_helper(const char *dir)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(128);
	cleanup_free char *path = mem_printf("%s/pid", dir);
	int pid;
	uint64_t start, now;
	size_t nports;
	if (file_read(AT_FDCWD, path, &b, NULL) < 0 ||
		sscanf(buf_str(&b), "%d %" SCNu64 " %zu", &pid, &start, &nports) != 3 || pid <= 1)
		return;
	cleanup_fd int fd = proc_pidfd_open(pid);
	if (fd < 0 || proc_start_time(pid, &now) < 0 || now != start)
		return;
	/* it has nothing to put away; but the kernel takes 10 to 40 ms to end it, and the next start
	 * may want its ports */
	struct pollfd p = {fd, POLLIN, 0};
	if (proc_pidfd_kill(fd, SIGKILL) == 0 && nports)
		(void)poll(&p, 1, END_MS);
}

int network_usermode_detach(const char *dir, struct err *e)
{
	if (!file_exists(AT_FDCWD, dir))
		return 0;
	cleanup_free char *file = mem_printf("%s/netns", dir);
	end_helper(dir);
	/* mounted here or in the namespace of a process that has ended: there the removal does it */
	umount2(file, MNT_DETACH);
	return file_remove_tree(AT_FDCWD, dir, e);
}

void network_usermode_sweep(const char *parent, bool (*is_alive)(const char *name))
{
	cleanup_dir DIR *d = opendir(parent);
	for (struct dirent *ent; d && (ent = readdir(d));) {
		if (ent->d_name[0] == '.' || is_alive(ent->d_name))
			continue;
		cleanup_free char *dir = mem_printf("%s/%s", parent, ent->d_name);
		network_usermode_detach(dir, NULL);
	}
}

/* ---- the helper ---- */

static void add_spec(struct strv *argv, const struct network_port *p)
{
	char ip[INET_ADDRSTRLEN] = "";
	inet_ntop(AF_INET, &p->host_ip, ip, sizeof(ip));
	strv_add(argv, p->proto == IPPROTO_UDP ? "-u" : "-t");
	if (p->host_ip.s_addr == INADDR_ANY)
		strv_addf(argv, "%u:%u", p->host_port, p->container_port);
	else
		strv_addf(argv, "%s/%u:%u", ip, p->host_port, p->container_port);
}

static bool has_proto(const struct network_ports *p, uint8_t proto)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].proto == proto)
			return true;
	return false;
}

static void pasta_args(
	struct strv *argv, const char *file, const char *ready, const struct network_ports *ports)
{
	static const char *const fixed[] = {"pasta", "--foreground", "--quiet", "--config-net",
		"--no-map-gw", "--ns-ifname", "eth0", "--address", ADDRESS, "--netmask", "24",
		"--gateway", GATEWAY, "--tcp-ns", "none", "--udp-ns", "none"};
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(argv, fixed[i]);
	for (size_t i = 0; i < ports->n; i++)
		add_spec(argv, &ports->v[i]);
	if (!has_proto(ports, IPPROTO_TCP)) {
		strv_add(argv, "-t");
		strv_add(argv, "none");
	}
	if (!has_proto(ports, IPPROTO_UDP)) {
		strv_add(argv, "-u");
		strv_add(argv, "none");
	}
	/* its own process id, written when all is set up */
	strv_add(argv, "--pid");
	strv_add(argv, ready);
	strv_add(argv, "--netns");
	strv_add(argv, file);
}

static void slirp_args(struct strv *argv, const char *file, const char *dir)
{
	static const char *const fixed[] = {"slirp4netns", "--configure", "--disable-host-loopback",
		"--enable-sandbox", "--enable-seccomp", "--mtu=65520", "--ready-fd=3",
		"--netns-type=path"};
	for (size_t i = 0; i < ARRAY_SIZE(fixed); i++)
		strv_add(argv, fixed[i]);
	if (dir)
		strv_addf(argv, "--api-socket=%s/api", dir);
	strv_add(argv, file);
	strv_add(argv, "tap0");
}

/* What it said, without the complaint that there is no syslog; its last line names the cause. */
static void last_words(int fd, char *out, size_t size)
{
	char text[SAID_MAX];
	io_set_nonblock(fd, true);
	ssize_t n = io_read_full(fd, text, sizeof(text) - 1);
	if (n < 0)
		n = 0;
	text[n] = 0;
	out[0] = 0;
	for (char *line = text, *next; *line; line = next) {
		size_t len = strcspn(line, "\n");
		next = line + len + (line[len] == '\n');
		line[len] = 0;
		if (len && !strstr(line, "to syslog"))
			snprintf(out, size, "%s", line);
	}
}

/* Its first byte on ready, or the end of its output. */
static int wait_ready(int ready, int said, const char *name, struct err *e)
{
	struct pollfd p[] = {{ready, POLLIN, 0}, {said, 0, 0}};
	int64_t until = clock_monotonic() + READY_MS * (CLOCK_NS_PER_S / 1000);
	int r = 0;
	while (r >= 0 && !(p[0].revents & POLLIN) && !(p[1].revents & (POLLHUP | POLLERR))) {
		int64_t left = (until - clock_monotonic()) / (CLOCK_NS_PER_S / 1000);
		if (left <= 0)
			return err_set(e, ERR_CHILD, "'%s' is not ready after %d seconds", name,
				READY_MS / 1000);
		r = poll(p, ARRAY_SIZE(p), (int)left);
		if (r < 0 && errno == EINTR)
			r = 0;
	}
	if (r < 0)
		return err_sys(e, "wait for '%s'", name);
	if (p[0].revents & POLLIN)
		return 0;
	char words[512];
	last_words(said, words, sizeof(words));
	r = err_set(e, ERR_CHILD, "the network helper '%s' failed: %s", name,
		words[0] ? words : "it said nothing");
	err_hint(e, "it needs a network with a default route on the host; --network host or none "
		    "need no helper");
	return r;
}

/* A named pipe, open at both ends: a reader is there when the helper opens it. */
static int make_ready(const char *path, struct err *e)
{
	if (mkfifo(path, 0600) < 0)
		return err_sys(e, "make '%s'", path);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

static int start(const struct network_usermode *o, enum network_helper helper,
	const struct network_ports *ports, struct err *e)
{
	struct strv argv cleanup_strv = STRV_INIT;
	cleanup_free char *file = mem_printf("%s/netns", o->dir);
	cleanup_free char *fifo = mem_printf("%s/ready", o->dir);
	bool pasta = helper == NETWORK_HELPER_PASTA;
	int p[2];
	int r = bind_namespace(o, file, e);
	if (r < 0)
		return r;
	cleanup_fd int ready = make_ready(fifo, e);
	if (ready < 0)
		return ready;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int said = p[0];
	cleanup_fd int saying = p[1];
	if (pasta)
		pasta_args(&argv, file, fifo, ports);
	else
		slirp_args(&argv, file, ports->n ? o->dir : NULL);
	pid_t pid = proc_detach(argv.v, pasta ? -1 : ready, saying, e);
	if (pid < 0)
		return (int)pid;
	close(STEAL_FD(saying));
	(void)save_pid(o->dir, pid, ports->n, NULL); /* one that is gone says why itself */
	r = wait_ready(ready, said, argv.v[0], e);
	for (size_t i = 0; r >= 0 && !pasta && i < ports->n; i++)
		r = slirp_publish(o->dir, &ports->v[i], e);
	return r;
}

static int attach(const struct network_usermode *o, enum network_helper helper,
	struct network_result *ret, struct err *e)
{
	const struct table nobody = {{0}};
	int r = host_ports_resolve(&nobody, o->ports, o->nports, &ret->ports, e);
	if (r >= 0)
		r = file_mkdirs(AT_FDCWD, o->dir, 0700, e);
	if (r >= 0)
		r = start(o, helper, &ret->ports, e);
	if (r < 0)
		return r;
	snprintf(ret->iface, sizeof(ret->iface), "%s",
		helper == NETWORK_HELPER_PASTA ? "eth0" : "tap0");
	snprintf(ret->ip, sizeof(ret->ip), "%s", ADDRESS);
	snprintf(ret->gateway, sizeof(ret->gateway), "%s", GATEWAY);
	ret->prefix = PREFIX;
	ret->mtu = MTU;
	return 0;
}

int network_usermode_attach(
	const struct network_usermode *o, struct network_result *ret, struct err *e)
{
	struct network_result result cleanup_network_result = {.iface = ""};
	enum network_helper helper = o->helper ? o->helper : network_helper_find();
	if (!helper) {
		int r = err_set(e, ERR_UNSUPPORTED,
			"a network without root needs pasta or slirp4netns, and neither is "
			"installed");
		err_hint(e, "install the package passt or slirp4netns, or use --network host or "
			    "none");
		return r;
	}
	int r = check_ports(o, e);
	if (r >= 0)
		r = check_tun(e);
	if (r >= 0)
		r = attach(o, helper, &result, e);
	if (r < 0) {
		network_usermode_detach(o->dir, NULL);
		return r;
	}
	*ret = result;
	result = (struct network_result){.iface = ""};
	return 0;
}
