/* Helpers of the commands on images; see the header. */
#include "cli/store.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/reference.h"
#include "snapshot/driver.h"
#include "store/blob.h"
#include "store/image.h"

#include <stdio.h>
#include <string.h>

/* A layer that a crash may have torn is read again by the program that can: `kist` itself links no
 * hash. */
static int verify_layer(struct store *s, const char *diffid, struct err *e)
{
	char *program cleanup_free = cli_program_path("kist-transport");
	char *argv[] = {program, (char *)"--root", (char *)store_path(s), (char *)"--runroot",
		(char *)store_run_path(s), (char *)"layer_verify", (char *)diffid, NULL};
	int r = proc_run(argv, -1, NULL, 0, e);
	if (r > 0)
		return err_set(e, ERR_DIGEST, "layer '%s' could not be verified", diffid);
	return r;
}

struct store_options cli_store_options(const struct cli *c)
{
	return (struct store_options){
		.root = c->root,
		.runroot = c->runroot,
		.verify = verify_layer,
		.makes_room = c->spec->flags & CLI_MAKES_ROOM,
	};
}

int cli_store_open(const struct cli *c, struct store **ret, struct err *e)
{
	struct store_options o = cli_store_options(c);
	struct store *s cleanup_store = NULL;
	int r = store_open(&o, &s, e);
	enum snapshot_driver driver;
	if (r >= 0 && c->storage_driver)
		r = snapshot_driver_get(s, c->storage_driver, &driver, e);
	if (r < 0)
		return r;
	*ret = STEAL(s);
	return 0;
}

int cli_image_config(struct store *s, const char *id, struct oci_image_config *ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	int r = store_blob_read(s, id, &b, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&b), b.len, ret, e);
	return r < 0 ? err_wrap(e, r, "image '%.19s'", id) : 0;
}

int cli_image_find(struct store *s, const char *text, struct store_image *ret,
	struct oci_image_config *ret_config, struct err *e)
{
	struct store_image i cleanup_store_image = {0};
	int r = store_image_find(s, text, &i, e);
	if (r >= 0 && ret_config)
		r = cli_image_config(s, i.id, ret_config, e);
	if (r < 0)
		return r;
	if (ret) {
		*ret = i;
		i = (struct store_image){0};
	}
	return 0;
}

char *cli_size(uint64_t bytes, char out[CLI_SIZE_MAX])
{
	str_format_size(bytes, out, CLI_SIZE_MAX);
	char *blank = strchr(out, ' ');
	if (blank)
		memmove(blank, blank + 1, strlen(blank));
	return out;
}

char *cli_id(const char *digest, bool whole, char out[CLI_ID_MAX])
{
	if (whole)
		snprintf(out, CLI_ID_MAX, "%s", digest);
	else
		snprintf(out, CLI_ID_MAX, "%.12s",
			str_starts(digest, "sha256:") ? digest + 7 : digest);
	return out;
}

char *cli_ago(int64_t ns, char out[CLI_AGO_MAX])
{
	if (ns == 0)
		snprintf(out, CLI_AGO_MAX, "N/A");
	else
		clock_format_ago(ns, clock_now(), out);
	return out;
}
