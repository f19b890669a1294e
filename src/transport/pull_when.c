/* The words of --pull and --policy; pulls are pull.c's. */
#include "transport/pull.h"

#include "base/str.h"

#include <errno.h>

int transport_pull_when_parse(const char *text, enum transport_pull_when *ret)
{
	static const struct {
		const char *word;
		enum transport_pull_when when;
	} words[] = {
		{"always", TRANSPORT_PULL_ALWAYS},
		{"missing", TRANSPORT_PULL_MISSING},
		{"ifnotpresent", TRANSPORT_PULL_MISSING},
		{"newer", TRANSPORT_PULL_NEWER},
		{"never", TRANSPORT_PULL_NEVER},
	};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (str_eq(text, words[i].word)) {
			*ret = words[i].when;
			return 0;
		}
	return -EINVAL;
}
