/* The capabilities of the running kernel; names and numbers are in oci/caps.h. */
#pragma once

#include "base/defs.h"

/* Bit n: the kernel knows capability n. */
uint64_t runtime_caps_kernel(void);
/* Those that this process could give to a container: its bounding and permitted sets. */
uint64_t runtime_caps_host(void);
