/*
 * The tables. A change of them is a new entry at the end of `migrations`: entry i
 * brings a database of version i to i + 1.
 */
#include "store/schema.h"

#include "base/defs.h"
#include "base/lock.h"
#include "store/store_priv.h"

#include <errno.h>
#include <stdio.h>

static const char *const migrations[] = {
	"CREATE TABLE fact(name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE layer(diffid TEXT PRIMARY KEY, tar INTEGER, content INTEGER,"
	" entries INTEGER, idx INTEGER, created INTEGER, durable INTEGER, boot TEXT) WITHOUT ROWID;"
	"CREATE TABLE layer_blob(diffid TEXT, digest TEXT, media_type TEXT, compressor TEXT,"
	" size INTEGER, created INTEGER, PRIMARY KEY(diffid, digest)) WITHOUT ROWID;"
	"CREATE INDEX layer_blob_digest ON layer_blob(digest);"
	"CREATE TABLE image(id TEXT PRIMARY KEY, created INTEGER, added INTEGER, os TEXT,"
	" arch TEXT, variant TEXT, size INTEGER) WITHOUT ROWID;"
	"CREATE TABLE image_layer(image TEXT, pos INTEGER, diffid TEXT,"
	" PRIMARY KEY(image, pos)) WITHOUT ROWID;"
	"CREATE INDEX image_layer_diffid ON image_layer(diffid);"
	"CREATE TABLE image_digest(image TEXT, repository TEXT, digest TEXT, added INTEGER,"
	" PRIMARY KEY(image, repository, digest)) WITHOUT ROWID;"
	"CREATE INDEX image_digest_digest ON image_digest(digest);"
	"CREATE TABLE tag(name TEXT PRIMARY KEY, image TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX tag_image ON tag(image);"
	"CREATE TABLE container(id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image TEXT NOT "
	"NULL,"
	" created INTEGER, data TEXT NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX container_image ON container(image);"
	"CREATE TABLE cache(key TEXT PRIMARY KEY, step TEXT, instruction TEXT, inputs TEXT,"
	" diffid TEXT, result TEXT, created INTEGER, last_used INTEGER, collected_by TEXT,"
	" collected INTEGER) WITHOUT ROWID;"
	"CREATE INDEX cache_step ON cache(step, created);"
	"CREATE INDEX cache_diffid ON cache(diffid);"
	"CREATE TABLE lease(id INTEGER PRIMARY KEY, what TEXT, pid INTEGER, start INTEGER,"
	" boot TEXT, created INTEGER);"
	"CREATE TABLE lease_ref(lease INTEGER, ref TEXT, PRIMARY KEY(lease, ref)) WITHOUT ROWID;"
	"CREATE INDEX lease_ref_ref ON lease_ref(ref);",
	/* 2: images travel */
	"CREATE TABLE blob_place(digest TEXT, repository TEXT, seen INTEGER,"
	" PRIMARY KEY(digest, repository)) WITHOUT ROWID;"
	"CREATE TABLE image_index(digest TEXT, image TEXT, added INTEGER,"
	" PRIMARY KEY(digest, image)) WITHOUT ROWID;"
	"CREATE INDEX image_index_image ON image_index(image);",
	/* 3: what belongs to an index and to none of its images */
	"CREATE TABLE index_blob(idx TEXT, blob TEXT, PRIMARY KEY(idx, blob)) WITHOUT ROWID;"
	"CREATE INDEX index_blob_blob ON index_blob(blob);",
};
_Static_assert(ARRAY_SIZE(migrations) == STORE_DB_VERSION, "a migration a version");

static int version_get(struct store *s, int *ret, struct err *e)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(s->db, "PRAGMA user_version", -1, &st, NULL);
	if (rc == SQLITE_OK) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW) {
			*ret = sqlite3_column_int(st, 0);
			rc = SQLITE_OK;
		}
	}
	int r = rc == SQLITE_OK ? 0 : store_db_error(s, rc, e, "read the version");
	sqlite3_finalize(st);
	return r;
}

static int run(struct store *s, const char *sql, struct err *e)
{
	int rc = sqlite3_exec(s->db, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : store_db_error(s, rc, e, "prepare the tables");
}

static int migrate(struct store *s, struct err *e)
{
	int version = 0;
	int r = version_get(s, &version, e);
	for (; r >= 0 && version < STORE_DB_VERSION; version++) {
		char mark[64];
		snprintf(mark, sizeof(mark), "PRAGMA user_version=%d", version + 1);
		r = run(s, migrations[version], e);
		if (r >= 0)
			r = run(s, mark, e);
	}
	return r;
}

int store_schema_check(struct store *s, struct err *e)
{
	int version = 0;
	int r = version_get(s, &version, e);
	if (r < 0 || version == STORE_DB_VERSION)
		return r;
	if (version > STORE_DB_VERSION)
		return err_set(e, ERR_UNSUPPORTED,
			"the store '%s' was written by a newer kist (version %d, this one knows "
			"%d)",
			s->root, version, STORE_DB_VERSION);
	if (s->readonly)
		return err_set(
			e, ERR_STATE, "the store '%s' needs a change of its tables", s->root);
	/* SQLite answers "busy" at once when two processes switch to WAL together. */
	int lock cleanup_fd =
		lock_take(s->dirs[STORE_DIR_ROOT], ".schema.lock", LOCK_EXCLUSIVE, true, e);
	if (lock < 0)
		return lock;
	r = run(s, "PRAGMA journal_mode=WAL; BEGIN IMMEDIATE", e);
	if (r < 0)
		return r;
	r = migrate(s, e);
	if (r >= 0)
		r = run(s, "COMMIT", e);
	if (r < 0)
		sqlite3_exec(s->db, "ROLLBACK", NULL, NULL, NULL);
	return r;
}
