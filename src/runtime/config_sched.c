/*
 * How the kernel is to treat the process: process.scheduler, ioPriority and
 * execCPUAffinity (config.md, "Linux Process"), linux.personality and
 * linux.memoryPolicy (config-linux.md). Words become the kernel's numbers here.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "runtime/json_priv.h"

#include <limits.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>

/* newer than the headers of Debian 12 */
#ifndef SCHED_ISO
#define SCHED_ISO 4
#endif
enum { MODE_WEIGHTED_INTERLEAVE = 6 };

struct word {
	const char *word;
	uint64_t value;
};

static bool find_word(const struct word *table, size_t n, const char *word, uint64_t *ret)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(word, table[i].word)) {
			*ret = table[i].value;
			return true;
		}
	return false;
}

/* A list of words, each a bit or several of a number */
static int read_flags(const struct jread *r, const struct jnode *n, const struct word *table,
	size_t count, uint64_t *ret)
{
	struct runtime_strings words = {NULL, 0};
	int k = jread_strings(r, n, "flags", &words);
	*ret = 0;
	for (size_t i = 0; k > 0 && i < words.n; i++) {
		uint64_t bits;
		if (!find_word(table, count, words.v[i], &bits))
			return jread_fail(r, n, "flags[%zu] '%s' is unknown", i, words.v[i]);
		*ret |= bits;
	}
	return MIN(k, 0);
}

/* ---- "0-3, 7" ---- */

static bool parse_number(const char **p, unsigned long *ret)
{
	char *end;
	if (**p < '0' || **p > '9')
		return false;
	*ret = strtoul(*p, &end, 10);
	*p = end;
	return *ret < LIMIT_BIT_LIST;
}

/* One pass without bits says how many are needed. */
static bool parse_list(const char *p, struct runtime_bits *b, unsigned long *bits)
{
	while (*(p += strspn(p, " ,"))) {
		unsigned long from, to;
		if (!parse_number(&p, &from))
			return false;
		to = from;
		if (*p == '-' && (p++, !parse_number(&p, &to)))
			return false;
		if (to < from || (*p && *p != ',' && *p != ' '))
			return false;
		b->n = MAX(b->n, to + 1);
		for (; bits && from <= to; from++)
			bits[from / RUNTIME_WORD_BITS] |= 1UL << from % RUNTIME_WORD_BITS;
	}
	return true;
}

static int read_bits(
	const struct jread *r, const struct jnode *n, const char *key, struct runtime_bits *ret)
{
	const char *text = NULL;
	struct runtime_bits b = {NULL, 0};
	int k = jread_str(r, n, key, &text);
	if (k <= 0)
		return k;
	/* twice the longest that makes sense: a hostile one could repeat itself for minutes */
	if (strlen(text) > LIMIT_BIT_LIST / 2 || !parse_list(text, &b, NULL))
		return jread_fail(r, n,
			"%s '%.99s' is not a list such as '0-3,7' of numbers below %d", key, text,
			LIMIT_BIT_LIST);
	if (!b.n)
		return 0;
	unsigned long *v =
		arena_alloc(r->a, (b.n + RUNTIME_WORD_BITS - 1) / RUNTIME_WORD_BITS * sizeof(*v));
	parse_list(text, &b, v);
	*ret = (struct runtime_bits){v, b.n};
	return 1;
}

/* ---- process ---- */

int config_read_scheduler(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	static const struct word policies[] = {
		{"SCHED_OTHER", SCHED_NORMAL},
		{"SCHED_FIFO", SCHED_FIFO},
		{"SCHED_RR", SCHED_RR},
		{"SCHED_BATCH", SCHED_BATCH},
		{"SCHED_ISO", SCHED_ISO},
		{"SCHED_IDLE", SCHED_IDLE},
		{"SCHED_DEADLINE", SCHED_DEADLINE},
	};
	static const struct word flags[] = {
		{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
		{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
		{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
		{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
		{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
		{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
		{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
	};
	struct runtime_scheduler *s = &p->scheduler;
	struct jnode m;
	int k = jread_object(r, n, "scheduler", &m);
	if (k <= 0 || !json_object_size(m.v))
		return k;
	const char *policy = NULL;
	int64_t nice = 0, priority = 0;
	uint64_t number;
	if ((k = jread_str(r, &m, "policy", &policy)) < 0 ||
		(k = jread_int(r, &m, "nice", -20, 19, &nice)) < 0 ||
		(k = jread_int(r, &m, "priority", 0, 99, &priority)) < 0 ||
		(k = read_flags(r, &m, flags, ARRAY_SIZE(flags), &s->flags)) < 0 ||
		(k = jread_u64(r, &m, "runtime", &s->runtime)) < 0 ||
		(k = jread_u64(r, &m, "deadline", &s->deadline)) < 0 ||
		(k = jread_u64(r, &m, "period", &s->period)) < 0)
		return k;
	if (str_empty(policy))
		return jread_fail(r, &m, "policy is missing");
	if (!find_word(policies, ARRAY_SIZE(policies), policy, &number))
		return jread_fail(r, &m, "policy '%s' is unknown", policy);
	s->set = true;
	s->policy = (uint32_t)number;
	s->nice = (int32_t)nice;
	s->priority = (uint32_t)priority;
	return 0;
}

int config_read_io_priority(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	static const struct word classes[] = {
		{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
		{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
		{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
	};
	struct jnode m;
	int k = jread_object(r, n, "ioPriority", &m);
	if (k <= 0 || !json_object_size(m.v))
		return k;
	const char *word = NULL;
	int64_t level = 0;
	uint64_t number;
	if ((k = jread_str(r, &m, "class", &word)) < 0 ||
		(k = jread_int(r, &m, "priority", 0, IOPRIO_BE_NR - 1, &level)) < 0)
		return k;
	if (!find_word(classes, ARRAY_SIZE(classes), word, &number))
		return jread_fail(r, &m, "class '%s' is unknown", word ? word : "");
	p->io_priority = (int)(number << IOPRIO_CLASS_SHIFT | (uint64_t)level);
	return 0;
}

int config_read_affinity(const struct jread *r, const struct jnode *n, struct runtime_process *p)
{
	struct jnode m;
	int k = jread_object(r, n, "execCPUAffinity", &m);
	if (k <= 0 || (k = read_bits(r, &m, "initial", &p->affinity_initial)) < 0)
		return k;
	return read_bits(r, &m, "final", &p->affinity_final);
}

/* ---- linux ---- */

int config_read_personality(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	static const struct word domains[] = {{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};
	/* the specification names no flag yet; these are the kernel's words, personality(2) */
	static const struct word flags[] = {
		{"ADDR_COMPAT_LAYOUT", ADDR_COMPAT_LAYOUT},
		{"ADDR_LIMIT_32BIT", ADDR_LIMIT_32BIT},
		{"ADDR_LIMIT_3GB", ADDR_LIMIT_3GB},
		{"ADDR_NO_RANDOMIZE", ADDR_NO_RANDOMIZE},
		{"FDPIC_FUNCPTRS", FDPIC_FUNCPTRS},
		{"MMAP_PAGE_ZERO", MMAP_PAGE_ZERO},
		{"READ_IMPLIES_EXEC", READ_IMPLIES_EXEC},
		{"SHORT_INODE", SHORT_INODE},
		{"STICKY_TIMEOUTS", STICKY_TIMEOUTS},
		{"UNAME26", UNAME26},
		{"WHOLE_SECONDS", WHOLE_SECONDS},
	};
	struct jnode m;
	int k = jread_object(r, n, "personality", &m);
	if (k <= 0 || !json_object_size(m.v))
		return k;
	const char *word = NULL;
	uint64_t domain, bits;
	if ((k = jread_str(r, &m, "domain", &word)) < 0 ||
		(k = read_flags(r, &m, flags, ARRAY_SIZE(flags), &bits)) < 0)
		return k;
	if (!find_word(domains, ARRAY_SIZE(domains), word, &domain))
		return jread_fail(r, &m, "domain '%s' is none of LINUX, LINUX32", word ? word : "");
	c->has_personality = true;
	c->personality = (unsigned long)(domain | bits);
	return 0;
}

int config_read_memory_policy(
	const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	static const struct word modes[] = {
		{"MPOL_DEFAULT", MPOL_DEFAULT},
		{"MPOL_PREFERRED", MPOL_PREFERRED},
		{"MPOL_BIND", MPOL_BIND},
		{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
		{"MPOL_LOCAL", MPOL_LOCAL},
		{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
		{"MPOL_WEIGHTED_INTERLEAVE", MODE_WEIGHTED_INTERLEAVE},
	};
	static const struct word flags[] = {
		{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
		{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
		{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
	};
	struct runtime_memory_policy *p = &c->memory_policy;
	struct jnode m;
	int k = jread_object(r, n, "memoryPolicy", &m);
	if (k <= 0 || !json_object_size(m.v))
		return k;
	const char *word = NULL;
	uint64_t mode, bits;
	if ((k = jread_str(r, &m, "mode", &word)) < 0 ||
		(k = read_flags(r, &m, flags, ARRAY_SIZE(flags), &bits)) < 0 ||
		(k = read_bits(r, &m, "nodes", &p->nodes)) < 0)
		return k;
	if (!find_word(modes, ARRAY_SIZE(modes), word, &mode))
		return jread_fail(r, &m, "mode '%s' is unknown", word ? word : "");
	p->set = true;
	p->mode = (unsigned)(mode | bits);
	return 0;
}
