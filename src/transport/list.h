/*
 * Manifest lists in the making (`kist manifest`): an index of several platforms
 * that is put together here and then pushed. It is kept in the store's database
 * under its name, as the index's JSON; each entry has a member "source" beside what
 * the specification gives it: "docker://REPOSITORY@DIGEST" or "store:IMAGE ID",
 * where its image will be copied from. A list keeps no image: one that is removed
 * from the store before the push is missed then, by its name.
 */
#pragma once

#include "base/strv.h"
#include "oci/json.h"
#include "oci/reference.h"
#include "transport/copy.h"

struct err;
struct store;

struct transport_list {
	char name[OCI_REFERENCE_MAX]; /* normal form */
	json_t *doc;
};
void transport_list_release(struct transport_list *l);
#define cleanup_transport_list cleanup(transport_list_release)

/* An empty one; nothing is stored. */
void transport_list_new(struct transport_list *l, const char *name);
/* -ERR_NOT_FOUND */
int transport_list_load(
	struct store *s, const char *name, struct transport_list *ret, struct err *e);
int transport_list_save(struct store *s, const struct transport_list *l, struct err *e);
int transport_list_delete(struct store *s, const char *name, struct err *e); /* -ERR_NOT_FOUND */

/* What an image is added or annotated with; NULL and empty: as it says itself. */
struct transport_list_entry {
	const char *os, *arch, *variant, *os_version;
	struct strv os_features, features;
	struct strv annotations; /* NAME=VALUE */
};
/*
 * Adds what `from` names: an image, of an index the one for o->platform, or with o->all each of
 * them. source_base: "docker://host/path" for a registry (the digest is added), or the whole source.
 * An entry with the same digest is replaced. ret_digests: of those that were added.
 */
int transport_list_add(struct transport_list *l, struct transport_from *from,
	const char *source_base, const struct transport_list_entry *with,
	const struct transport_copy_options *o, struct strv *ret_digests, struct err *e);
/* digest: whole, or its first digits. -ERR_NOT_FOUND, -EINVAL: ambiguous */
int transport_list_annotate(struct transport_list *l, const char *digest,
	const struct transport_list_entry *with, struct err *e);
int transport_list_remove(struct transport_list *l, const char *digest, struct err *e);
/* The list as an index document. */
void transport_list_format(const struct transport_list *l, struct buf *out);
/* The images to where `to` is, then the index under its name. w: where the images come from. */
int transport_list_push(const struct transport_list *l, const struct transport_world *w,
	struct transport_to *to, const struct transport_copy_options *o,
	struct transport_copied *ret, struct err *e);
