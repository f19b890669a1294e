/*
 * libseccomp's functions as a table. They are needed only where no compiled program is at hand:
 * the library is loaded then, as its relocations would cost every start. A static program
 * (KIST_STATIC) holds it.
 */
#pragma once

#include "base/defs.h"

#include <seccomp.h>

struct err;

struct seccomp_library {
	void *handle; /* NULL: part of the program */
	__typeof__(&seccomp_init) init;
	__typeof__(&seccomp_release) release;
	__typeof__(&seccomp_arch_resolve_name) arch_resolve;
	__typeof__(&seccomp_arch_native) arch_native;
	__typeof__(&seccomp_arch_exist) arch_exist;
	__typeof__(&seccomp_arch_add) arch_add;
	__typeof__(&seccomp_attr_set) attr_set;
	__typeof__(&seccomp_syscall_resolve_name) syscall_resolve;
	__typeof__(&seccomp_rule_add_array) rule_add;
	__typeof__(&seccomp_export_bpf) export_bpf;
	__typeof__(&seccomp_version) version;
};

/* ERR_UNSUPPORTED where the library is missing or too old; nothing is left open then. */
int seccomp_library_open(struct seccomp_library *ret, struct err *e);
void seccomp_library_close(struct seccomp_library *l);
