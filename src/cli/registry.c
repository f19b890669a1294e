/* Where configuration and credentials lie; see the header. */
#include "cli/registry.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define CONFIG_FILE "/etc/kist/config.yaml"
#define POLICY_FILE "/etc/containers/policy.json"

/* $XDG_CONFIG_HOME or ~/.config; NULL: neither is known. The caller frees it. */
static char *config_home(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (!str_empty(xdg) && xdg[0] == '/')
		return mem_strdup(xdg);
	return str_empty(home) ? NULL : mem_printf("%s/.config", home);
}

int cli_config_load(const struct cli *c, struct registry_config **ret, struct err *e)
{
	struct registry_config *config cleanup_registry_config = registry_config_new();
	const char *given = c->config ? c->config : getenv("KIST_CONFIG");
	int r;
	if (!str_empty(given)) {
		r = registry_config_load(config, given, false, e);
	} else {
		char *home cleanup_free = config_home();
		char *own cleanup_free = home ? mem_printf("%s/kist/config.yaml", home) : NULL;
		r = registry_config_load(config, CONFIG_FILE, true, e);
		if (r >= 0 && own)
			r = registry_config_load(config, own, true, e);
	}
	if (r < 0)
		return err_wrap(e, r, "configuration");
	*ret = STEAL(config);
	return 0;
}

static void add_containers_files(struct registry_auth *a)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	if (!str_empty(run))
		strv_addf(&a->files, "%s/containers/auth.json", run);
	else
		strv_addf(&a->files, "/run/containers/%u/auth.json", (unsigned)cli_user());
	char *config cleanup_free = config_home();
	if (config)
		strv_addf(&a->files, "%s/containers/auth.json", config);
}

int cli_auth_files(const struct cli *c, struct registry_auth *ret, struct err *e)
{
	const char *given = cli_value(c, "authfile");
	if (given && !*given)
		return err_set(e, ERR_USAGE, "option '--authfile' needs a file");
	if (!given)
		given = getenv("REGISTRY_AUTH_FILE");
	if (!str_empty(given)) {
		strv_add(&ret->files, given);
		ret->write = mem_strdup(given);
		return 0;
	}
	add_containers_files(ret);
	const char *docker = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
	if (!str_empty(docker))
		strv_addf(&ret->files, "%s/config.json", docker);
	else if (!str_empty(home))
		strv_addf(&ret->files, "%s/.docker/config.json", home);
	const char *write = ret->files.v[ret->files.n > 1 ? 1 : 0];
	for (size_t i = ret->files.n; i-- > 0;)
		if (file_exists(AT_FDCWD, ret->files.v[i]))
			write = ret->files.v[i];
	ret->write = mem_strdup(write);
	return 0;
}

int cli_policy_load(const struct cli *c, struct trust_policy **ret, struct err *e)
{
	const char *given = cli_value(c, "signature-policy");
	if (given)
		return trust_policy_load(given, ret, e);
	char *config cleanup_free = config_home();
	char *own cleanup_free = config ? mem_printf("%s/containers/policy.json", config) : NULL;
	if (own && file_exists(AT_FDCWD, own))
		return trust_policy_load(own, ret, e);
	return file_exists(AT_FDCWD, POLICY_FILE) ? trust_policy_load(POLICY_FILE, ret, e) : 0;
}

int cli_lookaside_load(struct registry_lookaside **ret, struct err *e)
{
	struct registry_lookaside *l cleanup_registry_lookaside = registry_lookaside_new();
	char *config cleanup_free = config_home();
	char *own cleanup_free = config ? mem_printf("%s/containers/registries.d", config) : NULL;
	bool has_own = own && file_exists(AT_FDCWD, own);
	int r = registry_lookaside_load(l, has_own ? own : "/etc/containers/registries.d", e);
	if (r < 0)
		return r;
	const char *home = getenv("HOME");
	char *base cleanup_free =
		cli_user() == 0 || str_empty(home)
			? mem_strdup("file:///var/lib/containers/sigstore")
			: mem_printf("file://%s/.local/share/containers/sigstore", home);
	registry_lookaside_fallback(l, base);
	*ret = STEAL(l);
	return 0;
}

void cli_cert_roots(struct strv *ret)
{
	char *config cleanup_free = config_home();
	if (config)
		strv_addf(ret, "%s/containers/certs.d", config);
	strv_add(ret, "/etc/containers/certs.d");
	strv_add(ret, "/etc/docker/certs.d");
}

enum registry_tls cli_tls(const struct cli *c, const char *option)
{
	if (cli_count(c, option) == 0)
		return REGISTRY_TLS_CONFIGURED;
	return cli_flag(c, option) ? REGISTRY_TLS_CHECKED : REGISTRY_TLS_UNCHECKED;
}
