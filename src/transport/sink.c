/* Writing named files into a tar, with fixed owner, mode and time, or into a directory. */
#include "transport/sink_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "layer/tar_write.h"
#include "transport/blob.h"
#include "transport/squeeze_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void transport_sink_release(struct transport_sink *k)
{
	strv_release(&k->names);
}

bool transport_sink_has(const struct transport_sink *k, const char *name)
{
	return strv_has(&k->names, name);
}

static int write_out(struct transport_sink *k, const void *p, size_t len, struct err *e)
{
	int r = io_write_all(k->fd, p, len);
	return r < 0 ? err_sysno(e, r, "write the archive") : 0;
}

static int put_header(struct transport_sink *k, const char *name, enum layer_type type,
	uint64_t size, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct layer_entry entry = {
		.path = name, .type = type, .mode = type == LAYER_DIR ? 0755 : 0644, .size = size};
	int r = layer_tar_header(&b, &entry, 0, e);
	return r < 0 ? r : write_out(k, b.data, b.len, e);
}

static int put_padding(struct transport_sink *k, uint64_t size, struct err *e)
{
	static const char zero[LAYER_TAR_BLOCK];
	return write_out(k, zero, layer_tar_padding(size), e);
}

int transport_sink_dir(struct transport_sink *k, const char *name, struct err *e)
{
	if (!k->is_dir)
		return put_header(k, name, LAYER_DIR, 0, e);
	if (mkdirat(k->fd, name, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "create '%s'", name);
	return 0;
}

static int create(struct transport_sink *k, const char *name, struct err *e)
{
	int fd = openat(k->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	return fd < 0 ? err_sys(e, "create '%s'", name) : fd;
}

int transport_sink_bytes(
	struct transport_sink *k, const char *name, const void *p, size_t len, struct err *e)
{
	if (transport_sink_has(k, name))
		return 0;
	strv_add(&k->names, name);
	if (k->is_dir) {
		int fd cleanup_fd = create(k, name, e);
		if (fd < 0)
			return fd;
		int r = io_write_all(fd, p, len);
		return r < 0 ? err_sysno(e, r, "write '%s'", name) : 0;
	}
	int r = put_header(k, name, LAYER_FILE, len, e);
	if (r >= 0)
		r = write_out(k, p, len, e);
	return r < 0 ? r : put_padding(k, len, e);
}

int transport_sink_file(
	struct transport_sink *k, const char *name, int from, uint64_t size, struct err *e)
{
	if (transport_sink_has(k, name))
		return 0;
	strv_add(&k->names, name);
	int out cleanup_fd = -1;
	int r = 0;
	if (k->is_dir) {
		out = create(k, name, e);
		if (out < 0)
			return out;
	} else {
		r = put_header(k, name, LAYER_FILE, size, e);
		if (r < 0)
			return r;
	}
	if (lseek(from, 0, SEEK_SET) < 0)
		return err_sys(e, "read '%s'", name);
	int64_t n = io_copy(from, k->is_dir ? out : k->fd, size);
	if (n < 0)
		return err_sysno(e, (int)n, "write '%s'", name);
	if ((uint64_t)n < size)
		return err_set(e, ERR_DIGEST, "'%s' is shorter in the store than it was", name);
	return k->is_dir ? 0 : put_padding(k, size, e);
}

static int write_piece(void *ctx, const void *p, size_t len, struct err *e)
{
	return write_out(ctx, p, len, e);
}

int transport_sink_blob(
	struct transport_sink *k, const char *name, struct transport_blob *b, struct err *e)
{
	if (transport_sink_has(k, name))
		return 0;
	strv_add(&k->names, name);
	int r = put_header(k, name, LAYER_FILE, b->size, e);
	if (r >= 0)
		r = transport_blob_pump(b, write_piece, k, e);
	return r < 0 ? r : put_padding(k, b->size, e);
}

/* The size as GNU tar writes it where eight gigabytes do not fit into ustar's digits: the header of
 * what was made stands before its bytes, and must not grow. */
static void patch_size(char *block, uint64_t size)
{
	unsigned sum = 0;
	for (int i = 0; i < 12; i++)
		block[124 + i] = (char)(i < 4 ? 0 : size >> (8 * (11 - i)));
	block[124] = (char)0x80;
	memset(block + 148, ' ', 8);
	for (int i = 0; i < LAYER_TAR_BLOCK; i++)
		sum += (unsigned char)block[i];
	snprintf(block + 148, 8, "%06o", sum);
}

#define USTAR_MOST 077777777777ULL

static int late_header(
	struct transport_sink *k, const char *name, uint64_t size, off_t at, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct layer_entry entry = {.path = name, .type = LAYER_FILE, .mode = 0644};
	entry.size = size > USTAR_MOST ? 0 : size;
	int r = layer_tar_header(&b, &entry, 0, e);
	if (r < 0)
		return r;
	if (b.len != LAYER_TAR_BLOCK)
		return err_set(e, ERR_LIMIT, "'%s' does not fit into a tar's header", name);
	if (size > USTAR_MOST)
		patch_size(b.data, size);
	r = io_pwrite_all(k->fd, b.data, b.len, at);
	return r < 0 ? err_sysno(e, r, "write the archive") : put_padding(k, size, e);
}

static char *made_name(const struct transport_made_name *n, const struct squeeze *q)
{
	return mem_printf("%s%s%s", n->prefix, squeeze_info(q)->digest, n->suffix);
}

/* Into a pipe, or at the end of a file that grows, the size goes first. */
static int made_piped(struct transport_sink *k, const struct transport_made_name *n,
	struct squeeze *q, struct err *e)
{
	int fd cleanup_fd = file_open_unnamed(AT_FDCWD, n->tmp_dir ? n->tmp_dir : "/var/tmp", e);
	int r = fd < 0 ? fd : squeeze_pump(q, transport_write_fd, &fd, e);
	if (r < 0)
		return r;
	char *name cleanup_free = made_name(n, q);
	return transport_sink_file(k, name, fd, squeeze_info(q)->size, e);
}

int transport_sink_made(struct transport_sink *k, const struct transport_made_name *n,
	struct squeeze *q, struct err *e)
{
	static const char room[LAYER_TAR_BLOCK];
	off_t at = lseek(k->fd, 0, SEEK_CUR);
	/* behind what is appended to nothing can be written again */
	if (at < 0 || fcntl(k->fd, F_GETFL) & O_APPEND)
		return made_piped(k, n, q, e);
	int r = write_out(k, room, sizeof(room), e);
	if (r >= 0)
		r = squeeze_pump(q, write_piece, k, e);
	if (r < 0)
		return r;
	char *name cleanup_free = made_name(n, q);
	if (!transport_sink_has(k, name)) {
		strv_add(&k->names, name);
		return late_header(k, name, squeeze_info(q)->size, at, e);
	}
	/* another layer has become the same */
	if (ftruncate(k->fd, at) < 0 || lseek(k->fd, at, SEEK_SET) < 0)
		return err_sys(e, "write the archive");
	return 0;
}

int transport_sink_finish(struct transport_sink *k, struct err *e)
{
	static const char end[LAYER_TAR_END];
	return k->is_dir ? 0 : write_out(k, end, sizeof(end), e);
}
