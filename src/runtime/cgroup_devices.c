/*
 * linux.resources.devices: the rules that every container has besides, and what a list of rules
 * comes to on cgroup v1, where a group holds a default and exceptions to it. The program for v2 is
 * in cgroup_bpf.c.
 */
#include "base/err.h"
#include "base/mem.h"
#include "runtime/cgroup_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool cgroup_device_all(const struct runtime_device_rule *d)
{
	return d->type == 'a' && d->major < 0 && d->minor < 0 && d->read && d->write && d->make;
}

struct runtime_device_rule *cgroup_device_rules(const struct runtime_resources *r, size_t *ret_n)
{
	/* what a container always has: nodes may be made, these may be used */
	static const struct runtime_device_rule always[] = {
		{true, 'c', -1, -1, false, false, true}, {true, 'b', -1, -1, false, false, true},
		{true, 'c', 1, 3, true, true, true},    /* null */
		{true, 'c', 1, 5, true, true, true},    /* zero */
		{true, 'c', 1, 7, true, true, true},    /* full */
		{true, 'c', 1, 8, true, true, true},    /* random */
		{true, 'c', 1, 9, true, true, true},    /* urandom */
		{true, 'c', 5, 0, true, true, true},    /* tty */
		{true, 'c', 5, 1, true, true, true},    /* console */
		{true, 'c', 5, 2, true, true, true},    /* ptmx */
		{true, 'c', 136, -1, true, true, true}, /* pts */
	};
	size_t n = r->ndevices;
	struct runtime_device_rule *v =
		mem_array(n + ARRAY_SIZE(always), sizeof(struct runtime_device_rule));
	bool open = false; /* a list of what is denied: it means all that it says */
	for (size_t i = 0; i < n; i++) {
		v[i] = r->devices[i];
		if (cgroup_device_all(&v[i]))
			open = v[i].allow;
	}
	for (size_t i = 0; !open && i < ARRAY_SIZE(always); i++)
		v[n++] = always[i];
	*ret_n = n;
	return v;
}

void cgroup_device_set_release(struct cgroup_device_set *s)
{
	free(s->v);
	*s = (struct cgroup_device_set){0};
}

static bool same_node(const struct runtime_device_rule *a, const struct runtime_device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static bool may_meet(int64_t a, int64_t b)
{
	return a < 0 || b < 0 || a == b;
}

static void add_exception(struct cgroup_device_set *s, const struct runtime_device_rule *d)
{
	for (size_t i = 0; i < s->n; i++) {
		struct runtime_device_rule *x = &s->v[i];
		if (!same_node(x, d))
			continue;
		x->read |= d->read;
		x->write |= d->write;
		x->make |= d->make;
		return;
	}
	s->v = mem_realloc(s->v, s->n + 1, sizeof(*s->v));
	s->v[s->n] = *d;
	s->v[s->n++].allow = !s->allow;
}

/* The kernel takes away from the exception for the very same numbers only; a hole in a wider one it
 * would ignore without a word. */
static int take_exception(
	struct cgroup_device_set *s, const struct runtime_device_rule *d, struct err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct runtime_device_rule *x = &s->v[i];
		if (same_node(x, d)) {
			x->read &= !d->read;
			x->write &= !d->write;
			x->make &= !d->make;
			continue;
		}
		bool shared =
			(x->read && d->read) || (x->write && d->write) || (x->make && d->make);
		bool inside = (d->major < 0 || d->major == x->major) &&
			      (d->minor < 0 || d->minor == x->minor);
		if (x->type != d->type || !shared || !may_meet(x->major, d->major) ||
			!may_meet(x->minor, d->minor))
			continue;
		if (!inside) {
			int r = err_set(e, ERR_UNSUPPORTED,
				"linux.resources.devices: cgroup v1 cannot %s %c %" PRId64
				":%" PRId64 " out of what an earlier rule %s as a whole",
				d->allow ? "allow" : "deny", d->type, d->major, d->minor,
				d->allow ? "denies" : "allows");
			err_hint(e, "give the rules the other way round: first what is denied as a "
				    "whole, then what is allowed");
			return r;
		}
		x->read &= !d->read;
		x->write &= !d->write;
		x->make &= !d->make;
	}
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].read || s->v[i].write || s->v[i].make)
			s->v[n++] = s->v[i];
	s->n = n;
	return 0;
}

int cgroup_devices_fold(const struct runtime_device_rule *rules, size_t n,
	struct cgroup_device_set *ret, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		struct runtime_device_rule d = rules[i];
		if (cgroup_device_all(&d)) {
			ret->allow = d.allow;
			ret->n = 0;
			continue;
		}
		const char types[] = {d.type == 'a' ? 'b' : d.type, d.type == 'a' ? 'c' : 0};
		for (size_t t = 0; t < 2 && types[t]; t++) {
			d.type = types[t];
			int r = 0;
			if (d.allow == ret->allow)
				r = take_exception(ret, &d, e);
			else
				add_exception(ret, &d);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void device_number(int64_t v, char *out, size_t size)
{
	if (v < 0)
		snprintf(out, size, "*");
	else
		snprintf(out, size, "%" PRId64, v);
}

void cgroup_device_format(const struct runtime_device_rule *d, char *out, size_t size)
{
	char major[24], minor[24];
	device_number(d->major, major, sizeof(major));
	device_number(d->minor, minor, sizeof(minor));
	snprintf(out, size, "%c %s:%s %s%s%s", d->type, major, minor, d->read ? "r" : "",
		d->write ? "w" : "", d->make ? "m" : "");
}

int cgroup_devices_v1(const struct runtime_resources *r, struct cgroup_writes *w, struct err *e)
{
	size_t n;
	cleanup_free struct runtime_device_rule *v = cgroup_device_rules(r, &n);
	struct cgroup_device_set set cleanup_cgroup_device_set = {0};
	int k = cgroup_devices_fold(v, n, &set, e);
	if (k < 0)
		return k;
	cgroup_writes_add(w, RUNTIME_CG_DEVICES, CGROUP_MUST,
		set.allow ? "devices.allow" : "devices.deny", "a");
	for (size_t i = 0; i < set.n; i++) {
		char text[64];
		cgroup_device_format(&set.v[i], text, sizeof(text));
		cgroup_writes_add(w, RUNTIME_CG_DEVICES, CGROUP_MUST,
			set.allow ? "devices.deny" : "devices.allow", "%s", text);
	}
	return 0;
}
