/* Signals that ask us to end; see the header. */
#include "cli/stop.h"

static volatile sig_atomic_t stop; /* set by the handler; a handler has no argument */

static void on_signal(int sig)
{
	stop = sig;
	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
}

const volatile sig_atomic_t *cli_stop_flag(void)
{
	return &stop;
}

void cli_stop_catch(void)
{
	struct sigaction sa = {.sa_handler = on_signal};
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	sigaction(SIGHUP, &sa, NULL);
}
