/* Dockerfiles through everything that happens before the first step: parse, stages, graph. */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/lower.h"
#include "dockerfile/stages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int find_image(void *arg, const char *name, const struct oci_platform *want,
	struct build_image *ret, struct err *e)
{
	struct oci_container_config *c = &ret->config.config;
	ret->config = (struct oci_image_config)OCI_IMAGE_CONFIG_INIT;
	if (str_eq(name, "none"))
		return err_set(e, ERR_NOT_FOUND, "no image");
	strv_add(&c->env, "PATH=/bin");
	if (str_eq(name, "onbuild")) {
		strv_add(&c->onbuild, "COPY --from=a . /app");
		strv_add(&c->onbuild, "RUN make $A");
	}
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct dockerfile *f cleanup_dockerfile = NULL;
	if (dockerfile_parse("f", (const char *)data, size, &f, &e) < 0)
		return 0;
	struct dockerfile_stages *s cleanup(dockerfile_stages_free_cleanup) = NULL;
	err_clear(&e);
	if (dockerfile_stages_read(f, &s, &e) < 0)
		return 0;
	struct strv args cleanup_strv = STRV_INIT;
	strv_add(&args, "A=1");
	strv_add(&args, "http_proxy=x");
	struct build_lower_options o = {.build_args = &args,
		.labels = &args,
		.os = "linux",
		.arch = "amd64",
		.image = find_image};
	struct build_graph *g cleanup_build_graph = NULL;
	err_clear(&e);
	if (build_lower(s, &o, &g, &e) >= 0 && g->target >= g->nstages)
		__builtin_trap();
	return 0;
}
