/* A signature over bytes against one public key in PEM, by libcrypto. */
#include "trust/pkey_priv.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static void pkey_cleanup(EVP_PKEY **k)
{
	EVP_PKEY_free(*k);
}

static void md_ctx_cleanup(EVP_MD_CTX **c)
{
	EVP_MD_CTX_free(*c);
}

static void bio_cleanup(BIO **b)
{
	BIO_free(*b);
}

enum trust_pkey_result trust_pkey_verify(const void *pem, size_t pem_len, const void *signature,
	size_t signature_len, const void *data, size_t len)
{
	cleanup(bio_cleanup) BIO *bio = BIO_new_mem_buf(pem, (int)pem_len);
	cleanup(pkey_cleanup) EVP_PKEY *key =
		bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	ERR_clear_error();
	if (!key)
		return TRUST_PKEY_NO_KEY;
	int type = EVP_PKEY_get_base_id(key);
	if (type != EVP_PKEY_EC && type != EVP_PKEY_RSA && type != EVP_PKEY_ED25519)
		return TRUST_PKEY_KIND;
	if (type == EVP_PKEY_RSA && EVP_PKEY_get_bits(key) < 2048)
		return TRUST_PKEY_TOO_WEAK;
	cleanup(md_ctx_cleanup) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	/* Ed25519 hashes by itself */
	const EVP_MD *md = type == EVP_PKEY_ED25519 ? NULL : EVP_sha256();
	bool good = ctx && EVP_DigestVerifyInit(ctx, NULL, md, NULL, key) == 1 &&
		    EVP_DigestVerify(ctx, signature, signature_len, data, len) == 1;
	ERR_clear_error();
	return good ? TRUST_PKEY_GOOD : TRUST_PKEY_OTHER;
}
