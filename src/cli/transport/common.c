/* What the commands of kist-transport share. */
#include "cli/transport/transport.h"

#include "oci/reference.h"

const char *transport_familiar(const char *tag)
{
	static char out[OCI_REFERENCE_MAX];
	return oci_reference_familiar(tag, out);
}
