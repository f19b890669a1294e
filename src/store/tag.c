/* Tags, and finding an image by what a person typed. */
#include "base/str.h"
#include "base/strv.h"
#include "oci/reference.h"
#include "store/image.h"
#include "store/store_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ID_PREFIX_MIN 1

int store_tag_get(struct store *s, const char *tag, char ret_id[STORE_DIGEST_MAX], struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e, "SELECT image FROM tag WHERE name=?1", "s", tag);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ERR_NOT_FOUND, "no such image: %s", tag);
	store_query_digest(&q, 0, ret_id);
	return 0;
}

int store_tag_set(struct store *s, const char *tag, const char *id, char ret_old[STORE_DIGEST_MAX],
	struct err *e)
{
	int r = store_begin_durable(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	int64_t known = 0;
	r = store_query_number(s, &known, e, "SELECT count(*) FROM image WHERE id=?1", "s", id);
	if (r >= 0 && !known)
		r = err_set(e, ERR_NOT_FOUND, "no such image: %s", id);
	if (r < 0)
		return r;
	char old[STORE_DIGEST_MAX] = "";
	r = store_tag_get(s, tag, old, NULL);
	if (r < 0 && r != -ERR_NOT_FOUND)
		return store_tag_get(s, tag, old, e);
	r = store_exec(s, e, "INSERT OR REPLACE INTO tag VALUES(?1, ?2)", "ss", tag, id);
	if (r < 0)
		return r;
	r = store_commit(STEAL(guard), e);
	if (r >= 0 && ret_old)
		store_copy_digest(ret_old, old);
	return r;
}

int store_tag_delete(struct store *s, const char *tag, struct err *e)
{
	int r = store_exec(s, e, "DELETE FROM tag WHERE name=?1", "s", tag);
	if (r < 0)
		return r;
	return r ? 0 : err_set(e, ERR_NOT_FOUND, "no such image: %s", tag);
}

/* Runs a query that gives image ids: 1 and the id, 0 for none, -EINVAL for two different ones. */
static int one_id(struct store *s, const char *text, char id[STORE_DIGEST_MAX], struct err *e,
	const char *sql, const char *a, const char *b)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e, sql, "ss", a, b);
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r <= 0)
		return r;
	store_query_digest(&q, 0, id);
	r = store_query_next(s, &q, e);
	if (r > 0)
		return err_set(e, EINVAL, "'%s' is ambiguous: several images begin with it", text);
	return r < 0 ? r : 1;
}

/* "repository@sha256:..." in its normal form, with or without a tag before the @. */
static int find_digest(struct store *s, const char *text, const char *ref,
	char id[STORE_DIGEST_MAX], struct err *e)
{
	const char *at = strchr(ref, '@');
	if (!at)
		return 0;
	char repository[512];
	snprintf(repository, sizeof(repository), "%.*s", (int)MIN(at - ref, 511), ref);
	char *colon = strrchr(repository, ':');
	if (colon && !strchr(colon, '/'))
		*colon = 0;
	return one_id(s, text, id, e,
		"SELECT DISTINCT image FROM image_digest WHERE digest=?1 AND repository=?2", at + 1,
		repository);
}

static int find_prefix(struct store *s, const char *text, char id[STORE_DIGEST_MAX], struct err *e)
{
	const char *hex = str_starts(text, "sha256:") ? text + strlen("sha256:") : text;
	size_t n = strlen(hex);
	if (n < ID_PREFIX_MIN || n > 64 || strspn(hex, "0123456789abcdef") != n)
		return 0;
	char from[STORE_DIGEST_MAX], to[STORE_DIGEST_MAX + 1];
	snprintf(from, sizeof(from), "sha256:%s", hex);
	snprintf(to, sizeof(to), "sha256:%sg", hex); /* 'g' follows every hexadecimal digit */
	return one_id(
		s, text, id, e, "SELECT id FROM image WHERE id>=?1 AND id<?2 LIMIT 2", from, to);
}

/* The stored names that text may mean, best first. */
static int find_names(struct store *s, const char *text, char id[STORE_DIGEST_MAX], struct err *e)
{
	struct strv names cleanup_strv = STRV_INIT;
	int r = oci_reference_candidates(text, &names, e);
	for (size_t i = 0; r == 0 && i < names.n; i++) {
		r = strchr(names.v[i], '@')
			    ? find_digest(s, text, names.v[i], id, e)
			    : one_id(s, text, id, e,
				      "SELECT image FROM tag WHERE name=?1 AND ?2=?2", names.v[i],
				      "");
	}
	return r;
}

int store_image_find(struct store *s, const char *text, struct store_image *ret, struct err *e)
{
	char id[STORE_DIGEST_MAX];
	int r = find_names(s, text, id, e);
	if (r == 0)
		r = find_prefix(s, text, id, e);
	if (r == 0)
		r = err_set(e, ERR_NOT_FOUND, "no such image: %s", text);
	return r < 0 ? r : store_image_get(s, id, ret, e);
}

const char *store_image_tag(const struct store_image *img, const char *text)
{
	struct strv names cleanup_strv = STRV_INIT;
	if (oci_reference_candidates(text, &names, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < names.n; i++)
		for (size_t k = 0; k < img->tags.n; k++)
			if (str_eq(names.v[i], img->tags.v[k]))
				return img->tags.v[k];
	return NULL;
}
