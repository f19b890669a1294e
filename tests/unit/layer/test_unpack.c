/* Unpacking: what a write must not take away again. */
#include "base/err.h"
#include "helper.h"
#include "layer/unpack.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* cap_net_raw+ep as version 2 of the attribute (capabilities(7)) */
static const unsigned char net_raw[20] = {1, 0, 0, 2, 0, 0x20};

static void test_privileges_survive_data(void **state)
{
	char dir[] = "/var/tmp/kist-unpack-XXXXXX";
	struct err e = ERR_INIT;
	if (geteuid() != 0)
		skip();
	assert_non_null(mkdtemp(dir));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(fd >= 0);
	const struct layer_xattr capability = {"security.capability", net_raw, sizeof(net_raw)};
	const struct layer_entry files[] = {
		{.path = "suid", .type = LAYER_FILE, .mode = 04755, .size = 4, .uid = 7, .gid = 8},
		{.path = "capable",
			.type = LAYER_FILE,
			.mode = 0755,
			.size = 4,
			.xattrs = &capability,
			.n_xattrs = 1},
		{.path = "plain", .type = LAYER_FILE, .mode = 0644, .size = 4},
	};
	struct layer_unpack *u = layer_unpack_new(fd, 0);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		assert_int_equal(layer_unpack_ops.entry(u, &files[i], &e), 0);
		assert_int_equal(layer_unpack_ops.data(u, "text", 4, &e), 0);
		assert_int_equal(layer_unpack_ops.end(u, &e), 0);
	}
	assert_int_equal(layer_unpack_finish(u, &e), 0);
	layer_unpack_free(u);
	struct stat st;
	char value[64];
	assert_int_equal(fstatat(fd, "suid", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 04755);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(fstatat(fd, "plain", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	int file = openat(fd, "capable", O_RDONLY | O_CLOEXEC);
	assert_int_equal(fgetxattr(file, "security.capability", value, sizeof(value)), 20);
	assert_memory_equal(value, net_raw, sizeof(net_raw));
	close(file);
	file = openat(fd, "plain", O_RDONLY | O_CLOEXEC);
	assert_true(fgetxattr(file, "security.capability", value, sizeof(value)) < 0);
	close(file);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		unlinkat(fd, files[i].path, 0);
	close(fd);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_privileges_survive_data)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
