/*
 * Opening and closing a store, and its directories. The database is opened by db.c
 * when something asks for it; temporary directories are in tmp.c.
 */
#include "store/store.h"

#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Below the root; made when they are first asked for. */
static const char *const dir_names[STORE_DIR_COUNT] = {
	[STORE_DIR_BLOBS] = "blobs/sha256",
	[STORE_DIR_PARTIAL] = "blobs/partial",
	[STORE_DIR_LAYERS] = "layers",
	[STORE_DIR_CONTAINERS] = "containers",
	[STORE_DIR_VOLUMES] = "volumes",
	[STORE_DIR_CACHE] = "cache",
	[STORE_DIR_TMP] = "tmp",
};

static int open_top(const char *path, bool readonly, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno != ENOENT || readonly)
		return err_sys(e, "open the store '%s'", path);
	int r = file_mkdirs(AT_FDCWD, path, 0700, e);
	if (r < 0)
		return r;
	return file_open_dir(AT_FDCWD, path, e);
}

static int check_paths(const struct store_options *o, struct err *e)
{
	if (str_empty(o->root) || o->root[0] != '/')
		return err_set(e, EINVAL, "the store's directory '%s' is not an absolute path",
			o->root ? o->root : "");
	if (str_empty(o->runroot) || o->runroot[0] != '/')
		return err_set(e, EINVAL, "the run directory '%s' is not an absolute path",
			o->runroot ? o->runroot : "");
	return 0;
}

int store_open(const struct store_options *o, struct store **ret, struct err *e)
{
	int r = check_paths(o, e);
	if (r < 0)
		return r;
	struct store *s cleanup_store = mem_alloc(sizeof(*s));
	s->root = mem_strdup(o->root);
	s->runroot = mem_strdup(o->runroot);
	s->readonly = o->readonly;
	s->verify = o->verify;
	for (size_t i = 0; i < STORE_DIR_COUNT; i++)
		s->dirs[i] = -1;
	s->dirs[STORE_DIR_ROOT] = open_top(s->root, s->readonly, e);
	if (s->dirs[STORE_DIR_ROOT] < 0)
		return s->dirs[STORE_DIR_ROOT];
	if (!s->readonly) {
		r = store_tmp_sweep(s, e);
		if (r < 0)
			return err_wrap(e, r, "sweep the store '%s'", s->root);
		store_reserve(s, o->makes_room);
	}
	*ret = STEAL(s);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	(void)store_cache_flush(s, NULL);
	for (size_t i = 0; i < s->n_used; i++)
		free(s->used[i]);
	free(s->used);
	store_db_close(s);
	for (size_t i = 0; i < STORE_DIR_COUNT; i++)
		if (s->dirs[i] >= 0)
			close(s->dirs[i]);
	free(s->root);
	free(s->runroot);
	free(s);
}

const char *store_path(const struct store *s)
{
	return s->root;
}

const char *store_run_path(const struct store *s)
{
	return s->runroot;
}

int store_dir(struct store *s, enum store_dir d, struct err *e)
{
	if (s->dirs[d] >= 0)
		return s->dirs[d];
	if (d == STORE_DIR_RUN)
		return s->dirs[d] = open_top(s->runroot, s->readonly, e);
	int root = s->dirs[STORE_DIR_ROOT];
	int fd = openat(root, dir_names[d], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && !s->readonly) {
		int r = file_mkdirs(root, dir_names[d], 0700, e);
		if (r < 0)
			return r;
		fd = openat(root, dir_names[d], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return err_sys(e, "open '%s/%s'", s->root, dir_names[d]);
	return s->dirs[d] = fd;
}

const char *store_boot(struct store *s)
{
	if (s->boot[0])
		return s->boot;
	int fd cleanup_fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : io_read_full(fd, s->boot, sizeof(s->boot) - 1);
	/* Without /proc no boot can be told from another: nothing is suspect then, as in one boot. */
	if (n <= 0)
		snprintf(s->boot, sizeof(s->boot), "unknown");
	else
		s->boot[strcspn(s->boot, "\n")] = 0;
	return s->boot;
}

bool store_digest_valid(const char *digest)
{
	if (!digest || !str_starts(digest, "sha256:"))
		return false;
	const char *hex = digest + strlen("sha256:");
	return strlen(hex) == 64 && strspn(hex, "0123456789abcdef") == 64;
}

const char *store_digest_hex(const char *digest)
{
	return store_digest_valid(digest) ? digest + strlen("sha256:") : NULL;
}

int store_check_digest(const char *digest, struct err *e)
{
	if (store_digest_valid(digest))
		return 0;
	return err_set(e, EINVAL, "'%.100s' is not a sha256 digest", digest ? digest : "");
}

void store_copy_digest(char out[STORE_DIGEST_MAX], const char *digest)
{
	snprintf(out, STORE_DIGEST_MAX, "%s", digest);
}

int store_sync_at(int dirfd, const char *name, struct err *e)
{
	if (!name)
		return fsync(dirfd) < 0 ? err_sys(e, "sync a directory of the store") : 0;
	int fd cleanup_fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return err_sys(e, "open '%s' of the store", name);
	return fsync(fd) < 0 ? err_sys(e, "sync '%s' of the store", name) : 0;
}
