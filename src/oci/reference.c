/* The grammar of image references and their forms: as written, stored, shown. */
#include "oci/reference.h"

#include "base/err.h"
#include "base/str.h"

#include <string.h>

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_lower(c) || is_digit(c) || (c >= 'A' && c <= 'Z');
}

static int bad_reference(struct err *e, const char *text, const char *why)
{
	return err_set(e, ERR_SYNTAX, "invalid reference '%.200s': %s", text, why);
}

/* [a-z0-9]+ ( ("." | "_" | "__" | "-"+) [a-z0-9]+ )* */
static bool path_component_valid(const char *s, size_t len)
{
	size_t i = 0;
	for (;;) {
		size_t start = i;
		while (i < len && (is_lower(s[i]) || is_digit(s[i])))
			i++;
		if (i == start)
			return false;
		if (i == len)
			return true;
		if (s[i] == '-') {
			while (i < len && s[i] == '-')
				i++;
		} else if (s[i] == '_') {
			i += i + 1 < len && s[i + 1] == '_' ? 2 : 1;
		} else if (s[i] == '.') {
			i++;
		} else {
			return false;
		}
	}
}

static bool path_valid(const char *s, size_t len)
{
	for (;;) {
		const char *slash = memchr(s, '/', len);
		size_t n = slash ? (size_t)(slash - s) : len;
		if (!path_component_valid(s, n))
			return false;
		if (!slash)
			return true;
		s += n + 1;
		len -= n + 1;
	}
}

static bool port_valid(const char *s, size_t len)
{
	if (len == 0 || len > 5)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_digit(s[i]))
			return false;
	return true;
}

static bool host_valid(const char *s, size_t len)
{
	size_t start = 0;
	for (size_t i = 0; i <= len; i++) {
		if (i < len && s[i] != '.') {
			if (!is_alnum(s[i]) && s[i] != '-')
				return false;
			continue;
		}
		if (i == start || s[start] == '-' || s[i - 1] == '-')
			return false;
		start = i + 1;
	}
	return true;
}

/* Host names with an optional port, or an IPv6 address in brackets. */
static bool domain_valid(const char *s, size_t len)
{
	if (len && s[0] == '[') {
		const char *end = memchr(s, ']', len);
		if (!end || end == s + 1)
			return false;
		for (const char *p = s + 1; p < end; p++)
			if (!(is_digit(*p) || (*p >= 'a' && *p <= 'f') ||
				    (*p >= 'A' && *p <= 'F') || *p == ':' || *p == '.'))
				return false;
		size_t rest = len - (size_t)(end + 1 - s);
		return rest == 0 || (end[1] == ':' && port_valid(end + 2, rest - 1));
	}
	const char *colon = memchr(s, ':', len);
	if (colon && !port_valid(colon + 1, len - (size_t)(colon + 1 - s)))
		return false;
	return host_valid(s, colon ? (size_t)(colon - s) : len);
}

static bool tag_valid(const char *s, size_t len)
{
	if (len == 0 || len > OCI_TAG_MAX || s[0] == '.' || s[0] == '-')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_alnum(s[i]) && s[i] != '_' && s[i] != '.' && s[i] != '-')
			return false;
	return true;
}

/* docker's rule: the first of several components is a domain when it looks like one */
static bool is_domain(const char *s, size_t len)
{
	if (len == 9 && !memcmp(s, "localhost", 9))
		return true;
	for (size_t i = 0; i < len; i++)
		if (s[i] == '.' || s[i] == ':' || (s[i] >= 'A' && s[i] <= 'Z'))
			return true;
	return false;
}

static void put(char *out, size_t size, const char *s, size_t len)
{
	len = MIN(len, size - 1);
	memcpy(out, s, len);
	out[len] = 0;
}

static int parse_name(
	const char *text, const char *name, size_t len, struct oci_reference *ret, struct err *e)
{
	if (len > OCI_NAME_MAX)
		return bad_reference(e, text, "the name has more than 255 characters");
	const char *path = name;
	const char *slash = memchr(name, '/', len);
	if (slash && is_domain(name, (size_t)(slash - name))) {
		size_t n = (size_t)(slash - name);
		if (!domain_valid(name, n))
			return bad_reference(e, text, "the registry is not a host name");
		put(ret->domain, sizeof(ret->domain), name, n);
		path = slash + 1;
		len -= n + 1;
	}
	if (!path_valid(path, len)) {
		for (size_t i = 0; i < len; i++)
			if (path[i] >= 'A' && path[i] <= 'Z')
				return bad_reference(
					e, text, "the repository name must be lower case");
		return bad_reference(e, text,
			"a repository name is made of lower-case letters, digits and single "
			"separators");
	}
	put(ret->path, sizeof(ret->path), path, len);
	return 0;
}

int oci_reference_parse(const char *text, struct oci_reference *ret, struct err *e)
{
	struct oci_reference r = {0};
	size_t len = strnlen(text, OCI_REFERENCE_MAX);
	if (len == 0)
		return bad_reference(e, text, "it is empty");
	if (len >= OCI_REFERENCE_MAX)
		return bad_reference(e, text, "it is too long");
	const char *at = memchr(text, '@', len);
	if (at) {
		int k = oci_digest_parse(
			at + 1, len - (size_t)(at + 1 - text), "reference", r.digest, e);
		if (k < 0)
			return err_wrap(e, k, "invalid reference '%.200s'", text);
		len = (size_t)(at - text);
	}
	/* the tag begins after the last ':' that no '/' follows */
	size_t name_len = len;
	for (size_t i = len; i-- > 0 && text[i] != '/';) {
		if (text[i] != ':')
			continue;
		if (!tag_valid(text + i + 1, len - i - 1))
			return bad_reference(e, text,
				"a tag is made of at most 128 letters, digits, '_', '.' and '-'");
		put(r.tag, sizeof(r.tag), text + i + 1, len - i - 1);
		name_len = i;
		break;
	}
	int k = parse_name(text, text, name_len, &r, e);
	if (k < 0)
		return k;
	*ret = r;
	return 0;
}

char *oci_reference_format(const struct oci_reference *r, char out[OCI_REFERENCE_MAX])
{
	snprintf(out, OCI_REFERENCE_MAX, "%s%s%s%s%s%s%s", r->domain, *r->domain ? "/" : "",
		r->path, *r->tag ? ":" : "", r->tag, *r->digest ? "@" : "", r->digest);
	return out;
}

static void add_library(struct oci_reference *r)
{
	if (strchr(r->path, '/'))
		return;
	char path[OCI_NAME_MAX + 1];
	int n = snprintf(path, sizeof(path), "library/%s", r->path);
	if (n > 0 && (size_t)n < sizeof(path))
		memcpy(r->path, path, (size_t)n + 1);
}

/* docker.io has an older name, and its one-word repositories live below library/. */
static void normalise_domain(struct oci_reference *r)
{
	if (str_eq(r->domain, "index.docker.io"))
		put(r->domain, sizeof(r->domain), "docker.io", 9);
	if (str_eq(r->domain, "docker.io"))
		add_library(r);
	if (!*r->tag && !*r->digest)
		put(r->tag, sizeof(r->tag), "latest", 6);
}

void oci_reference_normalise_local(struct oci_reference *r)
{
	if (!*r->domain)
		put(r->domain, sizeof(r->domain), "localhost", 9);
	normalise_domain(r);
}

void oci_reference_normalise_docker(struct oci_reference *r)
{
	if (!*r->domain)
		put(r->domain, sizeof(r->domain), "docker.io", 9);
	normalise_domain(r);
}

/* 64 hexadecimal digits would be read as an id by everybody. */
static bool looks_like_id(const struct oci_reference *r)
{
	if (*r->domain || *r->tag || strlen(r->path) != 64)
		return false;
	return strspn(r->path, "0123456789abcdef") == 64;
}

int oci_reference_tag(const char *text, char ret[OCI_REFERENCE_MAX], struct err *e)
{
	struct oci_reference r;
	int k = oci_reference_parse(text, &r, e);
	if (k < 0)
		return k;
	if (*r.digest)
		return bad_reference(e, text, "a name that is given here cannot have a digest");
	if (looks_like_id(&r))
		return bad_reference(e, text, "64 hexadecimal digits are an id, not a name");
	oci_reference_normalise_local(&r);
	oci_reference_format(&r, ret);
	return 0;
}

int oci_reference_candidates(const char *text, struct strv *ret, struct err *e)
{
	struct oci_reference r;
	if (oci_reference_parse(text, &r, NULL) < 0 || looks_like_id(&r))
		return 0;
	if (*r.digest)
		r.tag[0] = 0; /* the digest says it exactly */
	char out[OCI_REFERENCE_MAX];
	struct oci_reference local = r, docker = r;
	oci_reference_normalise_local(&local);
	strv_add(ret, oci_reference_format(&local, out));
	if (*r.domain)
		return 0;
	oci_reference_normalise_docker(&docker);
	strv_add(ret, oci_reference_format(&docker, out));
	return 0;
}

char *oci_reference_familiar(const char *normal, char out[OCI_REFERENCE_MAX])
{
	if (str_starts(normal, "docker.io/library/"))
		normal += strlen("docker.io/library/");
	else if (str_starts(normal, "docker.io/"))
		normal += strlen("docker.io/");
	put(out, OCI_REFERENCE_MAX, normal, strlen(normal));
	return out;
}

void oci_reference_split(
	const char *text, char ret_repo[OCI_REFERENCE_MAX], char ret_tag[OCI_TAG_MAX + 1])
{
	size_t len = strcspn(text, "@");
	size_t colon = len;
	for (size_t i = len; i-- > 0 && text[i] != '/';) {
		if (text[i] == ':') {
			colon = i;
			break;
		}
	}
	put(ret_repo, OCI_REFERENCE_MAX, text, colon);
	if (colon < len)
		put(ret_tag, OCI_TAG_MAX + 1, text + colon + 1, len - colon - 1);
	else
		put(ret_tag, OCI_TAG_MAX + 1, "<none>", 6);
}
