/* JSON: {"STAGE": ["INSTRUCTION", ...], ...} */
#include "build/record.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	RECORD_MAX = 4 * 1024 * 1024,
	KEPT_S = 60 * 24 * 3600, /* since a file was written */
};

struct build_record {
	int dirfd;
	char *name;
	struct buf text;
	json_t *stages; /* object, or NULL */
};

struct build_record *build_record_open(int dirfd, const char *name)
{
	struct build_record *r = mem_alloc(sizeof(*r));
	r->dirfd = dirfd;
	r->name = mem_strdup(name);
	r->text.max = RECORD_MAX;
	if (file_read(dirfd, name, &r->text, NULL) >= 0 &&
		oci_json_parse(buf_str(&r->text), r->text.len, RECORD_MAX, "record of a build",
			&r->stages, NULL) < 0)
		r->stages = NULL;
	return r;
}

/* Files of ours: digests of contexts, lists of files, and these records. */
static bool is_ours(const char *name)
{
	return str_starts(name, "context-") || str_starts(name, "manifest-") ||
	       str_starts(name, "steps-");
}

void build_record_sweep(int dirfd, int64_t now)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return;
	for (struct dirent *x; (x = readdir(d));) {
		struct stat st;
		if (is_ours(x->d_name) && fstatat(fd, x->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			st.st_mtim.tv_sec + KEPT_S < now / CLOCK_NS_PER_S)
			unlinkat(fd, x->d_name, 0);
	}
}

void build_record_free(struct build_record *r)
{
	if (!r)
		return;
	json_decref(r->stages);
	buf_release(&r->text);
	free(r->name);
	free(r);
}

static bool list_has(json_t *list, const char *raw)
{
	size_t i;
	json_t *x;
	json_array_foreach (list, i, x)
		if (str_eq(json_string_value(x), raw))
			return true;
	return false;
}

const char *build_record_edited(
	const struct build_record *r, const struct build_graph *g, const struct build_step *step)
{
	const struct build_stage *s = &g->stages[step->stage];
	json_t *list = r->stages ? json_object_get(r->stages, s->label) : NULL;
	const char *was = json_string_value(json_array_get(list, step->number - 1));
	if (!was || list_has(list, step->raw))
		return NULL;
	for (size_t i = 0; i < s->nsteps; i++)
		if (str_eq(s->steps[i].raw, was))
			return NULL; /* it has only moved */
	return was;
}

void build_record_save(struct build_record *r, const struct build_graph *g)
{
	json_t *o cleanup_json = json_object();
	for (size_t i = 0; i < g->nstages; i++) {
		const struct build_stage *s = &g->stages[i];
		if (!s->needed) {
			/* what another target built stays known */
			json_t *old = r->stages ? json_object_get(r->stages, s->label) : NULL;
			if (old)
				json_object_set(o, s->label, old);
			continue;
		}
		json_t *list = json_array();
		for (size_t k = 0; k < s->nsteps; k++)
			json_array_append_new(list, json_string(s->steps[k].raw));
		json_object_set_new(o, s->label, list);
	}
	struct buf b cleanup_buf = BUF_INIT;
	oci_json_format(o, &b);
	if (b.len != r->text.len || memcmp(b.data, buf_str(&r->text), b.len) != 0)
		file_write(r->dirfd, r->name, b.data, b.len, 0600, 0, NULL);
}
