/* The policy for what arrives; see the header. */
#include "transport/trust.h"

#include "oci/reference.h"
#include "registry/signature.h"
#include "transport/endpoint.h"
#include "trust/policy.h"

int transport_trust_ask(
	const struct transport_trust *t, const struct trust_image *image, struct err *e)
{
	if (!t || !t->policy)
		return 0;
	struct trust_image asked = *image;
	asked.tmp_dir = t->tmp_dir;
	return trust_policy_check(t->policy, &asked, e);
}

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
	};
	return transport_trust_ask(t, &image, e);
}

static int ask_place(void *arg, enum trust_signature_kind kind, const char *digest,
	struct trust_signatures *ret, struct err *e)
{
	struct transport_from *f = arg;
	return f->ops->signatures(f, kind, digest, ret, e);
}

int transport_trust_from(
	struct transport_from *f, const char *digest, const char *index_digest, struct err *e)
{
	struct oci_reference ref;
	if (!f->transport)
		return 0;
	bool named = f->reference && oci_reference_parse(f->reference, &ref, NULL) >= 0;
	const struct trust_image image = {
		.transport = f->transport,
		.path = f->path,
		.ref = named ? &ref : NULL,
		.digest = digest,
		.index_digest = index_digest,
		.signatures = f->ops->signatures ? ask_place : NULL,
		.arg = f,
	};
	return transport_trust_ask(f->trust, &image, e);
}
