/* SHA-256 by libcrypto's EVP interface; see the header. */
#include "base/sha256.h"
#include "base/mem.h"
#include "base/str.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct sha256 {
	EVP_MD_CTX *ctx;
};

/* Only memory can be short here; our small allocations abort then. */
static void start(struct sha256 *h)
{
	if (EVP_DigestInit_ex(h->ctx, EVP_sha256(), NULL) != 1)
		abort();
}

struct sha256 *sha256_new(void)
{
	/* Reading openssl.cnf costs a millisecond and changes nothing about SHA-256. Only the first
	 * call does something; threads may race. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	struct sha256 *h = mem_alloc(sizeof(*h));
	h->ctx = EVP_MD_CTX_new();
	if (!h->ctx)
		abort();
	start(h);
	return h;
}

void sha256_free(struct sha256 *h)
{
	if (!h)
		return;
	EVP_MD_CTX_free(h->ctx);
	free(h);
}

void sha256_add(struct sha256 *h, const void *p, size_t len)
{
	if (EVP_DigestUpdate(h->ctx, p, len) != 1)
		abort();
}

void sha256_peek(const struct sha256 *h, uint8_t out[SHA256_SIZE])
{
	struct sha256 *copy cleanup_sha256 = sha256_new();
	if (EVP_MD_CTX_copy_ex(copy->ctx, h->ctx) != 1)
		abort();
	sha256_end(copy, out);
}

void sha256_end(struct sha256 *h, uint8_t out[SHA256_SIZE])
{
	unsigned int n = 0;
	if (EVP_DigestFinal_ex(h->ctx, out, &n) != 1 || n != SHA256_SIZE)
		abort();
	start(h);
}

void sha256_end_hex(struct sha256 *h, char out[SHA256_HEX])
{
	uint8_t raw[SHA256_SIZE];
	sha256_end(h, raw);
	str_hex(raw, sizeof(raw), out);
}

void sha256_hex(const void *p, size_t len, char out[SHA256_HEX])
{
	struct sha256 *h = sha256_new();
	sha256_add(h, p, len);
	sha256_end_hex(h, out);
	sha256_free(h);
}
