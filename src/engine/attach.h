/*
 * What a foreground client and the monitor say to each other: messages of one type
 * byte and a payload over a SOCK_SEQPACKET unix socket, so that each send is one
 * message. The first client has one end of a socket pair from before the start;
 * later ones connect to RUNROOT/containers/ID/attach. Both sides are ours; sizes are
 * checked all the same.
 */
#pragma once

#include "base/defs.h"

enum { ENGINE_ATTACH_DATA = 16384, ENGINE_ATTACH_MAX = ENGINE_ATTACH_DATA + 1 };

enum engine_attach_type {
	/* from the client */
	ENGINE_ATTACH_INPUT = 'I',
	ENGINE_ATTACH_INPUT_END = 'E',
	ENGINE_ATTACH_RESIZE = 'W', /* struct engine_attach_size */
	ENGINE_ATTACH_DETACH = 'D',
	ENGINE_ATTACH_CLOSE =
		'C',            /* ENGINE_ATTACH_STDOUT or _STDERR: the client's reader has gone */
	ENGINE_ATTACH_GO = 'G', /* the container's row is written: let the program go */
	/* from the monitor */
	ENGINE_ATTACH_STARTED = 'S', /* with a pidfd of the first process */
	ENGINE_ATTACH_FAILED = 'F',  /* struct engine_attach_failure: it did not start */
	ENGINE_ATTACH_STDOUT = 'O',
	ENGINE_ATTACH_STDERR = 'R',
	/* struct engine_attach_exit; the end of file follows when all is put away */
	ENGINE_ATTACH_EXIT = 'X',
};

struct engine_attach_size {
	uint16_t rows, columns;
};

struct engine_attach_exit {
	int status;
	bool restarting; /* it will run again: do not leave */
};

struct engine_attach_failure {
	int code;
	char msg[2048];
	char hint[1024];
};

/* One message. 0, -EAGAIN (only when the socket does not block), or -errno. */
int engine_attach_send(int fd, enum engine_attach_type type, const void *p, size_t len);
/* The payload's length, 0 for none; *ret_type 0 at the end of the stream. buf: ENGINE_ATTACH_DATA
 * bytes. ret_fd (may be NULL) takes a descriptor that came with it, -1: none. */
ssize_t engine_attach_recv(int fd, int *ret_type, void *buf, int *ret_fd);
