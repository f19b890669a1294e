/*
 * Functions that nobody here calls: each has a safer twin in base/. Forced into
 * every file by the build (-include), so a use does not compile. System headers
 * are read first: poisoning must not hit their own declarations.
 */
#pragma once

#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#ifdef BANNED_FIRST /* a library's header with inline functions that use one of them */
#include BANNED_FIRST
#endif

#undef alloca
#pragma GCC poison strcpy strcat sprintf vsprintf strtok strtok_r atoi atol atoll system popen
#pragma GCC poison gets tmpnam mktemp tempnam strncpy strncat alloca
