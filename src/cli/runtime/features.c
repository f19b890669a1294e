/* features: the document about what this build can do on this kernel (runtime-spec, features.md). */
#include "base/err.h"
#include "cli/runtime/runtime.h"
#include "oci/caps.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static json_t *strings(const char *const *v)
{
	json_t *a = json_array();
	for (; *v; v++)
		json_array_append_new(a, json_string(*v));
	return a;
}
#define LIST(...) strings((const char *const[]){__VA_ARGS__, NULL})

static json_t *feature_linux(void)
{
	json_t *caps = json_array();
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		json_array_append_new(caps, json_string(oci_cap_name(i)));
	json_t *seccomp = json_pack("{s:b, s:o, s:o, s:o}", "enabled", 1, "actions",
		LIST("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
			"SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"),
		"operators",
		LIST("SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE",
			"SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"),
		"archs",
		LIST("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
			"SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32", "SCMP_ARCH_X86",
			"SCMP_ARCH_X86_64"));
	return json_pack("{s:o, s:o, s:{s:b, s:b, s:b, s:b}, s:o, s:{s:b}, s:{s:b}, s:{s:{s:b}}}",
		"namespaces",
		LIST("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"),
		"capabilities", caps, "cgroup", "v1", 1, "v2", 1, "systemd", 0, "rdma", 0,
		"seccomp", seccomp, "apparmor", "enabled", 1, "selinux", "enabled", 1,
		"mountExtensions", "idmap", "enabled", 0);
}

static int features(const struct call *c, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o}", "ociVersionMin", "1.0.0",
		"ociVersionMax", KIST_RUNTIME_SPEC, "hooks",
		LIST("prestart", "createRuntime", "createContainer", "startContainer", "poststart",
			"poststop"),
		"mountOptions",
		LIST("atime", "async", "bind", "dev", "diratime", "dirsync", "exec", "lazytime",
			"noatime", "nodev", "nodiratime", "noexec", "norelatime", "nostrictatime",
			"nosuid", "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime",
			"relatime", "rexec", "rnoatime", "rnodev", "rnodiratime", "rnoexec",
			"rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro",
			"rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave", "rstrictatime",
			"rsuid", "rsymfollow", "runbindable", "rw", "shared", "slave",
			"strictatime", "suid", "symfollow", "sync", "unbindable"),
		"linux", feature_linux());
	char *text = json_dumps(o, JSON_INDENT(2));
	puts(text);
	free(text);
	json_decref(o);
	return 0;
}

const struct command cmd_features = {
	.name = "features",
	.operands = "",
	.text = "print what this runtime can do",
	.run = features,
};
