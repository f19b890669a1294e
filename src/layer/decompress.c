/* The decompression filter: recognising, limits, gzip by isa-l and zstd; see the header. bzip2 and
 * xz are in decompress_rare.c. */
#include "layer/decompress.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/decompress_priv.h"

#include <inttypes.h>
#include <isa-l/igzip_lib.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

const char *layer_compression_name(enum layer_compression c)
{
	static const char *const names[] = {
		[LAYER_PLAIN] = "plain",
		[LAYER_GZIP] = "gzip",
		[LAYER_ZSTD] = "zstd",
		[LAYER_BZIP2] = "bzip2",
		[LAYER_XZ] = "xz",
	};
	return names[c];
}

enum layer_compression layer_compression_sniff(const void *p, size_t len)
{
	static const struct {
		enum layer_compression c;
		uint8_t len;
		char bytes[6];
	} magics[] = {
		{LAYER_GZIP, 3, {0x1f, (char)0x8b, 8}},
		{LAYER_ZSTD, 4, {0x28, (char)0xb5, 0x2f, (char)0xfd}},
		{LAYER_BZIP2, 3, {'B', 'Z', 'h'}},
		{LAYER_XZ, 6, {(char)0xfd, '7', 'z', 'X', 'Z', 0}},
	};
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++)
		if (len >= magics[i].len && memcmp(p, magics[i].bytes, magics[i].len) == 0)
			return magics[i].c;
	return LAYER_PLAIN;
}

/* gzip (RFC 1952): one member after another; zeros behind the last are padding, as for gzip(1). */

struct gzip {
	struct inflate_state s;
	bool in_member;
	bool padding;
	bool full; /* the last call filled the output: more may be waiting inside */
	uint64_t members;
};

static void *gzip_new(struct err *e)
{
	return mem_alloc(sizeof(struct gzip));
}

/* Between members: 1 when the next begins, 0 when only padding was there. */
static int gzip_next(struct gzip *g, const uint8_t **in, size_t *in_len, struct err *e)
{
	while (g->members && *in_len && **in == 0) {
		g->padding = true;
		++*in;
		--*in_len;
	}
	if (*in_len == 0)
		return 0;
	if (g->padding || (g->members && **in != 0x1f))
		return err_set(e, ERR_FORMAT, "rubbish behind the gzip data");
	isal_inflate_init(&g->s);
	g->s.crc_flag = ISAL_GZIP;
	g->in_member = true;
	return 1;
}

static ssize_t gzip_step(void *state, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_size, struct err *e)
{
	struct gzip *g = state;
	size_t done = 0;
	while (done < out_size && (*in_len || (g->in_member && g->full))) {
		if (!g->in_member) {
			int r = gzip_next(g, in, in_len, e);
			if (r <= 0)
				return r < 0 ? r : (ssize_t)done;
		}
		size_t offered = MIN(*in_len, (size_t)1 << 30);
		size_t room = MIN(out_size - done, (size_t)1 << 30);
		g->s.next_in = (uint8_t *)*in;
		g->s.avail_in = (uint32_t)offered;
		g->s.next_out = out + done;
		g->s.avail_out = (uint32_t)room;
		int r = isal_inflate(&g->s);
		if (r == ISAL_INCORRECT_CHECKSUM)
			return err_set(e, ERR_FORMAT, "gzip data is damaged: checksums differ");
		if (r < 0 || r == ISAL_NEED_DICT)
			return err_set(e, ERR_FORMAT, "gzip data is damaged (error %d)", r);
		*in += offered - g->s.avail_in;
		*in_len -= offered - g->s.avail_in;
		done += room - g->s.avail_out;
		g->full = g->s.avail_out == 0;
		if (g->s.block_state == ISAL_BLOCK_FINISH) {
			g->in_member = false;
			g->members++;
		} else if (!g->full && g->s.avail_in == offered && offered) {
			/* no progress: the decoder holds what it needs and wants more */
			return err_set(e, ERR_FORMAT, "gzip data is damaged: no progress");
		}
	}
	return (ssize_t)done;
}

static int gzip_finish(void *state, struct err *e)
{
	struct gzip *g = state;
	if (g->in_member || g->members == 0)
		return err_set(e, ERR_FORMAT, "gzip data ends too early: it is truncated");
	return 0;
}

const struct codec codec_gzip = {gzip_new, free, gzip_step, gzip_finish};

/* zstd (RFC 8878): one frame after another, skippable ones between */

struct zstd {
	ZSTD_DStream *s;
	bool full;
	bool between; /* no frame is open */
};

static void *zstd_new(struct err *e)
{
	struct zstd *z = mem_alloc(sizeof(*z));
	z->s = ZSTD_createDStream();
	if (!z->s)
		abort();
	return z;
}

static void zstd_free(void *state)
{
	struct zstd *z = state;
	ZSTD_freeDStream(z->s);
	free(z);
}

static ssize_t zstd_step(void *state, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_size, struct err *e)
{
	struct zstd *z = state;
	ZSTD_outBuffer o = {out, out_size, 0};
	while (o.pos < o.size && (*in_len || z->full)) {
		ZSTD_inBuffer i = {*in, *in_len, 0};
		size_t before = o.pos;
		size_t r = ZSTD_decompressStream(z->s, &o, &i);
		if (ZSTD_isError(r))
			return err_set(
				e, ERR_FORMAT, "zstd data is damaged: %s", ZSTD_getErrorName(r));
		*in += i.pos;
		*in_len -= i.pos;
		/* a call that did nothing says nothing about frames */
		if (i.pos || o.pos > before)
			z->between = r == 0;
		z->full = o.pos == o.size && r != 0;
		if (!i.pos && o.pos == before)
			break;
	}
	return (ssize_t)o.pos;
}

static int zstd_finish(void *state, struct err *e)
{
	const struct zstd *z = state;
	if (!z->between)
		return err_set(e, ERR_FORMAT, "zstd data ends too early: it is truncated");
	return 0;
}

const struct codec codec_zstd = {zstd_new, zstd_free, zstd_step, zstd_finish};

static ssize_t plain_step(void *state, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_size, struct err *e)
{
	size_t n = MIN(*in_len, out_size);
	memcpy(out, *in, n);
	*in += n;
	*in_len -= n;
	return (ssize_t)n;
}

static void *plain_new(struct err *e)
{
	return mem_alloc(1);
}

static int plain_finish(void *state, struct err *e)
{
	return 0;
}

static const struct codec codec_plain = {plain_new, free, plain_step, plain_finish};

struct layer_decompress {
	const struct codec *codec;
	void *state;
	bool plain;
	uint64_t in;
	uint64_t out;
	struct layer_limits limits;
	uint64_t free_of_ratio; /* output before the ratio counts */
};

struct layer_decompress *layer_decompress_new(enum layer_compression c, struct err *e)
{
	static const struct codec *const codecs[] = {
		[LAYER_PLAIN] = &codec_plain,
		[LAYER_GZIP] = &codec_gzip,
		[LAYER_ZSTD] = &codec_zstd,
		[LAYER_BZIP2] = &codec_bzip2,
		[LAYER_XZ] = &codec_xz,
	};
	void *state = codecs[c]->new (e);
	if (!state)
		return NULL;
	struct layer_decompress *d = mem_alloc(sizeof(*d));
	d->codec = codecs[c];
	d->plain = c == LAYER_PLAIN;
	d->state = state;
	d->limits = (struct layer_limits){LIMIT_LAYER_SIZE, LIMIT_EXPAND_RATIO};
	d->free_of_ratio = LIMIT_EXPAND_FREE;
	return d;
}

void layer_decompress_limit(struct layer_decompress *d, const struct layer_limits *limits)
{
	if (limits->size)
		d->limits.size = limits->size;
	if (!limits->ratio)
		return;
	d->limits.ratio = limits->ratio;
	d->free_of_ratio = LIMIT_EXPAND_ASKED;
}

void layer_decompress_free(struct layer_decompress *d)
{
	if (!d)
		return;
	d->codec->free(d->state);
	free(d);
}

static int check_limits(const struct layer_decompress *d, struct err *e)
{
	if (d->out > d->limits.size)
		return err_set(
			e, ERR_LIMIT, "unpacks to more than %" PRIu64 " bytes", d->limits.size);
	if (!d->plain && d->out > d->free_of_ratio && d->out / d->limits.ratio > d->in)
		return err_set(e, ERR_LIMIT,
			"%" PRIu64 " compressed bytes unpack to more than %" PRIu64 " (%" PRIu64
			" times as many): refused as a decompression bomb",
			d->in, d->out, d->limits.ratio);
	return 0;
}

ssize_t layer_decompress_step(struct layer_decompress *d, const uint8_t **in, size_t *in_len,
	uint8_t *out, size_t out_size, struct err *e)
{
	size_t had = *in_len;
	ssize_t n = d->codec->step(d->state, in, in_len, out, out_size, e);
	if (n < 0)
		return n;
	d->in += had - *in_len;
	d->out += (uint64_t)n;
	int r = check_limits(d, e);
	return r < 0 ? r : n;
}

int layer_decompress_finish(struct layer_decompress *d, struct err *e)
{
	return d->codec->finish(d->state, e);
}
