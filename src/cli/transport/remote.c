/* Options and environment of commands that talk to registries; see the header. */
#include "cli/transport/remote.h"
#include "cli/stop.h"

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* As Go: lower case first. In a CGI program (which REQUEST_METHOD tells) HTTP_PROXY in capitals is a
 * header of whoever asks. */
static const char *proxy(const char *lower, const char *upper)
{
	const char *const names[] = {lower, upper, "all_proxy", "ALL_PROXY"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *v = getenv(names[i]);
		if (str_empty(v) || (str_eq(names[i], "HTTP_PROXY") && getenv("REQUEST_METHOD")))
			continue;
		return v;
	}
	return NULL;
}

int remote_creds(struct cli *c, struct remote *r, const char *option)
{
	const char *text = cli_value(c, option);
	if (!text)
		return 0;
	registry_credentials_release(&r->given);
	const char *colon = strchr(text, ':');
	if (!*text || colon == text)
		return err_set(&c->err, ERR_USAGE, "--%s needs USER:PASSWORD", option);
	r->given.username = mem_strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	if (colon) {
		r->given.password = mem_strdup(colon + 1);
		return 0;
	}
	if (!isatty(STDIN_FILENO))
		return err_set(&c->err, ERR_USAGE,
			"--%s without a password asks for it, but there is no terminal", option);
	char *p = getpass("Password: ");
	r->given.password = mem_strdup(p ? p : "");
	if (p)
		explicit_bzero(p, strlen(p));
	return 0;
}

static int credentials(void *arg, const char *key, struct registry_credentials *ret, struct err *e)
{
	struct remote *r = arg;
	/* --creds are for the registry that was named, not for who mirrors it */
	if (!r->given.username || registry_config_is_mirror(r->config, key))
		return registry_auth_find(&r->auth, key, ret, NULL, e);
	ret->username = mem_strdup(r->given.username);
	ret->password = mem_strdup(r->given.password);
	return 1;
}

static void trace(void *arg, const char *line)
{
	log_debug("%s", line);
}

static void notice(void *arg, const char *line)
{
	struct remote *r = arg;
	if (r->notice)
		r->notice(r->notice_ctx, line);
	else
		cli_note(line);
}

static int read_number(struct cli *c, const char *name, uint64_t most, uint64_t *ret)
{
	const char *text = cli_value(c, name);
	if (text && (str_parse_u64(text, 10, ret) < 0 || *ret > most))
		return err_set(&c->err, ERR_USAGE, "--%s '%s': it is a number up to %llu", name,
			text, (unsigned long long)most);
	return 0;
}

static int read_options(struct cli *c, struct remote *r, struct registry_client_options *o)
{
	uint64_t retries = UINT64_MAX, jobs = 0;
	int n = read_number(c, "retry", 100, &retries);
	if (n >= 0)
		n = read_number(c, "jobs", 64, &jobs);
	if (n >= 0 && cli_value(c, "jobs") && !jobs)
		n = err_set(&c->err, ERR_USAGE, "--jobs 0: at least one");
	if (n >= 0)
		n = remote_creds(c, r, "creds");
	if (n < 0)
		return n;
	r->jobs = (unsigned)jobs;
	o->retries = retries == 0            ? REGISTRY_NO_RETRY
		     : retries == UINT64_MAX ? 0
					     : (unsigned)retries;
	o->http_proxy = proxy("http_proxy", "HTTP_PROXY");
	o->https_proxy = proxy("https_proxy", "HTTPS_PROXY");
	o->no_proxy = getenv("no_proxy") ?: getenv("NO_PROXY");
	return 0;
}

/* certs.d of a host and the usual files may be absent; what a person names may not. */
static int check_named(struct cli *c)
{
	static const char *const names[] = {
		"cert-dir", "src-cert-dir", "dest-cert-dir", "authfile"};
	size_t n = ARRAY_SIZE(names) - str_eq(c->spec->name, "login"); /* it makes the last one */
	for (size_t i = 0; i < n; i++) {
		const char *path = cli_value(c, names[i]);
		if (path && *path && !file_exists(AT_FDCWD, path))
			return err_set(
				&c->err, ERR_NOT_FOUND, "--%s '%s' does not exist", names[i], path);
	}
	return outfile_check(cli_value(c, "digestfile"), &c->err);
}

int remote_open(struct cli *c, struct remote *r)
{
	*r = (struct remote){.cli = c, .stop = cli_stop_flag()};
	struct registry_client_options o = {
		.stop = cli_stop_flag(),
		.credentials = credentials,
		.credentials_arg = r,
		.notice = notice,
		.notice_arg = r,
		.trace = c->debug ? trace : NULL,
	};
	int n = read_options(c, r, &o);
	if (n >= 0)
		n = check_named(c);
	if (n >= 0)
		n = cli_config_load(c, &r->config, &c->err);
	if (n >= 0)
		n = cli_auth_files(c, &r->auth, &c->err);
	if (n < 0)
		return n;
	cli_cert_roots(&r->cert_roots);
	r->open = (struct registry_open_options){
		.tls = cli_tls(c, "tls-verify"),
		.cert_dir = cli_value(c, "cert-dir"),
		.cert_roots = &r->cert_roots,
	};
	r->client = registry_client_new(&o);
	cli_stop_catch();
	return 0;
}

int remote_trust(struct cli *c, struct remote *r)
{
	int n = cli_policy_load(c, &r->policy, &c->err);
	if (n >= 0 && r->policy)
		n = cli_lookaside_load(&r->lookaside, &c->err);
	const char *tmp = getenv("TMPDIR");
	r->trust = (struct transport_trust){
		r->policy, r->lookaside, str_empty(tmp) ? "/var/tmp" : tmp};
	return n < 0 ? n : 0;
}

void remote_release(struct remote *r)
{
	registry_client_free(r->client);
	trust_policy_free(r->policy);
	registry_lookaside_free(r->lookaside);
	registry_config_free(r->config);
	registry_auth_release(&r->auth);
	registry_credentials_release(&r->given);
	strv_release(&r->cert_roots);
	*r = (struct remote){0};
}
