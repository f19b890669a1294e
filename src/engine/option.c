/* The values of run's options but for mounts; see option.h. */
#include "engine/option.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/userns.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A name of the environment may hold anything but blanks and '='. */
static int env_line(char *line, size_t number, const char *where,
	const char *(*lookup)(const char *name), struct strv *env, struct err *e)
{
	while (isspace((unsigned char)*line))
		line++;
	if (!*line || *line == '#')
		return 0;
	char *value = strchr(line, '=');
	if (value)
		*value++ = 0;
	if (!*line || strpbrk(line, " \t"))
		return err_set(e, ERR_SYNTAX, "%s:%zu: '%s' is not a variable's name", where,
			number, line);
	const char *found = value ? value : lookup ? lookup(line) : NULL;
	if (found)
		strv_env_set(env, line, found);
	return 0;
}

int engine_option_env_file(const char *bytes, size_t len, const char *where,
	const char *(*lookup)(const char *name), struct strv *env, struct err *e)
{
	if (len > LIMIT_ENV_FILE)
		return err_set(e, ERR_LIMIT, "%s: larger than %d bytes", where, LIMIT_ENV_FILE);
	if (memchr(bytes, 0, len))
		return err_set(e, ERR_SYNTAX, "%s: a 0 byte is in it", where);
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		bytes += 3;
		len -= 3;
	}
	for (size_t number = 1; len; number++) {
		const char *nl = memchr(bytes, '\n', len);
		size_t n = nl ? (size_t)(nl - bytes) : len;
		cleanup_free char *line = mem_strndup(bytes, n && bytes[n - 1] == '\r' ? n - 1 : n);
		int r = env_line(line, number, where, lookup, env, e);
		if (r < 0)
			return r;
		n += nl != NULL;
		bytes += n;
		len -= n;
	}
	return 0;
}

static int limit_value(const char *text, size_t len, uint64_t *ret)
{
	cleanup_free char *copy = mem_strndup(text, len);
	if (str_eq(copy, "-1") || str_eq(copy, "unlimited")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return str_parse_u64(copy, 10, ret);
}

int engine_option_ulimit(const char *spec, struct oci_convert_rlimit *ret, struct err *e)
{
	static const char *const names[][2] = {
		{"as", "RLIMIT_AS"},
		{"core", "RLIMIT_CORE"},
		{"cpu", "RLIMIT_CPU"},
		{"data", "RLIMIT_DATA"},
		{"fsize", "RLIMIT_FSIZE"},
		{"locks", "RLIMIT_LOCKS"},
		{"memlock", "RLIMIT_MEMLOCK"},
		{"msgqueue", "RLIMIT_MSGQUEUE"},
		{"nice", "RLIMIT_NICE"},
		{"nofile", "RLIMIT_NOFILE"},
		{"nproc", "RLIMIT_NPROC"},
		{"rss", "RLIMIT_RSS"},
		{"rtprio", "RLIMIT_RTPRIO"},
		{"rttime", "RLIMIT_RTTIME"},
		{"sigpending", "RLIMIT_SIGPENDING"},
		{"stack", "RLIMIT_STACK"},
	};
	const char *eq = strchr(spec, '=');
	if (!eq)
		return err_set(e, ERR_USAGE, "ulimit '%s': expected NAME=SOFT[:HARD]", spec);
	ret->type = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i][0]) == (size_t)(eq - spec) && str_starts(spec, names[i][0]))
			ret->type = names[i][1];
	if (!ret->type)
		return err_set(e, ERR_USAGE, "ulimit '%s': unknown limit '%.*s'", spec,
			(int)(eq - spec), spec);
	const char *colon = strchr(eq + 1, ':');
	size_t soft_len = colon ? (size_t)(colon - eq - 1) : strlen(eq + 1);
	if (limit_value(eq + 1, soft_len, &ret->soft) < 0 ||
		(colon && limit_value(colon + 1, strlen(colon + 1), &ret->hard) < 0))
		return err_set(e, ERR_USAGE, "ulimit '%s': not a number", spec);
	if (!colon)
		ret->hard = ret->soft;
	if (ret->soft > ret->hard)
		return err_set(
			e, ERR_USAGE, "ulimit '%s': the soft limit is above the hard one", spec);
	return 0;
}

int engine_option_device(
	const char *spec, char **ret_host, char **ret_container, char ret_access[4], struct err *e)
{
	cleanup_free char *copy = mem_strdup(spec);
	char *parts[3] = {copy, NULL, NULL};
	size_t n = 1;
	for (char *p = copy; (p = strchr(p, ':'));) {
		*p++ = 0;
		if (n == 3)
			return err_set(e, ERR_USAGE, "device '%s': too many parts", spec);
		parts[n++] = p;
	}
	const char *access = "rwm", *inside = parts[0];
	if (n == 3) {
		inside = parts[1];
		access = parts[2];
	} else if (n == 2 && parts[1][0] == '/') {
		inside = parts[1];
	} else if (n == 2) {
		access = parts[1];
	}
	if (parts[0][0] != '/' || inside[0] != '/')
		return err_set(e, ERR_USAGE, "device '%s': paths must be absolute", spec);
	size_t len = strlen(access);
	if (!len || len > 3 || strspn(access, "rwm") != len)
		return err_set(
			e, ERR_USAGE, "device '%s': access '%s' is not of r, w, m", spec, access);
	memcpy(ret_access, access, len + 1);
	*ret_host = mem_strdup(parts[0]);
	*ret_container = mem_strdup(inside);
	return 0;
}

int engine_option_restart(const char *spec, struct engine_config *c, struct err *e)
{
	static const char *const words[] = {
		[ENGINE_RESTART_NO] = "no",
		[ENGINE_RESTART_ON_FAILURE] = "on-failure",
		[ENGINE_RESTART_ALWAYS] = "always",
		[ENGINE_RESTART_UNLESS_STOPPED] = "unless-stopped",
	};
	size_t len = strcspn(spec, ":");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i]) != len || !str_starts(spec, words[i]))
			continue;
		uint64_t max = 0;
		if (spec[len] &&
			(i != ENGINE_RESTART_ON_FAILURE ||
				str_parse_u64(spec + len + 1, 10, &max) < 0 || max > INT32_MAX))
			break;
		c->restart = (int64_t)i;
		c->restart_max = (int64_t)max;
		return 0;
	}
	return err_set(e, ERR_USAGE,
		"restart policy '%s' is not one of no, on-failure[:N], always, unless-stopped",
		spec);
}

int engine_option_log(const char *spec, struct engine_config *c, struct err *e)
{
	uint64_t v;
	if (str_starts(spec, "max-size=")) {
		if (str_parse_size(spec + 9, &v) < 0 || v < 4096 || v > INT64_MAX)
			return err_set(e, ERR_USAGE,
				"log option '%s': expected a size of at least 4k", spec);
		c->log_max_size = (int64_t)v;
		return 0;
	}
	if (str_starts(spec, "max-file=")) {
		if (str_parse_u64(spec + 9, 10, &v) < 0 || v < 1 || v > 1000)
			return err_set(
				e, ERR_USAGE, "log option '%s': expected 1 to 1000 files", spec);
		c->log_max_file = (int64_t)v;
		return 0;
	}
	return err_set(e, ERR_UNSUPPORTED,
		"log option '%s' is not supported: max-size=SIZE, max-file=N", spec);
}

int engine_option_cpus(const char *text, int64_t *ret, struct err *e)
{
	int64_t whole = 0, frac = 0, unit = 1000000000;
	const char *p = text;
	for (; isdigit((unsigned char)*p) && whole < 1000000; p++)
		whole = whole * 10 + (*p - '0');
	if (*p == '.')
		for (p++; isdigit((unsigned char)*p) && unit > 1; p++) {
			unit /= 10;
			frac += (*p - '0') * unit;
		}
	*ret = whole * 1000000000 + frac;
	if (*p || p == text || *ret == 0)
		return err_set(e, ERR_USAGE, "--cpus '%s': expected a number such as 1.5", text);
	return 0;
}

int engine_option_bytes(
	const char *option, const char *text, bool minus_one, int64_t *ret, struct err *e)
{
	uint64_t v;
	if (minus_one && str_eq(text, "-1")) {
		*ret = -1;
		return 0;
	}
	if (str_parse_size(text, &v) < 0 || v > INT64_MAX)
		return err_set(
			e, ERR_USAGE, "--%s '%s': expected a size such as 512m", option, text);
	*ret = (int64_t)v;
	return 0;
}

static int security_one(const char *o, struct engine_security *s, struct err *e)
{
	const char *value = o + strcspn(o, "=:");
	size_t len = (size_t)(value - o);
	if (*value)
		value++;
	if (len == 17 && str_starts(o, "no-new-privileges")) {
		s->no_new_privileges = !str_eq(value, "false");
	} else if (len == 7 && str_starts(o, "seccomp")) {
		s->seccomp_unconfined = str_eq(value, "unconfined");
		s->seccomp_file = s->seccomp_unconfined || str_eq(value, "builtin") ? NULL : value;
		if (!*value)
			return err_set(e, ERR_USAGE,
				"security option '%s': expected unconfined or a file", o);
	} else if (len == 11 && str_starts(o, "systempaths") && str_eq(value, "unconfined")) {
		s->unconfined_paths = true;
	} else if ((len == 8 && str_starts(o, "apparmor") && str_eq(value, "unconfined")) ||
		   (len == 5 && str_starts(o, "label") && str_eq(value, "disable"))) {
		return 0; /* what they ask for is how it is */
	} else if ((len == 8 && str_starts(o, "apparmor")) ||
		   (len == 5 && str_starts(o, "label"))) {
		return err_set(e, ERR_UNSUPPORTED,
			"security option '%s': kist does not set AppArmor profiles or SELinux "
			"labels",
			o);
	} else {
		return err_set(e, ERR_USAGE, "unknown security option '%s'", o);
	}
	return 0;
}

int engine_option_security(const struct strv *opts, struct engine_security *ret, struct err *e)
{
	*ret = (struct engine_security){0};
	for (size_t i = 0; i < opts->n; i++) {
		int r = security_one(opts->v[i], ret, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int engine_option_name(const char *name, struct err *e)
{
	if (engine_option_volume_name_valid(name)) /* the same letters */
		return 0;
	return err_set(e, ERR_USAGE,
		"invalid container name '%s': only [a-zA-Z0-9][a-zA-Z0-9_.-]* is allowed", name);
}

const char *engine_network_default(void)
{
	return userns_owns_network() ? "bridge" : "pasta";
}

const char *engine_network_mode(const struct engine_config *c)
{
	return c->network ? c->network : engine_network_default();
}

static bool is_usermode(const char *mode)
{
	return str_eq(mode, "pasta") || str_eq(mode, "slirp4netns");
}

bool engine_network_is_connected(const char *mode)
{
	return str_eq(mode, "bridge") || is_usermode(mode);
}

int engine_option_network(const char *text, char **ret, struct err *e)
{
	bool own = userns_owns_network();
	bool known = str_eq(text, "none") || str_eq(text, "host") || str_eq(text, "bridge") ||
		     is_usermode(text) || (str_starts(text, "container:") && text[10]);
	if (!known && !str_eq(text, "default")) {
		int r = err_set(e, ERR_NOT_FOUND, "network '%s' not found", text);
		err_hint(e, "there are: %s, none, host, container:NAME",
			own ? "bridge" : "pasta, slirp4netns");
		return r;
	}
	if (str_eq(text, "bridge") && !own) {
		int r = err_set(e, ERR_UNSUPPORTED,
			"network 'bridge' needs root: it is an interface of the host");
		err_hint(e, "without root there are: pasta (the default), slirp4netns, none, host, "
			    "container:NAME");
		return r;
	}
	if (is_usermode(text) && own) {
		int r = err_set(
			e, ERR_UNSUPPORTED, "network '%s' is for containers without root", text);
		err_hint(e, "root has: bridge (the default), none, host, container:NAME");
		return r;
	}
	free(*ret);
	*ret = mem_strdup(known ? text : engine_network_default());
	return 0;
}
