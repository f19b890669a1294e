/* What the monitor leaves to kist, in its own process or as its child: not for people. */
#include "base/str.h"
#include "cli/kist/containers.h"

static int dir_fd(struct cli *c, int *ret)
{
	const char *v = cli_value(c, "dir-fd");
	int64_t fd;
	if (!v || str_parse_i64(v, &fd) < 0 || fd < 3 || fd > INT32_MAX)
		return err_set(&c->err, ERR_USAGE, "this command is kist's own");
	*ret = (int)fd;
	return 0;
}

static int cmd_cleanup(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int fd;
	int r = dir_fd(c, &fd);
	if (r >= 0)
		r = containers_open(c, &s);
	return r < 0 ? r : engine_after_end(&s.g, c->operands[0], fd, &c->err);
}

CLI_COMMAND(container_cleanup, cmd_cleanup);

static int cmd_restart(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int fd;
	int r = dir_fd(c, &fd);
	if (r >= 0)
		r = containers_open(c, &s);
	return r < 0 ? r : engine_restart(&s.g, c->operands[0], fd, &c->err);
}

CLI_COMMAND(container_restart, cmd_restart);
