/* What the commands on containers share. */
#pragma once

#include "cli/cli.h"
#include "engine/container.h"
#include "engine/start.h"

struct containers {
	struct engine g;
	struct store *store;
	char *kist, *monitor;
};
/* Opens the store. */
int containers_open(struct cli *c, struct containers *ret);
void containers_close(struct containers *s);
#define cleanup_containers cleanup(containers_close)

/* Calls fn for each operand; an error is printed and the next one follows. The status: 0 or 1. */
int containers_each(struct cli *c, struct containers *s,
	int (*fn)(struct cli *c, struct containers *s, const char *text, struct err *e));

/* options.c: an engine_config from run's options and operands */
int containers_config(struct cli *c, struct engine_config *ret);
/* -e and --env-file of exec too */
int containers_env(struct cli *c, struct strv *ret);
/* --cidfile: must not exist; written with the id */
int containers_cidfile_check(struct cli *c);
int containers_cidfile_write(struct cli *c, const char *id);
/* fetch.c: --pull. Before the image is looked for: with always and newer it is fetched now. 0, the
 * status of a pull that failed (and has said why), or negative. */
int containers_pull_first(struct cli *c);
/* After a failure: when it was for want of the image, and it may be fetched, it is. True: try
 * again, the error is cleared. */
bool containers_pull_missing(struct cli *c, int failed);
/* "exit", 10 to the exit status after an error of a start: 125, 126, 127; prints the error */
int containers_start_failed(struct cli *c, int r);

/* relay.c: the foreground client */
struct relay {
	int fd;    /* to the monitor */
	int pidfd; /* for signals; -1: they end us instead */
	bool input, tty, output, error;
	bool sig_proxy;
	const char *detach_keys; /* NULL: the default, "": none */
	void (*on_exit)(
		void *arg); /* called once when the program has ended, before all is put away */
	void *arg;
};
enum { RELAY_DETACHED = -10000, RELAY_LOST = -10001 };
/* Blocks the signals that relay_run takes, so that none is lost between start and relay. */
void relay_block_signals(void);
/* The exit status of the program, or one of the above, or a negative error in e. */
int relay_run(const struct relay *r, struct err *e);
/* The size of our terminal; 0, 0 when there is none. */
void relay_terminal_size(uint16_t *ret_rows, uint16_t *ret_columns);
/* Raw mode for a terminal that somebody else copies (exec -t); restore with relay_cooked. */
struct termios;
int relay_raw(struct termios *old);
void relay_cooked(const struct termios *old);
