/* The flags of an instruction: which there are, and what is wrong with them. */
#include "base/err.h"
#include "base/str.h"
#include "dockerfile/instruction_priv.h"

#include <string.h>

static const struct dockerfile_flag_rule *rule_find(
	const struct dockerfile_flag_rule *rules, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rules[i].name, name) == 0)
			return &rules[i];
	return NULL;
}

static int refuse_unknown(struct dockerfile_reading *r, const struct dockerfile_flag *flag,
	const struct dockerfile_flag_rule *rules, size_t n)
{
	const char *meant = NULL;
	size_t best = 3;
	for (size_t i = 0; i < n; i++) {
		size_t d = str_distance(flag->name.text, rules[i].name, best);
		if (d < best) {
			best = d;
			meant = rules[i].name;
		}
	}
	if (meant)
		err_hint(r->e, "did you mean --%s?", meant);
	return dockerfile_reading_error(r, flag->word.span, ERR_SYNTAX, "%s has no flag '--%.80s'",
		dockerfile_kind_name(r->node->kind), flag->name.text);
}

int dockerfile_flags_read(
	struct dockerfile_reading *r, const struct dockerfile_flag_rule *rules, size_t n)
{
	const char *kind = dockerfile_kind_name(r->node->kind);
	for (size_t i = 0; i < r->node->nflags; i++) {
		const struct dockerfile_flag *flag = &r->node->flags[i];
		const struct dockerfile_flag_rule *rule = rule_find(rules, n, flag->name.text);
		if (!rule)
			return refuse_unknown(r, flag, rules, n);
		if (!rule->ret_value)
			return dockerfile_reading_error(r, flag->word.span, ERR_UNSUPPORTED,
				"%s --%s is not supported by this version of kist", kind,
				rule->name);
		if (rule->ret_value->text)
			return dockerfile_reading_error(r, flag->word.span, ERR_SYNTAX,
				"%s --%s is given twice", kind, rule->name);
		if (!flag->has_value || !flag->value.len)
			return dockerfile_reading_error(r, flag->word.span, ERR_SYNTAX,
				"%s --%s needs a value", kind, rule->name);
		*rule->ret_value = flag->value;
	}
	return 0;
}
