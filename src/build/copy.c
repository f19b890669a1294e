/* COPY and ADD of files and directories, and WORKDIR, as entries of a layer. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "build/chmod.h"
#include "build/copy_priv.h"
#include "layer/archive.h"
#include "layer/writer.h"
#include "oci/passwd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int64_t copier_time(const struct copier *c, int64_t mtime)
{
	const struct build_copy_job *j = c->job;
	if (!j->has_epoch)
		return mtime;
	/* A checkout's times differ from machine to machine and are no part of the key, so they
	 * may not be part of the result; those of an image are part of its layers. */
	if (j->step->copy.from == BUILD_FROM_CONTEXT)
		return j->epoch;
	return MIN(mtime, j->epoch);
}

uint32_t copier_mode(const struct copier *c, uint32_t stat_mode)
{
	return c->chmod ? build_chmod_apply(c->chmod, stat_mode) : stat_mode & 07777;
}

static int64_t made_time(const struct build_copy_job *j)
{
	return j->has_epoch ? j->epoch : j->now;
}

/* ---- owner ---- */

static int read_file(int rootfd, const char *path, struct buf *b, struct err *e)
{
	b->max = LIMIT_PASSWD_FILE;
	int r = rootfd < 0 ? -ENOENT : root_read(rootfd, path, b, e);
	if (r == -ENOENT || r == -ENOTDIR) {
		err_clear(e);
		return 0;
	}
	return r;
}

/* --chown: docker gives a number without a group the group of the same number, a name its own. */
static int find_owner(struct copier *c, struct err *e)
{
	const char *spec = c->job->step->copy.chown;
	if (!spec)
		return 0;
	struct buf passwd cleanup_buf = BUF_INIT, group cleanup_buf = BUF_INIT;
	int r = read_file(c->dest.rootfd, "/etc/passwd", &passwd, e);
	if (r >= 0)
		r = read_file(c->dest.rootfd, "/etc/group", &group, e);
	if (r < 0)
		return r;
	struct oci_user u cleanup_oci_user = {0};
	r = oci_user_resolve(spec, buf_str(&passwd), passwd.len, buf_str(&group), group.len, &u, e);
	if (r < 0)
		return r;
	uint64_t number;
	bool numeric = str_parse_u64(spec, 10, &number) == 0;
	c->own = true;
	c->dest.uid = u.uid;
	c->dest.gid = numeric ? u.uid : u.gid;
	return 0;
}

/* ---- entries ---- */

/* Was the file the one that was listed, and is it still? Context files only: the digest that
 * stands in the key must be that of the bytes in the layer. */
static int check_unchanged(const struct build_file *f, int fd, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", f->path);
	int64_t mtime = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	int64_t ctime = st.st_ctim.tv_sec * 1000000000LL + st.st_ctim.tv_nsec;
	if (st.st_ino == f->ino && (uint64_t)st.st_size == f->size && mtime == f->mtime &&
		ctime == f->ctime)
		return 0;
	return err_set(e, ERR_STATE, "'%s' changed while it was being copied", f->path);
}

/* A file with several names that was written before becomes a hard link: true, *ret_target. */
static bool known_link(
	struct copier *c, const struct build_file *f, const char *to, const char **ret_target)
{
	if (f->nlink < 2 || c->job->step->copy.from == BUILD_FROM_CONTEXT)
		return false;
	char id[48];
	snprintf(id, sizeof(id), "%llx:%llx", (unsigned long long)f->dev,
		(unsigned long long)f->ino);
	size_t at;
	if (!set_add(&c->links, id, c->ntargets, &at)) {
		*ret_target = c->targets[at];
		return true;
	}
	c->targets = mem_realloc(c->targets, c->ntargets + 1, sizeof(*c->targets));
	c->targets[c->ntargets++] = mem_strdup(to);
	return false;
}

static int add_regular(
	struct copier *c, const struct build_file *f, struct layer_entry *entry, struct err *e)
{
	cleanup_fd int fd = root_open(
		c->job->sources->rootfd, f->path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK, 0, e);
	if (fd < 0)
		return fd;
	bool context = c->job->step->copy.from == BUILD_FROM_CONTEXT;
	struct build_xattrs x cleanup(build_xattrs_release) = {0};
	int r = context ? 0 : build_xattrs_read(fd, f->path, &x, e);
	if (r < 0)
		return r;
	entry->type = LAYER_FILE;
	entry->size = f->size;
	entry->xattrs = x.v;
	entry->n_xattrs = x.n;
	r = build_dest_add(&c->dest, entry, f->size ? fd : -1, e);
	return r >= 0 && context ? check_unchanged(f, fd, e) : r;
}

/* Does something of another kind stand where the entry goes? checked: the image may have it. */
static int conflict(
	const struct copier *c, const struct build_file *f, const char *to, struct err *e)
{
	int type = build_dest_type(&c->dest, to, e);
	if (type < 0)
		return type;
	if (type == S_IFDIR && !S_ISDIR(f->mode))
		return err_set(e, EISDIR, "the directory '/%s' cannot be replaced by the file '%s'",
			to, f->path);
	if (type && type != S_IFDIR && S_ISDIR(f->mode))
		return err_set(e, ENOTDIR, "'/%s' is not a directory, but '%s' is", to, f->path);
	return 0;
}

/* One entry of the sources at `to` (resolved). below: the image may have something there. */
static int add_entry(
	struct copier *c, const struct build_file *f, const char *to, bool below, struct err *e)
{
	int r = below ? conflict(c, f, to, e) : 0;
	if (r < 0)
		return r;
	struct layer_entry entry = {
		.path = to,
		.mode = S_ISLNK(f->mode) ? 0777 : copier_mode(c, f->mode),
		/* docker keeps the owners of another stage's files */
		.uid = c->own ? c->dest.uid : f->uid,
		.gid = c->own ? c->dest.gid : f->gid,
		.mtime = copier_time(c, f->mtime / 1000000000),
		.linkname = f->link,
	};
	const char *target;
	switch (f->mode & S_IFMT) {
	case S_IFREG:
		if (!known_link(c, f, to, &target))
			return add_regular(c, f, &entry, e);
		entry.type = LAYER_HARDLINK;
		entry.linkname = target;
		break;
	case S_IFDIR:
		entry.type = LAYER_DIR;
		break;
	case S_IFLNK:
		entry.type = LAYER_SYMLINK;
		break;
	case S_IFIFO:
		entry.type = LAYER_FIFO;
		break;
	default:
		return 0; /* sockets mean nothing without their program; devices are not copied */
	}
	return build_dest_add(&c->dest, &entry, -1, e);
}

/* ---- directories ---- */

struct level {
	size_t prefix; /* length of the source directory's path, with its '/' */
	char *to;      /* where it went */
	bool below;    /* the image has it: its entries may meet something there */
};

struct levels {
	struct level *v;
	size_t n, cap;
};

static void push(struct levels *l, size_t prefix, char *to, bool below)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 16;
		l->v = mem_realloc(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = (struct level){prefix, to, below};
}

/* The place of a directory of the sources: through links of the image, when there are any. */
static int enter(
	struct copier *c, const struct build_file *f, char **to, bool *below, struct err *e)
{
	if (!*below)
		return 0;
	int type = build_dest_type(&c->dest, *to, e);
	if (type < 0)
		return type;
	if (type == S_IFLNK) {
		char *real;
		int r = build_dest_resolve(&c->dest, *to, &real, e);
		if (r < 0)
			return r;
		free(*to);
		*to = real;
		type = build_dest_type(&c->dest, *to, e);
		if (type < 0)
			return type;
		if (type && type != S_IFDIR)
			return err_set(
				e, ENOTDIR, "'/%s' is not a directory, but '%s' is", *to, f->path);
		/* the image's own directory stays what it is */
		*below = type == S_IFDIR;
		return type ? build_dest_dir(&c->dest, *to, e) : 0;
	}
	*below = type == S_IFDIR;
	return 0;
}

static int copy_tree(struct copier *c, const struct build_match *m, struct levels *l, struct err *e)
{
	const struct build_tree *t = &c->job->sources->tree;
	for (size_t i = m->first + 1; i < m->end; i++) {
		const struct build_file *f = &t->v[i];
		const char *slash = strrchr(f->path, '/');
		size_t prefix = slash ? (size_t)(slash - f->path) + 1 : 0;
		while (l->n > 1 && l->v[l->n - 1].prefix != prefix)
			free(l->v[--l->n].to);
		/* a sibling of the same length cannot be met here: its parent came first */
		const struct level *up = &l->v[l->n - 1];
		const char *name = f->path + up->prefix;
		char *to = mem_printf("%s%s%s", up->to, *up->to ? "/" : "", name);
		bool below = up->below;
		int r = 0;
		if (S_ISDIR(f->mode)) {
			cleanup_free char *first = mem_strdup(to);
			r = enter(c, f, &to, &below, e);
			/* a directory of the image behind a link keeps owner and mode */
			if (r >= 0 && str_eq(first, to))
				r = add_entry(c, f, to, up->below, e);
			push(l, strlen(f->path) + 1, to, below);
		} else {
			r = add_entry(c, f, to, below, e);
			free(to);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* The contents of a directory into `to`. */
static int copy_dir(struct copier *c, const struct build_match *m, const char *to, struct err *e)
{
	const struct build_file *top = &c->job->sources->tree.v[m->first];
	int type = build_dest_type(&c->dest, to, e);
	if (type < 0)
		return type;
	if (type && type != S_IFDIR)
		return err_set(e, ENOTDIR, "'/%s' is not a directory, but '%s' is", to, top->path);
	/* A directory that is there keeps its owner and mode, a new one is as its source; the mode
	 * of a context's top is an accident of where it lies. */
	bool keep = type || !*top->path || set_has(&c->dest.dirs, to, NULL);
	int r = keep ? build_dest_dir(&c->dest, to, e) : add_entry(c, top, to, false, e);
	if (r < 0)
		return r;
	struct levels l = {0};
	push(&l, *top->path ? strlen(top->path) + 1 : 0, mem_strdup(to), type == S_IFDIR);
	r = copy_tree(c, m, &l, e);
	while (l.n)
		free(l.v[--l.n].to);
	free(l.v);
	return r;
}

/* ---- one source ---- */

static int copy_heredoc(
	struct copier *c, const struct build_match *m, const char *to, struct err *e)
{
	struct build_file f = {.path = m->name, .mode = S_IFREG | 0644};
	int r = conflict(c, &f, to, e);
	if (r < 0)
		return r;
	r = build_dest_parents(&c->dest, to, e);
	if (r < 0)
		return r;
	struct layer_entry entry = {
		.path = to,
		.type = LAYER_FILE,
		.mode = copier_mode(c, f.mode),
		.uid = c->dest.uid,
		.gid = c->dest.gid,
		.size = m->heredoc->len,
		.mtime = made_time(c->job),
	};
	return layer_writer_add_bytes(c->dest.w, &entry, m->heredoc->data, m->heredoc->len, e);
}

/* ADD unpacks a local archive. 1: it was one. */
static int try_archive(
	struct copier *c, const struct build_match *m, const char *dest, struct err *e)
{
	const struct build_file *f = &c->job->sources->tree.v[m->first];
	if (!c->job->step->copy.add || !S_ISREG(f->mode))
		return 0;
	cleanup_fd int fd =
		root_open(c->job->sources->rootfd, f->path, O_RDONLY | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return fd;
	enum layer_compression how;
	int r = layer_archive_sniff(fd, &how, e);
	if (r <= 0)
		return r;
	r = copier_unpack(c, fd, dest, e);
	if (r >= 0)
		r = check_unchanged(f, fd, e);
	return r < 0 ? err_wrap(e, r, "unpack '%s'", f->path) : 1;
}

/* dest: resolved; as_dir: things go into it under their names. */
static int copy_one(
	struct copier *c, const struct build_match *m, const char *dest, bool as_dir, struct err *e)
{
	if (m->is_dir)
		return copy_dir(c, m, dest, e);
	if (!m->heredoc) {
		int r = try_archive(c, m, dest, e);
		if (r != 0)
			return r;
	}
	cleanup_free char *to = !as_dir ? mem_strdup(dest)
				: *dest ? mem_printf("%s/%s", dest, m->name)
					: mem_strdup(m->name);
	if (!*to)
		return err_set(e, EISDIR, "the root directory cannot be replaced by a file");
	if (m->heredoc)
		return copy_heredoc(c, m, to, e);
	return add_entry(c, &c->job->sources->tree.v[m->first], to, true, e);
}

static int copy_all(struct copier *c, struct err *e)
{
	const struct build_copy *copy = &c->job->step->copy;
	const struct build_sources *s = c->job->sources;
	cleanup_free char *dest = NULL;
	int r = build_dest_resolve(&c->dest, copy->dest, &dest, e);
	if (r < 0)
		return r;
	int type = build_dest_type(&c->dest, dest, e);
	if (type < 0)
		return type;
	bool slash = str_ends(copy->dest, "/");
	if (type && type != S_IFDIR && slash)
		return err_set(e, ENOTDIR, "'%s' is not a directory in the image", copy->dest);
	bool as_dir = slash || type == S_IFDIR;
	if (s->n > 1 && !as_dir)
		return err_set(e, ERR_SYNTAX,
			"%zu files match, so the destination '%s' must be a directory and end "
			"with '/'",
			s->n, copy->dest);
	for (size_t i = 0; i < s->n; i++) {
		r = copy_one(c, &s->v[i], dest, as_dir, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int with_place(const struct build_step *step, int r, const struct err *why, struct err *e)
{
	if (r >= 0)
		return r;
	r = build_step_error(step, e, why->code ? why->code : -r, "%s", why->msg);
	if (why->hint[0])
		err_hint(e, "%s", why->hint);
	return r;
}

int build_copy_write(const struct build_copy_job *job, struct layer_writer *w, struct err *e)
{
	struct copier c = {.job = job, .chmod = job->step->copy.chmod};
	c.dest = (struct build_dest){.rootfd = job->parent_fd, .w = w, .time = made_time(job)};
	struct err why = ERR_INIT;
	int r = c.chmod ? build_chmod_check(c.chmod, &why) : 0;
	if (r >= 0)
		r = find_owner(&c, &why);
	if (r >= 0)
		r = copy_all(&c, &why);
	build_dest_release(&c.dest);
	set_release(&c.links);
	for (size_t i = 0; i < c.ntargets; i++)
		free(c.targets[i]);
	free(c.targets);
	return r < 0 ? with_place(job->step, r, &why, e) : 1;
}

int build_workdir_write(const struct build_copy_job *job, struct layer_writer *w, struct err *e)
{
	struct build_dest d = {.rootfd = job->parent_fd, .w = w, .time = made_time(job)};
	struct err why = ERR_INIT;
	cleanup_free char *path = NULL;
	int r = build_dest_resolve(&d, job->step->workdir, &path, &why);
	int type = r < 0 ? r : build_dest_type(&d, path, &why);
	if (type == 0)
		r = build_dest_dir(&d, path, &why);
	else if (type > 0 && type != S_IFDIR)
		r = err_set(&why, ENOTDIR, "WORKDIR '%s' is not a directory in the image",
			job->step->workdir);
	else
		r = type;
	build_dest_release(&d);
	if (r < 0)
		return with_place(job->step, r, &why, e);
	return type == 0;
}
