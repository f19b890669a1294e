/*
 * The network's state: which bridge there is and which container has which
 * address, names and ports. One text file in state_dir, read as a whole, replaced
 * by rename, changed only under the lock. Needs libc only: the resolver reads it.
 *
 *	kist-network 1 BOOTID BRIDGE SUBNET PREFIX MTU FORWARD NEXT CHANGES
 *	IP ID NAME HOSTNAME ALIAS,ALIAS MAC VETH PROTO/HOSTIP/HOSTPORT/PORT,...
 *
 * "-" stands for nothing.
 */
#pragma once

#include "base/defs.h"
#include "network/bridge.h"

#include <netinet/in.h>

struct buf;
struct err;

#define TABLE_FILE "table"
#define TABLE_LOCK "lock"
#define TABLE_BOOT 40

struct table_lease {
	struct in_addr ip;
	char *id;
	char *name; /* or NULL, as the next two */
	char *hostname;
	char *aliases; /* "a,b" */
	uint8_t mac[6];
	char veth[NETWORK_IFACE_TEXT];
	struct network_ports ports;
};

struct table {
	char boot[TABLE_BOOT];
	char bridge[NETWORK_IFACE_TEXT]; /* "": there is none */
	struct in_addr subnet;
	unsigned prefix;
	unsigned mtu;
	int forward_was;     /* net.ipv4.ip_forward before us; -1: we did not change it */
	struct in_addr next; /* where the search for a free address goes on */
	uint64_t changes;    /* counts attaches, so that who waits sees that something happened */
	struct table_lease *v;
	size_t n;
	size_t cap;
};

void table_release(struct table *t);
#define cleanup_table cleanup(table_release)
void table_lease_release(struct table_lease *l);

int table_parse(const char *text, size_t len, struct table *ret, struct err *e);
void table_format(const struct table *t, struct buf *out);

/* What the file says, or an empty table when it is absent or of another boot. */
int table_load(const char *state_dir, struct table *ret, struct err *e);
int table_save(const char *state_dir, const struct table *t, struct err *e);

struct table_lease *table_find(struct table *t, const char *id);
struct table_lease *table_add(struct table *t, struct table_lease *l); /* takes what l owns */
void table_remove(struct table *t, struct table_lease *l);

struct in_addr table_gateway(const struct table *t); /* the first address of the subnet */
/* A free address, after `next` first. -ENOSPC when all are given away. Moves next. */
int table_choose(struct table *t, struct in_addr *ret);
bool table_in_subnet(const struct table *t, struct in_addr ip); /* a host's address in it */
bool table_is_taken(const struct table *t, struct in_addr ip);
/* The lease whose port would collide with p, or NULL. */
const struct table_lease *table_port_holder(const struct table *t, const struct network_port *p);

/* 1 to 253 characters of [A-Za-z0-9_.-], the first a letter, a digit or '_' */
bool table_is_name(const char *s);
/* Whether the lease answers to this name: name, hostname, alias or the id's first 12 digits;
 * letters in any case. */
bool table_lease_is_named(const struct table_lease *l, const char *name, size_t len);
