/* A layer on its way, as the writer's side (layer.c) and the ingest (ingest.c) see it. */
#pragma once

#include "layer/writer.h"
#include "snapshot/driver.h"
#include "snapshot/layer.h"

struct snapshot_layer {
	struct store *store;
	enum snapshot_driver driver;
	struct store_layer_tmp *tmp;
	int tar, index; /* index -1: the dir driver */
	struct layer_writer *writer;
};

/* The files alone, without a writer. */
int snapshot_layer_open(struct store *s, struct snapshot_layer **ret, struct err *e);
/* The dir driver's directory, made and opened. */
int snapshot_layer_tree(struct snapshot_layer *l, struct err *e);
