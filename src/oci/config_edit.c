/* What each instruction does to an image config. */
#include "oci/config_edit.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/image_config.h"

#include <stdlib.h>
#include <string.h>

static void set_text(char **text, const char *value)
{
	char *copy = mem_strdup(value);
	free(*text);
	*text = copy;
}

void oci_config_shell(const struct oci_container_config *c, struct strv *ret)
{
	if (c->shell.n) {
		strv_add_all(ret, &c->shell);
		return;
	}
	strv_add(ret, "/bin/sh");
	strv_add(ret, "-c");
}

static void set_args(const struct oci_container_config *c, struct strv *list,
	const struct strv *args, bool shell_form)
{
	struct strv argv cleanup_strv = STRV_INIT;
	if (shell_form)
		oci_config_shell(c, &argv);
	strv_add_all(&argv, args);
	strv_copy(list, &argv);
}

void oci_config_set_cmd(struct oci_container_config *c, const struct strv *args, bool shell_form)
{
	set_args(c, &c->cmd, args, shell_form);
	c->has_cmd = true;
	c->args_escaped = false; /* only Windows ever needs it; a base's does not apply any more */
}

void oci_config_set_entrypoint(
	struct oci_container_config *c, const struct strv *args, bool shell_form, bool keep_cmd)
{
	set_args(c, &c->entrypoint, args, shell_form);
	c->has_entrypoint = true;
	if (keep_cmd)
		return;
	strv_release(&c->cmd);
	c->has_cmd = false;
}

void oci_config_set_env(struct oci_container_config *c, const char *name, const char *value)
{
	strv_env_set(&c->env, name, value);
}

void oci_config_set_label(struct oci_container_config *c, const char *name, const char *value)
{
	strv_env_set(&c->labels, name, value);
}

static int bad_port(struct err *e, const char *spec, const char *why)
{
	return err_set(e, ERR_SYNTAX, "invalid port '%.100s': %s", spec, why);
}

int oci_config_add_port(struct oci_container_config *c, const char *spec, struct err *e)
{
	const char *slash = strchr(spec, '/');
	const char *proto = slash ? slash + 1 : "tcp";
	char lower[8] = "";
	if (strlen(proto) < sizeof(lower))
		for (size_t i = 0; proto[i]; i++)
			lower[i] = proto[i] >= 'A' && proto[i] <= 'Z' ? (char)(proto[i] + 32)
								      : proto[i];
	if (!str_eq(lower, "tcp") && !str_eq(lower, "udp") && !str_eq(lower, "sctp"))
		return bad_port(e, spec, "the protocol is tcp, udp or sctp");
	char *ports cleanup_free = mem_strndup(spec, slash ? (size_t)(slash - spec) : strlen(spec));
	char *dash = strchr(ports, '-');
	if (dash)
		*dash++ = 0;
	uint64_t first, last;
	if (str_parse_u64(ports, 10, &first) < 0 || first > 65535)
		return bad_port(e, spec, "a port is a number up to 65535");
	last = first;
	if (dash && (str_parse_u64(dash, 10, &last) < 0 || last > 65535 || last < first))
		return bad_port(e, spec, "a range is first-last, in this order");
	for (uint64_t p = first; p <= last; p++) {
		char text[32];
		snprintf(text, sizeof(text), "%u/%s", (unsigned)p, lower);
		if (!strv_has(&c->exposed_ports, text))
			strv_add(&c->exposed_ports, text);
	}
	return 0;
}

int oci_config_add_volume(struct oci_container_config *c, const char *path, struct err *e)
{
	if (str_empty(path))
		return err_set(e, ERR_SYNTAX, "VOLUME: an empty path");
	if (!strv_has(&c->volumes, path))
		strv_add(&c->volumes, path);
	return 0;
}

void oci_config_set_user(struct oci_container_config *c, const char *user)
{
	set_text(&c->user, user);
}

char *oci_config_join_path(const char *base, const char *path)
{
	struct buf b cleanup_buf = BUF_INIT;
	const char *parts[] = {path[0] == '/' ? "" : base ?: "", path};
	for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
		for (const char *p = parts[k]; *p;) {
			size_t n = strcspn(p, "/");
			if (n == 2 && p[0] == '.' && p[1] == '.') {
				while (b.len && b.data[b.len - 1] != '/')
					buf_truncate(&b, b.len - 1);
				if (b.len)
					buf_truncate(&b, b.len - 1);
			} else if (n && !(n == 1 && p[0] == '.')) {
				buf_add_char(&b, '/');
				buf_add(&b, p, n);
			}
			p += n + (p[n] == '/');
		}
	}
	if (!b.len)
		buf_add_char(&b, '/');
	return buf_take(&b);
}

int oci_config_set_workdir(struct oci_container_config *c, const char *path, struct err *e)
{
	if (str_empty(path))
		return err_set(e, ERR_SYNTAX, "WORKDIR: an empty path");
	char *joined = oci_config_join_path(c->working_dir, path);
	free(c->working_dir);
	c->working_dir = joined;
	return 0;
}

int oci_config_set_stop_signal(struct oci_container_config *c, const char *signal, struct err *e)
{
	if (proc_parse_signal(signal) < 0)
		return err_set(e, ERR_SYNTAX, "STOPSIGNAL: '%.60s' is not a signal", signal);
	set_text(&c->stop_signal, signal);
	return 0;
}

void oci_config_set_shell(struct oci_container_config *c, const struct strv *argv)
{
	strv_copy(&c->shell, argv);
	c->has_shell = true;
}

void oci_config_add_onbuild(struct oci_container_config *c, const char *instruction)
{
	strv_add(&c->onbuild, instruction);
}

void oci_config_set_healthcheck(struct oci_container_config *c, const struct oci_healthcheck *h)
{
	struct oci_healthcheck copy;
	oci_healthcheck_copy(&copy, h);
	oci_healthcheck_release(&c->healthcheck);
	c->healthcheck = copy;
	c->healthcheck.set = true;
}
