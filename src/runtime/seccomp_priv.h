/* The linux.seccomp section as data, and its compiled form. */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"
#include "runtime/json_priv.h"
#include "runtime/seccomp.h"

struct sock_fprog;

struct seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	const char *op;
};

struct seccomp_rule {
	struct runtime_strings names;
	const char *action;
	int64_t errno_ret; /* -1: not given */
	struct seccomp_arg *args;
	size_t nargs;
};

struct runtime_seccomp {
	const char *default_action;
	int64_t default_errno; /* -1: not given */
	struct runtime_strings archs, flags;
	const char *listener_path, *listener_metadata;
	struct seccomp_rule *rules;
	size_t nrules;
};

bool seccomp_notifies(const struct runtime_seccomp *s);
int seccomp_read(const struct jread *r, const struct jnode *n, struct runtime_seccomp **ret);

/* Beside the kernel's flags: the program asks an agent, so it needs a listener. */
#define SECCOMP_NOTIFIES 0x80000000U

/* The program for seccomp(2) that the text of a section means: loaded from cache_dir, or compiled
 * by libseccomp (and put there). prog->filter is malloc'd. flags: SECCOMP_FILTER_FLAG_x asked for
 * by the section, and SECCOMP_NOTIFIES. */
int seccomp_program(const char *section, size_t len, const char *cache_dir, struct sock_fprog *prog,
	unsigned *ret_flags, struct err *e);
/* A section's text as data, below the path linux.seccomp; lives in the arena. */
int seccomp_parse(const char *section, size_t len, struct arena *a, struct runtime_seccomp **ret,
	struct err *e);
/* seccomp_listener.c. In the container's process: loads prog with a listener and sends that as
 * WIRE_LISTENER to sock. In the runtime: sends it on to the agent that the container's config
 * names, for process pid; the descriptor stays the caller's. */
int seccomp_load_with_listener(
	int sock, const struct sock_fprog *prog, unsigned flags, struct err *e);
int seccomp_deliver_listener(const char *state_dir, pid_t pid, int fd, struct err *e);
/* seccomp_pack.c: a shorter program that gives the same answers; false: left as it is */
bool seccomp_pack(struct buf *bpf);
/* seccomp_compile.c: the slow part, with libseccomp */
int seccomp_compile(const struct runtime_seccomp *s, struct buf *out_bpf, struct err *e);
/* SECCOMP_RET_x with its data for an action word; -1: unknown */
int64_t seccomp_action(const char *word, int64_t errno_ret);
/* The words of linux.seccomp.flags, one after another; NULL behind the last */
const char *seccomp_flag_word(size_t i, unsigned *ret_flag);
int seccomp_flags(const struct runtime_seccomp *s, unsigned *ret, struct err *e);
/* The list of architectures that a filter covers, JSON; false: architecture unknown */
bool seccomp_archs_print(const char *docker_arch, struct buf *out);
