/* Writing past the page cache; see the header. */
#include "base/direct.h"
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>

static int set(struct direct_file *d, bool on)
{
	if (d->on == on)
		return 0;
	int flags = fcntl(d->fd, F_GETFL);
	if (flags < 0 || fcntl(d->fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) < 0)
		return -errno;
	d->on = on;
	return 0;
}

/* Through the page cache; the disk is set to work every IO_AHEAD bytes. */
static int write_cached(struct direct_file *d, const void *p, size_t len, uint64_t offset)
{
	int r = set(d, false);
	if (r == 0)
		r = io_pwrite_all(d->fd, p, len, (off_t)offset);
	uint64_t end = offset + len;
	if (r < 0 || end < d->ahead + IO_AHEAD)
		return r;
	/* a file system that cannot only loses the head start */
	(void)sync_file_range(
		d->fd, (off_t)d->ahead, (off_t)(end - d->ahead), SYNC_FILE_RANGE_WRITE);
	d->ahead = end;
	return 0;
}

static int write_direct(struct direct_file *d, const void *p, size_t len, uint64_t offset)
{
	int r = set(d, true);
	if (r == 0)
		r = io_pwrite_all(d->fd, p, len, (off_t)offset);
	if (r != -EINVAL) {
		d->ahead = offset + len;
		return r;
	}
	d->refused = true; /* tmpfs, some network file systems, blocks of another size */
	return write_cached(d, p, len, offset);
}

int direct_write(struct direct_file *d, const void *data, size_t len, uint64_t offset)
{
	const char *p = data;
	bool fits = ((uintptr_t)p - offset) % DIRECT_BLOCK == 0;
	if (d->refused || !fits || offset + len < DIRECT_FROM + (uint64_t)DIRECT_BLOCK)
		return write_cached(d, p, len, offset);
	/* up to the first whole block, whole blocks, the rest */
	uint64_t from = MAX(offset, (uint64_t)DIRECT_FROM);
	size_t head = (size_t)((from + DIRECT_BLOCK - 1) / DIRECT_BLOCK * DIRECT_BLOCK - offset);
	if (head > len)
		head = len;
	size_t whole = (len - head) / DIRECT_BLOCK * DIRECT_BLOCK, tail = len - head - whole;
	int r = head ? write_cached(d, p, head, offset) : 0;
	if (r == 0 && whole)
		r = write_direct(d, p + head, whole, offset + head);
	if (r == 0 && tail)
		r = write_cached(d, p + head + whole, tail, offset + head + whole);
	return r;
}

void direct_end(struct direct_file *d)
{
	(void)set(d, false); /* it was set there */
}
