/* The conversation with systemd; see systemd.h. */
#include "runtime/systemd.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/userns.h"
#include "runtime/cgroup_priv.h"
#include "runtime/dbus_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MANAGER "org.freedesktop.systemd1.Manager"

static bool is_broker(const char *socket)
{
	return str_ends(socket, "/bus") || str_ends(socket, "_bus_socket");
}

bool systemd_is_user(void)
{
	return geteuid() != 0 || userns_inside();
}

int systemd_find(const char *given, char **ret, struct err *e)
{
	char user[2][64];
	snprintf(user[0], sizeof(user[0]), "/run/user/%u/systemd/private", (unsigned)geteuid());
	snprintf(user[1], sizeof(user[1]), "/run/user/%u/bus", (unsigned)geteuid());
	const char *const paths[] = {given               ? given
				     : systemd_is_user() ? user[0]
							 : "/run/systemd/private",
		given               ? given
		: systemd_is_user() ? user[1]
				    : "/run/dbus/system_bus_socket"};
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if ((given || file_exists(AT_FDCWD, "/run/systemd/system")) &&
			file_exists(AT_FDCWD, paths[i])) {
			*ret = mem_strdup(paths[i]);
			return 0;
		}
	int r = err_set(e, ERR_UNSUPPORTED, "systemd cannot make control groups here: %s",
		systemd_is_user() && file_exists(AT_FDCWD, "/run/systemd/system")
			? "it has no manager for this user"
			: "this host does not run it");
	err_hint(e, "without --systemd-cgroup (--cgroup-manager cgroupfs) the runtime makes them");
	return r;
}

/* ---- calls ---- */

static int call(struct dbus *d, const char *member, const char *signature, const struct buf *body,
	struct dbus_message *ret, const char **ret_error, struct err *e)
{
	const struct dbus_call c = {"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		MANAGER, member, signature, body, false};
	return dbus_call(d, &c, ret, ret_error, e);
}

int systemd_root(const char *socket, char **ret, struct err *e)
{
	struct buf body cleanup_buf = BUF_INIT;
	struct dbus d cleanup_dbus = DBUS_INIT;
	struct dbus_message m;
	const struct dbus_call c = {"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.DBus.Properties", "Get", "ss", &body, false};
	const char *group;
	dbus_put_str(&body, MANAGER);
	dbus_put_str(&body, "ControlGroup");
	int k = dbus_open(&d, socket, is_broker(socket), e);
	if (k == 0)
		k = dbus_call(&d, &c, &m, NULL, e);
	if (k < 0)
		return k;
	struct dbus_reader r = {m.body, m.body_len, 0};
	if (dbus_get_variant_str(&r, &group) < 0 || (*group && *group != '/'))
		return err_set(e, EPROTO, "systemd does not say where its control group is");
	*ret = mem_strdup(str_eq(group, "/") ? "" : group);
	return 0;
}

/* Until systemd says that the job is over. */
static int wait_job(
	struct dbus *d, const struct dbus_message *reply, const char *unit, struct err *e)
{
	struct dbus_reader r = {reply->body, reply->body_len, 0};
	const char *path;
	if (!str_eq(reply->signature, "o") || dbus_get_str(&r, &path) < 0)
		return err_set(e, EPROTO, "systemd answers with no job");
	cleanup_free char *job = mem_strdup(path);
	for (;;) {
		struct dbus_message m;
		uint32_t id;
		const char *which, *name, *result;
		int k = dbus_receive(d, &m, e);
		if (k < 0)
			return k;
		if (m.type != DBUS_SIGNAL || !m.member || !str_eq(m.member, "JobRemoved"))
			continue;
		r = (struct dbus_reader){m.body, m.body_len, 0};
		if (dbus_get_u32(&r, &id) < 0 || dbus_get_str(&r, &which) < 0 ||
			dbus_get_str(&r, &name) < 0 || dbus_get_str(&r, &result) < 0 ||
			!str_eq(which, job))
			continue;
		return str_eq(result, "done")
			       ? 0
			       : err_set(e, ERR_CHILD, "systemd: unit '%s': %s", unit, result);
	}
}

static void forget_failure(struct dbus *d, const char *unit)
{
	struct buf body cleanup_buf = BUF_INIT;
	struct dbus_message m;
	dbus_put_str(&body, unit);
	call(d, "ResetFailedUnit", "s", &body, &m, NULL, NULL);
}

/* ---- starting ---- */

static void put_bool(struct buf *b, const char *name, bool v)
{
	dbus_put_struct(b);
	dbus_put_str(b, name);
	dbus_put_sig(b, "b");
	dbus_put_bool(b, v);
}

static void put_text(struct buf *b, const char *name, const char *v)
{
	dbus_put_struct(b);
	dbus_put_str(b, name);
	dbus_put_sig(b, "s");
	dbus_put_str(b, v);
}

static void put_pid(struct buf *b, pid_t pid)
{
	dbus_put_struct(b);
	dbus_put_str(b, "PIDs");
	dbus_put_sig(b, "au");
	size_t at = dbus_array_begin(b, 4);
	dbus_put_u32(b, (uint32_t)pid);
	dbus_array_end(b, at, 4);
}

/* StartTransientUnit(s name, s mode, a(sv) properties, a(sa(sv)) aux) */
static int format_start(struct buf *body, const struct systemd_unit *u, const char *id, pid_t pid,
	bool v2, const struct runtime_resources *r, const struct cgroup_writes *limits,
	struct err *e)
{
	cleanup_free char *about = mem_printf("container %s (kist)", id);
	dbus_put_str(body, u->name);
	dbus_put_str(body, "replace");
	size_t at = dbus_array_begin(body, 8);
	put_text(body, "Description", about);
	put_text(body, "Slice", u->slice);
	put_text(body, "CollectMode", "inactive-or-failed"); /* nothing stays behind */
	put_pid(body, pid);
	put_bool(body, "Delegate", true);
	put_bool(body, "DefaultDependencies", false);
	put_bool(body, "MemoryAccounting", true);
	put_bool(body, "CPUAccounting", true);
	put_bool(body, "TasksAccounting", true);
	put_bool(body, v2 ? "IOAccounting" : "BlockIOAccounting", true);
	int k = systemd_devices(r, body, e);
	if (limits)
		systemd_limits(limits, v2, body);
	/* last: what the config says stands above what we say. Elements begin at multiples of 8. */
	if (u->properties.len) {
		dbus_put_struct(body);
		buf_add(body, u->properties.data, u->properties.len);
	}
	dbus_array_end(body, at, 8);
	at = dbus_array_begin(body, 8);
	dbus_array_end(body, at, 8);
	return k;
}

static int start(struct dbus *d, const struct systemd_unit *u, const struct buf *body,
	const char **ret_error, struct err *e)
{
	struct dbus_message m;
	int r = call(d, "StartTransientUnit", "ssa(sv)a(sa(sv))", body, &m, ret_error, e);
	return r < 0 ? r : wait_job(d, &m, u->name, e);
}

int systemd_scope_start(const char *socket, const struct systemd_unit *u, const char *id, pid_t pid,
	const struct cgroup_aim *aim, const struct runtime_resources *r, struct err *e)
{
	const bool v2 = aim->host.mode == RUNTIME_CGROUP_V2;
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	struct buf body cleanup_buf = BUF_INIT, plain cleanup_buf = BUF_INIT;
	struct dbus d cleanup_dbus = DBUS_INIT;
	const char *error;
	int k = cgroup_limits(aim, r, &w, e);
	if (k == 0)
		k = format_start(&body, u, id, pid, v2, r, &w, e);
	if (k == 0)
		k = format_start(&plain, u, id, pid, v2, r, NULL, e);
	if (k == 0)
		k = dbus_open(&d, socket, is_broker(socket), e);
	if (k < 0)
		return k;
	struct err first = ERR_INIT;
	k = start(&d, u, &body, &error, &first);
	if (k < 0 && error && str_ends(error, ".UnitExists")) {
		/* a failed one of the same name lies there yet */
		err_clear(&first);
		forget_failure(&d, u->name);
		k = start(&d, u, &body, &error, &first);
	} else if (k < 0 && error) {
		/* older ones do not know all properties; the files hold the limits in any case */
		log_debug("%s; again without limits", first.msg);
		if (start(&d, u, &plain, &error, NULL) == 0)
			k = 0;
	}
	return k < 0 ? err_set(e, -k, "%s", first.msg) : 0;
}

int systemd_scope_update(const char *socket, const char *unit, const struct cgroup_aim *aim,
	const struct runtime_resources *r, struct err *e)
{
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	struct buf body cleanup_buf = BUF_INIT;
	struct dbus d cleanup_dbus = DBUS_INIT;
	struct dbus_message m;
	int k = cgroup_limits(aim, r, &w, e);
	if (k < 0)
		return k;
	dbus_put_str(&body, unit);
	dbus_put_bool(&body, true); /* until the next boot: the scope does not live longer */
	size_t at = dbus_array_begin(&body, 8);
	const size_t none = body.len;
	systemd_limits(&w, aim->host.mode == RUNTIME_CGROUP_V2, &body);
	dbus_array_end(&body, at, 8);
	if (body.len == none)
		return 0;
	k = dbus_open(&d, socket, is_broker(socket), e);
	return k < 0 ? k : call(&d, "SetUnitProperties", "sba(sv)", &body, &m, NULL, e);
}

int systemd_scope_stop(const char *socket, const char *unit, struct err *e)
{
	struct buf body cleanup_buf = BUF_INIT;
	struct dbus d cleanup_dbus = DBUS_INIT;
	struct dbus_message m;
	const char *error = NULL;
	struct err why = ERR_INIT;
	int k = dbus_open(&d, socket, is_broker(socket), e);
	if (k < 0)
		return k;
	dbus_put_str(&body, unit);
	dbus_put_str(&body, "replace");
	k = call(&d, "StopUnit", "ss", &body, &m, &error, &why);
	if (k < 0 && error && str_ends(error, ".NoSuchUnit"))
		return 0;
	if (k == 0)
		k = wait_job(&d, &m, unit, &why);
	if (k < 0)
		return err_set(e, -k, "%s", why.msg);
	forget_failure(&d, unit);
	return 0;
}
