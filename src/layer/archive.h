/*
 * Archives from outside for ADD and import: a tar, plain or compressed with
 * gzip, bzip2, xz or zstd, recognised by its content as docker does, never by
 * its name.
 */
#pragma once

#include "layer/decompress.h"
#include "layer/tar_read.h"

/* 1: fd's content from its beginning is a tar (ret_compression says how it is packed), 0: it is
 * not. Reads with pread: the offset stays. */
int layer_archive_sniff(int fd, enum layer_compression *ret_compression, struct err *e);
/* Reads the archive from fd's offset to its end through the callbacks. */
int layer_archive_read(int fd, const struct layer_tar_ops *ops, void *ctx, struct err *e);
