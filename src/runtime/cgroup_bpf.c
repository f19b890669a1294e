/*
 * Device rules on cgroup v2: a BPF program of type CGROUP_DEVICE. The last rule
 * that matches decides, so the program asks them from the last to the first.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/cgroup_priv.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { INSNS_PER_RULE = 9, MAX_RULES = 400 };

#define LOAD(dst, off) ((struct bpf_insn){BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, off, 0})
#define MOV(dst, src)  ((struct bpf_insn){BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0})
#define MOVK(dst, k)   ((struct bpf_insn){BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, k})
#define ANDK(dst, k)   ((struct bpf_insn){BPF_ALU | BPF_AND | BPF_K, dst, 0, 0, k})
#define SHRK(dst, k)   ((struct bpf_insn){BPF_ALU | BPF_RSH | BPF_K, dst, 0, 0, k})
#define JNEK(dst, k)   ((struct bpf_insn){BPF_JMP | BPF_JNE | BPF_K, dst, 0, 0, k})
#define JEQK(dst, k)   ((struct bpf_insn){BPF_JMP | BPF_JEQ | BPF_K, dst, 0, 0, k})
#define EXIT()         ((struct bpf_insn){BPF_JMP | BPF_EXIT, 0, 0, 0, 0})

/* registers: 2 type, 3 the kinds of access that no rule has decided yet, 4 major, 5 minor. Each kind
 * is decided by the last rule that names it. */
static size_t emit_rule(const struct runtime_device_rule *d, struct bpf_insn *out)
{
	struct bpf_insn *p = out, *jumps[4];
	size_t njumps = 0;
	int access = (d->make ? BPF_DEVCG_ACC_MKNOD : 0) | (d->read ? BPF_DEVCG_ACC_READ : 0) |
		     (d->write ? BPF_DEVCG_ACC_WRITE : 0);
	const int all = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;
	if (d->type != 'a') {
		jumps[njumps++] = p;
		*p++ = JNEK(BPF_REG_2, d->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	}
	if (d->major >= 0) {
		jumps[njumps++] = p;
		*p++ = JNEK(BPF_REG_4, (int)d->major);
	}
	if (d->minor >= 0) {
		jumps[njumps++] = p;
		*p++ = JNEK(BPF_REG_5, (int)d->minor);
	}
	if (access != all && d->allow) { /* what is left may be allowed by rules before */
		*p++ = ANDK(BPF_REG_3, ~access);
		jumps[njumps++] = p;
		*p++ = JNEK(BPF_REG_3, 0);
	} else if (access != all) { /* one kind that is denied denies the call */
		*p++ = MOV(BPF_REG_0, BPF_REG_3);
		*p++ = ANDK(BPF_REG_0, access);
		jumps[njumps++] = p;
		*p++ = JEQK(BPF_REG_0, 0);
	}
	*p++ = MOVK(BPF_REG_0, d->allow);
	*p++ = EXIT();
	for (size_t i = 0; i < njumps; i++)
		jumps[i]->off = (short)(p - jumps[i] - 1);
	return (size_t)(p - out);
}

void cgroup_bpf_program(
	const struct runtime_device_rule *rules, size_t n, struct bpf_insn **ret, size_t *ret_n)
{
	struct bpf_insn *v = mem_array(n * INSNS_PER_RULE + 16, sizeof(*v)), *p = v;
	*p++ = LOAD(BPF_REG_2, 0); /* struct bpf_cgroup_dev_ctx: access << 16 | type */
	*p++ = MOV(BPF_REG_3, BPF_REG_2);
	*p++ = ANDK(BPF_REG_2, 0xffff);
	*p++ = SHRK(BPF_REG_3, 16);
	*p++ = LOAD(BPF_REG_4, 4);
	*p++ = LOAD(BPF_REG_5, 8);
	bool decided = false;
	for (size_t i = n; i-- > 0 && !decided;) {
		p += emit_rule(&rules[i], p);
		/* what stood before a rule for everything never speaks */
		decided = cgroup_device_all(&rules[i]);
	}
	if (!decided) { /* the kernel refuses instructions that nothing reaches */
		*p++ = MOVK(BPF_REG_0, 0);
		*p++ = EXIT();
	}
	*ret = v;
	*ret_n = (size_t)(p - v);
}

static int sys_bpf(int cmd, union bpf_attr *a)
{
	return (int)syscall(SYS_bpf, cmd, a, sizeof(*a));
}

/* Kernels before 5.11 count programs as locked memory, of which the usual 64 KB are soon gone. */
static int load(union bpf_attr *a)
{
	struct rlimit old, most = {RLIM_INFINITY, RLIM_INFINITY};
	int fd = sys_bpf(BPF_PROG_LOAD, a);
	if (fd >= 0 || errno != EPERM || prlimit(0, RLIMIT_MEMLOCK, &most, &old) < 0)
		return fd < 0 ? -errno : fd;
	fd = sys_bpf(BPF_PROG_LOAD, a);
	int r = fd < 0 ? -errno : fd;
	prlimit(0, RLIMIT_MEMLOCK, &old, NULL); /* the container inherits it */
	return r;
}

int cgroup_bpf_devices(int dir_fd, const struct runtime_device_rule *rules, size_t n, struct err *e)
{
	if (n > MAX_RULES)
		return err_set(e, ERR_LIMIT, "%zu device rules, at most %d", n, MAX_RULES);
	cleanup_free struct bpf_insn *v = NULL;
	size_t count;
	cgroup_bpf_program(rules, n, &v, &count);
	union bpf_attr a;
	memset(&a, 0, sizeof(a));
	a.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	a.insns = (uint64_t)(uintptr_t)v;
	a.insn_cnt = (uint32_t)count;
	a.license = (uint64_t)(uintptr_t) "Apache-2.0";
	cleanup_fd int prog = load(&a);
	if (prog == -EPERM && !cgroup_host_root()) {
		log_debug("device rules need the host's root: no node can be made without it");
		return 0;
	}
	if (prog < 0)
		return err_sysno(e, prog, "load the program of device rules");
	memset(&a, 0, sizeof(a));
	a.target_fd = (uint32_t)dir_fd;
	a.attach_bpf_fd = (uint32_t)prog;
	a.attach_type = BPF_CGROUP_DEVICE;
	a.attach_flags = BPF_F_ALLOW_MULTI;
	if (sys_bpf(BPF_PROG_ATTACH, &a) < 0)
		return err_sys(e, "attach the program of device rules");
	return 0;
}
