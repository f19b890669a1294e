/* The tables of the database and their versions (PRAGMA user_version). */
#pragma once

struct err;
struct store;

/* A database of this version is left alone (one read); an older or new one is brought up to date,
 * by one process at a time; one of a newer kist is refused. */
int store_schema_check(struct store *s, struct err *e);
