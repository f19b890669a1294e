/*
 * Digests in the one form that kist knows: "sha256:" and 64 lower-case
 * hexadecimal digits (image-spec, descriptor.md, "Digests"). They are plain
 * strings of OCI_DIGEST_MAX bytes with the 0, so that they can be printed,
 * compared and used as keys as they are.
 */
#pragma once

#include "base/defs.h"

struct err;

#define OCI_DIGEST_MAX   72
#define OCI_DIGEST_SHORT 13 /* docker's twelve digits and a 0 */

bool oci_digest_valid(const char *s); /* NULL: false */
/* Checks s (len bytes, not necessarily terminated) and copies it. -ERR_UNSUPPORTED for another
 * algorithm that image-spec registers, -ERR_FORMAT for anything else; what names the subject. */
int oci_digest_parse(
	const char *s, size_t len, const char *what, char ret[OCI_DIGEST_MAX], struct err *e);
/* "sha256:" before 64 digits. */
void oci_digest_from_hex(const char *hex, char ret[OCI_DIGEST_MAX]);
/* The digits: borrowed from s, which must be valid. */
const char *oci_digest_hex(const char *s);
/* The first twelve digits, as docker prints ids. Returns out. */
char *oci_digest_short(const char *s, char out[OCI_DIGEST_SHORT]);
bool oci_digest_equal(const char *a, const char *b); /* NULL equals only NULL */
