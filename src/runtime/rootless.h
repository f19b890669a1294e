/*
 * Work without root: a process of an ordinary user becomes root of a user
 * namespace (user_namespaces(7)) with its own view of the mounts. Who is there
 * may mount overlays and tmpfs, make namespaces, and own files with the user's
 * subordinate ids (subuid(5)).
 *
 * All processes with the same run directory share one user namespace while any
 * of them lives, since only who is inside may signal or enter what runs there.
 * Nobody stays only to keep it: the file `namespace` in the run directory names
 * processes that are in it ("PID START-TIME", one a line), and the first command
 * after the last of them has ended makes a new one. The mapping is the same, and
 * so the files on disk belong to the same ids as before.
 */
#pragma once

#include "base/defs.h"

struct err;

/* Enters, or makes, the namespaces. The process must have one thread, is not root, and should exec
 * soon: until then the kernel counts its memory to the outer namespace. run_dir exists, is the
 * caller's and nobody else's to write. -ERR_UNSUPPORTED with what to set where the host forbids it.
 */
int runtime_rootless_enter(const char *run_dir, struct err *e) must_check;
/* What to set where the kernel refuses a user namespace, as a hint; false: no reason is found */
bool runtime_userns_hint(struct err *e);
/* A process that stays (a monitor, a container) keeps the namespace findable. In the initial user
 * namespace it does nothing. Failures are not worth a word: somebody else is named most likely. */
void runtime_rootless_note(const char *run_dir, pid_t pid);
