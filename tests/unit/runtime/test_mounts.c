/* Mount options: the table of the specification, crun's id maps, what does not go together. */
#include "../test.h"
#include "sample.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "runtime/config.h"
#include "runtime/features.h"
#include "runtime/mount_prepare.h"

#include <jansson.h>
#include <linux/mount.h>
#include <sys/mount.h>

#ifndef MOUNT_ATTR_NOSYMFOLLOW
#define MOUNT_ATTR_NOSYMFOLLOW 0x00200000
#endif

/* A config of one mount; NULL with e when it is refused */
static struct runtime_config *parse(const char *mount, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct runtime_config *c = NULL;
	buf_printf(&b,
		"{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"r\"},\"mounts\":[%s],"
		"\"process\":{\"args\":[\"a\"],\"cwd\":\"/\"}}",
		mount);
	int r = runtime_config_parse(buf_str(&b), b.len, &c, e);
	assert_true((r < 0) == (c == NULL));
	return c;
}

static struct runtime_config *with_option(const char *word, bool bind)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	buf_printf(&b,
		"{\"destination\":\"/a\",\"type\":\"%s\",\"source\":\"/b\",\"options\":[\"%s\"]}",
		bind ? "bind" : "tmpfs", word);
	struct runtime_config *c = parse(buf_str(&b), &e);
	if (!c)
		print_error("'%s': %s\n", word, e.msg);
	assert_non_null(c);
	return c;
}

static const struct {
	const char *word;
	uint64_t set, clr, set_rec, clr_rec;
} attrs[] = {
	{"ro", MOUNT_ATTR_RDONLY, 0, 0, 0},
	{"rw", 0, MOUNT_ATTR_RDONLY, 0, 0},
	{"nosuid", MOUNT_ATTR_NOSUID, 0, 0, 0},
	{"suid", 0, MOUNT_ATTR_NOSUID, 0, 0},
	{"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME, 0, 0},
	{"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME, 0, 0},
	{"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0, 0, 0},
	{"rro", 0, 0, MOUNT_ATTR_RDONLY, 0},
	{"rrw", 0, 0, 0, MOUNT_ATTR_RDONLY},
	{"rnosuid", 0, 0, MOUNT_ATTR_NOSUID, 0},
	{"rsuid", 0, 0, 0, MOUNT_ATTR_NOSUID},
	{"rdev", 0, 0, 0, MOUNT_ATTR_NODEV},
	{"rexec", 0, 0, 0, MOUNT_ATTR_NOEXEC},
	{"rdiratime", 0, 0, 0, MOUNT_ATTR_NODIRATIME},
	{"rrelatime", 0, 0, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
	{"rnoatime", 0, 0, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
	{"rnosymfollow", 0, 0, MOUNT_ATTR_NOSYMFOLLOW, 0},
};

static void attributes(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(attrs); i++) {
		struct runtime_config *c cleanup_runtime_config = with_option(attrs[i].word, false);
		const struct runtime_mount *m = &c->mounts[0];
		assert_int_equal(m->attr_set, attrs[i].set);
		assert_int_equal(m->attr_clr, attrs[i].clr);
		assert_int_equal(m->attr_set_rec, attrs[i].set_rec);
		assert_int_equal(m->attr_clr_rec, attrs[i].clr_rec);
		assert_int_equal(m->data.n, 0);
	}
}

/* What `features` promises is read by us; what goes on to the file system is known to the kernel. */
static void promised_words(void **state)
{
	static const char *const to_kernel[] = {
		"async", "dirsync", "lazytime", "mand", "nolazytime", "nomand", "sync"};
	cleanup_free char *text = runtime_features();
	json_t *doc = json_loads(text, 0, NULL), *words = json_object_get(doc, "mountOptions");
	assert_true(json_array_size(words) > 60);
	for (size_t i = 0; i < json_array_size(words); i++) {
		const char *word = json_string_value(json_array_get(words, i));
		bool kernel = false;
		for (size_t k = 0; k < ARRAY_SIZE(to_kernel); k++)
			kernel |= str_eq(word, to_kernel[k]);
		bool bind = !str_eq(word, "tmpcopyup");
		struct runtime_config *c cleanup_runtime_config = with_option(word, bind);
		if (c->mounts[0].data.n != kernel)
			print_error("'%s'\n", word);
		assert_int_equal(c->mounts[0].data.n, kernel);
	}
	json_decref(doc);
}

static void id_maps(void **state)
{
	struct err e = ERR_INIT;
	struct runtime_config *c cleanup_runtime_config =
		with_option("ridmap=uids=0-1-10#@10-11-10;gids=@5-100-10", true);
	const struct runtime_mount *m = &c->mounts[0];
	assert_true(m->idmap && m->idmap_rec);
	assert_int_equal(m->nuid_maps, 2);
	assert_int_equal(m->uid_maps[1].container, 10);
	assert_int_equal(m->uid_maps[1].host, 11);
	assert_int_equal(m->uid_maps[1].size, 10);
	assert_int_equal(m->uid_relative, 2);
	assert_int_equal(m->gid_relative, 1);
	const struct runtime_id_map in[] = {{0, 0, 1}, {1, 2, 1000}};
	struct runtime_id_map out[2];
	/* the example of crun's manual: 3 counts from the line that begins at 1 and is 2 outside */
	const struct runtime_id_map manual = {1, 3, 10};
	assert_ok(mount_map_resolve(&manual, 1, 1, in, 2, out, &e), &e);
	assert_int_equal(out[0].host, 4);
	assert_ok(mount_map_resolve(m->uid_maps, 2, m->uid_relative, in, 2, out, &e), &e);
	assert_int_equal(out[0].host, 1);
	assert_int_equal(out[1].host, 12);
	const struct runtime_id_map beyond = {0, 995, 10}, wraps = {0, UINT32_MAX, 2};
	assert_int_equal(mount_map_resolve(&beyond, 1, 1, in, 2, out, &e), -ERR_FORMAT);
	assert_int_equal(mount_map_resolve(&wraps, 1, 1, in, 2, out, NULL), -ERR_FORMAT);
	assert_contains(e.msg, "ids 995 to 1004");
}

#define BIND(x) "{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\"," x "}"
#define MAP     "[{\"containerID\":0,\"hostID\":1,\"size\":1}]"

static const struct {
	const char *mount, *error;
} bad[] = {
	{BIND("\"uidMappings\":" MAP), "uidMappings and gidMappings go together"},
	{BIND("\"options\":[\"idmap=uids=0-1\"]"), "'0-1' is no list of ranges"},
	{BIND("\"options\":[\"idmap=uids=0-1-0\"]"), "'0-1-0' is no list of ranges"},
	{BIND("\"options\":[\"idmap=uids=0-1-4294967296\"]"), "is no list of ranges"},
	{BIND("\"options\":[\"idmap=uids=0-1-1x\"]"), "is no list of ranges"},
	{BIND("\"options\":[\"idmap=uids=\"]"), "is no list of ranges"},
	{BIND("\"options\":[\"idmap=0-1-1\"]"), "is neither uids= nor gids="},
	{BIND("\"options\":[\"idmap=uids=0-1-1\"]"), "go together"},
	{BIND("\"options\":[\"tmpcopyup\"]"), "tmpcopyup is for a tmpfs"},
	{"{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"copy-symlink\"]}",
		"copy-symlink is for bind mounts"},
	{"{\"destination\":\"/a\",\"type\":\"tmpfs\",\"options\":[\"ridmap\"]}",
		"mounts[0]: only a bind mount can be id-mapped"},
	{"{\"destination\":\"/a\",\"options\":[\"rbind\"]}", "source of a bind mount"},
};

static void refused(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		assert_null(parse(bad[i].mount, &e));
		assert_contains(e.msg, bad[i].error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(attributes),
		cmocka_unit_test(promised_words),
		cmocka_unit_test(id_maps),
		cmocka_unit_test(refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
