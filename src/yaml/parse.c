/* From bytes to a tree, through the events of libfyaml, which is loaded here. What a tree is asked
 * stands in yaml.c. */
#include "yaml/yaml.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <string.h>

#define LIBRARY "libfyaml.so.0"

struct library {
	void *handle;
	__typeof__(&fy_parser_create) parser_create;
	__typeof__(&fy_parser_destroy) parser_destroy;
	__typeof__(&fy_parser_set_string) set_string;
	__typeof__(&fy_parser_parse) parse;
	__typeof__(&fy_parser_event_free) event_free;
	__typeof__(&fy_token_get_text) token_text;
	__typeof__(&fy_token_start_mark) token_mark;
	__typeof__(&fy_scalar_token_get_style) scalar_style;
	__typeof__(&fy_diag_create) diag_create;
	__typeof__(&fy_diag_destroy) diag_destroy;
	__typeof__(&fy_diag_cfg_default) diag_default;
	__typeof__(&fy_diag_set_collect_errors) diag_collect;
	__typeof__(&fy_diag_errors_iterate) diag_next;
};

static int library_open(struct library *l, struct err *e)
{
	l->handle = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!l->handle) {
		err_set(e, ERR_UNSUPPORTED, "YAML needs libfyaml: %s", dlerror());
		err_hint(e, "install the package that has %s (Debian: libfyaml0)", LIBRARY);
		return -ERR_UNSUPPORTED;
	}
	const struct {
		const char *name;
		void **place;
	} names[] = {
		{"fy_parser_create", (void **)&l->parser_create},
		{"fy_parser_destroy", (void **)&l->parser_destroy},
		{"fy_parser_set_string", (void **)&l->set_string},
		{"fy_parser_parse", (void **)&l->parse},
		{"fy_parser_event_free", (void **)&l->event_free},
		{"fy_token_get_text", (void **)&l->token_text},
		{"fy_token_start_mark", (void **)&l->token_mark},
		{"fy_scalar_token_get_style", (void **)&l->scalar_style},
		{"fy_diag_create", (void **)&l->diag_create},
		{"fy_diag_destroy", (void **)&l->diag_destroy},
		{"fy_diag_cfg_default", (void **)&l->diag_default},
		{"fy_diag_set_collect_errors", (void **)&l->diag_collect},
		{"fy_diag_errors_iterate", (void **)&l->diag_next},
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		*names[i].place = dlsym(l->handle, names[i].name);
		if (!*names[i].place)
			return err_set(e, ERR_UNSUPPORTED, "'%s' is missing in %s", names[i].name,
				LIBRARY);
	}
	return 0;
}

static void library_close(struct library *l)
{
	if (l->handle)
		dlclose(l->handle);
}

struct parser {
	struct library lib;
	struct fy_parser *fyp;
	struct fy_diag *diag;
	struct yaml_doc *doc;
	struct yaml_node *open[LIMIT_YAML_DEPTH]; /* lists and maps we are in */
	struct yaml_node *last[LIMIT_YAML_DEPTH]; /* their last child */
	size_t depth;
	const char *key; /* of the next child of a map; NULL: a key is next */
	unsigned key_line;
	unsigned line;  /* of the last token */
	unsigned lines; /* of the document */
	size_t nodes, documents;
};

static void parser_release(struct parser *p)
{
	if (p->fyp)
		p->lib.parser_destroy(p->fyp);
	if (p->diag)
		p->lib.diag_destroy(p->diag);
	library_close(&p->lib);
}

static int parser_error(struct parser *p, struct err *e)
{
	void *at = NULL;
	const struct fy_diag_error *d = p->lib.diag_next(p->diag, &at);
	if (!d || !d->msg)
		return yaml_error(e, ERR_SYNTAX, p->doc, p->line, "not valid YAML");
	/* at the end of the text libfyaml names the line behind it */
	unsigned line = d->line > 0 ? MIN((unsigned)d->line, p->lines) : p->line;
	return yaml_error(e, ERR_SYNTAX, p->doc, line, "not valid YAML: %.*s",
		(int)strcspn(d->msg, "\n"), d->msg);
}

static int at_token(struct parser *p, struct fy_token *t, struct fy_token *tag,
	struct fy_token *anchor, struct err *e)
{
	const struct fy_mark *m = t ? p->lib.token_mark(t) : NULL;
	if (m)
		p->line = (unsigned)m->line + 1;
	if (tag)
		return yaml_error(
			e, ERR_UNSUPPORTED, p->doc, p->line, "a tag ('!...') is not known here");
	if (anchor)
		return yaml_error(e, ERR_UNSUPPORTED, p->doc, p->line,
			"anchors and aliases are not known here");
	return 0;
}

static int take_key(struct parser *p, const char *text, struct err *e)
{
	const struct yaml_node *map = p->open[p->depth - 1];
	for (const struct yaml_node *n = map->first; n; n = n->next)
		if (str_eq(n->key, text))
			return yaml_error(e, ERR_FORMAT, p->doc, p->line,
				"'%.100s' is there already, in line %u", text, n->key_line);
	p->key = text;
	p->key_line = p->line;
	return 0;
}

static bool wants_key(const struct parser *p)
{
	return p->depth && p->open[p->depth - 1]->kind == YAML_MAP && !p->key;
}

static int add_node(struct parser *p, enum yaml_kind kind, struct yaml_node **ret, struct err *e)
{
	if (wants_key(p))
		return yaml_error(e, ERR_FORMAT, p->doc, p->line, "a key must be a word");
	if (++p->nodes > LIMIT_YAML_NODES)
		return yaml_error(
			e, ERR_LIMIT, p->doc, p->line, "more than %d values", LIMIT_YAML_NODES);
	struct yaml_node *n = arena_alloc(&p->doc->arena, sizeof(*n));
	n->kind = kind;
	n->line = p->line;
	n->key = STEAL(p->key);
	n->key_line = p->key_line;
	if (!p->depth) {
		p->doc->root = n;
	} else {
		struct yaml_node *parent = p->open[p->depth - 1], **last = &p->last[p->depth - 1];
		*(*last ? &(*last)->next : &parent->first) = n;
		*last = n;
		parent->n++;
	}
	*ret = n;
	return 0;
}

static int scalar(struct parser *p, const struct fy_event_scalar_data *s, struct err *e)
{
	int r = at_token(p, s->value, s->tag, s->anchor, e);
	if (r < 0)
		return r;
	size_t len = 0;
	const char *text = s->value ? p->lib.token_text(s->value, &len) : "";
	if (!text || memchr(text, 0, len))
		return yaml_error(e, ERR_FORMAT, p->doc, p->line, "a text holds a 0 byte");
	text = arena_strndup(&p->doc->arena, text, len);
	if (wants_key(p))
		return take_key(p, text, e);
	struct yaml_node *n;
	r = add_node(p, YAML_SCALAR, &n, e);
	if (r < 0)
		return r;
	n->text = text;
	n->plain = !s->value || p->lib.scalar_style(s->value) == FYSS_PLAIN;
	return 0;
}

static int container(struct parser *p, enum yaml_kind kind, struct fy_token *t,
	struct fy_token *tag, struct fy_token *anchor, struct err *e)
{
	struct yaml_node *n;
	int r = at_token(p, t, tag, anchor, e);
	if (r >= 0)
		r = add_node(p, kind, &n, e);
	if (r < 0)
		return r;
	if (p->depth == LIMIT_YAML_DEPTH)
		return yaml_error(e, ERR_LIMIT, p->doc, p->line, "nested deeper than %d levels",
			LIMIT_YAML_DEPTH);
	p->last[p->depth] = NULL;
	p->open[p->depth++] = n;
	return 0;
}

static int take_event(struct parser *p, const struct fy_event *v, struct err *e)
{
	switch (v->type) {
	case FYET_DOCUMENT_START:
		if (++p->documents > 1)
			return yaml_error(e, ERR_FORMAT, p->doc, p->line,
				"a second document ('---') is not read");
		return 0;
	case FYET_SCALAR:
		return scalar(p, &v->scalar, e);
	case FYET_MAPPING_START:
		return container(p, YAML_MAP, v->mapping_start.mapping_start, v->mapping_start.tag,
			v->mapping_start.anchor, e);
	case FYET_SEQUENCE_START:
		return container(p, YAML_LIST, v->sequence_start.sequence_start,
			v->sequence_start.tag, v->sequence_start.anchor, e);
	case FYET_MAPPING_END:
	case FYET_SEQUENCE_END:
		p->depth--;
		return 0;
	case FYET_ALIAS:
		return yaml_error(e, ERR_UNSUPPORTED, p->doc, p->line,
			"anchors and aliases are not known here");
	default:
		return 0;
	}
}

static int parse_events(struct parser *p, struct err *e)
{
	bool ended = false;
	while (!ended) {
		struct fy_event *v = p->lib.parse(p->fyp);
		if (!v)
			return parser_error(p, e);
		ended = v->type == FYET_STREAM_END;
		int r = take_event(p, v, e);
		p->lib.event_free(p->fyp, v);
		if (r < 0)
			return r;
	}
	return 0;
}

static int begin(struct parser *p, const char *bytes, size_t len, struct err *e)
{
	int r = library_open(&p->lib, e);
	if (r < 0)
		return r;
	struct fy_diag_cfg dc;
	p->lib.diag_default(&dc);
	dc.fp = NULL;
	dc.colorize = false;
	p->diag = p->lib.diag_create(&dc);
	if (!p->diag)
		return err_set(e, ENOMEM, "libfyaml cannot begin");
	p->lib.diag_collect(p->diag, true);
	/* the accelerators and the recycling would only keep memory */
	struct fy_parse_cfg cfg = {
		.search_path = "", .flags = FYPCF_QUIET | FYPCF_DISABLE_RECYCLING, .diag = p->diag};
	p->fyp = p->lib.parser_create(&cfg);
	if (!p->fyp || p->lib.set_string(p->fyp, bytes, len) != 0)
		return err_set(e, ENOMEM, "libfyaml cannot begin");
	return 0;
}

int yaml_parse(const char *bytes, size_t len, const char *name, struct yaml_doc *ret, struct err *e)
{
	struct yaml_doc d cleanup_yaml = YAML_INIT;
	d.name = arena_strdup(&d.arena, name);
	if (len > LIMIT_YAML)
		return err_set(e, ERR_LIMIT, "'%s' is larger than %d bytes", name, LIMIT_YAML);
	if (len == 0 || memchr(bytes, 0, len)) {
		if (len)
			return yaml_error(e, ERR_SYNTAX, &d, 1, "it holds 0 bytes");
	} else {
		struct parser p cleanup(parser_release) = {.doc = &d, .line = 1, .lines = 1};
		for (size_t i = 0; i < len; i++) {
			bool first = i == 0 || bytes[i - 1] == '\n' || bytes[i - 1] == '\r';
			/* libfyaml 0.7 never ends on some directives; nobody needs one here */
			if (first && bytes[i] == '%')
				return yaml_error(e, ERR_UNSUPPORTED, &d, p.lines,
					"a line that begins with '%%' (a directive) is not known "
					"here");
			p.lines += bytes[i] == '\n' && i + 1 < len;
		}
		int r = begin(&p, bytes, len, e);
		if (r >= 0)
			r = parse_events(&p, e);
		if (r < 0)
			return r;
	}
	*ret = d;
	d = (struct yaml_doc)YAML_INIT;
	return 0;
}

int yaml_load(const char *path, struct yaml_doc *ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_YAML);
	int r = file_read(AT_FDCWD, path, &b, e);
	return r < 0 ? r : yaml_parse(buf_str(&b), b.len, path, ret, e);
}
