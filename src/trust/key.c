/* Keys of the policy: their bytes, and what a signature is worth against one. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "trust/pkey_priv.h"
#include "trust/policy_priv.h"

#include <errno.h>
#include <fcntl.h>

int trust_key_read(const struct trust_key *key, struct buf *ret, struct err *e)
{
	if (!key->path)
		return buf_add(ret, key->data, key->len);
	int r = file_read(AT_FDCWD, key->path, ret, e);
	return r < 0 ? err_wrap(e, r, "public key") : 0;
}

int trust_key_verify(const struct buf *pem, const struct trust_signature *s, struct err *e)
{
	switch (trust_pkey_verify(
		buf_str(pem), pem->len, s->proof, s->proof_len, s->bytes, s->len)) {
	case TRUST_PKEY_GOOD:
		return 0;
	case TRUST_PKEY_NO_KEY:
		return err_set(e, ERR_UNSUPPORTED,
			"the key is no public key in PEM (\"BEGIN PUBLIC KEY\")");
	case TRUST_PKEY_KIND:
		return err_set(e, ERR_UNSUPPORTED,
			"the key is neither an ECDSA nor an RSA nor an Ed25519 key");
	case TRUST_PKEY_TOO_WEAK:
		return err_set(e, ERR_UNSUPPORTED,
			"the RSA key has fewer than 2048 bits: it proves nothing");
	case TRUST_PKEY_OTHER:
		break;
	}
	return err_set(e, EPERM, "it was not made with this key");
}
