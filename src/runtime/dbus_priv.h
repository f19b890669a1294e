/*
 * The few words of D-Bus that are spoken with systemd: method calls, their
 * answers, signals (D-Bus Specification 0.41, "Message Protocol", "Auth
 * Protocol"). Messages are little-endian as all machines that this runs on;
 * bodies begin at a multiple of 8, so that alignment counts from their start.
 */
#pragma once

#include "base/buf.h"
#include "base/defs.h"

struct err;

/* ---- writing; the buffer holds one body ---- */

void dbus_put_bool(struct buf *b, bool v);
void dbus_put_u32(struct buf *b, uint32_t v);
void dbus_put_u64(struct buf *b, uint64_t v);
void dbus_put_str(struct buf *b, const char *s); /* types s and o */
void dbus_put_sig(struct buf *b, const char *s); /* type g, and before the value of a variant */
void dbus_put_struct(struct buf *b);             /* begins one: alignment only */
/* An array whose elements are aligned to `align`; what begin returned goes to end. */
size_t dbus_array_begin(struct buf *b, unsigned align);
void dbus_array_end(struct buf *b, size_t at, unsigned align);

enum dbus_type {
	DBUS_CALL = 1,
	DBUS_RETURN = 2,
	DBUS_ERROR = 3,
	DBUS_SIGNAL = 4,
};

struct dbus_call {
	const char *destination, *path, *interface, *member;
	const char *signature; /* of the body; NULL: there is none */
	const struct buf *body;
	bool no_reply;
};
/* Appends the whole message */
void dbus_format_call(struct buf *out, uint32_t serial, const struct dbus_call *c);

/* ---- reading; bytes that are not trusted ---- */

enum { DBUS_FIXED_HEADER = 16 };
/* From the fixed header the size of the whole message; -ERR_LIMIT, -ERR_FORMAT */
int64_t dbus_message_size(const void *header, struct err *e);

struct dbus_message {
	enum dbus_type type;
	uint32_t serial, reply_serial;
	const char *path, *interface, *member, *error; /* into the bytes; NULL: absent */
	const char *signature;                         /* never NULL */
	const uint8_t *body;
	size_t body_len;
};
int dbus_parse(const void *bytes, size_t len, struct dbus_message *ret, struct err *e);

/* The arguments one after the other; -ERR_FORMAT at the end or when they are damaged */
struct dbus_reader {
	const uint8_t *p;
	size_t len, at;
};
int dbus_get_u32(struct dbus_reader *r, uint32_t *ret);
int dbus_get_str(struct dbus_reader *r, const char **ret);
int dbus_get_variant_str(struct dbus_reader *r, const char **ret); /* a variant that holds s */

/* ---- the connection ---- */

struct dbus {
	int fd;
	uint32_t serial;
	struct buf in; /* one message */
};
#define DBUS_INIT                     \
	{                             \
		-1, 0,                \
		{                     \
			NULL, 0, 0, 0 \
		}                     \
	}
/* broker: a bus with many programs behind it (which wants to be greeted), not systemd itself */
int dbus_open(struct dbus *d, const char *socket, bool broker, struct err *e);
void dbus_close(struct dbus *d);
#define cleanup_dbus cleanup(dbus_close)
/* Sends, and waits for the answer; signals that come before it are dropped. An error that the
 * other side answered is -ERR_CHILD with its words, and its name in *ret_error (may be NULL; into
 * d->in). ret points into d->in, until the next call. */
int dbus_call(struct dbus *d, const struct dbus_call *c, struct dbus_message *ret,
	const char **ret_error, struct err *e);
/* The next message; -ETIMEDOUT */
int dbus_receive(struct dbus *d, struct dbus_message *ret, struct err *e);
