/*
 * Where images come from and go to, behind one interface. A name of the command
 * line, "TRANSPORT:PLACE", opens a struct transport_from or a struct transport_to;
 * transport/copy.h moves images between any two of them.
 *
 *	docker://REPOSITORY[:TAG][@DIGEST]   a registry
 *	oci:DIR[:NAME|@INDEX|@DIGEST]        an OCI layout (image-spec image-layout.md)
 *	oci-archive:FILE[:NAME|@INDEX]       the same as a tar
 *	docker-archive:FILE[:NAME[:TAG]|@INDEX]  what docker save writes
 *	dir:DIR                              one image as loose files, skopeo's layout
 *	store:IMAGE                          our own store
 *
 * Everything that is read is untrusted. A from hands out documents and blobs whose
 * digests have been checked (or are checked while they are read: transport/blob.h);
 * paths in directories are resolved inside of them.
 *
 * A to makes nothing visible under the name before transport_to_finish; blobs may be
 * there before. What fails or is freed without finish leaves no half file.
 */
#pragma once

#include "base/buf.h"
#include "base/strv.h"
#include "oci/descriptor.h"
#include "oci/media_type.h"
#include "transport/blob.h"
#include "trust/policy.h"

struct err;
struct registry_client;
struct registry_config;
struct registry_open_options;
struct registry_repo;
struct squeeze;
struct store;
struct transport_shelf;

enum transport_kind {
	TRANSPORT_KIND_REGISTRY,
	TRANSPORT_KIND_OCI,
	TRANSPORT_KIND_OCI_ARCHIVE,
	TRANSPORT_KIND_DOCKER_ARCHIVE,
	TRANSPORT_KIND_DIR,
	TRANSPORT_KIND_STORE,
};

/* A name, taken apart. */
struct transport_place {
	enum transport_kind kind;
	char *text; /* as written */
	char *path; /* file or directory; of a registry or the store: the reference */
	char *name; /* NAME behind the path; NULL: none */
	bool by_index;
	size_t index; /* @INDEX */
	char *digest; /* @DIGEST of a layout; NULL: none */
};
void transport_place_release(struct transport_place *p);
#define cleanup_transport_place cleanup(transport_place_release)
/* -ERR_USAGE: no known transport (the hint lists them), or a place that is not of its form. A path
 * ends at its last ':' that no '/' follows. */
int transport_place_parse(const char *text, struct transport_place *ret, struct err *e);

bool transport_place_is(const char *text); /* it begins with a transport */

/* A manifest, an index: exactly as it lies there. */
struct transport_document {
	struct buf bytes;
	char *media_type;
	char digest[OCI_DIGEST_MAX];
	bool made_up;   /* as struct transport_from's: nobody had these bytes before */
	bool companion; /* of an index: it says something about its images, and is none */
};
void transport_document_release(struct transport_document *d);
#define cleanup_transport_document cleanup(transport_document_release)
/* Computes the digest; media_type NULL: what the document says. */
int transport_document_make(struct transport_document *d, const void *p, size_t len,
	const char *media_type, struct err *e);

struct transport_from;
struct transport_trust;
struct transport_from_ops {
	/* What the name means (digest NULL), or another manifest of the same place. */
	int (*manifest)(struct transport_from *f, const char *digest,
		struct transport_document *ret, struct err *e);
	/* d: of a manifest that came from here */
	int (*blob)(struct transport_from *f, const struct oci_descriptor *d,
		struct transport_blob **ret, struct err *e);
	/* The bytes of a blob from offset on, in order, each once; a connection that is cut is taken up.
	 * Not hashed. NULL: they lie in files, and blob is as good. */
	int (*fetch)(struct transport_from *f, const struct oci_descriptor *d, uint64_t offset,
		transport_write_fn write, void *ctx, struct err *e);
	/* Signatures of a manifest, as for struct trust_image. NULL: the place has none. */
	int (*signatures)(struct transport_from *f, enum trust_signature_kind kind,
		const char *digest, struct trust_signatures *ret, struct err *e);
	void (*free)(struct transport_from *f);
};
struct transport_from {
	const struct transport_from_ops *ops;
	char *text;                          /* for messages */
	const struct transport_trust *trust; /* NULL: everything is accepted */
	const char *transport;               /* its name in a policy; NULL: our own store */
	char *path;      /* in a policy: absolute path and ":NAME"; NULL: docker: */
	char *reference; /* what it is called in the world: "docker.io/library/alpine:3"; NULL */
	bool parallel;   /* blobs may be opened and read from several threads */
	/* The manifest was made here, over plain layers: no one has its digest yet. */
	bool made_up;
	/* What it is, for ways that are shorter than blob by blob; NULL: something else. Borrowed. */
	struct registry_repo *repo;
	struct store *store;
};

struct transport_put {
	const struct oci_descriptor *d;
	const char *diffid;           /* of a layer of an image; NULL: unknown */
	struct registry_repo *origin; /* that it comes from; NULL: none */
	bool is_config;
	bool raw; /* of no image: bytes to be kept as they are */
};
enum transport_has {
	TRANSPORT_HAS_NOT,
	TRANSPORT_HAS,         /* it is there already */
	TRANSPORT_HAS_MOUNTED, /* since now, from another repository of the same registry */
};
struct transport_to;
struct transport_to_ops {
	/* enum transport_has, or negative */
	int (*has)(struct transport_to *t, const struct transport_put *put, struct err *e);
	int (*put)(struct transport_to *t, const struct transport_put *put,
		struct transport_blob *b, struct err *e);
	/* A layer whose bytes are made while they are taken: q knows digest and size when this
	 * returns 0 (transport/squeeze_priv.h). put->d is what it is made from. */
	int (*make)(struct transport_to *t, const struct transport_put *put, struct squeeze *q,
		struct err *e);
	/* All blobs are there. root: what the name is to mean; else one of an index to come. */
	int (*manifest)(struct transport_to *t, const struct transport_document *doc, bool root,
		struct err *e);
	int (*finish)(struct transport_to *t, struct err *e); /* the name is there */
	void (*free)(struct transport_to *t);
};
enum transport_to_needs {
	TRANSPORT_TO_OCI = 1 << 0,    /* takes OCI's media types only */
	TRANSPORT_TO_SINGLE = 1 << 1, /* one image, no index */
	TRANSPORT_TO_PLAIN = 1 << 2,  /* layers uncompressed */
	TRANSPORT_TO_IMAGE = 1 << 3,  /* images only, no other artifacts; all layers are wanted */
	TRANSPORT_TO_PACKED = 1 << 4, /* plain layers of a made-up manifest are to be compressed */
};
struct transport_to {
	const struct transport_to_ops *ops;
	char *text;
	enum transport_to_needs needs;
	bool parallel;
	/* Where what has come of a blob stays when a copy is cut; NULL: nowhere. Owned by ops. */
	struct transport_shelf *shelf;
	struct registry_repo *repo; /* as struct transport_from's */
	struct store *store;
};

/* What endpoints need of the world; all borrowed until they are freed. */
struct transport_world {
	struct store *store;                        /* NULL: a store: is refused */
	struct registry_client *client;             /* NULL: a docker:// is refused */
	const struct registry_config *config;       /* NULL: an empty one */
	const struct registry_open_options *remote; /* registry/open.h; NULL: the defaults */
	const char *tmp_dir;                        /* for bytes that are put aside */
	const struct transport_trust *trust;        /* transport/trust.h; NULL: all is accepted */
	/* Of the store as source: an image that came with an index is given as this index. */
	bool all;
	/* Of the store as source: the image for this platform. NULL: the one that the name means. */
	const struct oci_platform *platform;
};

int transport_from_open(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e);
int transport_to_open(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e);

int transport_from_manifest(struct transport_from *f, const char *digest,
	struct transport_document *ret, struct err *e);
int transport_from_blob(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e);
/* A document whole, checked: a config. b->max bounds it. */
int transport_from_read(
	struct transport_from *f, const struct oci_descriptor *d, struct buf *b, struct err *e);
void transport_from_free(struct transport_from *f);
DEFINE_CLEANUP(struct transport_from *, transport_from_free)
#define cleanup_transport_from cleanup(transport_from_free_cleanup)

int transport_to_finish(struct transport_to *t, struct err *e);
void transport_to_free(struct transport_to *t);
DEFINE_CLEANUP(struct transport_to *, transport_to_free)
#define cleanup_transport_to cleanup(transport_to_free_cleanup)
