/*
 * DNS messages, as far as a small resolver must understand them: the one question
 * of a query, and answers of our own. Pure; every byte that comes in is untrusted
 * (RFC 1035 section 4, RFC 6891 for EDNS, RFC 5452 for what an answer must repeat).
 */
#pragma once

#include "base/defs.h"

#include <netinet/in.h>

#define DNS_NAME_TEXT   254  /* 253 characters and the 0: the longest name */
#define DNS_PACKET_MAX  4096 /* the largest message we pass on */
#define DNS_ANSWER_MAX  512  /* without EDNS a client takes no more; ours are smaller */
#define DNS_HEADER_SIZE 12
#define DNS_ANSWERS_MAX 16 /* addresses for one name */

enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_ANY = 255,
};

enum dns_rcode {
	DNS_NOERROR = 0,
	DNS_FORMERR = 1,
	DNS_SERVFAIL = 2,
	DNS_NXDOMAIN = 3,
	DNS_NOTIMP = 4,
};

struct dns_question {
	uint16_t id;
	bool recursion;           /* desired */
	bool edns;                /* the query has an OPT record */
	char name[DNS_NAME_TEXT]; /* "web.example", no final dot; "" is the root */
	bool odd;                 /* a label holds a dot or a 0: name does not say it all */
	uint16_t type;
	uint16_t class;
	size_t end; /* where the question section ends */
};

/* 0, or -ERR_FORMAT (answer FORMERR when there is an id), or -ERR_UNSUPPORTED (an opcode other than
 * query: NOTIMP; q->id is set). Messages that are answers: -ERR_FORMAT. */
int dns_question_parse(const uint8_t *p, size_t len, struct dns_question *q);

/* The address in "2.0.87.10.in-addr.arpa"; false when name is nothing of the kind. */
bool dns_reverse_parse(const char *name, struct in_addr *ret);

/* Whether an answer belongs to a query: id, the answer bit, the same question (RFC 5452 9.1). */
bool dns_answer_matches(
	const uint8_t *query, size_t query_len, const uint8_t *answer, size_t answer_len);

/* Answers to the query p, of which q was parsed. Their length; out holds DNS_ANSWER_MAX. */
size_t dns_answer_code(const uint8_t *p, const struct dns_question *q, enum dns_rcode code,
	uint8_t out[DNS_ANSWER_MAX]);
size_t dns_answer_addresses(const uint8_t *p, const struct dns_question *q,
	const struct in_addr *ips, size_t n, uint8_t out[DNS_ANSWER_MAX]);
size_t dns_answer_name(const uint8_t *p, const struct dns_question *q, const char *name,
	uint8_t out[DNS_ANSWER_MAX]);
