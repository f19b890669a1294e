/* What the kernel keeps per process: scheduler, CPUs, memory nodes, I/O priority, personality. */
#include "base/err.h"
#include "runtime/child_priv.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

/* sched_setattr(2): glibc has it since 2.41 only */
struct sched_attrs {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
};

int child_do_scheduler(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_scheduler *w = s->item;
	const struct sched_attrs a = {
		.size = sizeof(a),
		.policy = w->policy,
		.flags = w->flags,
		.nice = w->nice,
		.priority = w->priority,
		.runtime = w->runtime,
		.deadline = w->deadline,
		.period = w->period,
	};
	if (syscall(SYS_sched_setattr, 0, &a, 0) < 0)
		return err_sys(e, "process.scheduler: set policy %u", w->policy);
	return 0;
}

int child_do_io_priority(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)s->number) < 0)
		return err_sys(e, "process.ioPriority: set class %d, level %d",
			(int)s->number >> IOPRIO_CLASS_SHIFT,
			(int)s->number & (int)IOPRIO_PRIO_MASK);
	return 0;
}

int child_do_affinity(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_bits *b = s->item;
	size_t bytes = (b->n + RUNTIME_WORD_BITS - 1) / RUNTIME_WORD_BITS * sizeof(unsigned long);
	if (syscall(SYS_sched_setaffinity, 0, bytes, b->v) < 0)
		return err_sys(e, "process.execCPUAffinity: set the CPUs");
	return 0;
}

int child_do_personality(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (syscall(SYS_personality, (unsigned long)s->number) < 0)
		return err_sys(e, "linux.personality: set %#lx", (unsigned long)s->number);
	return 0;
}

int child_do_memory_policy(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_memory_policy *p = s->item;
	/* the kernel counts the bits from one too many */
	if (syscall(SYS_set_mempolicy, p->mode, p->nodes.v, p->nodes.n ? p->nodes.n + 1 : 0) == 0)
		return 0;
	err_sys(e, "linux.memoryPolicy: set_mempolicy mode %#x", p->mode);
	if (errno == EINVAL)
		err_hint(e, "the nodes must exist and lie within linux.resources.cpu.mems");
	return e ? -e->code : -EINVAL;
}
