/*
 * Images that a Dockerfile names and the store has not: a command fetches them, each
 * in a process of its own, while the build goes on as far as it can without their
 * files. The command tells on its standard output, before the layers come,
 *
 *	config sha256:...
 *
 * once this blob is in the store, and ends when the image is complete. Its standard
 * error is shown; "kist: TEXT" and "hint: TEXT" there are why it failed.
 */
#pragma once

#include "base/buf.h"
#include "base/strv.h"
#include "store/store.h"

#include <signal.h>

struct err;
struct pollfd;

enum build_pull {
	BUILD_PULL_MISSING,
	BUILD_PULL_ALWAYS,
	BUILD_PULL_NEWER,
	BUILD_PULL_NEVER,
};

struct build_fetch {
	char *name;
	char *platform;            /* that was asked for; NULL: this machine's */
	bool wanted;               /* the build needs it: it is no guess (build_fetch_early) */
	char id[STORE_DIGEST_MAX]; /* "" until it was told */
	pid_t pid;                 /* 0: it has ended */
	int out, err;              /* -1: closed */
	struct buf out_line, err_line;
	char *message, *hint; /* why it failed */
	int status;
	struct build_fetch *next;
};

struct build_fetches {
	struct build_fetch *first;
	/* a line that the command shows; may be NULL */
	void (*line)(void *arg, const char *name, const char *text);
	void *arg;
	const volatile sig_atomic_t *stop; /* may be NULL */
};
#define BUILD_FETCH_POLLS 2 /* a fetch */

/* Ends those that still run: what they have got stays for the next build. */
void build_fetches_release(struct build_fetches *f);

/* argv: the command but for platform (or NULL) and name of the image. Returns at once; with the
 * fetch that runs already for the same image, if one does. */
int build_fetch_start(struct build_fetches *f, const struct strv *argv, const char *name,
	const char *platform, struct build_fetch **ret, struct err *e);
/* Ends those that nobody has asked for after all; what they have said is shown. */
void build_fetch_drop_guesses(struct build_fetches *f);
/* Waits until the id is known; or the failure. */
int build_fetch_id(struct build_fetches *f, struct build_fetch *x, struct err *e);
/* Does an image with this id still come? */
bool build_fetch_pending(const struct build_fetches *f, const char *id);
bool build_fetch_any(const struct build_fetches *f);
/* Descriptors to wait for, at most `most`; how many. */
size_t build_fetch_polls(const struct build_fetches *f, struct pollfd *p, size_t most);
/* Takes what has come. A fetch that failed is an error. */
int build_fetch_turn(struct build_fetches *f, struct err *e);
