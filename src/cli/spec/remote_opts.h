/* The options of every command that talks to a registry, in one place. */
#pragma once

#include "cli/cli.h"

#define REMOTE_OPTS                                                                                \
	{"tls-verify", 0, NULL,                                                                    \
		"check certificates (true); =false: take any, and plain HTTP (default: the "       \
		"configuration's)",                                                                \
		0},                                                                                \
		{"cert-dir", 0, "DIR", "certificates (*.crt, *.cert, *.key) for the registry", 0}, \
		{"authfile", 0, "FILE", "credentials, instead of the files of kist login", 0},     \
		{"creds", 0, "USER[:PASSWORD]", "credentials for the registry", 0},                \
	{                                                                                          \
		"retry", 0, "N", "try a request again N times (5)", 0                              \
	}

#define REMOTE_TRANSFER_OPTS {"jobs", 'j', "N", "layers at a time (3)", 0}, REMOTE_OPTS

/* Of commands that take images in */
#define REMOTE_TRUST_OPTS                                                                   \
	{                                                                                   \
		"signature-policy", 0, "FILE", "what is trusted, instead of policy.json", 0 \
	}

/* Of commands that read from one place and write to another */
#define REMOTE_SIDES_OPTS                                                                     \
	{"src-creds", 0, "USER[:PASSWORD]", "--creds for the source alone", 0},               \
		{"dest-creds", 0, "USER[:PASSWORD]", "--creds for the destination alone", 0}, \
		{"src-tls-verify", 0, NULL, "--tls-verify for the source alone", 0},          \
		{"dest-tls-verify", 0, NULL, "--tls-verify for the destination alone", 0},    \
		{"src-cert-dir", 0, "DIR", "--cert-dir for the source alone", 0},             \
	{                                                                                     \
		"dest-cert-dir", 0, "DIR", "--cert-dir for the destination alone", 0          \
	}

/* Options of those who move images, for the others: why they do not count there. */
#define REMOTE_NO_IMAGE_OPTS(why)                                                                  \
	{"preserve-digests", 0, NULL, why, CLI_REFUSED},                                           \
		{"compression", 0, NULL, why, CLI_REFUSED}, {"jobs", 'j', NULL, why, CLI_REFUSED}, \
	{                                                                                          \
		"digestfile", 0, NULL, why, CLI_REFUSED                                            \
	}
