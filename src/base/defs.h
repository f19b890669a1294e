/*
 * The words that every file uses: ownership helpers, array sizes, attributes.
 * A variable marked cleanup_x releases what it owns when it leaves its scope;
 * STEAL hands the ownership over and leaves the empty value behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)     ((a) < (b) ? (a) : (b))
#define MAX(a, b)     ((a) > (b) ? (a) : (b))

#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))
#define must_check             __attribute__((warn_unused_result))
#define no_return              __attribute__((noreturn))

#define STEAL(p)                             \
	({                                   \
		__typeof__(p) stolen_ = (p); \
		(p) = NULL;                  \
		stolen_;                     \
	})
#define STEAL_FD(fd)                \
	({                          \
		int stolen_ = (fd); \
		(fd) = -1;          \
		stolen_;            \
	})

/* Defines `name_cleanup`, for use as __attribute__((cleanup(name_cleanup))), from a free function. */
#define DEFINE_CLEANUP(type, free_fn)                 \
	static inline void free_fn##_cleanup(type *p) \
	{                                             \
		if (*p)                               \
			free_fn(*p);                  \
	}

void defs_free_cleanup(void *p);   /* p: address of a malloc'd pointer */
void defs_close_cleanup(int *fd);  /* closes if >= 0, keeps errno */
void defs_dir_cleanup(void *dirp); /* p: address of a DIR pointer */
void defs_file_cleanup(void *fp);  /* p: address of a FILE pointer */

#define cleanup(fn)  __attribute__((cleanup(fn)))
#define cleanup_free cleanup(defs_free_cleanup)
#define cleanup_fd   cleanup(defs_close_cleanup)
#define cleanup_dir  cleanup(defs_dir_cleanup)
#define cleanup_file cleanup(defs_file_cleanup)
