/* Profiles, their cache, and what the compiled programs answer. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "oci/caps.h"
#include "runtime/seccomp_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct runtime_seccomp_host amd64 = {"amd64", 6, 1};

/* ---- a filter as a sorted list of "name action errno conditions" ---- */

static void flatten(const struct runtime_seccomp *s, struct strv *out)
{
	for (size_t i = 0; i < s->nrules; i++) {
		const struct seccomp_rule *r = &s->rules[i];
		struct buf args cleanup_buf = BUF_INIT;
		for (size_t a = 0; a < r->nargs; a++)
			buf_printf(&args, " %u %s %llu %llu", r->args[a].index, r->args[a].op,
				(unsigned long long)r->args[a].value,
				(unsigned long long)r->args[a].value_two);
		for (size_t n = 0; n < r->names.n; n++) {
			cleanup_free char *line = mem_printf("%s %s %lld%s", r->names.v[n],
				r->action, (long long)r->errno_ret, buf_str(&args));
			if (!strv_has(out, line))
				strv_add(out, line);
		}
	}
	strv_sort(out);
}

struct parsed {
	struct arena arena;
	json_t *doc;
	struct runtime_seccomp *s;
};

static void parse_section(const char *text, size_t len, struct parsed *p)
{
	struct err e = ERR_INIT;
	struct jread r = {&p->arena, &e};
	assert_ok(json_load(text, len, 1 << 20, &p->doc, &e), &e);
	struct jnode n = {p->doc, NULL, NULL, 0};
	assert_ok(seccomp_read(&r, &n, &p->s), &e);
}

static void parsed_release(struct parsed *p)
{
	json_decref(p->doc);
	arena_release(&p->arena);
}

static void compare_for(const struct buf *profile, uint64_t caps, const char *arch)
{
	struct runtime_seccomp_host host = {arch, 6, 1};
	struct buf theirs cleanup_buf = BUF_INIT, ours cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(
		runtime_seccomp_resolve(profile->data, profile->len, caps, &host, &theirs, &e), &e);
	assert_ok(runtime_seccomp_default(caps, &host, &ours, &e), &e);
	struct parsed a = {ARENA_INIT}, b = {ARENA_INIT};
	parse_section(theirs.data, theirs.len, &a);
	parse_section(ours.data, ours.len, &b);
	struct strv la cleanup_strv = STRV_INIT, lb cleanup_strv = STRV_INIT;
	flatten(a.s, &la);
	flatten(b.s, &lb);
	cleanup_free char *ta = strv_join(&la, "\n"), *tb = strv_join(&lb, "\n");
	assert_string_equal(ta, tb);
	assert_string_equal(a.s->default_action, b.s->default_action);
	assert_int_equal(a.s->default_errno, b.s->default_errno);
	assert_int_equal(a.s->archs.n, b.s->archs.n);
	for (size_t i = 0; i < a.s->archs.n; i++)
		assert_string_equal(a.s->archs.v[i], b.s->archs.v[i]);
	parsed_release(&a);
	parsed_release(&b);
}

static void default_is_what_containers_expect(void **state)
{
	const char *dir = getenv("KIST_SHARED_DATA");
	cleanup_free char *path = mem_printf("%s/seccomp/default.json", dir ? dir : "");
	if (!dir || access(path, R_OK) < 0) {
		print_message("no shared data with a reference profile\n");
		skip();
	}
	struct buf b cleanup_buf = BUF_INIT;
	assert_int_equal(file_read(AT_FDCWD, path, &b, NULL), 0);
	compare_for(&b, OCI_CAPS_DEFAULT, "amd64");
	compare_for(&b, OCI_CAPS_ALL, "amd64");
	compare_for(&b, 0, "amd64");
	for (int cap = 0; cap < OCI_CAP_COUNT; cap++)
		compare_for(&b, 1ULL << cap, "amd64");
	compare_for(&b, OCI_CAPS_DEFAULT, "arm64");
	compare_for(&b, OCI_CAPS_DEFAULT, "s390x");
	compare_for(&b, OCI_CAPS_DEFAULT, "riscv64");
}

/* ---- a small machine for classic BPF ---- */

static uint32_t run(const struct sock_fprog *p, const struct seccomp_data *d)
{
	uint32_t a = 0;
	for (unsigned pc = 0; pc < p->len; pc++) {
		const struct sock_filter *f = &p->filter[pc];
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			memcpy(&a, (const char *)d + f->k, sizeof(a));
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			a &= f->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += f->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += a == f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += a > f->k ? f->jt : f->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += a >= f->k ? f->jt : f->jf;
			break;
		case BPF_RET | BPF_K:
			return f->k;
		default:
			fail_msg("instruction %#x", f->code);
		}
	}
	fail_msg("the program has no end");
	return 0;
}

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0
#endif

static uint32_t answer(const struct sock_fprog *p, int nr, uint64_t arg0)
{
	struct seccomp_data d = {.nr = nr, .arch = ARCH, .args = {arg0}};
	return run(p, &d);
}

static void compile(uint64_t caps, const char *cache, struct sock_fprog *p)
{
	struct runtime_seccomp_host host;
	struct buf text cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	unsigned flags;
	runtime_seccomp_host_get(&host);
	assert_ok(runtime_seccomp_default(caps, &host, &text, &e), &e);
	assert_ok(seccomp_program(text.data, text.len, cache, p, &flags, &e), &e);
}

static void default_program_answers(void **state)
{
	struct sock_fprog p;
	if (!ARCH)
		skip();
	compile(OCI_CAPS_DEFAULT, NULL, &p);
	const uint32_t eperm = SECCOMP_RET_ERRNO | EPERM, enosys = SECCOMP_RET_ERRNO | ENOSYS;
	assert_int_equal(answer(&p, SYS_read, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&p, SYS_mount, 0), eperm);
	assert_int_equal(answer(&p, SYS_keyctl, 0), eperm);
	assert_int_equal(answer(&p, SYS_clone3, 0), enosys);
	assert_int_equal(answer(&p, SYS_clone, SIGCHLD), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&p, SYS_clone, CLONE_NEWUSER), eperm);
	assert_int_equal(answer(&p, SYS_socket, 2), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&p, SYS_socket, 38), eperm);
	assert_int_equal(answer(&p, SYS_socket, 40), eperm);
	assert_int_equal(answer(&p, SYS_personality, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&p, SYS_personality, 1), eperm);
	free(p.filter);
	compile(OCI_CAPS_ALL, NULL, &p);
	assert_int_equal(answer(&p, SYS_mount, 0), SECCOMP_RET_ALLOW);
	assert_int_equal(answer(&p, SYS_clone3, 0), SECCOMP_RET_ALLOW);
	free(p.filter);
}

/* What begins with a namespace of one's own (CVE-2022-0492): each way into one, and each to mount. */
static void default_program_gives_no_namespace(void **state)
{
	static const uint64_t kinds[] = {CLONE_NEWUSER, CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS,
		CLONE_NEWIPC, CLONE_NEWPID, CLONE_NEWNET};
	static const int calls[] = {SYS_unshare, SYS_setns, SYS_mount, SYS_umount2, SYS_fsopen,
		SYS_fspick, SYS_fsconfig, SYS_fsmount, SYS_move_mount, SYS_open_tree,
		SYS_mount_setattr, SYS_pivot_root, SYS_bpf};
	const uint32_t eperm = SECCOMP_RET_ERRNO | EPERM;
	struct sock_fprog p;
	if (!ARCH)
		skip();
	compile(OCI_CAPS_DEFAULT, NULL, &p);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		assert_int_equal(answer(&p, SYS_clone, kinds[i]), eperm);
		assert_int_equal(answer(&p, SYS_clone, kinds[i] | CLONE_VM | SIGCHLD), eperm);
	}
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		assert_int_equal(answer(&p, calls[i], 0), eperm);
	free(p.filter);
}

/* ---- packing ---- */

static const uint32_t archs[] = {
	AUDIT_ARCH_X86_64, AUDIT_ARCH_I386, AUDIT_ARCH_AARCH64, AUDIT_ARCH_ARM, 0, UINT32_MAX};
static const uint64_t some_args[] = {0, 1, 8, 37, 38, 39, 40, 41, 0x20000, 0x20008, 0xffffffff,
	0x100000000, CLONE_NEWUSER, CLONE_NEWNS | 17, 17, UINT64_MAX};

static void same_answers(
	const struct sock_fprog *a, const struct sock_fprog *b, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < ARRAY_SIZE(archs); i++)
		for (uint32_t nr = from; nr != to; nr++)
			for (size_t j = 0; j < ARRAY_SIZE(some_args); j++) {
				struct seccomp_data d = {.nr = (int)nr, .arch = archs[i]};
				d.args[0] = some_args[j];
				d.args[1] = some_args[ARRAY_SIZE(some_args) - 1 - j];
				assert_int_equal(run(a, &d), run(b, &d));
			}
}

static void pack_and_compare(const char *text, size_t len, bool must_shrink)
{
	struct arena a cleanup_arena = ARENA_INIT;
	struct runtime_seccomp *s = NULL;
	struct err e = ERR_INIT;
	struct buf whole cleanup_buf = BUF_INIT, packed cleanup_buf = BUF_INIT;
	assert_ok(seccomp_parse(text, len, &a, &s, &e), &e);
	assert_ok(seccomp_compile(s, &whole, &e), &e);
	buf_add(&packed, whole.data, whole.len);
	bool done = seccomp_pack(&packed);
	if (must_shrink)
		assert_true(done && packed.len * 3 < whole.len * 2);
	struct sock_fprog p = {
		(unsigned short)(whole.len / sizeof(struct sock_filter)), (void *)whole.data};
	struct sock_fprog q = {
		(unsigned short)(packed.len / sizeof(struct sock_filter)), (void *)packed.data};
	same_answers(&p, &q, 0, 1000);
	same_answers(&p, &q, 0x3ffffff0, 0x40000000 + 1000);
	same_answers(&p, &q, 0xfffffff0, 0x10);
}

static void packed_programs_answer_the_same(void **state)
{
	static const uint64_t caps[] = {OCI_CAPS_DEFAULT, OCI_CAPS_ALL, 0};
	struct runtime_seccomp_host host;
	runtime_seccomp_host_get(&host);
	for (size_t i = 0; i < ARRAY_SIZE(caps); i++) {
		struct buf text cleanup_buf = BUF_INIT;
		assert_int_equal(runtime_seccomp_default(caps[i], &host, &text, NULL), 0);
		pack_and_compare(text.data, text.len, true);
	}
	/* several conditions, several rules for one call, other actions */
	static const char odd[] =
		"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":["
		"{\"names\":[\"read\",\"write\"],\"action\":\"SCMP_ACT_KILL\",\"args\":["
		"{\"index\":0,\"value\":1,\"op\":\"SCMP_CMP_GE\"},"
		"{\"index\":1,\"value\":4294967296,\"op\":\"SCMP_CMP_LE\"}]},"
		"{\"names\":[\"read\"],\"action\":\"SCMP_ACT_LOG\",\"args\":["
		"{\"index\":0,\"value\":0,\"op\":\"SCMP_CMP_EQ\"}]},"
		"{\"names\":[\"ptrace\"],\"action\":\"SCMP_ACT_TRAP\"},"
		"{\"names\":[\"mount\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":7}]}";
	pack_and_compare(odd, strlen(odd), false);
}

static void strange_programs_are_left_alone(void **state)
{
	static const struct sock_filter programs[][4] = {
		/* arithmetic on the number */
		{{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}, {BPF_ALU | BPF_AND | BPF_K, 0, 0, 1},
			{BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 1}, {BPF_RET | BPF_K, 0, 0, 0}},
		/* no end */
		{{BPF_LD | BPF_W | BPF_ABS, 0, 0, 4}, {BPF_JMP | BPF_JA, 0, 0, 9}},
		/* the number before the architecture */
		{{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0}, {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 5},
			{BPF_RET | BPF_K, 0, 0, 1}, {BPF_RET | BPF_K, 0, 0, 2}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct buf b cleanup_buf = BUF_INIT;
		buf_add(&b, programs[i], sizeof(programs[i]));
		assert_false(seccomp_pack(&b));
		assert_int_equal(b.len, sizeof(programs[i]));
		assert_memory_equal(b.data, programs[i], sizeof(programs[i]));
	}
}

/* ---- the cache ---- */

static char *make_dir(void)
{
	char *dir = mem_strdup("/tmp/kist-seccomp-XXXXXX");
	assert_non_null(mkdtemp(dir));
	return dir;
}

/* the path of the first entry, or NULL */
static char *entry_of(const char *dir)
{
	cleanup_dir DIR *d = opendir(dir);
	struct dirent *de;
	assert_non_null(d);
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			return mem_printf("%s/%s", dir, de->d_name);
	return NULL;
}

static void cache_is_used_and_checked(void **state)
{
	cleanup_free char *dir = make_dir();
	struct sock_fprog fresh, cached;
	compile(OCI_CAPS_DEFAULT, dir, &fresh);
	cleanup_free char *entry = entry_of(dir);
	assert_non_null(entry);
	compile(OCI_CAPS_DEFAULT, dir, &cached);
	assert_int_equal(fresh.len, cached.len);
	assert_memory_equal(fresh.filter, cached.filter, fresh.len * sizeof(*fresh.filter));
	free(cached.filter);

	/* what was changed on disk is found in the answer: the entry is really read */
	cleanup_fd int fd = open(entry, O_RDWR);
	struct sock_filter all = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct stat st;
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(pwrite(fd, &all, sizeof(all), st.st_size - (off_t)sizeof(all)),
		(ssize_t)sizeof(all));
	compile(OCI_CAPS_DEFAULT, dir, &cached);
	assert_memory_equal(&cached.filter[cached.len - 1], &all, sizeof(all));
	free(cached.filter);

	/* others could have written it: not believed */
	assert_int_equal(fchmod(fd, 0666), 0);
	compile(OCI_CAPS_DEFAULT, dir, &cached);
	assert_memory_equal(fresh.filter, cached.filter, fresh.len * sizeof(*fresh.filter));
	free(cached.filter);

	/* cut off, and a key that differs: compiled anew */
	cleanup_fd int again = open(entry, O_RDWR);
	assert_int_equal(ftruncate(again, 100), 0);
	compile(OCI_CAPS_DEFAULT, dir, &cached);
	assert_memory_equal(fresh.filter, cached.filter, fresh.len * sizeof(*fresh.filter));
	free(cached.filter);
	free(fresh.filter);
	file_remove_tree(AT_FDCWD, dir, NULL);
}

static void foreign_directory_is_not_believed(void **state)
{
	cleanup_free char *dir = make_dir();
	struct sock_fprog p;
	assert_int_equal(chmod(dir, 0777), 0);
	compile(OCI_CAPS_DEFAULT, dir, &p);
	free(p.filter);
	assert_null(entry_of(dir));
	file_remove_tree(AT_FDCWD, dir, NULL);
}

/* ---- Docker's format ---- */

static const char profile[] =
	"{\"defaultAction\":\"SCMP_ACT_ERRNO\",\"archMap\":[{\"architecture\":\"SCMP_ARCH_X86_64\","
	"\"subArchitectures\":[\"SCMP_ARCH_X86\"]}],\"syscalls\":["
	"{\"names\":[\"a\"],\"action\":\"SCMP_ACT_ALLOW\"},"
	"{\"names\":[\"b\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"caps\":[\"CAP_KILL\"]}},"
	"{\"names\":[\"c\"],\"action\":\"SCMP_ACT_ALLOW\",\"excludes\":{\"caps\":[\"CAP_KILL\"]}},"
	"{\"names\":[\"d\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"arches\":[\"arm\","
	"\"amd64\"]}},"
	"{\"names\":[\"e\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"6.2\"}},"
	"{\"names\":[\"f\"],\"action\":\"SCMP_ACT_ALLOW\",\"includes\":{\"minKernel\":\"5.9\"},"
	"\"excludes\":{\"arches\":[\"arm\"]}},"
	"{\"name\":\"g\",\"action\":\"SCMP_ACT_ALLOW\"}]}";

static void resolves_conditions(void **state)
{
	static const struct {
		uint64_t caps;
		const char *names;
	} cases[] = {{1 << 5, "abdfg"}, {0, "acdfg"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT;
		struct err e = ERR_INIT;
		assert_ok(runtime_seccomp_resolve(
				  profile, strlen(profile), cases[i].caps, &amd64, &out, &e),
			&e);
		struct parsed s = {ARENA_INIT};
		parse_section(out.data, out.len, &s);
		assert_int_equal(s.s->nrules, strlen(cases[i].names));
		for (size_t j = 0; j < s.s->nrules; j++)
			assert_int_equal(s.s->rules[j].names.v[0][0], cases[i].names[j]);
		assert_int_equal(s.s->archs.n, 2);
		parsed_release(&s);
	}
}

static void refuses_bad_profiles(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{", "JSON line"},
		{"[]", "not a JSON object"},
		{"{\"defaultAction\":\"SCMP_ACT_NOPE\"}", "defaultAction"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
		 "\"action\":"
		 "\"SCMP_ACT_ERRNO\",\"includes\":{\"caps\":\"x\"}}]}",
			"syscalls[0].includes.caps: expected an array"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf out cleanup_buf = BUF_INIT;
		struct err e = ERR_INIT;
		assert_true(runtime_seccomp_resolve(
				    cases[i].text, strlen(cases[i].text), 0, &amd64, &out, &e) < 0);
		assert_contains(e.msg, cases[i].error);
		assert_int_equal(out.len, 0);
	}
}

static void sections_name_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{"{", "linux.seccomp: JSON line 1"},
		{"[]", "linux.seccomp: expected an object"},
		{"{\"defaultAction\":\"X\"}", "linux.seccomp: defaultAction 'X'"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"a\"],"
		 "\"action\":"
		 "\"SCMP_ACT_ERRNO\",\"args\":[{\"index\":6,\"value\":1,\"op\":\"SCMP_CMP_EQ\"}]}]"
		 "}",
			"linux.seccomp.syscalls[0].args[0]: index 6"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"X\"]}", "flag 'X'"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"X\"]}",
			"architecture 'X'"},
		{"{\"defaultAction\":\"SCMP_ACT_NOTIFY\"}", "SCMP_ACT_NOTIFY needs listenerPath"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"}",
			"listenerMetadata without listenerPath"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":5}",
			"defaultErrnoRet: defaultAction 'SCMP_ACT_ALLOW' returns no errno"},
		{"{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],"
		 "\"action\":\"SCMP_ACT_LOG\"}]}",
			"names is missing or empty"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct sock_fprog p;
		struct err e = ERR_INIT;
		unsigned flags;
		assert_true(seccomp_program(cases[i].text, strlen(cases[i].text), NULL, &p, &flags,
				    &e) < 0);
		assert_contains(e.msg, cases[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(default_is_what_containers_expect),
		cmocka_unit_test(default_program_answers),
		cmocka_unit_test(default_program_gives_no_namespace),
		cmocka_unit_test(packed_programs_answer_the_same),
		cmocka_unit_test(strange_programs_are_left_alone),
		cmocka_unit_test(cache_is_used_and_checked),
		cmocka_unit_test(foreign_directory_is_not_believed),
		cmocka_unit_test(resolves_conditions),
		cmocka_unit_test(refuses_bad_profiles),
		cmocka_unit_test(sections_name_what_is_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
