/* Parts of the features document. */
#pragma once

#include <jansson.h>

/* NULL-terminated words as an array */
json_t *features_strings(const char *const *words);
/* The object linux.seccomp; *ret_version: of libseccomp, "2.5.4", malloc'd, or NULL when it is not
 * there */
json_t *features_seccomp(char **ret_version);
