/* The process object of a runtime config (config.md, "Process" and "POSIX process"). */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "oci/caps.h"
#include "runtime/json_priv.h"

#include <limits.h>
#include <string.h>

static int read_groups(const struct jread *r, const struct jnode *user, struct runtime_process *p)
{
	struct jnode list;
	int k = jread_array(r, user, "additionalGids", &list);
	if (k <= 0)
		return k;
	size_t n = json_array_size(list.v);
	if (n > NGROUPS_MAX)
		return jread_fail(r, &list, "more than %d groups", NGROUPS_MAX);
	p->groups = arena_alloc(r->a, (n + 1) * sizeof(*p->groups));
	p->ngroups = n;
	for (size_t i = 0; i < n; i++) {
		struct jnode item = jread_at(&list, i);
		json_int_t v = json_is_integer(item.v) ? json_integer_value(item.v) : -1;
		if (v < 0 || v > UINT32_MAX)
			return jread_fail(r, &item, "expected a group id");
		p->groups[i] = (uint32_t)v;
	}
	return 0;
}

static int read_user(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	struct jnode user;
	int k = jread_object(r, n, "user", &user);
	if (k <= 0)
		return k;
	int64_t umask = -1;
	if ((k = jread_u32(r, &user, "uid", &p->uid)) < 0 ||
		(k = jread_u32(r, &user, "gid", &p->gid)) < 0 ||
		(k = jread_int(r, &user, "umask", 0, 0777, &umask)) < 0)
		return k;
	p->umask = (int)umask;
	return read_groups(r, &user, p);
}

static int read_caps(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	static const char *const sets[RUNTIME_CAP_SETS] = {
		"bounding", "effective", "permitted", "inheritable", "ambient"};
	struct jnode caps;
	int k = jread_object(r, n, "capabilities", &caps);
	if (k <= 0)
		return k;
	p->has_caps = true;
	const char **unknown = NULL;
	size_t nunknown = 0;
	for (int s = 0; s < RUNTIME_CAP_SETS; s++) {
		struct runtime_strings names = {NULL, 0};
		if ((k = jread_strings(r, &caps, sets[s], &names)) < 0)
			return k;
		for (size_t i = 0; i < names.n; i++) {
			int cap = oci_cap_parse(names.v[i]);
			if (cap >= 0) {
				p->caps[s] |= 1ULL << cap;
			} else if (nunknown < 8) { /* enough for one warning */
				if (!unknown)
					unknown = arena_alloc(r->a, 9 * sizeof(*unknown));
				unknown[nunknown++] = names.v[i];
			}
		}
	}
	if (unknown)
		p->unknown_caps = (struct runtime_strings){unknown, nunknown};
	return 0;
}

static int rlimit_number(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} table[] = {
		{"RLIMIT_AS", RLIMIT_AS},
		{"RLIMIT_CORE", RLIMIT_CORE},
		{"RLIMIT_CPU", RLIMIT_CPU},
		{"RLIMIT_DATA", RLIMIT_DATA},
		{"RLIMIT_FSIZE", RLIMIT_FSIZE},
		{"RLIMIT_LOCKS", RLIMIT_LOCKS},
		{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
		{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
		{"RLIMIT_NICE", RLIMIT_NICE},
		{"RLIMIT_NOFILE", RLIMIT_NOFILE},
		{"RLIMIT_NPROC", RLIMIT_NPROC},
		{"RLIMIT_RSS", RLIMIT_RSS},
		{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
		{"RLIMIT_RTTIME", RLIMIT_RTTIME},
		{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
		{"RLIMIT_STACK", RLIMIT_STACK},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(name, table[i].name))
			return table[i].number;
	return -1;
}

static int read_rlimit(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_rlimit *l = item;
	const char *type = NULL;
	uint64_t soft = 0, hard = 0;
	int k;
	if ((k = jread_str(r, n, "type", &type)) < 0 || (k = jread_u64(r, n, "soft", &soft)) < 0 ||
		(k = jread_u64(r, n, "hard", &hard)) < 0)
		return k;
	l->resource = type ? rlimit_number(type) : -1;
	if (l->resource < 0)
		return jread_fail(r, n, "unknown type '%s'", type ? type : "");
	if (soft > hard)
		return jread_fail(r, n, "soft limit above the hard one");
	l->limit = (struct rlimit){soft, hard};
	return 0;
}

static int read_rlimits(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	int k = jread_objects(
		r, n, "rlimits", sizeof(*p->rlimits), read_rlimit, &p->rlimits, &p->nrlimits);
	uint32_t seen = 0;
	for (size_t i = 0; k > 0 && i < p->nrlimits; i++) {
		uint32_t bit = 1U << p->rlimits[i].resource;
		if (seen & bit)
			return jread_fail(r, n, "rlimits[%zu]: the same limit twice", i);
		seen |= bit;
	}
	return MIN(k, 0);
}

static int read_console(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	struct jnode size;
	int64_t rows = 0, columns = 0;
	int k;
	if ((k = jread_bool(r, n, "terminal", &p->terminal)) < 0 ||
		(k = jread_object(r, n, "consoleSize", &size)) < 0)
		return k;
	if (k && ((k = jread_int(r, &size, "height", 0, UINT16_MAX, &rows)) < 0 ||
			 (k = jread_int(r, &size, "width", 0, UINT16_MAX, &columns)) < 0))
		return k;
	p->rows = (uint16_t)rows;
	p->columns = (uint16_t)columns;
	return 0;
}

int config_read_process(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	int64_t oom = 0;
	int k;
	p->umask = -1;
	if ((k = read_console(r, n, p)) < 0 || (k = read_user(r, n, p)) < 0 ||
		(k = jread_str(r, n, "cwd", &p->cwd)) < 0 ||
		(k = jread_strings(r, n, "args", &p->args)) < 0 ||
		(k = jread_strings(r, n, "env", &p->env)) < 0 || (k = read_caps(r, n, p)) < 0 ||
		(k = read_rlimits(r, n, p)) < 0 || (k = config_read_scheduler(r, n, p)) < 0 ||
		(k = config_read_io_priority(r, n, p)) < 0 ||
		(k = config_read_affinity(r, n, p)) < 0 ||
		(k = jread_bool(r, n, "noNewPrivileges", &p->no_new_privs)) < 0 ||
		(k = jread_str(r, n, "apparmorProfile", &p->apparmor)) < 0 ||
		(k = jread_str(r, n, "selinuxLabel", &p->selinux)) < 0 ||
		(k = jread_int(r, n, "oomScoreAdj", -1000, 1000, &oom)) < 0)
		return k;
	p->has_oom_score_adj = k;
	p->oom_score_adj = (int)oom;
	if (!p->cwd)
		return jread_fail(r, n, "cwd is missing");
	if (p->cwd[0] != '/')
		return jread_fail(r, n, "cwd '%s' is not absolute", p->cwd);
	if (!p->args.n || !*p->args.v[0])
		return jread_fail(r, n, "args is missing or empty");
	return 0;
}
