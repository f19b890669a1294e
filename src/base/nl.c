/* Netlink messages: building, sending, reading answers; see the header. */
#include "base/nl.h"
#include "base/err.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <arpa/inet.h>

#define ANSWER_SIZE (32 * 1024) /* the kernel's dumps come in pieces of at most this */

void nl_batch_release(struct nl_batch *b)
{
	buf_release(&b->b);
	b->n = 0;
}

static void put_padded(struct nl_batch *b, const void *p, size_t len)
{
	static const char zero[NLMSG_ALIGNTO];
	if (len)
		buf_add(&b->b, p, len);
	buf_add(&b->b, zero, NLMSG_ALIGN(len) - len);
}

void nl_begin(struct nl_batch *b, uint16_t type, uint16_t flags, const void *extra, size_t len,
	int ignore, const char *what)
{
	if (b->n >= NL_MESSAGES_MAX)
		return; /* nl_talk refuses it: the message stays open */
	b->at = b->b.len;
	b->msg[b->n].what = what;
	b->msg[b->n].ignore = ignore;
	struct nlmsghdr h = {
		.nlmsg_type = type,
		.nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST),
		.nlmsg_seq = (uint32_t)b->n,
	};
	put_padded(b, &h, sizeof(h));
	put_padded(b, extra, len);
}

void nl_end(struct nl_batch *b)
{
	uint32_t len = (uint32_t)(b->b.len - b->at);
	memcpy(b->b.data + b->at, &len, sizeof(len));
	b->n++;
}

void nl_put(struct nl_batch *b, uint16_t type, const void *p, size_t len)
{
	struct nlattr a = {.nla_len = (uint16_t)(NLA_HDRLEN + len), .nla_type = type};
	put_padded(b, &a, sizeof(a));
	put_padded(b, p, len);
}

void nl_put_u8(struct nl_batch *b, uint16_t type, uint8_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_u32(struct nl_batch *b, uint16_t type, uint32_t v)
{
	nl_put(b, type, &v, sizeof(v));
}

void nl_put_be32(struct nl_batch *b, uint16_t type, uint32_t v)
{
	nl_put_u32(b, type, htonl(v));
}

void nl_put_str(struct nl_batch *b, uint16_t type, const char *s)
{
	nl_put(b, type, s, strlen(s) + 1);
}

size_t nl_nest_raw(struct nl_batch *b, uint16_t type, const void *extra, size_t len)
{
	size_t at = b->b.len;
	struct nlattr a = {.nla_type = type};
	put_padded(b, &a, sizeof(a));
	put_padded(b, extra, len);
	return at;
}

size_t nl_nest(struct nl_batch *b, uint16_t type)
{
	return nl_nest_raw(b, type | NLA_F_NESTED, NULL, 0);
}

void nl_nest_end(struct nl_batch *b, size_t at)
{
	uint16_t len = (uint16_t)(b->b.len - at);
	memcpy(b->b.data + at, &len, sizeof(len));
}

int nl_open(int protocol, struct err *e)
{
	cleanup_fd int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	if (fd < 0)
		return err_sys(e, "open a netlink socket");
	/* answers without a copy of the question, with the kernel's own words: nice to have */
	int one = 1;
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	return STEAL_FD(fd);
}

static int send_batch(int sock, const struct nl_batch *b, struct err *e)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	ssize_t n =
		sendto(sock, b->b.data, b->b.len, 0, (struct sockaddr *)&kernel, sizeof(kernel));
	if (n < 0)
		return err_sys(e, "send to the kernel's network");
	return 0;
}

/* The next datagram from the kernel; others may write to a netlink socket too. */
static ssize_t receive(int sock, void *p, size_t size, int flags)
{
	for (;;) {
		struct sockaddr_nl from;
		socklen_t len = sizeof(from);
		ssize_t n = recvfrom(sock, p, size, flags, (struct sockaddr *)&from, &len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (len == sizeof(from) && from.nl_pid == 0)
			return n;
	}
}

/* What an NLMSG_ERROR says: 0 or a negative errno, and the kernel's own words when it has some. */
static int read_error(const struct nlmsghdr *h, const char **ret_words)
{
	*ret_words = NULL;
	const struct nlmsgerr *m = NLMSG_DATA(h);
	if (h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)))
		return -EBADMSG;
	if (m->error != 0 && (h->nlmsg_flags & NLM_F_ACK_TLVS) && (h->nlmsg_flags & NLM_F_CAPPED)) {
		const struct nlattr *a[NLMSGERR_ATTR_MSG + 1];
		nl_attrs(h, sizeof(*m), a, NLMSGERR_ATTR_MSG);
		*ret_words = nl_str(a[NLMSGERR_ATTR_MSG]);
	}
	return m->error;
}

static int report(const struct nl_batch *b, const struct nlmsghdr *h, struct err *e)
{
	const char *words;
	int r = read_error(h, &words);
	bool known = h->nlmsg_seq < b->n;
	if (r == 0 || (known && -r == b->msg[h->nlmsg_seq].ignore))
		return 0;
	const char *what = known ? b->msg[h->nlmsg_seq].what : "network";
	if (words)
		return err_sysno(e, r, "%s: %s", what, words);
	return err_sysno(e, r, "%s", what);
}

/* The kernel works while we send: every answer is there when sendto returns. Success is silent. */
static int read_answers(int sock, const struct nl_batch *b, struct err *e)
{
	struct buf answer cleanup_buf = BUF_INIT;
	buf_reserve(&answer, ANSWER_SIZE);
	int result = 0;
	for (;;) {
		ssize_t n = receive(sock, answer.data, ANSWER_SIZE, MSG_DONTWAIT);
		if (n == -EAGAIN || (n < 0 && result < 0))
			return result;
		if (n < 0)
			return err_sysno(e, (int)n, "read the kernel's answer");
		const struct nlmsghdr *h = (const void *)answer.data;
		for (int left = (int)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			int r = h->nlmsg_type == NLMSG_ERROR ? report(b, h, e) : 0;
			if (r < 0 && result == 0)
				result = r;
		}
	}
}

int nl_talk(int sock, struct nl_batch *b, struct err *e)
{
	int r = b->n < NL_MESSAGES_MAX ? send_batch(sock, b, e)
				       : err_set(e, E2BIG, "too many netlink messages");
	if (r == 0)
		r = read_answers(sock, b, e);
	buf_clear(&b->b);
	b->n = 0;
	return r;
}

/* One datagram of a query. 1: the end; 0: more to come; else what each or the kernel said. */
static int walk_answers(const struct nl_batch *b, const struct nlmsghdr *h, int left, bool dump,
	nl_each each, void *arg, struct err *e)
{
	for (; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR) {
			int r = report(b, h, e);
			return r < 0 ? r : 1;
		}
		int r = each(h, arg);
		if (r)
			return r < 0 ? r : 1;
		if (!dump)
			return 1;
	}
	return 0;
}

int nl_query(int sock, struct nl_batch *b, bool dump, nl_each each, void *arg, struct err *e)
{
	struct buf answer cleanup_buf = BUF_INIT;
	buf_reserve(&answer, ANSWER_SIZE);
	if (dump && b->b.len >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr *h = (void *)b->b.data;
		h->nlmsg_flags |= NLM_F_DUMP;
	}
	int r = send_batch(sock, b, e);
	while (r == 0) {
		ssize_t n = receive(sock, answer.data, ANSWER_SIZE, 0);
		if (n < 0)
			r = err_sysno(e, (int)n, "read the kernel's answer");
		else
			r = walk_answers(b, (const void *)answer.data, (int)n, dump, each, arg, e);
	}
	buf_clear(&b->b);
	b->n = 0;
	return r < 0 ? r : 0;
}

static void walk_attrs(const char *p, size_t left, const struct nlattr **out, size_t max)
{
	memset(out, 0, (max + 1) * sizeof(*out));
	while (left >= NLA_HDRLEN) {
		const struct nlattr *a = (const void *)p;
		if (a->nla_len < NLA_HDRLEN || a->nla_len > left)
			return;
		size_t type = a->nla_type & NLA_TYPE_MASK;
		if (type <= max)
			out[type] = a;
		size_t step = NLA_ALIGN(a->nla_len);
		if (step > left)
			return;
		p += step;
		left -= step;
	}
}

void nl_attrs(const struct nlmsghdr *h, size_t from, const struct nlattr **out, size_t max)
{
	size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(from);
	if (h->nlmsg_len < head)
		walk_attrs(NULL, 0, out, max);
	else
		walk_attrs((const char *)h + head, h->nlmsg_len - head, out, max);
}

void nl_attrs_nested(const struct nlattr *a, const struct nlattr **out, size_t max)
{
	walk_attrs(a ? nl_data(a) : NULL, a ? nl_len(a) : 0, out, max);
}

const void *nl_data(const struct nlattr *a)
{
	return (const char *)a + NLA_HDRLEN;
}

size_t nl_len(const struct nlattr *a)
{
	return a->nla_len - NLA_HDRLEN;
}

uint32_t nl_u32(const struct nlattr *a, uint32_t otherwise)
{
	uint32_t v = otherwise;
	if (a && nl_len(a) >= sizeof(v))
		memcpy(&v, nl_data(a), sizeof(v));
	return v;
}

const char *nl_str(const struct nlattr *a)
{
	return a && nl_len(a) > 0 && memchr(nl_data(a), 0, nl_len(a)) ? nl_data(a) : NULL;
}
