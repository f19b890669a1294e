/* bzip2 and xz, which only archives for ADD and import use: their libraries are loaded when the
 * first such archive is met, so that nothing else pays for them. */
#include "base/err.h"
#include "base/mem.h"
#include "layer/decompress_priv.h"

#include <bzlib.h>
#include <dlfcn.h>
#include <lzma.h>
#include <stdlib.h>
#include <string.h>

/* xz -9 needs 65 MiB */
#define XZ_MEMORY (256ULL << 20)

static void *load(const char *library, const char *format, struct err *e)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);
	if (!lib) {
		err_set(e, ERR_UNSUPPORTED, "%s data needs %s: %s", format, library, dlerror());
		err_hint(e, "install the package that has %s", library);
	}
	return lib;
}

/* Takes the functions by name; false when one is missing. */
static bool resolve(void *lib, const char *const *names, void **out, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		out[i] = dlsym(lib, names[i]);
		if (!out[i]) {
			err_set(e, ERR_UNSUPPORTED, "'%s' is missing in its library", names[i]);
			return false;
		}
	}
	return true;
}

struct bzip2 {
	bz_stream s;
	void *lib;
	__typeof__(&BZ2_bzDecompressInit) init;
	__typeof__(&BZ2_bzDecompress) decompress;
	__typeof__(&BZ2_bzDecompressEnd) end;
	bool open; /* within a stream */
	bool full;
	uint64_t streams;
};

static void bzip2_free(void *state)
{
	struct bzip2 *b = state;
	if (b->open)
		b->end(&b->s);
	if (b->lib)
		dlclose(b->lib);
	free(b);
}

static void *bzip2_new(struct err *e)
{
	static const char *const names[] = {
		"BZ2_bzDecompressInit", "BZ2_bzDecompress", "BZ2_bzDecompressEnd"};
	void *fn[ARRAY_SIZE(names)];
	struct bzip2 *b = mem_alloc(sizeof(*b));
	b->lib = load("libbz2.so.1.0", "bzip2", e);
	if (!b->lib || !resolve(b->lib, names, fn, ARRAY_SIZE(names), e)) {
		bzip2_free(b);
		return NULL;
	}
	b->init = (__typeof__(b->init))fn[0];
	b->decompress = (__typeof__(b->decompress))fn[1];
	b->end = (__typeof__(b->end))fn[2];
	return b;
}

static ssize_t bzip2_step(void *state, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_size, struct err *e)
{
	struct bzip2 *b = state;
	size_t done = 0;
	while (done < out_size && (*in_len || (b->open && b->full))) {
		if (!b->open) {
			memset(&b->s, 0, sizeof(b->s));
			if (b->init(&b->s, 0, 0) != BZ_OK)
				return err_set(e, ERR_FORMAT, "bzip2 cannot begin");
			b->open = true;
		}
		size_t offered = MIN(*in_len, (size_t)1 << 30), room = out_size - done;
		b->s.next_in = (char *)*in;
		b->s.avail_in = (unsigned)offered;
		b->s.next_out = (char *)out + done;
		b->s.avail_out = (unsigned)MIN(room, (size_t)1 << 30);
		room = b->s.avail_out;
		int r = b->decompress(&b->s);
		if (r != BZ_OK && r != BZ_STREAM_END)
			return err_set(e, ERR_FORMAT, "bzip2 data is damaged (error %d)", r);
		*in += offered - b->s.avail_in;
		*in_len -= offered - b->s.avail_in;
		done += room - b->s.avail_out;
		b->full = b->s.avail_out == 0;
		if (r == BZ_STREAM_END) {
			b->end(&b->s);
			b->open = false;
			b->streams++;
		} else if (b->s.avail_in == offered && b->s.avail_out == room) {
			break;
		}
	}
	return (ssize_t)done;
}

static int bzip2_finish(void *state, struct err *e)
{
	const struct bzip2 *b = state;
	if (b->open || b->streams == 0)
		return err_set(e, ERR_FORMAT, "bzip2 data ends too early: it is truncated");
	return 0;
}

const struct codec codec_bzip2 = {bzip2_new, bzip2_free, bzip2_step, bzip2_finish};

struct xz {
	lzma_stream s;
	void *lib;
	__typeof__(&lzma_stream_decoder) init;
	__typeof__(&lzma_code) code;
	__typeof__(&lzma_end) end;
	bool full;
	bool ended;
};

static void xz_free(void *state)
{
	struct xz *x = state;
	if (x->end)
		x->end(&x->s);
	if (x->lib)
		dlclose(x->lib);
	free(x);
}

static void *xz_new(struct err *e)
{
	static const char *const names[] = {"lzma_stream_decoder", "lzma_code", "lzma_end"};
	void *fn[ARRAY_SIZE(names)];
	struct xz *x = mem_alloc(sizeof(*x));
	x->lib = load("liblzma.so.5", "xz", e);
	if (!x->lib || !resolve(x->lib, names, fn, ARRAY_SIZE(names), e)) {
		xz_free(x);
		return NULL;
	}
	x->init = (__typeof__(x->init))fn[0];
	x->code = (__typeof__(x->code))fn[1];
	x->end = (__typeof__(x->end))fn[2];
	if (x->init(&x->s, XZ_MEMORY, LZMA_CONCATENATED) != LZMA_OK) {
		err_set(e, ERR_FORMAT, "xz cannot begin");
		xz_free(x);
		return NULL;
	}
	return x;
}

static ssize_t xz_step(void *state, const uint8_t **in, size_t *in_len, uint8_t *out,
	size_t out_size, struct err *e)
{
	struct xz *x = state;
	x->s.next_out = out;
	x->s.avail_out = out_size;
	while (x->s.avail_out && (*in_len || x->full)) {
		size_t room = x->s.avail_out;
		x->s.next_in = *in;
		x->s.avail_in = *in_len;
		lzma_ret r = x->code(&x->s, LZMA_RUN);
		if (r == LZMA_MEMLIMIT_ERROR)
			return err_set(e, ERR_LIMIT, "xz data needs more than %llu MiB of memory",
				XZ_MEMORY >> 20);
		if (r != LZMA_OK && r != LZMA_BUF_ERROR && r != LZMA_STREAM_END)
			return err_set(e, ERR_FORMAT, "xz data is damaged (error %d)", (int)r);
		size_t used = *in_len - x->s.avail_in;
		*in += used;
		*in_len -= used;
		x->full = x->s.avail_out == 0;
		if (used == 0 && x->s.avail_out == room)
			break;
	}
	return (ssize_t)(out_size - x->s.avail_out);
}

static int xz_finish(void *state, struct err *e)
{
	struct xz *x = state;
	uint8_t none;
	x->s.next_in = NULL;
	x->s.avail_in = 0;
	x->s.next_out = &none;
	x->s.avail_out = 1;
	if (x->code(&x->s, LZMA_FINISH) != LZMA_STREAM_END || x->s.avail_out != 1)
		return err_set(e, ERR_FORMAT, "xz data ends too early: it is truncated");
	return 0;
}

const struct codec codec_xz = {xz_new, xz_free, xz_step, xz_finish};
