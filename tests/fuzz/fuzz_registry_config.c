/* YAML files about registries: the configuration and the lists of `kist sync`, from the same bytes. */
#include "base/strv.h"
#include "oci/reference.h"
#include "registry/config.h"
#include "transport/sync_list.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct registry_config *c cleanup_registry_config = registry_config_new();
	struct transport_sync_list l cleanup_transport_sync_list = {0};
	if (registry_config_parse(c, p, size, "f", NULL) >= 0) {
		static const char *const names[] = {"docker.io/library/alpine",
			"a.b.example/team/x:1", "alpine", "host:5000/x"};
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			struct strv v cleanup_strv = STRV_INIT;
			struct registry_places places cleanup_registry_places = {0};
			struct oci_reference ref;
			registry_config_names(c, names[i], &v, NULL);
			if (oci_reference_parse(names[i], &ref, NULL) >= 0)
				registry_config_places(c, &ref, REGISTRY_FETCH, &places, NULL);
		}
	}
	if (transport_sync_list_parse(p, size, "f", &l, NULL) >= 0)
		for (size_t i = 0; i < l.n; i++)
			for (size_t k = 0; k < l.v[i].n; k++)
				if (l.v[i].v[k].pattern)
					transport_pattern_fits(l.v[i].v[k].pattern, "1.2.3-rc1");
	return 0;
}
