/*
 * Measures what layers cost, without the rest of kist:
 *   bench-layer ingest BLOB TAR INDEX   an incoming layer into a tar and its index
 *   bench-layer write DIR TAR INDEX     a directory as a new layer (as RUN's upper directory)
 *   bench-layer gzip|zstd TAR OUT       a layer compressed for a registry
 * Prints seconds, peak memory and what came out. The floors: cp and sha256sum of the same bytes,
 * igzip -dc of the blob.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "layer/compress.h"
#include "layer/ingest.h"
#include "layer/upper.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static int create(const char *path)
{
	unlink(path);
	return open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
}

static void show(const struct layer_info *info)
{
	printf("sha256:%s tar %" PRIu64 " index %" PRIu64 " entries %" PRIu64 " content %" PRIu64
	       "\n",
		info->diffid, info->tar_size, info->index_size, info->entries, info->content);
}

static int ingest(char **args, struct err *e)
{
	struct layer_ingest_info info;
	cleanup_fd int in = open(args[0], O_RDONLY | O_CLOEXEC);
	cleanup_fd int tar = create(args[1]);
	cleanup_fd int index = create(args[2]);
	if (in < 0 || tar < 0 || index < 0)
		return err_sys(e, "open");
	int r = layer_ingest_fd(in, UINT64_MAX, tar, index, NULL, &info, e);
	if (r == 0)
		show(&info.layer);
	return r;
}

static int write_dir(char **args, struct err *e)
{
	struct layer_info info;
	cleanup_fd int dir = open(args[0], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int tar = create(args[1]);
	cleanup_fd int index = create(args[2]);
	if (dir < 0 || tar < 0 || index < 0)
		return err_sys(e, "open");
	struct layer_writer *w cleanup_layer_writer = layer_writer_new(tar, index, NULL);
	int64_t n = layer_upper_write(dir, w, NULL, e);
	int r = n < 0 ? (int)n : layer_writer_finish(w, &info, e);
	if (r == 0)
		show(&info);
	return r;
}

static int put(void *ctx, const void *p, size_t len, struct err *e)
{
	int r = io_write_all(*(int *)ctx, p, len);
	return r < 0 ? err_sysno(e, r, "write") : 0;
}

static int compress(enum layer_compression c, char **args, struct err *e)
{
	struct layer_compress_info info;
	cleanup_fd int in = open(args[0], O_RDONLY | O_CLOEXEC);
	cleanup_fd int out = create(args[1]);
	if (in < 0 || out < 0)
		return err_sys(e, "open");
	int r = layer_compress_fd(in, c, put, &out, &info, e);
	if (r == 0)
		printf("sha256:%s size %" PRIu64 " from %" PRIu64 "\n", info.digest, info.size,
			info.plain_size);
	return r;
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int64_t start = clock_monotonic();
	int r = -EINVAL;
	if (argc == 5 && strcmp(argv[1], "ingest") == 0)
		r = ingest(argv + 2, &e);
	else if (argc == 5 && strcmp(argv[1], "write") == 0)
		r = write_dir(argv + 2, &e);
	else if (argc == 4 && strcmp(argv[1], "gzip") == 0)
		r = compress(LAYER_GZIP, argv + 2, &e);
	else if (argc == 4 && strcmp(argv[1], "zstd") == 0)
		r = compress(LAYER_ZSTD, argv + 2, &e);
	else
		err_set(&e, EINVAL,
			"usage: bench-layer ingest|write|gzip|zstd FILES (see its source)");
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	if (r < 0) {
		fprintf(stderr, "bench-layer: %s\n", e.msg);
		return 1;
	}
	printf("%.3f s, %ld kB\n", (double)(clock_monotonic() - start) / 1e9, usage.ru_maxrss);
	return 0;
}
