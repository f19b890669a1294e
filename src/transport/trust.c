/* The policy for images from a registry; see the header. */
#include "transport/trust.h"

#include "registry/signature.h"
#include "trust/policy.h"

int transport_trust_check(
	const struct transport_trust *t, const struct transport_trust_image *i, struct err *e)
{
	if (!t || !t->policy)
		return 0;
	struct registry_signatures from = {i->client, i->repo, i->ref, t->lookaside};
	const struct trust_image image = {
		.transport = "docker",
		.ref = i->ref,
		.digest = i->digest,
		.index_digest = i->index_digest,
		.signatures = registry_signatures_get,
		.arg = &from,
		.tmp_dir = t->tmp_dir,
	};
	return trust_policy_check(t->policy, &image, e);
}
