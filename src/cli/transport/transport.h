/* What the commands of kist-transport share. */
#pragma once

/* The name that people read: "alpine:3.18" of docker.io/library/alpine:3.18. Borrowed until the
 * next call. */
const char *transport_familiar(const char *tag);
