/* kist-build: build, parse. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
	return cli_main(CLI_BUILD, argc, argv);
}
