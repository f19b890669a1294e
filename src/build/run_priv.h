/* Shared by run.c (life of a RUN) and run_config.c (what the container is made of). */
#pragma once

#include "base/buf.h"
#include "build/graph.h"
#include "build/net.h"
#include "build/run.h"
#include "oci/passwd.h"
#include "snapshot/mount.h"

struct build_runner {
	const struct build_runner_options *o;
	struct build_nets nets;
	struct buf seccomp; /* linux.seccomp, made once */
	uint64_t host_caps;
	char *seccomp_cache; /* directory of compiled filters */
	/* Small files of containers, below the runroot, which is memory on most hosts: RUNROOT/build/
	 * PID-RANDOM/ with root/ (where every container mounts its own), hostname, resolv.conf, and a
	 * directory a step. */
	char *dir;
	int dirfd;      /* -1: not made yet */
	bool resolv[2]; /* resolv.conf-0 and -1 are there: own network, host's */
	unsigned count;
};

struct build_running {
	struct build_runner *runner;
	const struct build_step *step;
	char tmp_name[STORE_TMP_NAME];
	int tmp;        /* directory in the store: upper and work */
	char *tmp_path; /* absolute */
	char *run_path; /* directory below the runner's: hosts, script, state */
	int run;
	int upper;
	struct snapshot_spec spec;
	struct oci_user user;
	struct build_net *net;
	bool own_namespace; /* the network namespace is new: the bridge comes in set_up_network */
	struct runtime_container *container;
	int output;
	int log;
	char *log_path;
	const struct build_below *image;
};

/* What of it differs between the step itself and a person's shell in it. */
struct run_terminal {
	const struct strv *argv;
	uint16_t rows, columns;
};

/* The runtime config of a step as JSON. terminal NULL: the step itself. */
int build_run_config(struct build_running *x, const struct run_terminal *terminal, struct buf *out,
	struct err *e);
/* Files that the container gets bound: hosts, resolv.conf, hostname, a script; and their places. */
int build_run_files(struct build_running *x, struct err *e);
/* What killed builds have left of such places; and the end of our own. */
void build_run_sweep(const char *run_path, bool (*is_alive)(const char *name, void *arg));
void build_run_remove(struct build_runner *r);
/* hosts again, when the address is known */
int build_run_hosts(struct build_running *x, const char *ip, struct err *e);
