/* Mounts of a runtime config and the table of their options (config.md, "Linux mount options"). */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "runtime/json_priv.h"

#include <linux/mount.h>
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

static const char *const ignored_words[] = {
	"defaults",
	"loud",
	"nouser",
	"auto",
	"noauto",
	"remount",
	"nomand",
	"mand",
	"noiversion",
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
	if (str_eq(word, "bind")) {
		m->bind = true;
	} else if (str_eq(word, "rbind")) {
		m->bind = m->bind_rec = true;
	} else if (str_eq(word, "tmpcopyup")) {
		m->tmpcopyup = true;
	} else if (str_eq(word, "copy-symlink")) {
		m->copy_symlink = true;
	} else if (str_eq(word, "idmap") || str_eq(word, "ridmap")) {
		return err_set(r->e, ERR_UNSUPPORTED,
			"mount '%s': id-mapped mounts are not supported by this version",
			m->destination);
	} else {
		return 0;
	}
	return 1;
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
	if (str_eq(m->type, "bind"))
		m->bind = true;
	if (m->bind && str_empty(m->source))
		return jread_fail(r, n, "source of a bind mount is missing");
	if (!m->bind && str_empty(m->type))
		return jread_fail(r, n, "type is missing");
	struct jnode maps;
	if ((k = jread_array(r, n, "uidMappings", &maps)) < 0)
		return k;
	if (k && json_array_size(maps.v) > 0)
		return err_set(r->e, ERR_UNSUPPORTED,
			"mount '%s': id-mapped mounts are not supported by this version",
			m->destination);
	m->sb_readonly = wants_sb_readonly(m);
	return 0;
}

int config_read_mounts(const struct jread *r, const struct jnode *root, struct runtime_config *c)
{
	return jread_objects(
		r, root, "mounts", sizeof(*c->mounts), read_mount, &c->mounts, &c->nmounts);
}
