/*
 * Networks of a build's containers: namespaces on the built-in bridge, made once
 * and used by one RUN after the other. A namespace has one user at a time.
 */
#pragma once

#include "base/strv.h"
#include "store/store.h"

struct err;
struct network_dns;

struct build_net {
	int fd; /* the namespace */
	char id[64];
	char ip[16];
	bool busy;
	struct network_dns *dns; /* NULL: the host's nameservers can be reached directly */
	struct build_net *next;
};

struct build_nets {
	struct build_net *first;
	char *state_dir, *usermode_dir; /* of the bridge; of helpers without root */
	char *resolv[2]; /* text for containers: with a network of their own, with the host's */
	struct strv upstreams; /* nameservers for the resolver */
	bool need_dns;         /* only the host itself reaches its nameservers */
	unsigned count;
};

void build_nets_init(struct build_nets *n, const char *run_path);
void build_nets_release(struct build_nets *n); /* detaches all */
/* A free one; NULL: none, make one with build_nets_attach. */
struct build_net *build_nets_take(struct build_nets *n);
/* Attaches a new namespace (kept by a copy of netns_fd). It is busy. */
int build_nets_attach(struct build_nets *n, int netns_fd, struct build_net **ret, struct err *e);
/* Text of /etc/resolv.conf; host: for --network host. Borrowed until release. */
int build_nets_resolv(struct build_nets *n, bool host, const char **ret, struct err *e);
