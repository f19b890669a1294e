/* D-Bus messages as bytes; pure. See dbus_priv.h. */
#include "base/err.h"
#include "base/limits.h"
#include "runtime/dbus_priv.h"

#include <string.h>

enum field {
	FIELD_PATH = 1,
	FIELD_INTERFACE = 2,
	FIELD_MEMBER = 3,
	FIELD_ERROR = 4,
	FIELD_REPLY_SERIAL = 5,
	FIELD_DESTINATION = 6,
	FIELD_SIGNATURE = 8,
};

/* ---- writing ---- */

static void pad(struct buf *b, unsigned align)
{
	while (b->len % align)
		buf_add_char(b, 0);
}

void dbus_put_u32(struct buf *b, uint32_t v)
{
	pad(b, 4);
	const uint8_t raw[] = {
		(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
	buf_add(b, raw, sizeof(raw));
}

void dbus_put_bool(struct buf *b, bool v)
{
	dbus_put_u32(b, v);
}

void dbus_put_u64(struct buf *b, uint64_t v)
{
	pad(b, 8);
	dbus_put_u32(b, (uint32_t)v);
	dbus_put_u32(b, (uint32_t)(v >> 32));
}

void dbus_put_str(struct buf *b, const char *s)
{
	size_t len = strlen(s);
	dbus_put_u32(b, (uint32_t)len);
	buf_add(b, s, len + 1);
}

void dbus_put_sig(struct buf *b, const char *s)
{
	size_t len = strlen(s);
	buf_add_char(b, (char)len);
	buf_add(b, s, len + 1);
}

void dbus_put_struct(struct buf *b)
{
	pad(b, 8);
}

size_t dbus_array_begin(struct buf *b, unsigned align)
{
	dbus_put_u32(b, 0);
	size_t at = b->len - 4;
	pad(b, align);
	return at;
}

/* The length is that of the elements, without what aligns the first of them. */
void dbus_array_end(struct buf *b, size_t at, unsigned align)
{
	size_t first = (at + 4 + align - 1) / align * align;
	uint32_t len = (uint32_t)(b->len - first);
	for (int i = 0; i < 4; i++)
		b->data[at + (size_t)i] = (char)(len >> (8 * i));
}

static void put_field(struct buf *b, enum field f, const char *sig, const char *value)
{
	dbus_put_struct(b);
	buf_add_char(b, (char)f);
	dbus_put_sig(b, sig);
	if (*sig == 'g')
		dbus_put_sig(b, value);
	else
		dbus_put_str(b, value);
}

void dbus_format_call(struct buf *out, uint32_t serial, const struct dbus_call *c)
{
	struct buf b cleanup_buf = BUF_INIT; /* alignment counts from the message's start */
	const char fixed[] = {'l', DBUS_CALL, c->no_reply, 1};
	buf_add(&b, fixed, sizeof(fixed));
	dbus_put_u32(&b, c->body ? (uint32_t)c->body->len : 0);
	dbus_put_u32(&b, serial);
	size_t at = dbus_array_begin(&b, 8);
	put_field(&b, FIELD_PATH, "o", c->path);
	put_field(&b, FIELD_INTERFACE, "s", c->interface);
	put_field(&b, FIELD_MEMBER, "s", c->member);
	put_field(&b, FIELD_DESTINATION, "s", c->destination);
	if (c->signature)
		put_field(&b, FIELD_SIGNATURE, "g", c->signature);
	dbus_array_end(&b, at, 8);
	pad(&b, 8);
	buf_add(out, b.data, b.len);
	if (c->body && c->body->len)
		buf_add(out, c->body->data, c->body->len);
}

/* ---- reading ---- */

static uint32_t u32_at(const uint8_t *p)
{
	return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

int64_t dbus_message_size(const void *header, struct err *e)
{
	const uint8_t *p = header;
	if (p[0] != 'l' || p[3] != 1)
		return err_set(e, ERR_FORMAT, "a D-Bus message of another byte order or version");
	uint64_t body = u32_at(p + 4), fields = u32_at(p + 12);
	uint64_t size = DBUS_FIXED_HEADER + (fields + 7) / 8 * 8 + body;
	if (size > LIMIT_DBUS_MESSAGE)
		return err_set(
			e, ERR_LIMIT, "a D-Bus message of %llu bytes", (unsigned long long)size);
	return (int64_t)size;
}

static int align_reader(struct dbus_reader *r, unsigned align)
{
	size_t at = (r->at + align - 1) / align * align;
	if (at > r->len)
		return -ERR_FORMAT;
	r->at = at;
	return 0;
}

int dbus_get_u32(struct dbus_reader *r, uint32_t *ret)
{
	if (align_reader(r, 4) < 0 || r->len - r->at < 4)
		return -ERR_FORMAT;
	*ret = u32_at(r->p + r->at);
	r->at += 4;
	return 0;
}

static int get_text(struct dbus_reader *r, size_t len, const char **ret)
{
	if (r->len - r->at < 1 || len > r->len - r->at - 1 || r->p[r->at + len] ||
		memchr(r->p + r->at, 0, len))
		return -ERR_FORMAT;
	*ret = (const char *)r->p + r->at;
	r->at += len + 1;
	return 0;
}

int dbus_get_str(struct dbus_reader *r, const char **ret)
{
	uint32_t len;
	int k = dbus_get_u32(r, &len);
	return k < 0 ? k : get_text(r, len, ret);
}

static int get_sig(struct dbus_reader *r, const char **ret)
{
	if (r->at >= r->len)
		return -ERR_FORMAT;
	size_t len = r->p[r->at++];
	return get_text(r, len, ret);
}

int dbus_get_variant_str(struct dbus_reader *r, const char **ret)
{
	const char *sig;
	int k = get_sig(r, &sig);
	return k < 0 || strcmp(sig, "s") != 0 ? -ERR_FORMAT : dbus_get_str(r, ret);
}

static int get_field(struct dbus_reader *r, struct dbus_message *m)
{
	const char *sig, *text = NULL;
	uint32_t number = 0;
	if (align_reader(r, 8) < 0 || r->at >= r->len)
		return -ERR_FORMAT;
	uint8_t code = r->p[r->at++];
	int k = get_sig(r, &sig);
	if (k < 0)
		return k;
	if (strcmp(sig, "s") == 0 || strcmp(sig, "o") == 0)
		k = dbus_get_str(r, &text);
	else if (strcmp(sig, "g") == 0)
		k = get_sig(r, &text);
	else if (strcmp(sig, "u") == 0)
		k = dbus_get_u32(r, &number);
	else
		k = -ERR_FORMAT; /* no header field that exists has another type */
	if (k < 0)
		return k;
	switch (code) {
	case FIELD_PATH:
		m->path = text;
		break;
	case FIELD_INTERFACE:
		m->interface = text;
		break;
	case FIELD_MEMBER:
		m->member = text;
		break;
	case FIELD_ERROR:
		m->error = text;
		break;
	case FIELD_REPLY_SERIAL:
		m->reply_serial = number;
		break;
	case FIELD_SIGNATURE:
		m->signature = text ? text : "";
		break;
	default:
		break; /* of no use here, or not invented yet */
	}
	return 0;
}

int dbus_parse(const void *bytes, size_t len, struct dbus_message *ret, struct err *e)
{
	const uint8_t *p = bytes;
	int64_t size = len < DBUS_FIXED_HEADER ? -ERR_FORMAT : dbus_message_size(p, e);
	if (size < 0 || (uint64_t)size != len)
		return size < 0 && e && e->code ? (int)size
						: err_set(e, ERR_FORMAT, "a cut D-Bus message");
	*ret = (struct dbus_message){
		.type = (enum dbus_type)p[1], .serial = u32_at(p + 8), .signature = ""};
	struct dbus_reader r = {p, DBUS_FIXED_HEADER + u32_at(p + 12), DBUS_FIXED_HEADER};
	while (r.at < r.len)
		if (get_field(&r, ret) < 0)
			return err_set(e, ERR_FORMAT, "a damaged D-Bus message");
	ret->body_len = u32_at(p + 4);
	ret->body = p + len - ret->body_len;
	return 0;
}
