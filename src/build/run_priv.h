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
	unsigned count;
};

struct build_running {
	struct build_runner *runner;
	const struct build_step *step;
	char tmp_name[STORE_TMP_NAME];
	int tmp;        /* directory: upper, work, files that are bound, state */
	char *tmp_path; /* absolute */
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
/* Files that the container gets bound: hosts, resolv.conf, hostname, a script. */
int build_run_files(struct build_running *x, struct err *e);
/* hosts again, when the address is known */
int build_run_hosts(struct build_running *x, const char *ip, struct err *e);
