/* The instructions' names: from a word, to a word, and the one that was probably meant. */
#include "base/str.h"
#include "dockerfile/parse.h"

#include <string.h>
#include <strings.h>

static const char *const names[DOCKERFILE_KINDS] = {
	[DOCKERFILE_UNKNOWN] = "",
	[DOCKERFILE_ADD] = "ADD",
	[DOCKERFILE_ARG] = "ARG",
	[DOCKERFILE_CMD] = "CMD",
	[DOCKERFILE_COPY] = "COPY",
	[DOCKERFILE_ENTRYPOINT] = "ENTRYPOINT",
	[DOCKERFILE_ENV] = "ENV",
	[DOCKERFILE_EXPOSE] = "EXPOSE",
	[DOCKERFILE_FROM] = "FROM",
	[DOCKERFILE_HEALTHCHECK] = "HEALTHCHECK",
	[DOCKERFILE_LABEL] = "LABEL",
	[DOCKERFILE_MAINTAINER] = "MAINTAINER",
	[DOCKERFILE_ONBUILD] = "ONBUILD",
	[DOCKERFILE_RUN] = "RUN",
	[DOCKERFILE_SHELL] = "SHELL",
	[DOCKERFILE_STOPSIGNAL] = "STOPSIGNAL",
	[DOCKERFILE_USER] = "USER",
	[DOCKERFILE_VOLUME] = "VOLUME",
	[DOCKERFILE_WORKDIR] = "WORKDIR",
};

const char *dockerfile_kind_name(enum dockerfile_kind kind)
{
	return names[kind];
}

enum dockerfile_kind dockerfile_kind_parse(const char *word, size_t len)
{
	for (size_t k = DOCKERFILE_UNKNOWN + 1; k < DOCKERFILE_KINDS; k++)
		if (strlen(names[k]) == len && strncasecmp(names[k], word, len) == 0)
			return k;
	return DOCKERFILE_UNKNOWN;
}

/* The same letters in another order: FORM, RNU */
static bool is_shuffled(const char *a, const char *b)
{
	int counts[256] = {0};
	for (; *a && *b; a++, b++) {
		counts[(unsigned char)*a]++;
		counts[(unsigned char)*b]--;
	}
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++)
		if (counts[i])
			return false;
	return !*a && !*b;
}

const char *dockerfile_kind_suggest(const char *word)
{
	char upper[16];
	size_t len = strlen(word), best = 3;
	const char *found = NULL;
	if (len < 2 || len >= sizeof(upper))
		return NULL;
	for (size_t i = 0; i <= len; i++)
		upper[i] = word[i] >= 'a' && word[i] <= 'z' ? word[i] - 'a' + 'A' : word[i];
	if (len < 5)
		best = 2; /* half of a short word may not differ */
	for (size_t k = DOCKERFILE_UNKNOWN + 1; k < DOCKERFILE_KINDS; k++) {
		size_t d = is_shuffled(upper, names[k]) ? 1 : str_distance(upper, names[k], best);
		if (d < best) {
			best = d;
			found = names[k];
		}
	}
	return found;
}
