/*
 * Whole reads and writes on file descriptors: no short counts, EINTR handled.
 * All return 0 (or a count) and -errno.
 */
#pragma once

#include "base/defs.h"

struct buf;

int io_write_all(int fd, const void *p, size_t len);
int io_pwrite_all(int fd, const void *p, size_t len, off_t offset);
ssize_t io_read_full(int fd, void *p, size_t len); /* fewer than len only at the end of file */
ssize_t io_pread_full(int fd, void *p, size_t len, off_t offset);
int io_read_to_end(int fd, struct buf *b); /* -ERR_LIMIT beyond b->max */
/*
 * As io_write_all, for a large file that will be synced at its end: the disk is set to work every
 * IO_AHEAD bytes (sync_file_range), so that little is left for the fsync. *ahead counts the bytes
 * written to this file, 0 at its beginning.
 */
#define IO_AHEAD (8 << 20)
int io_write_ahead(int fd, const void *p, size_t len, uint64_t *ahead);
/* Copies len bytes (or to the end with UINT64_MAX) in the kernel where it can; count copied. */
int64_t io_copy(int from, int to, uint64_t len);
/* Opens /dev/null on those of 0, 1, 2 that are closed: the next file that is opened would take the
 * place, and whoever writes a message would write into it. For the begin of main. */
void io_fill_stdio(void);
int io_set_nonblock(int fd, bool on);
int io_set_cloexec(int fd, bool on);
/* Sends/receives file descriptors beside one message over a unix socket (SCM_RIGHTS). */
int io_send_fds(int sock, const void *msg, size_t len, const int *fds, size_t nfds);
ssize_t io_recv_fds(int sock, void *msg, size_t len, int *fds, size_t max_fds, size_t *ret_nfds);
