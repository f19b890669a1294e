/*
 * Netlink by hand: a batch of messages built in one buffer, sent in one go, its
 * answers read. A library for this would cost the start of every container more
 * than the work itself.
 *
 *	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
 *	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE, &ifi, sizeof(ifi), 0, "make bridge");
 *	nl_put_str(&b, IFLA_IFNAME, "kist0");
 *	nl_end(&b);
 *	r = nl_talk(sock, &b, e);
 *
 * Building cannot fail: the buffer grows and what goes in is ours.
 */
#pragma once

#include "base/buf.h"
#include "base/defs.h"

#include <linux/netlink.h>

struct err;

#define NL_MESSAGES_MAX 256 /* in a batch: their answers must fit the socket's receive buffer */

struct nl_batch {
	struct buf b;
	size_t at; /* where the open message begins */
	size_t n;
	struct {
		const char *what; /* for the error's words; static or outliving the batch */
		int ignore;       /* an errno that counts as success, or 0 */
	} msg[NL_MESSAGES_MAX];
};

#define NL_BATCH_INIT           \
	{                       \
		BUF_INIT, 0, 0, \
		{               \
		}               \
	}

void nl_batch_release(struct nl_batch *b);
#define cleanup_nl_batch cleanup(nl_batch_release)

/* extra: the fixed header after nlmsghdr (ifinfomsg, nfgenmsg ...). NLM_F_REQUEST is added. */
void nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, const void *extra, size_t len,
	int ignore, const char *what);
void nl_end(struct nl_batch *b);

void nl_put(struct nl_batch *b, uint16_t type, const void *p, size_t len);
void nl_put_u8(struct nl_batch *b, uint16_t type, uint8_t v);
void nl_put_u32(struct nl_batch *b, uint16_t type, uint32_t v);  /* host order */
void nl_put_be32(struct nl_batch *b, uint16_t type, uint32_t v); /* v in host order */
void nl_put_str(struct nl_batch *b, uint16_t type, const char *s);
size_t nl_nest(struct nl_batch *b, uint16_t type); /* give the result to nl_nest_end */
size_t nl_nest_raw(struct nl_batch *b, uint16_t type, const void *extra, size_t len);
void nl_nest_end(struct nl_batch *b, size_t at);

/* A socket of NETLINK_ROUTE or NETLINK_NETFILTER in the current network namespace. */
int nl_open(int protocol, struct err *e);

/* Sends the batch and reads what the kernel has against it (NLM_F_ACK is not needed). The first failure that is not
 * to be ignored: its negative errno, in e "what: reason". The batch is empty afterwards. */
int nl_talk(int sock, struct nl_batch *b, struct err *e);

/* Sends the one message of the batch with NLM_F_DUMP (or without, `dump` false) and calls each for
 * every answer. A negative result ends it; the socket is of no use afterwards. */
typedef int (*nl_each)(const struct nlmsghdr *h, void *arg);
int nl_query(int sock, struct nl_batch *b, bool dump, nl_each each, void *arg, struct err *e);

/* Attributes of an answer: out[type] for type <= max, NULL where absent. from: length of the fixed
 * header that stands before them. */
void nl_attrs(const struct nlmsghdr *h, size_t from, const struct nlattr **out, size_t max);
void nl_attrs_nested(const struct nlattr *a, const struct nlattr **out, size_t max);
const void *nl_data(const struct nlattr *a);
size_t nl_len(const struct nlattr *a);
uint32_t nl_u32(const struct nlattr *a, uint32_t otherwise); /* of 4 bytes, host order */
/* The attribute as text when it is one (0 inside its length), else NULL. */
const char *nl_str(const struct nlattr *a);
