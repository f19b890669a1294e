/* The entries of a tar that can seek: only headers are read, data is passed over. */
#include "transport/source_priv.h"

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "layer/tar_read.h"

#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>

struct scan {
	struct transport_source *src;
	uint64_t file_size;
};

static int scan_entry(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct scan *s = ctx;
	if (entry->type == LAYER_DIR)
		return 0;
	struct transport_entry *t;
	int r = transport_source_add(s->src, entry->path, &t, e);
	if (r < 0)
		return r;
	switch (entry->type) {
	case LAYER_FILE:
		t->kind = TRANSPORT_BYTES;
		t->offset = entry->offset;
		t->size = entry->size;
		if (entry->size > s->file_size || entry->offset > s->file_size - entry->size)
			return err_set(e, ERR_FORMAT,
				"'%s' ends behind the end of the archive: it is truncated",
				entry->path);
		return 0;
	case LAYER_SYMLINK:
		t->kind = TRANSPORT_LINK;
		t->target = mem_strdup(entry->linkname);
		return 0;
	case LAYER_HARDLINK:
		t->kind = TRANSPORT_LINK;
		t->target = mem_printf("/%s", entry->linkname);
		return 0;
	default:
		t->kind = TRANSPORT_OTHER;
		return 0;
	}
}

int transport_source_scan(struct transport_source *src, int fd, struct err *e)
{
	static const struct layer_tar_ops ops = {.entry = scan_entry};
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat the archive");
	struct scan s = {src, (uint64_t)st.st_size};
	struct layer_tar *t cleanup_layer_tar = layer_tar_new(&ops, &s);
	/* small pieces: what follows a header is mostly passed over */
	const size_t piece = 4096;
	char *p cleanup_free = mem_alloc(piece);
	uint64_t at = 0;
	for (;;) {
		ssize_t n = io_pread_full(fd, p, piece, (off_t)at);
		if (n < 0)
			return err_sysno(e, (int)n, "read the archive");
		if (n == 0)
			break;
		int r = layer_tar_push(t, p, (size_t)n, e);
		if (r < 0)
			return r;
		at += (uint64_t)n;
		at += layer_tar_skip(t);
	}
	src->fd = fd;
	transport_source_ready(src);
	return layer_tar_finish(t, e);
}
