/* Tags and repositories, page by page. */
#include "registry/client/list.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/url.h"
#include "oci/json.h"
#include "registry/client/client_priv.h"

#include <stdlib.h>
#include <string.h>

/* What distribution's registry gives at most, and refuses to exceed. */
#define PAGE 1000

struct pages {
	struct registry_host *host;
	const char *scopes;
	const char *key;     /* "tags", "repositories" */
	const char *subject; /* for errors */
	const struct registry_list *list;
	unsigned given;
};

/* 1: enough, 0: go on. */
static int give_names(struct pages *p, json_t *doc, struct err *e)
{
	json_t *names = json_object_get(doc, p->key), *name;
	size_t i;
	if (!names || json_is_null(names))
		return 0;
	if (!json_is_array(names))
		return err_set(e, ERR_FORMAT, "%s: expected a list", p->key);
	json_array_foreach (names, i, name) {
		const char *text = json_string_value(name);
		if (!text)
			return err_set(e, ERR_FORMAT, "%s[%zu]: expected a string", p->key, i);
		if (p->given >= LIMIT_LIST_ENTRIES)
			return err_set(e, ERR_LIMIT, "more than %d names", LIMIT_LIST_ENTRIES);
		int r = p->list->each(p->list->arg, text, e);
		if (r < 0)
			return r;
		if (++p->given == p->list->n)
			return 1;
	}
	return 0;
}

static int read_page(struct pages *p, const struct http_response *rs, char **url, struct err *e)
{
	json_t *doc cleanup_json = NULL;
	int r = oci_json_parse(buf_str(&rs->body), rs->body.len, LIMIT_LIST_PAGE, "list", &doc, e);
	if (r >= 0 && !json_is_object(doc))
		r = err_set(e, ERR_FORMAT, "list: expected an object");
	if (r >= 0)
		r = give_names(p, doc, e);
	if (r == 1) {
		free(STEAL(*url));
		return 0;
	}
	return r < 0 ? r : registry_next_page(rs, url, e);
}

static int walk(struct pages *p, const char *path, struct err *e)
{
	struct buf first cleanup_buf = BUF_INIT;
	char *url cleanup_free = NULL;
	buf_printf(&first, "%s?n=%u", path, p->list->n && p->list->n < PAGE ? p->list->n : PAGE);
	if (p->list->last) {
		buf_add_str(&first, "&last=");
		http_url_encode(&first, p->list->last);
	}
	for (int page = 0; page < LIMIT_LIST_PAGES; page++) {
		struct http_response rs cleanup_http_response = HTTP_RESPONSE_INIT;
		struct registry_call call = {
			.host = p->host,
			.path = buf_str(&first),
			.url = url,
			.scopes = p->scopes,
			.rq.max_body = LIMIT_LIST_PAGE,
		};
		int r = registry_do(&call, &rs, e);
		if (r < 0)
			return err_wrap(e, r, "%s", p->subject);
		if (rs.status != 200)
			return registry_refuse(p->host, p->subject, &rs, e);
		r = read_page(p, &rs, &url, e);
		if (r < 0)
			return err_wrap(e, r, "%s: %s", p->host->host, p->subject);
		if (!url)
			return 0;
	}
	return err_set(e, ERR_LIMIT, "%s: %s: the list has no end", p->host->host, p->subject);
}

int registry_tags(struct registry_repo *r, const struct registry_list *list, struct err *e)
{
	const struct registry_place *at = registry_push_place(r, e);
	if (!at)
		return -ERR_UNSUPPORTED;
	char *scopes cleanup_free = registry_scope(at, "pull");
	char *path cleanup_free = mem_printf("/v2/%s/tags/list", at->path);
	char *subject cleanup_free = mem_printf("tags of '%s'", r->name);
	struct pages p = {.host = at->host,
		.scopes = scopes,
		.key = "tags",
		.subject = subject,
		.list = list};
	return walk(&p, path, e);
}

int registry_catalog(struct registry_client *c, const struct registry_endpoint *at,
	const struct registry_list *list, struct err *e)
{
	struct registry_host *h;
	int r = registry_host_get(c, at, &h, e);
	if (r < 0)
		return r;
	struct pages p = {
		.host = h,
		.scopes = "registry:catalog:*",
		.key = "repositories",
		.subject = "list of repositories",
		.list = list,
	};
	return walk(&p, "/v2/_catalog", e);
}
