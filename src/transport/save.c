/* Saving: the lease, docker-archives, and what both forms share. */
#include "transport/save_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/layout.h"
#include "oci/reference.h"
#include "snapshot/ingest.h"
#include "store/blob.h"
#include "store/layer.h"
#include "store/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const formats[] = {
	[TRANSPORT_DOCKER_ARCHIVE] = "docker-archive",
	[TRANSPORT_OCI_ARCHIVE] = "oci-archive",
	[TRANSPORT_OCI_DIR] = "oci-dir",
};

int transport_format_parse(const char *name, enum transport_format *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (str_eq(name, formats[i])) {
			*ret = (enum transport_format)i;
			return 0;
		}
	}
	return -EINVAL;
}

int transport_save_open_tar(struct store *s, const char *diffid, uint64_t *ret_size, struct err *e)
{
	struct store_layer l;
	int r = store_layer_get(s, diffid, &l, e);
	if (r >= 0 && l.suspect)
		r = snapshot_layer_verify(s, diffid, e);
	if (r < 0)
		return r;
	char *path cleanup_free = store_layer_path(s, diffid, "tar");
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	*ret_size = l.tar_size;
	return fd;
}

static int save_docker_layer(
	struct transport_saver *w, const char *diffid, struct strv *names, struct err *e)
{
	char *name cleanup_free = mem_printf("%s.tar", oci_digest_hex(diffid));
	strv_add(names, name);
	if (transport_sink_has(&w->sink, name))
		return 0;
	uint64_t size;
	int fd cleanup_fd = transport_save_open_tar(w->store, diffid, &size, e);
	return fd < 0 ? fd : transport_sink_file(&w->sink, name, fd, size, e);
}

static int save_docker_image(struct transport_saver *w, const struct transport_save_image *img,
	struct oci_archive_image *out, struct err *e)
{
	struct buf config cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	int r = store_blob_read(w->store, img->id, &config, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&config), config.len, &c, e);
	for (size_t i = 0; i < c.diff_ids.n && r >= 0; i++)
		r = save_docker_layer(w, c.diff_ids.v[i], &out->layers, e);
	if (r < 0)
		return r;
	out->config = mem_printf("%s.json", oci_digest_hex(img->id));
	for (size_t i = 0; i < img->names.n; i++) {
		char name[OCI_REFERENCE_MAX];
		strv_add(&out->repo_tags, oci_reference_familiar(img->names.v[i], name));
	}
	return transport_sink_bytes(&w->sink, out->config, config.data, config.len, e);
}

int transport_save_docker(struct transport_saver *w, struct err *e)
{
	struct oci_archive a cleanup_oci_archive = {
		.v = mem_array(w->n + 1, sizeof(struct oci_archive_image)), .n = w->n};
	int r = 0;
	for (size_t i = 0; i < w->n && r >= 0; i++)
		r = save_docker_image(w, &w->images[i], &a.v[i], e);
	if (r < 0)
		return r;
	struct buf doc cleanup_buf = BUF_INIT;
	oci_archive_format(&a, &doc);
	return transport_sink_bytes(&w->sink, "manifest.json", doc.data, doc.len, e);
}

int transport_save(struct store *s, const struct transport_save_image *images, size_t n,
	const struct transport_save_options *o, int fd, struct err *e)
{
	struct store_lease *lease cleanup_store_lease = NULL;
	int r = store_lease_begin(s, "save", &lease, e);
	for (size_t i = 0; i < n && r >= 0; i++)
		r = store_lease_add(lease, images[i].id, e);
	if (r < 0)
		return r;
	struct transport_saver w = {
		.store = s,
		.images = images,
		.n = n,
		.o = o,
		.sink = {.fd = fd, .is_dir = o->format == TRANSPORT_OCI_DIR},
	};
	r = o->format == TRANSPORT_DOCKER_ARCHIVE ? transport_save_docker(&w, e)
						  : transport_save_layout(&w, e);
	if (r >= 0)
		r = transport_sink_finish(&w.sink, e);
	transport_sink_release(&w.sink);
	return r;
}
