/* Health checks: `kist` runs the probe inside the container, the monitor counts; libc only. */
#include "base/clock.h"
#include "base/proc.h"
#include "engine/monitor_priv.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

int64_t monitor_health_due(const struct engine_monitor *m)
{
	if (!m->health_interval || m->ended)
		return 0;
	return m->probe ? m->probe_deadline : m->next_probe;
}

static void start_probe(struct engine_monitor *m, int64_t now)
{
	pid_t pid = fork();
	if (pid == 0) {
		struct strv argv = STRV_INIT;
		strv_add_all(&argv, &m->kist);
		strv_add(&argv, "healthcheck");
		strv_add(&argv, m->id);
		sigset_t none;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		setpgid(0, 0); /* the probe is killed with all that it started here */
		execv(argv.v[0], argv.v);
		_exit(125);
	}
	m->probe = pid > 0 ? pid : 0;
	m->probe_deadline = now + m->health_timeout;
	if (!m->probe)
		m->next_probe = now + m->health_interval;
}

static void judge(struct engine_monitor *m, bool good)
{
	struct engine_state *s = &m->state;
	int64_t age = clock_now() - s->started;
	enum engine_health before = s->health;
	unsigned failures = s->health_failures;
	if (good) {
		s->health = ENGINE_HEALTH_HEALTHY;
		s->health_failures = 0;
	} else if (s->health != ENGINE_HEALTH_STARTING || age >= m->health_start_period) {
		s->health_failures++;
		if (s->health_failures >= m->health_retries)
			s->health = ENGINE_HEALTH_UNHEALTHY;
	}
	if (s->health != before || s->health_failures != failures)
		monitor_save(m);
	m->next_probe = clock_monotonic() + m->health_interval;
}

bool monitor_health_reaped(struct engine_monitor *m, pid_t pid, int status)
{
	if (!m->probe || pid != m->probe)
		return false;
	m->probe = 0;
	judge(m, proc_status(status) == 0);
	return true;
}

void monitor_health_step(struct engine_monitor *m, int64_t now)
{
	int64_t due = monitor_health_due(m);
	if (!due || now < due)
		return;
	if (m->probe) {
		kill(-m->probe, SIGKILL);
		kill(m->probe, SIGKILL); /* it may not have made its group yet */
		m->probe_deadline = INT64_MAX;
	} else {
		start_probe(m, now);
	}
}
