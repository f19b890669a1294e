/* The short ways: layers from a registry into the store as a pull brings them (one pass, kept when it
 * is cut), and from the store into a registry as a push sends them (known forms, mounts, compression
 * on all cores while it is sent). */
#include "transport/copy_priv.h"

#include "base/mem.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "transport/fetch.h"
#include "transport/push.h"
#include "transport/send_priv.h"

#include <stdlib.h>
#include <string.h>

static int as_pull(struct copy *c, const struct oci_manifest *m,
	const struct oci_image_config *config, struct err *e)
{
	const struct transport_fetch f = {
		.store = c->to->store,
		.repo = c->from->repo,
		.jobs = c->o->jobs,
		.stop = c->o->stop,
		.progress = c->o->progress,
	};
	struct transport_fetched got = {0};
	int r = transport_fetch_layers(&f, m, config, &got, e);
	c->sum.blobs += m->nlayers;
	c->sum.skipped += m->nlayers - MIN(got.fetched, m->nlayers);
	c->sum.bytes += got.received;
	return r;
}

static int as_push(struct copy *c, const struct oci_manifest *m,
	const struct oci_image_config *config, struct copy_blob *v, struct err *e)
{
	const struct transport_push_options o = {
		.any_compression = !c->o->compress,
		.compression = c->o->compression,
		.level = c->o->level,
		.format = c->o->format == OCI_FORMAT_DOCKER ? TRANSPORT_MANIFEST_DOCKER
							    : TRANSPORT_MANIFEST_OCI,
		.jobs = c->o->jobs,
		.stop = c->o->stop,
		.progress = c->o->progress,
	};
	const struct transport_send x = {
		.store = c->from->store,
		.repo = c->to->repo,
		.o = &o,
		/* one that was made up over plain layers is not what it should become */
		.came = c->from->made_up ? NULL : m,
	};
	struct transport_pushed sum = {0};
	struct transport_sent *sent cleanup_free = mem_array(m->nlayers + 1, sizeof(*sent));
	int r = transport_send_layers(&x, config, sent, &sum, e);
	for (size_t i = 0; r >= 0 && i < m->nlayers; i++) {
		struct oci_replacement *became = &v[i].became;
		*became = (struct oci_replacement){
			.changed = strcmp(sent[i].digest, m->layers[i].digest) != 0,
			.size = sent[i].size,
			.compression = sent[i].compression,
		};
		memcpy(became->digest, sent[i].digest, sizeof(became->digest));
	}
	c->sum.blobs += sum.blobs_sent + sum.blobs_there + sum.blobs_mounted;
	c->sum.skipped += sum.blobs_there + sum.blobs_mounted;
	c->sum.bytes += sum.sent;
	return r;
}

int copy_layers(struct copy *c, const struct oci_manifest *m, const struct oci_image_config *config,
	struct copy_blob *v, size_t n, struct err *e)
{
	bool repack = false;
	for (size_t i = 0; i < n; i++)
		repack |= v[i].repack;
	/* every layer has its diffID, and none stays a reference */
	if (!n || n != m->nlayers || config->diff_ids.n != n)
		return 0;
	int r = 0;
	if (c->from->repo && c->to->store && !repack)
		r = as_pull(c, m, config, e);
	else if (c->from->store && c->to->repo && repack)
		r = as_push(c, m, config, v, e);
	else
		return 0;
	return r < 0 ? r : 1;
}
