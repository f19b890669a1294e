/* Arrays that spill into a file; see the header. */
#include "layer/spill_priv.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
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

static int commit(struct spill *s, struct err *e)
{
	struct spill_pool *p = s->pool;
	void *at = s->base + s->committed;
	if (s->committed + CHUNK > s->reserved)
		return err_set(e, ERR_LIMIT, "the layer has too many entries");
	if (p->anonymous + CHUNK <= ANONYMOUS_MOST) {
		if (mprotect(at, CHUNK, PROT_READ | PROT_WRITE) < 0)
			return err_sys(e, "allocate memory");
		p->anonymous += CHUNK;
	} else {
		int r = posix_fallocate(p->fd, p->next, CHUNK);
		if (r != 0)
			return err_sysno(e, r, "reserve space beside the index");
		if (mmap(at, CHUNK, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, p->fd,
			    p->next) == MAP_FAILED)
			return err_sys(e, "map the index file");
		p->next += CHUNK;
		p->file_touched += CHUNK;
		if (s->file_from == SIZE_MAX)
			s->file_from = s->committed;
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
		madvise(s->base + s->file_from, s->committed - s->file_from, MADV_DONTNEED);
}
