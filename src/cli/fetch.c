/* Words for kist-transport; see the header. */
#include "cli/fetch.h"

#include "base/mem.h"

void cli_fetch_command(const struct cli *c, const char *policy, struct strv *ret)
{
	static const char *const passed[] = {
		"tls-verify", "authfile", "cert-dir", "creds", "retry", "signature-policy"};
	strv_take(ret, cli_program_path("kist-transport"));
	strv_addf(ret, "--root=%s", c->root);
	strv_addf(ret, "--runroot=%s", c->runroot);
	if (c->storage_driver)
		strv_addf(ret, "--storage-driver=%s", c->storage_driver);
	if (c->config)
		strv_addf(ret, "--config=%s", c->config);
	if (c->debug)
		strv_add(ret, "--debug");
	strv_add(ret, "pull");
	strv_addf(ret, "--policy=%s", policy);
	for (size_t i = 0; i < ARRAY_SIZE(passed); i++)
		for (size_t k = 0; k < cli_count(c, passed[i]); k++) {
			const char *v = cli_value_at(c, passed[i], k);
			strv_addf(ret, "--%s%s%s", passed[i], v ? "=" : "", v ?: "");
		}
	if (cli_flag(c, "quiet"))
		strv_add(ret, "--quiet");
}
