/* Variables in a typed instruction: which of its words expand, and their checks afterwards. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/strv.h"
#include "dockerfile/expand.h"
#include "dockerfile/instruction_priv.h"

#include <string.h>

struct expanding {
	struct dockerfile_expander x;
	const struct dockerfile *file;
	struct arena *arena;
	struct err *e;
};

bool dockerfile_kind_expands(enum dockerfile_kind kind)
{
	switch (kind) {
	case DOCKERFILE_ADD:
	case DOCKERFILE_ARG:
	case DOCKERFILE_COPY:
	case DOCKERFILE_ENV:
	case DOCKERFILE_EXPOSE:
	case DOCKERFILE_FROM:
	case DOCKERFILE_LABEL:
	case DOCKERFILE_STOPSIGNAL:
	case DOCKERFILE_USER:
	case DOCKERFILE_VOLUME:
	case DOCKERFILE_WORKDIR:
		return true;
	default:
		return false;
	}
}

/* Words an error of the expansion with the place of the token. */
static int located(
	const struct expanding *x, const struct dockerfile_token *t, int r, const struct err *inner)
{
	return r < 0 ? dockerfile_error(x->file, t->span, x->e, -r, "%s", inner->msg) : r;
}

/* In place; an absent token stays absent. */
static int expand_token(const struct expanding *x, struct dockerfile_token *t)
{
	struct buf out cleanup_buf = BUF_INIT;
	struct err inner = ERR_INIT;
	if (!t->text || (!strpbrk(t->text, "$'\"") && !strchr(t->text, x->x.escape)))
		return 0;
	int r = dockerfile_expand_word(&x->x, t->text, &out, &inner);
	if (r < 0)
		return located(x, t, r, &inner);
	t->text = arena_strndup(x->arena, buf_str(&out), out.len);
	t->len = out.len;
	return 0;
}

static int expand_list(const struct expanding *x, struct dockerfile_list *list)
{
	struct dockerfile_token *items = arena_alloc(x->arena, list->n * sizeof(*items));
	memcpy(items, list->items, list->n * sizeof(*items));
	list->items = items;
	int r = 0;
	for (size_t i = 0; i < list->n && r >= 0; i++)
		r = expand_token(x, &items[i]);
	return r;
}

/* EXPOSE: a word may become several, or none. */
static int expand_ports(const struct expanding *x, struct dockerfile_list *list)
{
	struct buf items cleanup_buf = BUF_INIT;
	int r = 0;
	for (size_t i = 0; i < list->n && r >= 0; i++) {
		struct strv words cleanup_strv = STRV_INIT;
		struct err inner = ERR_INIT;
		struct dockerfile_port port;
		struct dockerfile_token t = list->items[i];
		r = located(x, &t, dockerfile_expand_words(&x->x, t.text, &words, &inner), &inner);
		for (size_t k = 0; k < words.n && r >= 0; k++) {
			r = located(
				x, &t, dockerfile_port_parse(words.v[k], &port, &inner), &inner);
			t.text = arena_strdup(x->arena, words.v[k]);
			t.len = strlen(words.v[k]);
			buf_add(&items, &t, sizeof(t));
		}
	}
	list->n = items.len / sizeof(*list->items);
	list->items = arena_alloc(x->arena, items.len + 1);
	if (items.len)
		memcpy(list->items, items.data, items.len);
	return r;
}

static int expand_pair(const struct expanding *x, struct dockerfile_pair *pair)
{
	int r = expand_token(x, &pair->name);
	if (r >= 0)
		r = expand_token(x, &pair->value);
	if (r >= 0 && !*pair->name.text)
		r = dockerfile_error(x->file, pair->name.span, x->e, ERR_SYNTAX,
			"the name is empty after its variables were replaced");
	return r;
}

static int expand_pairs(const struct expanding *x, struct dockerfile_pairs *pairs)
{
	struct dockerfile_pair *items = arena_alloc(x->arena, pairs->n * sizeof(*items));
	memcpy(items, pairs->items, pairs->n * sizeof(*items));
	pairs->items = items;
	int r = 0;
	for (size_t i = 0; i < pairs->n && r >= 0; i++)
		r = expand_pair(x, &items[i]);
	return r;
}

/* The body of a heredoc: quotes are text there, and the backslash is the shell's. */
static int expand_content(const struct expanding *x, struct dockerfile_copy_source *source)
{
	struct expanding body = *x;
	struct buf out cleanup_buf = BUF_INIT;
	struct err inner = ERR_INIT;
	if (!source->heredoc->expand)
		return 0;
	if (memchr(source->content.text, 0, source->content.len))
		return dockerfile_error(x->file, source->heredoc->word.span, x->e, ERR_SYNTAX,
			"a zero byte in a heredoc");
	body.x.flags = DOCKERFILE_LITERAL_QUOTES;
	body.x.escape = '\\';
	int r = dockerfile_expand_word(&body.x, source->content.text, &out, &inner);
	if (r < 0)
		return located(x, &source->heredoc->word, r, &inner);
	source->content.text = arena_strndup(x->arena, buf_str(&out), out.len);
	source->content.len = out.len;
	return 0;
}

static int expand_copy(
	const struct expanding *x, enum dockerfile_kind kind, struct dockerfile_copy *copy)
{
	struct dockerfile_copy_source *sources =
		arena_alloc(x->arena, copy->nsources * sizeof(*sources));
	memcpy(sources, copy->sources, copy->nsources * sizeof(*sources));
	copy->sources = sources;
	int r = expand_token(x, &copy->chown);
	if (r >= 0)
		r = expand_token(x, &copy->chmod);
	if (r >= 0)
		r = expand_token(x, &copy->dest);
	for (size_t i = 0; i < copy->nsources && r >= 0; i++) {
		if (sources[i].heredoc) {
			r = expand_content(x, &sources[i]);
			continue;
		}
		r = expand_token(x, &sources[i].path);
		if (r >= 0)
			r = dockerfile_copy_check_source(x->file, kind, &sources[i].path, x->e);
	}
	return r;
}

static int expand_from(const struct expanding *x, struct dockerfile_from *from)
{
	int r = expand_token(x, &from->base);
	if (r >= 0 && !*from->base.text) {
		err_hint(x->e, "give the ARG a default, or --build-arg");
		r = dockerfile_error(x->file, from->base.span, x->e, ERR_SYNTAX,
			"the base image is empty after its variables were replaced");
	}
	return r < 0 ? r : expand_token(x, &from->platform);
}

static int expand_text(
	const struct expanding *x, enum dockerfile_kind kind, struct dockerfile_token *text)
{
	int r = expand_token(x, text);
	if (r >= 0 && kind == DOCKERFILE_STOPSIGNAL && proc_parse_signal(text->text) < 0)
		r = dockerfile_error(
			x->file, text->span, x->e, ERR_SYNTAX, "'%.80s' is no signal", text->text);
	return r;
}

static struct expanding expanding_begin(const struct dockerfile_instruction *in,
	const struct dockerfile_expander *x, struct arena *a, struct err *e)
{
	struct expanding state = {*x, in->file, a, e};
	state.x.flags = 0;
	state.x.escape = x->escape ? x->escape : '\\';
	return state;
}

int dockerfile_pair_expand(const struct dockerfile_instruction *in, size_t i,
	const struct dockerfile_expander *x, struct arena *a, struct dockerfile_pair *ret_pair,
	struct err *e)
{
	struct expanding state = expanding_begin(in, x, a, e);
	struct dockerfile_pair pair = in->pairs.items[i];
	int r = expand_pair(&state, &pair);
	if (r >= 0)
		*ret_pair = pair;
	return r;
}

int dockerfile_instruction_expand(const struct dockerfile_instruction *in,
	const struct dockerfile_expander *x, struct arena *a, struct dockerfile_instruction *ret_in,
	struct err *e)
{
	struct expanding state = expanding_begin(in, x, a, e);
	struct dockerfile_instruction out = *in;
	int r = 0;
	switch (in->kind) {
	case DOCKERFILE_FROM:
		r = expand_from(&state, &out.from);
		break;
	case DOCKERFILE_ARG:
	case DOCKERFILE_ENV:
	case DOCKERFILE_LABEL:
		r = expand_pairs(&state, &out.pairs);
		break;
	case DOCKERFILE_ADD:
	case DOCKERFILE_COPY:
		r = expand_copy(&state, in->kind, &out.copy);
		break;
	case DOCKERFILE_EXPOSE:
		r = expand_ports(&state, &out.words);
		break;
	case DOCKERFILE_VOLUME:
		r = expand_list(&state, &out.words);
		break;
	case DOCKERFILE_STOPSIGNAL:
	case DOCKERFILE_USER:
	case DOCKERFILE_WORKDIR:
		r = expand_text(&state, in->kind, &out.text);
		break;
	default:
		break;
	}
	if (r < 0)
		return r;
	*ret_in = out;
	return 0;
}

static bool port_number(const char *text, size_t len, uint16_t *ret)
{
	char digits[8];
	uint64_t n;
	if (!len || len >= sizeof(digits))
		return false;
	memcpy(digits, text, len);
	digits[len] = 0;
	if (str_parse_u64(digits, 10, &n) < 0 || n > 65535)
		return false;
	*ret = (uint16_t)n;
	return true;
}

int dockerfile_port_parse(const char *word, struct dockerfile_port *ret_port, struct err *e)
{
	static const char *const protos[] = {"tcp", "udp", "sctp"};
	struct dockerfile_port port = {.proto = "tcp"};
	size_t len = strcspn(word, "/"), dash = strcspn(word, "-");
	if (word[len]) {
		size_t i = 0;
		while (i < ARRAY_SIZE(protos) && strcasecmp(word + len + 1, protos[i]) != 0)
			i++;
		if (i == ARRAY_SIZE(protos))
			return err_set(
				e, ERR_SYNTAX, "'%.80s': the protocol is tcp, udp or sctp", word);
		memcpy(port.proto, protos[i], strlen(protos[i]) + 1);
	}
	bool range = dash < len;
	if (!port_number(word, range ? dash : len, &port.first) ||
		(range && !port_number(word + dash + 1, len - dash - 1, &port.last)))
		return err_set(e, ERR_SYNTAX,
			"'%.80s' is no port: PORT[-PORT][/PROTOCOL], 0 to 65535", word);
	if (!range)
		port.last = port.first;
	if (port.last < port.first)
		return err_set(e, ERR_SYNTAX, "'%.80s': the range ends before it begins", word);
	*ret_port = port;
	return 0;
}
