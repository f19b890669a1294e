/*
 * Which driver a store uses. Probing makes a tiny layer, mounts it (detached: no
 * namespace is needed) and reads a byte pattern through it, so a kernel that knows
 * EROFS but not this use of it is found out.
 */
#include "snapshot/driver.h"

#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "layer/index.h"
#include "snapshot/mount_priv.h"
#include "store/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FACT        "driver"
#define PROBE_BYTES 600 /* more than a block */

static const char *const names[] = {
	[SNAPSHOT_EROFS] = "erofs",
	[SNAPSHOT_EROFS_LOOP] = "erofs-loop",
	[SNAPSHOT_DIR] = "dir",
};

const char *snapshot_driver_name(enum snapshot_driver d)
{
	return names[d];
}

int snapshot_driver_parse(const char *name, enum snapshot_driver *ret, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name)) {
			*ret = (enum snapshot_driver)i;
			return 0;
		}
	return err_set(e, EINVAL,
		"unknown storage driver '%s'; there are erofs, erofs-loop and dir", name);
}

/* One file "probe" whose bytes stand at offset 512 of the tar. */
static int make_layer(int dir, const char *bytes, struct err *e)
{
	char tar[2560] = "";
	memcpy(tar + 512, bytes, PROBE_BYTES);
	int r = file_write(dir, "tar", tar, sizeof(tar), 0600, 0, e);
	if (r < 0)
		return r;
	int fd cleanup_fd = openat(dir, "index.erofs", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "create an index to try the kernel with");
	struct layer_index *x = layer_index_new(fd);
	struct layer_entry entry = {.path = "probe",
		.type = LAYER_FILE,
		.mode = 0644,
		.size = PROBE_BYTES,
		.offset = 512};
	uint64_t size;
	r = layer_index_add(x, &entry, e);
	if (r >= 0)
		r = layer_index_finish(x, sizeof(tar), &size, e);
	layer_index_free(x);
	return r;
}

static int try_driver(enum snapshot_driver d, const char *path, const char *bytes, struct err *e)
{
	int root cleanup_fd = mount_layer_open(d, path, 0, e);
	if (root < 0)
		return root;
	int fd cleanup_fd = openat(root, "probe", O_RDONLY | O_CLOEXEC);
	char got[PROBE_BYTES + 1];
	if (fd < 0)
		return err_sys(e, "open a file of a mounted layer");
	ssize_t n = io_read_full(fd, got, sizeof(got));
	if (n != PROBE_BYTES || memcmp(got, bytes, PROBE_BYTES) != 0)
		return err_set(e, EIO, "a mounted layer does not show its data");
	return 0;
}

int snapshot_driver_probe(const char *dir, enum snapshot_driver *ret, struct err *e)
{
	char bytes[PROBE_BYTES];
	random_bytes(bytes, sizeof(bytes));
	int fd cleanup_fd = file_open_dir(AT_FDCWD, dir, e);
	if (fd < 0)
		return fd;
	int r = make_layer(fd, bytes, e);
	if (r < 0)
		return err_wrap(e, r, "try the storage drivers in '%s'", dir);
	*ret = SNAPSHOT_DIR;
	static const enum snapshot_driver order[] = {SNAPSHOT_EROFS, SNAPSHOT_EROFS_LOOP};
	for (size_t i = 0; i < ARRAY_SIZE(order); i++) {
		struct err why = ERR_INIT;
		if (try_driver(order[i], dir, bytes, &why) >= 0) {
			*ret = order[i];
			break;
		}
		log_debug("storage driver %s: %s", names[order[i]], why.msg);
	}
	return 0;
}

static int probe_in_store(struct store *s, enum snapshot_driver *ret, struct err *e)
{
	char name[STORE_TMP_NAME];
	int fd = store_tmp_dir(s, name, e);
	if (fd < 0)
		return fd;
	char *path cleanup_free = mem_printf("%s/tmp/%s", store_path(s), name);
	int r = snapshot_driver_probe(path, ret, e);
	int gone = store_tmp_remove(s, name, fd, e);
	return r < 0 ? r : gone;
}

static bool same_layers(enum snapshot_driver a, enum snapshot_driver b)
{
	return (a == SNAPSHOT_DIR) == (b == SNAPSHOT_DIR);
}

/* The store has layers already: they decide what is possible. */
static int check_change(
	struct store *s, enum snapshot_driver was, enum snapshot_driver want, struct err *e)
{
	if (same_layers(was, want))
		return 0;
	struct store_layers l cleanup_store_layers = {NULL, 0};
	int r = store_layer_list(s, &l, e);
	if (r < 0 || l.n == 0)
		return r;
	return err_set(e, ERR_STATE,
		"the %zu layers of the store '%s' are in the form of the driver %s, not %s", l.n,
		store_path(s), names[was], names[want]);
}

int snapshot_driver_get(struct store *s, const char *want, enum snapshot_driver *ret, struct err *e)
{
	char *known cleanup_free = NULL;
	enum snapshot_driver was = SNAPSHOT_EROFS, d = SNAPSHOT_EROFS;
	int r = store_fact_get(s, FACT, &known, e);
	if (r < 0 && r != -ENOENT)
		return r;
	if (known && (r = snapshot_driver_parse(known, &was, e)) < 0)
		return err_wrap(e, r, "the store '%s'", store_path(s));
	if (known && (!want || str_eq(want, known))) {
		*ret = was;
		return 0;
	}
	r = want ? snapshot_driver_parse(want, &d, e) : probe_in_store(s, &d, e);
	if (r >= 0 && known)
		r = check_change(s, was, d, e);
	if (r >= 0)
		r = store_fact_set(s, FACT, names[d], e);
	if (r >= 0)
		*ret = d;
	return r;
}
