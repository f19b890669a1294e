/* Where a registry lives when no configuration says otherwise, and credentials. */
#include "base/str.h"
#include "registry/client/client_priv.h"

#include <stdlib.h>
#include <string.h>

/* Docker Hub has three names: docker.io in references, registry-1.docker.io on the wire, and this in
 * ~/.docker/config.json since its first version. */
#define HUB_HOST "registry-1.docker.io"
#define HUB_KEY  "https://index.docker.io/v1/"

void registry_endpoint_default(const char *domain, const char *path, struct registry_endpoint *ret)
{
	bool hub = str_eq(domain, "docker.io") || str_eq(domain, "index.docker.io");
	*ret = (struct registry_endpoint){
		.host = hub ? HUB_HOST : domain,
		.path = path,
		.auth_key = hub ? HUB_KEY : domain,
	};
}

void registry_credentials_release(struct registry_credentials *c)
{
	registry_wipe(&c->username);
	registry_wipe(&c->password);
	registry_wipe(&c->identity_token);
	registry_wipe(&c->registry_token);
}
