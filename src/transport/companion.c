/* Attestations and their like, to and fro; see the header. */
#include "transport/companion_priv.h"

#include "base/err.h"
#include "base/limits.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/upload.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/lease.h"

#include <inttypes.h>
#include <unistd.h>

static bool is_here(struct store *s, const struct oci_descriptor *d)
{
	uint64_t size;
	return store_blob_has(s, d->digest, &size) && size == d->size;
}

static int add(void *arg, const void *p, size_t len, struct err *e)
{
	return store_blob_writer_add(arg, p, len, e);
}

static int fetch_blob(const struct transport_companion *c, const struct oci_descriptor *d,
	uint64_t *received, struct err *e)
{
	struct store_blob_writer *w cleanup_store_blob_writer = NULL;
	uint64_t most = c->max_blob ? c->max_blob : LIMIT_BLOB_SIZE, came = 0;
	int r = store_lease_keep(c->store, d->digest, e);
	if (r < 0 || is_here(c->store, d))
		return r;
	if (d->size > most)
		return err_set(e, ERR_LIMIT,
			"blob %s has %" PRIu64 " bytes, more than the limit of %" PRIu64, d->digest,
			d->size, most);
	r = store_blob_writer_new(c->store, &w, e);
	if (r < 0)
		return r;
	const struct registry_blob_fetch f = {
		.digest = d->digest, .size = d->size, .write = add, .arg = w};
	r = registry_blob_fetch(c->repo, &f, &came, e);
	*received += came;
	return r < 0 ? r : store_blob_writer_finish(STEAL(w), d->digest, NULL, NULL, e);
}

int transport_companion_fetch(
	const struct transport_companion *c, uint64_t *received, struct err *e)
{
	int r = store_index_add_blob(c->store, c->index, c->digest, e);
	for (size_t i = 0; i <= c->m->nlayers && r >= 0; i++) {
		const struct oci_descriptor *d =
			i < c->m->nlayers ? &c->m->layers[i] : &c->m->config;
		r = fetch_blob(c, d, received, e);
		if (r >= 0)
			r = store_index_add_blob(c->store, c->index, d->digest, e);
	}
	return r < 0 ? r : 0;
}

static int send_blob(const struct transport_companion *c, const struct oci_descriptor *d,
	uint64_t *sent, struct err *e)
{
	int r = registry_blob_has(c->repo, d->digest, NULL, e);
	if (r != 0)
		return r;
	int fd cleanup_fd = store_blob_open(c->store, d->digest, e);
	if (fd < 0)
		return fd;
	const struct registry_source src = {.read = registry_source_read_fd, .arg = &fd};
	r = registry_blob_put(c->repo, d->digest, d->size, &src, NULL, e);
	if (r == 0)
		*sent += d->size;
	return r;
}

int transport_companion_send(const struct transport_companion *c, uint64_t *sent, struct err *e)
{
	for (size_t i = 0; i <= c->m->nlayers; i++)
		if (!is_here(c->store, i < c->m->nlayers ? &c->m->layers[i] : &c->m->config))
			return 0;
	for (size_t i = 0; i <= c->m->nlayers; i++) {
		int r = send_blob(c, i < c->m->nlayers ? &c->m->layers[i] : &c->m->config, sent, e);
		if (r < 0)
			return r;
	}
	return 1;
}
