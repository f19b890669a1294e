/*
 * Room for removing things on a full disk: even a removal writes to the database
 * first. A small file holds the room; a command that removes gives it up when
 * nothing else is left, and the next command with room to spare makes it anew.
 * Failures are silent: the store works without it.
 */
#include "store/store_priv.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define RESERVE_NAME  "reserve"
#define RESERVE_SIZE  (2 << 20)
#define ROOM_TO_SPARE (16 * RESERVE_SIZE)

void store_reserve(struct store *s, bool makes_room)
{
	int root = s->dirs[STORE_DIR_ROOT];
	bool there = faccessat(root, RESERVE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	if (there && !makes_room)
		return;
	struct statvfs v;
	if (fstatvfs(root, &v) < 0)
		return;
	uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
	if (there && room < RESERVE_SIZE)
		(void)unlinkat(root, RESERVE_NAME, 0);
	if (there || room < ROOM_TO_SPARE)
		return;
	int fd cleanup_fd = openat(
		root, RESERVE_NAME, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && fallocate(fd, 0, 0, RESERVE_SIZE) < 0)
		(void)unlinkat(root, RESERVE_NAME, 0);
}
