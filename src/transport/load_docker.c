/* The images of a docker-archive: manifest.json names configs, tags and layers. */
#include "transport/load_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/layout.h"
#include "oci/reference.h"
#include "transport/image_priv.h"

#include <string.h>

/* "HEX.json" of docker and podman, "blobs/sha256/HEX" of docker 25: the name is the digest. */
static const char *promised_digest(const char *name, char out[STORE_DIGEST_MAX])
{
	if (transport_blob_digest(name, out))
		return out;
	if (strlen(name) != 64 + strlen(".json") || !str_ends(name, ".json"))
		return NULL;
	char hex[65];
	snprintf(hex, sizeof(hex), "%.64s", name);
	oci_digest_from_hex(hex, out);
	return oci_digest_valid(out) ? out : NULL;
}

static int read_tags(const struct oci_archive_image *img, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < img->repo_tags.n; i++) {
		struct oci_reference ref;
		int r = oci_reference_parse(img->repo_tags.v[i], &ref, e);
		if (r < 0)
			return err_wrap(e, r, "manifest.json");
		ref.digest[0] = 0;
		oci_reference_normalise_docker(&ref);
		char text[OCI_REFERENCE_MAX];
		strv_add(ret, oci_reference_format(&ref, text));
	}
	return 0;
}

static int load_layers(struct transport_load *l, const struct oci_archive_image *img,
	const struct oci_image_config *c, struct err *e)
{
	if (img->layers.n != c->diff_ids.n)
		return err_set(e, ERR_FORMAT, "manifest.json names %zu layers, the config %zu",
			img->layers.n, c->diff_ids.n);
	for (size_t i = 0; i < img->layers.n; i++) {
		struct transport_want want = {.diffid = c->diff_ids.v[i]};
		struct transport_layer got;
		int r = transport_source_layer(l->src, img->layers.v[i], &want, &got, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Such an archive has no manifest: the config stands for the image. */
static int ask(
	struct transport_load *l, const struct buf *config, const struct strv *tags, struct err *e)
{
	struct oci_reference ref;
	char hex[SHA256_HEX], digest[STORE_DIGEST_MAX];
	sha256_hex(config->data, config->len, hex);
	oci_digest_from_hex(hex, digest);
	const struct transport_load_asked a = {
		.transport = "docker-archive",
		.ref = tags->n && oci_reference_parse(tags->v[0], &ref, NULL) >= 0 ? &ref : NULL,
		.digest = digest,
	};
	return transport_load_ask(l, &a, e);
}

static int load_image(struct transport_load *l, const struct oci_archive_image *img, struct err *e)
{
	struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct strv tags cleanup_strv = STRV_INIT;
	int r = transport_source_read(l->src, img->config, &bytes, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&bytes), bytes.len, &c, e);
	if (r < 0)
		return err_wrap(e, r, "config '%.100s'", img->config);
	r = read_tags(img, &tags, e);
	if (r >= 0)
		r = ask(l, &bytes, &tags, e);
	if (r >= 0)
		r = load_layers(l, img, &c, e);
	if (r < 0)
		return r;
	char digest[STORE_DIGEST_MAX], id[STORE_DIGEST_MAX];
	struct transport_image put = {
		.config = buf_str(&bytes),
		.len = bytes.len,
		.expected = promised_digest(img->config, digest),
		.tags = &tags,
	};
	r = transport_image_put(l->store, &put, id, e);
	return r < 0 ? r : transport_load_tell(l, &tags, id, e);
}

int transport_load_docker(struct transport_load *l, struct err *e)
{
	struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_archive a cleanup_oci_archive = {0};
	int r = transport_source_read(l->src, "manifest.json", &bytes, e);
	if (r >= 0)
		r = oci_archive_parse(buf_str(&bytes), bytes.len, &a, e);
	if (r >= 0 && !a.n)
		r = err_set(e, ERR_FORMAT, "manifest.json names no image");
	for (size_t i = 0; i < a.n && r >= 0; i++)
		r = load_image(l, &a.v[i], e);
	return r;
}
