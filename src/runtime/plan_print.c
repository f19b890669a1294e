/* The text of a plan: one line per step. */
#include "base/buf.h"
#include "runtime/config.h"
#include "runtime/ns_priv.h"
#include "runtime/plan.h"

#include <inttypes.h>

static const char *const step_names[RUNTIME_STEP_KINDS] = {
	[RUNTIME_STEP_CGROUP] = "cgroup",
	[RUNTIME_STEP_CLONE] = "clone",
	[RUNTIME_STEP_ID_MAPS] = "id-maps",
	[RUNTIME_STEP_RDT] = "rdt",
	[RUNTIME_STEP_NET_DEVICE] = "net-device",
	[RUNTIME_STEP_NETWORK] = "network",
	[RUNTIME_STEP_HOOKS_RUNTIME] = "hooks-runtime",
	[RUNTIME_STEP_SESSION] = "session",
	[RUNTIME_STEP_SETNS] = "setns",
	[RUNTIME_STEP_TIME_OFFSETS] = "time-offsets",
	[RUNTIME_STEP_MAPPED] = "mapped",
	[RUNTIME_STEP_JOIN_CGROUP] = "join-cgroup",
	[RUNTIME_STEP_OOM_SCORE] = "oom-score",
	[RUNTIME_STEP_AFFINITY] = "affinity",
	[RUNTIME_STEP_HOSTNAME] = "hostname",
	[RUNTIME_STEP_DOMAINNAME] = "domainname",
	[RUNTIME_STEP_LOOPBACK] = "loopback",
	[RUNTIME_STEP_ENTER] = "enter",
	[RUNTIME_STEP_PROPAGATION] = "propagation",
	[RUNTIME_STEP_ROOT] = "root",
	[RUNTIME_STEP_CLOSE_FDS] = "close-fds",
	[RUNTIME_STEP_MOUNT] = "mount",
	[RUNTIME_STEP_DEVICE] = "device",
	[RUNTIME_STEP_DEV_LINKS] = "dev-links",
	[RUNTIME_STEP_CONSOLE] = "console",
	[RUNTIME_STEP_MAKE_CWD] = "make-cwd",
	[RUNTIME_STEP_WAIT_HOOKS] = "wait-hooks",
	[RUNTIME_STEP_HOOKS_CONTAINER] = "hooks-container",
	[RUNTIME_STEP_WAIT_NETWORK] = "wait-network",
	[RUNTIME_STEP_SYSCTL] = "sysctl",
	[RUNTIME_STEP_READONLY_PATH] = "readonly-path",
	[RUNTIME_STEP_MASK_PATH] = "mask-path",
	[RUNTIME_STEP_ROOT_READONLY] = "root-readonly",
	[RUNTIME_STEP_PIVOT] = "pivot",
	[RUNTIME_STEP_ROOT_PROPAGATION] = "root-propagation",
	[RUNTIME_STEP_KEYRING] = "keyring",
	[RUNTIME_STEP_HIDE_RUNTIME] = "hide-runtime",
	[RUNTIME_STEP_RLIMITS] = "rlimits",
	[RUNTIME_STEP_SCHEDULER] = "scheduler",
	[RUNTIME_STEP_IO_PRIORITY] = "io-priority",
	[RUNTIME_STEP_PERSONALITY] = "personality",
	[RUNTIME_STEP_MEMORY_POLICY] = "memory-policy",
	[RUNTIME_STEP_CWD] = "cwd",
	[RUNTIME_STEP_SECCOMP] = "seccomp",
	[RUNTIME_STEP_NO_NEW_PRIVS] = "no-new-privs",
	[RUNTIME_STEP_USER] = "user",
	[RUNTIME_STEP_FIND_PROGRAM] = "find-program",
	[RUNTIME_STEP_READY] = "ready",
	[RUNTIME_STEP_HOOKS_START] = "hooks-start",
	[RUNTIME_STEP_LABEL] = "label",
	[RUNTIME_STEP_EXEC] = "exec",
};

static void print_flags(uint64_t flags, struct buf *out)
{
	for (int i = 0; i < RUNTIME_NS_KINDS; i++)
		if (flags & ns_kinds[i].flag)
			buf_printf(out, " %s", ns_kinds[i].word);
}

static void print_time_offsets(const struct runtime_time_offset *t, struct buf *out)
{
	static const char *const names[RUNTIME_CLOCKS] = {"monotonic", "boottime"};
	for (int i = 0; i < RUNTIME_CLOCKS; i++)
		if (t[i].set)
			buf_printf(out, " %s %" PRId64 ".%09u", names[i], t[i].secs, t[i].nanosecs);
}

static void print_mount(const struct runtime_mount *m, struct buf *out)
{
	buf_printf(out, " %s", m->destination);
	if (m->bind)
		buf_printf(out, " %s %s", m->bind_rec ? "rbind" : "bind", m->source);
	else
		buf_printf(out, " type %s", m->type);
	if (m->attr_set || m->attr_clr)
		buf_printf(out, " set %#" PRIx64 " clear %#" PRIx64, m->attr_set, m->attr_clr);
	for (size_t i = 0; i < m->data.n; i++)
		buf_printf(out, "%s%s", i ? "," : " data ", m->data.v[i]);
}

static void print_user(const struct runtime_process *p, struct buf *out)
{
	buf_printf(out, " %u:%u", p->uid, p->gid);
	for (size_t i = 0; i < p->ngroups; i++)
		buf_printf(out, "%s%u", i ? "," : " groups ", p->groups[i]);
	if (p->has_caps)
		buf_printf(out, " caps %#" PRIx64, p->caps[RUNTIME_CAP_EFFECTIVE]);
}

static void print_bits(const struct runtime_bits *b, struct buf *out)
{
	const char *sep = " ";
	for (size_t i = 0; i < b->n; i++) {
		size_t from = i;
		while (i < b->n && (b->v[i / RUNTIME_WORD_BITS] >> i % RUNTIME_WORD_BITS & 1))
			i++;
		if (i == from)
			continue;
		buf_printf(out, i - from > 1 ? "%s%zu-%zu" : "%s%zu", sep, from, i - 1);
		sep = ",";
	}
}

static void print_scheduler(const struct runtime_scheduler *s, struct buf *out)
{
	buf_printf(out, " policy %u nice %d priority %u flags %#" PRIx64, s->policy, s->nice,
		s->priority, s->flags);
	if (s->runtime || s->deadline || s->period)
		buf_printf(out, " ns %" PRIu64 "/%" PRIu64 "/%" PRIu64, s->runtime, s->deadline,
			s->period);
}

static void print_step(const struct runtime_step *s, struct buf *out)
{
	buf_add_str(out, step_names[s->kind]);
	switch (s->kind) {
	case RUNTIME_STEP_CLONE:
	case RUNTIME_STEP_JOIN_CGROUP:
		print_flags(s->number, out);
		break;
	case RUNTIME_STEP_SETNS:
	case RUNTIME_STEP_HOSTNAME:
	case RUNTIME_STEP_DOMAINNAME:
	case RUNTIME_STEP_ROOT:
	case RUNTIME_STEP_MAKE_CWD:
	case RUNTIME_STEP_CWD:
	case RUNTIME_STEP_READONLY_PATH:
	case RUNTIME_STEP_MASK_PATH:
		buf_printf(out, " %s", (const char *)s->item);
		break;
	case RUNTIME_STEP_MOUNT:
		print_mount(s->item, out);
		break;
	case RUNTIME_STEP_DEVICE: {
		const struct runtime_device *d = s->item;
		buf_printf(out, " %s %c %u:%u %04o", d->path, d->type, d->major, d->minor,
			(unsigned)d->mode);
		break;
	}
	case RUNTIME_STEP_NET_DEVICE:
	case RUNTIME_STEP_SYSCTL: {
		const struct runtime_pair *p = s->item;
		buf_printf(out, " %s=%s", p->key, p->value);
		break;
	}
	case RUNTIME_STEP_TIME_OFFSETS:
		print_time_offsets(s->item, out);
		break;
	case RUNTIME_STEP_AFFINITY:
		print_bits(s->item, out);
		break;
	case RUNTIME_STEP_SCHEDULER:
		print_scheduler(s->item, out);
		break;
	case RUNTIME_STEP_IO_PRIORITY:
	case RUNTIME_STEP_PERSONALITY:
		buf_printf(out, " %#" PRIx64, s->number);
		break;
	case RUNTIME_STEP_MEMORY_POLICY: {
		const struct runtime_memory_policy *p = s->item;
		buf_printf(out, " mode %#x", p->mode);
		print_bits(&p->nodes, out);
		break;
	}
	case RUNTIME_STEP_USER:
		print_user(s->item, out);
		if (s->number)
			buf_add_str(out, " keep-groups");
		break;
	case RUNTIME_STEP_EXEC:
		buf_printf(out, " %s", ((const struct runtime_process *)s->item)->args.v[0]);
		break;
	default:
		break;
	}
	buf_add_char(out, '\n');
}

void runtime_plan_print(const struct runtime_plan *p, struct buf *out)
{
	for (size_t i = 0; i < p->n; i++)
		print_step(&p->v[i], out);
}
