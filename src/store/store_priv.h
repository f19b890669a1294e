/*
 * Inside the store: the struct, and a thin layer over SQLite. A statement is named by its SQL (a
 * string literal: the address is the key), prepared once, and reset when it leaves its scope.
 */
#pragma once

#include "base/err.h"
#include "store/store.h"

#include <sqlite3.h>

#define STORE_DB_NAME    "kist.db"
#define STORE_DB_VERSION 3
#define STORE_STATEMENTS 96 /* a power of two is not needed; more than there are literals */

struct store_statement {
	const char *sql; /* the literal */
	sqlite3_stmt *st;
};

struct store {
	char *root, *runroot;
	bool readonly;
	int (*verify)(struct store *s, const char *diffid, struct err *e);
	int dirs[STORE_DIR_COUNT];
	char boot[40];
	sqlite3 *db;
	struct store_statement statements[STORE_STATEMENTS];
	size_t n_statements;
	int depth;       /* of nested transactions */
	bool doomed;     /* an inner transaction was rolled back: so will the outer one */
	bool want_sync;  /* the outermost commit is to reach the disk */
	bool dir_synced; /* the database's name is on disk */
	char **used;     /* cache keys to be marked as used */
	size_t n_used;
	int64_t lease; /* id of the lease that this process holds, or 0 */
};

/* db.c */
int store_db_open(struct store *s, struct err *e); /* 0; done already: 0 */
void store_db_close(struct store *s);
/* Sets e from the connection's last failure. Returns the negative code. */
int store_db_error(struct store *s, int rc, struct err *e, const char *what);

/* A statement in use. */
struct store_query {
	sqlite3_stmt *st;
	bool owned; /* not from the table: finalized instead of reset */
};
void store_query_end(struct store_query *q);
#define cleanup_query cleanup(store_query_end)
#define STORE_QUERY_INIT    \
	{                   \
		NULL, false \
	}

/* types: one letter a parameter: 's' const char * (NULL: null), 'i' int64_t. */
int store_query(struct store *s, struct store_query *q, struct err *e, const char *sql,
	const char *types, ...);
/* 1: a row; 0: no more; negative: error */
int store_query_next(struct store *s, struct store_query *q, struct err *e);
const char *store_query_text(const struct store_query *q, int column); /* never NULL; borrowed */
int64_t store_query_int(const struct store_query *q, int column);
void store_query_digest(const struct store_query *q, int column, char out[STORE_DIGEST_MAX]);
/* A statement without rows; the number of rows it changed. */
int store_exec(struct store *s, struct err *e, const char *sql, const char *types, ...);
/* The first column of the first row; 0 where there is no row. */
int store_query_number(
	struct store *s, int64_t *ret, struct err *e, const char *sql, const char *types, ...);

/* As store_begin, and the outermost commit reaches the disk before it returns. */
int store_begin_durable(struct store *s, struct err *e);
/* A read-only view of one moment; ended by store_commit. */
int store_begin_read(struct store *s, struct err *e);

/* Scope guard: rolls back unless store_commit has ended the transaction (s is NULL then). */
static inline void store_guard_end(struct store **s)
{
	if (*s)
		store_rollback(*s);
}
#define cleanup_transaction cleanup(store_guard_end)

/* layer.c: row and files go; files are renamed into trash (a tmp directory) to be removed later. */
int store_layer_discard(struct store *s, const char *diffid, int trash, struct err *e);
/* layer.c: makes the layers of an image durable that are not; those younger than `young` ns are left
 * alone. */
int store_image_sync(struct store *s, const char *image, int64_t young, struct err *e);
/* lease.c: forgets leases of dead processes */
int store_lease_sweep(struct store *s, struct err *e);
/* A digest that a caller gave, checked: 0 or -EINVAL with e set. */
int store_check_digest(const char *digest, struct err *e);
void store_copy_digest(char out[STORE_DIGEST_MAX], const char *digest);
/* fsync of a file, or with NULL of the directory itself */
int store_sync_at(int dirfd, const char *name, struct err *e);
/* unlink.c: as unlinkat(2), but while the disk has room to spare, large files are freed by the kernel
 * after it returns. -errno */
int store_unlink(int dirfd, const char *name);
/* tmp.c: removes a directory of discarded layers, see store_layer_discard */
int store_trash_remove(struct store *s, const char *name, int fd, struct err *e);
/* reserve.c: keeps a little room for the database, or with makes_room gives it up on a full disk */
void store_reserve(struct store *s, bool makes_room);
/* cache.c: writes the marks that store_cache_get collected */
int store_cache_flush(struct store *s, struct err *e);
