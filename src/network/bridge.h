/*
 * The built-in network: one bridge, a veth pair per container, an nftables table
 * for the way out and for published ports. IPv4.
 *
 * The bridge (kist0), the table (`ip kist0`) and the forwarding sysctl come with
 * the first container and go with the last; the value that net.ipv4.ip_forward had
 * is put back. Nothing of the host's own rules is changed. Two state_dirs are two
 * networks: the second one gets kist1 and its own subnet. The bridge's alias in
 * `ip link` says whose it is.
 *
 * State is one text table below state_dir, changed under a lock and replaced by
 * rename. It carries the boot id: what another boot wrote is empty space. A
 * process that dies between two steps leaves at most things that the next attach
 * or detach of any container takes away: who has no veth any more is forgotten.
 *
 * The calling process must have one thread (the calls that work inside another
 * network namespace go there and come back) and CAP_NET_ADMIN.
 */
#pragma once

#include "base/defs.h"
#include "network/port.h"

struct err;
struct strv;

#define NETWORK_SUBNET "10.87.0.0/16" /* when free; else the next free /16 up to 10.126 */
#define NETWORK_DNS    "127.0.0.11"   /* where a container finds its resolver; see dns.h */

#define NETWORK_IP_TEXT    16 /* INET_ADDRSTRLEN */
#define NETWORK_MAC_TEXT   18
#define NETWORK_IFACE_TEXT 16 /* IFNAMSIZ */

struct network_options {
	const char *state_dir;      /* made when missing, 0755: e.g. RUNROOT/network */
	const char *container_id;   /* [A-Za-z0-9_.-]{1,128}; unique */
	int netns_fd;               /* the container's network namespace; borrowed */
	const char *name;           /* container name, for DNS; may be NULL */
	const char *hostname;       /* for DNS; may be NULL */
	const struct strv *aliases; /* further names; may be NULL */
	const struct network_port *ports;
	size_t nports;
	const char *ip;     /* a fixed address inside the subnet, or NULL */
	const char *mac;    /* or NULL: made from the address */
	const char *iface;  /* inside the container; NULL: eth0 */
	const char *bridge; /* NULL: kist0, or the next that is free; first container only */
	const char
		*subnet; /* NULL: NETWORK_SUBNET; must be free when given; first container only */
};

struct network_result {
	char iface[NETWORK_IFACE_TEXT]; /* inside */
	char veth[NETWORK_IFACE_TEXT];  /* its other end, on the bridge */
	char bridge[NETWORK_IFACE_TEXT];
	char ip[NETWORK_IP_TEXT];
	unsigned prefix; /* 16 */
	char gateway[NETWORK_IP_TEXT];
	char mac[NETWORK_MAC_TEXT];
	unsigned mtu;
	struct network_ports ports; /* as asked, host ports chosen, host_port_last 0 */
	/* Not "": a sentence for the person, once per network: the host's own rules drop what
	 * containers send out, and which rule to add. */
	char warning[512];
};

void network_result_release(struct network_result *r);
#define cleanup_network_result cleanup(network_result_release)

/*
 * Connects the namespace: lo and the interface up, address, default route, names and published
 * ports in effect on return. On failure nothing of this container is left. A port that is taken:
 * ERR_IN_USE, naming the port and the container that has it, when it is one of ours.
 */
int network_attach(const struct network_options *o, struct network_result *ret, struct err *e);

enum network_detach_flags {
	/* Let a child process, which is not waited for, do what the kernel takes 10 to 50 ms for. With
	 * the last container bridge and table stay for NETWORK_LINGER_MS, as removing them also holds
	 * up the start of any other network. Ports are withdrawn at once all the same. For
	 * `run --rm`, whose process ends. */
	NETWORK_LINGER = 1 << 0,
};
#define NETWORK_LINGER_MS 250

/* Takes a container's share away, and everything with the last container. An unknown id, or no
 * state at all, is fine: 0. The namespace is gone or about to go: the interface goes with it. */
int network_detach(const char *state_dir, const char *container_id, enum network_detach_flags flags,
	struct err *e);

/* Detaches every container that is_alive denies, and takes the bridge away when nobody is left.
 * Returns how many. Cheap when there is no state. is_alive (NULL: all are alive) is called under the
 * network's lock; not for the ids "build-PID-START-N" of the builder, which end with that process
 * (its start time as proc_start_time gives it). */
int network_sweep(const char *state_dir, bool (*is_alive)(const char *container_id, void *arg),
	void *arg, struct err *e);

/* Calls each for every attached container, lowest address first, until it returns non-zero, which
 * is then the result. The strings are borrowed for the call. */
struct network_lease {
	const char *container_id;
	const char *name;     /* or NULL */
	const char *hostname; /* or NULL */
	const char *aliases;  /* "a,b", or NULL */
	char ip[NETWORK_IP_TEXT];
	char mac[NETWORK_MAC_TEXT];
	const char *veth;
	const struct network_ports *ports;
};
int network_list(const char *state_dir, int (*each)(const struct network_lease *l, void *arg),
	void *arg, struct err *e);

/* A container's new name, for DNS (`rename`). ERR_NOT_FOUND when it is not attached. */
int network_rename(
	const char *state_dir, const char *container_id, const char *name, struct err *e);

/* --network none: only lo, up. */
int network_loopback_up(int netns_fd, struct err *e);
