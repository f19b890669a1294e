/* Typed instructions onto an image config. */
#include "build/config.h"

#include "base/err.h"
#include "base/strv.h"
#include "dockerfile/instruction.h"
#include "oci/config_edit.h"
#include "oci/image_config.h"

static void token_list(const struct dockerfile_command *c, struct strv *out)
{
	for (size_t i = 0; i < c->nargs; i++)
		strv_add(out, c->args[i].text);
}

static void set_health(struct oci_container_config *c, const struct dockerfile_health *h)
{
	struct oci_healthcheck hc = {.set = true};
	if (h->none)
		strv_add(&hc.test, "NONE");
	else
		strv_add(&hc.test, h->command.exec ? "CMD" : "CMD-SHELL");
	if (!h->none)
		token_list(&h->command, &hc.test);
	hc.interval = h->interval;
	hc.timeout = h->timeout;
	hc.start_period = h->start_period;
	hc.start_interval = h->start_interval;
	hc.retries = h->retries;
	oci_config_set_healthcheck(c, &hc);
	oci_healthcheck_release(&hc);
}

static int set_words(
	struct oci_container_config *c, const struct dockerfile_instruction *in, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < in->words.n && r >= 0; i++)
		r = in->kind == DOCKERFILE_EXPOSE
			    ? oci_config_add_port(c, in->words.items[i].text, e)
			    : oci_config_add_volume(c, in->words.items[i].text, e);
	return r;
}

static void set_pairs(struct oci_container_config *c, const struct dockerfile_instruction *in)
{
	for (size_t i = 0; i < in->pairs.n; i++) {
		const struct dockerfile_pair *p = &in->pairs.items[i];
		if (in->kind == DOCKERFILE_ENV)
			oci_config_set_env(c, p->name.text, p->value.text);
		else
			oci_config_set_label(c, p->name.text, p->value.text);
	}
}

int build_config_apply(struct oci_container_config *c, const struct dockerfile_instruction *in,
	bool *cmd_set, struct err *e)
{
	struct strv words cleanup_strv = STRV_INIT;
	switch (in->kind) {
	case DOCKERFILE_ENV:
	case DOCKERFILE_LABEL:
		set_pairs(c, in);
		return 0;
	case DOCKERFILE_EXPOSE:
	case DOCKERFILE_VOLUME:
		return set_words(c, in, e);
	case DOCKERFILE_USER:
		oci_config_set_user(c, in->text.text);
		return 0;
	case DOCKERFILE_WORKDIR:
		return oci_config_set_workdir(c, in->text.text, e);
	case DOCKERFILE_STOPSIGNAL:
		return oci_config_set_stop_signal(c, in->text.text, e);
	case DOCKERFILE_CMD:
		token_list(&in->command, &words);
		oci_config_set_cmd(c, &words, !in->command.exec);
		*cmd_set = true;
		return 0;
	case DOCKERFILE_ENTRYPOINT:
		token_list(&in->command, &words);
		oci_config_set_entrypoint(c, &words, !in->command.exec, *cmd_set);
		return 0;
	case DOCKERFILE_SHELL:
		token_list(&in->command, &words);
		oci_config_set_shell(c, &words);
		return 0;
	case DOCKERFILE_HEALTHCHECK:
		set_health(c, &in->health);
		return 0;
	case DOCKERFILE_ONBUILD:
		oci_config_add_onbuild(c, in->onbuild.expression.text);
		return 0;
	default:
		return 0;
	}
}
