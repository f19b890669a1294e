/* What commands that work on the store share: opening it, reading an image, sizes and ids as docker
 * prints them. */
#pragma once

#include "cli/cli.h"
#include "store/store.h"

struct oci_image_config;
struct store_image;

/* How every command opens the store of --root and --runroot. */
struct store_options cli_store_options(const struct cli *c);
/* The store of --root and --runroot, with --storage-driver applied when it was given. */
int cli_store_open(const struct cli *c, struct store **ret, struct err *e);
/* The image that a person means, and its config (either may be NULL). */
int cli_image_find(struct store *s, const char *text, struct store_image *ret,
	struct oci_image_config *ret_config, struct err *e);
int cli_image_config(struct store *s, const char *id, struct oci_image_config *ret, struct err *e);

#define CLI_SIZE_MAX 32
char *cli_size(uint64_t bytes, char out[CLI_SIZE_MAX]); /* "4.27MB"; returned */
/* "sha256:" and 64 digits, or the first 12 of them; returned. */
#define CLI_ID_MAX 72
char *cli_id(const char *digest, bool whole, char out[CLI_ID_MAX]);
/* "3 minutes ago", or "N/A" for 0; borrowed until the next call with the same out */
#define CLI_AGO_MAX 64
char *cli_ago(int64_t ns, char out[CLI_AGO_MAX]);
