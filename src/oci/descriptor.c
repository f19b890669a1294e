/* Descriptors and platforms: from and to JSON, and what this machine runs. */
#include "oci/descriptor.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void oci_platform_release(struct oci_platform *p)
{
	free(p->os);
	free(p->architecture);
	free(p->variant);
	*p = (struct oci_platform){0};
}

void oci_descriptor_release(struct oci_descriptor *d)
{
	free(d->media_type);
	oci_platform_release(&d->platform);
	strv_release(&d->annotations);
	free(d->artifact_type);
	strv_release(&d->urls);
	*d = (struct oci_descriptor){0};
}

static int parse_platform(json_t *o, const char *where, struct oci_platform *p, struct err *e)
{
	const char *os = NULL, *arch = NULL, *variant = NULL;
	int r = oci_json_string(o, where, "os", &os, e);
	if (r >= 0)
		r = oci_json_string(o, where, "architecture", &arch, e);
	if (r >= 0)
		r = oci_json_string(o, where, "variant", &variant, e);
	if (r < 0)
		return r;
	p->os = mem_strdup(os);
	p->architecture = mem_strdup(arch);
	p->variant = mem_strdup(variant);
	return 0;
}

static int parse_members(json_t *o, const char *where, struct oci_descriptor *d, struct err *e)
{
	const char *type = "", *digest = NULL;
	int64_t size = -1;
	int r = oci_json_string(o, where, "mediaType", &type, e);
	if (r >= 0)
		r = oci_json_string(o, where, "digest", &digest, e);
	if (r >= 0)
		r = oci_json_i64(o, where, "size", &size, e);
	if (r < 0)
		return r;
	if (!digest)
		return err_set(e, ERR_FORMAT, "%s: no digest", where);
	r = oci_digest_parse(digest, strlen(digest), where, d->digest, e);
	if (r < 0)
		return r;
	if (size < 0)
		return err_set(e, ERR_FORMAT, "%s: no size, or a negative one", where);
	d->size = (uint64_t)size;
	d->media_type = mem_strdup(type);
	json_t *platform = NULL;
	r = oci_json_object(o, where, "platform", &platform, e);
	if (r > 0) {
		d->has_platform = true;
		r = parse_platform(platform, where, &d->platform, e);
	}
	if (r < 0)
		return r;
	r = oci_json_map(o, where, "annotations", &d->annotations, e);
	if (r < 0)
		return r;
	r = oci_json_strings(o, where, "urls", &d->urls, e);
	if (r < 0)
		return r;
	const char *artifact = NULL;
	r = oci_json_string(o, where, "artifactType", &artifact, e);
	d->artifact_type = mem_strdup(artifact);
	return r < 0 ? r : 0;
}

int oci_descriptor_parse(
	struct json_t *o, const char *where, struct oci_descriptor *ret, struct err *e)
{
	*ret = (struct oci_descriptor){0};
	if (!json_is_object(o))
		return err_set(e, ERR_FORMAT, "%s: expected a descriptor object", where);
	int r = parse_members(o, where, ret, e);
	if (r < 0)
		oci_descriptor_release(ret);
	return r;
}

static json_t *format_platform(const struct oci_platform *p)
{
	json_t *o = json_object();
	json_object_set_new(o, "architecture", oci_json_text(p->architecture ?: ""));
	json_object_set_new(o, "os", oci_json_text(p->os ?: ""));
	if (!str_empty(p->variant))
		json_object_set_new(o, "variant", oci_json_text(p->variant));
	return o;
}

struct json_t *oci_descriptor_format(const struct oci_descriptor *d)
{
	json_t *o = json_object();
	if (!str_empty(d->media_type))
		json_object_set_new(o, "mediaType", oci_json_text(d->media_type));
	json_object_set_new(o, "digest", json_string(d->digest));
	json_object_set_new(o, "size", json_integer((json_int_t)d->size));
	if (d->urls.n)
		json_object_set_new(o, "urls", oci_json_from_strings(&d->urls));
	if (d->annotations.n)
		json_object_set_new(o, "annotations", oci_json_from_map(&d->annotations));
	if (d->has_platform)
		json_object_set_new(o, "platform", format_platform(&d->platform));
	if (!str_empty(d->artifact_type))
		json_object_set_new(o, "artifactType", oci_json_text(d->artifact_type));
	return o;
}

void oci_descriptor_copy(struct oci_descriptor *dst, const struct oci_descriptor *src)
{
	*dst = (struct oci_descriptor){
		.media_type = mem_strdup(src->media_type),
		.size = src->size,
		.has_platform = src->has_platform,
		.platform =
			{
				.os = mem_strdup(src->platform.os),
				.architecture = mem_strdup(src->platform.architecture),
				.variant = mem_strdup(src->platform.variant),
			},
	};
	memcpy(dst->digest, src->digest, sizeof(dst->digest));
	strv_add_all(&dst->annotations, &src->annotations);
	dst->artifact_type = mem_strdup(src->artifact_type);
	strv_add_all(&dst->urls, &src->urls);
}

const char *oci_platform_arch(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#elif defined(__i386__)
	return "386";
#elif defined(__arm__)
	return "arm";
#elif defined(__riscv) && __riscv_xlen == 64
	return "riscv64";
#elif defined(__powerpc64__) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	return "ppc64le";
#elif defined(__s390x__)
	return "s390x";
#elif defined(__loongarch64)
	return "loong64";
#else
	return "unknown";
#endif
}

const char *oci_platform_variant(void)
{
#if defined(__aarch64__)
	return "v8";
#elif defined(__arm__)
	return "v7";
#else
	return "";
#endif
}

int oci_platform_parse(const char *text, struct oci_platform *ret, struct err *e)
{
	struct strv parts cleanup_strv = STRV_INIT;
	char *copy cleanup_free = mem_strdup(text);
	char *next = copy, *part;
	while ((part = strsep(&next, "/")))
		strv_add(&parts, part);
	bool no_os = parts.n == 1;
	for (size_t i = 0; i < parts.n; i++)
		if (str_empty(parts.v[i]) || parts.n > 3)
			return err_set(e, EINVAL,
				"platform '%.100s' is not of the form OS/ARCH or OS/ARCH/VARIANT",
				text);
	if (!no_os && !str_eq(parts.v[0], "linux"))
		return err_set(e, ERR_UNSUPPORTED,
			"platform '%.100s': only images for linux can be used", text);
	const char *arch = parts.v[no_os ? 0 : 1];
	static const char *const aliases[][2] = {
		{"x86_64", "amd64"}, {"x86-64", "amd64"}, {"aarch64", "arm64"}, {"i386", "386"}};
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (str_eq(arch, aliases[i][0]))
			arch = aliases[i][1];
	*ret = (struct oci_platform){
		.os = mem_strdup("linux"),
		.architecture = mem_strdup(arch),
		.variant = mem_strdup(parts.n == 3 ? parts.v[2] : NULL),
	};
	return 0;
}

char *oci_platform_format(const struct oci_platform *p)
{
	return mem_printf("%s/%s%s%s", p->os ?: "linux", p->architecture ?: "",
		str_empty(p->variant) ? "" : "/", p->variant ?: "");
}

/* What an architecture without a variant means (containerd's platforms package says the same) */
static const char *variant_of(const struct oci_platform *p)
{
	if (!str_empty(p->variant))
		return p->variant;
	if (str_eq(p->architecture, "arm64"))
		return "v8";
	return str_eq(p->architecture, "arm") ? "v7" : "";
}

int oci_platform_match(const struct oci_platform *p, const struct oci_platform *want)
{
	const struct oci_platform here = {
		.os = (char *)"linux",
		.architecture = (char *)oci_platform_arch(),
		.variant = (char *)oci_platform_variant(),
	};
	if (!want)
		want = &here;
	if (!str_empty(p->os) && !str_eq(p->os, want->os))
		return 0;
	if (str_empty(p->architecture))
		return 1;
	if (!str_eq(p->architecture, want->architecture))
		return 0;
	const char *have = variant_of(p), *asked = variant_of(want);
	if (str_eq(have, asked))
		return 2;
	/* x86 variants (v2, v3) ask for more than plain amd64; arm's go downwards */
	return str_starts(p->architecture, "arm") && strcmp(have, asked) < 0;
}

bool oci_platform_fits(const struct oci_platform *p)
{
	if (!str_empty(p->os) && !str_eq(p->os, "linux"))
		return false;
	if (str_empty(p->architecture) || str_eq(p->architecture, oci_platform_arch())) {
		const char *mine = oci_platform_variant();
		/* x86 variants (v2, v3) ask for more than we can promise; arm's go downwards */
		return str_empty(p->variant) || (*mine && strcmp(p->variant, mine) <= 0);
	}
	return false;
}
