/* Opens what a container's process cannot; see the header. */
#include "runtime/mount_prepare.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "runtime/child_priv.h"
#include "runtime/idmap.h"
#include "runtime/mount_syscalls_priv.h"
#include "runtime/spawn_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a user namespace for its mappings alone ---- */

static int wait_for_end(void *arg)
{
	char c;
	int *pipe = arg;
	close(pipe[1]);
	return read(pipe[0], &c, 1) < 0;
}

static int open_user_ns(pid_t pid, const struct runtime_id_maps *maps, struct err *e)
{
	char path[64];
	int r = runtime_id_maps_write(pid, maps, e);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open '%s'", path) : fd;
}

/* A process that does nothing holds it until it has a descriptor. */
static int make_user_ns(const struct runtime_id_maps *maps, struct err *e)
{
	int p[2], pidfd = -1;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	struct spawn s = SPAWN_INIT;
	s.flags = CLONE_NEWUSER;
	s.run = wait_for_end;
	s.arg = p;
	pid_t pid = spawn_process(&s, &pidfd, e);
	int fd = pid < 0 ? (int)pid : open_user_ns(pid, maps, e);
	close(p[0]);
	close(p[1]);
	if (pid > 0) {
		close(pidfd);
		waitpid(pid, NULL, 0);
	}
	return fd;
}

/* ---- mappings ---- */

int mount_map_resolve(const struct runtime_id_map *v, size_t n, uint64_t relative,
	const struct runtime_id_map *in, size_t nin, struct runtime_id_map *ret, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		ret[i] = v[i];
		if (i >= 64 || !(relative >> i & 1))
			continue;
		size_t k = 0;
		while (k < nin &&
			(v[i].host < in[k].container || v[i].host - in[k].container >= in[k].size ||
				in[k].size - (v[i].host - in[k].container) < v[i].size))
			k++;
		if (k == nin)
			return err_set(e, ERR_FORMAT,
				"idmap: ids %u to %u are not one range of the container's user "
				"namespace",
				v[i].host, v[i].host + v[i].size - 1);
		ret[i].host = in[k].host + (v[i].host - in[k].container);
	}
	return 0;
}

static int own_user_ns(
	const struct runtime_mount *m, const struct runtime_id_maps *container, struct err *e)
{
	cleanup_free struct runtime_id_map *uid = mem_array(m->nuid_maps, sizeof(*uid));
	cleanup_free struct runtime_id_map *gid = mem_array(m->ngid_maps, sizeof(*gid));
	const struct runtime_id_maps maps = {uid, gid, m->nuid_maps, m->ngid_maps};
	int r = mount_map_resolve(m->uid_maps, m->nuid_maps, m->uid_relative, container->uid,
		container->nuid, uid, e);
	if (r == 0)
		r = mount_map_resolve(m->gid_maps, m->ngid_maps, m->gid_relative, container->gid,
			container->ngid, gid, e);
	return r < 0 ? r : make_user_ns(&maps, e);
}

static int map_user_ns(const struct runtime_config *c, const struct runtime_mount *m,
	const struct runtime_id_maps *container, struct err *e)
{
	const struct runtime_ns *user = &c->ns[RUNTIME_NS_USER];
	if (m->nuid_maps)
		return own_user_ns(m, container, e);
	if (!user->want)
		return err_set(e, ERR_FORMAT,
			"idmap without mappings: the container has no user namespace to take them "
			"from");
	if (!user->path)
		return make_user_ns(container, e);
	int fd = open(user->path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open namespace '%s'", user->path) : fd;
}

static int map_mount(const struct runtime_config *c, const struct runtime_mount *m,
	const struct runtime_id_maps *container, int fd, struct err *e)
{
	cleanup_fd int ns = map_user_ns(c, m, container, e);
	if (ns < 0)
		return ns;
	struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (uint64_t)ns};
	unsigned flags = AT_EMPTY_PATH | (m->idmap_rec ? AT_RECURSIVE : 0);
	if (sys_mount_setattr(fd, "", flags, &a) == 0)
		return 0;
	if (errno == EINVAL)
		return err_set(e, ERR_UNSUPPORTED,
			"the file system of '%s'%s cannot be id-mapped, or is so already",
			m->source, m->idmap_rec ? ", or one that is mounted below," : "");
	int r = err_sys(e, "id-map '%s'", m->source);
	if (r == -EPERM)
		err_hint(e, "id-mapped mounts need root of the host");
	return r;
}

/* ---- one mount ---- */

static int prepare(const struct runtime_config *c, const struct runtime_mount *m,
	const struct runtime_id_maps *container, const char *bundle, struct err *e)
{
	struct stat st;
	cleanup_free char *source = mount_source(m, bundle);
	if (m->copy_symlink && lstat(source, &st) == 0 && S_ISLNK(st.st_mode))
		return -1;
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (m->bind_rec ? AT_RECURSIVE : 0);
	cleanup_fd int fd = sys_open_tree(AT_FDCWD, source, flags);
	if (fd < 0)
		return err_sys(e, "bind '%s'", source);
	/* as in the container's own mount namespace: what the host mounts below comes, what is
	 * mounted inside stays there, unless the config wants it shared */
	struct mount_attr slave = {.propagation = MS_SLAVE};
	if (!(c->root_propagation & MS_SHARED) &&
		sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &slave) < 0)
		return err_sys(e, "propagation");
	int r = m->idmap ? map_mount(c, m, container, fd, e) : 0;
	return r < 0 ? r : STEAL_FD(fd);
}

static bool wanted(const struct runtime_config *c, const struct runtime_mount *m)
{
	bool reach = c->ns[RUNTIME_NS_USER].want && geteuid() == 0;
	return m->bind && !m->remount && (m->idmap || reach);
}

int mounts_prepare(const struct runtime_config *c, const struct runtime_id_maps *maps,
	const char *bundle, int **ret, struct err *e)
{
	int *fds = NULL;
	for (size_t i = 0; i < c->nmounts; i++) {
		const struct runtime_mount *m = &c->mounts[i];
		if (!wanted(c, m))
			continue;
		if (!fds) {
			fds = mem_array(c->nmounts, sizeof(*fds));
			for (size_t k = 0; k < c->nmounts; k++)
				fds[k] = -1;
		}
		struct err why = ERR_INIT;
		fds[i] = prepare(c, m, maps, bundle, &why);
		if (fds[i] < 0 && why.code) {
			mounts_release(fds, c->nmounts);
			if (e)
				*e = why;
			return err_wrap(e, -why.code, "mounts[%zu] '%s'", i, m->destination);
		}
	}
	*ret = fds;
	return 0;
}

void mounts_release(int *fds, size_t n)
{
	for (size_t i = 0; fds && i < n; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	free(fds);
}
