/* Output files; see the header. */
#include "cli/transport/output.h"

#include "base/err.h"
#include "base/str.h"

#include <unistd.h>

int output_open(struct outfile *o, const char *path, struct err *e)
{
	if (path && !str_eq(path, "-"))
		return outfile_open(o, path, e);
	if (!isatty(STDOUT_FILENO))
		return outfile_open(o, "/dev/stdout", e);
	int r = err_set(e, ERR_USAGE, "an archive is not written to a terminal");
	err_hint(e, "use -o FILE, or redirect standard output");
	return r;
}

int output_close(struct outfile *o, int r, struct err *e)
{
	if (r >= 0)
		r = outfile_commit(o, e);
	outfile_release(o);
	return r;
}
