/* kist login and kist logout. */
#include "cli/transport/remote.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define SECRET_MOST 65536 /* a token; nobody types more */

/* REGISTRY, or REGISTRY/REPOSITORY: the short key. */
static int read_key(struct cli *c, char **ret)
{
	const char *text = c->operands[0];
	if (!text) {
		err_set(&c->err, ERR_USAGE, "no registry is named");
		err_hint(&c->err, "kist %s docker.io, or another registry", c->spec->name);
		return -ERR_USAGE;
	}
	char *key cleanup_free = registry_auth_key(text);
	char *whole cleanup_free = mem_printf("%s%s", key, strchr(key, '/') ? "" : "/x");
	struct oci_reference ref;
	if (oci_reference_parse(whole, &ref, NULL) < 0 || !*ref.domain || *ref.tag || *ref.digest)
		return err_set(&c->err, ERR_USAGE, "'%.200s' is no registry", text);
	*ret = STEAL(key);
	return 0;
}

static void wipe(char **s)
{
	if (*s)
		explicit_bzero(*s, strlen(*s));
	free(*s);
}

static int read_line(char **ret, struct err *e)
{
	char *line = NULL;
	size_t size = 0;
	errno = 0;
	ssize_t n = getline(&line, &size, stdin);
	if (n < 0) {
		bool stopped = errno == EINTR && !feof(stdin);
		free(line);
		return stopped ? err_set(e, ERR_INTERRUPTED, "interrupted")
			       : err_set(e, ERR_USAGE, "standard input has ended");
	}
	line[strcspn(line, "\r\n")] = 0;
	*ret = line;
	return 0;
}

/* Without echo; what the terminal was like is restored in any case. */
static int ask_secret(char **ret, struct err *e)
{
	struct termios was, now;
	bool tty = tcgetattr(STDIN_FILENO, &was) == 0;
	fputs("Password: ", stderr);
	if (tty) {
		now = was;
		now.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &now);
	}
	int r = read_line(ret, e);
	if (tty) {
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
		fputc('\n', stderr);
	}
	return r;
}

/* All of standard input, but for the end of its line. */
static int read_secret(char **ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(SECRET_MOST);
	int r = io_read_to_end(STDIN_FILENO, &b);
	if (r < 0)
		return err_sysno(e, r, "read the password");
	*ret = mem_strdup(buf_str(&b));
	if (b.data)
		explicit_bzero(b.data, b.len);
	(*ret)[strcspn(*ret, "\r\n")] = 0;
	return 0;
}

static int read_user(struct cli *c, const char *key, char **user, char **password)
{
	const char *given = cli_value(c, "username"), *secret = cli_value(c, "password");
	int r = 0;
	if (cli_flag(c, "password-stdin") && (secret || !given))
		return err_set(&c->err, ERR_USAGE,
			secret ? "--password and --password-stdin exclude each other"
			       : "--password-stdin needs --username");
	if (given) {
		*user = mem_strdup(given);
	} else {
		if (!isatty(STDIN_FILENO) && !secret) {
			err_set(&c->err, ERR_USAGE, "nobody is there to ask for name and password");
			err_hint(&c->err, "kist login -u NAME --password-stdin %s", key);
			return -ERR_USAGE;
		}
		fprintf(stderr, "Username for %s: ", key);
		r = read_line(user, &c->err);
	}
	if (r < 0)
		return r;
	if (!**user || strchr(*user, ':'))
		return err_set(&c->err, ERR_USAGE, "a user name is not empty and has no ':'");
	if (secret)
		*password = mem_strdup(secret);
	else
		r = cli_flag(c, "password-stdin") ? read_secret(password, &c->err)
						  : ask_secret(password, &c->err);
	if (r >= 0 && !**password)
		return err_set(&c->err, ERR_USAGE, "the password is empty");
	return r;
}

struct login {
	struct registry_client *client;
	struct registry_credentials with;
	char *identity;
};

static int ask_registry(void *arg, const struct registry_endpoint *at, struct err *e)
{
	struct login *l = arg;
	return registry_login(l->client, at, &l->with, &l->identity, e);
}

static int get_login(struct cli *c, struct remote *r, const char *key)
{
	struct registry_credentials found cleanup_registry_credentials = {0};
	int k = registry_auth_find(&r->auth, key, &found, NULL, &c->err);
	if (k < 0)
		return k;
	if (k == 0)
		return err_set(&c->err, ERR_NOT_FOUND, "not logged in to '%s'", key);
	puts(found.username ? found.username : "<token>");
	return 0;
}

static int log_in(struct cli *c, struct remote *r, const char *key)
{
	struct login l = {.client = r->client};
	char *user cleanup(wipe) = NULL, *password cleanup(wipe) = NULL,
		   *source cleanup_free = NULL;
	int k = read_user(c, key, &user, &password);
	if (k < 0)
		return k;
	l.with = (struct registry_credentials){.username = user, .password = password};
	char *host cleanup_free = mem_strndup(key, strcspn(key, "/"));
	k = registry_with_host(r->config, host, &r->open, ask_registry, &l, &c->err);
	char *identity cleanup(wipe) = l.identity;
	if (k < 0)
		return k;
	l.with.identity_token = identity;
	k = registry_auth_store(&r->auth, key, &l.with, &source, &c->err);
	if (k >= 0 && !cli_flag(c, "quiet"))
		printf("Login Succeeded: %s, kept in %s\n", key, source);
	return k;
}

static int cmd_login(struct cli *c)
{
	struct remote r cleanup_remote = {0};
	char *key cleanup_free = NULL;
	int k = read_key(c, &key);
	if (k >= 0)
		k = remote_open(c, &r);
	if (k < 0)
		return k;
	return cli_flag(c, "get-login") ? get_login(c, &r, key) : log_in(c, &r, key);
}

static int forget(struct cli *c, const struct registry_auth *a, const char *key)
{
	int n = registry_auth_erase(a, key, &c->err);
	if (n > 0 && !cli_flag(c, "quiet"))
		printf("Removed login credentials for %s\n", key);
	return n;
}

static int cmd_logout(struct cli *c)
{
	struct registry_auth a cleanup_registry_auth = {0};
	struct strv keys cleanup_strv = STRV_INIT;
	char *key cleanup_free = NULL;
	bool all = cli_flag(c, "all");
	if (all && c->n_operands)
		return err_set(&c->err, ERR_USAGE, "--all goes without a registry");
	int r = all ? 0 : read_key(c, &key);
	if (r >= 0)
		r = cli_auth_files(c, &a, &c->err);
	if (r >= 0 && all)
		r = registry_auth_list(&a, &keys, &c->err);
	for (size_t i = 0; i < keys.n && r >= 0; i++)
		r = forget(c, &a, keys.v[i]);
	if (r < 0 || all)
		return r < 0 ? r : 0;
	r = forget(c, &a, key);
	if (r == 0)
		return err_set(&c->err, ERR_NOT_FOUND, "not logged in to '%s'", key);
	return r < 0 ? r : 0;
}

CLI_COMMAND(login, cmd_login);
CLI_COMMAND(logout, cmd_logout);
