/*
 * libcurl as a table of function pointers: it brings some thirty shared objects, ten milliseconds
 * before main, which only a program that sends a request should pay.
 */
#pragma once

#include "base/defs.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

struct err;

/* clang-format off */
#define HTTP_CURL_FUNCTIONS(X) \
	X(easy_init) X(easy_cleanup) X(easy_reset) X(easy_setopt) X(easy_getinfo) \
	X(easy_strerror) X(global_init) X(multi_add_handle) X(multi_cleanup) \
	X(multi_info_read) X(multi_init) X(multi_perform) X(multi_poll) \
	X(multi_remove_handle) X(multi_setopt) X(slist_append) X(slist_free_all) \
	X(version_info)
/* clang-format on */

struct http_curl {
#define X(name) __typeof__(&curl_##name) name;
	HTTP_CURL_FUNCTIONS(X)
#undef X
	bool ca_path; /* the system's authorities are a hashed directory: looked up one by one */
	const char *ca_file; /* the system's authorities as one file; NULL: none */
};

/* Loads it once per process; thread-safe. NULL: -ERR_UNSUPPORTED is in e. Never unloaded. */
const struct http_curl *http_curl_load(struct err *e);
