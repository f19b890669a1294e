/* Ctrl-C and its kin as a flag that long work looks at. */
#pragma once

#include <signal.h>

/* 0 until a signal has come; static. */
const volatile sig_atomic_t *cli_stop_flag(void);
/* From now on the first SIGINT, SIGTERM or SIGHUP sets the flag (to its number); a second SIGINT or
 * SIGTERM ends the process, and with it its children and mounts. */
void cli_stop_catch(void);
