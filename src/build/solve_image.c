/* Images that a Dockerfile names, as the store has them, and the platform of this host. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/solve_priv.h"
#include "oci/descriptor.h"
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

static int not_there(
	const char *name, const struct strv *tried, const struct err *why, struct err *e)
{
	cleanup_free char *names = strv_join(tried, ", ");
	int r = err_set(e, ERR_NOT_FOUND, "there is no image '%s' in the store%s%s%s%s%s", name,
		tried->n ? " (looked for " : "", names, tried->n ? ")" : "",
		why->msg[0] ? "; " : "", why->msg);
	if (why->hint[0])
		err_hint(e, "%s", why->hint);
	else
		err_hint(e, "bring it in with `kist pull`, `kist load` or `kist import`; `kist "
			    "images` lists what is there");
	return r;
}

static int read_image(
	struct solver *v, const char *name, const char *id, struct build_image *ret, struct err *e)
{
	struct buf config cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	int r = store_blob_read(v->q->store, id, &config, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&config), config.len, &ret->config, e);
	if (r < 0)
		return err_wrap(e, r, "image '%s'", name);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	return 0;
}

/* Starts the fetch and returns with the config; the layers come while the build goes on. */
static int fetch_image(struct solver *v, const char *name, const struct oci_platform *want,
	struct build_image *ret, struct err *e)
{
	struct build_fetch *x;
	cleanup_free char *platform = want ? oci_platform_format(want) : NULL;
	int r = build_fetch_start(&v->fetches, v->q->fetch, name, platform, &x, e);
	if (r < 0 || v->early)
		return r;
	x->wanted = true;
	if (r >= 0)
		r = build_fetch_id(&v->fetches, x, e);
	return r < 0 ? r : read_image(v, name, x->id, ret, e);
}

static void warn_other_machine(struct solver *v, const char *name, const struct store_image *image)
{
	const struct oci_platform is = {image->os, image->arch, image->variant};
	cleanup_free char *have = oci_platform_format(&is);
	cleanup_free char *text = mem_printf("'%s' is an image for %s, this machine is linux/%s",
		name, have, oci_platform_arch());
	struct build_event ev = {.kind = BUILD_EVENT_WARNING, .text = text};
	solve_emit(v, &ev);
}

/* Nobody asked for a platform, and the name stands for an image of another machine. When that was
 * one of several, ours is meant: a name that a --platform has moved does not decide. 1: ret is it. */
static int find_ours(struct solver *v, const char *name, struct store_image *image, bool may_fetch,
	struct build_image *ret, struct err *e)
{
	const char *variant, *arch = solve_host_arch(&variant);
	const struct oci_platform here = {(char *)"linux", (char *)arch, (char *)variant};
	struct strv indexes cleanup_strv = STRV_INIT;
	int r = store_image_for_platform(v->q->store, image, &here, e);
	if (r != 0)
		return MIN(r, 0);
	r = store_image_indexes(v->q->store, image->id, &indexes, e);
	if (r >= 0 && indexes.n && may_fetch && fetch_image(v, name, &here, ret, NULL) >= 0)
		return 1;
	warn_other_machine(v, name, image);
	return MIN(r, 0);
}

/* A name of FROM or COPY --from: in the store, or else from a registry. */
int solve_find_image(void *solver, const char *name, const struct oci_platform *want,
	struct build_image *ret, struct err *e)
{
	struct solver *v = solver;
	const struct build_request *q = v->q;
	struct strv tried cleanup_strv = STRV_INIT;
	struct store_image image cleanup(store_image_release) = {0};
	bool may_fetch = q->fetch && !q->explain && q->pull != BUILD_PULL_NEVER;
	int r = oci_reference_candidates(name, &tried, e);
	if (r < 0)
		return r;
	if (may_fetch && q->pull != BUILD_PULL_MISSING)
		return fetch_image(v, name, want, ret, e);
	struct err why = ERR_INIT, not_fetched = ERR_INIT;
	r = store_image_find(q->store, name, &image, &why);
	if (r >= 0) {
		r = want ? store_image_for_platform(q->store, &image, want, e)
			 : find_ours(v, name, &image, may_fetch, ret, e);
		if (r < 0 || (!want && r))
			return MIN(r, 0);
		r = want ? r : 1;
		/* without network the one that is here is the answer: it says what it is for */
		if (r == 0 && may_fetch)
			return fetch_image(v, name, want, ret, e);
	}
	if (r >= 0)
		return read_image(v, name, image.id, ret, e);
	if (r == -ERR_NOT_FOUND && may_fetch) {
		r = fetch_image(v, name, want, ret, &not_fetched);
		if (r >= 0)
			return r;
		if (r == -ERR_NOT_FOUND)
			return not_there(name, &tried, &not_fetched, e);
		why = not_fetched;
	}
	if (r == -ERR_NOT_FOUND)
		return not_there(name, &tried, &not_fetched, e);
	if (e)
		*e = why;
	return r;
}

static bool stage_pending(const struct solver *v, const struct build_stage *s)
{
	while (s->base == BUILD_BASE_STAGE)
		s = &v->g->stages[s->base_stage];
	return s->base == BUILD_BASE_IMAGE && build_fetch_pending(&v->fetches, s->image->id);
}

bool solve_image_pending(const struct solver *v, const struct solve_step *x)
{
	const struct build_step *p = x->step;
	if (!v->fetches.first)
		return false;
	if (stage_pending(v, &v->g->stages[p->stage]))
		return true;
	if (p->op != BUILD_COPY)
		return false;
	if (p->copy.from == BUILD_FROM_STAGE)
		return stage_pending(v, &v->g->stages[p->copy.stage]);
	return p->copy.from == BUILD_FROM_IMAGE &&
	       build_fetch_pending(&v->fetches, p->copy.image->id);
}
