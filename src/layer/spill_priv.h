/*
 * Growing arrays for the index builder that do not move and do not stay in
 * memory when they get large: the first megabytes are anonymous memory, what
 * comes later is mapped from the upper part of the index file, from where it
 * can leave the resident set (spill_trim) and come back when it is touched.
 * Every page is reserved on disk before it is mapped: a full disk is an error
 * here, not a SIGBUS later.
 */
#pragma once

#include "base/defs.h"

struct err;

struct spill_pool {
	int fd;
	off_t next;       /* free offset in fd */
	size_t anonymous; /* bytes of it handed out */
	bool memory_only; /* fd cannot be used: all is anonymous */
};

struct spill {
	struct spill_pool *pool;
	uint8_t *base;
	size_t reserved;  /* addresses */
	size_t committed; /* usable bytes */
	size_t file_from; /* from here to file_to mapped from the file, never anonymous: */
	size_t file_to;   /* spill_trim would empty anonymous memory */
	size_t used;
};

void spill_pool_init(struct spill_pool *p, int fd);
int spill_init(struct spill *s, struct spill_pool *p, size_t most, struct err *e);
void spill_release(struct spill *s);
/* size more bytes at the end, contiguous, zero at first; *ret_offset: where. */
int spill_add(struct spill *s, size_t size, size_t *ret_offset, struct err *e);
/* Lets go of the memory of everything that is mapped from the file. */
void spill_trim(struct spill *s);
