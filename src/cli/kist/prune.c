/* kist prune: the plan as a list, a question, the plan's execution. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"
#include "cli/kist/containers.h"
#include "cli/store.h"
#include "cli/table.h"
#include "oci/reference.h"
#include "store/gc.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *const kinds[] = {
	[STORE_PRUNE_CONTAINER] = "container",
	[STORE_PRUNE_TAG] = "name",
	[STORE_PRUNE_IMAGE] = "image",
	[STORE_PRUNE_CACHE] = "cache",
	[STORE_PRUNE_LAYER] = "layer",
	[STORE_PRUNE_BLOB] = "blob",
	[STORE_PRUNE_PARTIAL] = "partial",
	[STORE_PRUNE_LEFTOVER] = "leftover",
};

/* "until=24h" before now, "until=2024-05-01T00:00:00Z", "until=1714521600" */
static int parse_until(struct cli *c, int64_t *ret)
{
	const char *f;
	for (size_t i = 0; (f = cli_value_at(c, "filter", i)); i++) {
		int64_t ns;
		if (!str_starts(f, "until="))
			return err_set(
				&c->err, ERR_USAGE, "unknown filter '%s': there is until=TIME", f);
		f += strlen("until=");
		if (str_parse_i64(f, &ns) >= 0 && ns >= 0 && ns < INT64_MAX / CLOCK_NS_PER_S)
			*ret = ns * CLOCK_NS_PER_S;
		else if (str_parse_duration(f, &ns) >= 0 && ns >= 0)
			*ret = clock_now() - ns;
		else if (clock_parse(f, ret) < 0)
			return err_set(&c->err, ERR_USAGE,
				"filter until: '%s' is neither a duration nor a date", f);
	}
	return 0;
}

/* Containers that do not run and are older than before (0: any). */
static int stopped(struct containers *s, int64_t before, struct strv *ids, struct err *e)
{
	struct engine_containers l cleanup_engine_containers = {NULL, 0};
	int r = engine_container_list(&s->g, &l, e);
	for (size_t i = 0; r >= 0 && i < l.n; i++) {
		const struct engine_container *ec = &l.v[i];
		bool still = ec->state.status == ENGINE_CREATED ||
			     ec->state.status == ENGINE_EXITED || ec->state.status == ENGINE_DEAD;
		if (still && !ec->monitored && (!before || ec->row.created < before))
			strv_add(ids, ec->row.id);
	}
	return r;
}

static void print_plan(const struct store_prune_plan *plan)
{
	struct cli_table t cleanup(cli_table_release) = {0};
	char size[CLI_SIZE_MAX], id[CLI_ID_MAX], familiar[OCI_REFERENCE_MAX];
	cli_table_init(&t, 5);
	static const char *const head[] = {"KIND", "ID", "SIZE", "NAME", "REASON"};
	for (size_t i = 0; i < ARRAY_SIZE(head); i++)
		cli_table_add(&t, head[i]);
	for (size_t i = 0; i < plan->n; i++) {
		const struct store_prune_item *it = &plan->v[i];
		bool tagged = it->kind == STORE_PRUNE_TAG || it->kind == STORE_PRUNE_IMAGE;
		const char *name = it->name;
		if (tagged && name[0] != '<')
			name = oci_reference_familiar(name, familiar);
		char *cut cleanup_free = mem_printf("%.60s", str_eq(name, it->id) ? "" : name);
		for (char *p = cut; *p; p++)
			if ((unsigned char)*p < ' ')
				*p = ' '; /* instructions may have several lines */
		cli_table_add(&t, kinds[it->kind]);
		cli_table_add(
			&t, it->kind == STORE_PRUNE_LEFTOVER ? "" : cli_id(it->id, false, id));
		cli_table_add(&t, cli_size(it->bytes, size));
		cli_table_add(&t, cut);
		cli_table_add(&t, it->reason);
	}
	if (plan->n)
		cli_table_print(&t, stdout);
}

/* 1: yes */
static int ask(struct cli *c)
{
	if (cli_flag(c, "force"))
		return 1;
	if (!isatty(STDIN_FILENO)) {
		int r = err_set(&c->err, ERR_USAGE, "nobody to ask: standard input is no terminal");
		err_hint(&c->err, "use --force to remove these things, --dry-run to list them");
		return r;
	}
	char answer[16] = "";
	printf("Remove all of this? [y/N] ");
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

static int remove_containers(
	struct containers *s, const struct store_prune_plan *p, uint64_t *freed, struct err *e)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].kind != STORE_PRUNE_CONTAINER)
			continue;
		int r = engine_container_remove(&s->g, p->v[i].id, ENGINE_REMOVE_VOLUMES, e);
		if (r >= 0)
			*freed += p->v[i].bytes;
		else if (r == -ERR_NOT_FOUND || r == -ERR_IN_USE)
			err_clear(e); /* somebody removed or started it meanwhile */
		else
			return r;
	}
	return 0;
}

static int carry_out(struct cli *c, struct containers *s, const struct store_prune_plan *p)
{
	uint64_t freed = 0, more = 0;
	char size[CLI_SIZE_MAX];
	int r = ask(c);
	if (r <= 0)
		return r;
	r = remove_containers(s, p, &freed, &c->err);
	if (r >= 0)
		r = store_prune_apply(s->store, p, &more, &c->err);
	if (r >= 0)
		printf("Total reclaimed space: %s\n", cli_size(freed + more, size));
	return r < 0 ? r : 0;
}

static int cmd_prune(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct strv ids cleanup_strv = STRV_INIT;
	struct store_prune_plan plan cleanup_store_prune_plan = {0};
	bool some =
		cli_flag(c, "images") || cli_flag(c, "build-cache") || cli_flag(c, "containers");
	struct store_prune_options o = {
		.images = !some || cli_flag(c, "images"),
		.cache = !some || cli_flag(c, "build-cache"),
		.leftovers = !some,
		.containers = &ids,
		.by = "kist prune",
	};
	o.all_images = o.images && cli_flag(c, "all");
	o.all_partials = o.leftovers && cli_flag(c, "all");
	int r = parse_until(c, &o.before);
	if (r >= 0)
		r = containers_open(c, &s);
	if (r >= 0 && (!some || cli_flag(c, "containers")))
		r = stopped(&s, o.before, &ids, &c->err);
	if (r >= 0)
		r = store_prune_plan(s.store, &o, &plan, &c->err);
	if (r < 0)
		return r;
	print_plan(&plan);
	if (cli_flag(c, "dry-run") || plan.n == 0) {
		char size[CLI_SIZE_MAX];
		printf("%s: %s\n",
			cli_flag(c, "dry-run") ? "Would be reclaimed" : "Total reclaimed space",
			cli_size(plan.bytes, size));
		return 0;
	}
	return carry_out(c, &s, &plan);
}
CLI_COMMAND(prune, cmd_prune);
