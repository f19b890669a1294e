/*
 * struct oci_image_config: an image's configuration (image-spec config.md, and
 * Docker's fields beside it: Healthcheck, OnBuild, Shell, ArgsEscaped, which
 * travel in OCI typed configs too). Read from bytes that are not trusted.
 *
 * Fields that are not named here are kept and written again: each level
 * (document, config, history entry) carries its unknown members.
 *
 * Life cycle: `struct oci_image_config c cleanup_oci_image_config =
 * OCI_IMAGE_CONFIG_INIT;`, or oci_image_config_parse into such a one; everything
 * inside belongs to it. Strings are NULL when absent. A list has a flag where
 * absent and empty mean different things (Cmd, Entrypoint).
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct buf;
struct err;
struct json_t;

/* Docker's HealthConfig. Durations in nanoseconds, 0: the default. */
struct oci_healthcheck {
	bool set;         /* there is one; "test" may still be empty: inherit from below */
	struct strv test; /* {"NONE"}, {"CMD", ...}, {"CMD-SHELL", "..."} */
	int64_t interval, timeout, start_period, start_interval;
	int64_t retries;
};
void oci_healthcheck_release(struct oci_healthcheck *h);
void oci_healthcheck_copy(struct oci_healthcheck *dst, const struct oci_healthcheck *src);

/* The `config` member: what containers start with. */
struct oci_container_config {
	char *user;
	struct strv exposed_ports;    /* "80/tcp", sorted when written */
	struct strv env;              /* NAME=VALUE */
	bool has_entrypoint, has_cmd; /* there and not null: an empty list resets */
	struct strv entrypoint, cmd;
	struct strv volumes; /* paths, sorted when written */
	char *working_dir;
	struct strv labels; /* NAME=VALUE: strv_env_get, strv_env_set; sorted when written */
	char *stop_signal;
	int64_t stop_timeout; /* seconds, -1: not given */
	struct oci_healthcheck healthcheck;
	struct strv onbuild;
	bool has_shell;
	struct strv shell;
	bool args_escaped;
	struct json_t *unknown; /* object or NULL */
};
void oci_container_config_release(struct oci_container_config *c);
void oci_container_config_copy(
	struct oci_container_config *dst, const struct oci_container_config *src);

struct oci_history {
	char *created, *created_by, *author, *comment; /* NULL: absent */
	bool empty_layer;
	struct json_t *unknown;
};

struct oci_image_config {
	char *created; /* RFC 3339 as written, checked */
	char *author;
	char *architecture, *variant, *os, *os_version;
	struct strv os_features;
	struct oci_container_config config;
	struct strv diff_ids; /* lowest first; valid digests */
	struct oci_history *history;
	size_t nhistory;
	struct json_t *unknown;
};

#define OCI_IMAGE_CONFIG_INIT                   \
	{                                       \
		.config = {.stop_timeout = -1}, \
	}

void oci_image_config_release(struct oci_image_config *c);
#define cleanup_oci_image_config cleanup(oci_image_config_release)

/* ret is overwritten (not released before); on failure it is left released and empty. */
int oci_image_config_parse(
	const char *bytes, size_t len, struct oci_image_config *ret, struct err *e) must_check;
/* Appends the document: deterministic, compact, the same bytes for the same content. */
void oci_image_config_format(const struct oci_image_config *c, struct buf *out);
void oci_image_config_copy(struct oci_image_config *dst, const struct oci_image_config *src);

/* Appends an entry; strings are copied, NULL is absent. */
void oci_image_config_add_history(struct oci_image_config *c, const char *created,
	const char *created_by, const char *author, const char *comment, bool empty_layer);
/* created as nanoseconds since 1970 (base/clock.h); 0 when absent. */
int64_t oci_image_config_created(const struct oci_image_config *c);

/* The `config` member alone: as containers' rows keep it. unknown members included. */
int oci_container_config_parse(
	struct json_t *o, const char *where, struct oci_container_config *ret, struct err *e);
struct json_t *oci_container_config_format(const struct oci_container_config *c) must_check;
