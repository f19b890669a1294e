/* Messages as a bus sends them, and their arguments. */
#include "base/err.h"
#include "runtime/dbus_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct dbus_message m;
	const char *s;
	uint32_t n;
	if (dbus_parse(data, size, &m, &e) < 0)
		return 0;
	struct dbus_reader r = {m.body, m.body_len, 0};
	for (const char *p = m.signature; *p; p++) {
		int k = *p == 'u'   ? dbus_get_u32(&r, &n)
			: *p == 'v' ? dbus_get_variant_str(&r, &s)
				    : dbus_get_str(&r, &s);
		if (k < 0)
			break;
	}
	return 0;
}
