/* Images that are not here, for run and create: kist-transport fetches them. `kist` itself links no
 * network, and costs nothing more when the image is there. */
#include "cli/kist/containers.h"

#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/store.h"
#include "store/image.h"

static int pull(struct cli *c, const char *policy, const char *image)
{
	static const char *const passed[] = {"tls-verify", "authfile", "cert-dir"};
	char *program cleanup_free = cli_program_path("kist-transport");
	struct strv argv cleanup_strv = STRV_INIT;
	strv_add(&argv, program);
	strv_addf(&argv, "--root=%s", c->root);
	strv_addf(&argv, "--runroot=%s", c->runroot);
	if (c->storage_driver)
		strv_addf(&argv, "--storage-driver=%s", c->storage_driver);
	if (c->config)
		strv_addf(&argv, "--config=%s", c->config);
	if (c->debug)
		strv_add(&argv, "--debug");
	strv_add(&argv, "pull");
	strv_addf(&argv, "--policy=%s", policy);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		for (size_t k = 0; k < cli_count(c, passed[i]); k++) {
			const char *v = cli_value_at(c, passed[i], k);
			strv_addf(&argv, "--%s%s%s", passed[i], v ? "=" : "", v ?: "");
		}
	if (cli_flag(c, "quiet"))
		strv_add(&argv, "--quiet");
	strv_add(&argv, image);
	/* its progress and its error go to our standard error, its result to nowhere */
	return proc_run(strv_items(&argv), -1, NULL, 0, &c->err);
}

int containers_pull_first(struct cli *c)
{
	const char *policy = cli_value(c, "pull");
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
	if (failed != -ERR_NOT_FOUND || (policy && str_eq(policy, "never")) || is_here(c, image))
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
