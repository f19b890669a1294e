/* The monitor's loop: one poll over everything that can happen to a container; libc only. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "engine/config.h"
#include "engine/monitor_priv.h"
#include "network/dns.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { /* places in the poll set; the clients follow */
	SLOT_SIGNAL,
	SLOT_OUT,
	SLOT_ERR,
	SLOT_MASTER,
	SLOT_IN,
	SLOT_LISTEN,
	SLOT_DNS,
	SLOT_FIXED,
};

void monitor_close(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void monitor_save(struct engine_monitor *m)
{
	engine_state_save(m->dir, "state", &m->state, NULL);
}

static void our_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGCHLD);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
	sigaddset(set, SIGQUIT);
}

void engine_monitor_signals(void)
{
	sigset_t set;
	our_signals(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_DFL);
}

static void reap(struct engine_monitor *m)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != m->state.pid) {
			monitor_health_reaped(m, pid, status);
			continue;
		}
		m->ended = true;
		m->state.exit_code = proc_status(status);
		m->state.finished = clock_now();
		/* Its processes have gone with it: what the pipes hold now is all. */
		m->draining = true;
	}
	if (pid < 0 && errno == ECHILD && !m->ended) {
		/* cannot be: it was our child. Do not wait for ever for what never comes. */
		m->ended = m->draining = true;
		m->state.exit_code = 255;
		m->state.finished = clock_now();
	}
}

static void take_signal(struct engine_monitor *m, int sfd)
{
	struct signalfd_siginfo si;
	while (read(sfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			continue;
		/* The host goes down, or somebody ends us: the container ends as by `stop`. */
		m->stopping = true;
		if (!m->ended)
			kill(m->state.pid, m->stop_signal);
	}
	reap(m);
}

static int timeout_ms(struct engine_monitor *m, int64_t deadline)
{
	if (m->draining)
		return monitor_clients_late(m) ? 100 : 0;
	int64_t health = monitor_health_due(m);
	if (health && (!deadline || health < deadline))
		deadline = health;
	if (!deadline)
		return -1;
	int64_t left = deadline - clock_monotonic();
	return left <= 0 ? 0 : (int)MIN(left / 1000000 + 1, 3600000);
}

static size_t fill_poll(struct engine_monitor *m, int sfd, struct pollfd *p)
{
	bool late = monitor_clients_late(m); /* then no new output is taken */
	bool input = m->input_len > m->input_pos;
	short master = (short)((late ? 0 : POLLIN) | (input && m->master >= 0 ? POLLOUT : 0));
	p[SLOT_SIGNAL] = (struct pollfd){sfd, POLLIN, 0};
	p[SLOT_OUT] = (struct pollfd){late ? -1 : m->out, POLLIN, 0};
	p[SLOT_ERR] = (struct pollfd){late ? -1 : m->err, POLLIN, 0};
	p[SLOT_MASTER] = (struct pollfd){master ? m->master : -1, master, 0};
	p[SLOT_IN] = (struct pollfd){m->in, (short)(input ? POLLOUT : 0), 0};
	p[SLOT_LISTEN] = (struct pollfd){m->listen, POLLIN, 0};
	p[SLOT_DNS] = (struct pollfd){m->dns ? network_dns_fd(m->dns) : -1, POLLIN, 0};
	for (size_t i = 0; i < m->nclients; i++)
		p[SLOT_FIXED + i] = (struct pollfd){m->clients[i].fd,
			(short)((input ? 0 : POLLIN) | (m->clients[i].late ? POLLOUT : 0)), 0};
	return SLOT_FIXED + m->nclients;
}

/* Takes one piece of what is ready. True when there was some. */
static bool take_output(struct engine_monitor *m, const struct pollfd *p)
{
	static const struct {
		int place;
		enum engine_attach_type type;
	} sources[] = {
		{SLOT_OUT, ENGINE_ATTACH_STDOUT},
		{SLOT_ERR, ENGINE_ATTACH_STDERR},
		{SLOT_MASTER, ENGINE_ATTACH_STDOUT},
	};
	int *fds[] = {&m->out, &m->err, &m->master};
	bool any = false;
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++) {
		short ready = p[sources[i].place].revents;
		if (ready & (POLLIN | POLLHUP | POLLERR) && !monitor_clients_late(m) &&
			*fds[i] >= 0)
			any |= monitor_output(m, fds[i], sources[i].type);
	}
	return any;
}

static void take_clients(struct engine_monitor *m, const struct pollfd *p, size_t n)
{
	monitor_client_flush(m);
	/* from the last on: dropping one moves those behind it */
	for (size_t i = MIN(n - SLOT_FIXED, m->nclients); i-- > 0;) {
		bool same = m->clients[i].fd == p[SLOT_FIXED + i].fd;
		if (same && p[SLOT_FIXED + i].revents & (POLLIN | POLLHUP | POLLERR))
			monitor_client_read(m, i);
	}
	if (p[SLOT_LISTEN].revents & POLLIN) {
		int fd = accept4(m->listen, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			monitor_client_add(m, fd);
	}
}

/* One round. False when nothing is left to drain. */
static bool step(struct engine_monitor *m, int sfd, int64_t deadline)
{
	struct pollfd p[SLOT_FIXED + ENGINE_MONITOR_CLIENTS];
	size_t n = fill_poll(m, sfd, p);
	bool was_draining = m->draining;
	if (poll(p, n, timeout_ms(m, deadline)) < 0)
		return true;
	if (p[SLOT_SIGNAL].revents)
		take_signal(m, sfd);
	bool output = take_output(m, p);
	if (p[SLOT_IN].revents & POLLERR) /* nobody reads it any more */
		monitor_close(&m->in);
	if (p[SLOT_IN].revents & (POLLOUT | POLLERR) || p[SLOT_MASTER].revents & POLLOUT)
		monitor_input_flush(m);
	take_clients(m, p, n);
	if (m->dns && p[SLOT_DNS].revents)
		network_dns_step(m->dns);
	monitor_health_step(m, clock_monotonic());
	return !was_draining || output || monitor_clients_late(m);
}

static bool wants_restart(struct engine_monitor *m)
{
	if (m->stopping || faccessat(m->dir, "stop", F_OK, 0) == 0)
		return false;
	switch ((enum engine_restart)m->restart) {
	case ENGINE_RESTART_NO:
		return false;
	case ENGINE_RESTART_ON_FAILURE:
		return m->state.exit_code != 0 &&
		       (!m->restart_max || m->state.restarts < m->restart_max);
	case ENGINE_RESTART_ALWAYS:
	case ENGINE_RESTART_UNLESS_STOPPED:
		return true;
	}
	return false;
}

/* Waits before a restart: twice as long each time, from 0.1 s to 1 min, from the beginning after
 * a run of 10 s. False when a person stopped it meanwhile. */
static bool wait_to_restart(struct engine_monitor *m, int sfd)
{
	struct engine_state *s = &m->state;
	bool long_run = s->finished - s->started >= 10 * CLOCK_NS_PER_S;
	s->backoff_ms = long_run || !s->backoff_ms ? 100 : MIN(s->backoff_ms * 2, 60000);
	s->status = ENGINE_RESTARTING;
	s->pid = 0;
	monitor_save(m);
	m->draining = false;
	int64_t until = clock_monotonic() + (int64_t)s->backoff_ms * 1000000;
	while (!m->stopping && clock_monotonic() < until)
		step(m, sfd, until);
	return !m->stopping && faccessat(m->dir, "stop", F_OK, 0) != 0;
}

/* SIGKILL may have come from the kernel, for want of memory. */
static bool was_out_of_memory(const struct engine_monitor *m)
{
	static const char *const files[][2] = {{"/sys/fs/cgroup/memory", "/memory.oom_control"},
		{"/sys/fs/cgroup", "/memory.events"}};
	char path[4096], text[1024];
	for (size_t i = 0; m->cgroup && i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s%s%s", files[i][0], m->cgroup, files[i][1]);
		cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd < 0 ? -1 : io_read_full(fd, text, sizeof(text) - 1);
		if (n < 0)
			continue;
		text[n] = 0;
		const char *p = strstr(text, "oom_kill ");
		return p && p[9] != '0';
	}
	return false;
}

static int finish(struct engine_monitor *m, int sfd)
{
	m->state.oom_killed = m->state.exit_code == 137 && was_out_of_memory(m);
	struct engine_attach_exit x = {m->state.exit_code, wants_restart(m)};
	m->draining = false;
	if (x.restarting) {
		monitor_clients_say(m, ENGINE_ATTACH_EXIT, &x, sizeof(x));
		while (m->nclients)
			monitor_client_drop(m, 0, true);
		if (wait_to_restart(m, sfd))
			return ENGINE_MONITOR_RESTART;
		x.restarting = false;
	}
	m->state.status = ENGINE_EXITED;
	m->state.pid = 0;
	monitor_save(m);
	monitor_clients_say(m, ENGINE_ATTACH_EXIT, &x, sizeof(x));
	return ENGINE_MONITOR_ENDED;
}

static void open_dns(struct engine_monitor *m)
{
	if (!m->network_dir || m->dns_udp < 0 || m->dns)
		return;
	int listening[] = {m->dns_udp, m->dns_tcp};
	struct network_dns_options o = {
		.state_dir = m->network_dir, .upstreams = &m->upstreams, .listening = listening};
	m->dns = network_dns_open(&o, NULL);
}

int engine_monitor_run(struct engine_monitor *m)
{
	sigset_t set;
	our_signals(&set);
	cleanup_fd int sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (!m->buffers)
		m->buffers = mem_alloc(2 * ENGINE_ATTACH_DATA);
	engine_log_init(&m->log, m->dir, m->log_max_size, m->log_max_files);
	open_dns(m);
	if (m->client >= 0)
		monitor_client_add(m, STEAL_FD(m->client));
	int *nonblock[] = {&m->in, &m->out, &m->err, &m->master};
	for (size_t i = 0; i < ARRAY_SIZE(nonblock); i++)
		if (*nonblock[i] >= 0)
			io_set_nonblock(*nonblock[i], true);
	if (m->health_interval)
		m->next_probe = clock_monotonic() + m->health_interval;
	reap(m); /* it may have ended before we were listening */
	while (step(m, sfd, 0))
		if (m->leave_with_client && m->nclients == 0 && !m->ended)
			return ENGINE_MONITOR_ALONE;
	return finish(m, sfd);
}

void engine_monitor_release(struct engine_monitor *m)
{
	int *fds[] = {&m->dir, &m->in, &m->out, &m->err, &m->master, &m->listen, &m->client,
		&m->dns_udp, &m->dns_tcp};
	network_dns_close(m->dns); /* before the sockets that it borrows */
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		monitor_close(fds[i]);
	while (m->nclients)
		close(m->clients[--m->nclients].fd);
	engine_log_close(&m->log);
	free(m->id);
	free(m->network_dir);
	free(m->cgroup);
	free(m->buffers);
	strv_release(&m->upstreams);
	strv_release(&m->kist);
	*m = (struct engine_monitor)ENGINE_MONITOR_INIT;
}
