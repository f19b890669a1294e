/* dir: as source: skopeo's layout of one image: manifest.json, HEX.manifest.json for those of an
 * index, blobs as HEX. */
#include "transport/endpoint_priv.h"

#include "base/base64.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"
#include "transport/source_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct from_dir {
	struct transport_from base;
	struct transport_source src;
	int fd;
};

static int dir_manifest(
	struct transport_from *f, const char *digest, struct transport_document *ret, struct err *e)
{
	struct from_dir *g = (struct from_dir *)f;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	char *name cleanup_free =
		digest ? mem_printf("%s.manifest.json", oci_digest_hex(digest)) : NULL;
	int r = transport_source_read(&g->src, name ? name : "manifest.json", &b, e);
	return r < 0 ? r : transport_document_make(ret, buf_str(&b), b.len, NULL, e);
}

static int dir_blob(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e)
{
	struct from_dir *g = (struct from_dir *)f;
	int fd;
	bool own;
	uint64_t offset, size;
	int r = transport_source_open(
		&g->src, oci_digest_hex(d->digest), &fd, &own, &offset, &size, e);
	if (r < 0)
		return r;
	*ret = transport_blob_verified(transport_blob_file(fd, own, offset, size), d->digest);
	return 0;
}

/* skopeo's file of a sigstore signature: this line, then JSON with the payload. */
#define SIGSTORE_MAGIC     "\0sigstore-json\n"
#define SIGSTORE_MAGIC_LEN (sizeof(SIGSTORE_MAGIC) - 1)

static int read_sigstore(const struct buf *b, struct trust_signature *s, struct err *e)
{
	json_t *doc cleanup_json = NULL;
	const char *payload = "", *proof = NULL;
	json_t *annotations = NULL;
	struct buf bytes cleanup_buf = BUF_INIT, sig cleanup_buf = BUF_INIT;
	int r = oci_json_parse(b->data + SIGSTORE_MAGIC_LEN, b->len - SIGSTORE_MAGIC_LEN,
		LIMIT_SIGNATURE, s->origin, &doc, e);
	if (r >= 0)
		r = oci_json_string(doc, s->origin, "payload", &payload, e);
	if (r >= 0)
		r = oci_json_object(doc, s->origin, "annotations", &annotations, e);
	if (r > 0)
		r = oci_json_string(annotations, s->origin, TRUST_SIGSTORE_ANNOTATION, &proof, e);
	if (r < 0)
		return r;
	if (!proof || base64_decode(proof, strlen(proof), &sig) < 0 ||
		base64_decode(payload, strlen(payload), &bytes) < 0)
		return err_set(e, ERR_FORMAT, "'%s' is no sigstore signature", s->origin);
	s->len = bytes.len;
	s->bytes = buf_take(&bytes);
	s->proof_len = sig.len;
	s->proof = buf_take(&sig);
	return 0;
}

/* One file; of another kind of signature: fine, and nothing is added. -ERR_NOT_FOUND: not there. */
static int add_signature(struct from_dir *g, enum trust_signature_kind kind, const char *name,
	struct trust_signatures *ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_SIGNATURE);
	struct trust_signature *s = NULL;
	int r = transport_source_read(&g->src, name, &b, e);
	if (r < 0)
		return r;
	bool sigstore =
		b.len > SIGSTORE_MAGIC_LEN && !memcmp(b.data, SIGSTORE_MAGIC, SIGSTORE_MAGIC_LEN);
	if (sigstore != (kind == TRUST_SIGSTORE))
		return 0;
	r = trust_signatures_add(ret, &s, e);
	if (r < 0)
		return r;
	s->origin = mem_strdup(name);
	if (sigstore)
		return read_sigstore(&b, s, e);
	s->len = b.len;
	s->bytes = buf_take(&b);
	return 0;
}

/* "signature-1", "signature-2" ... of what the directory is, "HEX.signature-1" of one of an index's.
 * What each is for, its payload says. */
static int dir_signatures(struct transport_from *f, enum trust_signature_kind kind,
	const char *digest, struct trust_signatures *ret, struct err *e)
{
	struct from_dir *g = (struct from_dir *)f;
	for (int own = 0; own < 2; own++)
		for (size_t i = 1;; i++) {
			char *name cleanup_free =
				own ? mem_printf("%s.signature-%zu", oci_digest_hex(digest), i)
				    : mem_printf("signature-%zu", i);
			int r = add_signature(g, kind, name, ret, e);
			if (r == -ERR_NOT_FOUND) {
				err_clear(e);
				break;
			}
			if (r < 0)
				return r;
		}
	return 0;
}

static void dir_free(struct transport_from *f)
{
	struct from_dir *g = (struct from_dir *)f;
	transport_source_release(&g->src);
	close(g->fd);
	free(g);
}

int transport_from_dir(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e)
{
	static const struct transport_from_ops ops = {
		dir_manifest, dir_blob, NULL, dir_signatures, dir_free};
	int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open directory '%s'", p->path);
	struct from_dir *g = mem_alloc(sizeof(*g));
	*g = (struct from_dir){
		.base = {.ops = &ops, .parallel = true}, .src = {.dir = fd, .fd = -1}, .fd = fd};
	*ret = &g->base;
	return 0;
}
