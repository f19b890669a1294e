/*
 * The database: opening, statements, transactions, errors. The tables are in
 * schema.c; what is in them belongs to the file of each type.
 *
 * WAL with synchronous=NORMAL: a commit costs no fsync, and a crash of the machine
 * loses the last commits but never the order. What must be durable is synced by the
 * outermost commit (store_begin_durable). Closing does not checkpoint: that is done
 * when the log has grown, so that short commands do not pay two fsyncs each.
 */
#include "base/mem.h"
#include "store/schema.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BUSY_MS          20000 /* longer than any transaction of ours */
#define CHECKPOINT_PAGES 64    /* 256 KiB: the next process recovers it in 0.2 ms */

int store_db_error(struct store *s, int rc, struct err *e, const char *what)
{
	int code;
	const char *text = s->db ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc);
	int sys = s->db ? sqlite3_system_errno(s->db) : 0;
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		code = err_set(e, ERR_FORMAT, "the database '%s/%s' is damaged: %s", s->root,
			STORE_DB_NAME, text);
		err_hint(e,
			"put back a copy of it, or move '%s' away: kist then begins with an "
			"empty store",
			s->root);
		return code;
	case SQLITE_FULL:
		return err_set(
			e, ENOSPC, "%s: no space left for the database in '%s'", what, s->root);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(
			e, EBUSY, "%s: another process holds the database of '%s'", what, s->root);
	case SQLITE_READONLY:
		return err_set(
			e, EROFS, "%s: the database of '%s' cannot be written", what, s->root);
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		return err_set(e, sys ? sys : EIO, "%s: the database of '%s': %s%s%s", what,
			s->root, text, sys ? ": " : "", sys ? strerror(sys) : "");
	default:
		return err_set(e, EIO, "%s: the database of '%s': %s", what, s->root, text);
	}
}

static int pragma(struct store *s, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : store_db_error(s, rc, e, "open");
}

static int open_connection(struct store *s, struct err *e)
{
	char *path cleanup_free = mem_printf("%s/%s", s->root, STORE_DB_NAME);
	int flags =
		SQLITE_OPEN_NOMUTEX |
		(s->readonly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	int rc = sqlite3_open_v2(path, &s->db, flags, NULL);
	if (rc != SQLITE_OK)
		return store_db_error(s, rc, e, "open");
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_wal_autocheckpoint(s->db, CHECKPOINT_PAGES);
	return pragma(s, "PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=OFF", e);
}

int store_db_open(struct store *s, struct err *e)
{
	if (s->db)
		return 0;
	int r = open_connection(s, e);
	if (r >= 0)
		r = store_schema_check(s, e);
	if (r < 0)
		store_db_close(s);
	return r;
}

void store_db_close(struct store *s)
{
	for (size_t i = 0; i < s->n_statements; i++)
		sqlite3_finalize(s->statements[i].st);
	s->n_statements = 0;
	if (s->db)
		sqlite3_close(s->db);
	s->db = NULL;
}

/* --- statements --- */

void store_query_end(struct store_query *q)
{
	if (!q->st)
		return;
	if (q->owned)
		sqlite3_finalize(q->st);
	else {
		sqlite3_reset(q->st);
		sqlite3_clear_bindings(q->st);
	}
	q->st = NULL;
}

static int prepare(struct store *s, struct store_query *q, const char *sql, struct err *e)
{
	store_query_end(q);
	for (size_t i = 0; i < s->n_statements; i++)
		if (s->statements[i].sql == sql && !sqlite3_stmt_busy(s->statements[i].st)) {
			q->st = s->statements[i].st;
			q->owned = false;
			return 0;
		}
	int rc = sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q->st, NULL);
	if (rc != SQLITE_OK)
		return store_db_error(s, rc, e, "prepare");
	q->owned = s->n_statements == STORE_STATEMENTS;
	if (!q->owned)
		s->statements[s->n_statements++] = (struct store_statement){sql, q->st};
	return 0;
}

static int bind_all(
	struct store *s, struct store_query *q, const char *types, va_list ap, struct err *e)
{
	int rc = SQLITE_OK;
	for (int i = 1; rc == SQLITE_OK && types[i - 1]; i++)
		if (types[i - 1] == 's')
			rc = sqlite3_bind_text(
				q->st, i, va_arg(ap, const char *), -1, SQLITE_TRANSIENT);
		else
			rc = sqlite3_bind_int64(q->st, i, va_arg(ap, int64_t));
	return rc == SQLITE_OK ? 0 : store_db_error(s, rc, e, "bind");
}

static int query_va(struct store *s, struct store_query *q, struct err *e, const char *sql,
	const char *types, va_list ap)
{
	int r = store_db_open(s, e);
	if (r >= 0)
		r = prepare(s, q, sql, e);
	return r < 0 ? r : bind_all(s, q, types, ap, e);
}

int store_query(struct store *s, struct store_query *q, struct err *e, const char *sql,
	const char *types, ...)
{
	va_list ap;
	va_start(ap, types);
	int r = query_va(s, q, e, sql, types, ap);
	va_end(ap);
	return r;
}

int store_query_next(struct store *s, struct store_query *q, struct err *e)
{
	int rc = sqlite3_step(q->st);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE)
		return 0;
	return store_db_error(s, sqlite3_extended_errcode(s->db), e, "query");
}

const char *store_query_text(const struct store_query *q, int column)
{
	const char *t = (const char *)sqlite3_column_text(q->st, column);
	return t ? t : "";
}

int64_t store_query_int(const struct store_query *q, int column)
{
	return sqlite3_column_int64(q->st, column);
}

void store_query_digest(const struct store_query *q, int column, char out[STORE_DIGEST_MAX])
{
	store_copy_digest(out, store_query_text(q, column));
}

int store_exec(struct store *s, struct err *e, const char *sql, const char *types, ...)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	va_list ap;
	va_start(ap, types);
	int r = query_va(s, &q, e, sql, types, ap);
	va_end(ap);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		;
	return r < 0 ? r : sqlite3_changes(s->db);
}

int store_query_number(
	struct store *s, int64_t *ret, struct err *e, const char *sql, const char *types, ...)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	va_list ap;
	va_start(ap, types);
	int r = query_va(s, &q, e, sql, types, ap);
	va_end(ap);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r >= 0)
		*ret = r > 0 ? store_query_int(&q, 0) : 0;
	return r < 0 ? r : 0;
}

/* --- transactions --- */

static int begin(struct store *s, const char *sql, struct err *e)
{
	int r = store_db_open(s, e);
	if (r < 0)
		return r;
	if (s->depth == 0) {
		r = store_exec(s, e, sql, "");
		if (r < 0)
			return r;
		s->doomed = s->want_sync = false;
	}
	s->depth++;
	return 0;
}

int store_begin(struct store *s, struct err *e)
{
	return begin(s, "BEGIN IMMEDIATE", e);
}

int store_begin_read(struct store *s, struct err *e)
{
	return begin(s, "BEGIN", e);
}

int store_begin_durable(struct store *s, struct err *e)
{
	int r = store_begin(s, e);
	if (r >= 0)
		s->want_sync = true;
	return r;
}

/* The commit is in the log; now the log is to be on disk. A missing log was checkpointed. */
static int sync_log(struct store *s, struct err *e)
{
	int root = s->dirs[STORE_DIR_ROOT];
	int fd cleanup_fd = openat(root, STORE_DB_NAME "-wal", O_RDWR | O_CLOEXEC);
	if (fd < 0 ? errno != ENOENT : fdatasync(fd) < 0)
		return err_sys(e, "sync the database of '%s'", s->root);
	if (!s->dir_synced && fsync(root) < 0)
		return err_sys(e, "sync '%s'", s->root);
	s->dir_synced = true;
	return 0;
}

int store_commit(struct store *s, struct err *e)
{
	if (s->depth > 1) {
		s->depth--;
		return 0;
	}
	s->depth = 0;
	if (s->doomed) {
		store_exec(s, NULL, "ROLLBACK", "");
		return err_set(e, ERR_STATE, "a part of the change was rolled back");
	}
	int r = store_exec(s, e, "COMMIT", "");
	if (r < 0) {
		store_exec(s, NULL, "ROLLBACK", "");
		return r;
	}
	return s->want_sync ? sync_log(s, e) : 0;
}

void store_rollback(struct store *s)
{
	if (s->depth > 1) {
		s->depth--;
		s->doomed = true;
	} else if (s->depth == 1) {
		s->depth = 0;
		store_exec(s, NULL, "ROLLBACK", "");
	}
}
