/* Reads and writes DNS messages; see the header. */
#include "network/dns_packet.h"
#include "base/err.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define FLAG_ANSWER    0x8000
#define FLAG_OPCODE    0x7800
#define FLAG_RECURSION 0x0100
#define FLAG_AVAILABLE 0x0080

#define CLASS_IN  1
#define CLASS_ANY 255

#define LABEL_MAX 63
#define TTL       5    /* seconds; a container's address does not outlive it */
#define EDNS_SIZE 1232 /* what we say we take: no fragments on any path */
#define OPT_SIZE  11
#define POINTER   0xc00c /* to the question's name */

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* A name without compression (a question has nothing to point to). Its end, or 0. */
static size_t parse_name(const uint8_t *p, size_t len, size_t at, struct dns_question *q)
{
	size_t n = 0;
	for (;;) {
		if (at >= len)
			return 0;
		size_t label = p[at++];
		if (label == 0)
			break;
		if (label > LABEL_MAX || at + label > len ||
			n + label + 1 > DNS_NAME_TEXT - 1 + (n == 0))
			return 0;
		if (n)
			q->name[n++] = '.';
		for (size_t i = 0; i < label; i++) {
			uint8_t c = p[at + i];
			q->odd = q->odd || c == 0 || c == '.';
			q->name[n++] = (char)c;
		}
		at += label;
	}
	q->name[n] = 0;
	return at;
}

/* An OPT record stands alone in the additional section of a query, its name is the root. */
static bool has_opt(const uint8_t *p, size_t len, size_t at)
{
	return get16(p + 6) == 0 && get16(p + 8) == 0 && get16(p + 10) > 0 &&
	       at + OPT_SIZE <= len && p[at] == 0 && get16(p + at + 1) == DNS_TYPE_OPT;
}

int dns_question_parse(const uint8_t *p, size_t len, struct dns_question *q)
{
	memset(q, 0, sizeof(*q));
	if (len < DNS_HEADER_SIZE)
		return -ERR_FORMAT;
	uint16_t flags = get16(p + 2);
	q->id = get16(p);
	q->recursion = flags & FLAG_RECURSION;
	q->end = DNS_HEADER_SIZE;
	if (flags & FLAG_ANSWER)
		return -ERR_FORMAT;
	if (flags & FLAG_OPCODE)
		return -ERR_UNSUPPORTED;
	if (get16(p + 4) != 1)
		return -ERR_FORMAT;
	size_t at = parse_name(p, len, DNS_HEADER_SIZE, q);
	if (at == 0 || at + 4 > len)
		return -ERR_FORMAT;
	q->type = get16(p + at);
	q->class = get16(p + at + 2);
	q->end = at + 4;
	q->edns = has_opt(p, len, q->end);
	return 0;
}

bool dns_reverse_parse(const char *name, struct in_addr *ret)
{
	unsigned a, b, c, d;
	int used = 0;
	if (sscanf(name, "%3u.%3u.%3u.%3u%n", &d, &c, &b, &a, &used) != 4 ||
		strcasecmp(name + used, ".in-addr.arpa") != 0 || a > 255 || b > 255 || c > 255 ||
		d > 255)
		return false;
	ret->s_addr = htonl(a << 24 | b << 16 | c << 8 | d);
	return true;
}

/* The name's letters may come back in another case; nothing else may differ. */
static bool same_question(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		uint8_t x = a[i], y = b[i];
		x = x >= 'A' && x <= 'Z' ? x + 32 : x;
		y = y >= 'A' && y <= 'Z' ? y + 32 : y;
		if (x != y)
			return false;
	}
	return true;
}

bool dns_answer_matches(
	const uint8_t *query, size_t query_len, const uint8_t *answer, size_t answer_len)
{
	struct dns_question q;
	if (dns_question_parse(query, query_len, &q) < 0 || answer_len < DNS_HEADER_SIZE)
		return false;
	if (get16(answer) != q.id || !(get16(answer + 2) & FLAG_ANSWER))
		return false;
	if (get16(answer + 4) == 0) /* some servers answer an error without the question */
		return answer_len == DNS_HEADER_SIZE && (answer[3] & 0xf) != DNS_NOERROR;
	return get16(answer + 4) == 1 && answer_len >= q.end &&
	       same_question(
		       query + DNS_HEADER_SIZE, answer + DNS_HEADER_SIZE, q.end - DNS_HEADER_SIZE);
}

/* Header, question, OPT when the query had one. Answers go between question and OPT. */
struct writer {
	uint8_t *out;
	size_t len;
	size_t room; /* what answers may fill: the OPT's place is kept */
	unsigned answers;
};

static struct writer answer_begin(
	const uint8_t *p, const struct dns_question *q, enum dns_rcode code, uint8_t *out)
{
	struct writer w = {.out = out, .room = DNS_ANSWER_MAX - OPT_SIZE};
	bool question = q->end > DNS_HEADER_SIZE;
	memset(out, 0, DNS_HEADER_SIZE);
	put16(out, q->id);
	put16(out + 2, FLAG_ANSWER | FLAG_AVAILABLE | (q->recursion ? FLAG_RECURSION : 0) |
			       (unsigned)code);
	put16(out + 4, question);
	if (question)
		memcpy(out + DNS_HEADER_SIZE, p + DNS_HEADER_SIZE, q->end - DNS_HEADER_SIZE);
	w.len = q->end;
	return w;
}

static size_t answer_end(struct writer *w, const struct dns_question *q)
{
	put16(w->out + 6, w->answers);
	if (q->edns) {
		static const uint8_t opt[OPT_SIZE] = {
			0, 0, DNS_TYPE_OPT, EDNS_SIZE >> 8, EDNS_SIZE & 0xff};
		memcpy(w->out + w->len, opt, sizeof(opt));
		w->len += sizeof(opt);
		put16(w->out + 10, 1);
	}
	return w->len;
}

static bool add_record(struct writer *w, unsigned type, const void *data, size_t len)
{
	if (w->len + 12 + len > w->room)
		return false;
	uint8_t *p = w->out + w->len;
	put16(p, POINTER);
	put16(p + 2, type);
	put16(p + 4, CLASS_IN);
	put16(p + 6, 0);
	put16(p + 8, TTL);
	put16(p + 10, (unsigned)len);
	memcpy(p + 12, data, len);
	w->len += 12 + len;
	w->answers++;
	return true;
}

size_t dns_answer_code(const uint8_t *p, const struct dns_question *q, enum dns_rcode code,
	uint8_t out[DNS_ANSWER_MAX])
{
	struct writer w = answer_begin(p, q, code, out);
	return answer_end(&w, q);
}

size_t dns_answer_addresses(const uint8_t *p, const struct dns_question *q,
	const struct in_addr *ips, size_t n, uint8_t out[DNS_ANSWER_MAX])
{
	struct writer w = answer_begin(p, q, DNS_NOERROR, out);
	for (size_t i = 0; i < n; i++)
		if (!add_record(&w, DNS_TYPE_A, &ips[i], sizeof(ips[i])))
			break;
	return answer_end(&w, q);
}

size_t dns_answer_name(const uint8_t *p, const struct dns_question *q, const char *name,
	uint8_t out[DNS_ANSWER_MAX])
{
	uint8_t wire[DNS_NAME_TEXT + 1];
	size_t n = 0;
	while (*name) {
		size_t label = strcspn(name, ".");
		if (label == 0 || label > LABEL_MAX || n + 1 + label + 1 > sizeof(wire))
			return dns_answer_code(p, q, DNS_SERVFAIL, out);
		wire[n++] = (uint8_t)label;
		memcpy(wire + n, name, label);
		n += label;
		name += label + (name[label] == '.');
	}
	wire[n++] = 0;
	struct writer w = answer_begin(p, q, DNS_NOERROR, out);
	if (!add_record(&w, DNS_TYPE_PTR, wire, n))
		return dns_answer_code(p, q, DNS_SERVFAIL, out);
	return answer_end(&w, q);
}
