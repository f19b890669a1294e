/* Who listens on a port of the host: for the words of an error only, so it may fail quietly. */
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "network/host_priv.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TCP_LISTEN 0x0a

/* The inode of a socket bound to the port, from a file like /proc/net/tcp; 0: none */
static unsigned long find_socket(const char *path, unsigned port, bool listening)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_PROC_NET);
	if (file_read(AT_FDCWD, path, &b, NULL) < 0)
		return 0;
	for (const char *line = strchr(buf_str(&b), '\n'); line && line[1];
		line = strchr(line + 1, '\n')) {
		unsigned local, state;
		unsigned long inode;
		if (sscanf(line,
			    " %*u: %*[0-9A-F]:%x %*[0-9A-F]:%*x %x %*x:%*x %*x:%*x %*x %*u %*u %lu",
			    &local, &state, &inode) == 3 &&
			local == port && inode && (!listening || state == TCP_LISTEN))
			return inode;
	}
	return 0;
}

static bool has_socket(const char *pid, const char *link)
{
	cleanup_free char *path = mem_printf("/proc/%s/fd", pid);
	cleanup_dir DIR *d = opendir(path);
	struct dirent *f;
	while (d && (f = readdir(d))) {
		char target[64];
		ssize_t n = readlinkat(dirfd(d), f->d_name, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = 0;
		if (str_eq(target, link))
			return true;
	}
	return false;
}

bool host_port_owner(const struct network_port *p, char *out, size_t size)
{
	bool udp = p->proto == IPPROTO_UDP;
	const char *files[] = {
		udp ? "/proc/net/udp" : "/proc/net/tcp", udp ? "/proc/net/udp6" : "/proc/net/tcp6"};
	unsigned long inode = 0;
	for (size_t i = 0; i < ARRAY_SIZE(files) && !inode; i++)
		inode = find_socket(files[i], p->host_port, !udp);
	if (!inode)
		return false;
	cleanup_free char *link = mem_printf("socket:[%lu]", inode);
	cleanup_dir DIR *d = opendir("/proc");
	struct dirent *entry;
	while (d && (entry = readdir(d))) {
		uint64_t pid;
		char name[32];
		if (str_parse_u64(entry->d_name, 10, &pid) < 0 ||
			!has_socket(entry->d_name, link) ||
			proc_name((pid_t)pid, name, sizeof(name)) < 0)
			continue;
		snprintf(out, size, "%s (process %s)", name, entry->d_name);
		return true;
	}
	return false;
}
