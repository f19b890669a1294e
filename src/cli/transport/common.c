/* What the commands of kist-transport share: opening the store, showing names. */
#include "cli/transport/transport.h"

#include "oci/reference.h"
#include "snapshot/driver.h"

int transport_open_store(struct cli *c, struct store **ret)
{
	struct store_options o = {.root = c->root, .runroot = c->runroot};
	struct store *s cleanup_store = NULL;
	int r = store_open(&o, &s, &c->err);
	enum snapshot_driver driver;
	if (r >= 0 && c->storage_driver)
		r = snapshot_driver_get(s, c->storage_driver, &driver, &c->err);
	if (r >= 0)
		*ret = STEAL(s);
	return r;
}

const char *transport_familiar(const char *tag)
{
	static char out[OCI_REFERENCE_MAX];
	return oci_reference_familiar(tag, out);
}
