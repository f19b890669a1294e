/* Mounts of a runtime config and the table of their options (config.md, "Linux mount options"). */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "runtime/json_priv.h"

#include <linux/mount.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

/* glibc's and the kernel's header both declare these enums; the ones of glibc 2.36 lack them */
#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

struct attr_word {
	const char *word;
	uint64_t set, clr;
};

/* The same words with an "r" in front mean the whole tree (rro, rnosuid, ...). */
static const struct attr_word attr_words[] = {
	{"ro", MOUNT_ATTR_RDONLY, 0},
	{"rw", 0, MOUNT_ATTR_RDONLY},
	{"nosuid", MOUNT_ATTR_NOSUID, 0},
	{"suid", 0, MOUNT_ATTR_NOSUID},
	{"nodev", MOUNT_ATTR_NODEV, 0},
	{"dev", 0, MOUNT_ATTR_NODEV},
	{"noexec", MOUNT_ATTR_NOEXEC, 0},
	{"exec", 0, MOUNT_ATTR_NOEXEC},
	{"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
	{"diratime", 0, MOUNT_ATTR_NODIRATIME},
	{"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
	{"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
	{"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
	{"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
};

/* What the kernel does anyway, or what is said to mount(8) and not to it. Messages of file systems
 * do not go to the kernel's log with the mount API: "silent" is always true. */
static const char *const ignored_words[] = {
	"defaults",
	"silent",
	"loud",
	"nouser",
	"auto",
	"noauto",
	"noiversion",
};

static const struct {
	const char *word;
	size_t offset; /* of a bool in struct runtime_mount */
} switches[] = {
	{"bind", offsetof(struct runtime_mount, bind)},
	{"rbind", offsetof(struct runtime_mount, bind_rec)},
	{"tmpcopyup", offsetof(struct runtime_mount, tmpcopyup)},
	{"copy-symlink", offsetof(struct runtime_mount, copy_symlink)},
	{"remount", offsetof(struct runtime_mount, remount)},
	{"iversion", offsetof(struct runtime_mount, iversion)},
	{"idmap", offsetof(struct runtime_mount, idmap)},
	{"ridmap", offsetof(struct runtime_mount, idmap_rec)},
};

unsigned long config_propagation(const char *word)
{
	static const struct {
		const char *word;
		unsigned long flag;
	} table[] = {
		{"private", MS_PRIVATE},
		{"shared", MS_SHARED},
		{"slave", MS_SLAVE},
		{"unbindable", MS_UNBINDABLE},
	};
	bool rec = word[0] == 'r';
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(word + rec, table[i].word))
			return table[i].flag | (rec ? MS_REC : 0);
	return 0;
}

static bool take_attr(struct runtime_mount *m, const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(attr_words); i++) {
		const struct attr_word *w = &attr_words[i];
		if (str_eq(word, w->word)) {
			/* the later of two words wins */
			m->attr_set = (m->attr_set & ~w->clr) | w->set;
			m->attr_clr = (m->attr_clr & ~w->set) | w->clr;
			return true;
		}
		if (word[0] == 'r' && str_eq(word + 1, w->word)) {
			m->attr_set_rec = (m->attr_set_rec & ~w->clr) | w->set;
			m->attr_clr_rec = (m->attr_clr_rec & ~w->set) | w->clr;
			return true;
		}
	}
	return false;
}

/* One list of crun's form "0-1-10#@10-11-10": id of the file system, id of the host, count; "@":
 * the second id counts in the container's user namespace. */
static int read_ranges(const struct jread *r, const struct jnode *n, const char *text,
	struct runtime_id_map **ret, size_t *ret_n, uint64_t *relative)
{
	enum { MAX_RANGES = 64 };
	struct runtime_id_map *v = arena_alloc(r->a, MAX_RANGES * sizeof(*v));
	const char *p = text;
	for (size_t i = 0; i < MAX_RANGES; i++) {
		uint32_t *const part[] = {&v[i].container, &v[i].host, &v[i].size};
		if (*p == '@') {
			*relative |= 1ULL << i;
			p++;
		}
		for (int k = 0; k < 3; k++) {
			char *end;
			if (!(*p >= '0' && *p <= '9'))
				return jread_fail(
					r, n, "'%s' is no list of ranges like 0-1000-10", text);
			unsigned long long x = strtoull(p, &end, 10);
			if (x > UINT32_MAX || (k < 2 && *end != '-') || (k == 2 && x == 0))
				return jread_fail(
					r, n, "'%s' is no list of ranges like 0-1000-10", text);
			*part[k] = (uint32_t)x;
			p = end + (k < 2);
		}
		*ret = v;
		*ret_n = i + 1;
		if (!*p || *p == ';')
			return 0;
		if (*p++ != '#')
			return jread_fail(r, n, "'%s' is no list of ranges like 0-1000-10", text);
	}
	return jread_fail(r, n, "idmap: more than %d ranges", MAX_RANGES);
}

/* "uids=0-1-10#10-11-10;gids=0-100-10", as crun takes it from podman */
static int read_idmap_word(
	const struct jread *r, const struct jnode *n, struct runtime_mount *m, const char *text)
{
	int k = 0;
	m->idmap = true;
	for (const char *p = text; k >= 0 && p && *p; p = strchr(p, ';'), p = p ? p + 1 : NULL) {
		if (str_starts(p, "uids="))
			k = read_ranges(r, n, p + 5, &m->uid_maps, &m->nuid_maps, &m->uid_relative);
		else if (str_starts(p, "gids="))
			k = read_ranges(r, n, p + 5, &m->gid_maps, &m->ngid_maps, &m->gid_relative);
		else
			return jread_fail(r, n, "idmap: '%s' is neither uids= nor gids=", p);
	}
	return k < 0 ? k : 1;
}

/* 1: taken, 0: for the file system */
static int take_option(
	const struct jread *r, const struct jnode *n, struct runtime_mount *m, const char *word)
{
	unsigned long propagation = config_propagation(word);
	if (propagation) {
		m->propagation = propagation & ~(unsigned long)MS_REC;
		m->propagation_rec = propagation & MS_REC;
		return 1;
	}
	if (take_attr(m, word))
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(ignored_words); i++)
		if (str_eq(word, ignored_words[i]))
			return 1;
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (str_eq(word, switches[i].word)) {
			*(bool *)((char *)m + switches[i].offset) = true;
			return 1;
		}
	if (str_starts(word, "idmap=") || str_starts(word, "ridmap=")) {
		m->idmap_rec |= word[0] == 'r';
		return read_idmap_word(r, n, m, strchr(word, '=') + 1);
	}
	return 0;
}

static int read_options(const struct jread *r, const struct jnode *n, struct runtime_mount *m)
{
	struct runtime_strings words = {NULL, 0};
	int k = jread_strings(r, n, "options", &words);
	if (k < 0)
		return k;
	m->data.v = arena_alloc(r->a, (words.n + 1) * sizeof(*m->data.v));
	for (size_t i = 0; i < words.n; i++) {
		k = take_option(r, n, m, words.v[i]);
		if (k < 0)
			return k;
		if (k == 0 && *words.v[i])
			m->data.v[m->data.n++] = words.v[i];
	}
	return 0;
}

/* A read-only superblock matters where the file system writes by itself; for the pseudo file
 * systems, which are shared between mounts, the attribute of the mount says it. */
static bool wants_sb_readonly(const struct runtime_mount *m)
{
	static const char *const pseudo[] = {
		"proc", "sysfs", "tmpfs", "mqueue", "devpts", "cgroup", "cgroup2", "overlay"};
	for (size_t i = 0; i < ARRAY_SIZE(pseudo); i++)
		if (str_eq(m->type, pseudo[i]))
			return false;
	return !m->bind && (m->attr_set & MOUNT_ATTR_RDONLY);
}

static int read_maps(const struct jread *r, const struct jnode *n, struct runtime_mount *m)
{
	int k;
	/* the objects win over an option that gives ranges */
	if ((k = config_read_id_maps(r, n, "uidMappings", &m->uid_maps, &m->nuid_maps)) < 0)
		return k;
	m->uid_relative = k > 0 ? 0 : m->uid_relative;
	if ((k = config_read_id_maps(r, n, "gidMappings", &m->gid_maps, &m->ngid_maps)) < 0)
		return k;
	m->gid_relative = k > 0 ? 0 : m->gid_relative;
	if (!m->nuid_maps != !m->ngid_maps)
		return jread_fail(r, n, "uidMappings and gidMappings go together");
	m->idmap |= m->idmap_rec || m->nuid_maps;
	return 0;
}

static int check_mount(const struct jread *r, const struct jnode *n, const struct runtime_mount *m)
{
	if (m->bind && !m->remount && str_empty(m->source))
		return jread_fail(r, n, "source of a bind mount is missing");
	if (!m->bind && !m->remount && str_empty(m->type))
		return jread_fail(r, n, "type is missing");
	if (m->idmap && !m->bind)
		return jread_fail(r, n, "only a bind mount can be id-mapped");
	if (m->copy_symlink && !m->bind)
		return jread_fail(r, n, "copy-symlink is for bind mounts");
	if (m->tmpcopyup && !str_eq(m->type, "tmpfs"))
		return jread_fail(r, n, "tmpcopyup is for a tmpfs");
	return 0;
}

static int read_mount(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_mount *m = item;
	int k;
	if ((k = jread_str(r, n, "destination", &m->destination)) < 0 ||
		(k = jread_str(r, n, "type", &m->type)) < 0 ||
		(k = jread_str(r, n, "source", &m->source)) < 0)
		return k;
	if (str_empty(m->destination))
		return jread_fail(r, n, "destination is missing");
	if ((k = read_options(r, n, m)) < 0)
		return k;
	if ((k = read_maps(r, n, m)) < 0)
		return k;
	m->bind |= m->bind_rec || str_eq(m->type, "bind");
	m->sb_readonly = wants_sb_readonly(m);
	return check_mount(r, n, m);
}

int config_read_mounts(const struct jread *r, const struct jnode *root, struct runtime_config *c)
{
	return jread_objects(
		r, root, "mounts", sizeof(*c->mounts), read_mount, &c->mounts, &c->nmounts);
}
