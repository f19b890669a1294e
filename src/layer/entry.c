/* Paths and modes of layer entries; see the header. Pure: no system calls. */
#include "layer/entry.h"
#include "base/err.h"
#include "base/limits.h"

#include <string.h>
#include <sys/stat.h>

uint32_t layer_entry_stat_mode(const struct layer_entry *entry)
{
	static const uint32_t bits[] = {
		[LAYER_FILE] = S_IFREG,
		[LAYER_DIR] = S_IFDIR,
		[LAYER_SYMLINK] = S_IFLNK,
		[LAYER_HARDLINK] = 0,
		[LAYER_CHAR] = S_IFCHR,
		[LAYER_BLOCK] = S_IFBLK,
		[LAYER_FIFO] = S_IFIFO,
	};
	return bits[entry->type] | (entry->mode & 07777);
}

int layer_path_clean(const char *path, char *out, struct err *e)
{
	size_t len = 0;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		if (n == 2 && p[0] == '.' && p[1] == '.') {
			if (len == 0)
				return err_set(
					e, ERR_FORMAT, "path '%.200s' leaves the root", path);
			while (len > 0 && out[--len] != '/')
				continue;
		} else if (n > 0 && !(n == 1 && p[0] == '.')) {
			if (n > LIMIT_TAR_COMPONENT)
				return err_set(e, ERR_LIMIT,
					"path '%.200s...' has a component longer than %d bytes",
					path, LIMIT_TAR_COMPONENT);
			if (len + n + 2 > LIMIT_TAR_PATH)
				return err_set(e, ERR_LIMIT,
					"path '%.200s...' is longer than %d bytes", path,
					LIMIT_TAR_PATH);
			if (len)
				out[len++] = '/';
			memcpy(out + len, p, n);
			len += n;
		}
		p += n;
		while (*p == '/')
			p++;
	}
	out[len] = 0;
	return (int)len;
}

bool layer_path_is_clean(const char *path)
{
	size_t total = strlen(path);
	if (total >= LIMIT_TAR_PATH || (total && path[total - 1] == '/'))
		return false;
	for (const char *p = path; *p;) {
		size_t n = strcspn(p, "/");
		if (n == 0 || n > LIMIT_TAR_COMPONENT)
			return false;
		if (p[0] == '.' && (n == 1 || (n == 2 && p[1] == '.')))
			return false;
		p += n;
		if (*p)
			p++;
	}
	return true;
}
