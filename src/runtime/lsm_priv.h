/* Security labels of a process: AppArmor profiles, SELinux contexts. */
#pragma once

#include "base/defs.h"

struct err;
struct runtime_process;

bool lsm_apparmor_enabled(void);
bool lsm_selinux_enabled(void);

/* Where the labels of the process's next exec go; empty: none was asked for. */
struct lsm {
	int fd[2]; /* files of procfs, -1 */
	char *label[2];
	size_t n;
};

/* Opens what the process needs while the host's /proc is still there: nothing of the container can
 * stand in its place (CVE-2019-19921, CVE-2025-52881). -ERR_UNSUPPORTED when the host cannot give
 * the label. Only for this process. */
int lsm_open(const struct runtime_process *p, struct lsm *l, struct err *e);
/* Writes them: the next exec of this process gets the labels. */
int lsm_apply(const struct lsm *l, struct err *e);
