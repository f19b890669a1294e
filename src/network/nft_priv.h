/*
 * The few words of nf_tables' netlink protocol that our table needs: a table,
 * base chains, maps and their elements, rules of a handful of expressions. Adds
 * messages to a batch; nft_batch_begin and nft_batch_end make it one transaction.
 * Family is always ip. Pure; what the rules mean stands in rules.c.
 */
#pragma once

#include "base/defs.h"
#include "base/nl.h"

/* before the kernel's headers, which then leave these definitions to the C library */
#include <netinet/in.h>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

void nft_batch_begin(struct nl_batch *b);
void nft_batch_end(struct nl_batch *b);

/* fresh: the batch fails with EEXIST when the table is there */
void nft_table_add(struct nl_batch *b, const char *table, bool fresh);
void nft_table_delete(struct nl_batch *b, const char *table); /* absent: the batch fails, ENOENT */

struct nft_chain {
	const char *name;
	const char *type; /* "filter", "nat" */
	unsigned hook;    /* NF_INET_PRE_ROUTING ... */
	int priority;
};
void nft_chain_add(struct nl_batch *b, const char *table, const struct nft_chain *c);

struct nft_map {
	const char *name;
	uint32_t id; /* in this batch */
	uint32_t key_type,
		key_len; /* nft's type numbers, 6 bits for each part of a concatenation */
	uint32_t data_type, data_len;
};
void nft_map_add(struct nl_batch *b, const char *table, const struct nft_map *m);

/* Elements: begin, any number of puts (at most NFT_ELEMENTS_MAX), end. */
#define NFT_ELEMENTS_MAX 400 /* their list is one attribute: 64 kB */
struct nft_elements {
	struct nl_batch *b;
	size_t list;
};
struct nft_elements nft_elements_begin(
	struct nl_batch *b, const char *table, const char *map, bool add);
/* data NULL when deleting */
void nft_element_put(
	struct nft_elements *l, const void *key, size_t key_len, const void *data, size_t data_len);
void nft_elements_end(struct nft_elements *l);

/* A rule: begin, expressions in order, end. Registers are numbered as 32-bit words from 0. */
struct nft_rule {
	struct nl_batch *b;
	size_t list;
};
struct nft_rule nft_rule_begin(struct nl_batch *b, const char *table, const char *chain);
void nft_rule_end(struct nft_rule *r);

void nft_meta(struct nft_rule *r, enum nft_meta_keys key, unsigned reg);
void nft_ct(struct nft_rule *r, enum nft_ct_keys key, unsigned reg);
void nft_payload(struct nft_rule *r, enum nft_payload_bases base, unsigned offset, unsigned len,
	unsigned reg);
void nft_fib_daddr_type(struct nft_rule *r, unsigned reg);
/* reg & mask, 4 bytes */
void nft_mask(struct nft_rule *r, unsigned reg, const void *mask, size_t len);
void nft_cmp(struct nft_rule *r, enum nft_cmp_ops op, unsigned reg, const void *p, size_t len);
void nft_lookup(struct nft_rule *r, const char *map, unsigned key_reg, unsigned data_reg);
void nft_dnat(struct nft_rule *r, unsigned addr_reg, unsigned port_reg);
void nft_masquerade(struct nft_rule *r);
void nft_verdict(struct nft_rule *r, int verdict); /* NF_ACCEPT, NF_DROP */
