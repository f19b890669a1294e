/* Finding what COPY and ADD name. */
#include "build/source.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "build/context.h"
#include "dockerfile/glob.h"
#include "layer/entry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void build_sources_release(struct build_sources *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i].name);
	free(s->v);
	build_tree_release(&s->tree);
	*s = (struct build_sources)BUILD_SOURCES_INIT;
}

struct finder {
	const struct build_step *step;
	const struct build_source_options *o;
	struct build_sources *to;
	size_t source; /* index of the one that is being looked for */
};

static const struct dockerfile_ignore *rules(const struct finder *f)
{
	return f->o->context ? f->o->context->ignore : NULL;
}

static struct build_match *append(struct build_sources *s)
{
	if (s->n == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 4;
		s->v = mem_realloc(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n] = (struct build_match){0};
	return &s->v[s->n++];
}

/* Where the words of a source would be: without "." and "..", relative to the root. */
static char *clean(const char *path)
{
	struct buf b cleanup_buf = BUF_INIT;
	while (*path) {
		path += strspn(path, "/");
		size_t n = strcspn(path, "/");
		if (n == 2 && memcmp(path, "..", 2) == 0) {
			const char *slash = b.len ? memrchr(b.data, '/', b.len) : NULL;
			buf_truncate(&b, slash ? (size_t)(slash - b.data) : 0);
		} else if (n && !(n == 1 && *path == '.')) {
			if (b.len)
				buf_add_char(&b, '/');
			buf_add(&b, path, n);
		}
		path += n;
	}
	return mem_strdup(buf_str(&b));
}

static int not_found(const struct finder *f, const char *path, struct err *e)
{
	const struct build_copy_source *s = &f->step->copy.sources[f->source];
	const char *from = f->step->copy.from_name;
	cleanup_free char *where =
		from ? mem_printf("in '%s' (--from)", from) : mem_strdup("in the build context");
	struct dockerfile_ignore_verdict v = dockerfile_ignore_match(rules(f), path);
	if (f->o->context && v.excluded) {
		int r = dockerfile_error(f->step->file, s->span, e, ENOENT,
			"'%s' is left out of the build context by the pattern '%s' (%s:%u)",
			s->path, v.pattern, f->o->context->ignore_name, v.line);
		err_hint(e, "`kist build --print-context` lists what the build sees");
		return r;
	}
	if (f->o->context && f->o->context->fd < 0)
		return dockerfile_error(f->step->file, s->span, e, ENOENT,
			"'%s' is not there: a Dockerfile from standard input has no context",
			s->path);
	return dockerfile_error(f->step->file, s->span, e, ENOENT, "'%s' is not there, %s%s",
		s->path, where, dockerfile_glob_has_magic(s->path) ? ": no name matches" : "");
}

/* In an image nothing is hidden; in a context a path may be, but for what it holds. */
static bool hidden(const struct finder *f, const char *path, bool is_dir)
{
	if (!rules(f) || !dockerfile_ignore_match(rules(f), path).excluded)
		return false;
	return !is_dir || !dockerfile_ignore_may_include_below(rules(f), path);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

/* Takes the thing at `path` (clean, its links resolved here) under the name that it was asked for. */
static int take(struct finder *f, const char *path, struct err *e)
{
	cleanup_free char *real = NULL;
	int r = build_path_resolve(
		f->o->rootfd, path, f->o->context ? 0 : BUILD_RESOLVE_INSIDE, &real, e);
	if (r == -ENOENT || r == -ENOTDIR)
		return not_found(f, path, e);
	if (r == -ERR_FORMAT && e) {
		struct err why = *e;
		err_clear(e);
		r = dockerfile_error(f->step->file, f->step->copy.sources[f->source].span, e,
			ERR_FORMAT, "%s", why.msg);
		err_hint(e, "%s", why.hint);
	}
	if (r < 0)
		return r;
	struct build_tree_options o = {.ignore = rules(f), .stop = f->o->stop};
	size_t first = f->to->tree.n;
	r = build_tree_walk(f->o->rootfd, real, &o, &f->to->tree, e);
	if (r < 0)
		return r == -ENOENT ? (err_clear(e), not_found(f, path, e)) : r;
	bool is_dir = S_ISDIR(f->to->tree.v[first].mode);
	bool empty = f->to->tree.n == first + 1;
	if (hidden(f, real, is_dir && !empty)) {
		f->to->tree.n = first;
		return not_found(f, real, e);
	}
	struct build_match *m = append(f->to);
	m->first = first;
	m->end = f->to->tree.n;
	m->is_dir = is_dir;
	m->name = mem_strdup(base_name(path));
	m->source = f->source;
	return 0;
}

/* The part of a pattern before its first component with a wildcard; *ret_levels: what is left. */
static char *literal_prefix(const char *pattern, unsigned *ret_levels)
{
	const char *end = pattern, *p = pattern;
	unsigned levels = 1;
	for (;;) {
		size_t n = strcspn(p, "/");
		cleanup_free char *part = mem_strndup(p, n);
		if (dockerfile_glob_has_magic(part) || !p[n])
			break;
		p += n + 1;
		end = p;
	}
	for (p = end; *p; p++)
		levels += *p == '/';
	*ret_levels = levels;
	while (end > pattern && end[-1] == '/')
		end--;
	return mem_strndup(pattern, (size_t)(end - pattern));
}

static int match_all(struct finder *f, const char *pattern, struct err *e)
{
	unsigned levels;
	cleanup_free char *prefix = literal_prefix(pattern, &levels), *real = NULL;
	int r = build_path_resolve(
		f->o->rootfd, prefix, f->o->context ? 0 : BUILD_RESOLVE_INSIDE, &real, e);
	if (r == -ENOENT || r == -ENOTDIR)
		return not_found(f, pattern, e);
	if (r < 0)
		return r;
	struct build_tree list cleanup(build_tree_release) = BUILD_TREE_INIT;
	struct build_tree_options o = {.ignore = rules(f), .depth = levels, .stop = f->o->stop};
	r = build_tree_walk(f->o->rootfd, real, &o, &list, e);
	if (r < 0)
		return r == -ENOENT ? (err_clear(e), not_found(f, pattern, e)) : r;
	/* the pattern as it applies below the resolved prefix */
	const char *rest = pattern + strlen(prefix);
	cleanup_free char *inside =
		mem_printf("%s%s", real, *real || *rest != '/' ? rest : rest + 1);
	size_t before = f->to->n;
	for (size_t i = 1; i < list.n && r >= 0; i++) {
		const char *path = list.v[i].path;
		r = dockerfile_glob_match(inside, path);
		if (r == -EINVAL)
			return dockerfile_error(f->step->file,
				f->step->copy.sources[f->source].span, e, ERR_SYNTAX,
				"'%s' is no valid pattern", pattern);
		/* a directory that is hidden itself, and listed for what is below, matches nothing */
		if (r > 0)
			r = hidden(f, path, S_ISDIR(list.v[i].mode)) ? 0 : take(f, path, e);
	}
	if (r < 0)
		return r;
	return f->to->n > before ? 0 : not_found(f, pattern, e);
}

/* "\*" asks for a name with a star in it */
static void unquote(char *s)
{
	char *to = s;
	for (; *s; s++) {
		if (*s == '\\' && s[1])
			s++;
		*to++ = *s;
	}
	*to = 0;
}

static int find_one(struct finder *f, const struct build_copy_source *s, struct err *e)
{
	if (s->heredoc) {
		struct build_match *m = append(f->to);
		m->name = mem_strdup(s->path);
		m->source = f->source;
		m->heredoc = s;
		return 0;
	}
	if (f->o->rootfd < 0)
		return not_found(f, s->path, e);
	cleanup_free char *path = clean(s->path);
	if (dockerfile_glob_has_magic(path))
		return match_all(f, path, e);
	if (strchr(path, '\\'))
		unquote(path);
	return take(f, path, e);
}

int build_sources_find(const struct build_step *step, const struct build_source_options *o,
	struct build_sources *ret, struct err *e)
{
	struct build_sources got cleanup_build_sources = BUILD_SOURCES_INIT;
	got.rootfd = o->rootfd;
	struct finder f = {.step = step, .o = o, .to = &got};
	for (; f.source < step->copy.nsources; f.source++) {
		int r = find_one(&f, &step->copy.sources[f.source], e);
		if (r < 0)
			return r;
	}
	/* who owns a context's files on the host means nothing in the image */
	for (size_t i = 0; o->context && i < got.tree.n; i++)
		got.tree.v[i].uid = got.tree.v[i].gid = 0;
	*ret = got;
	got = (struct build_sources)BUILD_SOURCES_INIT;
	return 0;
}
