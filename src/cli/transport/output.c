/* Output files: a temporary name until they are complete. */
#include "cli/transport/output.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(struct output *o, const char *path, struct err *e)
{
	*o = (struct output){.fd = STDOUT_FILENO};
	if (!path || str_eq(path, "-")) {
		if (!isatty(STDOUT_FILENO))
			return 0;
		int r = err_set(e, ERR_USAGE, "an archive is not written to a terminal");
		err_hint(e, "use -o FILE, or redirect standard output");
		return r;
	}
	struct stat st;
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		o->fd = open(path, O_WRONLY | O_CLOEXEC);
		return o->fd < 0 ? err_sys(e, "open '%s'", path) : 0;
	}
	char id[17];
	random_hex(id, 8);
	o->path = mem_strdup(path);
	o->tmp = mem_printf("%s.tmp-%s", path, id);
	o->fd = open(o->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (o->fd >= 0)
		return 0;
	int r = err_sys(e, "create '%s'", path);
	free(STEAL(o->tmp));
	free(STEAL(o->path));
	return r;
}

int output_close(struct output *o, int r, struct err *e)
{
	if (o->fd >= 0 && o->fd != STDOUT_FILENO && close(o->fd) < 0 && r >= 0)
		r = err_sys(e, "write '%s'", o->path ?: "output");
	if (o->tmp && r >= 0 && rename(o->tmp, o->path) < 0)
		r = err_sys(e, "rename to '%s'", o->path);
	if (o->tmp && r < 0)
		unlink(o->tmp);
	free(STEAL(o->tmp));
	free(STEAL(o->path));
	return r;
}
