/* A store in a temporary directory, and things to put into it. Included by each test of store/. */
#pragma once

#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct fixture {
	char root[64], run[64];
	struct store *s;
	struct err e;
};

static inline struct store *fixture_open(struct fixture *f)
{
	struct store_options o = {.root = f->root, .runroot = f->run};
	struct store *s = NULL;
	f->e = (struct err)ERR_INIT;
	assert_ok(store_open(&o, &s, &f->e), &f->e);
	return s;
}

static inline int fixture_setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));
	snprintf(f->root, sizeof(f->root), "/tmp/kist-store-XXXXXX");
	assert_non_null(mkdtemp(f->root));
	snprintf(f->run, sizeof(f->run), "%s/run", f->root);
	f->s = fixture_open(f);
	*state = f;
	return 0;
}

static inline int fixture_teardown(void **state)
{
	struct fixture *f = *state;
	store_close(f->s);
	file_remove_tree(AT_FDCWD, f->root, NULL);
	free(f);
	return 0;
}

/* A digest that looks like one, made from a number. */
static inline const char *fake(unsigned n, char out[STORE_DIGEST_MAX])
{
	snprintf(out, STORE_DIGEST_MAX, "sha256:%064x", n);
	return out;
}

static inline int commit_layer(
	struct store *s, const char *diffid, const char *text, bool durable, struct err *e)
{
	struct store_layer_tmp *t = NULL;
	int r = store_layer_begin(s, &t, e);
	if (r < 0)
		return r;
	r = file_write(store_layer_tmp_dir(t), "tar", text, strlen(text), 0600, 0, e);
	if (r < 0) {
		store_layer_tmp_free(t);
		return r;
	}
	struct store_layer_info info = {strlen(text), strlen(text), 1, 0, durable};
	return store_layer_commit(t, diffid, &info, e);
}

/* An image of n layers numbered from `first`, with a config blob of its own; its id in id. */
static inline void put_image(
	struct fixture *f, unsigned first, unsigned n, const char *tag, char id[STORE_DIGEST_MAX])
{
	char text[64], d[STORE_DIGEST_MAX];
	snprintf(text, sizeof(text), "{\"first\":%u,\"n\":%u}", first, n);
	assert_ok(store_blob_put(f->s, text, strlen(text), NULL, id, &f->e), &f->e);
	struct store_image img cleanup_store_image = {0};
	memcpy(img.id, id, STORE_DIGEST_MAX);
	img.os = mem_strdup("linux");
	img.arch = mem_strdup("amd64");
	img.created = 1000 + first;
	for (unsigned i = 0; i < n; i++) {
		assert_ok(commit_layer(f->s, fake(first + i, d), "layer", false, &f->e), &f->e);
		strv_add(&img.layers, d);
	}
	assert_ok(store_image_put(f->s, &img, tag, NULL, &f->e), &f->e);
}
