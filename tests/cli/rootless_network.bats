#!/usr/bin/env bats
# Networks without root: pasta, slirp4netns, their ports and names.
# shellcheck disable=SC2016

load lib
load rootless

setup_file() {
  rootless_setup_file
  [[ -n $(ip route show default) ]] || skip "this host has no default route"
  rootless_image bb
}
teardown_file() { rootless_teardown_file; }
teardown() { [[ -z ${GREETER-} ]] || kill "$GREETER" 2>/dev/null || true; }

serve='mkdir -p /www; echo "$0" >/www/index.html; exec httpd -f -p 80 -h /www'

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
fetched() { [[ $(busybox wget -qO- "http://127.0.0.1:$1/") == "$2" ]]; }

# greet ADDRESS PORT: a server that says something to everybody; its pid in GREETER
greet() {
  rm -f "$BATS_TEST_TMPDIR/listens"
  python3 -c 'import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])))
open(sys.argv[3], "w").close()
while True:
    c = s.accept()[0]; c.sendall(b"from the host\n"); c.close()' "$@" "$BATS_TEST_TMPDIR/listens" 3>&- &
  GREETER=$!
  eventually test -e "$BATS_TEST_TMPDIR/listens"
}
# hear SECONDS ADDRESS PORT: what it says to a container, whose input stays open; the shell stays
# process 1, which a timeout could not end
hear() { kist run --rm bb sh -c "mkfifo /in; exec 9<>/in; timeout $1 nc $2 $3 <&9; exit \$?"; }

@test "pasta is the default: an address, a way out, names of its own, a published port" {
  need pasta python3
  port=$(free_port)
  kist run -d --name web --hostname webhost -p "$port:80" bb sh -c "$serve" hello
  eventually fetched "$port" hello
  [[ $(kist ps --format '{{.Ports}} {{.Networks}}') == "0.0.0.0:$port->80/tcp pasta" ]]
  [[ $(kist port web 80) == *":$port" ]]
  [[ $(kist inspect -f '{{.NetworkSettings.IPAddress}}' web) == 10.0.2.100 ]]
  [[ $(kist exec web cat /etc/hosts) == *"10.0.2.100"*"webhost"*"web"* ]]
  [[ $(kist exec web cat /etc/resolv.conf) == *"nameserver 127.0.0.11"* ]]
  [[ $(kist exec web ip route) == *"default via 10.0.2.2 dev eth0"* ]]
  kist restart -t 0 web
  eventually fetched "$port" hello
  # another container in the same network
  [[ $(kist run --rm --network container:web bb sh -c 'ip -4 addr show eth0 | grep -c 10.0.2.100') == 1 ]]
  kist rm -f web
  run busybox wget -qO- "http://127.0.0.1:$port/"
  [[ $status != 0 && -z $(ls "$KIST_ROOT/xdg/kist/net") ]]
}

@test "the container reaches a server of the host, but not what listens on its loopback alone" {
  need pasta python3
  [[ $(id -u) == 0 ]] || skip "needs root"
  addr=$(ip -4 -o addr show scope global | awk '{sub("/.*", "", $4); print $4; exit}')
  [[ -n $addr ]] || skip "this host has no address"
  port=$(free_port)
  greet "$addr" "$port"
  [[ $(hear 20 "$addr" "$port") == "from the host" ]]
  kill "$GREETER"
  greet 127.0.0.1 "$port"
  run hear 4 10.0.2.2 "$port"
  [[ $status != 0 && $output != *"from the host"* ]]
  kill "$GREETER" # it has served to the end
}

@test "slirp4netns when it is asked for, or when pasta is missing" {
  need slirp4netns python3
  port=$(free_port)
  kist run -d --name s --network slirp4netns -p "127.0.0.1:$port:80" bb sh -c "$serve" slow
  eventually fetched "$port" slow
  kist rm -f s
  mkdir -p "$KIST_ROOT/bin"
  local tool
  for tool in slirp4netns newuidmap newgidmap; do ln -sf "$(command -v "$tool")" "$KIST_ROOT/bin/$tool"; done
  export USER_PATH=$KIST_ROOT/bin
  [[ $(kist info -f '{{.NetworkHelper}}') == slirp4netns ]]
  [[ $(kist run --rm bb ip -4 -o addr show tap0) == *10.0.2.100* ]]
  rm "$KIST_ROOT/bin/slirp4netns"
  fails_with 125 "needs pasta or slirp4netns, and neither is installed" kist run --rm bb true
  [[ $output == *"hint: install the package passt"* ]]
  [[ $(kist run --rm --network none bb echo fine) == fine ]]
}

@test "ports that only root may publish, and ports that are taken" {
  need pasta python3
  first=$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
  if ((first > 80)); then
    fails_with 125 "only ports from $first on can be published" kist run --rm -p 80:80 bb true
    [[ $output == *"sysctl -w net.ipv4.ip_unprivileged_port_start=80"* ]]
  fi
  port=$(free_port)
  kist run -d --name first -p "$port:80" bb sleep 100
  fails_with 125 "$port/tcp is in use on the host" kist run --rm -p "$port:80" bb true
  kist rm -f first
  fails_with 125 "only tcp and udp" kist run --rm -p 9999:9/sctp bb true
  [[ -z $(ls "$KIST_ROOT/xdg/kist/net") ]]
}

@test "a helper that fails says why, and a host without tun says what to do" {
  need pasta
  [[ $(id -u) == 0 ]] || skip "needs root"
  # the host's network is one without a route
  run unshare -n "$BASH" -c '. "$0/lib.bash"; . "$0/rootless.bash"; kist run --rm bb true' "$BATS_TEST_DIRNAME"
  [[ $status == 125 && $output == *"the network helper 'pasta' failed: "*"--network host or none"* ]]
  if [[ $(stat -c %a /dev/net/tun) != *6 ]]; then
    TUN=no fails_with 125 "needs '/dev/net/tun'" kist run --rm bb true
    [[ $output == *"chmod 666 /dev/net/tun"* ]]
  fi
  [[ -z $(ls "$KIST_ROOT/xdg/kist/net") ]]
}

@test "udp, a free port, and ranges" {
  need pasta python3
  [[ $(id -u) == 0 ]] || skip "needs root, to serve in the container's namespace"
  kist run -d --name u -p 7/udp -P --expose 8080 bb sleep 100
  port=$(kist port u 7/udp | sed 's/.*://; 1q')
  [[ $(kist port u 8080) == 0.0.0.0:* ]]
  nsenter -t "$(kist inspect -f '{{.State.Pid}}' u)" -n timeout 10 python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 7))
print(s.recvfrom(99)[0].decode())' >"$BATS_TEST_TMPDIR/got" 3>&- &
  server=$!
  arrived() {
    python3 -c 'import socket, sys
socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"ping", ("127.0.0.1", int(sys.argv[1])))' "$port"
    sleep 0.05
    [[ $(cat "$BATS_TEST_TMPDIR/got") == ping ]]
  }
  eventually arrived
  wait "$server"
  kist rm -f u
}

@test "a killed monitor's helper goes with the next command on its container" {
  need pasta
  kist run -d --name orphan bb sleep 100
  id=$(kist inspect -f '{{.Id}}' orphan)
  helper=$(cut -d' ' -f1 "$KIST_ROOT/xdg/kist/net/${id:0:12}/pid")
  kill -9 "$(sed -n 's/^monitor //p' "$KIST_ROOT/home/.local/share/kist/containers/$id/state")"
  [[ -d /proc/$helper ]]
  kist rm -f orphan
  ended() { [[ ! -e /proc/$helper || $(awk '/^State/ {print $2}' "/proc/$helper/status") == Z ]]; }
  eventually ended
  [[ -z $(ls "$KIST_ROOT/xdg/kist/net") ]]
}
