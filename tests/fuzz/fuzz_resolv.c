/* The host's resolv.conf, a port's spec, --add-host, and the network's state file. */
#include "base/buf.h"
#include "base/mem.h"
#include "base/strv.h"
#include "network/names.h"
#include "network/port.h"
#include "network/table_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct strv up cleanup_strv = STRV_INIT;
	struct network_resolv r = {
		.host = (const char *)data, .host_len = size, .resolver = NETWORK_DNS};
	network_resolv_format(&r, &b, &up, NULL);
	r.resolver = NULL;
	network_resolv_format(&r, &b, NULL, NULL);

	struct table t cleanup_table = {0};
	if (table_parse((const char *)data, size, &t, NULL) == 0)
		table_format(&t, &b);

	cleanup_free char *text = mem_strndup((const char *)data, MIN(size, 256));
	struct network_ports p cleanup_network_ports = NETWORK_PORTS_INIT;
	network_port_parse(text, &p, NULL);
	network_port_parse_exposed(text, &p, NULL);
	size_t len;
	const char *ip;
	network_host_parse(text, &len, &ip, NULL);
	return 0;
}
