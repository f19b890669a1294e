/* The command line `kist`. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(CLI_KIST, argc, argv);
}
