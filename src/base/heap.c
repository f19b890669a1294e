/* Blocks in lists by size; see the header. */
#include "base/heap.h"
#include "base/defs.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* Stands before every block; its size keeps the alignment. */
struct head {
	uint32_t class; /* index of the list, or LARGE */
	uint32_t state;
	size_t room; /* bytes behind the head */
};

struct spare {
	struct spare *next;
};

enum {
	ALIGNMENT = 16,
	SMALL = 1024, /* classes: 16, 32, ... SMALL, */
	STEPS = 4,    /* then so many for each doubling */
	CLASSES = SMALL / ALIGNMENT + 7 * STEPS,
	LARGE = CLASSES,
	IN_USE = 0x6b697374,
	FREED = 0x74736976,
	REGION = 256 * 1024,
};
_Static_assert(sizeof(struct head) == ALIGNMENT, "a block behind its head is aligned");
_Static_assert(SMALL << 7 == HEAP_LARGE, "the classes reach the large sizes");

/* No region is part of the program: the runtime's last step works on blocks when that is unmapped. */
static struct {
	struct spare *spare[CLASSES];
	unsigned char *at, *end;
} heap;

/* The class of a size up to HEAP_LARGE, and the room its blocks have */
static unsigned class_of(size_t size, size_t *ret_room)
{
	if (size <= SMALL) {
		size_t i = size ? (size + ALIGNMENT - 1) / ALIGNMENT : 1;
		*ret_room = i * ALIGNMENT;
		return (unsigned)i - 1;
	}
	unsigned class = SMALL / ALIGNMENT;
	size_t base = SMALL;
	while (size > base * 2) {
		base *= 2;
		class += STEPS;
	}
	size_t step = base / STEPS, i = (size - base + step - 1) / step;
	*ret_room = base + i * step;
	return class + (unsigned)i - 1;
}

static void *no_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? NULL : p;
}

static void *use(struct head *h, unsigned class, size_t room)
{
	*h = (struct head){.class = class, .state = IN_USE, .room = room};
	return h + 1;
}

/* Cuts a block from the region; what is left of one that is too small is lost, at most one block. */
static void *cut(unsigned class, size_t room)
{
	if ((size_t)(heap.end - heap.at) < sizeof(struct head) + room) {
		unsigned char *more = map(REGION);
		if (!more)
			return no_memory();
		heap.at = more;
		heap.end = more + REGION;
	}
	struct head *h = (struct head *)(void *)heap.at;
	heap.at += sizeof(*h) + room;
	return use(h, class, room);
}

void *heap_alloc(size_t size)
{
	if (size > HEAP_LARGE) {
		if (size > PTRDIFF_MAX - sizeof(struct head))
			return no_memory();
		struct head *h = map(sizeof(*h) + size);
		return h ? use(h, LARGE, size) : no_memory();
	}
	size_t room;
	unsigned class = class_of(size, &room);
	struct spare *s = heap.spare[class];
	if (!s)
		return cut(class, room);
	heap.spare[class] = s->next;
	return use((struct head *)(void *)s - 1, class, room);
}

static struct head *head_of(const void *p)
{
	struct head *h = (struct head *)(uintptr_t)p - 1;
	if (h->state != IN_USE || h->class > LARGE)
		abort();
	return h;
}

void heap_free(void *p)
{
	if (!p)
		return;
	int saved = errno;
	struct head *h = head_of(p);
	h->state = FREED;
	if (h->class == LARGE) {
		munmap(h, sizeof(*h) + h->room);
		errno = saved;
		return;
	}
	struct spare *s = p;
	s->next = heap.spare[h->class];
	heap.spare[h->class] = s;
}

void *heap_zalloc(size_t n, size_t size)
{
	size_t all;
	if (__builtin_mul_overflow(n, size, &all))
		return no_memory();
	void *p = heap_alloc(all);
	if (p && all <= HEAP_LARGE) /* the kernel's are zero */
		memset(p, 0, all);
	return p;
}

void *heap_realloc(void *p, size_t size)
{
	if (!p)
		return heap_alloc(size);
	struct head *h = head_of(p);
	if (size <= h->room && h->class != LARGE)
		return p;
	if (h->class == LARGE && size > HEAP_LARGE && size <= PTRDIFF_MAX - sizeof(*h)) {
		h = mremap(h, sizeof(*h) + h->room, sizeof(*h) + size, MREMAP_MAYMOVE);
		if (h == MAP_FAILED)
			return no_memory();
		h->room = size;
		return h + 1;
	}
	void *new = heap_alloc(size);
	if (!new)
		return NULL;
	memcpy(new, p, MIN(size, h->room));
	heap_free(p);
	return new;
}

/* aligned_alloc and its kin stay musl's, which fail where malloc is replaced: nobody calls them. */
#ifdef KIST_STATIC

void *malloc(size_t size)
{
	return heap_alloc(size);
}

void *calloc(size_t n, size_t size)
{
	return heap_zalloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return heap_realloc(p, size);
}

void free(void *p)
{
	heap_free(p);
}

#endif
