/* The mounts of a runtime config: the file systems that every container expects, the files of its
 * network, and what the options ask for. */
#include "base/mem.h"
#include "base/str.h"
#include "oci/convert_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define SHM_SIZE  (64ULL << 20)
#define TTY_GROUP 5 /* of every distribution: owns pseudo-terminals */

struct mount_list {
	json_t *list;
	const struct oci_convert_options *o;
};

/* Whether the options mount something on this very place. */
static bool is_replaced(const struct oci_convert_options *o, const char *destination)
{
	for (size_t i = 0; i < o->nmounts; i++)
		if (str_eq(o->mounts[i].destination, destination))
			return true;
	return false;
}

static void add_mount(json_t *list, const char *destination, const char *type, const char *source,
	json_t *options)
{
	json_t *m = json_object();
	json_object_set_new(m, "destination", oci_json_text(destination));
	json_object_set_new(m, "type", oci_json_text(type));
	json_object_set_new(m, "source", oci_json_text(source));
	if (json_array_size(options))
		json_object_set(m, "options", options);
	json_decref(options);
	json_array_append_new(list, m);
}

static json_t *words(const char *text)
{
	json_t *a = json_array();
	while (*text) {
		size_t n = strcspn(text, ",");
		json_array_append_new(a, json_stringn(text, n));
		text += n + (text[n] == ',');
	}
	return a;
}

static void add_default(struct mount_list *m, const char *destination, const char *type,
	const char *source, const char *options)
{
	if (!is_replaced(m->o, destination))
		add_mount(m->list, destination, type, source, words(options));
}

static void add_defaults(struct mount_list *m)
{
	const struct oci_convert_options *o = m->o;
	if (o->userns && o->pid_host) /* procfs shows a pid namespace to its owner only */
		add_default(m, "/proc", "bind", "/proc", "rbind,rprivate,nosuid,noexec,nodev");
	else
		add_default(m, "/proc", "proc", "proc", "nosuid,noexec,nodev");
	add_default(m, "/dev", "tmpfs", "tmpfs", "nosuid,strictatime,mode=755,size=65536k");
	add_default(m, "/dev/pts", "devpts", "devpts",
		o->userns && o->last_gid < TTY_GROUP
			? "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"
			: "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5");
	if (o->userns && o->network == OCI_NETWORK_HOST) /* as is sysfs's network namespace */
		add_default(m, "/sys", "bind", "/sys", "rbind,rprivate,nosuid,noexec,nodev,rro");
	else
		add_default(m, "/sys", "sysfs", "sysfs",
			o->privileged ? "nosuid,noexec,nodev" : "nosuid,noexec,nodev,ro");
	add_default(m, "/sys/fs/cgroup", "cgroup", "cgroup",
		o->privileged ? "nosuid,noexec,nodev,relatime" : "ro,nosuid,noexec,nodev,relatime");
	if (o->ipc_host) {
		if (!o->no_mqueue)
			add_default(m, "/dev/mqueue", "bind", "/dev/mqueue", "rbind,rprivate");
		add_default(m, "/dev/shm", "bind", "/dev/shm", "rbind,rprivate");
		return;
	}
	add_default(m, "/dev/mqueue", "mqueue", "mqueue", "nosuid,noexec,nodev");
	char shm[96];
	snprintf(shm, sizeof(shm), "nosuid,noexec,nodev,mode=1777,size=%" PRIu64,
		o->shm_size ? o->shm_size : (uint64_t)SHM_SIZE);
	add_default(m, "/dev/shm", "tmpfs", "shm", shm);
}

static void add_files(struct mount_list *m)
{
	const struct {
		const char *destination, *source;
	} files[] = {{"/etc/resolv.conf", m->o->resolv_conf}, {"/etc/hosts", m->o->hosts_file},
		{"/etc/hostname", m->o->hostname_file}};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (files[i].source)
			add_default(
				m, files[i].destination, "bind", files[i].source, "rbind,rprivate");
}

static size_t path_depth(const char *path)
{
	size_t n = 0;
	for (; *path; path++)
		n += path[0] == '/' && path[1] && path[1] != '/';
	return n;
}

struct ordered {
	const struct oci_convert_mount *m;
	size_t depth, place;
};

/* Parents before what is mounted below them; otherwise as given. */
static int compare_ordered(const void *a, const void *b)
{
	const struct ordered *x = a, *y = b;
	if (x->depth != y->depth)
		return x->depth < y->depth ? -1 : 1;
	return (x->place > y->place) - (x->place < y->place);
}

static json_t *mount_options(const struct oci_convert_mount *m)
{
	if (m->options.n)
		return oci_json_from_strings(&m->options);
	if (str_eq(m->type, "bind"))
		return words("rbind,rprivate");
	if (str_eq(m->type, "tmpfs"))
		return words("nosuid,nodev,noexec");
	return json_array();
}

static void add_given(struct mount_list *m)
{
	const struct oci_convert_options *o = m->o;
	struct ordered *order cleanup_free = mem_array(o->nmounts + 1, sizeof(*order));
	size_t n = 0;
	for (size_t i = 0; i < o->nmounts; i++) {
		bool again = false; /* a later one has the same place */
		for (size_t k = i + 1; k < o->nmounts && !again; k++)
			again = str_eq(o->mounts[i].destination, o->mounts[k].destination);
		if (!again)
			order[n++] = (struct ordered){
				&o->mounts[i], path_depth(o->mounts[i].destination), i};
	}
	qsort(order, n, sizeof(*order), compare_ordered);
	for (size_t i = 0; i < n; i++) {
		const struct oci_convert_mount *g = order[i].m;
		add_mount(m->list, g->destination, g->type, g->source ?: g->type, mount_options(g));
	}
}

json_t *oci_convert_mounts(const struct oci_convert_options *o)
{
	struct mount_list m = {json_array(), o};
	add_defaults(&m);
	add_files(&m);
	add_given(&m);
	return m.list;
}
