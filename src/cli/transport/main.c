/* kist-transport: pull, push, copy, login, save, load, import, export, diff, commit. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(CLI_TRANSPORT, argc, argv);
}
