/* How often and how long: what is worth another attempt, and the pause before it. */
#include "base/err.h"
#include "base/limits.h"
#include "base/random.h"
#include "http/client.h"

#include <errno.h>

bool http_error_is_temporary(int r)
{
	return r == -ECONNRESET || r == -ETIMEDOUT;
}

bool http_status_is_temporary(int status)
{
	return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 ||
	       status == 504;
}

int64_t http_retry_next(struct http_retry *t, int64_t retry_after)
{
	if (t->left == 0 || retry_after > LIMIT_HTTP_RETRY_AFTER)
		return -1;
	t->left--;
	unsigned shift = MIN(t->attempt, 10u);
	t->attempt++;
	int64_t wait = MIN((int64_t)(t->unit_ms ?: 500) << shift, 30 * 1000);
	/* a random half more or less: eight blobs that were cut together do not come back together */
	uint32_t dice;
	random_bytes(&dice, sizeof(dice));
	wait = wait / 2 + (int64_t)(dice % (uint32_t)(wait + 1));
	return MAX(wait, retry_after * 1000);
}
