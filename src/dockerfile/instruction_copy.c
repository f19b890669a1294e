/* COPY and ADD */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "dockerfile/instruction_priv.h"

#include <string.h>
#include <strings.h>

int dockerfile_copy_check_source(const struct dockerfile *file, enum dockerfile_kind kind,
	const struct dockerfile_token *path, struct err *e)
{
	static const char *const urls[] = {"http://", "https://"};
	static const char *const gits[] = {"git://", "ssh://", "git@", "github.com/"};
	if (kind != DOCKERFILE_ADD)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
		if (strncasecmp(path->text, urls[i], strlen(urls[i])) == 0)
			return dockerfile_error(file, path->span, e, ERR_UNSUPPORTED,
				"ADD of a URL is not supported by this version of kist: '%.200s'",
				path->text);
	for (size_t i = 0; i < ARRAY_SIZE(gits); i++)
		if (str_starts(path->text, gits[i]))
			return dockerfile_error(file, path->span, e, ERR_UNSUPPORTED,
				"ADD of a git repository is not supported by this version of "
				"kist: '%.200s'",
				path->text);
	return 0;
}

/* The heredoc that the word at this place opened, or NULL */
static const struct dockerfile_heredoc *heredoc_at(
	const struct dockerfile_node *node, const struct dockerfile_token *word)
{
	for (size_t i = 0; i < node->nheredocs && node->form != DOCKERFILE_JSON; i++)
		if (node->heredocs[i].word.span.start.offset == word->span.start.offset)
			return &node->heredocs[i];
	return NULL;
}

static int source_read(struct dockerfile_reading *r, const struct dockerfile_token *word,
	struct dockerfile_copy_source *ret)
{
	const struct dockerfile_heredoc *h = heredoc_at(r->node, word);
	*ret = (struct dockerfile_copy_source){.path = *word, .heredoc = h};
	if (!h)
		return dockerfile_copy_check_source(r->file, r->node->kind, word, r->e);
	if (strchr(h->name, '/') || strcmp(h->name, ".") == 0 || strcmp(h->name, "..") == 0)
		return dockerfile_reading_error(r, word->span, ERR_SYNTAX,
			"the heredoc '%.80s' becomes a file: its name cannot be a path", h->name);
	ret->path.text = h->name;
	ret->path.len = strlen(h->name);
	ret->content = (struct dockerfile_token){h->text, h->text_len, h->body.span};
	return 0;
}

static int flags_read(struct dockerfile_reading *r)
{
	struct dockerfile_copy *copy = &r->in->copy;
	const struct dockerfile_flag_rule of_copy[] = {
		{"chown", &copy->chown},
		{"chmod", &copy->chmod},
		{"from", &copy->from},
		{"link", NULL},
		{"parents", NULL},
		{"exclude", NULL},
	};
	const struct dockerfile_flag_rule of_add[] = {
		{"chown", &copy->chown},
		{"chmod", &copy->chmod},
		{"link", NULL},
		{"exclude", NULL},
		{"checksum", NULL},
		{"keep-git-dir", NULL},
		{"unpack", NULL},
	};
	if (r->node->kind == DOCKERFILE_ADD)
		return dockerfile_flags_read(r, of_add, ARRAY_SIZE(of_add));
	return dockerfile_flags_read(r, of_copy, ARRAY_SIZE(of_copy));
}

int dockerfile_copy_read(struct dockerfile_reading *r)
{
	const struct dockerfile_node *node = r->node;
	struct dockerfile_copy *copy = &r->in->copy;
	const char *kind = dockerfile_kind_name(node->kind);
	int e = flags_read(r);
	if (e < 0)
		return e;
	if (node->nargs < 2)
		return dockerfile_reading_error(r,
			node->nargs ? node->args[0].span : node->keyword.span, ERR_SYNTAX,
			"%s needs a source and a destination", kind);
	copy->dest = node->args[node->nargs - 1];
	copy->nsources = node->nargs - 1;
	if (heredoc_at(node, &copy->dest))
		return dockerfile_reading_error(r, copy->dest.span, ERR_SYNTAX,
			"a heredoc cannot be the destination of %s", kind);
	copy->sources = arena_alloc(r->arena, copy->nsources * sizeof(*copy->sources));
	for (size_t i = 0; i < copy->nsources; i++) {
		e = source_read(r, &node->args[i], &copy->sources[i]);
		if (e < 0)
			return e;
		if (copy->sources[i].heredoc && copy->from.text)
			return dockerfile_reading_error(r, node->args[i].span, ERR_SYNTAX,
				"COPY --from cannot take a heredoc");
	}
	return 0;
}
