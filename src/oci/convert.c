/* The runtime config as a whole, and its process: arguments, environment, user, capabilities. */
#include "oci/convert.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/caps.h"
#include "oci/config_edit.h"
#include "oci/convert_priv.h"
#include "oci/image_config.h"
#include "oci/passwd.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define OCI_RUNTIME_VERSION "1.2.0"
#define DEFAULT_PATH        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define INIT_PATH           "/dev/init"

/* docker writes --entrypoint "" as {""}: both are no entrypoint */
static void add_entrypoint(struct strv *ret, const struct strv *entrypoint)
{
	if (entrypoint && !(entrypoint->n == 1 && !entrypoint->v[0][0]))
		strv_add_all(ret, entrypoint);
}

int oci_convert_args(const struct oci_container_config *c, const struct oci_convert_options *o,
	struct strv *ret, struct err *e)
{
	struct strv args cleanup_strv = STRV_INIT;
	add_entrypoint(&args, o->has_entrypoint ? o->entrypoint : &c->entrypoint);
	if (o->command && o->command->n)
		strv_add_all(&args, o->command);
	else if (!o->has_entrypoint)
		strv_add_all(&args, &c->cmd);
	if (!args.n) {
		err_set(e, ERR_USAGE, "no command specified");
		err_hint(e, "the image has neither CMD nor ENTRYPOINT: give a command after it");
		return -ERR_USAGE;
	}
	if (!args.v[0][0])
		return err_set(e, ERR_USAGE, "the command is an empty string");
	if (o->init) {
		strv_add(ret, INIT_PATH);
		strv_add(ret, "--");
	}
	strv_add_all(ret, &args);
	return 0;
}

static void env_merge(struct strv *ret, const struct strv *env)
{
	for (size_t i = 0; env && i < env->n; i++) {
		const char *eq = strchr(env->v[i], '=');
		if (!eq) {
			strv_env_unset(ret, env->v[i]); /* docker: NAME alone takes it away */
			continue;
		}
		char *name cleanup_free = mem_strndup(env->v[i], (size_t)(eq - env->v[i]));
		strv_env_set(ret, name, eq + 1);
	}
}

void oci_convert_env(
	const struct oci_container_config *c, const struct oci_convert_options *o, struct strv *ret)
{
	strv_add(ret, "PATH=" DEFAULT_PATH);
	if (!str_empty(o->hostname))
		strv_addf(ret, "HOSTNAME=%s", o->hostname);
	if (o->tty)
		strv_add(ret, "TERM=xterm");
	env_merge(ret, &c->env);
	env_merge(ret, o->env);
	if (!strv_env_get(ret, "HOME"))
		strv_env_set(ret, "HOME", o->user && o->user->home ? o->user->home : "/root");
}

uint64_t oci_convert_caps(const struct oci_convert_options *o)
{
	uint64_t caps = o->caps;
	if (o->caps_none)
		caps = 0;
	else if (!caps)
		caps = o->privileged ? OCI_CAPS_ALL : OCI_CAPS_DEFAULT;
	return o->host_caps ? caps & o->host_caps : caps;
}

static json_t *format_caps(const struct oci_convert_options *o)
{
	uint64_t caps = oci_convert_caps(o);
	json_t *list = json_array();
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		if (caps & (1ULL << i))
			json_array_append_new(list, json_string(oci_cap_name(i)));
	json_t *obj = json_object();
	json_object_set(obj, "bounding", list);
	/* what execve leaves to a user who is not root: nothing */
	if (!o->user || o->user->uid == 0) {
		json_object_set(obj, "effective", list);
		json_object_set(obj, "permitted", list);
	}
	json_decref(list);
	return obj;
}

static void add_gid(json_t *list, uint32_t gid)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v) {
		if (json_integer_value(v) == gid)
			return;
	}
	json_array_append_new(list, json_integer(gid));
}

static json_t *format_user(const struct oci_convert_options *o)
{
	json_t *user = json_object();
	uint32_t gid = o->user ? o->user->gid : 0;
	json_object_set_new(user, "uid", json_integer(o->user ? o->user->uid : 0));
	json_object_set_new(user, "gid", json_integer(gid));
	/* the primary group is listed too: a set-gid change must not lose it (CVE-2022-36109) */
	json_t *gids = json_array();
	add_gid(gids, gid);
	for (size_t i = 0; o->user && i < o->user->ngroups; i++)
		add_gid(gids, o->user->groups[i]);
	for (size_t i = 0; i < o->ngroups; i++)
		add_gid(gids, o->groups[i]);
	json_object_set_new(user, "additionalGids", gids);
	return user;
}

static json_t *format_console(const struct oci_convert_options *o)
{
	json_t *size = json_object();
	json_object_set_new(size, "height", json_integer(o->rows));
	json_object_set_new(size, "width", json_integer(o->columns));
	return size;
}

int oci_convert_process(const struct oci_container_config *c, const struct oci_convert_options *o,
	json_t **ret, struct err *e)
{
	struct strv args cleanup_strv = STRV_INIT;
	struct strv env cleanup_strv = STRV_INIT;
	int r = oci_convert_args(c, o, &args, e);
	if (r < 0)
		return r;
	oci_convert_env(c, o, &env);
	char *cwd cleanup_free =
		oci_config_join_path("", !str_empty(o->cwd) ? o->cwd : c->working_dir ?: "");
	json_t *p = json_object();
	if (o->tty) {
		json_object_set_new(p, "terminal", json_true());
		if (o->rows && o->columns)
			json_object_set_new(p, "consoleSize", format_console(o));
	}
	json_object_set_new(p, "user", format_user(o));
	json_object_set_new(p, "args", oci_json_from_strings(&args));
	json_object_set_new(p, "env", oci_json_from_strings(&env));
	json_object_set_new(p, "cwd", oci_json_text(cwd));
	json_object_set_new(p, "capabilities", format_caps(o));
	if (o->no_new_privileges)
		json_object_set_new(p, "noNewPrivileges", json_true());
	if (o->has_oom_score_adj)
		json_object_set_new(p, "oomScoreAdj", json_integer(o->oom_score_adj));
	if (!str_empty(o->apparmor))
		json_object_set_new(p, "apparmorProfile", oci_json_text(o->apparmor));
	if (!str_empty(o->selinux))
		json_object_set_new(p, "selinuxLabel", oci_json_text(o->selinux));
	*ret = p;
	return 0;
}

static int add_text(const char *p, size_t len, void *out)
{
	return buf_add(out, p, len) < 0 ? -1 : 0;
}

/* The members of an object without its braces, so that text can follow. */
static void embed(const json_t *o, struct buf *out)
{
	json_dump_callback(o, add_text, out, JSON_COMPACT | JSON_EMBED);
}

static void format_rlimits(const struct oci_convert_options *o, struct buf *out)
{
	buf_add_str(out, ",\"rlimits\":[");
	for (size_t i = 0; i < o->nrlimits; i++)
		buf_printf(out, "%s{\"type\":\"%s\",\"hard\":%" PRIu64 ",\"soft\":%" PRIu64 "}",
			i ? "," : "", o->rlimits[i].type, o->rlimits[i].hard, o->rlimits[i].soft);
	buf_add_char(out, ']');
}

static json_t *format_head(const struct oci_convert_options *o)
{
	json_t *head = json_object();
	json_object_set_new(head, "ociVersion", json_string(OCI_RUNTIME_VERSION));
	json_t *root = json_object();
	json_object_set_new(root, "path", oci_json_text(o->root_path ?: "rootfs"));
	if (o->readonly_rootfs)
		json_object_set_new(root, "readonly", json_true());
	json_object_set_new(head, "root", root);
	if (!o->uts_host && !str_empty(o->hostname))
		json_object_set_new(head, "hostname", oci_json_text(o->hostname));
	if (!o->uts_host && !str_empty(o->domainname))
		json_object_set_new(head, "domainname", oci_json_text(o->domainname));
	if (o->annotations && o->annotations->n)
		json_object_set_new(head, "annotations", oci_json_from_map(o->annotations));
	json_object_set_new(head, "mounts", oci_convert_mounts(o));
	return head;
}

int oci_convert_runtime(const struct oci_container_config *c, const struct oci_convert_options *o,
	struct buf *out, struct err *e)
{
	cleanup_json json_t *process = NULL;
	int r = oci_convert_process(c, o, &process, e);
	if (r < 0)
		return r;
	cleanup_json json_t *head = format_head(o);
	cleanup_json json_t *linux_part = oci_convert_linux(o);
	buf_add_char(out, '{');
	embed(head, out);
	buf_add_str(out, ",\"process\":{");
	embed(process, out);
	if (o->nrlimits)
		format_rlimits(o, out);
	buf_add_str(out, "},\"linux\":{");
	embed(linux_part, out);
	if (o->seccomp) {
		buf_add_str(out, ",\"seccomp\":");
		buf_add(out, o->seccomp, o->seccomp_len);
	}
	buf_add_str(out, "}}");
	return 0;
}
