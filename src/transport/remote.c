/* From references to repositories that can be asked; see the header. */
#include "transport/remote.h"

#include "base/err.h"
#include "base/mem.h"
#include "oci/reference.h"

#include <stdlib.h>

struct transport_remote {
	struct registry_client *client;
	struct registry_config *own; /* an empty one, when the caller gave none */
	const struct registry_config *config;
	enum transport_tls tls;
	char *cert_dir;
};

int transport_remote_new(
	const struct transport_remote_options *o, struct transport_remote **ret, struct err *e)
{
	struct transport_remote *m cleanup_transport_remote = mem_alloc(sizeof(*m));
	m->tls = o->tls;
	m->cert_dir = mem_strdup(o->cert_dir);
	if (!o->config)
		m->own = registry_config_new();
	m->config = o->config ?: m->own;
	m->client = registry_client_new(&o->client);
	*ret = STEAL(m);
	return 0;
}

void transport_remote_free(struct transport_remote *m)
{
	if (!m)
		return;
	registry_client_free(m->client);
	registry_config_free(m->own);
	free(m->cert_dir);
	free(m);
}

struct registry_client *transport_remote_client(struct transport_remote *m)
{
	return m->client;
}

int transport_remote_names(
	struct transport_remote *m, const char *text, struct strv *ret, struct err *e)
{
	return registry_config_names(m->config, text, ret, e);
}

static void set_endpoint(const struct transport_remote *m, const struct registry_place *p,
	struct strv *dirs, struct registry_endpoint *ret)
{
	registry_endpoint_default(p->host, p->repository, ret);
	if (p->mirror)
		ret->flags |= REGISTRY_MIRROR;
	if (!p->tags)
		ret->flags |= REGISTRY_DIGEST_ONLY;
	if (m->tls == TRANSPORT_TLS_INSECURE || (p->insecure && m->tls != TRANSPORT_TLS_VERIFY))
		ret->flags |= REGISTRY_INSECURE;
	if (p->cert_dir)
		strv_add(dirs, p->cert_dir);
	if (m->cert_dir && !p->mirror)
		strv_add(dirs, m->cert_dir);
	if (dirs->n)
		ret->cert_dirs = dirs;
}

int transport_remote_repo(struct transport_remote *m, const struct oci_reference *ref,
	enum registry_use use, struct registry_repo **ret, struct err *e)
{
	struct registry_places places cleanup_registry_places = {0};
	int r = registry_config_places(m->config, ref, use, &places, e);
	if (r < 0)
		return r;
	struct registry_endpoint *ends cleanup_free = mem_array(places.n, sizeof(*ends));
	struct strv *dirs cleanup_free = mem_array(places.n, sizeof(*dirs));
	for (size_t i = 0; i < places.n; i++)
		set_endpoint(m, &places.v[i], &dirs[i], &ends[i]);
	char *name cleanup_free = mem_printf("%s/%s", ref->domain, ref->path);
	r = registry_repo_new(m->client, name, ends, places.n, ret, e);
	for (size_t i = 0; i < places.n; i++)
		strv_release(&dirs[i]);
	return r;
}
