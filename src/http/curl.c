/* Loads libcurl at the first request. */
#include "base/err.h"
#include "http/curl_priv.h"

#include <ctype.h>
#include <dirent.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "libcurl.so.4"

/* One per process, since curl_global_init is; written once, under the once. */
static struct http_curl curl;
static struct err load_error;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static const struct {
	const char *name;
	size_t offset;
} functions[] = {
#define X(name) {"curl_" #name, offsetof(struct http_curl, name)},
	HTTP_CURL_FUNCTIONS(X)
#undef X
};

/* Whether dir was made by c_rehash: then OpenSSL finds an authority by its name's hash, and no
 * connection has to read all of them (20 ms of work for each). */
static bool is_hashed(const char *dir)
{
	DIR *d cleanup_dir = dir ? opendir(dir) : NULL;
	struct dirent *entry;
	while (d && (entry = readdir(d))) {
		const char *s = entry->d_name;
		if (strspn(s, "0123456789abcdef") == 8 && strcmp(s + 8, ".0") == 0)
			return true;
	}
	return false;
}

static void load(void)
{
	void *lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		err_set(&load_error, ERR_UNSUPPORTED, "registries need %s: %s", LIBRARY, dlerror());
		err_hint(
			&load_error, "install the package libcurl4 (libcurl on Fedora and Alpine)");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
		void *fn = dlsym(lib, functions[i].name);
		if (!fn) {
			err_set(&load_error, ERR_UNSUPPORTED, "%s has no %s: it is too old",
				LIBRARY, functions[i].name);
			return;
		}
		memcpy((char *)&curl + functions[i].offset, &fn, sizeof(fn));
	}
	if (curl.global_init(CURL_GLOBAL_DEFAULT) != 0) {
		err_set(&load_error, ERR_UNSUPPORTED, "%s cannot start", LIBRARY);
		return;
	}
	const curl_version_info_data *info = curl.version_info(CURLVERSION_NOW);
	if (info->age >= CURLVERSION_SEVENTH) {
		curl.ca_path = is_hashed(info->capath);
		curl.ca_file = info->cainfo;
	}
}

const struct http_curl *http_curl_load(struct err *e)
{
	pthread_once(&once, load);
	if (!load_error.code)
		return &curl;
	if (e && !e->code)
		*e = load_error;
	return NULL;
}
