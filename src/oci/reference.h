/*
 * Image references: [registry/]repository[:tag][@digest], in the grammar that
 * docker and distribution-spec share. Pure text: nothing here asks a store.
 *
 *	domain      "localhost", "host.name", "host:5000", "[::1]:5000"; only a first
 *	            component with '.' or ':' or the word localhost is a domain
 *	path        lower-case components of [a-z0-9] with '.', '_', '__', '-'… inside
 *	tag         [A-Za-z0-9_][A-Za-z0-9_.-]{0,127}
 *	digest      oci/digest.h
 *
 * The normal form that the store keeps names the domain and the tag:
 * "docker.io/library/alpine:3.18", "localhost/app:latest".
 *
 * A short name, one without a domain, is ours to read in two ways. What a person
 * makes here (build -t app, tag, import) becomes localhost/app. What a person
 * asks for (run app) is looked for as localhost/app, then as docker.io's.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"
#include "oci/digest.h"

#define OCI_REFERENCE_MAX 512 /* a name has at most 255 bytes, a tag 128, a digest 71 */
#define OCI_NAME_MAX      255
#define OCI_TAG_MAX       128

struct oci_reference {
	char domain[OCI_NAME_MAX + 1]; /* "" in a short name */
	char path[OCI_NAME_MAX + 1];
	char tag[OCI_TAG_MAX + 1];   /* "" when not given */
	char digest[OCI_DIGEST_MAX]; /* "" when not given */
};

/* As written: nothing is added. -ERR_SYNTAX, with what is wrong in docker's sense. */
int oci_reference_parse(const char *text, struct oci_reference *ret, struct err *e);
/* Text of all parts that are there. Returns out. */
char *oci_reference_format(const struct oci_reference *r, char out[OCI_REFERENCE_MAX]);

/* Domain "localhost" for a short name, tag "latest" where neither tag nor digest is given. For
 * names that are given here: build -t, tag, import, commit. */
void oci_reference_normalise_local(struct oci_reference *r);
/* Domain docker.io and "library/" for a short name, tag as above: for names that come from
 * docker's world (RepoTags of a docker-archive, FROM of a registry). index.docker.io is docker.io. */
void oci_reference_normalise_docker(struct oci_reference *r);

/* Parse, normalise_local, refuse a digest: the tag to store. */
int oci_reference_tag(const char *text, char ret[OCI_REFERENCE_MAX], struct err *e);

/*
 * The stored tags that text may mean, best first. With a domain: one. A short name:
 * localhost/NAME:TAG, docker.io/library/NAME:TAG (or docker.io/NAME:TAG for a/b). A candidate with
 * a digest is "domain/path@digest" (without the tag). Nothing is added for text that is no
 * reference (then 0 too: it may be an id).
 */
int oci_reference_candidates(const char *text, struct strv *ret, struct err *e);

/* How people write it: docker.io/library/alpine:3.18 as "alpine:3.18", docker.io/a/b as "a/b";
 * localhost/x stays. The tag is always there if the reference has one. Returns out. */
char *oci_reference_familiar(const char *normal, char out[OCI_REFERENCE_MAX]);
/* Splits a normal or familiar reference for tables: repository and tag ("<none>" for a missing
 * one). */
void oci_reference_split(
	const char *text, char ret_repo[OCI_REFERENCE_MAX], char ret_tag[OCI_TAG_MAX + 1]);
