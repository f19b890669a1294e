/* One start in preparation: what the store knows is gathered before the fork, the rest happens in
 * the monitor's process. */
#pragma once

#include "engine/container.h"
#include "engine/monitor.h"
#include "engine/option.h"
#include "network/bridge.h"
#include "oci/passwd.h"
#include "snapshot/mount.h"

struct runtime_container;

struct engine_launch {
	struct engine *g;
	struct engine_container *c;
	int lock; /* ROOT/containers/ID */
	uint16_t rows, columns;
	char *dir, *run, *rootfs, *etc_dir, *network_dir;
	char *usermode_dir;  /* of the network without root */
	bool userns;         /* we are root of a user namespace, not of the host */
	char *cgroup_parent; /* NULL: no control group */
	struct snapshot_spec spec;
	struct network_ports ports;
	char *netns_path; /* network container:X */
	pid_t share_pid;  /* X's first process; 0: none */
	struct engine_security security;
	uint64_t host_caps;
	struct oci_convert_rlimit *rlimits;
	size_t nrlimits;
	char *init_path;

	/* in the monitor's process */
	bool listen; /* make the attach socket */
	int gate;    /* where ENGINE_ATTACH_GO must come from before the start; -1: no need */
	int root;    /* the mounted root file system, attached nowhere yet */
	int etc;     /* a tmpfs with hosts, hostname and resolv.conf, likewise */
	struct network_result net;
	bool has_net;
	int dns[2]; /* the resolver's sockets */
	struct strv upstreams;
	int stdio[3]; /* the container's ends */
};

bool launch_network_is(const struct engine_launch *l, const char *mode);
/* A network of its own that leads out. */
bool launch_is_connected(const struct engine_launch *l);
/* Connected, unless the container serves port 53 itself: two cannot have it. */
bool launch_has_resolver(const struct engine_launch *l);

/* launch_prepare.c: before the fork */
int launch_prepare(struct engine *g, struct engine_container *c, int lock,
	struct engine_launch *ret, struct err *e);
void launch_release(struct engine_launch *l);

/* launch_config.c: the OCI runtime config as JSON */
int launch_config(struct engine_launch *l, struct buf *out, struct err *e);

/* launch_files.c: /etc/hosts, /etc/hostname, /etc/resolv.conf */
int launch_files_make(struct engine_launch *l, struct err *e);  /* before the mounts: empty hosts */
int launch_files_hosts(struct engine_launch *l, struct err *e); /* with the address */

/* launch.c: creates and starts; fills m, which then owns the descriptors. On failure nothing is
 * left but the directories of the container. */
int launch_listen(struct engine_launch *l, struct engine_monitor *m, struct err *e);
int launch_wait(struct engine_launch *l, struct err *e); /* for the gate, if there is one */
int launch_run(struct engine_launch *l, struct engine_monitor *m, struct err *e);
