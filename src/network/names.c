/* /etc/hosts and /etc/resolv.conf of a container; see the header. */
#include "network/names.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/strv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define HOST_GATEWAY "host-gateway"

static bool is_address(const char *s, struct in6_addr *any, int *family)
{
	*family = strchr(s, ':') ? AF_INET6 : AF_INET;
	return inet_pton(*family, s, any) == 1;
}

int network_host_parse(const char *spec, size_t *ret_name_len, const char **ret_ip, struct err *e)
{
	size_t len = strcspn(spec, ":=");
	const char *ip = spec + len + (spec[len] != 0);
	struct in6_addr a;
	int family;
	bool name_ok = len > 0;
	for (size_t i = 0; i < len; i++)
		name_ok = name_ok && (unsigned char)spec[i] > ' ' && spec[i] != '#';
	if (!name_ok || !spec[len])
		return err_set(e, ERR_USAGE, "host '%s' is not NAME:ADDRESS", spec);
	if (!str_eq(ip, HOST_GATEWAY) && !is_address(ip, &a, &family))
		return err_set(e, ERR_USAGE, "host '%s': '%s' is not an address", spec, ip);
	*ret_name_len = len;
	*ret_ip = ip;
	return 0;
}

static void add_own_line(const struct network_hosts *h, struct buf *out)
{
	if (str_empty(h->ip) || (str_empty(h->hostname) && (!h->names || h->names->n == 0)))
		return;
	buf_printf(out, "%s\t", h->ip);
	const char *sep = "";
	if (!str_empty(h->hostname)) {
		if (!str_empty(h->domainname))
			buf_printf(out, "%s.%s ", h->hostname, h->domainname);
		buf_add_str(out, h->hostname);
		sep = " ";
	}
	for (size_t i = 0; h->names && i < h->names->n; i++) {
		if (str_eq(h->names->v[i], h->hostname))
			continue;
		buf_printf(out, "%s%s", sep, h->names->v[i]);
		sep = " ";
	}
	buf_add_char(out, '\n');
}

int network_hosts_format(const struct network_hosts *h, struct buf *out, struct err *e)
{
	buf_add_str(out, "127.0.0.1\tlocalhost\n"
			 "::1\tlocalhost ip6-localhost ip6-loopback\n"
			 "fe00::0\tip6-localnet\n"
			 "ff00::0\tip6-mcastprefix\n"
			 "ff02::1\tip6-allnodes\n"
			 "ff02::2\tip6-allrouters\n");
	for (size_t i = 0; h->extra && i < h->extra->n; i++) {
		const char *spec = h->extra->v[i], *ip;
		size_t len;
		int r = network_host_parse(spec, &len, &ip, e);
		if (r < 0)
			return r;
		if (str_eq(ip, HOST_GATEWAY)) {
			if (str_empty(h->gateway))
				return err_set(e, ERR_USAGE,
					"host '%s': this network has no gateway to the host", spec);
			ip = h->gateway;
		}
		buf_printf(out, "%s\t%.*s\n", ip, (int)len, spec);
	}
	add_own_line(h, out);
	return 0;
}

/* The next word of a line; false at its end or at a comment. */
static bool next_word(const char **at, const char *end, const char **word, size_t *len)
{
	while (*at < end && (**at == ' ' || **at == '\t' || **at == '\r'))
		(*at)++;
	*word = *at;
	while (*at < end && !strchr(" \t\r", **at))
		(*at)++;
	*len = (size_t)(*at - *word);
	return *len > 0 && **word != '#' && **word != ';';
}

struct host_conf {
	struct strv nameservers;
	struct strv search;
	struct strv options;
};

static void read_line(const char *at, const char *end, struct host_conf *c)
{
	const char *word;
	size_t len;
	struct strv *list = NULL;
	if (!next_word(&at, end, &word, &len))
		return;
	if (len == 10 && memcmp(word, "nameserver", len) == 0)
		list = &c->nameservers;
	else if (len == 7 && memcmp(word, "options", len) == 0)
		list = &c->options;
	else if ((len == 6 && memcmp(word, "search", len) == 0) ||
		 (len == 6 && memcmp(word, "domain", len) == 0))
		list = &c->search;
	if (list == &c->search) /* the last line wins */
		strv_release(list);
	while (list && next_word(&at, end, &word, &len)) {
		strv_addf(list, "%.*s", (int)MIN(len, 256), word);
		if (list == &c->nameservers)
			return;
	}
}

static void read_host_conf(const struct network_resolv *r, struct host_conf *c)
{
	const char *end = r->host + r->host_len;
	for (const char *line = r->host; line && line < end;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		const char *stop = nl ? nl : end;
		if (!memchr(line, 0, (size_t)(stop - line)))
			read_line(line, stop, c);
		line = stop + 1;
	}
}

/* An IPv6 address may carry a zone, which means something on the host only. */
static bool is_nameserver(const char *s)
{
	struct in6_addr a;
	int family;
	return is_address(s, &a, &family);
}

static bool is_loopback(const char *s)
{
	struct in_addr a;
	return str_eq(s, "::1") ||
	       (inet_pton(AF_INET, s, &a) == 1 && (ntohl(a.s_addr) >> 24) == 127);
}

static int add_nameservers(const struct network_resolv *r, const struct strv *servers,
	struct buf *out, struct strv *upstreams, struct err *e)
{
	for (size_t i = 0; i < servers->n; i++) {
		const char *s = servers->v[i];
		if (!is_nameserver(s)) {
			if (servers == r->nameservers)
				return err_set(
					e, ERR_USAGE, "'%s' is not a nameserver's address", s);
			continue;
		}
		if (upstreams)
			strv_add(upstreams, s);
		if (!r->resolver && (r->keep_loopback || !is_loopback(s)))
			buf_printf(out, "nameserver %s\n", s);
	}
	if (r->resolver)
		buf_printf(out, "nameserver %s\n", r->resolver);
	return 0;
}

static bool sets_ndots(const struct strv *options)
{
	for (size_t i = 0; i < options->n; i++)
		if (str_starts(options->v[i], "ndots:"))
			return true;
	return false;
}

static void add_list(struct buf *out, const char *word, const struct strv *list, const char *more)
{
	if (list->n == 0 && !more)
		return;
	cleanup_free char *joined = strv_join(list, " ");
	buf_printf(out, "%s %s%s%s\n", word, joined, list->n && more ? " " : "", more ? more : "");
}

int network_resolv_format(
	const struct network_resolv *r, struct buf *out, struct strv *upstreams, struct err *e)
{
	struct host_conf c = {STRV_INIT, STRV_INIT, STRV_INIT};
	read_host_conf(r, &c);
	const struct strv *servers =
		r->nameservers && r->nameservers->n ? r->nameservers : &c.nameservers;
	const struct strv *search = r->search && r->search->n ? r->search : &c.search;
	const struct strv *options = r->options && r->options->n ? r->options : &c.options;
	int result = add_nameservers(r, servers, out, upstreams, e);
	if (result == 0) {
		if (!(search->n == 1 && str_eq(search->v[0], ".")))
			add_list(out, "search", search, NULL);
		/* a container's bare name is asked for as it is, before the search list */
		add_list(out, "options", options,
			r->resolver && !sets_ndots(options) ? "ndots:0" : NULL);
	}
	strv_release(&c.nameservers);
	strv_release(&c.search);
	strv_release(&c.options);
	return result;
}
