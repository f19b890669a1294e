/* Where libseccomp's functions come from; see the header. */
#include "runtime/seccomp_library_priv.h"
#include "base/err.h"

#include <dlfcn.h>
#include <string.h>

#ifdef KIST_STATIC

int seccomp_library_open(struct seccomp_library *ret, struct err *e)
{
	*ret = (struct seccomp_library){
		.init = seccomp_init,
		.release = seccomp_release,
		.arch_resolve = seccomp_arch_resolve_name,
		.arch_native = seccomp_arch_native,
		.arch_exist = seccomp_arch_exist,
		.arch_add = seccomp_arch_add,
		.attr_set = seccomp_attr_set,
		.syscall_resolve = seccomp_syscall_resolve_name,
		.rule_add = seccomp_rule_add_array,
		.export_bpf = seccomp_export_bpf,
		.version = seccomp_version,
	};
	return 0;
}

void seccomp_library_close(struct seccomp_library *l)
{
}

#else

static int find_functions(struct seccomp_library *l, struct err *e)
{
	const struct {
		const char *name;
		void *where;
	} want[] = {
		{"seccomp_init", &l->init},
		{"seccomp_release", &l->release},
		{"seccomp_arch_resolve_name", &l->arch_resolve},
		{"seccomp_arch_native", &l->arch_native},
		{"seccomp_arch_exist", &l->arch_exist},
		{"seccomp_arch_add", &l->arch_add},
		{"seccomp_attr_set", &l->attr_set},
		{"seccomp_syscall_resolve_name", &l->syscall_resolve},
		{"seccomp_rule_add_array", &l->rule_add},
		{"seccomp_export_bpf", &l->export_bpf},
		{"seccomp_version", &l->version},
	};
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		void *p = dlsym(l->handle, want[i].name);
		if (!p)
			return err_set(e, ERR_UNSUPPORTED, "seccomp: libseccomp has no '%s'",
				want[i].name);
		memcpy(want[i].where, &p, sizeof(p));
	}
	return 0;
}

int seccomp_library_open(struct seccomp_library *ret, struct err *e)
{
	struct seccomp_library l = {.handle = dlopen("libseccomp.so.2", RTLD_NOW | RTLD_LOCAL)};
	if (!l.handle)
		return err_set(
			e, ERR_UNSUPPORTED, "seccomp: cannot load libseccomp: %s", dlerror());
	int r = find_functions(&l, e);
	if (r < 0) {
		dlclose(l.handle);
		return r;
	}
	*ret = l;
	return 0;
}

void seccomp_library_close(struct seccomp_library *l)
{
	dlclose(l->handle);
}

#endif
