/* libcrypto's part of verifying. Apart from the rest, because OpenSSL's headers and base/err.h use
 * the same names. */
#pragma once

#include "base/defs.h"

enum trust_pkey_result {
	TRUST_PKEY_GOOD,
	TRUST_PKEY_OTHER,  /* not made with this key */
	TRUST_PKEY_NO_KEY, /* the PEM holds no public key */
	TRUST_PKEY_KIND,   /* a kind of key that signs nothing here */
	TRUST_PKEY_TOO_WEAK,
};
/* ECDSA and RSA (PKCS #1 v1.5) over SHA-256; Ed25519. */
enum trust_pkey_result trust_pkey_verify(const void *pem, size_t pem_len, const void *signature,
	size_t signature_len, const void *data, size_t len);
