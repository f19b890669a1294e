/* kist rmi: names first, the image with its last name; docker's lines and refusals. */
#include "base/err.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/store.h"
#include "oci/reference.h"
#include "store/image.h"

#include <stdio.h>
#include <string.h>

static int untag(struct store *s, const char *tag, struct err *e)
{
	char familiar[OCI_REFERENCE_MAX];
	int r = store_tag_delete(s, tag, e);
	if (r >= 0)
		printf("Untagged: %s\n", oci_reference_familiar(tag, familiar));
	return r;
}

static int untag_all(struct store *s, const struct store_image *img, struct err *e)
{
	for (size_t i = 0; i < img->tags.n; i++) {
		int r = untag(s, img->tags.v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Tags in more than one repository: an id does not say which one is meant. */
static bool several_repositories(const struct store_image *img)
{
	char first[OCI_REFERENCE_MAX], other[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1];
	for (size_t i = 0; i < img->tags.n; i++) {
		oci_reference_split(img->tags.v[i], i ? other : first, tag);
		if (i && !str_eq(first, other))
			return true;
	}
	return false;
}

static int delete_image(struct store *s, const struct store_image *img, struct err *e)
{
	struct strv deleted cleanup_strv = STRV_INIT;
	char familiar[OCI_REFERENCE_MAX];
	int r = store_image_delete(s, img->id, &deleted, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < img->tags.n; i++)
		printf("Untagged: %s\n", oci_reference_familiar(img->tags.v[i], familiar));
	for (size_t i = 0; i < img->digests.n; i++)
		printf("Untagged: %s\n", oci_reference_familiar(img->digests.v[i], familiar));
	for (size_t i = 0; i < deleted.n; i++)
		printf("Deleted: %s\n", deleted.v[i]);
	return 0;
}

static int in_use(const struct store_image *img, const char *text, const char *tag,
	const struct strv *users, struct err *e)
{
	int r = tag ? err_set(e, ERR_IN_USE,
			      "conflict: unable to remove repository reference \"%s\" (must force) "
			      "- "
			      "container %.12s is using its referenced image %.12s",
			      text, users->v[0], img->id + 7)
		    : err_set(e, ERR_IN_USE,
			      "conflict: unable to delete %.12s (must be forced) - image is being "
			      "used by container %.12s",
			      img->id + 7, users->v[0]);
	err_hint(e, "remove the container with 'kist rm %.12s' first", users->v[0]);
	return r;
}

static int remove_one(struct store *s, const char *text, bool force, struct err *e)
{
	struct store_image img cleanup_store_image = {0};
	struct strv users cleanup_strv = STRV_INIT;
	int r = store_image_find(s, text, &img, e);
	if (r >= 0)
		r = store_image_users(s, img.id, &users, e);
	if (r < 0)
		return r;
	const char *tag = store_image_tag(&img, text);
	if (tag && img.tags.n > 1)
		return untag(s, tag, e);
	if (!tag && several_repositories(&img) && !force)
		return err_set(e, ERR_IN_USE,
			"conflict: unable to delete %.12s (must be forced) - image is referenced "
			"in "
			"multiple repositories",
			img.id + 7);
	if (!users.n)
		return delete_image(s, &img, e);
	if (!force)
		return in_use(&img, text, tag, &users, e);
	if (!img.tags.n)
		return err_set(e, ERR_IN_USE,
			"conflict: unable to delete %.12s (cannot be forced) - image is being used "
			"by container %.12s",
			img.id + 7, users.v[0]);
	return untag_all(s, &img, e);
}

static int cmd_rmi(struct cli *c)
{
	struct store *s cleanup_store = NULL;
	int r = cli_store_open(c, &s, &c->err);
	if (r < 0)
		return r;
	bool force = cli_flag(c, "force");
	int status = 0;
	for (int i = 0; i < c->n_operands; i++) {
		struct err e = ERR_INIT;
		r = remove_one(s, c->operands[i], force, &e);
		if (r >= 0)
			continue;
		cli_error(&e);
		if (r != -ERR_NOT_FOUND || !force)
			status = 1;
	}
	return status;
}
CLI_COMMAND(rmi, cmd_rmi);
