/*
 * Published ports: what stands after -p and EXPOSE, in docker's grammar. Pure.
 *
 *   [[ip:][host[-host]]:]container[-container][/tcp|udp|sctp]
 *
 * A missing or empty host part asks for a free port. Ranges of the same length
 * pair up; a host range with one container port means "the first free of these".
 * IPv4 only: an IPv6 address is refused with ERR_UNSUPPORTED.
 */
#pragma once

#include "base/defs.h"

#include <netinet/in.h>

struct err;

struct network_port {
	struct in_addr host_ip;  /* 0.0.0.0: every address of the host */
	uint16_t host_port;      /* 0: choose a free one */
	uint16_t host_port_last; /* not 0: choose the first free one of host_port..host_port_last */
	uint16_t container_port;
	uint8_t proto; /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
};

struct network_ports {
	struct network_port *v;
	size_t n;
	size_t cap;
};

#define NETWORK_PORTS_INIT \
	{                  \
		NULL, 0, 0 \
	}
/* "255.255.255.255:65535-65535->65535/sctp" and the 0 */
#define NETWORK_PORT_TEXT 48

void network_ports_release(struct network_ports *p);
#define cleanup_network_ports cleanup(network_ports_release)
void network_ports_add(struct network_ports *p, const struct network_port *port); /* copies */

/* Appends what spec means (a range gives several). ERR_USAGE names the spec and what is wrong;
 * nothing is appended then. */
int network_port_parse(const char *spec, struct network_ports *p, struct err *e);
/* EXPOSE's form, container[-container][/proto]: host_port is 0. What p has a host port for already,
 * or stands there as exposed, is left as it is: so -P publishes what -p has not. */
int network_port_parse_exposed(const char *spec, struct network_ports *p, struct err *e);

const char *network_proto_name(uint8_t proto);      /* "tcp"; "?" for what it does not know */
int network_proto_parse(const char *s, size_t len); /* the number, or -EINVAL */
/* "0.0.0.0:8080->80/tcp", as `docker ps` prints it; "80/tcp" while host_port is 0. Returns out. */
char *network_port_format(const struct network_port *port, char out[NETWORK_PORT_TEXT]);
