/*
 * .dockerignore: a zero byte ends the patterns, a path follows. The ways to ask
 * agree, and no included path lies below a directory that may be skipped.
 */
#include "base/err.h"
#include "base/mem.h"
#include "dockerfile/glob.h"
#include "dockerfile/ignore.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_clean(const char *path)
{
	size_t len = strlen(path);
	return len && len < 4096 && path[0] != '/' && path[len - 1] != '/' && !strstr(path, "//") &&
	       strncmp(path, "./", 2) != 0 && strcmp(path, ".") != 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *zero = memchr(data, 0, size);
	size_t n = zero ? (size_t)(zero - data) : size;
	struct dockerfile_ignore *ig cleanup_dockerfile_ignore = NULL;
	struct err e = ERR_INIT;
	int r = dockerfile_ignore_parse("x", (const char *)data, n, &ig, &e);
	if ((r < 0) != (e.msg[0] != 0))
		abort();
	if (r < 0 || !zero)
		return 0;
	char *path cleanup_free = mem_strndup((const char *)zero + 1, size - n - 1);
	char *pattern cleanup_free = mem_strndup((const char *)data, n);
	dockerfile_glob_match(pattern, path);
	if (!is_clean(path))
		return 0;
	bool excluded = dockerfile_ignore_match(ig, path).excluded;
	size_t state = 0;
	for (char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		state = dockerfile_ignore_enter(ig, state, path);
		bool may = dockerfile_ignore_may_include_in(ig, state, path);
		if (may != dockerfile_ignore_may_include_below(ig, path) || (!may && !excluded))
			abort();
		*slash = '/';
	}
	if (dockerfile_ignore_match_in(ig, state, path).excluded != excluded)
		abort();
	return 0;
}
