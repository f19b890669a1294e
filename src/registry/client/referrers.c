/* The referrers API, and the tag that stands in for it where a registry has none. */
#include "registry/client/referrers.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header.h"
#include "http/url.h"
#include "registry/client/client_priv.h"
#include "registry/client/manifest.h"
#include "registry/client/referrers_priv.h"

#include <stdlib.h>
#include <string.h>

#define TAG_MAX 80

/* Referrers Tag Schema: "sha256-HEX". */
static void fallback_tag(const char *digest, char out[TAG_MAX])
{
	snprintf(out, TAG_MAX, "sha256-%s", oci_digest_hex(digest));
}

/* Moves the entries of from that fit to the end of to. */
static int add_entries(
	struct oci_index *to, const struct oci_index *from, const char *type, struct err *e)
{
	for (size_t i = 0; i < from->nmanifests; i++) {
		const struct oci_descriptor *d = &from->manifests[i];
		if (type && !str_eq(d->artifact_type, type))
			continue;
		if (to->nmanifests >= LIMIT_REFERRERS)
			return err_set(e, ERR_LIMIT, "more than %d referrers", LIMIT_REFERRERS);
		oci_index_add(to, d);
	}
	return 0;
}

static int parse_page(
	const char *bytes, size_t len, const char *type, struct oci_index *all, struct err *e)
{
	struct oci_index page cleanup_oci_index = {0};
	int r = oci_index_parse(bytes, len, &page, e);
	return r < 0 ? r : add_entries(all, &page, type, e);
}

struct listing {
	const char *digest, *type;
	struct oci_index *ret;
};

/* 1: done; 0: the registry has no such API. */
static int ask_api(const struct registry_place *at, const struct listing *l, struct err *e)
{
	char *scopes cleanup_free = registry_scope(at, "pull");
	char *path cleanup_free = mem_printf("/v2/%s/referrers/%s", at->path, l->digest);
	struct buf query cleanup_buf = BUF_INIT;
	if (l->type) {
		buf_printf(&query, "%s?artifactType=", path);
		http_url_encode(&query, l->type);
	}
	char *url cleanup_free = NULL;
	for (int page = 0; page < LIMIT_LIST_PAGES; page++) {
		struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
		struct registry_call call = {
			.host = at->host,
			.path = l->type ? buf_str(&query) : path,
			.url = url,
			.scopes = scopes,
			.rq.max_body = LIMIT_MANIFEST,
		};
		int r = registry_do(&call, &rs, e);
		if (r < 0)
			return r;
		if (page == 0 && (rs.status == 404 || rs.status == 405 || rs.status == 400))
			return 0;
		if (rs.status != 200)
			return registry_refuse(at->host, "referrers", &rs, e);
		/* some registries answer every unknown path with a page of HTML */
		const char *type = http_header_get(&rs.headers, "content-type");
		if (page == 0 && oci_media_type_kind(type) != OCI_KIND_INDEX)
			return 0;
		r = parse_page(buf_str(&rs.body), rs.body.len, l->type, l->ret, e);
		if (r < 0)
			return err_wrap(e, r, "%s: referrers", at->host->host);
		r = registry_next_page(&rs, &url, e);
		if (r < 0)
			return r;
		if (!url)
			return 1;
	}
	return err_set(e, ERR_LIMIT, "%s: the list of referrers has no end", at->host->host);
}

static int list_at(struct registry_repo *r, const struct registry_place *at, void *arg, bool *fatal,
	struct err *e)
{
	return ask_api(at, arg, e);
}

/* The index under the tag; none is an empty one. */
static int read_fallback(struct registry_repo *r, const char *digest, const char *type,
	struct oci_index *ret, struct err *e)
{
	char tag[TAG_MAX];
	struct registry_manifest m cleanup_registry_manifest = {0};
	struct err why = ERR_INIT;
	fallback_tag(digest, tag);
	int res = registry_manifest_get(r, tag, NULL, &m, &why);
	if (res == -ERR_NOT_FOUND)
		return 0;
	if (res >= 0)
		res = parse_page(buf_str(&m.bytes), m.bytes.len, type, ret, &why);
	if (res < 0 && e && !e->code)
		*e = why;
	return res < 0 ? res : 0;
}

int registry_referrers(struct registry_repo *r, const char *digest, const char *artifact_type,
	struct oci_index *ret, struct err *e)
{
	struct oci_index all = {.media_type = mem_strdup(OCI_TYPE_INDEX)};
	struct listing l = {.digest = digest, .type = artifact_type, .ret = &all};
	int res = registry_each_place(r, digest, list_at, &l, e);
	if (res == 0)
		res = read_fallback(r, digest, artifact_type, &all, e);
	if (res < 0) {
		oci_index_release(&all);
		return err_wrap(e, res, "what refers to %s of '%s'", digest, r->name);
	}
	*ret = all;
	return 0;
}

/* The entry that the API would make of a manifest: its config's type where it has no own. */
static void make_entry(const struct oci_manifest *m, const char *media_type, size_t len,
	const char *digest, struct oci_descriptor *ret)
{
	const char *type = str_empty(m->artifact_type) ? m->config.media_type : m->artifact_type;
	*ret = (struct oci_descriptor){
		.media_type = mem_strdup(media_type),
		.size = len,
		.artifact_type = mem_strdup(type),
	};
	memcpy(ret->digest, digest, strlen(digest) + 1);
	strv_add_all(&ret->annotations, &m->annotations);
}

int registry_referrers_note(struct registry_repo *r, const char *media_type, const void *bytes,
	size_t len, const char *digest, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	if (oci_media_type_kind(media_type) != OCI_KIND_MANIFEST ||
		oci_manifest_parse(bytes, len, &m, NULL) < 0 || !m.has_subject)
		return 0;
	struct oci_index index cleanup_oci_index = {.media_type = mem_strdup(OCI_TYPE_INDEX)};
	int res = read_fallback(r, m.subject.digest, NULL, &index, e);
	if (res < 0)
		return res;
	for (size_t i = 0; i < index.nmanifests; i++)
		if (str_eq(index.manifests[i].digest, digest))
			return 0;
	struct oci_descriptor entry cleanup_oci_descriptor = {0};
	make_entry(&m, media_type, len, digest, &entry);
	oci_index_add(&index, &entry);
	struct buf out cleanup_buf = BUF_INIT;
	char tag[TAG_MAX];
	oci_index_format(&index, &out);
	fallback_tag(m.subject.digest, tag);
	res = registry_manifest_put(r, tag, OCI_TYPE_INDEX, out.data, out.len, NULL, e);
	return res < 0 ? err_wrap(e, res, "the list of what refers to %s", m.subject.digest) : 0;
}
