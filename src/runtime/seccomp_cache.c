/*
 * Compiled filters on disk. An entry's file name is a hash of the section's
 * text, but the text itself stands in the file and is compared: a collision is
 * a miss, never a wrong filter. Entries are believed only when directory and
 * file belong to us and nobody else can write there.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/seccomp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { KEY_VERSION = 3 }; /* raised when the compiler's options change */

struct entry_head {
	char magic[4];
	uint32_t key_len;
	uint32_t count; /* instructions */
	uint32_t flags; /* for seccomp(2) */
};
static const char entry_magic[4] = {'K', 'S', 'C', '2'};

/* Everything that decides the program: a line of ours, and the section */
struct key {
	char head[128];
	size_t head_len;
	const char *section; /* borrowed */
	size_t section_len;
};

static size_t key_len(const struct key *k)
{
	return k->head_len + k->section_len;
}

static void make_key(const char *section, size_t len, struct key *k)
{
	struct utsname u;
	uname(&u);
	*k = (struct key){.section = section, .section_len = len};
	k->head_len =
		(size_t)snprintf(k->head, sizeof(k->head), "%d %.65s\n", KEY_VERSION, u.machine);
}

/* FNV-1a, eight bytes a step: sections are long, and a collision is only a miss */
static uint64_t hash(uint64_t h, const char *p, size_t len)
{
	h ^= len;
	for (size_t i = 0; i < len; i += sizeof(uint64_t)) {
		uint64_t word = 0;
		memcpy(&word, p + i, MIN(sizeof(word), len - i));
		h = (h ^ word) * 0x100000001b3;
		h ^= h >> 32;
	}
	return h;
}

static uint64_t key_hash(const struct key *k)
{
	uint64_t h = hash(0xcbf29ce484222325, k->head, k->head_len);
	return hash(h, k->section, k->section_len);
}

static bool only_ours(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_uid == geteuid() && !(st.st_mode & 022);
}

static bool entry_valid(const struct buf *b, const struct key *key)
{
	struct entry_head h;
	if (b->len < sizeof(h))
		return false;
	memcpy(&h, b->data, sizeof(h));
	return memcmp(h.magic, entry_magic, sizeof(entry_magic)) == 0 &&
	       h.key_len == key_len(key) && h.count > 0 && h.count <= BPF_MAXINSNS &&
	       b->len == sizeof(h) + key_len(key) + h.count * sizeof(struct sock_filter) &&
	       memcmp(b->data + sizeof(h), key->head, key->head_len) == 0 &&
	       memcmp(b->data + sizeof(h) + key->head_len, key->section, key->section_len) == 0;
}

/* The program of an entry that is there and fits; else false */
static bool cache_load(
	int dir, const char *name, const struct key *key, struct buf *bpf, unsigned *flags)
{
	cleanup_fd int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0 || !only_ours(fd))
		return false;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_RUNTIME_CONFIG + (1 << 20));
	struct stat st;
	if (fstat(fd, &st) == 0 && st.st_size < LIMIT_RUNTIME_CONFIG)
		buf_reserve(&b, (size_t)st.st_size + 1);
	if (io_read_to_end(fd, &b) < 0 || !entry_valid(&b, key))
		return false;
	struct entry_head h;
	memcpy(&h, b.data, sizeof(h));
	size_t skip = sizeof(h) + key_len(key);
	buf_add(bpf, b.data + skip, b.len - skip);
	*flags = h.flags;
	return true;
}

static void cache_save(
	int dir, const char *name, const struct key *key, const struct buf *bpf, unsigned flags)
{
	struct entry_head h = {.key_len = (uint32_t)key_len(key),
		.count = (uint32_t)(bpf->len / sizeof(struct sock_filter)),
		.flags = flags};
	memcpy(h.magic, entry_magic, sizeof(h.magic));
	struct buf b cleanup_buf = BUF_INIT;
	buf_add(&b, &h, sizeof(h));
	buf_add(&b, key->head, key->head_len);
	buf_add(&b, key->section, key->section_len);
	buf_add(&b, bpf->data, bpf->len);
	struct err e = ERR_INIT;
	if (file_write(dir, name, b.data, b.len, 0600, 0, &e) < 0)
		log_debug("seccomp cache: %s", e.msg);
}

static int compile(const char *section, size_t len, struct buf *bpf, unsigned *flags, struct err *e)
{
	struct arena a cleanup_arena = ARENA_INIT;
	struct runtime_seccomp *s = NULL;
	int r = seccomp_parse(section, len, &a, &s, e);
	if (r < 0 || (r = seccomp_flags(s, flags, e)) < 0 || (r = seccomp_compile(s, bpf, e)) < 0)
		return r;
	seccomp_pack(bpf);
	return 0;
}

static int program_bytes(const char *section, size_t len, const char *cache_dir, struct buf *bpf,
	unsigned *flags, struct err *e)
{
	if (!cache_dir)
		return compile(section, len, bpf, flags, e);
	struct key key;
	make_key(section, len, &key);
	char name[32];
	snprintf(name, sizeof(name), "%016" PRIx64 ".bpf", key_hash(&key));
	cleanup_fd int dir = open(cache_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && file_mkdirs(AT_FDCWD, cache_dir, 0700, NULL) == 0)
		dir = open(cache_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool trusted = dir >= 0 && only_ours(dir);
	if (trusted && cache_load(dir, name, &key, bpf, flags))
		return 0;
	int r = compile(section, len, bpf, flags, e);
	if (r == 0 && trusted)
		cache_save(dir, name, &key, bpf, *flags);
	return r;
}

static const struct {
	const char *word;
	unsigned flag;
} flag_words[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

const char *seccomp_flag_word(size_t i, unsigned *ret_flag)
{
	if (i >= ARRAY_SIZE(flag_words))
		return NULL;
	*ret_flag = flag_words[i].flag;
	return flag_words[i].word;
}

int seccomp_flags(const struct runtime_seccomp *s, unsigned *ret, struct err *e)
{
	/* not given: as the other runtimes, no slow-down for speculation */
	unsigned flags = s->flags.v ? 0 : SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; i < s->flags.n; i++) {
		size_t j = 0;
		while (j < ARRAY_SIZE(flag_words) && !str_eq(flag_words[j].word, s->flags.v[i]))
			j++;
		if (j == ARRAY_SIZE(flag_words))
			return err_set(
				e, ERR_FORMAT, "seccomp: flag '%s' is unknown", s->flags.v[i]);
		flags |= flag_words[j].flag;
	}
	/* means something to a listener only; the kernel refuses it otherwise */
	if (!seccomp_notifies(s))
		flags &= ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	else
		flags |= SECCOMP_NOTIFIES;
	*ret = flags;
	return 0;
}

int seccomp_program(const char *section, size_t len, const char *cache_dir, struct sock_fprog *prog,
	unsigned *ret_flags, struct err *e)
{
	struct buf bpf cleanup_buf = BUF_INIT;
	int r = program_bytes(section, len, cache_dir, &bpf, ret_flags, e);
	if (r < 0)
		return r;
	size_t count = bpf.len / sizeof(struct sock_filter);
	if (!count || count > BPF_MAXINSNS)
		return err_set(e, ERR_LIMIT, "seccomp: a program of %zu instructions, at most %d",
			count, BPF_MAXINSNS);
	prog->len = (unsigned short)count;
	prog->filter = (struct sock_filter *)(void *)buf_take(&bpf);
	return 0;
}
