/* Named inputs: the key over them, their JSON, and what differs between two lists. */
#include "build/key.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "base/strv.h"
#include "oci/json.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_JSON = 64 * 1024 * 1024 }; /* our own database wrote it */

void build_inputs_release(struct build_inputs *in)
{
	for (size_t i = 0; i < in->n; i++) {
		free(in->v[i].name);
		free(in->v[i].value);
	}
	free(in->v);
	*in = (struct build_inputs)BUILD_INPUTS_INIT;
}

static void take(struct build_inputs *in, const char *name, char *value)
{
	if (in->n == in->cap) {
		in->cap = in->cap ? 2 * in->cap : 16;
		in->v = mem_realloc(in->v, in->cap, sizeof(*in->v));
	}
	in->v[in->n++] = (struct build_input){mem_strdup(name), value};
}

void build_inputs_add(struct build_inputs *in, const char *name, const char *value)
{
	take(in, name, mem_strdup(value ? value : ""));
}

void build_inputs_addf(struct build_inputs *in, const char *name, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	take(in, name, mem_vprintf(fmt, ap));
	va_end(ap);
}

const char *build_inputs_get(const struct build_inputs *in, const char *name)
{
	for (size_t i = 0; i < in->n; i++)
		if (str_eq(in->v[i].name, name))
			return in->v[i].value;
	return NULL;
}

static int compare(const void *a, const void *b)
{
	const struct build_input *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static void sort(struct build_inputs *in)
{
	if (in->n > 1)
		qsort(in->v, in->n, sizeof(*in->v), compare);
}

void build_inputs_key(struct build_inputs *in, char ret[STORE_DIGEST_MAX])
{
	sort(in);
	struct buf b cleanup_buf = BUF_INIT;
	/* lengths first: no two lists give the same bytes */
	for (size_t i = 0; i < in->n; i++)
		buf_printf(&b, "%zu:%s%zu:%s", strlen(in->v[i].name), in->v[i].name,
			strlen(in->v[i].value), in->v[i].value);
	memcpy(ret, "sha256:", 7);
	sha256_hex(buf_str(&b), b.len, ret + 7);
}

char *build_inputs_format(struct build_inputs *in)
{
	sort(in);
	json_t *o cleanup_json = json_object();
	for (size_t i = 0; i < in->n; i++) {
		/* refused, and left out, when a file's name is no UTF-8: it lacks in reasons only */
		(void)json_object_set_new(o, in->v[i].name, json_string(in->v[i].value));
	}
	struct buf b cleanup_buf = BUF_INIT;
	oci_json_format(o, &b);
	return buf_take(&b);
}

int build_inputs_parse(const char *json, struct build_inputs *ret, struct err *e)
{
	json_t *o cleanup_json = NULL;
	*ret = (struct build_inputs)BUILD_INPUTS_INIT;
	int r = oci_json_parse(json, strlen(json), MAX_JSON, "inputs of a build step", &o, e);
	if (r < 0)
		return r;
	const char *name;
	json_t *value;
	json_object_foreach (o, name, value)
		if (json_is_string(value))
			build_inputs_add(ret, name, json_string_value(value));
	sort(ret);
	return 0;
}

/* "sha256:1f3a5b..." as "1f3a5b7c" */
static void shorten(const char *digest, char out[9])
{
	if (str_starts(digest, "sha256:"))
		digest += 7;
	size_t n = strnlen(digest, 8);
	memcpy(out, digest, n);
	out[n] = 0;
}

char *build_digest_change(const char *was, const char *is)
{
	char a[9], b[9];
	shorten(was, a);
	shorten(is, b);
	return mem_printf("sha256 %s… → %s…", a, b);
}

/* Values in a sentence: cut, and never two lines. */
static char *show(const char *value)
{
	enum { MOST = 60 };
	size_t len = strcspn(value, "\n");
	bool cut = value[len] != 0 || len > MOST;
	return mem_printf("%.*s%s", (int)MIN(len, (size_t)MOST), value, cut ? "…" : "");
}

/* "0644 sha256:..." against another: mode, content or both */
static void file_changed(const char *path, const char *was, const char *is, struct strv *why)
{
	const char *a = strchr(was, ' '), *b = strchr(is, ' ');
	bool both = a && b && str_starts(a, " sha256:") && str_starts(b, " sha256:");
	if (both && !str_eq(a, b)) {
		cleanup_free char *change = build_digest_change(a + 1, b + 1);
		strv_addf(why, "file %s changed (%s)", path, change);
	} else if (both) {
		strv_addf(why, "file %s changed (mode %.*s → %.*s)", path, (int)(a - was), was,
			(int)(b - is), is);
	} else {
		strv_addf(why, "file %s changed (%s → %s)", path, was, is);
	}
}

struct word {
	const char *prefix, *text;
	bool secretive; /* values are long and mean nothing to people */
};

static const struct word words[] = {
	{"arg:", "build argument", false},
	{"env:", "environment variable", false},
	{"user", "user", false},
	{"workdir", "working directory", false},
	{"shell", "shell", false},
	{"network", "network", false},
	{"proc", "process settings", false},
	{"epoch", "SOURCE_DATE_EPOCH", false},
	{"chown", "owner", false},
	{"heredoc:", "heredoc", true},
};

static void named_change(
	const struct word *w, const char *name, const char *was, const char *is, struct strv *why)
{
	const char *rest = name + strlen(w->prefix);
	cleanup_free char *what = mem_printf("%s%s%s", w->text, *rest ? " " : "", rest);
	cleanup_free char *a = was ? show(was) : mem_strdup("unset");
	cleanup_free char *b = is ? show(is) : mem_strdup("unset");
	if (w->secretive)
		strv_addf(why, "%s changed", what);
	else
		strv_addf(why, "%s: %s → %s", what, a, b);
}

struct difference {
	const char *name, *was, *is;
};

static void explain(const struct difference *d, const char *parent, struct strv *why)
{
	if (str_starts(d->name, "file:")) {
		const char *path = d->name + 5;
		if (!d->was)
			strv_addf(why, "file %s added", path);
		else if (!d->is)
			strv_addf(why, "file %s removed", path);
		else
			file_changed(path, d->was, d->is, why);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_starts(d->name, words[i].prefix)) {
			named_change(&words[i], d->name, d->was, d->is, why);
			return;
		}
	if (str_eq(d->name, "instruction")) {
		cleanup_free char *was = show(d->was ? d->was : "");
		strv_addf(why, "instruction changed (was: %s)", was);
	} else if (str_eq(d->name, "parent")) {
		strv_addf(why, "%s changed", parent);
	} else if (str_starts(d->name, "from:")) {
		strv_addf(why, "%s changed", d->name + 5);
	}
}

/* The order in which differences are told: what the person wrote first, the parent last. */
static int rank(const char *name)
{
	static const char *const order[] = {"instruction", "arg:", "env:", "user", "workdir",
		"shell", "network", "heredoc:", "file:", "chown", "from:", "epoch", "proc"};
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (str_starts(name, order[i]))
			return (int)i;
	return str_eq(name, "parent") ? 1000 : 100;
}

static int compare_differences(const void *a, const void *b)
{
	const struct difference *x = a, *y = b;
	int r = rank(x->name) - rank(y->name);
	return r ? r : strcmp(x->name, y->name);
}

bool build_inputs_compare(const struct build_inputs *was, const struct build_inputs *is,
	const char *parent, const struct strv *skip, struct strv *why)
{
	cleanup_free struct difference *list = mem_array(was->n + is->n + 1, sizeof(*list));
	size_t n = 0, i = 0, k = 0;
	/* many files are kept as a manifest, few by name: one of each cannot be compared here */
	bool files = !build_inputs_get(was, "files") != !build_inputs_get(is, "files");
	bool mixed = files;
	while (i < was->n || k < is->n) {
		int order = i == was->n  ? 1
			    : k == is->n ? -1
					 : strcmp(was->v[i].name, is->v[k].name);
		struct difference d = {order <= 0 ? was->v[i].name : is->v[k].name,
			order <= 0 ? was->v[i].value : NULL, order >= 0 ? is->v[k].value : NULL};
		i += order <= 0;
		k += order >= 0;
		if (str_eq(d.was, d.is) || (skip && strv_has(skip, d.name)))
			continue;
		if (str_eq(d.name, "files"))
			files = true;
		else if (mixed && str_starts(d.name, "file:"))
			continue;
		else
			list[n++] = d;
	}
	if (n > 1)
		qsort(list, n, sizeof(*list), compare_differences);
	for (i = 0; i < n; i++)
		explain(&list[i], parent, why);
	return files;
}
