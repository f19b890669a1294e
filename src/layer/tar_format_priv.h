/*
 * The tar header block (POSIX.1-2017 pax, "ustar Interchange Format"; GNU tar
 * manual, "Basic Tar Format"): byte offsets shared by the reader and the writer.
 */
#pragma once

#include "base/defs.h"

struct tar_block {
	char name[100];
	char mode[8];
	char uid[8];
	char gid[8];
	char size[12];
	char mtime[12];
	char checksum[8];
	char type;
	char linkname[100];
	char magic[6]; /* "ustar\0", GNU: "ustar " */
	char version[2];
	char uname[32];
	char gname[32];
	char major[8];
	char minor[8];
	char prefix[155];
	char pad[12];
};

_Static_assert(sizeof(struct tar_block) == 512, "a tar header is one block");

/* The sum of all bytes with the checksum field taken as blanks */
static inline unsigned tar_block_sum(const struct tar_block *b)
{
	const unsigned char *p = (const unsigned char *)b;
	unsigned sum = 8 * ' ';
	for (size_t i = 0; i < sizeof(*b); i++)
		sum += p[i];
	for (size_t i = 0; i < sizeof(b->checksum); i++)
		sum -= (unsigned char)b->checksum[i];
	return sum;
}
