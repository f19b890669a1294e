/* The options that run and create share, in one place. Part of spec/run.c and spec/create.c. */
#pragma once

#include "cli/cli.h"

#define NO_USERNS "a container has no user namespace of its own; a bundle has, under kist-runtime"
#define RUN_OPTS                                                                                   \
	{"name", 0, "NAME", "name of the container", 0},                                           \
		{"interactive", 'i', NULL, "keep standard input open", 0},                         \
		{"tty", 't', NULL, "give it a terminal", 0},                                       \
		{"attach", 'a', "STDIN|STDOUT|STDERR", "attach only these streams", 0},            \
		{"rm", 0, NULL, "remove the container and its anonymous volumes when it ends", 0}, \
		{"env", 'e', "NAME[=VALUE]", "set a variable; NAME alone takes ours", 0},          \
		{"env-file", 0, "FILE", "read variables from a file", 0},                          \
		{"workdir", 'w', "DIR", "working directory inside", 0},                            \
		{"user", 'u', "USER[:GROUP]", "name or number", 0},                                \
		{"group-add", 0, "GROUP", "one more group", 0},                                    \
		{"entrypoint", 0, "PROGRAM", "instead of the image's ENTRYPOINT", 0},              \
		{"init", 0, NULL, "run a small init (tini) as process 1", 0},                      \
		{"stop-signal", 0, "SIGNAL", "what `stop` sends first (SIGTERM)", 0},              \
		{"stop-timeout", 0, "SECONDS", "how long `stop` waits before SIGKILL (10)", 0},    \
		{"restart", 0, "POLICY", "no, on-failure[:N], always, unless-stopped", 0},         \
		{"hostname", 'h', "NAME", "host name inside", 0},                                  \
		{"domainname", 0, "NAME", "NIS domain name inside", 0},                            \
		{"network", 0, "MODE",                                                             \
			"bridge (without root: pasta, slirp4netns), none, host, container:NAME",   \
			0},                                                                        \
		{"net", 0, "MODE", "the same as --network", CLI_HIDDEN},                           \
		{"network-alias", 0, "NAME", "one more name on the bridge", 0},                    \
		{"ip", 0, "ADDRESS", "fixed address on the bridge", 0},                            \
		{"mac-address", 0, "MAC", "fixed hardware address", 0},                            \
		{"publish", 'p', "[[IP:]HOST:]PORT[/PROTO]", "publish a port on the host", 0},     \
		{"publish-all", 'P', NULL, "publish all other exposed ports on free ones", 0},     \
		{"expose", 0, "PORT[/PROTO]", "expose a port", 0},                                 \
		{"dns", 0, "ADDRESS", "name server instead of the host's", 0},                     \
		{"dns-search", 0, "DOMAIN", "search domain instead of the host's", 0},             \
		{"dns-option", 0, "OPTION", "resolver option", 0},                                 \
		{"add-host", 0, "NAME:IP", "one more line of /etc/hosts", 0},                      \
		{"volume", 'v', "[SOURCE:]PATH[:OPTIONS]", "bind a directory or a volume", 0},     \
		{"mount", 0, "type=…,source=…,target=…", "the same in long form, or a tmpfs", 0},  \
		{"tmpfs", 0, "PATH[:OPTIONS]", "a file system in memory", 0},                      \
		{"read-only", 0, NULL, "mount the root file system read-only", 0},                 \
		{"shm-size", 0, "SIZE", "size of /dev/shm (64m)", 0},                              \
		{"device", 0, "HOST[:PATH[:rwm]]", "give it a device of the host", 0},             \
		{"privileged", 0, NULL, "all capabilities, no seccomp, all devices", 0},           \
		{"cap-add", 0, "CAPABILITY", "give a capability, or ALL", 0},                      \
		{"cap-drop", 0, "CAPABILITY", "take a capability, or ALL", 0},                     \
		{"security-opt", 0, "OPTION",                                                      \
			"no-new-privileges, seccomp=unconfined|FILE, systempaths=unconfined", 0},  \
		{"pid", 0, "host", "the host's process ids", 0},                                   \
		{"ipc", 0, "host|private", "the host's IPC namespace", 0},                         \
		{"uts", 0, "host", "the host's host name", 0},                                     \
		{"cgroupns", 0, "host|private", "the host's cgroup namespace", 0},                 \
		{"cgroup-parent", 0, "PATH", "cgroup above the container's (/kist)", 0},           \
		{"userns", 0, "host",                                                              \
			"no user namespace of its own: the host's, without root the user's", 0},   \
		{"uidmap", 0, "MAP", NO_USERNS, CLI_REFUSED},                                      \
		{"gidmap", 0, "MAP", NO_USERNS, CLI_REFUSED},                                      \
		{"memory", 'm', "SIZE", "memory limit", 0},                                        \
		{"memory-swap", 0, "SIZE", "memory and swap together; -1: unlimited", 0},          \
		{"memory-reservation", 0, "SIZE", "soft memory limit", 0},                         \
		{"memory-swappiness", 0, "0-100", "how readily its pages are swapped", 0},         \
		{"oom-kill-disable", 0, NULL, "block instead of the OOM killer", 0},               \
		{"oom-score-adj", 0, "-1000-1000", "preference of the OOM killer", 0},             \
		{"cpus", 0, "NUMBER", "how many CPUs, as 1.5", 0},                                 \
		{"cpu-shares", 'c', "NUMBER", "relative weight (1024)", 0},                        \
		{"cpu-period", 0, "MICROSECONDS", "CFS period", 0},                                \
		{"cpu-quota", 0, "MICROSECONDS", "CFS quota in a period", 0},                      \
		{"cpuset-cpus", 0, "LIST", "CPUs to run on, 0-2,4", 0},                            \
		{"cpuset-mems", 0, "LIST", "memory nodes", 0},                                     \
		{"blkio-weight", 0, "10-1000", "relative weight of block I/O", 0},                 \
		{"pids-limit", 0, "NUMBER", "most processes; -1: unlimited", 0},                   \
		{"ulimit", 0, "NAME=SOFT[:HARD]", "resource limit of a process", 0},               \
		{"sysctl", 0, "NAME=VALUE", "kernel parameter of its namespaces", 0},              \
		{"label", 'l', "KEY=VALUE", "metadata", 0},                                        \
		{"label-file", 0, "FILE", "labels, one a line", 0},                                \
		{"annotation", 0, "KEY=VALUE", "annotation of the runtime config", 0},             \
		{"cidfile", 0, "FILE", "write the container's id to a new file", 0},               \
		{"log-driver", 0, "DRIVER", "only the own one", CLI_HIDDEN},                       \
		{"log-opt", 0, "max-size=SIZE|max-file=N", "log rotation (10m, 3 files)", 0},      \
		{"health-cmd", 0, "COMMAND", "command that tells whether it is healthy", 0},       \
		{"health-interval", 0, "DURATION", "time between checks (30s)", 0},                \
		{"health-timeout", 0, "DURATION", "longest time of a check (30s)", 0},             \
		{"health-retries", 0, "NUMBER", "failures until unhealthy (3)", 0},                \
		{"health-start-period", 0, "DURATION", "failures that do not count yet (0s)", 0},  \
		{"no-healthcheck", 0, NULL, "do not use the image's HEALTHCHECK", 0},              \
		{"pull", 0, "missing|always|newer|never",                                          \
			"when to fetch the image from its registry (missing)", 0},                 \
		{"quiet", 'q', NULL, "show nothing of a pull", 0},                                 \
		{"tls-verify", 0, NULL, "of a pull, as for kist pull", 0},                         \
		{"authfile", 0, "FILE", "of a pull, as for kist pull", 0},                         \
		{"cert-dir", 0, "DIR", "of a pull, as for kist pull", 0},                          \
		{"signature-policy", 0, "FILE", "of a pull, as for kist pull", 0},                 \
		{"platform", 0, "OS/ARCH", "foreign platforms are not supported", CLI_REFUSED},    \
		{"gpus", 0, "LIST", "use --device", CLI_REFUSED},                                  \
		{"link", 0, "NAME", "containers on the bridge know each other by name",            \
			CLI_REFUSED},                                                              \
		{"volumes-from", 0, "NAME", "name the volumes with -v", CLI_REFUSED},              \
		{"volume-driver", 0, "NAME", "volumes are local directories", CLI_REFUSED},        \
	{                                                                                          \
		"storage-opt", 0, "OPTION", "no size limits yet", CLI_REFUSED                      \
	}

#define RUN_STATUSES                                             \
	"125  kist itself failed, the program was not started\n" \
	"126  the program was found but cannot be executed\n"    \
	"127  the program was not found\n"                       \
	"128+n  the program was ended by signal n\n"             \
	"otherwise the exit status of the program"
