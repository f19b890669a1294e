/* Control groups inside this folder: making, joining, and the limits as file/value pairs. */
#pragma once

#include "runtime/cgroup.h"
#include "runtime/config.h"

enum { CGROUP_PATH_MAX = 4096 };

const char *cgroup_controller_name(unsigned controller); /* "memory"; "unified" */
/* The directory of a group in one hierarchy, absolute; out: CGROUP_PATH_MAX */
void cgroup_dir(bool v2, unsigned controller, const char *path, char *out);

unsigned cgroup_controller_of_file(const char *file); /* "memory.high": 0 for "cgroup.x" */
bool cgroup_exists(const struct runtime_cgroup *g);   /* v2 */
bool cgroup_host_root(void);                          /* root, and not that of a user namespace */

/* What limits are written for. */
struct cgroup_aim {
	struct runtime_cgroup_host host;
	bool lenient; /* what this host cannot do is warned about and left out; else an error */
	bool devices; /* device rules too: at create, never later */
};
/* -ERR_UNSUPPORTED with a message, or 0 after a warning; what: below linux.resources */
int cgroup_cannot(const struct cgroup_aim *aim, struct err *e, const char *what, const char *why);

enum cgroup_need {
	CGROUP_MUST,
	CGROUP_MAY,   /* a file that some kernels do not have */
	CGROUP_EXTRA, /* the same, and nobody misses it */
	CGROUP_ELSE, /* where it is not there, the next write takes its place; else that is left out */
};

/* One write into one file of a group. */
struct cgroup_write {
	unsigned controller; /* with RUNTIME_CG_UNIFIED: in the v2 tree of a hybrid */
	char file[64];
	char *value;
	enum cgroup_need need;
};
struct cgroup_writes {
	struct cgroup_write *v;
	size_t n;
};
void cgroup_writes_release(struct cgroup_writes *w);
#define cleanup_cgroup_writes cleanup(cgroup_writes_release)
void cgroup_writes_add(struct cgroup_writes *w, unsigned controller, enum cgroup_need need,
	const char *file, const char *fmt, ...) printf_like(5, 6);
void cgroup_writes_number(struct cgroup_writes *w, unsigned controller, enum cgroup_need need,
	const char *file, const struct runtime_i64 *v);
/* Pure: what a resources section means, in the order of writing. */
int cgroup_limits(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *ret, struct err *e);
int cgroup_limits_v2(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e);
void cgroup_limit_cpuset(const struct runtime_resources *r, struct cgroup_writes *w);
void cgroup_limit_pids(const struct runtime_resources *r, struct cgroup_writes *w);
void cgroup_limit_hugetlb(
	const struct cgroup_aim *aim, const struct runtime_resources *r, struct cgroup_writes *w);
void cgroup_limit_rdma(
	const struct cgroup_aim *aim, const struct runtime_resources *r, struct cgroup_writes *w);
int cgroup_limit_unified(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e);
uint64_t cgroup_weight_of_shares(uint64_t shares);
uint64_t cgroup_io_weight(uint64_t blkio);

/* Applies limits to a group that is there. all_or_nothing: when one fails, those that were written
 * before are put back. */
int cgroup_apply(const struct cgroup_aim *aim, const struct runtime_cgroup *g,
	const struct runtime_resources *r, bool all_or_nothing, struct err *e);
int cgroup_writes_apply(const struct cgroup_aim *aim, const struct runtime_cgroup *g,
	struct cgroup_writes *w, bool all_or_nothing, struct err *e);
/* Pure: what to write into `file` to have again what it held (`text`) before `value` was written;
 * malloc'd */
char *cgroup_previous_value(const char *file, const char *text, const char *value);

/* "/a/b" from a config's cgroupsPath (may be NULL), the default parent and the id; -EINVAL when
 * it leads outside. The caller frees. */
int cgroup_path_make(
	const char *config_path, const char *parent, const char *id, char **ret, struct err *e);

/* Chooses controllers (*ret is filled, nothing is made). accounting: those for usage and pause
 * too. What a limit asks for and the host lacks is an error, or a warning when aim is lenient. */
int cgroup_choose(const struct cgroup_aim *aim, const struct runtime_resources *r, bool accounting,
	struct runtime_cgroup *ret, struct err *e);
/* Without the host's root: takes the hierarchies out of g that are not ours to write; a limit that
 * would need one is an error, or a warning when aim is lenient. g may end as no group at all. */
int cgroup_reach(struct cgroup_aim *aim, const struct runtime_resources *r,
	struct runtime_cgroup *g, struct err *e);
/* *ret_there (may be NULL): one of its directories was there before */
int cgroup_make(const struct runtime_cgroup *g, bool *ret_there, struct err *e);
/* Takes away the directories that are empty, and kills nobody */
void cgroup_unmake(const struct runtime_cgroup *g);
/* Moves one process (v1: into every hierarchy of g) */
int cgroup_add_pid(const struct runtime_cgroup *g, pid_t pid, struct err *e);
/* v1: hierarchies that a group did not have until now; its processes move there */
int cgroup_extend(struct runtime_cgroup *g, unsigned controllers, struct err *e);
/* v2: gives the group to a user (config-linux.md, "Cgroup ownership") */
int cgroup_delegate(const struct runtime_cgroup *g, uid_t owner, struct err *e);
/* Descriptors of the "tasks" files (v2: cgroup.procs), to be written by the child; how many */
int cgroup_open_tasks(const struct runtime_cgroup *g, int *fds, size_t max, struct err *e);
/* v2: the directory for CLONE_INTO_CGROUP; -1 when there is none */
int cgroup_open_dir(const struct runtime_cgroup *g, struct err *e);

/* ---- device rules ---- */

bool cgroup_device_all(const struct runtime_device_rule *d); /* about everything */
/* The config's rules and those for the devices that every container has; malloc'd. Where no rule
 * says anything, all is denied. */
struct runtime_device_rule *cgroup_device_rules(const struct runtime_resources *r, size_t *ret_n);
/* cgroup v1 (and systemd): a default, and exceptions to it */
struct cgroup_device_set {
	bool allow;
	struct runtime_device_rule *v;
	size_t n;
};
void cgroup_device_set_release(struct cgroup_device_set *s);
#define cleanup_cgroup_device_set cleanup(cgroup_device_set_release)
/* *ret: zero before. -ERR_UNSUPPORTED for what exceptions cannot say */
int cgroup_devices_fold(const struct runtime_device_rule *rules, size_t n,
	struct cgroup_device_set *ret, struct err *e);
void cgroup_device_format(const struct runtime_device_rule *d, char *out, size_t size);
int cgroup_devices_v1(const struct runtime_resources *r, struct cgroup_writes *w, struct err *e);
/* cgroup_bpf.c: v2 */
int cgroup_bpf_devices(
	int dir_fd, const struct runtime_device_rule *rules, size_t n, struct err *e);
/* Pure: the program; insns malloc'd, *ret_n of them */
struct bpf_insn;
void cgroup_bpf_program(
	const struct runtime_device_rule *rules, size_t n, struct bpf_insn **ret, size_t *ret_n);

/* Reads a small file of a group into out; its length or -errno */
int cgroup_read(const struct runtime_cgroup *g, unsigned controller, const char *file, char *out,
	size_t size);
/* For writing */
int cgroup_open_file(const struct runtime_cgroup *g, unsigned controller, const char *file);
int cgroup_write(
	const struct runtime_cgroup *g, unsigned controller, const char *file, const char *value);
