/* Where our other executables are: found from the running one, so a build tree works as it is. */
#include "cli/cli.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char *cli_program_path(const char *name)
{
	static const char *const places[] = {"", "../libexec/kist/", "../lib/kist/", "../../bin/"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n <= 0)
		return mem_strdup(name);
	self[n] = 0;
	char *slash = strrchr(self, '/');
	if (slash)
		*slash = 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char *path = mem_printf("%s/%s%s", self, places[i], name);
		if (access(path, X_OK) == 0)
			return path;
		free(path);
	}
	return mem_printf("%s/%s", self, name);
}

int cli_program_exec(const char *name, char **argv, struct err *e)
{
	cleanup_free char *path = cli_program_path(name);
	execv(path, argv);
	int r = err_sys(e, "run '%s'", path);
	if (errno == ENOENT)
		err_hint(e, "this installation of kist is not complete");
	return r;
}
