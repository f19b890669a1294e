/*
 * The values of run's options: texts to data, in docker's grammar. Pure, but for
 * engine_option_mount_check, which asks the host for the sources of binds.
 */
#pragma once

#include "engine/config.h"
#include "oci/convert.h"

/* -v [SOURCE:]DESTINATION[:OPTIONS]: a path is a bind, a word a volume, nothing an anonymous
 * volume. ro rw z Z nocopy and the propagations. */
int engine_option_volume(const char *spec, struct engine_mounts *m, struct err *e);
/* --mount type=bind|volume|tmpfs,source=…,target=…,readonly,…; fields as CSV ("a,b" may be quoted). */
int engine_option_mount(const char *spec, struct engine_mounts *m, struct err *e);
/* --tmpfs PATH[:OPTIONS] */
int engine_option_tmpfs(const char *spec, struct engine_mounts *m, struct err *e);
/* Two mounts on one destination: an error that names it. */
int engine_option_mounts_unique(const struct engine_mounts *m, struct err *e);
/* A volume's name: [a-zA-Z0-9][a-zA-Z0-9_.-]* */
bool engine_option_volume_name_valid(const char *name);

/* --env-file: the bytes of the file. NAME=VALUE, NAME (from lookup, which may be NULL), # comments.
 * where: its name, for errors. */
int engine_option_env_file(const char *bytes, size_t len, const char *where,
	const char *(*lookup)(const char *name), struct strv *env, struct err *e);

/* --ulimit nofile=1024[:2048]; -1: unlimited. ret->type is static. */
int engine_option_ulimit(const char *spec, struct oci_convert_rlimit *ret, struct err *e);
/* --device HOST[:CONTAINER[:rwm]]; texts are the caller's to free */
int engine_option_device(
	const char *spec, char **ret_host, char **ret_container, char ret_access[4], struct err *e);
/* --restart no|always|unless-stopped|on-failure[:N] */
int engine_option_restart(const char *spec, struct engine_config *c, struct err *e);
/* --log-opt max-size=10m, max-file=3 */
int engine_option_log(const char *spec, struct engine_config *c, struct err *e);
/* --cpus 1.5 in billionths */
int engine_option_cpus(const char *text, int64_t *ret, struct err *e);
/* --memory and kin: "512m"; minus_one: "-1" gives -1 */
int engine_option_bytes(
	const char *option, const char *text, bool minus_one, int64_t *ret, struct err *e);

/* What --security-opt asks, all of them together. */
struct engine_security {
	bool no_new_privileges;
	bool unconfined_paths;
	bool seccomp_unconfined;
	const char *seccomp_file; /* borrowed from the option; NULL: none */
};
/* apparmor and label are refused (ERR_UNSUPPORTED), but for their "off" values. */
int engine_option_security(const struct strv *opts, struct engine_security *ret, struct err *e);

/* A container's name: [a-zA-Z0-9][a-zA-Z0-9_.-]* */
int engine_option_name(const char *name, struct err *e);
/* "none", "host", "bridge", "default", "container:X"; without root "pasta" and "slirp4netns" in
 * place of "bridge" (ERR_UNSUPPORTED the other way round) */
int engine_option_network(const char *text, char **ret, struct err *e);
/* The container's network mode: as given, or the default of this host. */
const char *engine_network_mode(const struct engine_config *c);
/* What --network names when nothing is given: "bridge", or "pasta" where our network namespace is
 * not ours to make bridges in. */
const char *engine_network_default(void);
/* Whether the mode gives the container a network of its own that leads out: ports, names, DNS. */
bool engine_network_is_connected(const char *mode);
