/* Questions about our own user namespace; see the header. */
#include "base/userns.h"
#include "base/defs.h"
#include "base/err.h"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* The initial namespace's inode on nsfs: PROC_USER_INIT_INO, part of the kernel's ABI. */
#define INITIAL 0xEFFFFFFDU

bool userns_inside(void)
{
	static int answer = -1; /* it never changes but by an exec of ours */
	struct stat st;
	if (answer < 0)
		answer = stat("/proc/self/ns/user", &st) == 0 && st.st_ino != INITIAL;
	return answer;
}

/* The last id and the sum, over the lines "inside outside count" of a map */
static void read_map(bool uid, uint32_t *ret_last, uint64_t *ret_count)
{
	cleanup_file FILE *f = fopen(uid ? "/proc/self/uid_map" : "/proc/self/gid_map", "re");
	unsigned inside, outside, count;
	*ret_last = 0;
	*ret_count = 0;
	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3 && count) {
		*ret_last = MAX(*ret_last, inside + count - 1);
		*ret_count += count;
	}
	if (!f) {
		*ret_last = UINT32_MAX - 1;
		*ret_count = UINT32_MAX;
	}
}

uint32_t userns_outer_root(void)
{
	cleanup_file FILE *f = fopen("/proc/self/uid_map", "re");
	unsigned inside, outside, count;
	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		if (inside == 0)
			return outside;
	return 0;
}

uint32_t userns_last_id(bool uid)
{
	uint32_t last;
	uint64_t count;
	read_map(uid, &last, &count);
	return last;
}

uint64_t userns_count(bool uid)
{
	uint32_t last;
	uint64_t count;
	read_map(uid, &last, &count);
	return count;
}

bool userns_owns_network(void)
{
	struct stat own, owner;
	if (!userns_inside())
		return true;
	cleanup_fd int net = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	/* EPERM for an owner that is above us (ioctl_ns(2)) */
	cleanup_fd int user = net < 0 ? -1 : ioctl(net, NS_GET_USERNS);
	return user >= 0 && fstat(user, &owner) == 0 && stat("/proc/self/ns/user", &own) == 0 &&
	       own.st_ino == owner.st_ino;
}

static bool is_mapped(bool uid, uint32_t id)
{
	cleanup_file FILE *f = fopen(uid ? "/proc/self/uid_map" : "/proc/self/gid_map", "re");
	unsigned inside, outside, count;
	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		if (id >= inside && id - inside < count)
			return true;
	return !f;
}

int userns_check_user(uint32_t uid, uint32_t gid, struct err *e)
{
	if (!userns_inside())
		return 0;
	bool user = !is_mapped(true, uid);
	if (!user && is_mapped(false, gid))
		return 0;
	int r = err_set(e, ERR_UNSUPPORTED,
		"nothing can run as %s %u here: %llu %s are mapped without root",
		user ? "user" : "group", user ? uid : gid, (unsigned long long)userns_count(user),
		user ? "users" : "groups");
	err_hint(e, "as root: usermod %s 100000-165535 USER, then stop all containers",
		user ? "--add-subuids" : "--add-subgids");
	return r;
}
