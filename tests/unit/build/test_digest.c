/* The memory of file digests: what it spares, and when it must not be believed. */
#include "../test.h"

#include "base/defs.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "build/digest.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];
static int dir, cache;

static int set_up(void **state)
{
	snprintf(root, sizeof(root), "/tmp/kist-digest-XXXXXX");
	if (!mkdtemp(root) || chdir(root) < 0 || mkdir("ctx", 0755) < 0 || mkdir("cache", 0755) < 0)
		return -1;
	dir = open("ctx", O_RDONLY | O_DIRECTORY);
	cache = open("cache", O_RDONLY | O_DIRECTORY);
	return dir < 0 || cache < 0;
}

static int tear_down(void **state)
{
	close(dir);
	close(cache);
	return file_remove_tree(AT_FDCWD, root, NULL);
}

static void put(const char *name, const char *text)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* One walk and one fill: how many files were read; hex of the first regular file in `first`. */
static size_t look(const char *sub, char first[65])
{
	struct err e = ERR_INIT;
	struct build_digests *d cleanup_build_digests = build_digests_open(cache, "memory");
	struct build_tree t cleanup_build_tree = BUILD_TREE_INIT;
	struct build_tree_options o = {0};
	assert_ok(build_tree_walk(dir, sub, &o, &t, &e), &e);
	assert_ok(build_digests_fill(d, dir, &t, 0, 2, NULL, &e), &e);
	for (size_t i = t.n; i-- > 0;)
		if (S_ISREG(t.v[i].mode)) {
			assert_true(t.v[i].has_digest);
			if (first)
				str_hex(t.v[i].digest, 32, first);
		}
	return build_digests_read(d);
}

#define SHA_A "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
#define SHA_B "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"

static void test_memory(void **state)
{
	char hex[65];
	put("a", "a");
	put("b", "bb");
	mkdirat(dir, "sub", 0755);
	put("sub/c", "c");
	assert_int_equal(look("", hex), 3); /* too fresh to be remembered */
	assert_string_equal(hex, SHA_A);
	usleep(60 * 1000);
	look("", hex); /* on a busy machine some were old enough before */
	assert_int_equal(look("", hex), 0);
	assert_string_equal(hex, SHA_A);
	/* another size, the same size, and no change at all */
	put("b", "bbb");
	assert_int_equal(look("", NULL), 1);
	put("a", "b");
	assert_in_range(look("", hex), 1, 2); /* b, too, unless it is old enough by now */
	assert_string_equal(hex, SHA_B);
	usleep(60 * 1000);
	look("", NULL);
	assert_int_equal(look("", NULL), 0);
}

/* A part of the tree is looked at: what is known of the rest stays known. */
static void test_parts(void **state)
{
	usleep(60 * 1000);
	look("", NULL);
	put("sub/d", "d");
	usleep(60 * 1000);
	assert_int_equal(look("sub", NULL), 1);
	assert_int_equal(look("sub", NULL), 0);
	assert_int_equal(look("a", NULL), 0);
	assert_int_equal(look("", NULL), 0);
	unlinkat(dir, "sub/d", 0);
	assert_int_equal(look("", NULL), 0);
}

static void test_damage(void **state)
{
	char hex[65];
	static const size_t cuts[] = {0, 7, 16, 40, 100, 130};
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		usleep(30 * 1000);
		look("", NULL);
		int fd = openat(cache, "memory", O_RDWR);
		assert_int_equal(ftruncate(fd, (off_t)cuts[i]), 0);
		close(fd);
		look("", hex);
		assert_string_equal(hex, SHA_B);
	}
	/* a length beyond the end, in a file of the right size */
	look("", NULL);
	int fd = openat(cache, "memory", O_RDWR);
	uint32_t huge[2] = {0x7fffffff, ~0x7fffffffu};
	assert_int_equal(pwrite(fd, huge, sizeof(huge), 16 + 72), sizeof(huge));
	close(fd);
	look("", hex);
	assert_string_equal(hex, SHA_B);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_damage),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
