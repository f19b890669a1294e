/* Seccomp profiles that a user names: resolving must not fall over. */
#include "base/buf.h"
#include "base/err.h"
#include "runtime/seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct runtime_seccomp_host host = {"amd64", 6, 1};
	struct err e = ERR_INIT;
	struct buf out cleanup_buf = BUF_INIT;
	if (runtime_seccomp_resolve((const char *)data, size, 0xa80425fb, &host, &out, &e) == 0) {
		struct buf again cleanup_buf = BUF_INIT;
		if (runtime_seccomp_resolve(buf_str(&out), out.len, 0xa80425fb, &host, &again, &e) <
			0)
			__builtin_trap(); /* what we wrote we must be able to read */
	}
	return 0;
}
