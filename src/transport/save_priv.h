/* One save: from which store, to where. */
#pragma once

#include "transport/save.h"
#include "transport/sink_priv.h"

struct err;
struct oci_image_config;

struct transport_saver {
	struct store *store;
	const struct transport_save_image *images;
	size_t n;
	const struct transport_save_options *o;
	struct transport_sink sink;
};

int transport_save_docker(struct transport_saver *w, struct err *e);
int transport_save_layout(struct transport_saver *w, struct err *e);

/* The tar of a layer, checked when a crash may have torn it. Descriptor and size. */
int transport_save_open_tar(struct store *s, const char *diffid, uint64_t *ret_size, struct err *e);
