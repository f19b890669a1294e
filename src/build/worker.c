/* Children that write layers; see the header. */
#include "build/worker.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "layer/writer.h"
#include "snapshot/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

struct build_worker {
	pid_t pid;
	int pidfd;
	int pipe; /* the report comes from here */
	struct snapshot_layer *layer;
};

struct report {
	int result; /* of fn and of sealing */
	struct layer_info info;
	struct err e;
};

struct child {
	struct build_worker *w;
	build_worker_fn fn;
	void *arg;
	int out;
	pid_t parent;
};

static int run_child(void *arg)
{
	struct child *c = arg;
	/* Ctrl-C reaches the whole group; what becomes of the layer is the parent's decision */
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != c->parent)
		return 1;
	struct report *rep = mem_alloc(sizeof(*rep));
	rep->result = c->fn(c->arg, snapshot_layer_writer(c->w->layer), &rep->e);
	if (rep->result > 0) {
		int r = snapshot_layer_seal(c->w->layer, &rep->info, &rep->e);
		rep->result = r < 0 ? r : 1;
	}
	return io_write_all(c->out, rep, sizeof(*rep)) < 0;
}

int build_worker_start(struct store *s, const struct layer_writer_options *opt, build_worker_fn fn,
	void *arg, struct build_worker **ret, struct err *e)
{
	struct build_worker *w cleanup_build_worker = mem_alloc(sizeof(*w));
	w->pidfd = w->pipe = -1;
	int r = snapshot_layer_begin(s, opt, &w->layer, e);
	if (r < 0)
		return r;
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	w->pipe = p[0];
	cleanup_fd int out = p[1];
	struct child c = {w, fn, arg, out, getpid()};
	w->pid = proc_fork(run_child, &c, &w->pidfd, e);
	if (w->pid < 0)
		return (int)w->pid;
	*ret = STEAL(w);
	return 0;
}

int build_worker_fd(const struct build_worker *w)
{
	return w->pipe;
}

void build_worker_free(struct build_worker *w)
{
	if (!w)
		return;
	if (w->pid > 0) {
		if (w->pidfd >= 0)
			proc_pidfd_kill(w->pidfd, SIGKILL);
		else
			kill(w->pid, SIGKILL);
		proc_wait(w->pid, NULL);
	}
	defs_close_cleanup(&w->pidfd);
	defs_close_cleanup(&w->pipe);
	snapshot_layer_free(w->layer);
	free(w);
}

int build_worker_finish(struct build_worker *worker, struct store_layer *ret, struct err *e)
{
	struct build_worker *w cleanup_build_worker = worker;
	cleanup_free struct report *rep = mem_alloc(sizeof(*rep));
	ssize_t n = io_read_full(w->pipe, rep, sizeof(*rep));
	int status = proc_wait(w->pid, NULL);
	w->pid = 0;
	if (n != (ssize_t)sizeof(*rep))
		return err_set(e, ERR_CHILD,
			"the process that writes the layer ended with status %d", status);
	if (rep->result < 0 && e)
		*e = rep->e;
	if (rep->result <= 0)
		return rep->result;
	int r = snapshot_layer_commit(w->layer, &rep->info, false, ret, e);
	return r < 0 ? r : 1;
}
