#!/usr/bin/env bats
# Containers on the built-in bridge. Everything happens in a network namespace of its own, with an
# uplink to another one that plays the outside: the machine's network is not touched.

load lib

HOST_IP=192.0.2.2
OUTSIDE_IP=192.0.2.1

# A network namespace is kept by a process that sleeps in it.
new_netns() { # VARIABLE for the pid
  local pid
  unshare -n sleep 600 3>&- >/dev/null 2>&1 &
  pid=$!
  printf -v "$1" %s "$pid"
  for _ in {1..100}; do
    [[ $(readlink "/proc/$pid/ns/net") != $(readlink /proc/self/ns/net) ]] && return
    sleep 0.01
  done
  return 1
}

in_host() { nsenter -t "$HOST_NS" -n "$@"; }
in_outside() { nsenter -t "$OUTSIDE_NS" -n "$@"; }
kist() { in_host "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" "$@"; }
fetch() { timeout 5 busybox wget -q -O- "$1"; }
export -f fetch

setup_file() {
  kist_setup_file
  [[ $(id -u) == 0 ]] || return 0
  for c in ip nft busybox unshare nsenter; do command -v "$c" >/dev/null || return 0; done
  new_netns HOST_NS
  new_netns OUTSIDE_NS
  export HOST_NS OUTSIDE_NS
  in_host ip link set lo up
  in_host ip link add up0 mtu 1400 type veth peer name host0 netns "$OUTSIDE_NS"
  in_host ip addr add $HOST_IP/24 dev up0
  in_host ip link set up0 up
  in_host ip route add default via $OUTSIDE_IP
  in_outside ip link set lo up
  in_outside ip addr add $OUTSIDE_IP/24 dev host0
  in_outside ip link set host0 up
  mkdir "$KIST_ROOT/www"
  echo outside >"$KIST_ROOT/www/index.html"
  nsenter -t "$OUTSIDE_NS" -n busybox httpd -f -p 80 -h "$KIST_ROOT/www" 3>&- >/dev/null 2>&1 &
  export HTTPD=$!
  busybox_image box
}

teardown_file() {
  kist_teardown_file
  [[ -z ${HTTPD-} ]] || kill "$HTTPD" "$HOST_NS" "$OUTSIDE_NS" 2>/dev/null || true
}

setup() {
  need_root
  need ip nft busybox unshare nsenter
}

teardown() {
  local id
  for id in $(kist ps -aq); do kist rm -f "$id" >/dev/null; done
}

# serve NAME TEXT [run options...]: a detached web server that answers TEXT
serve() {
  local name=$1 text=$2
  shift 2
  kist run -d --name "$name" "$@" box \
    sh -c "mkdir /www; echo $text >/www/index.html; exec httpd -f -p 80 -h /www" >/dev/null
  for _ in {1..50}; do
    kist exec "$name" wget -q -O- http://127.0.0.1/ >/dev/null 2>&1 && return
    sleep 0.05
  done
  return 1
}

wait_until_gone() {
  for _ in {1..100}; do
    in_host ip link show kist0 >/dev/null 2>&1 || return 0
    sleep 0.05
  done
  return 1
}

@test "a container has an address, lo and a way out under the host's address" {
  run kist run --rm box sh -c 'ip addr; ip route; cat /sys/class/net/eth0/mtu'
  [[ $status == 0 ]]
  [[ $output == *"inet 10.87.0."*"/16"* ]]
  [[ $output == *"inet 127.0.0.1/8"* ]]
  [[ $output == *"default via 10.87.0.1"* ]]
  [[ ${lines[-1]} == 1400 ]]
  run kist run --rm box wget -q -O- http://$OUTSIDE_IP/
  [[ $status == 0 && $output == outside ]]
}

@test "a published port is reached from the host, from outside and from a neighbour" {
  serve web hello -p 8080:80
  run in_host bash -c 'fetch http://127.0.0.1:8080/'
  [[ $output == hello ]]
  run in_host bash -c "fetch http://$HOST_IP:8080/"
  [[ $output == hello ]]
  run in_outside bash -c "fetch http://$HOST_IP:8080/"
  [[ $output == hello ]]
  run kist run --rm box wget -q -O- http://$HOST_IP:8080/
  [[ $output == hello ]]
  run kist ps --format '{{.Ports}}'
  [[ $output == *"0.0.0.0:8080->80/tcp"* ]]
  kist rm -f web
  run in_host bash -c 'fetch http://127.0.0.1:8080/'
  [[ $status != 0 ]]
}

@test "a port of the loopback address stays on the host" {
  serve web hello -p 127.0.0.1:8081:80
  run in_host bash -c 'fetch http://127.0.0.1:8081/'
  [[ $output == hello ]]
  run in_outside bash -c "fetch http://$HOST_IP:8081/"
  [[ $status != 0 ]]
}

@test "a free port is chosen and told" {
  serve web hello -p 80
  run kist port web
  [[ $status == 0 && $output == "80/tcp -> 0.0.0.0:"* ]]
  port=${output##*:}
  run in_host bash -c "fetch http://127.0.0.1:$port/"
  [[ $output == hello ]]
}

@test "containers find each other by name" {
  serve web hello --network-alias www
  run kist run --rm --name client box sh -c 'cat /etc/resolv.conf; wget -q -O- http://web/;
    wget -q -O- http://www/; cat /etc/hosts'
  [[ $status == 0 ]]
  [[ $output == *"nameserver 127.0.0.11"* ]]
  [[ $output == *$'hello\nhello'* ]]
  [[ $output == *" client"* ]]
  kist rename web site
  run kist run --rm box sh -c 'wget -q -O- http://site/'
  [[ $output == hello ]]
}

@test "names and nameservers given on the command line" {
  run kist run --rm --add-host db:10.1.2.3 --hostname me box sh -c 'cat /etc/hosts; hostname'
  [[ $output == *$'10.1.2.3\tdb'* && ${lines[-1]} == me ]]
}

@test "a taken port is refused with who has it, and nothing stays behind" {
  serve web hello -p 8080:80
  fails_with 125 "port 0.0.0.0:8080/tcp is published by container 'web'" \
    kist run --name second -p 8080:80 box true
  kist rm -f second >/dev/null 2>&1 || true
  nsenter -t "$HOST_NS" -n busybox nc -l -p 9090 3>&- >/dev/null 2>&1 &
  local listener=$!
  sleep 0.2
  fails_with 125 "port 0.0.0.0:9090/tcp is in use on the host by busybox" \
    kist run --rm -p 9090:80 box true
  kill $listener
}

@test "a bad port is refused before anything happens" {
  fails_with 125 "port '80:99999'" kist run --rm -p 80:99999 box true
  fails_with 125 "protocol 'icmp' is not tcp, udp or sctp" kist run --rm -p 80:80/icmp box true
}

@test "network none has lo alone, network host is the host's" {
  run kist run --rm --network none box ip -o addr
  [[ $output == *"127.0.0.1"* && $output != *eth0* ]]
  run kist run --rm --network host box ip -o addr
  [[ $output == *"$HOST_IP"* ]]
}

@test "bridge, rules and forwarding go with the last container" {
  wait_until_gone
  in_host sh -c 'echo 0 >/proc/sys/net/ipv4/ip_forward'
  serve web hello -p 8080:80
  in_host nft list table ip kist0 | grep -q 'dnat'
  [[ $(in_host cat /proc/sys/net/ipv4/ip_forward) == 1 ]]
  kist rm -f web
  wait_until_gone
  run in_host nft list tables
  [[ -z $output ]]
  [[ $(in_host cat /proc/sys/net/ipv4/ip_forward) == 0 ]]
}

@test "a foreign rule that drops forwarding is named, once" {
  wait_until_gone
  in_host nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }'
  run kist run --rm box true
  [[ $output == *"table ip filter, chain FORWARD"* && $output == *"iptables -I"* ]]
  wait_until_gone
  run kist run --rm box true
  [[ -z $output ]]
  in_host nft delete table ip filter
}
