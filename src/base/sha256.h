/*
 * SHA-256 (FIPS 180-4) from OpenSSL's libcrypto. Only executables whose code
 * asks for it link that library: the command `kist` itself does not.
 */
#pragma once

#include "base/defs.h"

#define SHA256_SIZE 32
#define SHA256_HEX  (2 * SHA256_SIZE + 1) /* characters with the 0 */

struct sha256; /* one running hash */

struct sha256 *sha256_new(void);
void sha256_free(struct sha256 *h);
DEFINE_CLEANUP(struct sha256 *, sha256_free)
#define cleanup_sha256 cleanup(sha256_free_cleanup)
void sha256_add(struct sha256 *h, const void *p, size_t len);
/* The digest of what has been added so far; the hash goes on. */
void sha256_peek(const struct sha256 *h, uint8_t out[SHA256_SIZE]);
/* Ends the hash and begins a new, empty one. */
void sha256_end(struct sha256 *h, uint8_t out[SHA256_SIZE]);
void sha256_end_hex(struct sha256 *h, char out[SHA256_HEX]);
/* The digest of one piece */
void sha256_hex(const void *p, size_t len, char out[SHA256_HEX]);
