/* policy.json, and the payload of a signature, from anybody. */
#include "base/err.h"
#include "oci/reference.h"
#include "trust/policy_priv.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	cleanup_trust_policy struct trust_policy *p = NULL;
	if (trust_policy_parse((const char *)data, size, "policy.json", &p, &e) == 0) {
		struct oci_reference ref = {"q.io", "team/app", "v1", ""};
		const struct trust_image image = {.transport = "docker", .ref = &ref};
		trust_policy_clause(p, &image);
	}
	for (int kind = TRUST_SIMPLE; kind <= TRUST_SIGSTORE; kind++) {
		cleanup(trust_claim_release) struct trust_claim c = {NULL, ""};
		trust_claim_parse(kind, (const char *)data, size, &c, NULL);
	}
	return 0;
}
