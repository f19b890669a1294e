/*
 * What the table of a bridge says. As nft would list it (SUBNET, BRIDGE):
 *
 *	map ports    { inet_proto . inet_service : ipv4_addr . inet_service }
 *	map ports_on { inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service }
 *	chain guard (prerouting, raw):
 *		iifname BRIDGE ip daddr 127.0.0.0/8 drop
 *	chain inward (prerouting, dstnat) and chain local (output, dstnat):
 *		fib daddr type local dnat to l4proto . ip daddr . th dport map @ports_on
 *		fib daddr type local dnat to l4proto . th dport map @ports
 *	chain forward (forward, filter):
 *		iifname BRIDGE accept
 *		oifname BRIDGE ct state established,related accept
 *		oifname BRIDGE ct status dnat accept
 *		oifname BRIDGE drop
 *	chain outward (postrouting, srcnat):
 *		oifname != BRIDGE ip saddr SUBNET masquerade
 *		oifname BRIDGE ip saddr 127.0.0.0/8 masquerade
 *		oifname BRIDGE ip saddr SUBNET ct status dnat masquerade
 *
 * The guard is the price of route_localnet, which lets the host reach published
 * ports through 127.0.0.1: it keeps containers from the host's loopback. It runs
 * before connection tracking, where answers still carry the bridge's address.
 * The last rule is for a container that asks a published port of the host which
 * leads back to the bridge: the answer must come through us too.
 */
#include "network/rules_priv.h"
#include "base/err.h"
#include "network/nft_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <string.h>

/* nft's numbers for types, so that `nft list` can print the maps; 6 bits for each part */
#define TYPE_IPV4    7u
#define TYPE_PROTO   12u
#define TYPE_SERVICE 13u
#define TYPE_BITS    6

#define PRIORITY_RAW    (-300)
#define PRIORITY_DSTNAT (-100)
#define PRIORITY_FILTER 0
#define PRIORITY_SRCNAT 100

#define MAP_ANY "ports"
#define MAP_ON  "ports_on"

#define IP_SADDR offsetof(struct iphdr, saddr)
#define IP_DADDR offsetof(struct iphdr, daddr)
#define TH_DPORT 2

/* Keys and data of the maps: every part fills a 32-bit word. */
struct port_word {
	uint16_t port; /* network order */
	uint16_t zero;
};
struct key_any {
	uint8_t proto, zero[3];
	struct port_word port;
};
struct key_on {
	uint8_t proto, zero[3];
	struct in_addr ip;
	struct port_word port;
};
struct target {
	struct in_addr ip;
	struct port_word port;
};

static void match_iface(
	struct nft_rule *r, enum nft_meta_keys key, enum nft_cmp_ops op, const char *name)
{
	char padded[IFNAMSIZ] = {0};
	memcpy(padded, name, MIN(strlen(name), sizeof(padded) - 1));
	nft_meta(r, key, 0);
	nft_cmp(r, op, 0, padded, sizeof(padded));
}

static void match_net(struct nft_rule *r, size_t offset, struct in_addr net, unsigned prefix)
{
	uint32_t mask = htonl(prefix ? UINT32_MAX << (32 - prefix) : 0);
	nft_payload(r, NFT_PAYLOAD_NETWORK_HEADER, (unsigned)offset, 4, 0);
	nft_mask(r, 0, &mask, sizeof(mask));
	nft_cmp(r, NFT_CMP_EQ, 0, &net, sizeof(net));
}

static void match_ct(struct nft_rule *r, enum nft_ct_keys key, uint32_t bits)
{
	uint32_t zero = 0;
	nft_ct(r, key, 0);
	nft_mask(r, 0, &bits, sizeof(bits));
	nft_cmp(r, NFT_CMP_NEQ, 0, &zero, sizeof(zero));
}

static void match_dnat(struct nft_rule *r)
{
	match_ct(r, NFT_CT_STATUS, IPS_DST_NAT);
}

static void add_dnat(struct nl_batch *b, const char *table, const char *chain, bool on_address)
{
	uint32_t local = RTN_LOCAL;
	struct nft_rule r = nft_rule_begin(b, table, chain);
	nft_fib_daddr_type(&r, 0);
	nft_cmp(&r, NFT_CMP_EQ, 0, &local, sizeof(local));
	unsigned word = 0;
	nft_meta(&r, NFT_META_L4PROTO, word++);
	if (on_address)
		nft_payload(&r, NFT_PAYLOAD_NETWORK_HEADER, IP_DADDR, 4, word++);
	nft_payload(&r, NFT_PAYLOAD_TRANSPORT_HEADER, TH_DPORT, 2, word);
	nft_lookup(&r, on_address ? MAP_ON : MAP_ANY, 0, 0);
	nft_dnat(&r, 0, 1);
	nft_rule_end(&r);
}

static void add_guard(struct nl_batch *b, const char *bridge, struct in_addr loopback)
{
	struct nft_rule r = nft_rule_begin(b, bridge, "guard");
	match_iface(&r, NFT_META_IIFNAME, NFT_CMP_EQ, bridge);
	match_net(&r, IP_DADDR, loopback, 8);
	nft_verdict(&r, NF_DROP);
	nft_rule_end(&r);
}

static void add_forward(struct nl_batch *b, const char *bridge)
{
	struct nft_rule r = nft_rule_begin(b, bridge, "forward");
	match_iface(&r, NFT_META_IIFNAME, NFT_CMP_EQ, bridge);
	nft_verdict(&r, NF_ACCEPT);
	nft_rule_end(&r);

	r = nft_rule_begin(b, bridge, "forward");
	match_iface(&r, NFT_META_OIFNAME, NFT_CMP_EQ, bridge);
	match_ct(&r, NFT_CT_STATE,
		NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED));
	nft_verdict(&r, NF_ACCEPT);
	nft_rule_end(&r);

	r = nft_rule_begin(b, bridge, "forward");
	match_iface(&r, NFT_META_OIFNAME, NFT_CMP_EQ, bridge);
	match_dnat(&r);
	nft_verdict(&r, NF_ACCEPT);
	nft_rule_end(&r);

	r = nft_rule_begin(b, bridge, "forward");
	match_iface(&r, NFT_META_OIFNAME, NFT_CMP_EQ, bridge);
	nft_verdict(&r, NF_DROP);
	nft_rule_end(&r);
}

static void add_masquerade(
	struct nl_batch *b, const struct rules_network *n, struct in_addr loopback)
{
	struct nft_rule r = nft_rule_begin(b, n->bridge, "outward");
	match_iface(&r, NFT_META_OIFNAME, NFT_CMP_NEQ, n->bridge);
	match_net(&r, IP_SADDR, n->subnet, n->prefix);
	nft_masquerade(&r);
	nft_rule_end(&r);

	r = nft_rule_begin(b, n->bridge, "outward");
	match_iface(&r, NFT_META_OIFNAME, NFT_CMP_EQ, n->bridge);
	match_net(&r, IP_SADDR, loopback, 8);
	nft_masquerade(&r);
	nft_rule_end(&r);

	r = nft_rule_begin(b, n->bridge, "outward");
	match_iface(&r, NFT_META_OIFNAME, NFT_CMP_EQ, n->bridge);
	match_net(&r, IP_SADDR, n->subnet, n->prefix);
	match_dnat(&r);
	nft_masquerade(&r);
	nft_rule_end(&r);
}

void rules_encode(struct nl_batch *b, const struct rules_network *n)
{
	static const struct nft_chain chains[] = {
		{"guard", "filter", NF_INET_PRE_ROUTING, PRIORITY_RAW},
		{"inward", "nat", NF_INET_PRE_ROUTING, PRIORITY_DSTNAT},
		{"local", "nat", NF_INET_LOCAL_OUT, PRIORITY_DSTNAT},
		{"forward", "filter", NF_INET_FORWARD, PRIORITY_FILTER},
		{"outward", "nat", NF_INET_POST_ROUTING, PRIORITY_SRCNAT},
	};
	const uint32_t target = TYPE_IPV4 << TYPE_BITS | TYPE_SERVICE;
	const struct nft_map maps[] = {
		{MAP_ANY, 1, TYPE_PROTO << TYPE_BITS | TYPE_SERVICE, sizeof(struct key_any), target,
			sizeof(struct target)},
		{MAP_ON, 2, TYPE_PROTO << 2 * TYPE_BITS | target, sizeof(struct key_on), target,
			sizeof(struct target)},
	};
	const struct in_addr loopback = {htonl(0x7f000000)};

	nft_batch_begin(b);
	nft_table_add(b, n->bridge, true);
	for (size_t i = 0; i < ARRAY_SIZE(maps); i++)
		nft_map_add(b, n->bridge, &maps[i]);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_chain_add(b, n->bridge, &chains[i]);
	add_guard(b, n->bridge, loopback);
	add_dnat(b, n->bridge, "inward", true);
	add_dnat(b, n->bridge, "inward", false);
	add_dnat(b, n->bridge, "local", true);
	add_dnat(b, n->bridge, "local", false);
	add_forward(b, n->bridge);
	add_masquerade(b, n, loopback);
	nft_batch_end(b);
}

static void put_port(
	struct nft_elements *l, const struct network_port *p, struct in_addr to, bool add)
{
	struct target t = {to, {htons(p->container_port), 0}};
	const void *data = add ? &t : NULL;
	if (p->host_ip.s_addr == INADDR_ANY) {
		struct key_any k = {.proto = p->proto, .port.port = htons(p->host_port)};
		nft_element_put(l, &k, sizeof(k), data, sizeof(t));
	} else {
		struct key_on k = {
			.proto = p->proto, .ip = p->host_ip, .port.port = htons(p->host_port)};
		nft_element_put(l, &k, sizeof(k), data, sizeof(t));
	}
}

void rules_encode_ports(struct nl_batch *b, const char *bridge, const struct network_ports *p,
	struct in_addr to, bool add, size_t *next)
{
	size_t end = MIN(p->n, *next + NFT_ELEMENTS_MAX);
	nft_batch_begin(b);
	for (int on = 0; on < 2; on++) {
		struct nft_elements l;
		size_t n = 0;
		for (size_t i = *next; i < end; i++) {
			if ((p->v[i].host_ip.s_addr != INADDR_ANY) != on)
				continue;
			if (n++ == 0)
				l = nft_elements_begin(b, bridge, on ? MAP_ON : MAP_ANY, add);
			put_port(&l, &p->v[i], to, add);
		}
		if (n)
			nft_elements_end(&l);
	}
	nft_batch_end(b);
	*next = end;
}

int rules_make(int sock, const struct rules_network *n, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct err there = ERR_INIT;
	rules_encode(&b, n);
	int r = nl_talk(sock, &b, &there);
	if (r == -EEXIST && rules_remove(sock, n->bridge, NULL) == 0) { /* of a crash */
		err_clear(&there);
		rules_encode(&b, n);
		r = nl_talk(sock, &b, &there);
	}
	if (r < 0)
		err_set(e, there.code, "%s", there.msg);
	if (r == -EOPNOTSUPP || r == -EPROTONOSUPPORT || r == -EINVAL)
		err_hint(e, "the kernel needs nf_tables with NAT for the bridge; without it use "
			    "--network host or --network none");
	return r;
}

int rules_remove(int sock, const char *bridge, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	nft_batch_begin(&b);
	nft_table_add(&b, bridge, false); /* deleting needs something to delete */
	nft_table_delete(&b, bridge);
	nft_batch_end(&b);
	return nl_talk(sock, &b, e);
}

int rules_publish(int sock, const char *bridge, const struct network_ports *p, struct in_addr to,
	struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	for (size_t next = 0; next < p->n;) {
		rules_encode_ports(&b, bridge, p, to, true, &next);
		int r = nl_talk(sock, &b, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int rules_withdraw(int sock, const char *bridge, const struct network_ports *p, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	const struct in_addr nowhere = {0};
	for (size_t next = 0; next < p->n;) {
		struct err lost = ERR_INIT;
		size_t from = next;
		rules_encode_ports(&b, bridge, p, nowhere, false, &next);
		int r = nl_talk(sock, &b, &lost);
		if (r == -ENOENT && next - from > 1) {
			/* one is missing and the transaction refuses all: one by one */
			for (size_t i = from; i < next; i++) {
				struct network_ports one = {&p->v[i], 1, 1};
				size_t zero = 0;
				rules_encode_ports(&b, bridge, &one, nowhere, false, &zero);
				nl_talk(sock, &b, NULL);
			}
		} else if (r < 0 && r != -ENOENT) {
			return err_set(e, -r, "%s", lost.msg);
		}
	}
	return 0;
}

/* The first chain that drops what it does not know. */
struct blocker {
	char table[NFT_NAME_MAXLEN];
	char chain[NFT_NAME_MAXLEN];
	uint8_t family;
	const char *bridge;
	bool named; /* a rule of that table speaks of our bridge */
};

static int note_chain(const struct nlmsghdr *h, void *arg)
{
	struct blocker *k = arg;
	const struct nfgenmsg *g = NLMSG_DATA(h);
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*g)) || k->table[0] ||
		(g->nfgen_family != NFPROTO_IPV4 && g->nfgen_family != NFPROTO_INET))
		return 0;
	const struct nlattr *a[NFTA_CHAIN_POLICY + 1], *hook[NFTA_HOOK_PRIORITY + 1];
	nl_attrs(h, sizeof(*g), a, NFTA_CHAIN_POLICY);
	nl_attrs_nested(a[NFTA_CHAIN_HOOK], hook, NFTA_HOOK_PRIORITY);
	const char *table = nl_str(a[NFTA_CHAIN_TABLE]), *chain = nl_str(a[NFTA_CHAIN_NAME]);
	if (!table || !chain || !hook[NFTA_HOOK_HOOKNUM] ||
		ntohl(nl_u32(hook[NFTA_HOOK_HOOKNUM], UINT32_MAX)) != NF_INET_FORWARD ||
		ntohl(nl_u32(a[NFTA_CHAIN_POLICY], htonl(NF_ACCEPT))) != NF_DROP)
		return 0;
	snprintf(k->table, sizeof(k->table), "%s", table);
	snprintf(k->chain, sizeof(k->chain), "%s", chain);
	k->family = g->nfgen_family;
	return 0;
}

static int note_rule(const struct nlmsghdr *h, void *arg)
{
	struct blocker *k = arg;
	if (memmem(h, h->nlmsg_len, k->bridge, strlen(k->bridge)))
		k->named = true;
	return 0;
}

int rules_find_blocker(int sock, const char *bridge, char *out, size_t size, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct blocker k = {.bridge = bridge};
	struct nfgenmsg g = {.nfgen_family = AF_UNSPEC, .version = NFNETLINK_V0};
	nl_begin(&b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN, 0, &g, sizeof(g), 0,
		"list nftables chains");
	nl_end(&b);
	int r = nl_query(sock, &b, true, note_chain, &k, e);
	if (r < 0 || !k.table[0])
		return r;
	g.nfgen_family = k.family;
	nl_begin(&b, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETRULE, 0, &g, sizeof(g), 0,
		"list nftables rules");
	nl_put_str(&b, NFTA_RULE_TABLE, k.table);
	nl_end(&b);
	r = nl_query(sock, &b, true, note_rule, &k, e);
	if (r < 0 || k.named)
		return r;
	snprintf(out, size, "table %s %s, chain %s", k.family == NFPROTO_INET ? "inet" : "ip",
		k.table, k.chain);
	return 1;
}
