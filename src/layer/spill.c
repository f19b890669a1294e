/* Arrays that spill into a file; see the header. */
#include "layer/spill_priv.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	CHUNK = 512 * 1024,
	ANONYMOUS_MOST = 6 * 1024 * 1024,
};
/* Beyond any index; the file is cut off there in the end. */
#define SPILL_START ((off_t)1 << 36)

void spill_pool_init(struct spill_pool *p, int fd)
{
	*p = (struct spill_pool){.fd = fd, .next = SPILL_START};
	/* beyond this limit the kernel does not only refuse, it sends SIGXFSZ */
	struct rlimit most;
	p->memory_only = getrlimit(RLIMIT_FSIZE, &most) < 0 || most.rlim_cur != RLIM_INFINITY;
}

int spill_init(struct spill *s, struct spill_pool *p, size_t most, struct err *e)
{
	most = (most + CHUNK - 1) / CHUNK * CHUNK;
	void *base =
		mmap(NULL, most, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (base == MAP_FAILED)
		return err_sys(e, "reserve %zu bytes of addresses", most);
	*s = (struct spill){.pool = p, .base = base, .reserved = most, .file_from = SIZE_MAX};
	return 0;
}

void spill_release(struct spill *s)
{
	if (s->base)
		munmap(s->base, s->reserved);
	*s = (struct spill){0};
}

/* Maps the next piece of the file at the end of s. 1: this file system has no such files. */
static int map_file(struct spill *s, void *at, struct err *e)
{
	struct spill_pool *p = s->pool;
	int r = posix_fallocate(p->fd, p->next, CHUNK);
	if (r == EOPNOTSUPP || r == EFBIG || r == EINVAL || r == ENODEV)
		return 1;
	if (r != 0)
		return err_sysno(e, r, "reserve space beside the index");
	void *m = mmap(at, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, p->fd, p->next);
	if (m == MAP_FAILED && errno == ENODEV)
		return 1;
	if (m == MAP_FAILED)
		return err_sys(e, "map the index file");
	p->next += CHUNK;
	if (s->file_from == SIZE_MAX)
		s->file_from = s->committed;
	s->file_to = s->committed + CHUNK;
	return 0;
}

static int commit(struct spill *s, struct err *e)
{
	struct spill_pool *p = s->pool;
	void *at = s->base + s->committed;
	int r = 1;
	if (s->committed + CHUNK > s->reserved)
		return err_set(e, ERR_LIMIT, "the layer has too many entries");
	if (p->anonymous + CHUNK > ANONYMOUS_MOST && !p->memory_only)
		r = map_file(s, at, e);
	if (r < 0)
		return r;
	if (r > 0) {
		p->memory_only |= p->anonymous + CHUNK > ANONYMOUS_MOST;
		p->anonymous += CHUNK;
		if (mmap(at, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			    -1, 0) == MAP_FAILED)
			return err_sys(e, "allocate memory");
	}
	s->committed += CHUNK;
	return 0;
}

int spill_add(struct spill *s, size_t size, size_t *ret_offset, struct err *e)
{
	while (s->committed - s->used < size) {
		int r = commit(s, e);
		if (r < 0)
			return r;
	}
	*ret_offset = s->used;
	s->used += size;
	return 0;
}

void spill_trim(struct spill *s)
{
	if (s->file_from != SIZE_MAX)
		madvise(s->base + s->file_from, s->file_to - s->file_from, MADV_DONTNEED);
}
