/* What the files of the monitor share. */
#pragma once

#include "engine/attach.h"
#include "engine/monitor.h"

#include <poll.h>

/* m->buffers: a piece of output, then one of input */
static inline char *monitor_piece(struct engine_monitor *m)
{
	return m->buffers;
}
static inline char *monitor_input(struct engine_monitor *m)
{
	return m->buffers + ENGINE_ATTACH_DATA;
}

void monitor_close(int *fd);
void monitor_save(struct engine_monitor *m);

/* clients */
void monitor_client_add(struct engine_monitor *m, int fd); /* takes fd */
void monitor_client_drop(struct engine_monitor *m, size_t i, bool detached);
void monitor_client_read(struct engine_monitor *m, size_t i);
void monitor_client_flush(struct engine_monitor *m); /* the late ones, after poll */
bool monitor_clients_late(const struct engine_monitor *m);
void monitor_clients_say(
	struct engine_monitor *m, enum engine_attach_type type, const void *p, size_t len);
void monitor_input_flush(struct engine_monitor *m);
/* Reads one piece from *fd, logs it, gives it to the clients. False: nothing (more) to read. */
bool monitor_output(struct engine_monitor *m, int *fd, enum engine_attach_type type);

/* health */
int64_t monitor_health_due(const struct engine_monitor *m); /* monotonic time, 0: nothing */
void monitor_health_step(struct engine_monitor *m, int64_t now);
bool monitor_health_reaped(struct engine_monitor *m, pid_t pid, int status);
