/* URLs: what is taken is a fixed point of parse and format, and a reference never leads to another
 * scheme than http and https, nor to a path that climbs. */
#include "base/mem.h"
#include "base/str.h"
#include "http/url.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct http_url *u)
{
	struct http_url again cleanup_http_url = HTTP_URL_INIT;
	char *text cleanup_free = http_url_text(u);
	if (!u->port || *u->path != '/' || strstr(u->path, "/../"))
		abort();
	if (strlen(text) > 8000)
		return;
	if (http_url_parse(text, &again, NULL) < 0)
		abort();
	char *second cleanup_free = http_url_text(&again);
	if (!str_eq(text, second) || !http_url_same_origin(u, &again))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text cleanup_free = mem_strndup((const char *)data, size);
	struct http_url u cleanup_http_url = HTTP_URL_INIT, base cleanup_http_url = HTTP_URL_INIT;
	char host[256];
	uint16_t port;
	if (http_url_parse(text, &u, NULL) >= 0)
		check(&u);
	if (http_url_parse("https://[::1]:5000/v2/a/b?c=d", &base, NULL) < 0)
		abort();
	if (http_url_resolve(&base, text, &u, NULL) >= 0)
		check(&u);
	if (http_host_parse(text, host, sizeof(host), &port) >= 0)
		http_host_loopback(host);
	return 0;
}
