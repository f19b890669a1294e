/* What we write validates against the schemas of the specifications. Skipped where the shared data
 * or python3-jsonschema is missing. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/config_edit.h"
#include "oci/convert.h"
#include "oci/image_config.h"
#include "oci/layout.h"
#include "oci/manifest.h"
#include "oci/passwd.h"

#include <fcntl.h>
#include <unistd.h>

#define D1 "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void check(const char *schema, const struct buf *doc)
{
	const char *shared = getenv("KIST_SHARED_DATA"), *data = getenv("KIST_TEST_DATA");
	char *path cleanup_free = mem_printf("%s/%s", shared ?: "", schema);
	if (!shared || !data || !file_exists(AT_FDCWD, path)) {
		print_message("SKIP: the shared schemas are not there\n");
		skip();
	}
	char *tool cleanup_free = mem_printf("%s/validate-json", data);
	char file[] = "/tmp/kist-schema-XXXXXX";
	int fd = mkstemp(file);
	assert_true(fd >= 0 && write(fd, doc->data, doc->len) == (ssize_t)doc->len);
	close(fd);
	char *argv[] = {tool, path, file, NULL};
	struct buf out cleanup_buf = BUF_INIT_MAX(65536);
	struct err e = ERR_INIT;
	int r = proc_run(argv, -1, &out, 0, &e);
	unlink(file);
	if (r == 77) {
		print_message("SKIP: %s\n", buf_str(&out));
		skip();
	}
	if (r != 0)
		print_error("%s%s\n%s\n", e.msg, buf_str(&out), buf_str(doc));
	assert_int_equal(r, 0);
}

static void fill(struct oci_image_config *c)
{
	c->architecture = mem_strdup("amd64");
	c->os = mem_strdup("linux");
	c->created = mem_strdup("2024-01-02T03:04:05Z");
	strv_add(&c->config.cmd, "sh");
	c->config.has_cmd = true;
	strv_add(&c->config.env, "A=1");
	strv_add(&c->config.labels, "a=b");
	strv_add(&c->config.exposed_ports, "80/tcp");
	strv_add(&c->config.volumes, "/v");
	strv_add(&c->config.onbuild, "RUN x");
	c->config.healthcheck.set = true;
	strv_add(&c->config.healthcheck.test, "NONE");
	strv_add(&c->diff_ids, D1);
	oci_image_config_add_history(c, c->created, "COPY", NULL, NULL, false);
}

static void image_config(void **state)
{
	(void)state;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	fill(&c);
	struct buf doc cleanup_buf = BUF_INIT;
	oci_image_config_format(&c, &doc);
	check("image-spec-schema/config-schema.json", &doc);
}

static void manifest_and_index(void **state)
{
	(void)state;
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct oci_descriptor d = {.media_type = (char *)OCI_TYPE_CONFIG, .digest = D1, .size = 3};
	oci_descriptor_copy(&m.config, &d);
	d.media_type = (char *)OCI_TYPE_LAYER_GZIP;
	oci_manifest_add_layer(&m, &d);
	struct buf doc cleanup_buf = BUF_INIT;
	oci_manifest_format(&m, &doc);
	check("image-spec-schema/image-manifest-schema.json", &doc);
	struct oci_index x cleanup_oci_index = {0};
	d.media_type = (char *)OCI_TYPE_MANIFEST;
	oci_index_add(&x, &d);
	x.manifests[0].has_platform = true;
	x.manifests[0].platform.os = mem_strdup("linux");
	x.manifests[0].platform.architecture = mem_strdup("amd64");
	strv_add(&x.manifests[0].annotations, OCI_ANNOTATION_REF_NAME "=latest");
	buf_clear(&doc);
	oci_index_format(&x, &doc);
	check("image-spec-schema/image-index-schema.json", &doc);
	buf_clear(&doc);
	oci_layout_format(&doc);
	check("image-spec-schema/image-layout-schema.json", &doc);
}

static void runtime_config(void **state)
{
	(void)state;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	fill(&c);
	struct buf doc cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	struct oci_convert_options o = {.hostname = "h"};
	assert_ok(oci_convert_runtime(&c.config, &o, &doc, &e), &e);
	check("runtime-spec-schema/config-schema.json", &doc);

	struct oci_convert_mount mount = {.type = "bind", .source = "/b", .destination = "/a"};
	struct oci_convert_rlimit rlimit = {"RLIMIT_NOFILE", 1024, UINT64_MAX};
	struct oci_convert_device device = {"/dev/fuse", 'c', 10, 229, 0, NULL};
	struct strv pairs cleanup_strv = STRV_INIT;
	strv_add(&pairs, "net.ipv4.ip_forward=1");
	uint32_t groups[] = {4};
	struct oci_user user = {
		.uid = 1, .gid = 2, .groups = groups, .ngroups = 1, .home = (char *)"/"};
	struct oci_convert_options all = {.hostname = "h",
		.domainname = "d",
		.user = &user,
		.tty = true,
		.rows = 24,
		.columns = 80,
		.init = true,
		.seccomp = "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		.seccomp_len = 34,
		.no_new_privileges = true,
		.readonly_rootfs = true,
		.network = OCI_NETWORK_PATH,
		.network_path = "/run/netns/x",
		.mounts = &mount,
		.nmounts = 1,
		.resolv_conf = "/r",
		.hosts_file = "/h",
		.hostname_file = "/n",
		.cgroups_path = "/kist/x",
		.resources = {.memory = 1 << 20,
			.memory_reservation = 1,
			.swappiness = 1,
			.oom_kill_disable = true,
			.nano_cpus = 500000000,
			.cpu_shares = 2,
			.cpuset_cpus = "0",
			.cpuset_mems = "0",
			.pids = -1,
			.blkio_weight = 100},
		.rlimits = &rlimit,
		.nrlimits = 1,
		.devices = &device,
		.ndevices = 1,
		.has_oom_score_adj = true,
		.oom_score_adj = -5,
		.sysctls = &pairs,
		.annotations = &pairs};
	buf_clear(&doc);
	assert_ok(oci_convert_runtime(&c.config, &all, &doc, &e), &e);
	check("runtime-spec-schema/config-schema.json", &doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(image_config),
		cmocka_unit_test(manifest_and_index),
		cmocka_unit_test(runtime_config),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
