/* kist volume ls|create|rm|inspect|prune. */
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/kist/containers.h"
#include "cli/table.h"
#include "engine/volume.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_anonymous(const char *name)
{
	return strlen(name) == 64 && strspn(name, "0123456789abcdef") == 64;
}

static int list(struct cli *c, struct containers *s)
{
	struct strv names cleanup_strv = STRV_INIT;
	int r = engine_volume_list(&s->g, &names, &c->err);
	if (r < 0)
		return r;
	struct cli_table t;
	cli_table_init(&t, 2);
	cli_table_add(&t, "VOLUME NAME");
	cli_table_add(&t, "CONTAINERS");
	for (size_t i = 0; i < names.n; i++) {
		struct strv users cleanup_strv = STRV_INIT;
		if (cli_flag(c, "quiet")) {
			puts(names.v[i]);
			continue;
		}
		engine_volume_users(&s->g, names.v[i], &users, NULL);
		cleanup_free char *count = mem_printf("%zu", users.n);
		cli_table_add(&t, names.v[i]);
		cli_table_add(&t, count);
	}
	if (!cli_flag(c, "quiet"))
		cli_table_print(&t, stdout);
	cli_table_release(&t);
	return 0;
}

static int create(struct cli *c, struct containers *s)
{
	char made[ENGINE_VOLUME_ID];
	const char *name = c->operands[1];
	if (!name) {
		engine_volume_new_name(made);
		name = made;
	}
	int r = engine_volume_ensure(&s->g, name, &c->err);
	if (r >= 0)
		puts(name);
	return r;
}

static int remove_one(struct cli *c, struct containers *s, const char *name, struct err *e)
{
	int r = engine_volume_remove(&s->g, name, e);
	if (r == -ERR_NOT_FOUND && cli_flag(c, "force"))
		return 0;
	if (r >= 0)
		puts(name);
	return r;
}

static int inspect(struct cli *c, struct containers *s)
{
	json_t *all = json_array();
	int r = 0;
	for (int i = 1; i < c->n_operands && r >= 0; i++) {
		const char *name = c->operands[i];
		char text[CLOCK_TEXT_MAX];
		struct stat st;
		cleanup_free char *path = engine_volume_path(&s->g, name);
		if (!engine_volume_exists(&s->g, name) || stat(path, &st) < 0) {
			r = err_set(&c->err, ERR_NOT_FOUND, "no such volume: %s", name);
			break;
		}
		clock_format(st.st_ctim.tv_sec * CLOCK_NS_PER_S, text);
		json_array_append_new(
			all, json_pack("{s:s, s:s, s:s, s:s, s:b}", "Name", name, "Driver", "local",
				     "Mountpoint", path, "ChangedAt", text, "Anonymous",
				     is_anonymous(name)));
	}
	if (r >= 0)
		cli_print_json(all, true, stdout);
	json_decref(all);
	return r;
}

static int prune(struct cli *c, struct containers *s)
{
	struct strv names cleanup_strv = STRV_INIT;
	int r = engine_volume_list(&s->g, &names, &c->err);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		struct strv users cleanup_strv = STRV_INIT;
		if (!cli_flag(c, "all") && !is_anonymous(names.v[i]))
			continue;
		r = engine_volume_users(&s->g, names.v[i], &users, &c->err);
		if (r < 0 || users.n)
			continue;
		if (!cli_flag(c, "dry-run"))
			r = engine_volume_remove(&s->g, names.v[i], &c->err);
		if (r >= 0)
			puts(names.v[i]);
	}
	return r;
}

static int remove_all(struct cli *c, struct containers *s)
{
	int status = 0;
	for (int i = 1; i < c->n_operands; i++) {
		struct err e = ERR_INIT;
		if (remove_one(c, s, c->operands[i], &e) < 0) {
			cli_error(&e);
			status = 1;
		}
	}
	return status;
}

static int cmd_volume(struct cli *c)
{
	static const struct {
		const char *verb;
		int (*fn)(struct cli *c, struct containers *s);
		int least, most;
	} verbs[] = {{"ls", list, 0, 0}, {"create", create, 0, 1}, {"rm", remove_all, 1, 1000000},
		{"inspect", inspect, 1, 1000000}, {"prune", prune, 0, 0}};
	struct containers s cleanup_containers = {0};
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++) {
		if (!str_eq(verbs[i].verb, c->operands[0]))
			continue;
		if (c->n_operands - 1 < verbs[i].least || c->n_operands - 1 > verbs[i].most)
			return err_set(&c->err, ERR_USAGE,
				"'kist volume %s': wrong number of names", verbs[i].verb);
		int r = containers_open(c, &s);
		return r < 0 ? r : verbs[i].fn(c, &s);
	}
	return err_set(&c->err, ERR_USAGE,
		"'kist volume %s': expected ls, create, rm, inspect or prune", c->operands[0]);
}

CLI_COMMAND(volume, cmd_volume);
