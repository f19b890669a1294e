/* Compressed bytes of every kind, in pieces, into small and large buffers. */
#include "base/defs.h"
#include "layer/decompress.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	size_t piece = data[0] * 8U + 1, room = data[1] * 64U + 1;
	uint64_t total = 0;
	data += 2;
	size -= 2;
	uint8_t *out = malloc(room);
	struct layer_decompress *d =
		layer_decompress_new(layer_compression_sniff(data, size), NULL);
	if (!out)
		abort();
	ssize_t n = 0;
	while (d && n >= 0 && size && total < 4U << 20) {
		const uint8_t *in = data;
		size_t left = MIN(piece, size), had = left;
		do {
			n = layer_decompress_step(d, &in, &left, out, room, NULL);
			if (n > (ssize_t)room)
				abort();
			total += n > 0 ? (uint64_t)n : 0;
		} while (n >= 0 && (left || (size_t)n == room) && total < 4U << 20);
		data += had - left;
		size -= had - left;
	}
	if (d && n >= 0)
		(void)!layer_decompress_finish(d, NULL);
	layer_decompress_free(d);
	free(out);
	return 0;
}
