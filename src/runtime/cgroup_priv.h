/* Control groups inside this folder: making, joining, and the limits as file/value pairs. */
#pragma once

#include "runtime/cgroup.h"
#include "runtime/config.h"

enum { CGROUP_PATH_MAX = 4096 };

const char *cgroup_controller_name(unsigned controller); /* "memory"; "unified" */
/* The directory of a group in one hierarchy, absolute; out: CGROUP_PATH_MAX */
void cgroup_dir(bool v2, unsigned controller, const char *path, char *out);

/* One write into one file of a group. */
struct cgroup_write {
	unsigned controller;
	char file[64];
	char *value;
	bool may_lack; /* a file that some kernels do not have: a warning, not an error */
};
struct cgroup_writes {
	struct cgroup_write *v;
	size_t n;
};
void cgroup_writes_release(struct cgroup_writes *w);
#define cleanup_cgroup_writes cleanup(cgroup_writes_release)
/* Pure: what a resources section means for this mode, in the order of writing. */
void cgroup_limits(enum runtime_cgroup_mode mode, const struct runtime_resources *r,
	struct cgroup_writes *ret);
void cgroup_limits_v1(const struct runtime_resources *r, struct cgroup_writes *w);
void cgroup_limits_v2(const struct runtime_resources *r, struct cgroup_writes *w);
void cgroup_writes_add(struct cgroup_writes *w, unsigned controller, bool may_lack,
	const char *file, const char *fmt, ...) printf_like(5, 6);

/* "/a/b" from a config's cgroupsPath (may be NULL), the default parent and the id; -EINVAL when
 * it leads outside. The caller frees. */
int cgroup_path_make(
	const char *config_path, const char *parent, const char *id, char **ret, struct err *e);

/* Chooses controllers (*ret is filled, nothing is made). accounting: those for usage and pause
 * too. What a limit asks for and the host lacks is warned about. */
void cgroup_choose(const struct runtime_cgroup_host *h, const struct runtime_resources *r,
	bool accounting, struct runtime_cgroup *ret);
int cgroup_make(const struct runtime_cgroup *g, struct err *e);
/* v1: descriptors of the "tasks" files, to be written by the child; how many */
int cgroup_open_tasks(const struct runtime_cgroup *g, int *fds, size_t max, struct err *e);
/* v2: the directory for CLONE_INTO_CGROUP; -1 when there is none */
int cgroup_open_dir(const struct runtime_cgroup *g, struct err *e);

/* cgroup_bpf.c: device rules on v2 */
int cgroup_bpf_devices(
	int dir_fd, const struct runtime_device_rule *rules, size_t n, struct err *e);
/* Pure: the program; insns malloc'd, *ret_n of them */
struct bpf_insn;
void cgroup_bpf_program(
	const struct runtime_device_rule *rules, size_t n, struct bpf_insn **ret, size_t *ret_n);
/* The config's rules and those for the devices that every container has; malloc'd */
struct runtime_device_rule *cgroup_device_rules(const struct runtime_resources *r, size_t *ret_n);

/* Reads a small file of a group into out; its length or -errno */
int cgroup_read(const struct runtime_cgroup *g, unsigned controller, const char *file, char *out,
	size_t size);
int cgroup_write(
	const struct runtime_cgroup *g, unsigned controller, const char *file, const char *value);
