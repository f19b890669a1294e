/* Where the store and the run directory are, as root and as an ordinary user; and how the latter
 * becomes root of a user namespace before a command begins. */
#include "cli/cli.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "base/userns.h"
#include "runtime/rootless.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The path without links below the current directory: children run with another one. */
static char *absolute(const char *path)
{
	if (path[0] == '/')
		return mem_strdup(path);
	char cwd[PATH_MAX];
	return mem_printf("%s/%s", getcwd(cwd, sizeof(cwd)) ? cwd : "", path);
}

static bool is_own_dir(const char *path)
{
	struct stat st;
	return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

/* XDG Base Directory Specification: without XDG_RUNTIME_DIR a replacement of like abilities. */
static char *user_runroot(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	if (!str_empty(run))
		return mem_printf("%s/kist", run);
	cleanup_free char *login = mem_printf("/run/user/%u", (unsigned)geteuid());
	return is_own_dir(login) ? mem_printf("%s/kist", login)
				 : mem_printf("/tmp/kist-%u", (unsigned)geteuid());
}

uint32_t cli_user(void)
{
	return geteuid() == 0 && userns_inside() ? userns_outer_root() : geteuid();
}

void cli_places_set(struct cli *c, const char *root, const char *runroot)
{
	const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	bool admin = geteuid() == 0;
	if (root)
		c->root = absolute(root);
	else if (admin)
		c->root = mem_strdup("/var/lib/kist");
	else if (!str_empty(data))
		c->root = mem_printf("%s/kist", data);
	else
		c->root =
			str_empty(home) ? mem_strdup("") : mem_printf("%s/.local/share/kist", home);
	if (runroot)
		c->runroot = absolute(runroot);
	else
		c->runroot = admin ? mem_strdup("/run/kist") : user_runroot();
}

/* /tmp is everybody's: nobody may have made the directory before us. */
static int check_runroot(const char *path, struct err *e)
{
	struct stat st;
	int r = file_mkdirs(AT_FDCWD, path, 0700, e);
	if (r < 0) {
		err_hint(e, "set XDG_RUNTIME_DIR to a directory of your own");
		return err_wrap(e, r, "the run directory");
	}
	if (lstat(path, &st) < 0)
		return err_sys(e, "the run directory '%s'", path);
	if (S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022))
		return 0;
	r = err_set(e, ERR_UNSUPPORTED,
		"the run directory '%s' is not a directory that you alone can write to", path);
	err_hint(e, "remove it, or set XDG_RUNTIME_DIR to a directory of your own");
	return r;
}

int cli_rootless_enter(struct cli *c, const char *program, char **argv, int first)
{
	struct strv again cleanup_strv = STRV_INIT;
	if (geteuid() == 0 || (c->spec->flags & CLI_NO_STORE))
		return 0;
	if (!*c->root) {
		err_set(&c->err, ERR_UNSUPPORTED,
			"no place for the store: neither HOME nor XDG_DATA_HOME is set");
		err_hint(&c->err, "set one of them, or use --root DIRECTORY");
		return -ERR_UNSUPPORTED;
	}
	int r = check_runroot(c->runroot, &c->err);
	if (r >= 0)
		r = runtime_rootless_enter(c->runroot, &c->err);
	if (r < 0)
		return r;
	/* root now: the places, which are those of the user, must be said */
	for (int i = 0; i < first; i++)
		strv_add(&again, argv[i]);
	strv_addf(&again, "--root=%s", c->root);
	strv_addf(&again, "--runroot=%s", c->runroot);
	for (char **p = argv + first; *p; p++)
		strv_add(&again, *p);
	return cli_program_exec(program, again.v, &c->err);
}
