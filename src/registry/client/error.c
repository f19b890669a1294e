/* What a registry's refusal means in words: its error document (distribution-spec, "Error Codes") and
 * its status. The server's own words are shown, cleaned: they are hostile. */
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header.h"
#include "oci/json.h"
#include "registry/client/client_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 300

void registry_clean_text(const char *s, char *out, size_t size)
{
	size_t n = 0;
	bool blank = true;
	for (; *s && n + 2 < size; s++) {
		unsigned char c = (unsigned char)*s;
		/* the second byte of U+0080 to U+009F: controls, too */
		bool c1 = c == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0;
		if (c1)
			s++;
		if (c <= ' ' || c == 0x7f || c1) {
			if (!blank)
				out[n++] = ' ';
			blank = true;
			continue;
		}
		out[n++] = (char)c;
		blank = false;
	}
	while (n && (out[n - 1] == ' ' || (*s && (unsigned char)out[n - 1] >= 0x80)))
		n--; /* a character that was cut in two, as well */
	out[n] = 0;
}

struct words {
	char code[64];
	char text[WORDS_MAX];
};

static void take(json_t *o, const char *key, char *out, size_t size)
{
	const char *s = json_string_value(json_object_get(o, key));
	if (s && !*out)
		registry_clean_text(s, out, size);
}

/* {"errors": [{"code", "message", "detail"}]}, a token server's {"error", "error_description"} or
 * {"details"}, and plain {"message"}. Only what is understood is filled. */
static void read_words(const struct http_response *rs, struct words *w)
{
	json_t *doc cleanup_json = NULL;
	*w = (struct words){0};
	if (oci_json_parse(
		    buf_str(&rs->body), rs->body.len, LIMIT_ERROR_BODY, "error", &doc, NULL) < 0)
		return;
	json_t *first = json_array_get(json_object_get(doc, "errors"), 0);
	take(first, "code", w->code, sizeof(w->code));
	take(first, "message", w->text, sizeof(w->text));
	take(doc, "error_description", w->text, sizeof(w->text));
	take(doc, "message", w->text, sizeof(w->text));
	take(doc, "details", w->text, sizeof(w->text));
	take(doc, "error", w->text, sizeof(w->text));
}

/* Codes that say more than the status. */
static const struct {
	const char *code;
	int error;
	const char *sentence;
} known[] = {
	{"NAME_UNKNOWN", ERR_NOT_FOUND, "the registry has no such repository"},
	{"MANIFEST_UNKNOWN", ERR_NOT_FOUND, "the registry has no such tag or manifest"},
	{"BLOB_UNKNOWN", ERR_NOT_FOUND, "the registry has no such blob"},
	{"BLOB_UPLOAD_UNKNOWN", ERR_NOT_FOUND, "the registry has lost the upload"},
	{"BLOB_UPLOAD_INVALID", ERR_FORMAT, "the registry takes the upload no further"},
	{"MANIFEST_BLOB_UNKNOWN", ERR_NOT_FOUND,
		"the registry lacks a blob or manifest that this one names"},
	{"MANIFEST_INVALID", ERR_FORMAT, "the registry finds the manifest invalid"},
	{"DIGEST_INVALID", ERR_DIGEST, "the registry received bytes with another digest"},
	{"SIZE_INVALID", ERR_DIGEST, "the registry received another number of bytes"},
	{"NAME_INVALID", ERR_FORMAT, "the registry does not take this repository name"},
	{"TAG_INVALID", ERR_FORMAT, "the registry does not take this tag"},
	{"UNSUPPORTED", ERR_UNSUPPORTED, "the registry does not do this"},
	{"TOOMANYREQUESTS", EBUSY, "the registry has had too many requests from here"},
	{"DENIED", EACCES, "the registry does not allow it"},
	{"UNAUTHORIZED", EACCES, "the registry does not allow it"},
};

static int by_status(int status, const char **ret_sentence)
{
	switch (status) {
	case 401:
	case 403:
		*ret_sentence = "the registry does not allow it";
		return EACCES;
	case 404:
		*ret_sentence = "the registry has no such thing";
		return ERR_NOT_FOUND;
	case 405:
	case 501:
		*ret_sentence = "the registry does not do this";
		return ERR_UNSUPPORTED;
	case 413:
		*ret_sentence = "it is too large for the registry";
		return ERR_LIMIT;
	case 429:
		*ret_sentence = "the registry has had too many requests from here";
		return EBUSY;
	}
	*ret_sentence = status >= 500 ? "the registry is in trouble" : "an unexpected answer";
	return status >= 500 ? EBUSY : ERR_FORMAT;
}

/* More patience than anybody has: the registry's limits often last for hours. */
static void hint_pause(const struct http_response *rs, struct err *e)
{
	const char *value = http_header_get(&rs->headers, "retry-after");
	int64_t wait = value ? http_retry_after(value, clock_now() / CLOCK_NS_PER_S) : -1;
	if (wait > LIMIT_HTTP_RETRY_AFTER)
		err_hint(e,
			"it asks to wait for %lld minutes; registries allow more to those who are "
			"logged in",
			(long long)((wait + 59) / 60));
}

static void hint(const struct registry_host *h, int error, int status, struct err *e)
{
	const char *registry = strstr(h->auth_key, "index.docker.io") ? "docker.io" : h->host;
	if (error == EACCES && !h->have_credentials)
		err_hint(e,
			"log in if it is private: kist login %s; a repository that does not exist "
			"looks the same to some registries",
			registry);
	else if (error == EACCES && status == 401)
		err_hint(
			e, "user or password are not taken; log in again: kist login %s", registry);
	else if (error == EACCES)
		err_hint(e, "check the repository's name, and what user '%s' may do there",
			h->credentials.username ?: "");
	else if (status == 429 && !h->have_credentials)
		err_hint(e,
			"wait, or log in: registries allow more to those they know (kist login %s)",
			registry);
	else if (status == 405)
		err_hint(e, "deleting may have to be enabled in the registry's configuration");
}

int registry_refuse(const struct registry_host *h, const char *subject,
	const struct http_response *rs, struct err *e)
{
	struct words w;
	const char *sentence = NULL;
	int error = 0;
	read_words(rs, &w);
	for (size_t i = 0; i < ARRAY_SIZE(known) && !error; i++)
		if (str_eq(known[i].code, w.code)) {
			error = known[i].error;
			sentence = known[i].sentence;
		}
	/* 429 and 5xx mean what they say, whatever the document */
	if (!error || rs->status == 429 || rs->status >= 500)
		error = by_status(rs->status, &sentence);
	if (*w.code || *w.text)
		err_set(e, error, "%s: %s: %s (status %d: %s%s%s)", h->host, subject, sentence,
			rs->status, w.code, *w.code && *w.text ? ", " : "", w.text);
	else
		err_set(e, error, "%s: %s: %s (status %d)", h->host, subject, sentence, rs->status);
	hint_pause(rs, e);
	hint(h, error, rs->status, e);
	return -error;
}
