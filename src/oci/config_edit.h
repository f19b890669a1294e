/*
 * Changes of an image config as Dockerfile instructions make them, without their
 * parsing: `build` calls these for its instructions, `import` and `commit` for
 * --change. Words are expanded and unquoted already. Docker's rules: see each.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct err;
struct oci_container_config;
struct oci_healthcheck;

/* CMD and ENTRYPOINT. shell_form: args is one string, run by the config's shell (or /bin/sh -c).
 * A new ENTRYPOINT resets a CMD that was inherited: keep_cmd says that CMD was set after FROM. */
void oci_config_set_cmd(struct oci_container_config *c, const struct strv *args, bool shell_form);
void oci_config_set_entrypoint(
	struct oci_container_config *c, const struct strv *args, bool shell_form, bool keep_cmd);
void oci_config_set_env(struct oci_container_config *c, const char *name, const char *value);
void oci_config_set_label(struct oci_container_config *c, const char *name, const char *value);
/* "80", "80/udp", "8000-8010/tcp": checked, normal form "80/tcp". */
int oci_config_add_port(struct oci_container_config *c, const char *spec, struct err *e);
int oci_config_add_volume(struct oci_container_config *c, const char *path, struct err *e);
void oci_config_set_user(struct oci_container_config *c, const char *user);
/* A relative path continues the present one; "." and ".." are resolved as text. */
int oci_config_set_workdir(struct oci_container_config *c, const char *path, struct err *e);
int oci_config_set_stop_signal(struct oci_container_config *c, const char *signal, struct err *e);
void oci_config_set_shell(struct oci_container_config *c, const struct strv *argv);
void oci_config_add_onbuild(struct oci_container_config *c, const char *instruction);
void oci_config_set_healthcheck(struct oci_container_config *c, const struct oci_healthcheck *h);

/* The shell that a shell form runs in: c's, or {"/bin/sh", "-c"}; appended to ret. */
void oci_config_shell(const struct oci_container_config *c, struct strv *ret);
/* base joined with path as WORKDIR does ("" base is "/"): absolute, without "." and "..". */
char *oci_config_join_path(const char *base, const char *path) must_check;
