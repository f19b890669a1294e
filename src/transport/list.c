/* Manifest lists: in the database, and what is done to them. list_push.c sends them. */
#include "transport/list.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define FACT "manifest-list " /* and the name */

void transport_list_release(struct transport_list *l)
{
	json_decref(STEAL(l->doc));
}

void transport_list_new(struct transport_list *l, const char *name)
{
	*l = (struct transport_list){.doc = json_object()};
	snprintf(l->name, sizeof(l->name), "%s", name);
	json_object_set_new(l->doc, "schemaVersion", json_integer(2));
	json_object_set_new(l->doc, "mediaType", json_string(OCI_TYPE_INDEX));
	json_object_set_new(l->doc, "manifests", json_array());
}

int transport_list_load(
	struct store *s, const char *name, struct transport_list *ret, struct err *e)
{
	char *fact cleanup_free = mem_printf(FACT "%s", name), *text cleanup_free = NULL;
	int r = store_fact_get(s, fact, &text, e);
	if (r == -ENOENT)
		return err_set(e, ERR_NOT_FOUND, "no such manifest list: %s", name);
	if (r < 0)
		return r;
	*ret = (struct transport_list){0};
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return oci_json_parse(text, strlen(text), LIMIT_MANIFEST, "manifest list", &ret->doc, e);
}

int transport_list_save(struct store *s, const struct transport_list *l, struct err *e)
{
	char *fact cleanup_free = mem_printf(FACT "%s", l->name);
	struct buf b cleanup_buf = BUF_INIT;
	oci_json_format(l->doc, &b);
	if (b.len > LIMIT_MANIFEST)
		return err_set(
			e, ERR_LIMIT, "a manifest list has at most %d bytes", LIMIT_MANIFEST);
	return store_fact_set(s, fact, buf_str(&b), e);
}

int transport_list_delete(struct store *s, const char *name, struct err *e)
{
	struct transport_list l cleanup_transport_list = {0};
	char *fact cleanup_free = mem_printf(FACT "%s", name);
	int r = transport_list_load(s, name, &l, e);
	return r < 0 ? r : store_fact_set(s, fact, NULL, e);
}

static void set_text(json_t *o, const char *key, const char *value)
{
	if (!str_empty(value))
		json_object_set_new(o, key, oci_json_text(value));
}

static void set_list(json_t *o, const char *key, const struct strv *v)
{
	if (v->n)
		json_object_set_new(o, key, oci_json_from_strings(v));
}

static void apply(json_t *entry, const struct transport_list_entry *with)
{
	json_t *p = json_object_get(entry, "platform");
	if (!p) {
		p = json_object();
		json_object_set_new(entry, "platform", p);
	}
	set_text(p, "architecture", with->arch);
	set_text(p, "os", with->os);
	set_text(p, "variant", with->variant);
	set_text(p, "os.version", with->os_version);
	set_list(p, "os.features", &with->os_features);
	set_list(p, "features", &with->features);
	if (!with->annotations.n)
		return;
	json_t *more cleanup_json = oci_json_from_map(&with->annotations);
	json_t *all = json_object_get(entry, "annotations");
	if (all)
		json_object_update(all, more);
	else
		json_object_set(entry, "annotations", more);
}

static const char *digest_of(json_t *entry)
{
	const char *d = json_string_value(json_object_get(entry, "digest"));
	return d ? d : "";
}

static void put_entry(struct transport_list *l, json_t *entry)
{
	json_t *list = json_object_get(l->doc, "manifests");
	for (size_t i = json_array_size(list); i-- > 0;)
		if (str_eq(digest_of(json_array_get(list, i)), digest_of(entry)))
			json_array_remove(list, i);
	json_array_append(list, entry);
}

/* The platform as the image's config says it. */
static int platform_of(struct transport_from *from, const struct transport_document *doc,
	json_t **ret, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	int r = oci_manifest_parse(doc->bytes.data, doc->bytes.len, &m, e);
	if (r >= 0 && oci_media_type_kind(m.config.media_type) != OCI_KIND_CONFIG)
		return 0; /* an artifact runs nowhere */
	if (r >= 0)
		r = transport_from_read(from, &m.config, &b, e);
	if (r >= 0)
		r = oci_image_config_parse(b.data, b.len, &c, e);
	if (r < 0)
		return r;
	json_t *p = json_object();
	set_text(p, "architecture", c.architecture);
	set_text(p, "os", c.os);
	set_text(p, "variant", c.variant);
	set_text(p, "os.version", c.os_version);
	set_list(p, "os.features", &c.os_features);
	*ret = p;
	return 0;
}

/* A manifest that was never written down gets its bytes by one copy to nowhere: the same input gives
 * the same layers, so that the push will give the same digest. */
static int settle(struct transport_from *from, const struct transport_copy_options *o,
	struct transport_document *doc, struct err *e)
{
	if (!from->made_up)
		return 0;
	char *dir cleanup_free = mem_printf("%s/kist-list.XXXXXX", o->tmp_dir);
	if (!mkdtemp(dir))
		return err_sys(e, "create '%s'", dir);
	char *text cleanup_free = mem_printf("oci:%s/l", dir);
	struct transport_place p cleanup_transport_place = {0};
	struct transport_world w = {.tmp_dir = o->tmp_dir};
	struct transport_to *to cleanup_transport_to = NULL;
	struct transport_from *back cleanup_transport_from = NULL;
	struct transport_copy_options quiet = *o;
	quiet.progress = NULL;
	quiet.format = OCI_FORMAT_KEEP;
	int r = transport_place_parse(text, &p, e);
	if (r >= 0)
		r = transport_to_open(&p, &w, &to, e);
	if (r >= 0)
		r = transport_copy(from, to, &quiet, NULL, e);
	if (r >= 0)
		r = transport_from_open(&p, &w, &back, e);
	transport_document_release(doc);
	*doc = (struct transport_document){0};
	if (r >= 0)
		r = transport_from_manifest(back, NULL, doc, e);
	(void)file_remove_tree(AT_FDCWD, dir, NULL);
	return r;
}

static int add_one(struct transport_list *l, struct transport_from *from, const char *base,
	struct transport_document *doc, const struct oci_descriptor *like,
	const struct transport_list_entry *with, const struct transport_copy_options *o,
	struct strv *ret, struct err *e)
{
	json_t *entry cleanup_json = json_object(), *platform = NULL;
	int r = settle(from, o, doc, e);
	if (r < 0)
		return r;
	json_object_set_new(entry, "mediaType", oci_json_text(doc->media_type));
	json_object_set_new(entry, "digest", json_string(doc->digest));
	json_object_set_new(entry, "size", json_integer((json_int_t)doc->bytes.len));
	if (like) {
		json_t *was cleanup_json = oci_descriptor_format(like);
		json_object_update_missing(entry, was);
	}
	if (!json_object_get(entry, "platform")) {
		r = platform_of(from, doc, &platform, e);
		if (platform)
			json_object_set_new(entry, "platform", platform);
	}
	if (r < 0)
		return r;
	char *source cleanup_free = str_starts(base, "docker://")
					    ? mem_printf("%s@%s", base, doc->digest)
					    : mem_strdup(base);
	json_object_set_new(entry, "source", oci_json_text(source));
	apply(entry, with);
	put_entry(l, entry);
	strv_add(ret, doc->digest);
	return 0;
}

static int add_index(struct transport_list *l, struct transport_from *from, const char *base,
	const struct transport_document *doc, const struct transport_list_entry *with,
	const struct transport_copy_options *o, struct strv *ret, struct err *e)
{
	struct oci_index x cleanup_oci_index = {0};
	const struct oci_descriptor *one = NULL;
	int r = oci_index_parse(doc->bytes.data, doc->bytes.len, &x, e);
	if (r >= 0 && !o->all)
		r = oci_index_select_for(&x, o->platform, &one, e);
	for (size_t i = 0; i < x.nmanifests && r >= 0; i++) {
		struct transport_document d cleanup_transport_document = {0};
		if (one && one != &x.manifests[i])
			continue;
		r = transport_from_manifest(from, x.manifests[i].digest, &d, e);
		if (r >= 0)
			r = add_one(l, from, base, &d, &x.manifests[i], with, o, ret, e);
	}
	return r;
}

int transport_list_add(struct transport_list *l, struct transport_from *from,
	const char *source_base, const struct transport_list_entry *with,
	const struct transport_copy_options *o, struct strv *ret_digests, struct err *e)
{
	struct transport_document doc cleanup_transport_document = {0};
	enum oci_kind kind;
	int r = transport_from_manifest(from, NULL, &doc, e);
	if (r >= 0)
		r = oci_manifest_kind(doc.bytes.data, doc.bytes.len, &kind, e);
	if (r < 0)
		return r;
	if (kind == OCI_KIND_INDEX)
		return add_index(l, from, source_base, &doc, with, o, ret_digests, e);
	return add_one(l, from, source_base, &doc, NULL, with, o, ret_digests, e);
}

static int find(const struct transport_list *l, const char *text, size_t *ret, struct err *e)
{
	json_t *list = json_object_get(l->doc, "manifests"), *entry;
	size_t i, found = 0, len = strlen(text);
	json_array_foreach (list, i, entry) {
		const char *d = digest_of(entry);
		const char *hex = str_starts(d, "sha256:") ? d + 7 : d;
		if (len < 4 || (strncmp(d, text, len) != 0 && strncmp(hex, text, len) != 0))
			continue;
		*ret = i;
		found++;
	}
	if (found == 1)
		return 0;
	return found ? err_set(e, EINVAL, "'%s' is ambiguous in %s", text, l->name)
		     : err_set(e, ERR_NOT_FOUND, "%s has no entry %s", l->name, text);
}

int transport_list_annotate(struct transport_list *l, const char *digest,
	const struct transport_list_entry *with, struct err *e)
{
	size_t i;
	int r = find(l, digest, &i, e);
	if (r >= 0)
		apply(json_array_get(json_object_get(l->doc, "manifests"), i), with);
	return r;
}

int transport_list_remove(struct transport_list *l, const char *digest, struct err *e)
{
	size_t i;
	int r = find(l, digest, &i, e);
	if (r >= 0)
		json_array_remove(json_object_get(l->doc, "manifests"), i);
	return r;
}

void transport_list_format(const struct transport_list *l, struct buf *out)
{
	json_t *doc cleanup_json = json_deep_copy(l->doc), *entry;
	size_t i;
	json_array_foreach (json_object_get(doc, "manifests"), i, entry)
		json_object_del(entry, "source");
	oci_json_format(doc, out);
}
