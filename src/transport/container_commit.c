/* A container's changes as a new image over its old one. */
#include "transport/container_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/upper.h"
#include "snapshot/layer.h"
#include "store/blob.h"
#include "store/gc.h"
#include "store/lease.h"
#include "transport/image_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 1 and the layer's diffID; 0 when nothing has changed. */
static int make_layer(struct store *s, const struct transport_container *c,
	char ret[STORE_DIGEST_MAX], struct err *e)
{
	int upper cleanup_fd = transport_container_upper(c, e);
	if (upper < 0)
		return upper == -ENOENT ? 0 : upper;
	struct transport_stack image cleanup_transport_stack = {0};
	struct strv stubs cleanup_strv = STRV_INIT;
	struct snapshot_layer *l cleanup_snapshot_layer = NULL;
	int r = transport_stack_open(s, &c->layers, &image, e);
	if (r >= 0)
		r = transport_container_stubs(c, upper, &image, &stubs, e);
	if (r >= 0)
		r = snapshot_layer_begin(s, NULL, &l, e);
	if (r < 0)
		return r;
	struct layer_upper_options uo = {.exclude = &stubs};
	int64_t n = layer_upper_write(upper, snapshot_layer_writer(l), &uo, e);
	if (n <= 0)
		return (int)n;
	struct store_layer stored;
	r = snapshot_layer_finish(l, false, &stored, e);
	if (r < 0)
		return r;
	memcpy(ret, stored.diffid, sizeof(stored.diffid));
	return 1;
}

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = mem_strdup(value);
}

static int put_image(struct store *s, const struct transport_commit_options *o, const char *diffid,
	char ret_id[STORE_DIGEST_MAX], struct err *e)
{
	struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG), doc cleanup_buf = BUF_INIT;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	int r = store_blob_read(s, o->base, &bytes, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&bytes), bytes.len, &c, e);
	if (r < 0)
		return r;
	oci_container_config_release(&c.config);
	oci_container_config_copy(&c.config, o->config);
	set_text(&c.created, o->created);
	if (o->author)
		set_text(&c.author, o->author);
	if (diffid)
		strv_add(&c.diff_ids, diffid);
	oci_image_config_add_history(&c, o->created, o->created_by, o->author, o->comment, !diffid);
	oci_image_config_format(&c, &doc);
	struct strv tags cleanup_strv = STRV_INIT;
	if (o->tag)
		strv_add(&tags, o->tag);
	struct transport_image put = {.config = doc.data, .len = doc.len, .tags = &tags};
	return transport_image_put(s, &put, ret_id, e);
}

int transport_container_commit(struct store *s, const struct transport_container *c,
	const struct transport_commit_options *o, char ret_id[STORE_DIGEST_MAX], struct err *e)
{
	struct store_lease *lease = NULL;
	char diffid[STORE_DIGEST_MAX];
	int r = store_lease_begin(s, "commit", &lease, e);
	if (r < 0)
		return r;
	int made = r = make_layer(s, c, diffid, e);
	if (r >= 0)
		r = put_image(s, o, made > 0 ? diffid : NULL, ret_id, e);
	store_lease_end(lease);
	if (r < 0 && made > 0) {
		struct strv layers cleanup_strv = STRV_INIT;
		strv_add(&layers, diffid);
		(void)store_collect_layers(s, &layers, NULL, NULL);
	}
	return r;
}
