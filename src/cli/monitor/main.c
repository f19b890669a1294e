/* kist-monitor: what stays beside a detached container. libc only, to stay small; what it cannot
 * do it leaves to `kist`, in its own place. */
#include "base/err.h"
#include "engine/monitor.h"

#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct engine_monitor m = ENGINE_MONITOR_INIT;
	struct err e = ERR_INIT;
	engine_monitor_signals();
	int r = argc > 0 ? engine_monitor_parse(argv + 1, &m, &e) : -ERR_USAGE;
	if (r == 0)
		r = engine_state_load(m.dir, "state", &m.state, &e);
	if (r < 0) {
		dprintf(2, "kist-monitor: %s\n", e.code ? e.msg : err_text(r));
		return 125;
	}
	bool again = engine_monitor_run(&m) == ENGINE_MONITOR_RESTART;
	engine_monitor_exec(&m, again ? "container_restart" : "container_cleanup");
	return 125; /* the record is written; the next kist command sweeps the rest */
}
