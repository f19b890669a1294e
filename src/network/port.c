/* docker's -p grammar; see the header. */
#include "network/port.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const struct {
	const char *name;
	uint8_t number;
} protocols[] = {
	{"tcp", IPPROTO_TCP},
	{"udp", IPPROTO_UDP},
	{"sctp", IPPROTO_SCTP},
};

void network_ports_release(struct network_ports *p)
{
	free(p->v);
	*p = (struct network_ports)NETWORK_PORTS_INIT;
}

void network_ports_add(struct network_ports *p, const struct network_port *port)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 4;
		p->v = mem_realloc(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = *port;
}

const char *network_proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].number == proto)
			return protocols[i].name;
	return "?";
}

int network_proto_parse(const char *s, size_t len)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (strlen(protocols[i].name) == len && strncasecmp(s, protocols[i].name, len) == 0)
			return protocols[i].number;
	return -EINVAL;
}

char *network_port_format(const struct network_port *p, char out[NETWORK_PORT_TEXT])
{
	char ip[INET_ADDRSTRLEN];
	const char *proto = network_proto_name(p->proto);
	inet_ntop(AF_INET, &p->host_ip, ip, sizeof(ip));
	if (p->host_port == 0)
		snprintf(out, NETWORK_PORT_TEXT, "%u/%s", p->container_port, proto);
	else
		snprintf(out, NETWORK_PORT_TEXT, "%s:%u->%u/%s", ip, p->host_port,
			p->container_port, proto);
	return out;
}

/* A piece of the spec; what is wrong with it is said about the whole. */
struct part {
	const char *s;
	size_t len;
};

struct range {
	unsigned first;
	unsigned last;
};

static int parse_number(const char *s, size_t len, unsigned *ret)
{
	unsigned v = 0;
	if (len == 0 || len > 5)
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return -EINVAL;
		v = v * 10 + (unsigned)(s[i] - '0');
	}
	if (v > 65535)
		return -ERANGE;
	*ret = v;
	return 0;
}

static int parse_range(
	const char *spec, const char *side, struct part p, struct range *ret, struct err *e)
{
	const char *dash = memchr(p.s, '-', p.len);
	size_t first_len = dash ? (size_t)(dash - p.s) : p.len;
	struct range r = {0};
	int bad = parse_number(p.s, first_len, &r.first);
	r.last = r.first;
	if (bad == 0 && dash)
		bad = parse_number(dash + 1, p.len - first_len - 1, &r.last);
	if (bad || r.first == 0)
		return err_set(e, ERR_USAGE, "port '%s': %s port '%.*s' is not %s", spec, side,
			(int)MIN(p.len, 64), p.s,
			dash ? "a range like 8000-8010" : "a number from 1 to 65535");
	if (r.last < r.first)
		return err_set(e, ERR_USAGE, "port '%s': the range '%.*s' ends before it begins",
			spec, (int)MIN(p.len, 64), p.s);
	*ret = r;
	return 0;
}

static int parse_protocol(const char *spec, size_t *len, uint8_t *ret, struct err *e)
{
	*len = strcspn(spec, "/");
	*ret = IPPROTO_TCP;
	if (!spec[*len])
		return 0;
	const char *name = spec + *len + 1;
	int proto = network_proto_parse(name, strlen(name));
	if (proto < 0)
		return err_set(e, ERR_USAGE, "port '%s': protocol '%s' is not tcp, udp or sctp",
			spec, name);
	*ret = (uint8_t)proto;
	return 0;
}

static int parse_host_ip(const char *spec, struct part p, struct in_addr *ret, struct err *e)
{
	char text[INET_ADDRSTRLEN];
	if (p.len == 0) {
		ret->s_addr = INADDR_ANY;
		return 0;
	}
	if (p.len < sizeof(text)) {
		memcpy(text, p.s, p.len);
		text[p.len] = 0;
		if (inet_pton(AF_INET, text, ret) == 1)
			return 0;
	}
	return err_set(e, ERR_USAGE, "port '%s': '%.*s' is not an IPv4 address", spec,
		(int)MIN(p.len, 64), p.s);
}

static int pair_up(const char *spec, struct network_port base, struct range host,
	struct range container, struct network_ports *out, struct err *e)
{
	unsigned n = container.last - container.first + 1;
	bool choose = host.last > host.first && n == 1;
	if (host.first && !choose && host.last - host.first + 1 != n)
		return err_set(e, ERR_USAGE,
			"port '%s': %u host ports for %u container ports; the ranges must be "
			"equally long",
			spec, host.last - host.first + 1, n);
	for (unsigned i = 0; i < n; i++) {
		struct network_port p = base;
		p.container_port = (uint16_t)(container.first + i);
		p.host_port = (uint16_t)(host.first ? host.first + i : 0);
		p.host_port_last = (uint16_t)(choose ? host.last : 0);
		network_ports_add(out, &p);
	}
	return 0;
}

/* Splits at the last two colons: the address in front may be anything, and is judged by itself. */
int network_port_parse(const char *spec, struct network_ports *out, struct err *e)
{
	struct network_port base = {0};
	size_t len;
	int r = parse_protocol(spec, &len, &base.proto, e);
	if (r < 0)
		return r;
	if (spec[0] == '[')
		return err_set(
			e, ERR_UNSUPPORTED, "port '%s': IPv6 addresses are not published", spec);
	const char *container = memrchr(spec, ':', len);
	const char *host = container ? memrchr(spec, ':', (size_t)(container - spec)) : NULL;
	struct part c = {container ? container + 1 : spec, 0};
	struct part h = {host ? host + 1 : spec, 0};
	c.len = len - (size_t)(c.s - spec);
	h.len = container ? (size_t)(container - h.s) : 0;
	if (host) {
		struct part ip = {spec, (size_t)(host - spec)};
		r = parse_host_ip(spec, ip, &base.host_ip, e);
		if (r < 0)
			return r;
	}
	struct range hr = {0, 0}, cr;
	if (c.len == 0)
		return err_set(e, ERR_USAGE, "port '%s': the container port is missing", spec);
	r = parse_range(spec, "container", c, &cr, e);
	if (r == 0 && h.len)
		r = parse_range(spec, "host", h, &hr, e);
	return r < 0 ? r : pair_up(spec, base, hr, cr, out, e);
}

static bool has_first(const struct network_ports *p, size_t n, const struct network_port *port)
{
	for (size_t i = 0; i < n; i++)
		if (p->v[i].container_port == port->container_port && p->v[i].proto == port->proto)
			return true;
	return false;
}

int network_port_parse_exposed(const char *spec, struct network_ports *out, struct err *e)
{
	struct network_port port = {0};
	struct range cr;
	size_t len;
	int r = parse_protocol(spec, &len, &port.proto, e);
	if (r == 0)
		r = parse_range(spec, "container", (struct part){spec, len}, &cr, e);
	if (r < 0)
		return r;
	size_t before = out->n;
	for (unsigned i = cr.first; i <= cr.last; i++) {
		port.container_port = (uint16_t)i;
		if (!has_first(out, before, &port))
			network_ports_add(out, &port);
	}
	return 0;
}
