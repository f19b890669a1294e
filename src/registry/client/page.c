/* The next page of a list: its Link header. Shared by tags, repositories and referrers. */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header.h"
#include "http/url.h"
#include "registry/client/client_priv.h"

#include <stdlib.h>

int registry_next_page(const struct http_response *rs, char **url, struct err *e)
{
	const char *link = http_header_get(&rs->headers, "link");
	char *target cleanup_free = link ? http_link_find(link, "next") : NULL;
	free(STEAL(*url));
	if (!target)
		return 0;
	struct http_url base cleanup_http_url = HTTP_URL_INIT,
			     next cleanup_http_url = HTTP_URL_INIT;
	int r = http_url_parse(rs->url, &base, e);
	if (r >= 0)
		r = http_url_resolve(&base, target, &next, e);
	if (r < 0)
		return err_wrap(e, r, "the address of the next page");
	/* only its path counts: a registry behind a proxy may not know its own name, and a hostile
	 * one shall not send us elsewhere */
	if (!http_url_same_origin(&base, &next)) {
		free(base.path);
		free(base.query);
		base.path = STEAL(next.path);
		base.query = STEAL(next.query);
		*url = http_url_text(&base);
	} else {
		*url = http_url_text(&next);
	}
	if (str_eq(*url, rs->url))
		return err_set(e, ERR_FORMAT, "the next page is this page again");
	return 0;
}
