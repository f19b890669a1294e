/*
 * The last system calls before the container's program runs, made without our
 * own executable (CVE-2019-5736). A program that the kernel starts through
 * /proc/self/exe (an entry point "#!/proc/self/exe", or a link to it) would run
 * the host's executable inside, where a library of the image can open it for
 * writing. No look at the entry point beforehand is safe from a race; so here
 * /proc/self/exe stops being that file: the code below moves into a sealed
 * memfd, unmaps the executable (the kernel demands it), makes the memfd the
 * "executable" of this process (PR_SET_MM) and executes the program from there.
 * Whoever follows /proc/self/exe then finds a file that is no program and that
 * nobody can write.
 */
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "runtime/child_priv.h"
#include "runtime/wire_priv.h"

#include <link.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/memfd.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

/* The kernel's convention: the result, or -errno */
static inline __attribute__((always_inline)) long final_call(long nr, const long *a)
{
#if defined(__x86_64__)
	long r;
	register long r10 __asm__("r10") = a[3];
	register long r8 __asm__("r8") = a[4];
	__asm__ volatile("syscall"
			 : "=a"(r)
			 : "a"(nr), "D"(a[0]), "S"(a[1]), "d"(a[2]), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return r;
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a[0];
	register long x1 __asm__("x1") = a[1];
	register long x2 __asm__("x2") = a[2];
	register long x3 __asm__("x3") = a[3];
	register long x4 __asm__("x4") = a[4];
	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4)
			 : "memory");
	return x0;
#else
	long r = syscall(nr, a[0], a[1], a[2], a[3], a[4]);
	return r < 0 ? -errno : r;
#endif
}

#if defined(__x86_64__) || defined(__aarch64__)
enum { CAN_MOVE = 1 };
#else
enum { CAN_MOVE = 0 }; /* the entry point is looked at (child_exec.c), which a race can escape */
#endif

#define STAYS_VISIBLE                                                                  \
	"the runtime's executable stays visible to a program that is started through " \
	"/proc/self/exe"

enum { FINAL_OPS = 16 };

/* One system call; when it fails, what the parent gets to hear, and whether that is the end */
struct final_op {
	long nr, a[5];
	struct wire_msg *failed; /* NULL: a failure is no matter */
	size_t failed_len;
	bool must;
};

struct final_list {
	struct final_op v[FINAL_OPS];
	size_t n;
};

/* Where the linker puts the code that moves: it, and nothing else, between two symbols */
#define moves_away                                                                \
	__attribute__((section("kist_final"), noinline, used, no_stack_protector, \
		no_sanitize("address", "undefined"), no_instrument_function))

extern const char __start_kist_final[], __stop_kist_final[];

/* Runs in the memfd, when the executable is gone: no call of anything, no constant in memory.
 * The last operation is the exec and must succeed. */
static moves_away void final_run(const struct final_op *op, long sock)
{
	for (;; op++) {
		long r = final_call(op->nr, op->a);
		if (r >= 0)
			continue;
		if (op->failed) {
			long message[5] = {sock, (long)op->failed, (long)op->failed_len, 0, 0};
			op->failed->e.code = (int)-r;
			final_call(SYS_write, message);
		}
		if (op->must) {
			long status[5] = {1, 0, 0, 0, 0};
			final_call(SYS_exit_group, status);
		}
	}
}

/* A file that runs and that nobody can change: what it holds is only the code above. */
static int make_file(void)
{
	size_t len = (size_t)(__stop_kist_final - __start_kist_final);
	const unsigned seals = F_SEAL_SEAL | F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK;
	cleanup_fd int fd = memfd_create("kist", MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_EXEC);
	if (fd < 0 && errno == EINVAL) /* before Linux 6.3 */
		fd = memfd_create("kist", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0 || io_write_all(fd, __start_kist_final, len) < 0 ||
		fcntl(fd, F_ADD_SEALS, seals) < 0)
		return -1;
	return STEAL_FD(fd);
}

/* Before limits and filters, which know nothing of it, are set */
int child_do_hide_runtime(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (!CAN_MOVE)
		return 0;
	size_t len = (size_t)(__stop_kist_final - __start_kist_final);
	cleanup_fd int fd = make_file();
	void *code =
		fd < 0 ? MAP_FAILED : mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	if (code == MAP_FAILED) {
		log_warn(STAYS_VISIBLE ": %s", err_text(errno));
		return 0;
	}
	k->final_code = code;
	k->final_file = STEAL_FD(fd);
	return 0;
}

/* ---- the list of calls ---- */

static struct final_op *add(struct final_list *l, long nr, long a, long b, long c)
{
	struct final_op *op = &l->v[l->n++];
	*op = (struct final_op){.nr = nr, .a = {a, b, c, 0, 0}};
	return op;
}

static void report(struct final_op *op, enum wire_type type, const char *text)
{
	size_t head = offsetof(struct wire_msg, e.msg), len = strlen(text) + 1;
	op->failed = mem_alloc(head + len);
	op->failed->type = type;
	memcpy((char *)op->failed + head, text, len);
	op->failed_len = head + len;
	op->must = type != WIRE_WARN_CALL;
}

/* The main program comes first among what is loaded. */
static int add_unmap(struct dl_phdr_info *info, size_t size, void *list)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE) - 1;
	struct final_list *l = list;
	for (int i = 0; i < info->dlpi_phnum && l->n < FINAL_OPS / 2; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type != PT_LOAD || !p->p_filesz)
			continue;
		uintptr_t from = info->dlpi_addr + p->p_vaddr;
		uintptr_t to = (from + p->p_filesz + page) & ~page;
		from &= ~page;
		add(l, SYS_munmap, (long)from, (long)(to - from), 0);
	}
	return 1;
}

/* One capability that PR_SET_MM needs was kept until here (caps_apply). */
static void add_caps(struct child *k, struct final_list *l)
{
	if (!k->final_caps)
		return;
	struct __user_cap_header_struct *h = mem_alloc(sizeof(*h));
	h->version = _LINUX_CAPABILITY_VERSION_3;
	report(add(l, SYS_capset, (long)h, (long)k->final_caps, 0), WIRE_CALL_FAILED,
		"set capabilities");
}

/* The addresses are checked by the kernel for their order only, and gone with the exec. The
 * command line of the runtime, which its process showed inside, goes first. */
static void add_new_file(struct child *k, struct final_list *l)
{
	struct prctl_mm_map *m = mem_alloc(sizeof(*m));
	static char data; /* for an address below the heap, which older kernels want here */
	uintptr_t at = (uintptr_t)k->final_code, top = (uintptr_t)sbrk(0);
	*m = (struct prctl_mm_map){.start_code = at,
		.end_code = at + 1,
		.start_data = (uintptr_t)&data,
		.end_data = (uintptr_t)&data,
		.start_brk = top,
		.brk = top,
		.start_stack = (uintptr_t)&top,
		.arg_start = at,
		.arg_end = at,
		.env_start = at,
		.env_end = at,
		.exe_fd = (uint32_t)k->final_file};
	struct final_op *op = add(l, SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, (long)m);
	op->a[3] = sizeof(*m);
	report(op, WIRE_WARN_CALL, STAYS_VISIBLE);
}

static void add_filter(struct child *k, struct final_list *l)
{
	if (!k->filter_at_exec)
		return;
	struct sock_fprog *filter = mem_alloc(sizeof(*filter));
	*filter = k->filter;
	report(add(l, SYS_seccomp, SECCOMP_SET_MODE_FILTER, (long)k->filter_flags, (long)filter),
		WIRE_CALL_FAILED, "load the seccomp filter");
}

/* A copy that no string of the executable is part of */
static char **copy_strings(char *const *v)
{
	size_t n = 0;
	while (v[n])
		n++;
	char **copy = mem_array(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = mem_strdup(v[i]);
	copy[n] = NULL;
	return copy;
}

void child_final_exec(struct child *k, char *const *args, char *const *env)
{
	struct final_list *l = mem_alloc(sizeof(*l));
	cleanup_free char *what = mem_printf("exec: \"%s\"", k->program);
	if (k->final_code) {
		dl_iterate_phdr(add_unmap, l);
		add_new_file(k, l);
	}
	add_caps(k, l);
	add_filter(k, l);
	struct final_op *op = add(l, SYS_execve, (long)mem_strdup(k->program),
		(long)copy_strings(args), (long)copy_strings(env));
	report(op, WIRE_EXEC_FAILED, what);
	uintptr_t code = (uintptr_t)final_run;
	if (k->final_code)
		code += (uintptr_t)k->final_code - (uintptr_t)__start_kist_final;
	((__typeof__(&final_run))code)(l->v, k->sock);
	__builtin_unreachable();
}
