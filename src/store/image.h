/*
 * Images and tags. An image is its config: id = digest of the config blob, which
 * lies in blobs/. Tags (whole references in their normal form, see oci/reference.h,
 * such as "docker.io/library/busybox:latest") point at images.
 */
#pragma once

#include "base/strv.h"
#include "store/store.h"

struct oci_platform;

struct store_image {
	char id[STORE_DIGEST_MAX];
	int64_t created; /* the config's `created`; 0: none */
	int64_t added;   /* when it came into this store */
	char *os, *arch, *variant;
	uint64_t size;       /* content of all layers (regular files' bytes) */
	struct strv layers;  /* diffIDs, lowest first */
	struct strv tags;    /* sorted */
	struct strv digests; /* "repository@sha256:...": manifests it was pulled or pushed under */
};
void store_image_release(struct store_image *i);
#define cleanup_store_image cleanup(store_image_release)

struct store_images {
	struct store_image *v;
	size_t n;
};
void store_images_release(struct store_images *l);
#define cleanup_store_images cleanup(store_images_release)

/*
 * Makes an image known and durable: config blob and layers must be in the store. Uses id, created,
 * os, arch, variant and layers of img. tag: set in the same transaction, or NULL. ret_old (may be
 * NULL): the image the tag pointed at before, "" for none. An image that is there already is fine.
 */
int store_image_put(struct store *s, const struct store_image *img, const char *tag,
	char ret_old[STORE_DIGEST_MAX], struct err *e);

/* By whole id. -ERR_NOT_FOUND. */
int store_image_get(struct store *s, const char *id, struct store_image *ret, struct err *e);
/*
 * What a person types: the names that it may mean (oci_reference_candidates), "repository@digest",
 * a whole id, the first digits of an id (with or without "sha256:"). -ERR_NOT_FOUND "no such image";
 * -EINVAL when it is ambiguous.
 */
int store_image_find(struct store *s, const char *text, struct store_image *ret, struct err *e);
int store_image_list(struct store *s, struct store_images *ret, struct err *e); /* newest first */
/* The tag of img that text names, borrowed from img; NULL when text is an id or a digest. */
const char *store_image_tag(const struct store_image *img, const char *text);

/* Points tag at an image (durable). -ERR_NOT_FOUND when there is no such image. */
int store_tag_set(struct store *s, const char *tag, const char *id, char ret_old[STORE_DIGEST_MAX],
	struct err *e);
int store_tag_delete(struct store *s, const char *tag, struct err *e); /* -ERR_NOT_FOUND */
int store_tag_get(struct store *s, const char *tag, char ret_id[STORE_DIGEST_MAX], struct err *e);

/* Remembers the manifest that an image came with or left as: repository without tag. The manifest
 * blob itself is in blobs/ when the store has it (the way back keeps its digest). */
int store_image_add_digest(struct store *s, const char *id, const char *repository,
	const char *manifest_digest, struct err *e);
/* A manifest that is in blobs/ for this image, the newest of those that it has in the repository
 * of name (with tag or without; NULL: any), else the newest of all; -ERR_NOT_FOUND. */
int store_image_manifest(struct store *s, const char *id, const char *name,
	char ret_digest[STORE_DIGEST_MAX], struct err *e);
/* What a registry calls the image under this name, as far as is known here: an index that names
 * it before its own manifest, the newest first. -ERR_NOT_FOUND. */
int store_image_digest(struct store *s, const char *id, const char *name,
	char ret_digest[STORE_DIGEST_MAX], struct err *e);

/* The index of several platforms that names this image (its bytes may be a blob of the store).
 * While an image with a tag is in it, the others of the same index are not pruned. */
int store_image_add_index(struct store *s, const char *id, const char *index_digest, struct err *e);
/* A blob that belongs to the index and to none of its images (an attestation's manifest, its config and
 * layers): it stays as long as an image of the index. */
int store_index_add_blob(
	struct store *s, const char *index_digest, const char *blob, struct err *e);
/* Indexes that name the image and are in blobs/, the newest first. */
int store_image_indexes(struct store *s, const char *id, struct strv *ret, struct err *e);
/* Images of an index that are in the store: ids. */
int store_index_images(struct store *s, const char *index_digest, struct strv *ret, struct err *e);
/* Whether image is one for platform want (NULL: any will do). */
bool store_image_fits(const struct store_image *image, const struct oci_platform *want);
/* image becomes the one for platform want, if it is none: another of its indexes. 1: it is now, 0:
 * the store has none, image is untouched. */
int store_image_for_platform(
	struct store *s, struct store_image *image, const struct oci_platform *want, struct err *e);

/* Containers whose image this is: their ids. */
int store_image_users(struct store *s, const char *id, struct strv *ret, struct err *e);
/* Images whose layers begin with all of this one's: ids of its children. */
int store_image_children(struct store *s, const char *id, struct strv *ret, struct err *e);
/*
 * Removes an image and its tags, its config and manifests, and every layer that no other image,
 * container, cache entry or lease needs. -ERR_IN_USE when a container uses it. ret_deleted (may be
 * NULL): "sha256:..." of the image and of each layer that went, in this order.
 */
int store_image_delete(struct store *s, const char *id, struct strv *ret_deleted, struct err *e);
