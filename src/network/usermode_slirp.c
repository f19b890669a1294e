/* slirp4netns publishes ports on request: one JSON object a connection (slirp4netns(1), API SOCKET).
 */
#include "base/err.h"
#include "base/io.h"
#include "network/usermode_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { ANSWER_S = 5 };

static int ask(const char *dir, const char *text, size_t len, char *out, size_t size, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(dir) + sizeof("/api") > sizeof(a.sun_path))
		return err_set(e, ENAMETOOLONG, "the path of the socket '%s/api' is too long", dir);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s/api", dir);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval most = {.tv_sec = ANSWER_S};
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "reach slirp4netns at '%s'", a.sun_path);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	int r = io_write_all(fd, text, len);
	if (r >= 0)
		shutdown(fd, SHUT_WR);
	ssize_t n = r < 0 ? r : io_read_full(fd, out, size - 1);
	if (n < 0)
		return err_sysno(e, (int)n, "talk to slirp4netns");
	out[n] = 0;
	return 0;
}

int slirp_publish(const char *dir, const struct network_port *p, struct err *e)
{
	char text[256], answer[512], ip[INET_ADDRSTRLEN];
	const char *proto = network_proto_name(p->proto);
	inet_ntop(AF_INET, &p->host_ip, ip, sizeof(ip));
	int n = snprintf(text, sizeof(text),
		"{\"execute\":\"add_hostfwd\",\"arguments\":{\"proto\":\"%s\",\"host_addr\":\"%s\","
		"\"host_port\":%u,\"guest_port\":%u}}",
		proto, ip, p->host_port, p->container_port);
	int r = ask(dir, text, (size_t)n, answer, sizeof(answer), e);
	if (r < 0)
		return r;
	if (strstr(answer, "\"error\""))
		return err_set(e, ERR_CHILD, "slirp4netns cannot publish %s:%u/%s: %s", ip,
			p->host_port, proto, answer);
	return 0;
}
