/* The grammar that header values share: RFC 9110, 5.6. */
#pragma once

#include "base/defs.h"

const char *http_skip_blanks(const char *s);
size_t http_token_len(const char *s); /* of the token at s; 0: none */
/* A token or a quoted string at *pp (after blanks), unquoted; *pp goes behind it. -EINVAL: a quote
 * without end, or neither. A bare value may have more characters than a token: it ends at a comma,
 * semicolon or blank, since servers forget the quotes round a URL. */
int http_take_value(const char **pp, char **ret);
