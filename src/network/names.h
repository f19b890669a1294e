/*
 * The texts of a container's /etc/hosts and /etc/resolv.conf. Pure: the caller
 * reads the host's file and writes the container's.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;
struct strv;

struct network_hosts {
	const char *ip;           /* of the container; NULL: no network of its own */
	const char *hostname;     /* NULL: no line */
	const char *domainname;   /* NULL or "": none */
	const struct strv *names; /* more names on the container's line (name, aliases); or NULL */
	const struct strv *extra; /* --add-host, "name:ip"; or NULL; see network_host_parse */
	const char *gateway;      /* what the ip "host-gateway" in extra means; or NULL */
};
/* Appends the file. ERR_USAGE for a bad extra. */
int network_hosts_format(const struct network_hosts *h, struct buf *out, struct err *e);

/* Checks --add-host NAME:IP (also NAME=IP; IP may be IPv6 or "host-gateway"); ret_ip points into
 * spec, ret_name_len bytes of spec are the name. */
int network_host_parse(const char *spec, size_t *ret_name_len, const char **ret_ip, struct err *e);

struct network_resolv {
	const char *host; /* the host's resolv.conf; NULL or "": none */
	size_t host_len;
	const struct strv
		*nameservers;       /* --dns: instead of the host's; NULL or empty: the host's */
	const struct strv *search;  /* --dns-search: instead of the host's; "." means none */
	const struct strv *options; /* --dns-option: instead of the host's */
	const char *resolver;       /* NULL, or the one nameserver to write (NETWORK_DNS) */
	bool keep_loopback;         /* the container shares the host's network */
};
/*
 * Appends the container's file. Loopback nameservers of the host are left out, unless
 * keep_loopback. upstreams (may be NULL) gets the nameservers that a resolver should ask, loopback
 * ones included, for network_dns_open: it runs on the host.
 */
int network_resolv_format(
	const struct network_resolv *r, struct buf *out, struct strv *upstreams, struct err *e);
