/*
 * Large files that are written once, from front to back, and synced at the end: past the page cache
 * (O_DIRECT, open(2)). The disk is at work from the first megabyte, nothing is copied, the pages that
 * other programs use stay where they are, and little is left for the fsync.
 *
 * The first DIRECT_FROM bytes go through the page cache, so that a small file is still there when it
 * is read. So do bytes that are not whole blocks, and all where the file system has no direct I/O.
 */
#pragma once

#include "base/defs.h"

enum {
	DIRECT_FROM = 8 << 20,
	DIRECT_BLOCK = 4096, /* of addresses in memory and in the file */
};

struct direct_file {
	int fd;         /* borrowed; O_DIRECT is set and cleared on it */
	bool on;        /* O_DIRECT is set */
	bool refused;   /* by the file system */
	uint64_t ahead; /* sync_file_range has been asked for up to here */
};

#define DIRECT_FILE_INIT(f) ((struct direct_file){.fd = (f)})

/* Writes all of it at this offset; 0 or -errno. p should have the offset's place in its block: what
 * has not is copied by the kernel. */
int direct_write(struct direct_file *d, const void *p, size_t len, uint64_t offset);
/* For whoever reads or writes the descriptor otherwise afterwards: O_DIRECT is cleared. */
void direct_end(struct direct_file *d);
