/* kist inspect --remote: an image where it is. The document has skopeo's fields. */
#include "cli/store.h"
#include "cli/table.h"
#include "cli/transport/copy.h"
#include "cli/transport/remote.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "registry/client/list.h"
#include "transport/accept.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct inspection {
	struct cli *c;
	struct remote m;
	struct store *store;
	struct transport_world world;
	struct oci_platform platform;
	bool has_platform;
};

static void inspection_release(struct inspection *x)
{
	store_close(x->store);
	remote_release(&x->m);
	oci_platform_release(&x->platform);
}

struct image {
	struct oci_manifest m;
	struct buf bytes; /* of the config */
	struct oci_image_config config;
};

static void image_release(struct image *i)
{
	oci_manifest_release(&i->m);
	buf_release(&i->bytes);
	oci_image_config_release(&i->config);
}

/* Down to one image. */
static int choose(struct inspection *x, struct transport_from *f, struct transport_document *doc,
	struct err *e)
{
	for (int depth = 0; depth < 4; depth++) {
		struct oci_index index cleanup_oci_index = {0};
		const struct oci_descriptor *d;
		enum oci_kind kind;
		int r = oci_manifest_kind(doc->bytes.data, doc->bytes.len, &kind, e);
		if (r < 0 || kind == OCI_KIND_MANIFEST)
			return r;
		r = oci_index_parse(doc->bytes.data, doc->bytes.len, &index, e);
		if (r >= 0)
			r = oci_index_select_for(
				&index, x->has_platform ? &x->platform : NULL, &d, e);
		if (r < 0)
			return r;
		transport_document_release(doc);
		*doc = (struct transport_document){0};
		r = transport_from_manifest(f, d->digest, doc, e);
		if (r < 0)
			return r;
	}
	return err_set(e, ERR_LIMIT, "indexes nested too deep");
}

static int add_tag(void *arg, const char *name, struct err *e)
{
	json_array_append_new(arg, oci_json_text(name));
	return 0;
}

/* A registry that does not tell its tags is no failure: the image was asked for. */
static void add_tags(struct inspection *x, const char *reference, json_t *o)
{
	struct registry_repo *repo cleanup_registry_repo = NULL;
	struct oci_reference ref;
	json_t *tags = json_array();
	const struct registry_list list = {.each = add_tag, .arg = tags};
	if (oci_reference_parse(reference, &ref, NULL) >= 0 &&
		registry_open(x->m.client, x->m.config, &ref, &x->m.open, &repo, NULL) >= 0 &&
		registry_tags(repo, &list, NULL) >= 0)
		json_object_set(o, "RepoTags", tags);
	json_decref(tags);
}

static json_t *describe_layers(const struct oci_manifest *m)
{
	json_t *list = json_array();
	for (size_t i = 0; i < m->nlayers; i++) {
		json_t *l = json_object();
		json_object_set_new(l, "MIMEType", oci_json_text(m->layers[i].media_type));
		json_object_set_new(l, "Digest", json_string(m->layers[i].digest));
		json_object_set_new(l, "Size", json_integer((json_int_t)m->layers[i].size));
		json_object_set_new(l, "Annotations", oci_json_from_map(&m->layers[i].annotations));
		json_array_append_new(list, l);
	}
	return list;
}

static json_t *describe(struct inspection *x, const struct transport_from *f, const char *digest,
	const struct transport_document *doc, const struct oci_manifest *m,
	const struct oci_image_config *config)
{
	json_t *o = json_object(), *layers = json_array();
	if (f->reference) {
		char repo[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1];
		oci_reference_split(f->reference, repo, tag);
		json_object_set_new(o, "Name", oci_json_text(repo));
	}
	json_object_set_new(o, "Digest", json_string(digest));
	if (!str_eq(digest, doc->digest))
		json_object_set_new(o, "ManifestDigest", json_string(doc->digest));
	json_object_set_new(o, "MediaType", oci_json_text(doc->media_type));
	if (f->reference && str_starts(f->text, "docker://") && !cli_flag(x->c, "no-tags"))
		add_tags(x, f->reference, o);
	if (m->artifact_type)
		json_object_set_new(o, "ArtifactType", oci_json_text(m->artifact_type));
	if (m->has_subject)
		json_object_set_new(o, "Subject", json_string(m->subject.digest));
	if (config->created)
		json_object_set_new(o, "Created", oci_json_text(config->created));
	json_object_set_new(o, "Labels", oci_json_from_map(&config->config.labels));
	json_object_set_new(
		o, "Architecture", oci_json_text(config->architecture ? config->architecture : ""));
	if (config->variant)
		json_object_set_new(o, "Variant", oci_json_text(config->variant));
	json_object_set_new(o, "Os", oci_json_text(config->os ? config->os : ""));
	for (size_t i = 0; i < m->nlayers; i++)
		json_array_append_new(layers, json_string(m->layers[i].digest));
	json_object_set_new(o, "Layers", layers);
	json_object_set_new(o, "LayersData", describe_layers(m));
	json_object_set_new(o, "Env", oci_json_from_strings(&config->config.env));
	json_object_set_new(o, "Annotations", oci_json_from_map(&m->annotations));
	return o;
}

static int print_config(struct inspection *x, const struct buf *bytes, json_t **ret, struct err *e)
{
	if (!cli_flag(x->c, "raw"))
		return oci_json_parse(bytes->data, bytes->len, LIMIT_CONFIG, "config", ret, e);
	fwrite(bytes->data, 1, bytes->len, stdout);
	return 0;
}

/* The image that doc is, with its config; of an artifact its config's bytes alone. */
static int read_image(struct inspection *x, struct transport_from *f,
	const struct transport_document *doc, bool chosen, struct image *ret, struct err *e)
{
	int r = oci_manifest_parse(doc->bytes.data, doc->bytes.len, &ret->m, e);
	if (r >= 0)
		r = transport_from_read(f, &ret->m.config, &ret->bytes, e);
	if (r < 0 || oci_media_type_kind(ret->m.config.media_type) != OCI_KIND_CONFIG)
		return r;
	r = oci_image_config_parse(ret->bytes.data, ret->bytes.len, &ret->config, e);
	if (r < 0 || chosen || !x->has_platform)
		return r;
	return transport_accept_platform(&ret->config, &x->platform, e);
}

/* *ret stays NULL when the answer was printed as it is. */
static int inspect_from(struct inspection *x, struct transport_from *f, json_t **ret, struct err *e)
{
	struct transport_document doc cleanup_transport_document = {0};
	struct image image cleanup(image_release) = {
		.bytes = BUF_INIT_MAX(LIMIT_CONFIG), .config = OCI_IMAGE_CONFIG_INIT};
	char root[OCI_DIGEST_MAX];
	bool want_config = cli_flag(x->c, "config"), raw = cli_flag(x->c, "raw") && !want_config;
	int r = transport_from_manifest(f, NULL, &doc, e);
	if (r < 0)
		return r;
	memcpy(root, doc.digest, sizeof(root));
	if (!raw || x->has_platform)
		r = choose(x, f, &doc, e);
	bool chosen = r >= 0 && !str_eq(root, doc.digest);
	if (r >= 0 && (!raw || (x->has_platform && !chosen)))
		r = read_image(x, f, &doc, chosen, &image, e);
	if (r < 0)
		return r;
	if (want_config)
		return print_config(x, &image.bytes, ret, e);
	if (raw)
		fwrite(doc.bytes.data, 1, doc.bytes.len, stdout);
	else
		*ret = describe(x, f, root, &doc, &image.m, &image.config);
	return 0;
}

static int inspect_name(struct inspection *x, const char *text, json_t **ret, struct err *e)
{
	struct transport_place p cleanup_transport_place = {0};
	struct transport_from *f cleanup_transport_from = NULL;
	char *full cleanup_free =
		transport_place_is(text) ? mem_strdup(text) : mem_printf("docker://%s", text);
	int r = transport_place_parse(full, &p, e);
	if (r >= 0 && p.kind == TRANSPORT_KIND_STORE && !x->store) {
		r = cli_store_open(x->c, &x->store, e);
		x->world.store = x->store;
	}
	if (r >= 0)
		r = transport_from_open(&p, &x->world, &f, e);
	return r < 0 ? r : inspect_from(x, f, ret, e);
}

static int cmd_inspect_remote(struct cli *c)
{
	struct inspection x cleanup(inspection_release) = {.c = c};
	const char *platform = cli_value(c, "platform"), *format = cli_value(c, "format");
	if (cli_value(c, "type") && !str_eq(cli_value(c, "type"), "image"))
		return err_set(&c->err, ERR_USAGE, "--type: --remote knows images");
	if (cli_flag(c, "size"))
		return err_set(&c->err, ERR_USAGE, "--size goes without --remote");
	if (format && cli_flag(c, "raw"))
		return err_set(&c->err, ERR_USAGE, "--raw and --format exclude each other");
	int r = platform ? oci_platform_parse(platform, &x.platform, &c->err) : 0;
	x.has_platform = platform;
	if (r >= 0)
		r = remote_open(c, &x.m);
	if (r < 0)
		return r;
	x.world = (struct transport_world){.client = x.m.client,
		.config = x.m.config,
		.remote = &x.m.open,
		.tmp_dir = copy_tmp_dir(),
		.platform = x.has_platform ? &x.platform : NULL};
	json_t *all cleanup_json = json_array();
	int status = 0;
	for (int i = 0; i < c->n_operands && r >= 0; i++) {
		struct err e = ERR_INIT;
		json_t *one = NULL;
		if (inspect_name(&x, c->operands[i], &one, &e) < 0) {
			cli_error(&e);
			status = 1;
			continue;
		}
		if (one && format && !str_eq(format, "json"))
			r = cli_format(format, one, stdout, &c->err);
		if (one)
			json_array_append_new(all, one);
	}
	if (r >= 0 && json_array_size(all) && (!format || str_eq(format, "json")))
		cli_print_json(all, !format, stdout);
	return r < 0 ? r : status;
}

CLI_COMMAND(inspect_remote, cmd_inspect_remote);
