/* Shared by copy.c (files and directories) and copy_archive.c (ADD of an archive). */
#pragma once

#include "build/copy.h"
#include "build/dest.h"
#include "build/graph.h"
#include "build/source.h"

struct copier {
	const struct build_copy_job *job;
	struct build_dest dest;
	bool own;          /* --chown was given: uid and gid are dest's */
	const char *chmod; /* or NULL */
	struct set links;  /* "dev:ino" of files with several names -> index in the tree */
	char **targets;    /* where the first name went; parallel to the values of links */
	size_t ntargets;
};

/* The time that an entry gets, in seconds. mtime: the source's. */
int64_t copier_time(const struct copier *c, int64_t mtime);
uint32_t copier_mode(const struct copier *c, uint32_t stat_mode);
/* Unpacks the archive open at fd below dest (a resolved path). */
int copier_unpack(struct copier *c, int fd, const char *dest, struct err *e);
