/* The kernel's texts as parts of the document of stats.h. Pure, but for stats_number. */
#pragma once

#include "runtime/cgroup_priv.h"
#include "runtime/state_priv.h"

#include <jansson.h>

uint64_t stats_number(const struct runtime_cgroup *g, unsigned c, const char *file); /* 0: none */
uint64_t stats_keyed(const char *text, const char *key); /* "key 5" in a line of its own */
json_t *stats_list(const char *text);                    /* "0-2,5" */
json_t *stats_pressure(const char *text);                /* cpu.pressure and kin */
json_t *stats_io_v1(const char *text);                   /* "8:0 Read 5" */
void stats_io_v2(const char *text, json_t *o);           /* "8:0 rbytes=5 ..." into blkio's lists */
json_t *stats_net(const char *text);                     /* /proc/PID/net/dev */
