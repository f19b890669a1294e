/* Units for containers: names, properties, and the conversation with a systemd that is none. */
#include "../test.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"
#include "runtime/dbus_priv.h"
#include "runtime/systemd.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static void units(void **state)
{
	static const struct {
		const char *path;
		bool user;
		const char *slice, *name, *group; /* NULL: an error */
	} cases[] = {
		{NULL, false, "system.slice", "kist-id.scope", "/system.slice"},
		{"", true, "user.slice", "kist-id.scope", "/user.slice"},
		{"machine.slice:libpod:abc", false, "machine.slice", "libpod-abc.scope",
			"/machine.slice"},
		{":crio:abc", false, "system.slice", "crio-abc.scope", "/system.slice"},
		{"a-b-c.slice::x", false, "a-b-c.slice", "x.scope",
			"/a.slice/a-b.slice/a-b-c.slice"},
		{"-.slice:p:x", false, "-.slice", "p-x.scope", ""},
		{"/a/b", false, NULL, NULL, NULL},
		{"a:b", false, NULL, NULL, NULL},
		{"a.slice:b:", false, NULL, NULL, NULL},
		{"a.slice:b:c:d", false, NULL, NULL, NULL},
		{"a:b:c", false, NULL, NULL, NULL},
		{"-a.slice:b:c", false, NULL, NULL, NULL},
		{"a-.slice:b:c", false, NULL, NULL, NULL},
		{"a--b.slice:b:c", false, NULL, NULL, NULL},
		{"../a.slice:b:c", false, NULL, NULL, NULL},
		{"a.slice:b:../c", false, NULL, NULL, NULL},
		{"a.slice:b:c.slice", false, NULL, NULL, NULL},
		{".slice:b:c", false, NULL, NULL, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct systemd_unit u = {0};
		struct err e = ERR_INIT;
		int r = systemd_unit_parse(cases[i].path, "id", cases[i].user, &u, &e);
		assert_int_equal(r == 0, cases[i].name != NULL);
		if (r < 0)
			continue;
		cleanup_free char *group = NULL;
		assert_int_equal(systemd_slice_path(u.slice, &group, &e), 0);
		assert_string_equal(u.slice, cases[i].slice);
		assert_string_equal(u.name, cases[i].name);
		assert_string_equal(group, cases[i].group);
		systemd_unit_release(&u);
	}
}

/* "Name=number" of each property of type t, "Name=[bytes]" of type ay */
static char *properties(enum runtime_cgroup_mode mode, const char *json)
{
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	struct buf raw cleanup_buf = BUF_INIT, out = BUF_INIT;
	struct cgroup_aim aim = {.host = {mode, 0, 0}};
	assert_int_equal(runtime_config_parse_resources(json, strlen(json), &c, NULL), 0);
	assert_int_equal(cgroup_limits(&aim, &c->resources, &w, NULL), 0);
	systemd_limits(&w, mode == RUNTIME_CGROUP_V2, &raw);
	struct dbus_reader r = {(const uint8_t *)raw.data, raw.len, 0};
	while (r.at < r.len) {
		const char *name;
		uint32_t low, high;
		r.at = (r.at + 7) / 8 * 8;
		assert_int_equal(dbus_get_str(&r, &name), 0);
		if (raw.data[r.at] == 1) {
			assert_memory_equal(raw.data + r.at, "\1t", 3);
			r.at = (r.at + 3 + 7) / 8 * 8;
			assert_int_equal(dbus_get_u32(&r, &low), 0);
			assert_int_equal(dbus_get_u32(&r, &high), 0);
			uint64_t v = (uint64_t)high << 32 | low;
			if (v == UINT64_MAX)
				buf_printf(&out, "%s=max ", name);
			else
				buf_printf(&out, "%s=%llu ", name, (unsigned long long)v);
		} else {
			assert_memory_equal(raw.data + r.at, "\2ay", 4);
			r.at += 4;
			assert_int_equal(dbus_get_u32(&r, &low), 0);
			buf_printf(&out, "%s=[", name);
			for (; low > 0; low--)
				buf_printf(&out, "%02x", (unsigned)(uint8_t)raw.data[r.at++]);
			buf_add_str(&out, "] ");
		}
	}
	buf_add_str(&out, "");
	return buf_take(&out);
}

static void limits_become_properties(void **state)
{
	static const struct {
		const char *json, *v1, *v2;
	} cases[] = {
		{"{}", "", ""},
		{"{\"memory\":{\"limit\":1000,\"swap\":3000,\"reservation\":5}}",
			"MemoryLimit=1000 ", "MemorySwapMax=2000 MemoryMax=1000 MemoryLow=5 "},
		{"{\"memory\":{\"limit\":-1}}", "MemoryLimit=max ",
			"MemorySwapMax=max MemoryMax=max "},
		{"{\"pids\":{\"limit\":7}}", "TasksMax=7 ", "TasksMax=7 "},
		{"{\"pids\":{\"limit\":-1}}", "TasksMax=max ", "TasksMax=max "},
		{"{\"cpu\":{\"shares\":1024}}", "CPUShares=1024 ", "CPUWeight=100 "},
		/* rounded up to what per mille of a second can say */
		{"{\"cpu\":{\"quota\":33333,\"period\":100000}}",
			"CPUQuotaPerSecUSec=340000 CPUQuotaPeriodUSec=100000 ",
			"CPUQuotaPerSecUSec=340000 CPUQuotaPeriodUSec=100000 "},
		{"{\"cpu\":{\"quota\":-1}}", "CPUQuotaPerSecUSec=max CPUQuotaPeriodUSec=100000 ",
			"CPUQuotaPerSecUSec=max CPUQuotaPeriodUSec=100000 "},
		{"{\"cpu\":{\"cpus\":\"0-2,9\",\"mems\":\"0\"}}", "",
			"AllowedCPUs=[0702] AllowedMemoryNodes=[01] "},
		{"{\"blockIO\":{\"weight\":1000}}", "BlockIOWeight=1000 ", "IOWeight=10000 "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *v1 = properties(RUNTIME_CGROUP_V1, cases[i].json);
		cleanup_free char *v2 = properties(RUNTIME_CGROUP_V2, cases[i].json);
		assert_string_equal(v1, cases[i].v1);
		assert_string_equal(v2, cases[i].v2);
	}
}

/* What an annotation becomes, read again: "Name signature value" */
static char *property(const char *name, const char *value)
{
	struct buf raw cleanup_buf = BUF_INIT, out = BUF_INIT;
	cleanup_free char *key = mem_printf(SYSTEMD_ANNOTATION "%s", name);
	struct runtime_pair v[] = {{"other", "x"}, {key, (char *)(uintptr_t)value}};
	const struct runtime_pairs pairs = {v, 2};
	struct err e = ERR_INIT;
	if (systemd_annotations(&pairs, &raw, &e) < 0) {
		assert_non_null(strstr(e.msg, name));
		return mem_strdup("refused");
	}
	struct dbus_reader r = {(const uint8_t *)raw.data, raw.len, 0};
	const char *text;
	uint32_t low, high = 0;
	assert_int_equal(dbus_get_str(&r, &text), 0);
	const char *type = raw.data + r.at + 1;
	buf_printf(&out, "%s %s ", text, type);
	r.at += strlen(type) + 2;
	if (str_eq(type, "s")) {
		assert_int_equal(dbus_get_str(&r, &text), 0);
		buf_add_str(&out, text);
	} else if (str_eq(type, "as")) {
		assert_int_equal(dbus_get_u32(&r, &low), 0);
		assert_int_equal(low, r.len - r.at);
		while (r.at < r.len && dbus_get_str(&r, &text) == 0)
			buf_printf(&out, "%s,", text);
	} else {
		r.at = strchr("tx", *type) ? (r.at + 7) / 8 * 8 : r.at;
		assert_int_equal(dbus_get_u32(&r, &low), 0);
		if (strchr("tx", *type))
			assert_int_equal(dbus_get_u32(&r, &high), 0);
		buf_printf(&out, "%lld",
			*type == 'i' ? (long long)(int32_t)low
				     : (long long)((uint64_t)high << 32 | low));
	}
	assert_int_equal(r.at, r.len);
	return buf_take(&out);
}

static void annotations_become_properties(void **state)
{
	static const struct {
		const char *name, *value, *want;
	} cases[] = {
		{"KillSignal", "37", "KillSignal i 37"},
		{"KillSignal", "-1", "KillSignal i -1"},
		{"TimeoutStopUSec", "uint64 5000000000", "TimeoutStopUSec t 5000000000"},
		{"TimeoutStopUSec", "int64 -5", "TimeoutStopUSec x -5"},
		{"TasksMax", "uint32 4294967295", "TasksMax u 4294967295"},
		{"TimeoutStopSec", "1.5", "TimeoutStopUSec t 1500000"},
		{"TimeoutStopSec", "uint64 2", "TimeoutStopUSec t 2000000"},
		{"SendSIGHUP", "true", "SendSIGHUP b 1"},
		{"SendSIGHUP", "false", "SendSIGHUP b 0"},
		{"Description", "'it\\'s \"x\"'", "Description s it's \"x\""},
		{"Description", "\"\"", "Description s "},
		{"After", "['a.service', \"b.service\"]", "After as a.service,b.service,"},
		{"After", "@as []", "After as "},
		{"After", "[]", "refused"},
		{"After", "['a'", "refused"},
		{"After", "['a' 'b']", "refused"},
		{"After", "[a]", "refused"},
		{"Description", "plain", "refused"},
		{"Description", "'open", "refused"},
		{"Description", "'a' 'b'", "refused"},
		{"Description", "'a\\n'", "refused"},
		{"Description", "'a\\", "refused"},
		{"KillSignal", "2147483648", "refused"},
		{"KillSignal", "uint32 -1", "refused"},
		{"KillSignal", "uint64 18446744073709551616", "refused"},
		{"KillSignal", "", "refused"},
		{"KillSignal", "7x", "refused"},
		{"KillSignal", "byte 7", "refused"},
		{"TimeoutStopSec", "-1", "refused"},
		{"TimeoutStopSec", "nan", "refused"},
		{"A", "true", "refused"},
		{"Bad-Name", "true", "refused"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *got = property(cases[i].name, cases[i].value);
		assert_string_equal(got, cases[i].want);
	}
}

/* ---- a systemd that is none ---- */

static void answer(int fd, enum dbus_type type, uint32_t reply_to, const char *error,
	const char *signature, const struct buf *body)
{
	struct buf b cleanup_buf = BUF_INIT;
	const char fixed[] = {'l', (char)type, 0, 1};
	buf_add(&b, fixed, sizeof(fixed));
	dbus_put_u32(&b, body ? (uint32_t)body->len : 0);
	dbus_put_u32(&b, 77);
	size_t at = dbus_array_begin(&b, 8);
	const struct {
		char code;
		const char *sig, *text;
	} fields[] = {{3, "s", type == DBUS_SIGNAL ? "JobRemoved" : NULL}, {4, "s", error},
		{8, "g", body ? signature : NULL}};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		if (!fields[i].text)
			continue;
		dbus_put_struct(&b);
		buf_add_char(&b, fields[i].code);
		dbus_put_sig(&b, fields[i].sig);
		if (*fields[i].sig == 'g')
			dbus_put_sig(&b, fields[i].text);
		else
			dbus_put_str(&b, fields[i].text);
	}
	dbus_put_struct(&b);
	buf_add_char(&b, 5);
	dbus_put_sig(&b, "u");
	dbus_put_u32(&b, reply_to);
	dbus_array_end(&b, at, 8);
	dbus_put_struct(&b);
	if (body)
		buf_add(&b, body->data, body->len);
	assert_int_equal(send(fd, b.data, b.len, 0), (ssize_t)b.len);
}

static void removed(int fd, const char *job, const char *result)
{
	struct buf body cleanup_buf = BUF_INIT;
	dbus_put_u32(&body, 5);
	dbus_put_str(&body, job);
	dbus_put_str(&body, "x.scope");
	dbus_put_str(&body, result);
	answer(fd, DBUS_SIGNAL, 0, NULL, "uoss", &body);
}

static void read_full(int fd, char *p, size_t len)
{
	assert_int_equal(recv(fd, p, len, MSG_WAITALL), (ssize_t)len);
}

/* One call that wants an answer; its whole bytes in out */
static struct dbus_message next_call(int fd, struct buf *out)
{
	struct dbus_message m;
	for (;;) {
		char header[DBUS_FIXED_HEADER];
		read_full(fd, header, sizeof(header));
		int64_t size = dbus_message_size(header, NULL);
		assert_true(size > 0);
		buf_clear(out);
		buf_add(out, header, sizeof(header));
		buf_reserve(out, (size_t)size);
		read_full(fd, out->data + out->len, (size_t)size - sizeof(header));
		out->len = (size_t)size;
		assert_int_equal(dbus_parse(out->data, out->len, &m, NULL), 0);
		if (!out->data[2])
			return m;
	}
}

static void expect_line(int fd, const char *start, const char *reply)
{
	char c = 0, line[128];
	size_t n = 0;
	while (n + 1 < sizeof(line) && c != '\n') {
		read_full(fd, &c, 1);
		if (c)
			line[n++] = c;
	}
	line[n] = 0;
	assert_memory_equal(line, start, strlen(start));
	if (reply)
		assert_int_equal(send(fd, reply, strlen(reply), 0), (ssize_t)strlen(reply));
}

enum scene { FINE, EXISTS, OLD, FAILS, NO_UNIT };

static void play(int fd, enum scene scene)
{
	struct buf in cleanup_buf = BUF_INIT, body cleanup_buf = BUF_INIT;
	char hex[64] = "AUTH EXTERNAL ", uid[16];
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	for (size_t i = 0, n = strlen(hex); uid[i]; i++, n += 2)
		snprintf(hex + n, sizeof(hex) - n, "%02x", (unsigned)uid[i]);
	/* as inside a user namespace: the number is wrong, the credentials are right */
	expect_line(fd, hex, scene == FINE ? "REJECTED EXTERNAL\r\n" : "OK 1234\r\n");
	if (scene == FINE) {
		expect_line(fd, "AUTH EXTERNAL\r\n", "DATA\r\n");
		expect_line(fd, "DATA\r\n", "OK 1234\r\n");
	}
	expect_line(fd, "BEGIN\r\n", NULL);
	struct dbus_message m = next_call(fd, &in);
	if (scene == NO_UNIT) {
		assert_string_equal(m.member, "StopUnit");
		answer(fd, DBUS_ERROR, m.serial, "org.freedesktop.systemd1.NoSuchUnit", NULL, NULL);
		return;
	}
	assert_string_equal(m.member, "StartTransientUnit");
	assert_string_equal(m.signature, "ssa(sv)a(sa(sv))");
	assert_non_null(memmem(in.data, in.len, "TasksMax", 8));
	assert_non_null(memmem(in.data, in.len, "/dev/char/1:3", 14));
	if (scene == EXISTS) {
		answer(fd, DBUS_ERROR, m.serial, "org.freedesktop.systemd1.UnitExists", NULL, NULL);
		m = next_call(fd, &in);
		assert_string_equal(m.member, "ResetFailedUnit");
		answer(fd, DBUS_RETURN, m.serial, NULL, NULL, NULL);
		m = next_call(fd, &in);
	} else if (scene == OLD) {
		dbus_put_str(&body, "Cannot set property AllowedCPUs");
		answer(fd, DBUS_ERROR, m.serial, "org.freedesktop.DBus.Error.PropertyReadOnly", "s",
			&body);
		buf_clear(&body);
		m = next_call(fd, &in);
		assert_null(memmem(in.data, in.len, "TasksMax", 8));
	}
	dbus_put_str(&body, "/job/5");
	removed(fd, "/job/4", "done"); /* somebody else's, before and after the answer */
	answer(fd, DBUS_RETURN, m.serial, NULL, "o", &body);
	removed(fd, "/job/4", "failed");
	removed(fd, "/job/5", scene == FAILS ? "failed" : "done");
}

static int start_with(enum scene scene, struct err *e)
{
	char dir[] = "/tmp/kist-systemd.XXXXXX";
	assert_non_null(mkdtemp(dir));
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/private", dir);
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(s, 1), 0);
	pid_t pid = fork();
	if (pid == 0) {
		int fd = accept(s, NULL, NULL);
		play(fd, scene); /* a failed assertion ends it with another status */
		char c;
		_exit(recv(fd, &c, 1, 0) > 0); /* until it is closed */
	}
	const char *json = "{\"pids\":{\"limit\":9},\"devices\":[{\"allow\":false}]}";
	struct runtime_config *c cleanup_runtime_config = NULL;
	assert_int_equal(runtime_config_parse_resources(json, strlen(json), &c, NULL), 0);
	struct cgroup_aim aim = {.host = {RUNTIME_CGROUP_V2, 0, RUNTIME_CG_PIDS}};
	struct systemd_unit u = {(char *)"a.slice", (char *)"x.scope"};
	int status, r = scene == NO_UNIT ? systemd_scope_stop(a.sun_path, "x.scope", e)
					 : systemd_scope_start(a.sun_path, &u, "id", 123, &aim,
						   &c->resources, e);
	close(s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	unlink(a.sun_path);
	rmdir(dir);
	return r;
}

static void conversation(void **state)
{
	struct err e = ERR_INIT;
	assert_ok(start_with(FINE, &e), &e);
	assert_ok(start_with(EXISTS, &e), &e);
	assert_ok(start_with(OLD, &e), &e);
	assert_ok(start_with(NO_UNIT, &e), &e);
	assert_true(start_with(FAILS, &e) < 0);
	assert_contains(e.msg, "unit 'x.scope': failed");
}

static void damaged_messages(void **state)
{
	struct buf b cleanup_buf = BUF_INIT, body cleanup_buf = BUF_INIT;
	dbus_put_str(&body, "text");
	const struct dbus_call c = {"a.b", "/p", "a.b.C", "M", "s", &body, false};
	dbus_format_call(&b, 9, &c);
	struct dbus_message m;
	assert_int_equal(dbus_parse(b.data, b.len, &m, NULL), 0);
	assert_string_equal(m.member, "M");
	assert_string_equal(m.path, "/p");
	assert_int_equal(m.serial, 9);
	/* cut anywhere: an error, never a read outside */
	for (size_t n = 0; n < b.len; n++) {
		cleanup_free char *copy = mem_alloc(n + 1);
		memcpy(copy, b.data, n);
		assert_true(dbus_parse(copy, n, &m, NULL) < 0);
	}
	/* any byte changed: no more than an error */
	for (size_t n = 0; n < b.len; n++)
		for (int bit = 0; bit < 8; bit++) {
			b.data[n] = (char)(b.data[n] ^ (1 << bit));
			(void)dbus_parse(b.data, b.len, &m, NULL);
			b.data[n] = (char)(b.data[n] ^ (1 << bit));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(units),
		cmocka_unit_test(limits_become_properties),
		cmocka_unit_test(annotations_become_properties),
		cmocka_unit_test(conversation),
		cmocka_unit_test(damaged_messages),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
