/* Reads linux.seccomp (config-linux.md, "Seccomp") into data, names of actions checked. */
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "runtime/seccomp_priv.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>

#ifndef SECCOMP_RET_USER_NOTIF
#define SECCOMP_RET_USER_NOTIF 0x7fc00000U
#endif

int64_t seccomp_action(const char *word, int64_t errno_ret)
{
	uint32_t data = errno_ret < 0 ? EPERM : (uint32_t)errno_ret & SECCOMP_RET_DATA;
	if (str_eq(word, "SCMP_ACT_KILL") || str_eq(word, "SCMP_ACT_KILL_THREAD"))
		return SECCOMP_RET_KILL_THREAD;
	if (str_eq(word, "SCMP_ACT_KILL_PROCESS"))
		return SECCOMP_RET_KILL_PROCESS;
	if (str_eq(word, "SCMP_ACT_TRAP"))
		return SECCOMP_RET_TRAP;
	if (str_eq(word, "SCMP_ACT_ERRNO"))
		return SECCOMP_RET_ERRNO | data;
	if (str_eq(word, "SCMP_ACT_TRACE"))
		return SECCOMP_RET_TRACE | data;
	if (str_eq(word, "SCMP_ACT_ALLOW"))
		return SECCOMP_RET_ALLOW;
	if (str_eq(word, "SCMP_ACT_LOG"))
		return SECCOMP_RET_LOG;
	if (str_eq(word, "SCMP_ACT_NOTIFY"))
		return SECCOMP_RET_USER_NOTIF;
	return -1;
}

static int read_action(const struct jread *r, const struct jnode *n, const char *key,
	const char *errno_key, const char **ret, int64_t *ret_errno)
{
	*ret_errno = -1;
	int k;
	if ((k = jread_str(r, n, key, ret)) < 0 ||
		(k = jread_int(r, n, errno_key, 0, SECCOMP_RET_DATA, ret_errno)) < 0)
		return k;
	int64_t action = *ret ? seccomp_action(*ret, -1) : -1;
	if (action < 0)
		return jread_fail(r, n, "%s '%s' is unknown", key, *ret ? *ret : "");
	/* the kernel's own numbers: an action carries a code or it does not */
	if (*ret_errno >= 0 && seccomp_action(*ret, 1) == seccomp_action(*ret, 2))
		return jread_fail(r, n, "%s: %s '%s' returns no errno", errno_key, key, *ret);
	return 0;
}

static int read_arg(const struct jread *r, const struct jnode *n, void *item)
{
	static const char *const ops[] = {
		"SCMP_CMP_NE",
		"SCMP_CMP_LT",
		"SCMP_CMP_LE",
		"SCMP_CMP_EQ",
		"SCMP_CMP_GE",
		"SCMP_CMP_GT",
		"SCMP_CMP_MASKED_EQ",
	};
	struct seccomp_arg *a = item;
	int k;
	if ((k = jread_u32(r, n, "index", &a->index)) < 0 ||
		(k = jread_u64(r, n, "value", &a->value)) < 0 ||
		(k = jread_u64(r, n, "valueTwo", &a->value_two)) < 0 ||
		(k = jread_str(r, n, "op", &a->op)) < 0)
		return k;
	bool known = false;
	for (size_t j = 0; j < ARRAY_SIZE(ops); j++)
		known |= str_eq(a->op, ops[j]);
	if (!known)
		return jread_fail(r, n, "op '%s' is unknown", a->op ? a->op : "");
	if (a->index >= RUNTIME_SECCOMP_ARGS)
		return jread_fail(r, n, "index %u is above 5", a->index);
	return 0;
}

static int read_rule(const struct jread *r, const struct jnode *n, void *item)
{
	struct seccomp_rule *rule = item;
	int k;
	if ((k = jread_strings(r, n, "names", &rule->names)) < 0 ||
		(k = read_action(r, n, "action", "errnoRet", &rule->action, &rule->errno_ret)) <
			0 ||
		(k = jread_objects(r, n, "args", sizeof(*rule->args), read_arg, &rule->args,
			 &rule->nargs)) < 0)
		return k;
	if (!rule->names.n)
		return jread_fail(r, n, "names is missing or empty");
	if (rule->nargs > RUNTIME_SECCOMP_ARGS)
		return jread_fail(r, n, "args: more than %d conditions", RUNTIME_SECCOMP_ARGS);
	return 0;
}

bool seccomp_notifies(const struct runtime_seccomp *s)
{
	bool yes = str_eq(s->default_action, "SCMP_ACT_NOTIFY");
	for (size_t i = 0; i < s->nrules; i++)
		yes |= str_eq(s->rules[i].action, "SCMP_ACT_NOTIFY");
	return yes;
}

int seccomp_read(const struct jread *r, const struct jnode *n, struct runtime_seccomp **ret)
{
	struct runtime_seccomp *s = arena_alloc(r->a, sizeof(*s));
	int k;
	if ((k = read_action(r, n, "defaultAction", "defaultErrnoRet", &s->default_action,
		     &s->default_errno)) < 0 ||
		(k = jread_strings(r, n, "architectures", &s->archs)) < 0 ||
		(k = jread_strings(r, n, "flags", &s->flags)) < 0 ||
		(k = jread_str(r, n, "listenerPath", &s->listener_path)) < 0 ||
		(k = jread_str(r, n, "listenerMetadata", &s->listener_metadata)) < 0 ||
		(k = jread_objects(r, n, "syscalls", sizeof(*s->rules), read_rule, &s->rules,
			 &s->nrules)) < 0)
		return k;
	if (!s->listener_path && s->listener_metadata)
		return jread_fail(r, n, "listenerMetadata without listenerPath");
	if (!s->listener_path && seccomp_notifies(s))
		return jread_fail(r, n, "SCMP_ACT_NOTIFY needs listenerPath");
	*ret = s;
	return 0;
}

int seccomp_parse(const char *section, size_t len, struct arena *a, struct runtime_seccomp **ret,
	struct err *e)
{
	json_t *v = NULL;
	int r = json_load(section, len, LIMIT_RUNTIME_CONFIG, &v, e);
	if (r < 0)
		return err_wrap(e, r, "linux.seccomp");
	struct jread jr = {a, e};
	const struct jnode top = {NULL, NULL, NULL, 0}, linux_part = {NULL, &top, "linux", 0};
	const struct jnode n = {v, &linux_part, "seccomp", 0};
	r = json_is_object(v) ? seccomp_read(&jr, &n, ret)
			      : err_set(e, ERR_FORMAT, "linux.seccomp: expected an object");
	json_decref(v);
	return r;
}
