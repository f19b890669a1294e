/*
 * Walking a directory tree with a few threads. Directories are jobs; each is
 * read, its entries get their stats and are sorted; the list is put together in
 * order when all threads have ended.
 */
#include "build/tree.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "dockerfile/ignore.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { MAX_THREADS = 4, DENTS_SIZE = 32 * 1024 };

struct dir;
struct item {
	struct build_file file;
	struct dir *sub;
	bool excluded; /* a directory kept only for what it holds */
};

struct dir {
	const char *path;
	struct item *items;
	size_t n, cap;
	size_t state;   /* of the ignore rules */
	unsigned level; /* the top is 1 */
	struct dir *next;
};

struct walk {
	int rootfd;
	const struct build_tree_options *o;
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct dir *queue;
	size_t pending; /* directories that are queued or being read */
	int result;
	struct err *e;
};

struct worker {
	struct walk *w;
	struct arena *arena;
	pthread_t thread;
};

void build_tree_release(struct build_tree *t)
{
	free(t->v);
	for (size_t i = 0; i < t->narenas; i++)
		arena_release(&t->arenas[i]);
	free(t->arenas);
	*t = (struct build_tree)BUILD_TREE_INIT;
}

int build_path_compare(const char *a, const char *b)
{
	const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
	while (*x && *x == *y)
		x++, y++;
	int l = *x == '/' ? 1 : *x ? *x + 1 : 0;
	int r = *y == '/' ? 1 : *y ? *y + 1 : 0;
	return l - r;
}

static int64_t nanoseconds(const struct statx_timestamp *t)
{
	return t->tv_sec * 1000000000LL + t->tv_nsec;
}

/* Link texts of what is not a link stay NULL. dirfd/name: the entry. */
static int fill(int dirfd, const char *name, struct arena *a, struct build_file *f, struct err *e)
{
	struct statx st;
	if (statx(dirfd, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_EMPTY_PATH,
		    STATX_BASIC_STATS, &st) < 0)
		return err_sys(e, "stat '%s'", f->path);
	f->size = S_ISREG(st.stx_mode) ? st.stx_size : 0;
	f->ino = st.stx_ino;
	f->dev = makedev(st.stx_dev_major, st.stx_dev_minor);
	f->mtime = nanoseconds(&st.stx_mtime);
	f->ctime = nanoseconds(&st.stx_ctime);
	f->mode = st.stx_mode;
	f->uid = st.stx_uid;
	f->gid = st.stx_gid;
	f->nlink = st.stx_nlink;
	if (!S_ISLNK(st.stx_mode))
		return 0;
	char text[PATH_MAX];
	ssize_t n = readlinkat(dirfd, name, text, sizeof(text));
	if (n < 0)
		return err_sys(e, "read the link '%s'", f->path);
	f->link = arena_strndup(a, text, (size_t)n);
	return 0;
}

static void queue_dir(struct walk *w, struct dir *d)
{
	pthread_mutex_lock(&w->lock);
	d->next = w->queue;
	w->queue = d;
	w->pending++;
	pthread_cond_signal(&w->more);
	pthread_mutex_unlock(&w->lock);
}

static struct item *append(struct dir *d)
{
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : 16;
		d->items = mem_realloc(d->items, d->cap, sizeof(*d->items));
	}
	struct item *it = &d->items[d->n++];
	memset(it, 0, sizeof(*it));
	return it;
}

/* Decides about one name. 1: keep the entry; 2: keep it only for what is below; 0: leave out. */
static int judge(
	const struct build_tree_options *o, const struct dir *d, struct build_file *f, bool is_dir)
{
	if (!o->ignore)
		return 1;
	struct dockerfile_ignore_verdict v =
		dockerfile_ignore_match_in(o->ignore, d->state, f->path);
	if (!v.excluded)
		return 1;
	bool below = is_dir && dockerfile_ignore_may_include_below(o->ignore, f->path);
	if (!below && !(o->flags & BUILD_TREE_EXCLUDED))
		return 0;
	f->pattern = v.pattern;
	f->line = v.line;
	return below ? 2 : 1;
}

static int add_name(struct walk *w, struct arena *a, struct dir *d, int fd, const char *name,
	unsigned char type, struct err *e)
{
	struct build_file f = {0};
	f.path = d->path[0] ? arena_printf(a, "%s/%s", d->path, name) : arena_strdup(a, name);
	if (strlen(f.path) > LIMIT_TAR_PATH)
		return err_set(e, ERR_LIMIT, "path '%.60s...' is too long", f.path);
	int r = 0;
	if (type == DT_UNKNOWN) {
		r = fill(fd, name, a, &f, e);
		if (r < 0)
			return r;
		type = S_ISDIR(f.mode) ? DT_DIR : DT_REG;
	}
	int keep = judge(w->o, d, &f, type == DT_DIR);
	if (!keep)
		return 0;
	if (!f.mode)
		r = fill(fd, name, a, &f, e);
	if (r < 0)
		return r;
	struct item *it = append(d);
	it->file = f;
	it->excluded = keep == 2;
	bool enter = S_ISDIR(f.mode) && (keep == 2 || !f.pattern) &&
		     (!w->o->depth || d->level < w->o->depth);
	if (!enter)
		return 0;
	it->sub = arena_alloc(a, sizeof(*it->sub));
	it->sub->path = f.path;
	it->sub->level = d->level + 1;
	if (w->o->ignore)
		it->sub->state = dockerfile_ignore_enter(w->o->ignore, d->state, f.path);
	queue_dir(w, it->sub);
	return 0;
}

static int compare_items(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	return strcmp(x->file.path, y->file.path); /* same directory: the names decide */
}

struct dent {
	uint64_t ino;
	int64_t off;
	unsigned short reclen;
	unsigned char type;
	char name[];
};

static int read_dir(struct walk *w, struct arena *a, struct dir *d, struct err *e)
{
	cleanup_fd int fd = root_open(
		w->rootfd, d->path[0] ? d->path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return fd;
	cleanup_free char *dents = mem_alloc(DENTS_SIZE);
	for (;;) {
		long got = syscall(SYS_getdents64, fd, dents, DENTS_SIZE);
		if (got < 0)
			return err_sys(e, "read the directory '%s'", d->path);
		if (got == 0)
			break;
		for (long at = 0; at < got;) {
			const struct dent *x = (const struct dent *)(dents + at);
			at += x->reclen;
			if (str_eq(x->name, ".") || str_eq(x->name, ".."))
				continue;
			int r = add_name(w, a, d, fd, x->name, x->type, e);
			if (r < 0)
				return r;
		}
	}
	if (d->n > 1)
		qsort(d->items, d->n, sizeof(*d->items), compare_items);
	return 0;
}

static void *work(void *arg)
{
	struct worker *me = arg;
	struct walk *w = me->w;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->queue && w->pending && w->result == 0)
			pthread_cond_wait(&w->more, &w->lock);
		if (!w->queue || w->result < 0)
			break;
		struct dir *d = w->queue;
		w->queue = d->next;
		pthread_mutex_unlock(&w->lock);
		struct err e = ERR_INIT;
		int r = w->o->stop && *w->o->stop ? err_set(&e, ERR_INTERRUPTED, "interrupted")
						  : read_dir(w, me->arena, d, &e);
		pthread_mutex_lock(&w->lock);
		w->pending--;
		if (r < 0 && w->result == 0) {
			w->result = r;
			if (w->e)
				*w->e = e;
		}
		if (!w->pending || w->result < 0)
			pthread_cond_broadcast(&w->more);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

static struct build_file *push(struct build_tree *t)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? t->cap + t->cap / 2 : 16;
		t->v = mem_realloc(t->v, t->cap, sizeof(*t->v));
	}
	return &t->v[t->n++];
}

/* Appends the tree below top in order, freeing as it goes. Without recursion: depth is foreign. */
static void flatten(struct dir *top, struct build_tree *t, bool keep_all)
{
	struct place {
		struct dir *d;
		size_t i;    /* next item */
		size_t self; /* index in t of the directory's own entry */
		bool excluded;
	} *stack = NULL;
	size_t depth = 0, cap = 0;
	struct place now = {top, 0, SIZE_MAX, false};
	for (;;) {
		if (now.i == now.d->n) {
			free(now.d->items);
			now.d->items = NULL;
			/* an excluded directory in which nothing was kept is left out again */
			if (now.excluded && !keep_all && t->n == now.self + 1)
				t->n--;
			if (!depth)
				break;
			now = stack[--depth];
			continue;
		}
		struct item *it = &now.d->items[now.i++];
		*push(t) = it->file;
		if (!it->sub)
			continue;
		if (depth == cap) {
			cap = cap ? 2 * cap : 32;
			stack = mem_realloc(stack, cap, sizeof(*stack));
		}
		struct place below = {it->sub, 0, t->n - 1, it->excluded};
		stack[depth++] = now;
		now = below;
	}
	free(stack);
}

static struct arena *add_arenas(struct build_tree *t, size_t n)
{
	t->arenas = mem_realloc(t->arenas, t->narenas + n, sizeof(*t->arenas));
	memset(t->arenas + t->narenas, 0, n * sizeof(*t->arenas));
	t->narenas += n;
	return t->arenas + t->narenas - n;
}

static unsigned thread_count(unsigned asked)
{
	if (asked)
		return MIN(asked, (unsigned)MAX_THREADS);
	long n = sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : (unsigned)MIN(n, MAX_THREADS);
}

static void free_items(struct dir *d)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->items[i].sub && d->items[i].sub->items) {
			/* reached on errors only; the depth is bounded by LIMIT_TAR_PATH */
			free_items(d->items[i].sub);
		}
	free(d->items);
	d->items = NULL;
}

/* Reads everything below top with the threads; they have ended when it returns. */
static int run(struct walk *w, struct dir *top, struct build_tree *t)
{
	unsigned n = thread_count(w->o->threads);
	struct arena *arenas = add_arenas(t, n);
	struct worker workers[MAX_THREADS];
	queue_dir(w, top);
	unsigned started = 1;
	workers[0] = (struct worker){w, &arenas[0], 0};
	for (; started < n; started++) {
		workers[started] = (struct worker){w, &arenas[started], 0};
		if (pthread_create(&workers[started].thread, NULL, work, &workers[started]) != 0)
			break; /* fewer threads do as well */
	}
	work(&workers[0]);
	for (unsigned i = 1; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	return w->result;
}

int build_tree_walk(int rootfd, const char *dir, const struct build_tree_options *o,
	struct build_tree *t, struct err *e)
{
	struct arena *a = add_arenas(t, 1);
	struct build_file self = {.path = arena_strdup(a, dir)};
	cleanup_fd int fd = root_open_path(rootfd, dir[0] ? dir : ".", true, e);
	if (fd < 0)
		return fd;
	int r = fill(fd, "", a, &self, e);
	if (r < 0)
		return r;
	struct dir top = {.path = self.path, .level = 1};
	*push(t) = self;
	if (!S_ISDIR(self.mode))
		return 0;
	/* what the rules say about the directory and its parents holds below it */
	for (const char *p = self.path; o->ignore && *p;) {
		const char *end = strchrnul(p, '/');
		cleanup_free char *part = mem_strndup(self.path, (size_t)(end - self.path));
		top.state = dockerfile_ignore_enter(o->ignore, top.state, part);
		p = *end ? end + 1 : end;
	}
	struct walk w = {
		.rootfd = rootfd,
		.o = o,
		.e = e,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.more = PTHREAD_COND_INITIALIZER,
	};
	r = run(&w, &top, t);
	if (r < 0) {
		free_items(&top);
		return r;
	}
	flatten(&top, t, o->flags & BUILD_TREE_EXCLUDED);
	return 0;
}
