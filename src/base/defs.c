/* The functions behind the cleanup attributes. Nothing else. */
#include "base/defs.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void defs_free_cleanup(void *p)
{
	free(*(void **)p);
}

void defs_close_cleanup(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

void defs_dir_cleanup(void *dirp)
{
	DIR *d = *(DIR **)dirp;
	if (d)
		closedir(d);
}

void defs_file_cleanup(void *fp)
{
	FILE *f = *(FILE **)fp;
	if (f)
		fclose(f);
}
