/* The files of /etc that a container gets from us, in its own directory and mounted over the
 * image's. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/str.h"
#include "engine/launch_priv.h"
#include "network/names.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* In place: what is mounted into the container is this very file. */
static int write_file(struct engine_launch *l, const char *name, const struct buf *b, struct err *e)
{
	cleanup_fd int fd = openat(l->lock, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create '%s/%s'", l->dir, name);
	int r = io_write_all(fd, buf_str(b), b->len);
	return r < 0 ? err_sysno(e, r, "write '%s/%s'", l->dir, name) : 0;
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
		.resolver = launch_network_is(l, "bridge") ? NETWORK_DNS : NULL,
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

int launch_files_make(struct engine_launch *l, struct err *e)
{
	struct buf name cleanup_buf = BUF_INIT, none cleanup_buf = BUF_INIT;
	if (l->netns_path)
		return 0;
	buf_printf(&name, "%s\n", l->c->config.hostname);
	int r = write_file(l, "hostname", &name, e);
	if (r >= 0)
		r = write_resolv(l, e);
	if (r >= 0)
		r = write_file(l, "hosts", &none, e);
	return r;
}
