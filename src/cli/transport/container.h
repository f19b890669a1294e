/* A container as diff, export and commit see it. */
#pragma once

#include "cli/cli.h"
#include "engine/config.h"
#include "store/container.h"
#include "store/image.h"
#include "transport/container.h"

struct container_view {
	struct store_container row;
	struct engine_config config;
	struct transport_container files;
	char *state_dir; /* of the runtime */
	bool paused;     /* by us */
};

int container_view_open(struct cli *c, struct store *s, const char *name, struct container_view *v);
/* Lets it go on, too. */
void container_view_release(struct container_view *v);
#define cleanup_container_view cleanup(container_view_release)
/* Stops a running container's processes until the view is released; one that does not run is
 * fine. */
int container_view_pause(struct cli *c, struct container_view *v);
