/* Import: one layer, one config. */
#include "transport/import.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "oci/descriptor.h"
#include "snapshot/ingest.h"
#include "store/gc.h"
#include "store/lease.h"
#include "transport/image_priv.h"
#include "transport/trust.h"
#include "trust/policy.h"

#include <stdlib.h>

static void set_text(char **text, const char *value)
{
	free(*text);
	*text = mem_strdup(value);
}

static int put_image(struct store *s, const struct transport_import_options *o, const char *diffid,
	char ret_id[STORE_DIGEST_MAX], struct err *e)
{
	struct oci_image_config *c = o->config;
	set_text(&c->created, o->created);
	if (!c->architecture)
		set_text(&c->architecture, oci_platform_arch());
	if (!c->variant && *oci_platform_variant())
		set_text(&c->variant, oci_platform_variant());
	if (!c->os)
		set_text(&c->os, "linux");
	strv_add(&c->diff_ids, diffid);
	oci_image_config_add_history(c, o->created, NULL, NULL, o->comment, false);
	struct buf doc cleanup_buf = BUF_INIT;
	oci_image_config_format(c, &doc);
	struct strv tags cleanup_strv = STRV_INIT;
	if (o->tag)
		strv_add(&tags, o->tag);
	struct transport_image put = {.config = doc.data, .len = doc.len, .tags = &tags};
	return transport_image_put(s, &put, ret_id, e);
}

int transport_import(struct store *s, int fd, const struct transport_import_options *o,
	char ret_id[STORE_DIGEST_MAX], struct err *e)
{
	struct store_lease *lease = NULL;
	/* nobody can have signed what has no manifest yet */
	const struct trust_image image = {.transport = "tarball", .digest = ""};
	int r = transport_trust_ask(o->trust, &image, e);
	if (r >= 0)
		r = store_lease_begin(s, "import", &lease, e);
	if (r < 0)
		return r;
	struct snapshot_ingest_options opt = {.skip_blob_hash = true};
	struct snapshot_ingest_info info;
	struct strv layers cleanup_strv = STRV_INIT;
	r = snapshot_ingest_fd(s, fd, UINT64_MAX, &opt, &info, e);
	if (r >= 0)
		strv_add(&layers, info.layer.diffid);
	if (r >= 0 && !info.blob_size)
		r = err_set(e, ERR_FORMAT, "the archive is empty: it has not even a tar's end");
	if (r >= 0)
		r = put_image(s, o, info.layer.diffid, ret_id, e);
	store_lease_end(lease);
	if (r < 0 && layers.n)
		(void)store_collect_layers(s, &layers, NULL, NULL);
	return r;
}
