/* The seccomp part of the features document: what the kernel and libseccomp know. */
#include "base/defs.h"
#include "base/mem.h"
#include "runtime/features_priv.h"
#include "runtime/seccomp_library_priv.h"
#include "runtime/seccomp_priv.h"

#include <ctype.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const char *const actions[] = {
	"SCMP_ACT_ALLOW",
	"SCMP_ACT_ERRNO",
	"SCMP_ACT_KILL",
	"SCMP_ACT_KILL_PROCESS",
	"SCMP_ACT_KILL_THREAD",
	"SCMP_ACT_LOG",
	"SCMP_ACT_NOTIFY",
	"SCMP_ACT_TRACE",
	"SCMP_ACT_TRAP",
};

static const char *const operators[] = {
	"SCMP_CMP_EQ",
	"SCMP_CMP_GE",
	"SCMP_CMP_GT",
	"SCMP_CMP_LE",
	"SCMP_CMP_LT",
	"SCMP_CMP_MASKED_EQ",
	"SCMP_CMP_NE",
	NULL,
};

/* Asked of libseccomp by the part behind SCMP_ARCH_, in small letters */
static const char *const archs[] = {
	"SCMP_ARCH_AARCH64",
	"SCMP_ARCH_ARM",
	"SCMP_ARCH_LOONGARCH64",
	"SCMP_ARCH_M68K",
	"SCMP_ARCH_MIPS",
	"SCMP_ARCH_MIPS64",
	"SCMP_ARCH_MIPS64N32",
	"SCMP_ARCH_MIPSEL",
	"SCMP_ARCH_MIPSEL64",
	"SCMP_ARCH_MIPSEL64N32",
	"SCMP_ARCH_PARISC",
	"SCMP_ARCH_PARISC64",
	"SCMP_ARCH_PPC",
	"SCMP_ARCH_PPC64",
	"SCMP_ARCH_PPC64LE",
	"SCMP_ARCH_RISCV64",
	"SCMP_ARCH_S390",
	"SCMP_ARCH_S390X",
	"SCMP_ARCH_SH",
	"SCMP_ARCH_SHEB",
	"SCMP_ARCH_X32",
	"SCMP_ARCH_X86",
	"SCMP_ARCH_X86_64",
};

static bool kernel_knows_action(const char *word)
{
	uint32_t action = (uint32_t)seccomp_action(word, 0) & SECCOMP_RET_ACTION_FULL;
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
}

/* A flag that is known is accepted before the missing program is missed. */
static bool kernel_knows_flag(unsigned flag)
{
	if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER; /* means something with it only */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

static json_t *list_flags(bool known_only)
{
	json_t *a = json_array();
	unsigned flag;
	const char *word;
	for (size_t i = 0; (word = seccomp_flag_word(i, &flag)); i++)
		if (known_only || kernel_knows_flag(flag))
			json_array_append_new(a, json_string(word));
	return a;
}

static json_t *list_actions(void)
{
	json_t *a = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (kernel_knows_action(actions[i]))
			json_array_append_new(a, json_string(actions[i]));
	return a;
}

static json_t *list_archs(const struct seccomp_library *lib)
{
	json_t *a = json_array();
	for (size_t i = 0; lib && i < ARRAY_SIZE(archs); i++) {
		cleanup_free char *name = mem_strdup(archs[i] + strlen("SCMP_ARCH_"));
		for (char *c = name; *c; c++)
			*c = (char)tolower((unsigned char)*c);
		if (lib->arch_resolve(name))
			json_array_append_new(a, json_string(archs[i]));
	}
	return a;
}

json_t *features_seccomp(char **ret_version)
{
	struct seccomp_library l, *lib = NULL;
	if (seccomp_library_open(&l, NULL) == 0)
		lib = &l;
	json_t *o = json_object();
	json_object_set_new(
		o, "enabled", json_boolean(lib && kernel_knows_action("SCMP_ACT_ERRNO")));
	json_object_set_new(o, "actions", list_actions());
	json_object_set_new(o, "operators", features_strings(operators));
	json_object_set_new(o, "archs", list_archs(lib));
	json_object_set_new(o, "knownFlags", list_flags(true));
	json_object_set_new(o, "supportedFlags", list_flags(false));
	const struct scmp_version *v = lib ? lib->version() : NULL;
	*ret_version = v ? mem_printf("%u.%u.%u", v->major, v->minor, v->micro) : NULL;
	if (lib)
		seccomp_library_close(lib);
	return o;
}
