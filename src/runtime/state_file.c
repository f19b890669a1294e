/* See state_file.h. */
#include "runtime/state_file.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* pid 0: blank */
static void format_record(pid_t pid, uint64_t start_time, char out[STATE_RECORD + 1])
{
	char text[STATE_RECORD] = "";
	if (pid > 0)
		snprintf(text, sizeof(text), "%d %" PRIu64 " %d", (int)pid, start_time, (int)pid);
	snprintf(out, STATE_RECORD + 1, "%-*s\n", STATE_RECORD - 1, text);
}

int state_file_create(
	int dir, const char *state, const char *config, size_t config_len, struct err *e)
{
	char record[STATE_RECORD + 1];
	format_record(0, 0, record);
	struct iovec v[] = {{record, STATE_RECORD}, {(char *)state, strlen(state)},
		{(char *)"\n", 1}, {(char *)config, config_len}};
	size_t all = 0;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++)
		all += v[i].iov_len;
	cleanup_fd int fd = openat(dir, STATE_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || writev(fd, v, ARRAY_SIZE(v)) != (ssize_t)all)
		return err_sys(e, "write '%s'", STATE_FILE);
	return 0;
}

int state_file_write_pid(int dir, pid_t pid, uint64_t start_time, struct err *e)
{
	char record[STATE_RECORD + 1];
	format_record(pid, start_time, record);
	cleanup_fd int fd = openat(dir, STATE_FILE, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, record, STATE_RECORD) != STATE_RECORD)
		return err_sys(e, "write '%s'", STATE_FILE);
	return 0;
}

/* A record that is being written may be seen in part: then it is none yet. */
static void read_record(struct state_file *f)
{
	int pid, again;
	uint64_t start;
	char text[STATE_RECORD];
	memcpy(text, f->text.data, sizeof(text));
	text[STATE_RECORD - 1] = 0;
	if (sscanf(text, "%d %" SCNu64 " %d", &pid, &start, &again) != 3 || pid <= 0 ||
		pid != again)
		return;
	f->pid = pid;
	f->start_time = start;
}

int state_file_read(int dir, struct state_file *ret, struct err *e)
{
	/* the config, and once more its annotations */
	ret->text.max = 2 * LIMIT_RUNTIME_CONFIG;
	int r = file_read(dir, STATE_FILE, &ret->text, NULL);
	if (r < 0 && r != -ENOENT)
		return err_sysno(e, r, "read '%s'", STATE_FILE);
	const char *text = buf_str(&ret->text);
	const char *state = ret->text.len > STATE_RECORD ? text + STATE_RECORD : NULL;
	const char *end = state ? memchr(state, '\n', ret->text.len - STATE_RECORD) : NULL;
	if (!end)
		return err_set(e, ERR_NOT_FOUND, "container does not exist");
	read_record(ret);
	ret->state = state;
	ret->state_len = (size_t)(end - state);
	ret->config = end + 1;
	ret->config_len = ret->text.len - (size_t)(ret->config - text);
	return 0;
}

int state_file_replace(
	int dir, const struct state_file *f, const char *state, const char *config, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	char record[STATE_RECORD + 1];
	format_record(f->pid, f->start_time, record);
	buf_add(&b, record, STATE_RECORD);
	buf_add(&b, state ? state : f->state, state ? strlen(state) : f->state_len);
	buf_add_char(&b, '\n');
	buf_add(&b, config ? config : f->config, config ? strlen(config) : f->config_len);
	return file_write(dir, STATE_FILE, b.data, b.len, 0600, 0, e);
}

void state_file_release(struct state_file *f)
{
	buf_release(&f->text);
}

int state_dir_remove(const char *state_dir, struct err *e)
{
	/* nearly always this is all there is */
	cleanup_free char *file = mem_printf("%s/" STATE_FILE, state_dir);
	unlink(file);
	if (rmdir(state_dir) == 0 || errno == ENOENT)
		return 0;
	return file_remove_tree(AT_FDCWD, state_dir, e);
}
