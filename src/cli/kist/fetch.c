/* Images that are not here, for run and create: kist-transport fetches them. `kist` itself links no
 * network, and costs nothing more when the image is there. */
#include "cli/fetch.h"
#include "cli/kist/containers.h"

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/store.h"
#include "oci/reference.h"
#include "store/image.h"

static int pull(struct cli *c, const char *policy, const char *image)
{
	struct strv argv cleanup_strv = STRV_INIT;
	cli_fetch_command(c, policy, &argv);
	strv_add(&argv, image);
	/* its progress and its error go to our standard error, its result to nowhere */
	return proc_run((char *const *)strv_items(&argv), -1, NULL, 0, &c->err);
}

int containers_pull_first(struct cli *c)
{
	static const char *const words[] = {"always", "missing", "newer", "never"};
	const char *policy = cli_value(c, "pull");
	bool known = !policy;
	for (size_t i = 0; i < ARRAY_SIZE(words) && !known; i++)
		known = str_eq(policy, words[i]);
	if (!known)
		return err_set(&c->err, ERR_USAGE,
			"--pull '%s': it is always, missing, newer or never", policy);
	if (!policy || str_eq(policy, "missing") || str_eq(policy, "never"))
		return 0;
	return pull(c, policy, c->operands[0]);
}

static bool is_here(struct cli *c, const char *image)
{
	struct store *s cleanup_store = NULL;
	struct store_image img cleanup_store_image = {0};
	return cli_store_open(c, &s, NULL) >= 0 && store_image_find(s, image, &img, NULL) >= 0;
}

bool containers_pull_missing(struct cli *c, int failed)
{
	const char *policy = cli_value(c, "pull"), *image = c->operands[0];
	struct oci_reference ref;
	if (failed != -ERR_NOT_FOUND || (policy && str_eq(policy, "never")) || is_here(c, image))
		return false;
	/* what is no reference is in no registry, and may hold anything: it is not echoed */
	if (oci_reference_parse(image, &ref, NULL) < 0)
		return false;
	if (!cli_flag(c, "quiet"))
		fprintf(stderr, "kist: image '%s' is not here\n", image);
	struct err why = c->err;
	err_clear(&c->err);
	if (pull(c, "missing", image) == 0)
		return true;
	c->err = why; /* the pull has said why not, too */
	return false;
}
