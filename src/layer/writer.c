/* New layers: tar, digest and index in one pass; see the header. */
#include "layer/writer.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/index.h"
#include "layer/pipe_priv.h"
#include "layer/tar_write.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RING = 8 * PIPE_ALONE, /* 2 MiB on their way: enough to keep three threads busy */
};

struct layer_writer {
	int tar_fd;
	uint64_t ahead; /* io_write_ahead */
	struct layer_writer_options opt;
	struct layer_index *index; /* NULL: none */
	struct layer_pipe *pipe;
	struct sha256 *hash;
	struct buf header;
	uint64_t size;      /* of the tar so far */
	uint64_t remaining; /* of the data of the file that was begun */
	uint64_t entries;
	uint64_t content;
};

static int hash_stage(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_writer *w = ctx;
	sha256_add(w->hash, p, len);
	return 0;
}

static int write_stage(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_writer *w = ctx;
	int r = io_write_ahead(w->tar_fd, p, len, &w->ahead);
	return r < 0 ? err_sysno(e, r, "write the layer") : 0;
}

struct layer_writer *layer_writer_new(
	int tar_fd, int index_fd, const struct layer_writer_options *opt)
{
	struct layer_writer *w = mem_alloc(sizeof(*w));
	w->tar_fd = tar_fd;
	if (opt)
		w->opt = *opt;
	if (index_fd >= 0)
		w->index = layer_index_new(index_fd);
	w->hash = sha256_new();
	const struct pipe_stage stages[] = {{hash_stage, w}, {write_stage, w}};
	w->pipe = layer_pipe_new(stages, ARRAY_SIZE(stages), RING);
	return w;
}

void layer_writer_free(struct layer_writer *w)
{
	if (!w)
		return;
	layer_pipe_free(w->pipe);
	layer_index_free(w->index);
	sha256_free(w->hash);
	buf_release(&w->header);
	free(w);
}

static int put(struct layer_writer *w, const void *p, size_t len, struct err *e)
{
	int r = layer_pipe_put(w->pipe, p, len, e);
	if (r == 0)
		w->size += len;
	return r;
}

static int put_zeros(struct layer_writer *w, size_t len, struct err *e)
{
	static const char zeros[LAYER_TAR_END];
	return put(w, zeros, len, e);
}

static int check(const struct layer_writer *w, const struct layer_entry *entry, struct err *e)
{
	if (w->remaining)
		return err_set(e, EINVAL,
			"'%.200s': %" PRIu64 " bytes of the file before are missing", entry->path,
			w->remaining);
	if (!layer_path_is_clean(entry->path))
		return err_set(e, ERR_FORMAT, "'%.200s' is not a normalised path", entry->path);
	if (!*entry->path && entry->type != LAYER_DIR)
		return err_set(e, ERR_FORMAT, "the root of a layer can only be a directory");
	bool link = entry->type == LAYER_HARDLINK || entry->type == LAYER_SYMLINK;
	if (link && (!entry->linkname || !*entry->linkname ||
			    strlen(entry->linkname) >= LIMIT_TAR_PATH))
		return err_set(e, ERR_FORMAT, "'%.200s': bad link target", entry->path);
	if (entry->type == LAYER_HARDLINK && !layer_path_is_clean(entry->linkname))
		return err_set(e, ERR_FORMAT,
			"'%.200s': hard link target '%.200s' is not normalised", entry->path,
			entry->linkname);
	if (entry->type != LAYER_FILE && entry->size)
		return err_set(e, EINVAL, "'%.200s': only files have data", entry->path);
	if (w->size + entry->size > LIMIT_LAYER_SIZE)
		return err_set(e, ERR_LIMIT, "'%.200s': the layer grows beyond %llu bytes",
			entry->path, (unsigned long long)LIMIT_LAYER_SIZE);
	if (w->entries >= LIMIT_LAYER_ENTRIES)
		return err_set(
			e, ERR_LIMIT, "the layer has more than %d entries", LIMIT_LAYER_ENTRIES);
	return 0;
}

int layer_writer_begin(struct layer_writer *w, const struct layer_entry *given, struct err *e)
{
	int r = check(w, given, e);
	if (r < 0)
		return r;
	struct layer_entry entry = *given;
	if (!w->opt.nanoseconds)
		entry.mtime_ns = 0;
	if (w->opt.clamp && entry.mtime >= w->opt.clamp_mtime) {
		entry.mtime = w->opt.clamp_mtime;
		entry.mtime_ns = 0;
	}
	buf_clear(&w->header);
	r = layer_tar_header(&w->header, &entry, w->opt.nanoseconds ? LAYER_TAR_NANOSECONDS : 0, e);
	if (r == 0)
		r = put(w, w->header.data, w->header.len, e);
	entry.offset = w->size;
	if (r == 0 && w->index)
		r = layer_index_add(w->index, &entry, e);
	if (r < 0)
		return r;
	w->entries++;
	w->content += entry.size;
	w->remaining = entry.size;
	return 0;
}

int layer_writer_data(struct layer_writer *w, const void *p, size_t len, struct err *e)
{
	if (len > w->remaining)
		return err_set(e, EINVAL, "more data than the entry's size");
	int r = put(w, p, len, e);
	if (r < 0)
		return r;
	w->remaining -= len;
	if (len && w->remaining == 0)
		return put_zeros(w, layer_tar_padding(w->size), e);
	return 0;
}

static int changed(const struct layer_entry *entry, struct err *e)
{
	return err_set(e, EAGAIN, "'%.200s' changed while it was read", entry->path);
}

/* Reads entry->size bytes straight into the buffers. Asking for one byte more tells whether the
 * file has grown without another system call. */
static int copy_file(struct layer_writer *w, const struct layer_entry *entry, int fd, struct err *e)
{
	bool end_seen = false;
	while (w->remaining) {
		void *room;
		size_t n;
		int r = layer_pipe_room(w->pipe, &room, &n, e);
		if (r < 0)
			return r;
		size_t want = (size_t)MIN((uint64_t)n, w->remaining + 1);
		ssize_t got = read(fd, room, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(e, "read '%.200s'", entry->path);
		if (got == 0 || (uint64_t)got > w->remaining)
			return changed(entry, e);
		layer_pipe_filled(w->pipe, (size_t)got);
		w->size += (uint64_t)got;
		w->remaining -= (uint64_t)got;
		end_seen = w->remaining == 0 && (size_t)got < want;
	}
	char more;
	if (!end_seen && read(fd, &more, 1) != 0)
		return changed(entry, e);
	return put_zeros(w, layer_tar_padding(w->size), e);
}

int layer_writer_add(
	struct layer_writer *w, const struct layer_entry *entry, int data_fd, struct err *e)
{
	if (entry->type == LAYER_FILE && entry->size && data_fd < 0)
		return err_set(e, EBADF, "'%.200s': no data", entry->path);
	int r = layer_writer_begin(w, entry, e);
	if (r == 0 && w->remaining)
		r = copy_file(w, entry, data_fd, e);
	return r;
}

int layer_writer_add_bytes(struct layer_writer *w, const struct layer_entry *entry, const void *p,
	size_t len, struct err *e)
{
	if (entry->size != len)
		return err_set(e, EINVAL, "'%.200s': size and data differ", entry->path);
	int r = layer_writer_begin(w, entry, e);
	return r < 0 ? r : layer_writer_data(w, p, len, e);
}

/* dir/NAME as an empty file with nothing but zeros in its header: one form only. */
static int add_mark(
	struct layer_writer *w, const char *dir, size_t dir_len, const char *name, struct err *e)
{
	cleanup_free char *path =
		mem_printf("%.*s%s%s", (int)dir_len, dir, dir_len ? "/" : "", name);
	struct layer_entry entry = {.path = path, .type = LAYER_FILE};
	return layer_writer_begin(w, &entry, e);
}

int layer_writer_whiteout(struct layer_writer *w, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	cleanup_free char *mark = mem_printf(LAYER_WHITEOUT_PREFIX "%s", name);
	if (!*name)
		return err_set(e, EINVAL, "the root of a layer cannot be deleted");
	return add_mark(w, path, slash ? (size_t)(slash - path) : 0, mark, e);
}

int layer_writer_opaque(struct layer_writer *w, const char *path, struct err *e)
{
	return add_mark(w, path, strlen(path), LAYER_WHITEOUT_OPAQUE, e);
}

bool layer_writer_has(const struct layer_writer *w, const char *path, enum layer_type *ret_type)
{
	return w->index && layer_index_has(w->index, path, ret_type);
}

int layer_writer_finish(struct layer_writer *w, struct layer_info *ret, struct err *e)
{
	uint64_t index_size = 0;
	if (w->remaining)
		return err_set(
			e, EINVAL, "%" PRIu64 " bytes of the last file are missing", w->remaining);
	int r = put_zeros(w, LAYER_TAR_END, e);
	if (r == 0)
		r = layer_pipe_close(w->pipe, e);
	if (r < 0)
		return r;
	/* while the threads take the rest */
	if (w->index)
		r = layer_index_finish(w->index, w->size, &index_size, e);
	int waited = layer_pipe_wait(w->pipe, e);
	if (r == 0)
		r = waited;
	if (r < 0)
		return r;
	*ret = (struct layer_info){.tar_size = w->size,
		.index_size = index_size,
		.entries = w->entries,
		.content = w->content};
	sha256_end_hex(w->hash, ret->diffid);
	return 0;
}
