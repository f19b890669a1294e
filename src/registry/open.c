/* From the places of the configuration to endpoints of the client. */
#include "registry/open.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"

#include <stdlib.h>
#include <string.h>

#define HUB      "docker.io"
#define HUB_HOST "registry-1.docker.io"

static const struct registry_open_options no_options;

/* What belongs to one endpoint and outlives it by a call. */
struct endpoint_parts {
	struct strv certs;
	char *key;
};

static void parts_release(struct endpoint_parts *p)
{
	strv_release(&p->certs);
	free(p->key);
}

static enum registry_endpoint_flags flags_of(
	const struct registry_place *p, const struct registry_open_options *o)
{
	enum registry_endpoint_flags f = 0;
	bool insecure =
		o->tls == REGISTRY_TLS_CONFIGURED ? p->insecure : o->tls == REGISTRY_TLS_UNCHECKED;
	f |= insecure ? REGISTRY_INSECURE : 0;
	f |= p->mirror ? REGISTRY_MIRROR : 0;
	f |= p->tags ? 0 : REGISTRY_DIGEST_ONLY;
	return f;
}

static void make_endpoint(const struct registry_place *p, const struct registry_open_options *o,
	struct endpoint_parts *parts, struct registry_endpoint *ret)
{
	if (o->cert_dir) {
		strv_add(&parts->certs, o->cert_dir);
	} else {
		if (p->ca)
			strv_add(&parts->certs, p->ca);
		if (p->cert_dir)
			strv_add(&parts->certs, p->cert_dir);
		for (size_t i = 0; !p->cert_dir && o->cert_roots && i < o->cert_roots->n; i++)
			strv_addf(&parts->certs, "%s/%s", o->cert_roots->v[i], p->host);
	}
	parts->key = mem_printf("%s%s%s", p->host, *p->repository ? "/" : "", p->repository);
	*ret = (struct registry_endpoint){
		.host = str_eq(p->host, HUB) ? HUB_HOST : p->host,
		.path = p->repository,
		.auth_key = parts->key,
		.cert_dirs = &parts->certs,
		.flags = flags_of(p, o),
	};
}

int registry_open(struct registry_client *c, const struct registry_config *config,
	const struct oci_reference *ref, const struct registry_open_options *o,
	struct registry_repo **ret, struct err *e)
{
	struct registry_places p cleanup_registry_places = {0};
	o = o ? o : &no_options;
	int r = registry_config_places(config, ref, o->use, &p, e);
	if (r < 0)
		return r;
	struct endpoint_parts *parts cleanup_free = mem_array(p.n, sizeof(*parts));
	struct registry_endpoint *v cleanup_free = mem_array(p.n, sizeof(*v));
	for (size_t i = 0; i < p.n; i++)
		make_endpoint(&p.v[i], o, &parts[i], &v[i]);
	char *name cleanup_free = mem_printf("%s/%s", ref->domain, ref->path);
	r = registry_repo_new(c, name, v, p.n, ret, e);
	for (size_t i = 0; i < p.n; i++)
		parts_release(&parts[i]);
	return r;
}

int registry_with_host(const struct registry_config *config, const char *host,
	const struct registry_open_options *o,
	int (*fn)(void *arg, const struct registry_endpoint *at, struct err *e), void *arg,
	struct err *e)
{
	struct registry_places p cleanup_registry_places = {0};
	struct oci_reference ref = {0};
	o = o ? o : &no_options;
	if (strlen(host) >= sizeof(ref.domain))
		return err_set(e, ERR_SYNTAX, "'%.100s' is no registry", host);
	memcpy(ref.domain, host, strlen(host) + 1);
	int r = registry_config_places(config, &ref, REGISTRY_PUSH, &p, e);
	if (r < 0)
		return r;
	struct endpoint_parts parts cleanup(parts_release) = {0};
	struct registry_endpoint at;
	make_endpoint(&p.v[0], o, &parts, &at);
	return fn(arg, &at, e);
}
