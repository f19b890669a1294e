/* -v, --mount and --tmpfs; see option.h. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/option.h"

#include <ctype.h>
#include <string.h>

bool engine_option_volume_name_valid(const char *name)
{
	if (!isalnum((unsigned char)name[0]) || strlen(name) > 255)
		return false;
	for (const char *p = name; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_.-", *p))
			return false;
	return true;
}

/* An absolute path without "//", "." and a final '/'; "..": refused. NULL: not such a path. */
static char *clean_path(const char *path)
{
	struct buf b cleanup_buf = BUF_INIT;
	if (path[0] != '/')
		return NULL;
	for (const char *p = path; *p;) {
		p += strspn(p, "/");
		size_t n = strcspn(p, "/");
		if (n == 2 && memcmp(p, "..", 2) == 0)
			return NULL;
		if (n && !(n == 1 && *p == '.')) {
			buf_add_char(&b, '/');
			buf_add(&b, p, n);
		}
		p += n;
	}
	if (!b.len)
		buf_add_char(&b, '/');
	return buf_take(&b);
}

static int set_destination(
	struct engine_mount *m, const char *path, const char *spec, struct err *e)
{
	m->destination = clean_path(path);
	if (!m->destination)
		return err_set(e, ERR_USAGE,
			"mount '%s': the path '%s' inside the container must be absolute", spec,
			path);
	if (str_eq(m->destination, "/"))
		return err_set(e, ERR_USAGE, "mount '%s': the destination cannot be '/'", spec);
	return 0;
}

/* A path (bind, absolute or relative to the current directory, which cli has put in front) or a
 * volume's name. */
static int set_source(struct engine_mount *m, const char *source, const char *spec, struct err *e)
{
	if (source[0] == '/') {
		m->type = mem_strdup("bind");
		m->source = clean_path(source);
		m->make_source = true;
		if (m->source)
			return 0;
	} else if (engine_option_volume_name_valid(source)) {
		m->type = mem_strdup("volume");
		m->name = mem_strdup(source);
		return 0;
	}
	int r = err_set(e, ERR_USAGE,
		"mount '%s': '%s' is neither an absolute path nor a volume's name", spec, source);
	err_hint(e, "a volume's name has letters, digits, '_', '.' and '-'");
	return r;
}

static bool is_propagation(const char *s)
{
	static const char *const words[] = {
		"private", "rprivate", "shared", "rshared", "slave", "rslave"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(words[i], s))
			return true;
	return false;
}

static int volume_option(struct engine_mount *m, const char *o, const char *spec, struct err *e)
{
	if (str_eq(o, "ro") || str_eq(o, "readonly"))
		m->readonly = true;
	else if (str_eq(o, "rw"))
		m->readonly = false;
	else if (str_eq(o, "nocopy"))
		m->nocopy = true;
	else if (is_propagation(o))
		strv_add(&m->options, o);
	else if (str_eq(o, "exec") || str_eq(o, "noexec") || str_eq(o, "suid") ||
		 str_eq(o, "nosuid") || str_eq(o, "dev") || str_eq(o, "nodev"))
		strv_add(&m->options, o);
	else if (!str_eq(o, "z") && !str_eq(o, "Z")) /* SELinux labels: no SELinux, no effect */
		return err_set(e, ERR_USAGE, "mount '%s': unknown option '%s'", spec, o);
	return 0;
}

static void drop_last(struct engine_mounts *m)
{
	struct engine_mounts one = {.v = mem_dup(&m->v[m->n - 1], sizeof(*m->v)), .n = 1};
	engine_mounts_release(&one);
	m->n--;
}

/* Splits at `sep` outside of nothing: the parts are copied. */
static void split(const char *s, char sep, struct strv *ret)
{
	for (;;) {
		const char *end = strchrnul(s, sep);
		strv_take(ret, mem_strndup(s, (size_t)(end - s)));
		if (!*end)
			return;
		s = end + 1;
	}
}

static int parse_volume(const char *spec, struct engine_mount *m, struct err *e)
{
	struct strv parts cleanup_strv = STRV_INIT, options cleanup_strv = STRV_INIT;
	split(spec, ':', &parts);
	if (parts.n > 3 || str_empty(parts.v[0]) || (parts.n > 1 && str_empty(parts.v[1])))
		return err_set(
			e, ERR_USAGE, "mount '%s': expected [SOURCE:]DESTINATION[:OPTIONS]", spec);
	int r = set_destination(m, parts.v[parts.n == 1 ? 0 : 1], spec, e);
	if (r < 0)
		return r;
	if (parts.n == 1) {
		m->type = mem_strdup("volume");
		m->anonymous = true;
		return 0;
	}
	r = set_source(m, parts.v[0], spec, e);
	if (parts.n == 3)
		split(parts.v[2], ',', &options);
	for (size_t i = 0; i < options.n && r >= 0; i++)
		r = volume_option(m, options.v[i], spec, e);
	return r;
}

int engine_option_volume(const char *spec, struct engine_mounts *m, struct err *e)
{
	int r = parse_volume(spec, engine_mounts_add(m), e);
	if (r < 0)
		drop_last(m);
	return r;
}

static int parse_tmpfs(const char *spec, struct engine_mount *m, struct err *e)
{
	cleanup_free char *path = mem_strdup(spec);
	char *options = strchr(path, ':');
	if (options)
		*options++ = 0;
	m->type = mem_strdup("tmpfs");
	strv_add(&m->options, "nosuid");
	strv_add(&m->options, "nodev");
	bool exec = false;
	struct strv given cleanup_strv = STRV_INIT;
	if (!str_empty(options))
		split(options, ',', &given);
	for (size_t i = 0; i < given.n; i++) {
		exec |= str_eq(given.v[i], "exec");
		strv_add(&m->options, given.v[i]);
	}
	if (!exec)
		strv_add(&m->options, "noexec");
	return set_destination(m, path, spec, e);
}

int engine_option_tmpfs(const char *spec, struct engine_mounts *m, struct err *e)
{
	int r = parse_tmpfs(spec, engine_mounts_add(m), e);
	if (r < 0)
		drop_last(m);
	return r;
}

/* One record of CSV, as Go's encoding/csv reads docker's --mount. */
static int split_csv(const char *s, struct strv *ret, struct err *e)
{
	const char *spec = s;
	for (;;) {
		struct buf b cleanup_buf = BUF_INIT;
		bool quoted = *s == '"';
		s += quoted;
		while (*s && (quoted || *s != ',')) {
			if (quoted && *s == '"') {
				if (s[1] != '"')
					break;
				s++;
			}
			buf_add_char(&b, *s++);
		}
		if (quoted && *s++ != '"')
			return err_set(e, ERR_USAGE, "mount '%s': a quote is not closed", spec);
		strv_add(ret, buf_str(&b));
		if (!*s)
			return 0;
		if (*s++ != ',')
			return err_set(e, ERR_USAGE, "mount '%s': text after a quote", spec);
	}
}

static int parse_switch(const char *key, const char *value, bool *ret, struct err *e)
{
	if (!value || str_eq(value, "true") || str_eq(value, "1"))
		*ret = true;
	else if (str_eq(value, "false") || str_eq(value, "0"))
		*ret = false;
	else
		return err_set(e, ERR_USAGE, "'%s=%s' is not true or false", key, value);
	return 0;
}

/* The keys that belong to one type only. 0, or 1 when the key is not one of them. */
static int mount_type_field(
	struct engine_mount *m, const char *key, const char *value, struct err *e)
{
	bool off = false;
	if (str_eq(key, "bind-propagation") && value && is_propagation(value)) {
		strv_add(&m->options, value);
	} else if (str_eq(key, "bind-nonrecursive")) {
		int r = parse_switch(key, value, &off, e);
		if (r < 0)
			return r;
		strv_add(&m->options, off ? "bind" : "rbind");
	} else if (str_eq(key, "volume-nocopy")) {
		return parse_switch(key, value, &m->nocopy, e);
	} else if (str_eq(key, "tmpfs-size") && value) {
		uint64_t size;
		if (str_parse_size(value, &size) < 0)
			return err_set(e, ERR_USAGE, "'%s' is not a size", value);
		strv_addf(&m->options, "size=%llu", (unsigned long long)size);
	} else if (str_eq(key, "tmpfs-mode") && value) {
		uint64_t mode;
		if (str_parse_u64(value, 8, &mode) < 0 || mode > 07777)
			return err_set(e, ERR_USAGE, "'%s' is not an octal mode", value);
		strv_addf(&m->options, "mode=%llo", (unsigned long long)mode);
	} else {
		return 1;
	}
	return 0;
}

static int mount_field(struct engine_mount *m, char *field, const char *spec, struct err *e)
{
	char *value = strchr(field, '=');
	if (value)
		*value++ = 0;
	if (str_eq(field, "type") && value && !m->type) {
		m->type = mem_strdup(value);
	} else if ((str_eq(field, "source") || str_eq(field, "src")) && value && !m->source) {
		m->source = mem_strdup(value);
	} else if ((str_eq(field, "target") || str_eq(field, "dst") ||
			   str_eq(field, "destination")) &&
		   value && !m->destination) {
		return set_destination(m, value, spec, e);
	} else if (str_eq(field, "readonly") || str_eq(field, "ro")) {
		return parse_switch(field, value, &m->readonly, e);
	} else {
		int r = mount_type_field(m, field, value, e);
		if (r > 0)
			return err_set(e, ERR_USAGE, "mount '%s': unexpected field '%s%s%s'", spec,
				field, value ? "=" : "", value ? value : "");
		return r;
	}
	return 0;
}

static int mount_complete(struct engine_mount *m, const char *spec, struct err *e)
{
	if (!m->type)
		m->type = mem_strdup("volume");
	if (!m->destination)
		return err_set(e, ERR_USAGE, "mount '%s': target is required", spec);
	if (str_eq(m->type, "tmpfs")) {
		if (m->source)
			return err_set(e, ERR_USAGE, "mount '%s': a tmpfs has no source", spec);
		strv_add(&m->options, "nosuid");
		strv_add(&m->options, "nodev");
		strv_add(&m->options, "noexec");
	} else if (str_eq(m->type, "bind")) {
		cleanup_free char *source = STEAL(m->source);
		m->source = source ? clean_path(source) : NULL;
		if (!m->source)
			return err_set(e, ERR_USAGE,
				"mount '%s': a bind's source must be an absolute path", spec);
	} else if (str_eq(m->type, "volume")) {
		m->name = STEAL(m->source);
		m->anonymous = str_empty(m->name);
		if (!m->anonymous && !engine_option_volume_name_valid(m->name))
			return err_set(e, ERR_USAGE, "mount '%s': '%s' is not a volume's name",
				spec, m->name);
	} else {
		return err_set(e, ERR_UNSUPPORTED,
			"mount '%s': type '%s' is not supported (bind, volume, tmpfs)", spec,
			m->type);
	}
	return 0;
}

int engine_option_mount(const char *spec, struct engine_mounts *m, struct err *e)
{
	struct strv list cleanup_strv = STRV_INIT;
	int r = split_csv(spec, &list, e);
	if (r < 0)
		return r;
	struct engine_mount *one = engine_mounts_add(m);
	for (size_t i = 0; i < list.n && r >= 0; i++)
		r = mount_field(one, list.v[i], spec, e);
	if (r >= 0)
		r = mount_complete(one, spec, e);
	if (r < 0)
		drop_last(m);
	return r;
}

int engine_option_mounts_unique(const struct engine_mounts *m, struct err *e)
{
	for (size_t i = 0; i < m->n; i++)
		for (size_t k = i + 1; k < m->n; k++)
			if (str_eq(m->v[i].destination, m->v[k].destination))
				return err_set(e, ERR_USAGE, "duplicate mount point '%s'",
					m->v[i].destination);
	return 0;
}
