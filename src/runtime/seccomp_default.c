/*
 * The system calls that containers expect to have, as a table of rules with
 * their conditions. Deny by default with EPERM; some calls need a capability
 * that a container may have been given, some exist on one architecture only.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "runtime/seccomp_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/utsname.h>

static const char *const always[] = {
	"_llseek",
	"_newselect",
	"accept",
	"accept4",
	"access",
	"adjtimex",
	"alarm",
	"bind",
	"brk",
	"cachestat",
	"capget",
	"capset",
	"chdir",
	"chmod",
	"chown",
	"chown32",
	"clock_adjtime",
	"clock_adjtime64",
	"clock_getres",
	"clock_getres_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"close",
	"close_range",
	"connect",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_ctl_old",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"epoll_wait_old",
	"eventfd",
	"eventfd2",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fadvise64_64",
	"fallocate",
	"fanotify_mark",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchown32",
	"fchownat",
	"fcntl",
	"fcntl64",
	"fdatasync",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fork",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"fsync",
	"ftruncate",
	"ftruncate64",
	"futex",
	"futex_requeue",
	"futex_time64",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"futimesat",
	"get_robust_list",
	"get_thread_area",
	"getcpu",
	"getcwd",
	"getdents",
	"getdents64",
	"getegid",
	"getegid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getgroups",
	"getgroups32",
	"getitimer",
	"getpeername",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getrandom",
	"getresgid",
	"getresgid32",
	"getresuid",
	"getresuid32",
	"getrlimit",
	"getrusage",
	"getsid",
	"getsockname",
	"getsockopt",
	"gettid",
	"gettimeofday",
	"getuid",
	"getuid32",
	"getxattr",
	"getxattrat",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"io_cancel",
	"io_destroy",
	"io_getevents",
	"io_pgetevents",
	"io_pgetevents_time64",
	"io_setup",
	"io_submit",
	"ioctl",
	"ioprio_get",
	"ioprio_set",
	"ipc",
	"kill",
	"landlock_add_rule",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"lchown",
	"lchown32",
	"lgetxattr",
	"link",
	"linkat",
	"listen",
	"listmount",
	"listxattr",
	"listxattrat",
	"llistxattr",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"lstat64",
	"madvise",
	"map_shadow_stack",
	"membarrier",
	"memfd_create",
	"memfd_secret",
	"mincore",
	"mkdir",
	"mkdirat",
	"mknod",
	"mknodat",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mmap2",
	"mprotect",
	"mq_getsetattr",
	"mq_notify",
	"mq_open",
	"mq_timedreceive",
	"mq_timedreceive_time64",
	"mq_timedsend",
	"mq_timedsend_time64",
	"mq_unlink",
	"mremap",
	"mseal",
	"msgctl",
	"msgget",
	"msgrcv",
	"msgsnd",
	"msync",
	"munlock",
	"munlockall",
	"munmap",
	"name_to_handle_at",
	"nanosleep",
	"newfstatat",
	"open",
	"openat",
	"openat2",
	"pause",
	"pidfd_open",
	"pidfd_send_signal",
	"pipe",
	"pipe2",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"poll",
	"ppoll",
	"ppoll_time64",
	"prctl",
	"pread64",
	"preadv",
	"preadv2",
	"prlimit64",
	"process_mrelease",
	"pselect6",
	"pselect6_time64",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmmsg_time64",
	"recvmsg",
	"remap_file_pages",
	"removexattr",
	"removexattrat",
	"rename",
	"renameat",
	"renameat2",
	"restart_syscall",
	"riscv_hwprobe",
	"rmdir",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"rt_tgsigqueueinfo",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_getscheduler",
	"sched_rr_get_interval",
	"sched_rr_get_interval_time64",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
	"sched_yield",
	"seccomp",
	"select",
	"semctl",
	"semget",
	"semop",
	"semtimedop",
	"semtimedop_time64",
	"send",
	"sendfile",
	"sendfile64",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"set_robust_list",
	"set_thread_area",
	"set_tid_address",
	"setfsgid",
	"setfsgid32",
	"setfsuid",
	"setfsuid32",
	"setgid",
	"setgid32",
	"setgroups",
	"setgroups32",
	"setitimer",
	"setpgid",
	"setpriority",
	"setregid",
	"setregid32",
	"setresgid",
	"setresgid32",
	"setresuid",
	"setresuid32",
	"setreuid",
	"setreuid32",
	"setrlimit",
	"setsid",
	"setsockopt",
	"setuid",
	"setuid32",
	"setxattr",
	"setxattrat",
	"shmat",
	"shmctl",
	"shmdt",
	"shmget",
	"shutdown",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"sigprocmask",
	"sigreturn",
	"socketcall",
	"socketpair",
	"splice",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statmount",
	"statx",
	"symlink",
	"symlinkat",
	"sync",
	"sync_file_range",
	"syncfs",
	"sysinfo",
	"tee",
	"tgkill",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_gettime64",
	"timer_settime",
	"timer_settime64",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_gettime64",
	"timerfd_settime",
	"timerfd_settime64",
	"times",
	"tkill",
	"truncate",
	"truncate64",
	"ugetrlimit",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"uretprobe",
	"utime",
	"utimensat",
	"utimensat_time64",
	"utimes",
	"vfork",
	"vmsplice",
	"wait4",
	"waitid",
	"waitpid",
	"write",
	"writev",
	NULL,
};

static const char *const with_sys_admin[] = {
	"bpf",
	"clone",
	"clone3",
	"fanotify_init",
	"fsconfig",
	"fsmount",
	"fsopen",
	"fspick",
	"lookup_dcookie",
	"lsm_get_self_attr",
	"lsm_list_modules",
	"lsm_set_self_attr",
	"mount",
	"mount_setattr",
	"move_mount",
	"open_tree",
	"perf_event_open",
	"quotactl",
	"quotactl_fd",
	"setdomainname",
	"sethostname",
	"setns",
	"syslog",
	"umount",
	"umount2",
	"unshare",
	NULL,
};

static const char *const with_sys_ptrace[] = {"kcmp", "pidfd_getfd", "process_madvise",
	"process_vm_readv", "process_vm_writev", "ptrace", NULL};
static const char *const with_sys_module[] = {"delete_module", "finit_module", "init_module", NULL};
static const char *const with_sys_time[] = {
	"clock_settime", "clock_settime64", "settimeofday", "stime", NULL};
static const char *const with_sys_nice[] = {
	"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node", NULL};
/* safe since the kernel checks seccomp after ptrace, 4.8 */
static const char *const tracing[] = {"process_vm_readv", "process_vm_writev", "ptrace", NULL};
static const char *const arm_only[] = {"arm_fadvise64_64", "arm_sync_file_range", "breakpoint",
	"cacheflush", "set_tls", "sync_file_range2", NULL};
static const char *const s390_only[] = {
	"s390_pci_mmio_read", "s390_pci_mmio_write", "s390_runtime_instr", NULL};

/* new namespaces through clone(2) need CAP_SYS_ADMIN */
#define CLONE_NAMESPACES                                                               \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		CLONE_NEWPID | CLONE_NEWNET)

struct rule {
	const char *const *names; /* several, or */
	const char *name;         /* one */
	const char *arches;       /* " amd64 x32 ": only there */
	const char *not_arches;
	int cap;     /* needs capability cap - 1; 0: none */
	int not_cap; /* only without capability not_cap - 1 */
	const char *op;
	unsigned index;
	uint64_t value, value_two;
	int errno_ret; /* not 0: refused with this error */
};

#define CAP(n)        .cap = (n) + 1
#define NOT_ADMIN     .not_cap = 21 + 1
#define WHEN(i, o, v) .index = (i), .op = "SCMP_CMP_" o, .value = (v)

/* clang-format off */
static const struct rule rules[] = {
	{always},
	{tracing},
	/* every address family but AF_ALG (38) and AF_VSOCK (40) */
	{.name = "socket", WHEN(0, "LT", 38)},
	{.name = "socket", WHEN(0, "EQ", 39)},
	{.name = "socket", WHEN(0, "GT", 40)},
	{.name = "personality", WHEN(0, "EQ", PER_LINUX)},
	{.name = "personality", WHEN(0, "EQ", PER_LINUX32)},
	{.name = "personality", WHEN(0, "EQ", UNAME26)},
	{.name = "personality", WHEN(0, "EQ", PER_LINUX32 | UNAME26)},
	{.name = "personality", WHEN(0, "EQ", 0xffffffff)},
	{.name = "sync_file_range2", .arches = " ppc64le "},
	{.name = "swapcontext", .arches = " ppc64le "},
	{arm_only, .arches = " arm arm64 "},
	{.name = "arch_prctl", .arches = " amd64 x32 "},
	{.name = "modify_ldt", .arches = " amd64 x32 x86 "},
	{s390_only, .arches = " s390 s390x "},
	{.name = "riscv_flush_icache", .arches = " riscv64 "},
	{.name = "clone", WHEN(0, "MASKED_EQ", CLONE_NAMESPACES), .not_arches = " s390 s390x ", NOT_ADMIN},
	{.name = "clone", WHEN(1, "MASKED_EQ", CLONE_NAMESPACES), .arches = " s390 s390x ", NOT_ADMIN},
	/* its flags stand in memory where no filter can see them: callers fall back to clone */
	{.name = "clone3", .errno_ret = ENOSYS, NOT_ADMIN},
	{.name = "open_by_handle_at", CAP(2)},
	{.name = "iopl", CAP(17)},
	{.name = "ioperm", CAP(17)},
	{with_sys_module, CAP(16)},
	{.name = "chroot", CAP(18)},
	{with_sys_ptrace, CAP(19)},
	{.name = "acct", CAP(20)},
	{with_sys_admin, CAP(21)},
	{.name = "reboot", CAP(22)},
	{with_sys_nice, CAP(23)},
	{with_sys_time, CAP(25)},
	{.name = "vhangup", CAP(26)},
	{.name = "syslog", CAP(34)},
	{.name = "perf_event_open", CAP(38)},
	{.name = "bpf", CAP(39)},
};
/* clang-format on */

static bool has_word(const char *list, const char *word)
{
	char with_blanks[32];
	snprintf(with_blanks, sizeof(with_blanks), " %s ", word);
	return strstr(list, with_blanks);
}

static bool applies(const struct rule *r, uint64_t caps, const struct runtime_seccomp_host *h)
{
	if (r->cap && !(caps >> (r->cap - 1) & 1))
		return false;
	if (r->not_cap && (caps >> (r->not_cap - 1) & 1))
		return false;
	if (r->names == tracing && h->kernel_major == 4 && h->kernel_minor < 8)
		return false;
	return (!r->arches || has_word(r->arches, h->arch)) &&
	       (!r->not_arches || !has_word(r->not_arches, h->arch));
}

static void print_rule(const struct rule *r, struct buf *out)
{
	buf_add_str(out, "{\"names\":[");
	const char *const one[] = {r->name, NULL};
	const char *const *names = r->names ? r->names : one;
	for (size_t i = 0; names[i]; i++)
		buf_printf(out, "%s\"%s\"", i ? "," : "", names[i]);
	if (r->errno_ret)
		buf_printf(out, "],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":%d", r->errno_ret);
	else
		buf_add_str(out, "],\"action\":\"SCMP_ACT_ALLOW\"");
	if (r->op)
		buf_printf(out,
			",\"args\":[{\"index\":%u,\"value\":%" PRIu64 ",\"valueTwo\":%" PRIu64
			",\"op\":\"%s\"}]",
			r->index, r->value, r->value_two, r->op);
	buf_add_char(out, '}');
}

int runtime_seccomp_default(
	uint64_t caps, const struct runtime_seccomp_host *host, struct buf *out, struct err *e)
{
	buf_add_str(out, "{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":1");
	struct buf archs cleanup_buf = BUF_INIT;
	if (seccomp_archs_print(host->arch, &archs))
		buf_printf(out, ",\"architectures\":%s", buf_str(&archs));
	buf_add_str(out, ",\"syscalls\":[");
	bool first = true;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		if (!applies(&rules[i], caps, host))
			continue;
		if (!first)
			buf_add_char(out, ',');
		first = false;
		print_rule(&rules[i], out);
	}
	buf_add_str(out, "]}");
	return 0;
}
