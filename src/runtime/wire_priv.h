/*
 * What the caller's process and the new process say to each other over a
 * SOCK_SEQPACKET pair while a container is made. One message is one record.
 */
#pragma once

#include "base/defs.h"
#include "base/err.h"

enum wire_type {
	/* child to parent */
	WIRE_ERROR = 1, /* e is set; the child exits */
	WIRE_WARN,      /* e.msg is a warning */
	WIRE_HOOKS,     /* namespaces and mounts are there: run the runtime's hooks */
	WIRE_TERMINAL,  /* a descriptor comes along */
	WIRE_LISTENER,  /* a descriptor comes along: of the seccomp filter */
	WIRE_READY,     /* all but the exec is done */
	/* the last calls (child_final.c): e.code is the errno, e.msg says of what */
	WIRE_CALL_FAILED,
	WIRE_EXEC_FAILED,
	WIRE_WARN_CALL, /* it goes on */
	/* parent to child */
	WIRE_MAPPED,
	WIRE_CGROUP, /* made, with its limits: join */
	WIRE_HOOKS_DONE,
	WIRE_NETWORK,
	WIRE_START,
};

struct wire_msg {
	enum wire_type type;
	struct err e;
};

int wire_send(int sock, enum wire_type type, const struct err *e);
/* 1: a message, 0: the other side is gone, -errno. *ret_fd: a descriptor that came along, or -1
 * (may be NULL when none is expected). */
int wire_recv(int sock, struct wire_msg *m, int *ret_fd);
/* Waits for one message of this type; anything else is an error. For the child. */
int wire_expect(int sock, enum wire_type type, struct err *e);
