/* kist port. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/kist/containers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "0.0.0.0:8080->80/tcp": prints "80/tcp -> 0.0.0.0:8080", or the host's part when asked for it */
static bool print_port(const char *text, size_t len, const char *wanted)
{
	cleanup_free char *one = mem_strndup(text, len);
	char *arrow = strstr(one, "->");
	if (!arrow)
		return false;
	*arrow = 0;
	const char *inside = arrow + 2;
	if (wanted && !str_eq(wanted, inside))
		return false;
	if (wanted)
		puts(one);
	else
		printf("%s -> %s\n", inside, one);
	return true;
}

static int cmd_port(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = containers_open(c, &s);
	if (r >= 0)
		r = engine_container_find(&s.g, c->operands[0], &k, &c->err);
	if (r < 0)
		return r;
	if (k.state.status != ENGINE_RUNNING)
		return err_set(&c->err, ERR_STATE, "container '%s' is not running", k.row.name);
	const char *asked = c->operands[1];
	cleanup_free char *wanted = !asked               ? NULL
				    : strchr(asked, '/') ? mem_strdup(asked)
							 : mem_printf("%s/tcp", asked);
	bool any = false;
	for (const char *p = k.state.ports; *p;) {
		size_t len = strcspn(p, ",");
		any |= print_port(p, len, wanted);
		p += len;
		p += strspn(p, ", ");
	}
	if (wanted && !any)
		return err_set(&c->err, ERR_NOT_FOUND, "container '%s' publishes no port '%s'",
			k.row.name, asked);
	return 0;
}

CLI_COMMAND(port, cmd_port);
