/* DNS messages from a container and from a nameserver: reading, answering, matching. */
#include "base/defs.h"
#include "network/dns_packet.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool fine)
{
	if (!fine)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dns_question q, again;
	uint8_t out[DNS_ANSWER_MAX];
	struct in_addr ips[DNS_ANSWERS_MAX] = {0};
	int r = dns_question_parse(data, size, &q);
	need(strlen(q.name) < DNS_NAME_TEXT && q.end <= (size < 12 ? 12 : size));
	if (size < DNS_HEADER_SIZE)
		return 0;
	if (r < 0) {
		need(dns_answer_code(data, &q, DNS_FORMERR, out) <= sizeof(out));
		return 0;
	}
	dns_reverse_parse(q.name, &ips[0]);
	size_t n = dns_answer_addresses(data, &q, ips, DNS_ANSWERS_MAX, out);
	need(n <= sizeof(out) && dns_answer_matches(data, size, out, n));
	n = dns_answer_name(data, &q, q.name, out);
	need(n <= sizeof(out) && dns_answer_matches(data, size, out, n));
	/* our answer, as a question, is refused; the question in it is the same */
	need(dns_question_parse(out, n, &again) < 0);
	out[2] &= 0x7f;
	need(dns_question_parse(out, n, &again) == 0 && strcmp(q.name, again.name) == 0);
	dns_answer_matches(data, size / 2, data + size / 2, size - size / 2);
	return 0;
}
