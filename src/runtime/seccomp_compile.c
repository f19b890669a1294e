/*
 * Turns a filter's data into a BPF program with libseccomp. This runs only when
 * the cache of compiled programs has no answer.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/seccomp_library_priv.h"
#include "runtime/seccomp_priv.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static enum scmp_compare compare_op(const char *word)
{
	static const struct {
		const char *word;
		enum scmp_compare op;
	} table[] = {
		{"SCMP_CMP_NE", SCMP_CMP_NE},
		{"SCMP_CMP_LT", SCMP_CMP_LT},
		{"SCMP_CMP_LE", SCMP_CMP_LE},
		{"SCMP_CMP_EQ", SCMP_CMP_EQ},
		{"SCMP_CMP_GE", SCMP_CMP_GE},
		{"SCMP_CMP_GT", SCMP_CMP_GT},
		{"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
	};
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (str_eq(word, table[i].word))
			return table[i].op;
	return SCMP_CMP_EQ; /* checked when it was read */
}

static int add_archs(const struct seccomp_library *l, scmp_filter_ctx ctx,
	const struct runtime_seccomp *s, struct err *e)
{
	for (size_t i = 0; i < s->archs.n; i++) {
		const char *word = s->archs.v[i];
		if (!str_starts(word, "SCMP_ARCH_"))
			return err_set(
				e, ERR_FORMAT, "seccomp: architecture '%s' is unknown", word);
		cleanup_free char *name = mem_strdup(word + strlen("SCMP_ARCH_"));
		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		uint32_t arch = str_eq(name, "native") ? l->arch_native() : l->arch_resolve(name);
		if (!arch)
			return err_set(
				e, ERR_FORMAT, "seccomp: architecture '%s' is unknown", word);
		if (l->arch_exist(ctx, arch) == 0)
			continue;
		int r = l->arch_add(ctx, arch);
		if (r < 0)
			return err_sysno(e, r, "seccomp: add architecture '%s'", word);
	}
	return 0;
}

/* Conditions on the same argument cannot stand in one libseccomp rule: as everywhere, each is
 * then a rule of its own. */
static bool index_repeats(const struct seccomp_rule *rule)
{
	unsigned seen = 0;
	for (size_t i = 0; i < rule->nargs; i++) {
		if (seen & (1U << rule->args[i].index))
			return true;
		seen |= 1U << rule->args[i].index;
	}
	return false;
}

static int add_call(const struct seccomp_library *l, scmp_filter_ctx ctx,
	const struct seccomp_rule *rule, const char *name, uint32_t action, struct err *e)
{
	int nr = l->syscall_resolve(name);
	if (nr == __NR_SCMP_ERROR)
		return 0; /* newer or older than the library: the default action holds */
	struct scmp_arg_cmp cmp[RUNTIME_SECCOMP_ARGS];
	for (size_t i = 0; i < rule->nargs; i++) {
		const struct seccomp_arg *a = &rule->args[i];
		cmp[i] = (struct scmp_arg_cmp){a->index, compare_op(a->op), a->value, a->value_two};
	}
	int r = 0;
	if (index_repeats(rule))
		for (size_t i = 0; i < rule->nargs && r == 0; i++)
			r = l->rule_add(ctx, action, nr, 1, &cmp[i]);
	else
		r = l->rule_add(ctx, action, nr, (unsigned)rule->nargs, cmp);
	return r < 0 && r != -EEXIST ? err_sysno(e, r, "seccomp: rule for '%s'", name) : 0;
}

static int add_rules(const struct seccomp_library *l, scmp_filter_ctx ctx,
	const struct runtime_seccomp *s, struct err *e)
{
	int64_t def = seccomp_action(s->default_action, s->default_errno);
	for (size_t i = 0; i < s->nrules; i++) {
		const struct seccomp_rule *rule = &s->rules[i];
		int64_t action = seccomp_action(rule->action, rule->errno_ret);
		if (action == def)
			continue; /* libseccomp refuses what changes nothing */
		for (size_t j = 0; j < rule->names.n; j++) {
			int r = add_call(l, ctx, rule, rule->names.v[j], (uint32_t)action, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int export(
	const struct seccomp_library *l, scmp_filter_ctx ctx, struct buf *out, struct err *e)
{
	cleanup_fd int fd = memfd_create("seccomp", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "memfd_create");
	int r = l->export_bpf(ctx, fd);
	if (r < 0)
		return err_sysno(e, r, "seccomp: export the program");
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_sys(e, "lseek");
	r = io_read_to_end(fd, out);
	return r < 0 ? err_sysno(e, r, "seccomp: read the program") : 0;
}

int seccomp_compile(const struct runtime_seccomp *s, struct buf *out, struct err *e)
{
	struct seccomp_library l;
	int r = seccomp_library_open(&l, e);
	if (r < 0)
		return r;
	int64_t def = seccomp_action(s->default_action, s->default_errno);
	scmp_filter_ctx ctx = l.init((uint32_t)def);
	if (!ctx) {
		r = err_set(e, ENOMEM, "seccomp: libseccomp refuses default action '%s'",
			s->default_action);
	} else {
		/* a binary tree: the kernel runs the program once per known call when it is
		 * loaded (its cache of constant answers), a list would cost 0.3 ms there */
		l.attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		r = add_archs(&l, ctx, s, e);
		if (r == 0)
			r = add_rules(&l, ctx, s, e);
		if (r == 0)
			r = export(&l, ctx, out, e);
		l.release(ctx);
	}
	seccomp_library_close(&l);
	return r;
}
