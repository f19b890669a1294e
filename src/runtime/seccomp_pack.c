/*
 * Makes a filter shorter. The kernel checks, converts and compiles a program
 * each time it is loaded, in time that grows with its length: 0.28 ms for what
 * libseccomp writes for the default profile, a test per system call and
 * architecture. Here the program is followed for all values of architecture and
 * call number at once (as intervals that split at each comparison); neighbours
 * with the same answer become one, and a binary search over what is left is
 * written. Where arguments are asked, the original instructions are copied.
 *
 * Whatever is not understood leaves the program as it is.
 */
#include "base/buf.h"
#include "base/mem.h"
#include "runtime/seccomp_priv.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

enum {
	MAX_LEAVES = 8192,
	MAX_STEPS = 1 << 20,
	MAX_ARCHS = 8,
	MAX_FRAGMENT = 512, /* instructions that look at arguments, from one entry */
};

struct interval {
	uint32_t lo, hi;
};

/* What happens for a rectangle of architectures and numbers */
struct leaf {
	struct interval arch, nr;
	bool fragment;  /* value is the index of the instruction that goes on */
	uint32_t value; /* else the answer */
};

struct packer {
	const struct sock_filter *in;
	size_t n;
	struct leaf *leaves;
	size_t nleaves;
	size_t steps;
	struct sock_filter *out; /* BPF_MAXINSNS of them, and one that nobody reads */
	size_t nout;
};

enum loaded { NOTHING, ARCH, NUMBER };

static bool add_leaf(
	struct packer *p, struct interval arch, struct interval nr, bool fragment, uint32_t value)
{
	if (p->nleaves == MAX_LEAVES)
		return false;
	p->leaves[p->nleaves++] = (struct leaf){arch, nr, fragment, value};
	return true;
}

/* ---- following the program ---- */

struct state {
	size_t pc;
	enum loaded a;
	struct interval arch, nr;
};

/* The part of v for which the comparison holds; empty when lo > hi */
static bool split(
	uint16_t code, uint32_t k, struct interval v, struct interval *yes, struct interval no[2])
{
	const struct interval empty = {1, 0};
	*yes = no[0] = no[1] = empty;
	uint32_t from, to = UINT32_MAX;
	if (code == (BPF_JMP | BPF_JEQ | BPF_K)) {
		from = to = k;
	} else if (code == (BPF_JMP | BPF_JGE | BPF_K)) {
		from = k;
	} else if (code == (BPF_JMP | BPF_JGT | BPF_K)) {
		if (k == UINT32_MAX) {
			no[0] = v;
			return true;
		}
		from = k + 1;
	} else {
		return false;
	}
	if (v.lo <= to && from <= v.hi)
		*yes = (struct interval){from > v.lo ? from : v.lo, to < v.hi ? to : v.hi};
	if (v.lo < from)
		no[0] = (struct interval){v.lo, from - 1 < v.hi ? from - 1 : v.hi};
	if (v.hi > to)
		no[1] = (struct interval){to + 1 > v.lo ? to + 1 : v.lo, v.hi};
	return true;
}

static bool follow(struct packer *p, struct state s);

static bool branch(struct packer *p, struct state s, struct interval part, size_t target)
{
	if (part.lo > part.hi)
		return true;
	s.pc = target;
	*(s.a == ARCH ? &s.arch : &s.nr) = part;
	return follow(p, s);
}

static bool compare(struct packer *p, const struct state *s, const struct sock_filter *f)
{
	struct interval yes, no[2];
	if (s->a == NOTHING || !split(f->code, f->k, s->a == ARCH ? s->arch : s->nr, &yes, no))
		return false;
	return branch(p, *s, no[0], s->pc + 1 + f->jf) && branch(p, *s, yes, s->pc + 1 + f->jt) &&
	       branch(p, *s, no[1], s->pc + 1 + f->jf);
}

/* Jumps go forward only, so the depth is bounded by the program's length (4096). */
static bool follow(struct packer *p, struct state s)
{
	for (;;) {
		if (s.pc >= p->n || p->steps++ > MAX_STEPS)
			return false;
		const struct sock_filter *f = &p->in[s.pc];
		switch (f->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (f->k == offsetof(struct seccomp_data, arch))
				s.a = ARCH;
			else if (f->k == offsetof(struct seccomp_data, nr))
				s.a = NUMBER;
			else
				return add_leaf(p, s.arch, s.nr, true, (uint32_t)s.pc);
			s.pc++;
			break;
		case BPF_JMP | BPF_JA:
			s.pc += 1 + (size_t)f->k;
			break;
		case BPF_RET | BPF_K:
			return add_leaf(p, s.arch, s.nr, false, f->k);
		default:
			return compare(p, &s, f);
		}
	}
}

static int by_place(const void *a, const void *b)
{
	const struct leaf *x = a, *y = b;
	if (x->arch.lo != y->arch.lo)
		return x->arch.lo < y->arch.lo ? -1 : 1;
	return x->nr.lo < y->nr.lo ? -1 : x->nr.lo > y->nr.lo;
}

/* Every architecture and every number in it must be there once: so it is when the program asks the
 * architecture first. */
static bool tiles(const struct packer *p)
{
	uint64_t next_arch = 0;
	for (size_t i = 0; i < p->nleaves;) {
		const struct interval arch = p->leaves[i].arch;
		uint64_t next_nr = 0;
		if (arch.lo != next_arch)
			return false;
		for (; i < p->nleaves && p->leaves[i].arch.lo == arch.lo; i++) {
			if (p->leaves[i].arch.hi != arch.hi || p->leaves[i].nr.lo != next_nr)
				return false;
			next_nr = (uint64_t)p->leaves[i].nr.hi + 1;
		}
		if (next_nr != (uint64_t)UINT32_MAX + 1)
			return false;
		next_arch = (uint64_t)arch.hi + 1;
	}
	return next_arch == (uint64_t)UINT32_MAX + 1;
}

static bool same_answer(const struct leaf *a, const struct leaf *b)
{
	return a->fragment == b->fragment && a->value == b->value;
}

/* Neighbours in one architecture with the same answer become one. */
static void merge(struct packer *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->nleaves; i++) {
		struct leaf *last = n ? &p->leaves[n - 1] : NULL;
		if (last && last->arch.lo == p->leaves[i].arch.lo &&
			last->arch.hi == p->leaves[i].arch.hi && same_answer(last, &p->leaves[i]))
			last->nr.hi = p->leaves[i].nr.hi;
		else
			p->leaves[n++] = p->leaves[i];
	}
	p->nleaves = n;
}

/* ---- writing ---- */

static size_t emit(struct packer *p, uint16_t code, uint32_t k)
{
	/* beyond the end everything lands in one place; seccomp_pack sees that it was too long */
	size_t at = p->nout < BPF_MAXINSNS ? p->nout++ : BPF_MAXINSNS;
	p->out[at] = (struct sock_filter){code, 0, 0, k};
	return at;
}

/* The instructions from pc on that can be reached, in their order, jumps adjusted. They begin with
 * a load, so nothing that came before matters to them. */
static bool emit_fragment(struct packer *p, size_t pc)
{
	bool reach[BPF_MAXINSNS] = {false};
	size_t at[BPF_MAXINSNS], count = 0, first = p->nout;
	reach[pc] = true;
	for (size_t i = pc; i < p->n; i++) {
		const struct sock_filter *f = &p->in[i];
		if (!reach[i])
			continue;
		if (++count > MAX_FRAGMENT)
			return false;
		at[i] = emit(p, f->code, f->k);
		if (BPF_CLASS(f->code) == BPF_RET)
			continue;
		bool jump = BPF_CLASS(f->code) == BPF_JMP;
		bool always = f->code == (BPF_JMP | BPF_JA);
		size_t a = i + 1 + (always ? f->k : jump ? f->jt : 0);
		size_t b = i + 1 + (jump && !always ? f->jf : 0);
		if (a >= p->n || (!always && b >= p->n))
			return false;
		reach[a] = true;
		if (!always)
			reach[b] = true;
	}
	for (size_t i = pc; i < p->n; i++) {
		const struct sock_filter *f = &p->in[i];
		if (!reach[i] || BPF_CLASS(f->code) != BPF_JMP) {
			/* what falls through must find its successor right behind it */
			if (reach[i] && BPF_CLASS(f->code) != BPF_RET && at[i + 1] != at[i] + 1)
				return false;
			continue;
		}
		struct sock_filter *o = &p->out[at[i]];
		if (f->code == (BPF_JMP | BPF_JA)) {
			o->k = (uint32_t)(at[i + 1 + f->k] - at[i] - 1);
			continue;
		}
		o->jt = (uint8_t)(at[i + 1 + f->jt] - at[i] - 1);
		o->jf = (uint8_t)(at[i + 1 + f->jf] - at[i] - 1);
	}
	return p->nout > first;
}

/* A binary search over leaves[0..n); each leaf's place is filled in afterwards */
struct fixup {
	size_t insn;
	const struct leaf *leaf;
	bool jt;
};

static bool emit_search(
	struct packer *p, const struct leaf *v, size_t n, struct fixup *fix, size_t *nfix)
{
	size_t mid = n / 2;
	size_t at = emit(p, BPF_JMP | BPF_JGE | BPF_K, v[mid].nr.lo);
	if (mid == 1)
		fix[(*nfix)++] = (struct fixup){at, &v[0], false};
	else if (!emit_search(p, v, mid, fix, nfix))
		return false;
	if (n - mid == 1) {
		fix[(*nfix)++] = (struct fixup){at, &v[mid], true};
		return true;
	}
	size_t far = p->nout - at - 1;
	if (far > UINT8_MAX)
		return false;
	p->out[at].jt = (uint8_t)far;
	return emit_search(p, v + mid, n - mid, fix, nfix);
}

static bool emit_leaf(struct packer *p, const struct leaf *l)
{
	if (l->fragment)
		return emit_fragment(p, l->value);
	emit(p, BPF_RET | BPF_K, l->value);
	return true;
}

/* One architecture: the search, then its answers, each once, plain ones first so that they are
 * near. A jump reaches 255 instructions. */
static bool emit_block(struct packer *p, const struct leaf *v, size_t n)
{
	if (n == 1)
		return emit_leaf(p, v);
	cleanup_free struct fixup *fix = mem_array(2 * n, sizeof(*fix));
	size_t nfix = 0;
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (!emit_search(p, v, n, fix, &nfix))
		return false;
	for (int fragments = 0; fragments < 2; fragments++)
		for (size_t i = 0; i < nfix; i++) {
			if (!fix[i].leaf || fix[i].leaf->fragment != fragments)
				continue;
			const struct leaf *l = fix[i].leaf;
			size_t target = p->nout;
			if (!emit_leaf(p, l))
				return false;
			for (size_t j = i; j < nfix; j++) {
				if (!fix[j].leaf || !same_answer(fix[j].leaf, l))
					continue;
				size_t far = target - fix[j].insn - 1;
				if (far > UINT8_MAX)
					return false;
				struct sock_filter *o = &p->out[fix[j].insn];
				*(fix[j].jt ? &o->jt : &o->jf) = (uint8_t)far;
				fix[j].leaf = NULL;
			}
		}
	return true;
}

/* Architectures are single values with a block each; all others share one answer. */
static bool emit_all(struct packer *p)
{
	const struct leaf *other = NULL;
	size_t archs = 0;
	emit(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	for (size_t i = 0, n; i < p->nleaves; i += n) {
		const struct leaf *v = &p->leaves[i];
		for (n = 1; i + n < p->nleaves && v[n].arch.lo == v->arch.lo; n++)
			;
		if (v->arch.lo != v->arch.hi) {
			if (n != 1 || v->fragment || (other && !same_answer(other, v)))
				return false;
			other = v;
			continue;
		}
		if (++archs > MAX_ARCHS)
			return false;
		size_t test = emit(p, BPF_JMP | BPF_JEQ | BPF_K, v->arch.lo);
		p->out[test].jt = 1; /* over the jump to the next architecture */
		size_t skip = emit(p, BPF_JMP | BPF_JA, 0);
		if (!emit_block(p, v, n))
			return false;
		p->out[skip].k = (uint32_t)(p->nout - skip - 1);
	}
	if (!other)
		return false;
	emit(p, BPF_RET | BPF_K, other->value);
	return true;
}

bool seccomp_pack(struct buf *bpf)
{
	const struct interval all = {0, UINT32_MAX};
	struct packer p = {.in = (const struct sock_filter *)(const void *)bpf->data,
		.n = bpf->len / sizeof(struct sock_filter)};
	if (!p.n || p.n > BPF_MAXINSNS)
		return false;
	cleanup_free struct leaf *leaves = mem_array(MAX_LEAVES, sizeof(*leaves));
	cleanup_free struct sock_filter *out = mem_array(BPF_MAXINSNS + 1, sizeof(*out));
	p.leaves = leaves;
	p.out = out;
	if (!follow(&p, (struct state){0, NOTHING, all, all}))
		return false;
	qsort(p.leaves, p.nleaves, sizeof(*p.leaves), by_place);
	if (!tiles(&p))
		return false;
	merge(&p);
	if (!emit_all(&p) || p.nout >= p.n)
		return false;
	buf_clear(bpf);
	buf_add(bpf, p.out, p.nout * sizeof(*p.out));
	return true;
}
