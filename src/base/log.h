/*
 * Notes from below cli/: warnings that a person should see once and debug lines.
 * The library never prints: cli installs a sink. The level is the one global
 * that may change.
 */
#pragma once

#include "base/defs.h"

enum log_level {
	LOG_WARN,
	LOG_NOTE,
	LOG_DEBUG,
};

typedef void (*log_sink)(enum log_level level, const char *text);

void log_set(enum log_level most, log_sink sink); /* sink NULL: silence */
bool log_wants(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) printf_like(2, 3);

#define log_warn(...)  log_write(LOG_WARN, __VA_ARGS__)
#define log_note(...)  log_write(LOG_NOTE, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __VA_ARGS__)
