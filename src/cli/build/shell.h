/* --on-error=shell: a person in the file system of a step that failed. */
#pragma once

struct build_running;

/* For struct build_request: arg is the command's progress. Returns when the shell has ended. */
void shell_in_step(void *arg, struct build_running *x);
