/* The command that fetches an image for those programs that link no network: kist-transport. */
#pragma once

#include "base/strv.h"
#include "cli/cli.h"

/* Its words but for the image's name, with our global options and those of spec/remote_opts.h. */
void cli_fetch_command(const struct cli *c, const char *policy, struct strv *ret);
