/* Compressed bytes into a partial blob; see the header. */
#include "transport/keep_priv.h"

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/digest.h"
#include "store/partial.h"

#include <inttypes.h>
#include <string.h>

#define MARK  (16ULL << 20) /* bytes between two marks: at most so much is fetched again */
#define PIECE (256 * 1024)

void transport_keep_begin(struct transport_keep *k, struct store_partial *partial)
{
	*k = (struct transport_keep){.partial = partial, .hash = sha256_new()};
}

void transport_keep_release(struct transport_keep *k)
{
	sha256_free(STEAL(k->hash));
}

static int mark(struct transport_keep *k, struct err *e)
{
	uint8_t digest[SHA256_SIZE];
	sha256_peek(k->hash, digest);
	return store_partial_add_mark(k->partial, digest, e);
}

/* Bytes that the partial has, up to the next mark: do they agree? */
static int check(struct transport_keep *k, const struct store_partial_mark *m, struct err *e)
{
	uint8_t digest[SHA256_SIZE];
	k->marks++;
	sha256_peek(k->hash, digest);
	if (memcmp(digest, m->digest, sizeof(digest)) == 0)
		return 0;
	return err_set(e, ERR_DIGEST,
		"the first %" PRIu64 " bytes are not on the disk as they came", m->size);
}

int transport_keep_bytes(void *arg, const void *data, size_t len, struct err *e)
{
	struct transport_keep *k = arg;
	const char *p = data;
	int r = 0;
	while (len && r >= 0) {
		struct store_partial_mark m = {.size = store_partial_size(k->partial)};
		bool is_new = k->seen == m.size;
		bool marked = !is_new && store_partial_mark(k->partial, k->marks, &m);
		uint64_t stop = is_new ? k->seen + MARK - k->seen % MARK : m.size;
		size_t n = (size_t)MIN((uint64_t)len, stop - k->seen);
		sha256_add(k->hash, p, n);
		if (is_new)
			r = store_partial_append(k->partial, p, n, e);
		k->seen += n;
		if (r >= 0 && k->seen == stop)
			r = is_new ? mark(k, e) : marked ? check(k, &m, e) : 0;
		p += n;
		len -= n;
	}
	return r;
}

void transport_keep_end(struct transport_keep *k)
{
	/* without it the next command only knows less */
	if (k->seen == store_partial_size(k->partial))
		(void)mark(k, NULL);
}

int transport_keep_verify(struct transport_keep *k, const char *digest, struct err *e)
{
	uint8_t sum[SHA256_SIZE];
	char hex[SHA256_HEX];
	sha256_peek(k->hash, sum);
	str_hex(sum, sizeof(sum), hex);
	if (str_eq(hex, oci_digest_hex(digest)))
		return 0;
	return err_set(e, ERR_DIGEST, "the layer's digest is sha256:%s instead of %s", hex, digest);
}

uint64_t transport_keep_sound(struct store_partial *partial)
{
	struct sha256 *h cleanup_sha256 = sha256_new();
	char *p cleanup_free = mem_alloc(PIECE);
	struct store_partial_mark m;
	uint64_t at = 0, sound = 0;
	for (uint64_t i = 0; store_partial_mark(partial, i, &m); i++) {
		uint8_t digest[SHA256_SIZE];
		while (at < m.size) {
			size_t n = (size_t)MIN((uint64_t)PIECE, m.size - at);
			if (io_pread_full(store_partial_fd(partial), p, n, (off_t)at) != (ssize_t)n)
				return 0;
			sha256_add(h, p, n);
			at += n;
		}
		sha256_peek(h, digest);
		if (memcmp(digest, m.digest, sizeof(digest)) != 0)
			return sound;
		sound = at;
	}
	return 0;
}
