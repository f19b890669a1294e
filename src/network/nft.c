/* Encodes nf_tables messages; see the header. Numbers travel in network order. */
#include "network/nft_priv.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

static void begin(struct nl_batch *b, int message, uint16_t flags, const char *what)
{
	struct nfgenmsg g = {.nfgen_family = NFPROTO_IPV4, .version = NFNETLINK_V0};
	nl_begin(b, (uint16_t)((NFNL_SUBSYS_NFTABLES << 8) | message), flags, &g, sizeof(g), 0,
		what);
}

static void batch_mark(struct nl_batch *b, uint16_t type)
{
	struct nfgenmsg g = {
		.nfgen_family = AF_UNSPEC,
		.version = NFNETLINK_V0,
		.res_id = htons(NFNL_SUBSYS_NFTABLES),
	};
	nl_begin(b, type, 0, &g, sizeof(g), 0, "nftables");
	nl_end(b);
}

void nft_batch_begin(struct nl_batch *b)
{
	batch_mark(b, NFNL_MSG_BATCH_BEGIN);
}

void nft_batch_end(struct nl_batch *b)
{
	batch_mark(b, NFNL_MSG_BATCH_END);
}

void nft_table_add(struct nl_batch *b, const char *table, bool fresh)
{
	begin(b, NFT_MSG_NEWTABLE, fresh ? NLM_F_CREATE | NLM_F_EXCL : NLM_F_CREATE,
		"add nftables table");
	nl_put_str(b, NFTA_TABLE_NAME, table);
	nl_end(b);
}

void nft_table_delete(struct nl_batch *b, const char *table)
{
	begin(b, NFT_MSG_DELTABLE, 0, "delete nftables table");
	nl_put_str(b, NFTA_TABLE_NAME, table);
	nl_end(b);
}

void nft_chain_add(struct nl_batch *b, const char *table, const struct nft_chain *c)
{
	begin(b, NFT_MSG_NEWCHAIN, NLM_F_CREATE, "add nftables chain");
	nl_put_str(b, NFTA_CHAIN_TABLE, table);
	nl_put_str(b, NFTA_CHAIN_NAME, c->name);
	nl_put_str(b, NFTA_CHAIN_TYPE, c->type);
	size_t hook = nl_nest(b, NFTA_CHAIN_HOOK);
	nl_put_be32(b, NFTA_HOOK_HOOKNUM, c->hook);
	nl_put_be32(b, NFTA_HOOK_PRIORITY, (uint32_t)c->priority);
	nl_nest_end(b, hook);
	nl_put_be32(b, NFTA_CHAIN_POLICY, NF_ACCEPT);
	nl_end(b);
}

void nft_map_add(struct nl_batch *b, const char *table, const struct nft_map *m)
{
	begin(b, NFT_MSG_NEWSET, NLM_F_CREATE, "add nftables map");
	nl_put_str(b, NFTA_SET_TABLE, table);
	nl_put_str(b, NFTA_SET_NAME, m->name);
	nl_put_be32(b, NFTA_SET_FLAGS, NFT_SET_MAP);
	nl_put_be32(b, NFTA_SET_KEY_TYPE, m->key_type);
	nl_put_be32(b, NFTA_SET_KEY_LEN, m->key_len);
	nl_put_be32(b, NFTA_SET_DATA_TYPE, m->data_type);
	nl_put_be32(b, NFTA_SET_DATA_LEN, m->data_len);
	nl_put_be32(b, NFTA_SET_ID, m->id);
	nl_end(b);
}

struct nft_elements nft_elements_begin(
	struct nl_batch *b, const char *table, const char *map, bool add)
{
	begin(b, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, add ? NLM_F_CREATE | NLM_F_EXCL : 0,
		add ? "publish ports" : "withdraw ports");
	nl_put_str(b, NFTA_SET_ELEM_LIST_TABLE, table);
	nl_put_str(b, NFTA_SET_ELEM_LIST_SET, map);
	return (struct nft_elements){b, nl_nest(b, NFTA_SET_ELEM_LIST_ELEMENTS)};
}

static void put_value(struct nl_batch *b, uint16_t type, const void *p, size_t len)
{
	size_t at = nl_nest(b, type);
	nl_put(b, NFTA_DATA_VALUE, p, len);
	nl_nest_end(b, at);
}

void nft_element_put(
	struct nft_elements *l, const void *key, size_t key_len, const void *data, size_t data_len)
{
	size_t at = nl_nest(l->b, NFTA_LIST_ELEM);
	put_value(l->b, NFTA_SET_ELEM_KEY, key, key_len);
	if (data)
		put_value(l->b, NFTA_SET_ELEM_DATA, data, data_len);
	nl_nest_end(l->b, at);
}

void nft_elements_end(struct nft_elements *l)
{
	nl_nest_end(l->b, l->list);
	nl_end(l->b);
}

struct nft_rule nft_rule_begin(struct nl_batch *b, const char *table, const char *chain)
{
	begin(b, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, "add nftables rule");
	nl_put_str(b, NFTA_RULE_TABLE, table);
	nl_put_str(b, NFTA_RULE_CHAIN, chain);
	return (struct nft_rule){b, nl_nest(b, NFTA_RULE_EXPRESSIONS)};
}

void nft_rule_end(struct nft_rule *r)
{
	nl_nest_end(r->b, r->list);
	nl_end(r->b);
}

struct expression {
	size_t elem;
	size_t data;
};

static struct expression expression_begin(struct nft_rule *r, const char *name)
{
	struct expression x;
	x.elem = nl_nest(r->b, NFTA_LIST_ELEM);
	nl_put_str(r->b, NFTA_EXPR_NAME, name);
	x.data = nl_nest(r->b, NFTA_EXPR_DATA);
	return x;
}

static void expression_end(struct nft_rule *r, struct expression x)
{
	nl_nest_end(r->b, x.data);
	nl_nest_end(r->b, x.elem);
}

static void put_reg(struct nft_rule *r, uint16_t type, unsigned reg)
{
	nl_put_be32(r->b, type, NFT_REG32_00 + reg);
}

void nft_meta(struct nft_rule *r, enum nft_meta_keys key, unsigned reg)
{
	struct expression x = expression_begin(r, "meta");
	nl_put_be32(r->b, NFTA_META_KEY, key);
	put_reg(r, NFTA_META_DREG, reg);
	expression_end(r, x);
}

void nft_ct(struct nft_rule *r, enum nft_ct_keys key, unsigned reg)
{
	struct expression x = expression_begin(r, "ct");
	nl_put_be32(r->b, NFTA_CT_KEY, key);
	put_reg(r, NFTA_CT_DREG, reg);
	expression_end(r, x);
}

void nft_payload(struct nft_rule *r, enum nft_payload_bases base, unsigned offset, unsigned len,
	unsigned reg)
{
	struct expression x = expression_begin(r, "payload");
	put_reg(r, NFTA_PAYLOAD_DREG, reg);
	nl_put_be32(r->b, NFTA_PAYLOAD_BASE, base);
	nl_put_be32(r->b, NFTA_PAYLOAD_OFFSET, offset);
	nl_put_be32(r->b, NFTA_PAYLOAD_LEN, len);
	expression_end(r, x);
}

void nft_fib_daddr_type(struct nft_rule *r, unsigned reg)
{
	struct expression x = expression_begin(r, "fib");
	nl_put_be32(r->b, NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nl_put_be32(r->b, NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	put_reg(r, NFTA_FIB_DREG, reg);
	expression_end(r, x);
}

void nft_mask(struct nft_rule *r, unsigned reg, const void *mask, size_t len)
{
	static const uint8_t none[16];
	struct expression x = expression_begin(r, "bitwise");
	put_reg(r, NFTA_BITWISE_SREG, reg);
	put_reg(r, NFTA_BITWISE_DREG, reg);
	nl_put_be32(r->b, NFTA_BITWISE_LEN, (uint32_t)len);
	put_value(r->b, NFTA_BITWISE_MASK, mask, len);
	put_value(r->b, NFTA_BITWISE_XOR, none, MIN(len, sizeof(none)));
	expression_end(r, x);
}

void nft_cmp(struct nft_rule *r, enum nft_cmp_ops op, unsigned reg, const void *p, size_t len)
{
	struct expression x = expression_begin(r, "cmp");
	put_reg(r, NFTA_CMP_SREG, reg);
	nl_put_be32(r->b, NFTA_CMP_OP, op);
	put_value(r->b, NFTA_CMP_DATA, p, len);
	expression_end(r, x);
}

void nft_lookup(struct nft_rule *r, const char *map, unsigned key_reg, unsigned data_reg)
{
	struct expression x = expression_begin(r, "lookup");
	nl_put_str(r->b, NFTA_LOOKUP_SET, map);
	put_reg(r, NFTA_LOOKUP_SREG, key_reg);
	put_reg(r, NFTA_LOOKUP_DREG, data_reg);
	expression_end(r, x);
}

void nft_dnat(struct nft_rule *r, unsigned addr_reg, unsigned port_reg)
{
	struct expression x = expression_begin(r, "nat");
	nl_put_be32(r->b, NFTA_NAT_TYPE, NFT_NAT_DNAT);
	nl_put_be32(r->b, NFTA_NAT_FAMILY, NFPROTO_IPV4);
	put_reg(r, NFTA_NAT_REG_ADDR_MIN, addr_reg);
	put_reg(r, NFTA_NAT_REG_PROTO_MIN, port_reg);
	expression_end(r, x);
}

void nft_masquerade(struct nft_rule *r)
{
	expression_end(r, expression_begin(r, "masq"));
}

void nft_verdict(struct nft_rule *r, int verdict)
{
	struct expression x = expression_begin(r, "immediate");
	nl_put_be32(r->b, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	size_t data = nl_nest(r->b, NFTA_IMMEDIATE_DATA);
	size_t v = nl_nest(r->b, NFTA_DATA_VERDICT);
	nl_put_be32(r->b, NFTA_VERDICT_CODE, (uint32_t)verdict);
	nl_nest_end(r->b, v);
	nl_nest_end(r->b, data);
	expression_end(r, x);
}
