/* kist import: an image from a root file system's tar. */
#include "cli/transport/changes.h"
#include "cli/transport/remote.h"
#include "cli/store.h"

#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/reference.h"
#include "transport/import.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static int open_input(struct cli *c, const char *path)
{
	if (str_starts(path, "http://") || str_starts(path, "https://")) {
		int r = err_set(
			&c->err, ERR_UNSUPPORTED, "'%s': import does not fetch from URLs", path);
		err_hint(&c->err, "curl -L %s | kist import - NAME", path);
		return r;
	}
	if (str_eq(path, "-"))
		return fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(&c->err, "open '%s'", path) : fd;
}

static int cmd_import(struct cli *c)
{
	const char *path = c->operands[0];
	struct oci_image_config config cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	char tag[OCI_REFERENCE_MAX];
	int r = c->n_operands > 1 ? oci_reference_tag(c->operands[1], tag, &c->err) : 0;
	if (r >= 0)
		r = transport_apply_changes(c, &config);
	if (r < 0)
		return r;
	char *created cleanup_free = transport_created(c);
	if (!created)
		return -ERR_USAGE;
	int fd cleanup_fd = open_input(c, path);
	if (fd < 0)
		return fd;
	struct store *s cleanup_store = NULL;
	struct remote trusted cleanup_remote = {0};
	r = remote_trust(c, &trusted);
	if (r >= 0)
		r = cli_store_open(c, &s, &c->err);
	if (r < 0)
		return r;
	char *comment cleanup_free = mem_printf("Imported from %s", path);
	struct transport_import_options o = {
		.config = &config,
		.created = created,
		.comment = cli_value(c, "message") ?: comment,
		.tag = c->n_operands > 1 ? tag : NULL,
		.trust = &trusted.trust,
	};
	char id[STORE_DIGEST_MAX];
	r = transport_import(s, fd, &o, id, &c->err);
	if (r < 0)
		return err_wrap(&c->err, r, "import '%s'", path);
	puts(id);
	return 0;
}

CLI_COMMAND(import, cmd_import);
