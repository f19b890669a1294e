/* The directory below all layers of a container: places for its mounts. Made once for a store. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "snapshot/mount.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define BASE_NAME "base-1" /* another content is another name */

static int fill(int dir, struct err *e)
{
	static const char *const dirs[] = {"dev", "proc", "sys", "etc"};
	static const char *const files[] = {"etc/hosts", "etc/hostname", "etc/resolv.conf"};
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		if (mkdirat(dir, dirs[i], 0755) < 0)
			return err_sys(e, "make '%s'", dirs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_fd int fd =
			openat(dir, files[i], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0)
			return err_sys(e, "make '%s'", files[i]);
	}
	return 0;
}

static int make(struct store *s, int cache, struct err *e)
{
	char name[STORE_TMP_NAME];
	int tmp = store_tmp_dir(s, name, e);
	if (tmp < 0)
		return tmp;
	/* whatever umask we were given: programs of the container look at these */
	int r = mkdirat(tmp, BASE_NAME, 0755) < 0 ? err_sys(e, "make '" BASE_NAME "'") : 0;
	cleanup_fd int dir =
		r < 0 ? -1 : openat(tmp, BASE_NAME, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && dir < 0)
		r = err_sys(e, "open '" BASE_NAME "'");
	mode_t old = umask(0);
	if (r == 0)
		r = fill(dir, e);
	umask(old);
	if (r == 0 && fchmod(dir, 0755) < 0)
		r = err_sys(e, "set the mode of '" BASE_NAME "'");
	if (r == 0 && renameat(tmp, BASE_NAME, cache, BASE_NAME) < 0 && errno != EEXIST &&
		errno != ENOTEMPTY)
		r = err_sys(e, "name '" BASE_NAME "'");
	store_tmp_remove(s, name, tmp, NULL);
	return r;
}

int snapshot_base(struct store *s, char **ret, struct err *e)
{
	int cache = store_dir(s, STORE_DIR_CACHE, e);
	if (cache < 0)
		return cache;
	int r = file_exists(cache, BASE_NAME) ? 0 : make(s, cache, e);
	if (r < 0)
		return err_wrap(e, r, "prepare the base of containers");
	*ret = mem_printf("%s/cache/" BASE_NAME, store_path(s));
	return 0;
}
