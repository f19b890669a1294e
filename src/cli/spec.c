/* The linker set of command specifications, sorted. */
#include "cli/cli.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

extern const struct cli_spec *const __start_cli_specs[], *const __stop_cli_specs[];

static int compare(const void *a, const void *b)
{
	return strcmp((*(const struct cli_spec *const *)a)->name,
		(*(const struct cli_spec *const *)b)->name);
}

size_t cli_specs(const struct cli_spec *const **ret_specs)
{
	static const struct cli_spec **sorted; /* made once, read only from then on */
	size_t n = (size_t)(__stop_cli_specs - __start_cli_specs);
	if (!sorted) {
		sorted = mem_dup(__start_cli_specs, n * sizeof(*sorted));
		qsort(sorted, n, sizeof(*sorted), compare);
	}
	*ret_specs = sorted;
	return n;
}

/* one of the words of an alias */
static bool is_alias(const char *words, const char *name)
{
	size_t len = strlen(name);
	for (const char *p = words; p && *p; p += strcspn(p, " "), p += *p == ' ')
		if (strcspn(p, " ") == len && len && strncmp(p, name, len) == 0)
			return true;
	return false;
}

const struct cli_spec *cli_spec_find(const char *name)
{
	for (const struct cli_spec *const *s = __start_cli_specs; s < __stop_cli_specs; s++)
		if (str_eq((*s)->name, name) || (name && is_alias((*s)->alias, name)))
			return *s;
	return NULL;
}
