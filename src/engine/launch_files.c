/* The files of /etc that a container gets from us, mounted over the image's. They live in a tmpfs
 * of its own: they are made anew at each start, and no disk has to remember them. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/root.h"
#include "base/str.h"
#include "engine/launch_priv.h"
#include "network/names.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

/* In place: what is mounted into the container is this very file. */
static int write_file(struct engine_launch *l, const char *name, const struct buf *b, struct err *e)
{
	cleanup_fd int fd = openat(l->etc, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create the container's '%s'", name);
	int r = io_write_all(fd, buf_str(b), b->len);
	return r < 0 ? err_sysno(e, r, "write the container's '%s'", name) : 0;
}

static int write_resolv(struct engine_launch *l, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	struct buf host cleanup_buf = BUF_INIT_MAX(LIMIT_RESOLV_CONF);
	struct buf out cleanup_buf = BUF_INIT;
	struct err local = ERR_INIT;
	int r = file_read(AT_FDCWD, "/etc/resolv.conf", &host, &local);
	if (r < 0 && r != -ENOENT)
		buf_clear(&host); /* unreadable: as if there was none */
	struct network_resolv o = {.host = buf_str(&host),
		.host_len = host.len,
		.nameservers = &c->dns,
		.search = &c->dns_search,
		.options = &c->dns_options,
		.resolver = launch_has_resolver(l) ? NETWORK_DNS : NULL,
		.keep_loopback = launch_network_is(l, "host")};
	r = network_resolv_format(&o, &out, &l->upstreams, e);
	return r < 0 ? r : write_file(l, "resolv.conf", &out, e);
}

/* The host's own names are good for a container that shares its network. */
static int copy_host_names(struct buf *out)
{
	struct buf host cleanup_buf = BUF_INIT_MAX(LIMIT_RESOLV_CONF);
	if (file_read(AT_FDCWD, "/etc/hosts", &host, NULL) < 0)
		return 0;
	return buf_add(out, buf_str(&host), host.len);
}

int launch_files_hosts(struct engine_launch *l, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	struct buf out cleanup_buf = BUF_INIT;
	struct strv names cleanup_strv = STRV_INIT;
	if (l->netns_path)
		return 0;
	int r = 0;
	if (launch_network_is(l, "host"))
		copy_host_names(&out);
	strv_add(&names, l->c->row.name);
	strv_add_all(&names, &c->network_aliases);
	struct network_hosts o = {.ip = l->has_net ? l->net.ip : NULL,
		.hostname = c->hostname,
		.domainname = c->domainname,
		.names = l->has_net ? &names : NULL,
		.extra = &c->extra_hosts,
		.gateway = l->has_net ? l->net.gateway : NULL};
	r = network_hosts_format(&o, &out, e);
	return r < 0 ? r : write_file(l, "hosts", &out, e);
}

static const char *const names[] = {"hosts", "hostname", "resolv.conf"};

/* network container:X: what X sees now. Its tree is not trusted: no link leads out of it. */
static int copy_shared(struct engine_launch *l, struct err *e)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/root", (int)l->share_pid);
	cleanup_fd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open '%s'", path);
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names) && r >= 0; i++) {
		struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_RESOLV_CONF);
		snprintf(path, sizeof(path), "etc/%s", names[i]);
		root_read(root, path, &b, NULL);
		r = write_file(l, names[i], &b, e);
	}
	return r;
}

int launch_files_make(struct engine_launch *l, struct err *e)
{
	struct buf name cleanup_buf = BUF_INIT, none cleanup_buf = BUF_INIT;
	cleanup_fd int fs = fsopen("tmpfs", FSOPEN_CLOEXEC);
	if (fs < 0 || fsconfig(fs, FSCONFIG_SET_STRING, "mode", "755", 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "size", "4m", 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_sys(e, "make a tmpfs for the files of /etc");
	l->etc = fsmount(
		fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	if (l->etc < 0)
		return err_sys(e, "mount a tmpfs for the files of /etc");
	if (l->share_pid)
		return copy_shared(l, e);
	buf_printf(&name, "%s\n", l->c->config.hostname);
	int r = write_file(l, "hostname", &name, e);
	if (r >= 0)
		r = write_resolv(l, e);
	if (r >= 0)
		r = write_file(l, "hosts", &none, e);
	return r;
}
