/* The state file; see the header. */
#include "network/table_priv.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAGIC        "kist-network 1 "
#define NAME_MAX_LEN 253
#define SHORT_ID     12

void table_lease_release(struct table_lease *l)
{
	free(l->id);
	free(l->name);
	free(l->hostname);
	free(l->aliases);
	network_ports_release(&l->ports);
	*l = (struct table_lease){0};
}

void table_release(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		table_lease_release(&t->v[i]);
	free(t->v);
	*t = (struct table){0};
}

struct table_lease *table_add(struct table *t, struct table_lease *l)
{
	if (t->n == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 8;
		t->v = mem_realloc(t->v, t->cap, sizeof(*t->v));
	}
	t->v[t->n] = *l;
	*l = (struct table_lease){0};
	return &t->v[t->n++];
}

struct table_lease *table_find(struct table *t, const char *id)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->v[i].id, id))
			return &t->v[i];
	return NULL;
}

void table_remove(struct table *t, struct table_lease *l)
{
	size_t i = (size_t)(l - t->v);
	table_lease_release(l);
	memmove(l, l + 1, (t->n - i - 1) * sizeof(*l));
	t->n--;
}

/* A word of the line: up to the next blank. False at its end. */
struct words {
	const char *at;
	const char *end;
};

static bool next_word(struct words *w, char *out, size_t size)
{
	while (w->at < w->end && *w->at == ' ')
		w->at++;
	const char *from = w->at;
	while (w->at < w->end && *w->at != ' ')
		w->at++;
	size_t len = (size_t)(w->at - from);
	if (len == 0 || len >= size)
		return false;
	memcpy(out, from, len);
	out[len] = 0;
	return true;
}

static bool next_ip(struct words *w, struct in_addr *ret)
{
	char s[INET_ADDRSTRLEN];
	return next_word(w, s, sizeof(s)) && inet_pton(AF_INET, s, ret) == 1;
}

static bool next_number(struct words *w, uint64_t most, uint64_t *ret)
{
	char s[24];
	return next_word(w, s, sizeof(s)) && str_parse_u64(s, 10, ret) == 0 && *ret <= most;
}

/* A word of any length, NULL for "-"; the caller frees it. */
static bool next_text(struct words *w, char **ret)
{
	while (w->at < w->end && *w->at == ' ')
		w->at++;
	const char *from = w->at;
	while (w->at < w->end && *w->at != ' ')
		w->at++;
	size_t len = (size_t)(w->at - from);
	if (len == 0)
		return false;
	*ret = len == 1 && *from == '-' ? NULL : mem_strndup(from, len);
	return true;
}

static bool parse_header(struct words *w, struct table *t)
{
	uint64_t prefix, mtu, changes;
	char forward[4];
	if (!next_word(w, t->boot, sizeof(t->boot)) ||
		!next_word(w, t->bridge, sizeof(t->bridge)) || !next_ip(w, &t->subnet) ||
		!next_number(w, 30, &prefix) || !next_number(w, 65535, &mtu) ||
		!next_word(w, forward, sizeof(forward)) || !next_ip(w, &t->next) ||
		!next_number(w, UINT64_MAX, &changes) || prefix < 8)
		return false;
	t->prefix = (unsigned)prefix;
	t->mtu = (unsigned)mtu;
	t->changes = changes;
	t->forward_was = forward[0] == '-' ? -1 : forward[0] == '1';
	return true;
}

static bool parse_port(const char *s, size_t len, struct network_port *p)
{
	char text[NETWORK_PORT_TEXT], ip[INET_ADDRSTRLEN];
	unsigned proto, host, container;
	int used = 0;
	if (len >= sizeof(text))
		return false;
	memcpy(text, s, len);
	text[len] = 0;
	if (sscanf(text, "%3u/%15[0-9.]/%5u/%5u%n", &proto, ip, &host, &container, &used) != 4 ||
		(size_t)used != len || inet_pton(AF_INET, ip, &p->host_ip) != 1 || proto > 255 ||
		host > 65535 || container > 65535)
		return false;
	p->proto = (uint8_t)proto;
	p->host_port = (uint16_t)host;
	p->container_port = (uint16_t)container;
	return true;
}

static bool parse_ports(const char *s, struct network_ports *ret)
{
	while (s && *s) {
		size_t len = strcspn(s, ",");
		struct network_port p = {0};
		if (!parse_port(s, len, &p))
			return false;
		network_ports_add(ret, &p);
		s += len + (s[len] == ',');
	}
	return true;
}

static bool parse_lease(struct words *w, struct table_lease *l)
{
	char mac[NETWORK_MAC_TEXT];
	unsigned v[6];
	cleanup_free char *ports = NULL;
	if (!next_ip(w, &l->ip) || !next_text(w, &l->id) || !l->id || !next_text(w, &l->name) ||
		!next_text(w, &l->hostname) || !next_text(w, &l->aliases) ||
		!next_word(w, mac, sizeof(mac)) || !next_word(w, l->veth, sizeof(l->veth)) ||
		!next_text(w, &ports) || !parse_ports(ports, &l->ports))
		return false;
	if (sscanf(mac, "%2x:%2x:%2x:%2x:%2x:%2x", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5]) != 6)
		return false;
	for (size_t i = 0; i < 6; i++)
		l->mac[i] = (uint8_t)v[i];
	return true;
}

int table_parse(const char *text, size_t len, struct table *ret, struct err *e)
{
	struct table t cleanup_table = {0};
	const char *end = text + len;
	bool first = true;
	for (const char *line = text; line < end;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		struct words w = {line, nl ? nl : end};
		bool fine;
		if (first) {
			fine = len > strlen(MAGIC) && memcmp(text, MAGIC, strlen(MAGIC)) == 0;
			w.at += fine ? strlen(MAGIC) : 0;
			fine = fine && parse_header(&w, &t);
		} else {
			struct table_lease l = {0};
			fine = parse_lease(&w, &l);
			if (fine)
				table_add(&t, &l);
			table_lease_release(&l);
		}
		if (!fine || !nl)
			return err_set(e, ERR_FORMAT, "the network's state is damaged: '%.*s'",
				(int)MIN(w.end - line, 200), line);
		first = false;
		line = nl + 1;
	}
	*ret = t;
	t = (struct table){0};
	return 0;
}

static void add_ip(struct buf *out, struct in_addr ip)
{
	char s[INET_ADDRSTRLEN];
	buf_add_str(out, inet_ntop(AF_INET, &ip, s, sizeof(s)));
	buf_add_char(out, ' ');
}

static void add_word(struct buf *out, const char *s)
{
	buf_printf(out, "%s ", str_empty(s) ? "-" : s);
}

static void add_ports(struct buf *out, const struct network_ports *p)
{
	if (p->n == 0)
		buf_add_char(out, '-');
	for (size_t i = 0; i < p->n; i++) {
		char ip[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &p->v[i].host_ip, ip, sizeof(ip));
		buf_printf(out, "%s%u/%s/%u/%u", i ? "," : "", p->v[i].proto, ip, p->v[i].host_port,
			p->v[i].container_port);
	}
}

void table_format(const struct table *t, struct buf *out)
{
	buf_printf(out, MAGIC "%s %s ", t->boot, t->bridge);
	add_ip(out, t->subnet);
	buf_printf(out, "%u %u %s ", t->prefix, t->mtu,
		t->forward_was < 0 ? "-" : (t->forward_was ? "1" : "0"));
	add_ip(out, t->next);
	buf_printf(out, "%llu\n", (unsigned long long)t->changes);
	for (size_t i = 0; i < t->n; i++) {
		const struct table_lease *l = &t->v[i];
		const uint8_t *m = l->mac;
		add_ip(out, l->ip);
		add_word(out, l->id);
		add_word(out, l->name);
		add_word(out, l->hostname);
		add_word(out, l->aliases);
		buf_printf(
			out, "%02x:%02x:%02x:%02x:%02x:%02x ", m[0], m[1], m[2], m[3], m[4], m[5]);
		add_word(out, l->veth);
		add_ports(out, &l->ports);
		buf_add_char(out, '\n');
	}
}

static int read_boot_id(char out[TABLE_BOOT], struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(256);
	int r = file_read(AT_FDCWD, "/proc/sys/kernel/random/boot_id", &b, e);
	if (r < 0)
		return r;
	size_t len = strcspn(buf_str(&b), "\n ");
	if (len == 0 || len >= TABLE_BOOT)
		return err_set(e, ERR_FORMAT, "the kernel's boot id is '%s'", buf_str(&b));
	memcpy(out, b.data, len);
	out[len] = 0;
	return 0;
}

int table_load(const char *state_dir, struct table *ret, struct err *e)
{
	struct table t cleanup_table = {0};
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_NETWORK_TABLE);
	char boot[TABLE_BOOT];
	int r = read_boot_id(boot, e);
	if (r < 0)
		return r;
	cleanup_free char *path = mem_printf("%s/%s", state_dir, TABLE_FILE);
	struct err absent = ERR_INIT;
	r = file_read(AT_FDCWD, path, &b, &absent);
	if (r < 0 && r != -ENOENT)
		return err_set(e, absent.code, "%s", absent.msg);
	if (r == 0) {
		r = table_parse(buf_str(&b), b.len, &t, e);
		if (r < 0) {
			err_hint(e, "remove '%s' when no container runs", path);
			return r;
		}
	}
	if (!str_eq(t.boot, boot)) {
		table_release(&t);
		memcpy(t.boot, boot, sizeof(boot));
		t.forward_was = -1;
	}
	*ret = t;
	t = (struct table){0};
	return 0;
}

int table_save(const char *state_dir, const struct table *t, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	table_format(t, &b);
	cleanup_free char *path = mem_printf("%s/%s", state_dir, TABLE_FILE);
	return file_write(AT_FDCWD, path, b.data, b.len, 0644, 0, e);
}

struct in_addr table_gateway(const struct table *t)
{
	return (struct in_addr){htonl(ntohl(t->subnet.s_addr) + 1)};
}

bool table_in_subnet(const struct table *t, struct in_addr ip)
{
	uint32_t size = 1U << (32 - t->prefix);
	uint32_t host = ntohl(ip.s_addr) - ntohl(t->subnet.s_addr);
	return host >= 2 && host < size - 1;
}

bool table_is_taken(const struct table *t, struct in_addr ip)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].ip.s_addr == ip.s_addr)
			return true;
	return false;
}

int table_choose(struct table *t, struct in_addr *ret)
{
	uint32_t base = ntohl(t->subnet.s_addr);
	uint32_t last =
		(1U << (32 - t->prefix)) - 2; /* 0: the net, 1: the gateway, last + 1: all */
	uint32_t host = ntohl(t->next.s_addr) - base;
	for (uint32_t tried = 0; tried <= last; tried++, host++) {
		if (host < 2 || host > last)
			host = 2;
		struct in_addr ip = {htonl(base + host)};
		if (table_is_taken(t, ip))
			continue;
		*ret = ip;
		t->next.s_addr = htonl(base + (host == last ? 2 : host + 1));
		return 0;
	}
	return -ENOSPC;
}

static bool collides(const struct network_port *a, const struct network_port *b)
{
	return a->proto == b->proto && a->host_port == b->host_port &&
	       (a->host_ip.s_addr == b->host_ip.s_addr || a->host_ip.s_addr == INADDR_ANY ||
		       b->host_ip.s_addr == INADDR_ANY);
}

const struct table_lease *table_port_holder(const struct table *t, const struct network_port *p)
{
	for (size_t i = 0; i < t->n; i++)
		for (size_t k = 0; k < t->v[i].ports.n; k++)
			if (collides(&t->v[i].ports.v[k], p))
				return &t->v[i];
	return NULL;
}

static bool is_word_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

bool table_is_name(const char *s)
{
	size_t n = 0;
	for (; s[n]; n++)
		if (n == NAME_MAX_LEN || (!is_word_char(s[n]) && (n == 0 || !strchr(".-", s[n]))))
			return false;
	return n > 0;
}

static bool same_name(const char *a, size_t alen, const char *name, size_t len)
{
	return alen == len && strncasecmp(a, name, len) == 0;
}

bool table_lease_is_named(const struct table_lease *l, const char *name, size_t len)
{
	if (len == 0)
		return false;
	if ((l->name && same_name(l->name, strlen(l->name), name, len)) ||
		(l->hostname && same_name(l->hostname, strlen(l->hostname), name, len)) ||
		same_name(l->id, MIN(strlen(l->id), SHORT_ID), name, len))
		return true;
	for (const char *a = l->aliases; a && *a;) {
		size_t alen = strcspn(a, ",");
		if (same_name(a, alen, name, len))
			return true;
		a += alen + (a[alen] == ',');
	}
	return false;
}
