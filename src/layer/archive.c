/* Foreign archives; see the header. */
#include "layer/archive.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "layer/tar_format_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	SNIFF_IN =
		64 * 1024, /* compressed bytes that surely hold one tar header (bzip2: see below) */
	PIECE = 128 * 1024,
};

/* A header block with a right checksum; an empty archive (zero blocks) is no archive here. */
static bool is_header(const uint8_t *p, size_t len)
{
	struct tar_block b;
	if (len < sizeof(b))
		return false;
	memcpy(&b, p, sizeof(b));
	const char *c = b.checksum;
	const char *end = c + sizeof(b.checksum);
	unsigned want = 0;
	while (c < end && *c == ' ')
		c++;
	if (c == end || *c < '0' || *c > '7')
		return false;
	for (; c < end && *c >= '0' && *c <= '7'; c++)
		want = want << 3 | (unsigned)(*c - '0');
	return want == tar_block_sum(&b);
}

/* Unpacks just the first block. -1: it cannot be (which only says that this is no archive). */
static int first_block(int fd, enum layer_compression c, uint8_t block[512], struct err *e)
{
	cleanup_free uint8_t *in = mem_alloc(SNIFF_IN);
	struct layer_decompress *d cleanup_layer_decompress = layer_decompress_new(c, e);
	if (!d)
		return -ERR_UNSUPPORTED;
	size_t done = 0;
	off_t at = 0;
	while (done < 512) {
		ssize_t n = io_pread_full(fd, in, SNIFF_IN, at);
		if (n < 0)
			return err_sysno(e, (int)n, "read the archive");
		if (n == 0)
			break;
		at += n;
		const uint8_t *p = in;
		size_t left = (size_t)n;
		while (left && done < 512) {
			ssize_t got =
				layer_decompress_step(d, &p, &left, block + done, 512 - done, NULL);
			if (got < 0)
				return 0;
			done += (size_t)got;
		}
	}
	return done == 512;
}

int layer_archive_sniff(int fd, enum layer_compression *ret_compression, struct err *e)
{
	uint8_t block[512];
	ssize_t n = io_pread_full(fd, block, sizeof(block), 0);
	if (n < 0)
		return err_sysno(e, (int)n, "read the archive");
	enum layer_compression c = layer_compression_sniff(block, (size_t)n);
	int whole = n == (ssize_t)sizeof(block);
	if (c != LAYER_PLAIN)
		whole = first_block(fd, c, block, e);
	if (whole < 0)
		return whole;
	*ret_compression = c;
	return whole && is_header(block, sizeof(block));
}

/* One piece of input through the filter into the reader */
static int feed(struct layer_decompress *d, struct layer_tar *t, const uint8_t *p, size_t len,
	uint8_t *out, struct err *e)
{
	for (;;) {
		ssize_t n = layer_decompress_step(d, &p, &len, out, PIECE, e);
		int r = n < 0 ? (int)n : layer_tar_push(t, out, (size_t)n, e);
		if (r < 0)
			return r;
		if (len == 0 && n < PIECE)
			return 0;
	}
}

int layer_archive_read(int fd, const struct layer_tar_ops *ops, void *ctx, struct err *e)
{
	cleanup_free uint8_t *in = mem_alloc(PIECE);
	cleanup_free uint8_t *out = mem_alloc(PIECE);
	struct layer_tar *t cleanup_layer_tar = layer_tar_new(ops, ctx);
	struct layer_decompress *d cleanup_layer_decompress = NULL;
	for (;;) {
		ssize_t n = io_read_full(fd, in, PIECE);
		if (n < 0)
			return err_sysno(e, (int)n, "read the archive");
		if (!d)
			d = layer_decompress_new(layer_compression_sniff(in, (size_t)n), e);
		if (!d)
			return -ERR_UNSUPPORTED;
		if (n == 0)
			break;
		int r = feed(d, t, in, (size_t)n, out, e);
		if (r < 0)
			return r;
	}
	int r = layer_decompress_finish(d, e);
	return r < 0 ? r : layer_tar_finish(t, e);
}
