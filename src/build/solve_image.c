/* Images that a Dockerfile names, as the store has them, and the platform of this host. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/solve_priv.h"
#include "oci/reference.h"
#include "store/blob.h"
#include "store/image.h"

#include <string.h>
#include <sys/utsname.h>

/* The architecture in image-spec's words (Go's). */
const char *solve_host_arch(const char **ret_variant)
{
	static const struct {
		const char *machine, *arch, *variant;
	} list[] = {
		{"x86_64", "amd64", ""},
		{"aarch64", "arm64", ""},
		{"armv7l", "arm", "v7"},
		{"armv6l", "arm", "v6"},
		{"i686", "386", ""},
		{"ppc64le", "ppc64le", ""},
		{"s390x", "s390x", ""},
		{"riscv64", "riscv64", ""},
		{"loongarch64", "loong64", ""},
	};
	struct utsname u;
	*ret_variant = "";
	if (uname(&u) < 0)
		return "amd64";
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (str_eq(u.machine, list[i].machine)) {
			*ret_variant = list[i].variant;
			return list[i].arch;
		}
	return "amd64";
}

bool build_platform_is_host(const char *text)
{
	const char *variant, *arch = solve_host_arch(&variant);
	cleanup_free char *plain = mem_printf("linux/%s", arch);
	cleanup_free char *full = mem_printf("%s/%s", plain, variant);
	return str_eq(text, arch) || str_eq(text, plain) || (*variant && str_eq(text, full));
}

static int not_there(const char *name, const struct strv *tried, struct err *e)
{
	cleanup_free char *names = strv_join(tried, ", ");
	int r = err_set(e, ERR_NOT_FOUND, "there is no image '%s' in the store%s%s%s", name,
		tried->n ? " (looked for " : "", names, tried->n ? ")" : "");
	err_hint(e, "bring it in with `kist load -i FILE` or `kist import`; `kist images` lists "
		    "what is there");
	return r;
}

/* A name of FROM or COPY --from in the store. */
int solve_find_image(void *solver, const char *name, struct build_image *ret, struct err *e)
{
	struct solver *v = solver;
	struct store *s = v->q->store;
	struct strv tried cleanup_strv = STRV_INIT;
	struct store_image image cleanup(store_image_release) = {0};
	int r = oci_reference_candidates(name, &tried, e);
	if (r < 0)
		return r;
	struct err why = ERR_INIT;
	r = store_image_find(s, name, &image, &why);
	if (r == -ERR_NOT_FOUND)
		return not_there(name, &tried, e);
	if (r < 0) {
		if (e)
			*e = why;
		return r;
	}
	struct buf config cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	r = store_blob_read(s, image.id, &config, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&config), config.len, &ret->config, e);
	if (r < 0)
		return err_wrap(e, r, "image '%s'", name);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	memcpy(ret->id, image.id, sizeof(ret->id));
	return 0;
}
