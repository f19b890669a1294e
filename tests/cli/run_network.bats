#!/usr/bin/env bats
# Networks of containers: none, host, the bridge, names, published ports, another container's.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
}
teardown_file() { kist_teardown_file; }

# The bridge's rules need nf_tables: without them nothing here can be said. A host whose own rules
# drop what it forwards is told so, once: then only what needs no forwarding is asked.
need_bridge() {
  kist run --rm bb true >>"$KIST_ROOT/probe" 2>&1 || skip "no bridge here: $(cat "$KIST_ROOT/probe")"
}
forwards() { ! grep -q 'cannot reach' "$KIST_ROOT/probe"; }

@test "none has only lo, host has the host's" {
  [ "$(kist run --rm --network none bb ls /sys/class/net)" = lo ]
  [ "$(kist run --rm --network host bb ls /sys/class/net | tr '\n' ' ')" = "$(ls /sys/class/net | tr '\n' ' ')" ]
  [ "$(kist run --rm --network none bb ping -c1 -W1 127.0.0.1 | grep -c '1 packets received')" -eq 1 ]
}

@test "the bridge: address, route, names by DNS and by /etc/hosts" {
  need_bridge
  kist run -d --name server bb sh -c 'mkdir /w; echo hello >/w/index.html; exec httpd -f -h /w'
  local ip
  ip=$(kist inspect -f '{{.NetworkSettings.IPAddress}}' server)
  [[ $ip == 10.*.*.* ]]
  kist run --rm bb sh -c "ip route | grep -q '^default via '"
  kist run --rm bb nslookup server | grep -q "$ip"
  kist run --rm --name other bb grep -q 'other$' /etc/hosts
  kist rename server renamed
  kist run --rm bb nslookup renamed | grep -q "$ip"
  ! forwards || [ "$(kist run --rm bb wget -qO- http://renamed/)" = hello ]
  kist rm -f renamed
}

@test "published ports" {
  need_bridge
  need curl
  kist run -d --name web -p 127.0.0.1::80 bb sh -c 'mkdir /w; echo published >/w/index.html; exec httpd -f -h /w'
  local at
  at=$(kist port web 80)
  [[ $at == 127.0.0.1:* ]]
  [[ $(kist ps --format '{{.Ports}}') == "$at->80/tcp" ]]
  local i
  for i in $(seq 40); do curl -s "http://$at/" && break; sleep 0.1; done >"$BATS_TEST_TMPDIR/o"
  [ "$(cat "$BATS_TEST_TMPDIR/o")" = published ]
  fails_with 125 "published by container 'web'" kist run --rm -p "$at:80" bb true
  fails_with 1 'publishes no port' kist port web 81
  kist rm -f web
}

@test "-P beside -p: what -p has published is not published again" {
  need_bridge
  kist run -d --name all -P -p 127.0.0.1::80 --expose 80 --expose 81/udp bb sleep 1000
  [[ $(kist port all | sort) =~ ^80/tcp\ -\>\ 127\.0\.0\.1:[0-9]+$'\n'81/udp\ -\>\ 0\.0\.0\.0:[0-9]+$ ]]
  kist rm -f all
}

@test "the network of another container" {
  need_bridge
  kist run -d --name owner bb sleep 1000
  local a b
  a=$(kist exec owner ip -o addr show eth0 | awk '/inet /{print $4}')
  b=$(kist run --rm --network container:owner bb ip -o addr show eth0 | awk '/inet /{print $4}')
  [ -n "$a" ]
  [ "$a" = "$b" ]
  kist run --rm --network container:owner bb grep -q owner /etc/hosts
  kist rm -f owner
  fails_with 125 'no such container' kist run --rm --network container:owner bb true
}

@test "--add-host, --dns, --hostname" {
  run kist run --rm --network none --add-host db:10.0.0.9 --hostname me --dns 9.9.9.9 bb \
    sh -c 'cat /etc/hosts /etc/resolv.conf; hostname'
  [[ $output == *10.0.0.9*db* && $output == *"nameserver 9.9.9.9"* && ${lines[-1]} == me ]]
  fails_with 125 'db' kist run --rm --add-host db bb true
}

@test "what the last container leaves: no bridge, no interface" {
  need_bridge
  kist run --rm bb true
  local i
  for i in $(seq 30); do
    grep -q "$KIST_ROOT" /sys/class/net/*/ifalias 2>/dev/null || break
    sleep 0.1
  done
  ! grep -q "$KIST_ROOT" /sys/class/net/*/ifalias 2>/dev/null
}
