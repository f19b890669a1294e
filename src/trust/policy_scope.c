/* Which scope of a policy counts for an image: the most special one that names it
 * (containers-policy.json(5), "Scopes"; the transports' own in containers-transports(5)). */
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"
#include "trust/policy_priv.h"

#include <stdlib.h>
#include <string.h>

static const struct trust_scope *scope_named(
	const struct trust_policy *p, const char *transport, const char *name, size_t len)
{
	for (size_t i = 1; i < p->n; i++) {
		const struct trust_scope *s = &p->v[i];
		if (str_eq(s->transport, transport) && strlen(s->name) == len &&
			!memcmp(s->name, name, len))
			return s;
	}
	return NULL;
}

/* name, then what is left of it after each '/' from the end is cut off; stop: at least so much stays */
static const struct trust_scope *scope_upwards(
	const struct trust_policy *p, const char *transport, const char *name, size_t stop)
{
	size_t len = strlen(name);
	while (len > stop) {
		const struct trust_scope *s = scope_named(p, transport, name, len);
		if (s)
			return s;
		while (len > stop && name[len - 1] != '/')
			len--;
		len -= len > stop;
	}
	return NULL;
}

/* The whole reference, the repository, its namespaces, the host, "*.example.com" of the host's
 * domains. */
static const struct trust_scope *scope_docker(
	const struct trust_policy *p, const struct oci_reference *ref)
{
	char whole[OCI_REFERENCE_MAX];
	oci_reference_format(ref, whole);
	const struct trust_scope *s = scope_named(p, "docker", whole, strlen(whole));
	if (s)
		return s;
	cleanup_free char *repository = mem_printf("%s/%s", ref->domain, ref->path);
	s = scope_upwards(p, "docker", repository, 0);
	for (const char *dot = strchr(ref->domain, '.'); !s && dot; dot = strchr(dot + 1, '.')) {
		size_t len = strcspn(dot, ":");
		/* a port belongs to a host, not to a domain */
		cleanup_free char *wildcard = mem_printf("*%.*s", (int)len, dot);
		s = scope_named(p, "docker", wildcard, strlen(wildcard));
	}
	return s;
}

const struct trust_scope *trust_scope_find(
	const struct trust_policy *p, const struct trust_image *image)
{
	const struct trust_scope *s = NULL;
	if (str_eq(image->transport, "docker") && image->ref) {
		s = scope_docker(p, image->ref);
	} else if (image->path) {
		/* "/dir/layout:name", "/dir/layout", "/dir", ... */
		s = scope_named(p, image->transport, image->path, strlen(image->path));
		const char *colon = strrchr(image->path, ':');
		cleanup_free char *path =
			colon && !strchr(colon, '/')
				? mem_strndup(image->path, (size_t)(colon - image->path))
				: mem_strdup(image->path);
		if (!s)
			s = scope_upwards(p, image->transport, path, 0);
	}
	if (!s)
		s = scope_named(p, image->transport, "", 0);
	return s ? s : &p->v[0];
}
