/*
 * The monitor of one running container: its parent. Copies its output to the log
 * and to attached clients and their input to it, answers its DNS questions, runs its
 * health checks, reaps it, writes the exit record.
 *
 * The same loop runs in two places: in `kist-monitor`, small, for a detached
 * container; and in a child of `kist` for a foreground one, which saves two execs.
 * Needs libc only: monitor*.c, state.c, log_write.c, attach.c and network/dns.c are
 * all that kist-monitor links beside base.
 *
 * What follows a run (network, cgroup, removal, the next start) needs more than
 * libc: the caller execs `kist` for it, in the same process, which keeps the lock.
 */
#pragma once

#include "base/strv.h"
#include "engine/log.h"
#include "engine/state.h"

struct err;
struct network_dns;

enum { ENGINE_MONITOR_CLIENTS = 16 };

struct engine_client {
	int fd;
	bool late;     /* the current piece of output could not be sent yet */
	int64_t since; /* monotonic: since when */
};

struct engine_monitor {
	/* given; the descriptors belong to it, -1: none */
	char *id;
	int dir; /* ROOT/containers/ID, locked */
	int in;  /* writing end of the container's standard input */
	int out; /* reading ends of its output */
	int err;
	int master;             /* or its terminal */
	int listen;             /* the attach socket */
	int client;             /* the first client */
	int dns_udp, dns_tcp;   /* of network_dns_listen */
	bool leave_with_client; /* return ENGINE_MONITOR_ALONE when the first client goes */
	bool stdin_once;        /* its input ends with the client */
	int stop_signal;
	uint64_t log_max_size;
	unsigned log_max_files;
	char *cgroup;      /* below each hierarchy's mount: to learn of the OOM killer */
	char *network_dir; /* of network_dns_open; NULL: no resolver */
	struct strv upstreams;
	int restart; /* enum engine_restart */
	unsigned restart_max;
	/* health checks; interval 0: none. Nanoseconds. */
	int64_t health_interval, health_timeout, health_start_period;
	unsigned health_retries;
	/* how to run kist: program and global options */
	struct strv kist;

	/* its own */
	struct engine_state state;
	struct engine_log log;
	struct network_dns *dns;
	struct engine_client clients[ENGINE_MONITOR_CLIENTS];
	size_t nclients;
	bool ended, draining, input_end, stopping;
	char piece_type; /* output that some client is late with */
	size_t piece_len;
	size_t input_len, input_pos;
	pid_t probe; /* the health check that runs */
	int64_t next_probe, probe_deadline;
	char *buffers; /* one page-aligned block, touched as needed */
};

#define ENGINE_MONITOR_INIT                                                                 \
	{                                                                                   \
		.dir = -1, .in = -1, .out = -1, .err = -1, .master = -1, .listen = -1,      \
		.client = -1, .dns_udp = -1, .dns_tcp = -1, .log = {.dirfd = -1, .fd = -1}, \
	}

enum engine_monitor_result {
	ENGINE_MONITOR_ENDED,   /* the record is written; now clean up */
	ENGINE_MONITOR_RESTART, /* clean up and start again (the wait is over) */
	ENGINE_MONITOR_ALONE,   /* leave_with_client: nobody watches any more; hand over */
};

/* All signals but the fatal ones must be blocked already (engine_monitor_signals), so that no
 * child's end is missed. state: as saved by the launcher. Returns an enum, never fails. */
int engine_monitor_run(struct engine_monitor *m);
void engine_monitor_signals(void);
void engine_monitor_release(struct engine_monitor *m);

/* The command line of kist-monitor and back: "id=…", "dir=5", ... The descriptors in it lose
 * close-on-exec. */
void engine_monitor_format(struct engine_monitor *m, struct strv *argv);
int engine_monitor_parse(char *const *argv, struct engine_monitor *ret, struct err *e);
/* Execs kist with the given verb and our lock, for what follows; returns on failure only. */
void engine_monitor_exec(struct engine_monitor *m, const char *verb);
