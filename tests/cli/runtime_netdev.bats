#!/usr/bin/env bats
# kist-runtime: interfaces of the host that move into a container; classes of service.

load lib
load runtime_lib

# Everything here happens in a network namespace of the test's own.
inner() { # SCRIPT: B, ID, RT are set in it
  need ip
  B=$B ID=$ID RT="$KIST_BUILD/kist-runtime --root $KIST_ROOT/rt" unshare -n bash -euc "
    ip link set lo up
    ip link add kt0 type veth peer name kt1 || exit 77
    $1"
}
devices() { conf --argjson d "$1" '.linux.netDevices = $d | .process.capabilities |= map_values(. + ["CAP_NET_ADMIN"])'; }

@test "an interface moves with its permanent addresses and is up" {
  devices '{"kt0": {"name": "eth7"}}'
  script 'ip -o addr show dev eth7; ip link show kt0 2>&1; ip -o link show eth7'
  run inner '
    ip addr add 10.71.0.2/24 brd 10.71.0.255 dev kt0
    ip addr add fd71::2/64 dev kt0 nodad
    ip addr add 10.72.0.1/24 dev kt0 valid_lft 1000 preferred_lft 1000
    ip addr add 169.254.7.1/16 scope link dev kt0
    ip link set kt0 up; ip link set kt1 up
    $RT run --bundle $B $ID
    ip link show kt0 2>&1 || true'
  [ "$status" -eq 0 ]
  [[ $output == *'inet 10.71.0.2/24 brd 10.71.0.255 scope global eth7'* ]]
  [[ $output == *'inet6 fd71::2/64 scope global'* ]]
  [[ $output != *10.72.0.1* && $output != *169.254.7.1* ]]
  [[ $output == *"can't find device 'kt0'"* || $output == *'kt0" does not exist'* || $output == *"kt0' does not exist"* ]]
  [[ $output == *eth7*UP*LOWER_UP* ]]
}

@test "without a name it keeps its own, with a template the kernel chooses" {
  devices '{"kt0": {}, "kt1": {"name": "net%d"}}'
  script 'ip -o link | cut -d: -f2 | cut -d@ -f1 | sort | xargs'
  run inner '$RT run --bundle $B $ID'
  [[ $output == 'kt0 lo net0' ]]
}

@test "a name that is taken, an interface that is not there: nothing has moved" {
  args true
  devices '{"kt0": {"name": "lo"}}'
  run inner '$RT run --bundle $B $ID; echo'
  [[ $output == *"move interface 'kt0': there is a 'lo' already"* ]]
  devices '{"kt0": {"name": "a0"}, "none": {}}'
  run inner 'ip addr add 10.71.0.2/24 dev kt0; $RT run --bundle $B $ID || true; ip -o addr show dev kt0'
  [[ $output == *"there is no network interface 'none'"* ]]
  [[ $output == *10.71.0.2/24* ]]
  nothing_left
}

@test "moves happen before hooks and sysctls, and for a namespace that is joined" {
  devices '{"kt0": {"name": "eth7"}}'
  conf '.linux.sysctl = {"net.ipv4.conf.eth7.forwarding": "1"}'
  args cat /proc/sys/net/ipv4/conf/eth7/forwarding
  run inner '$RT run --bundle $B $ID'
  [[ $output == 1 ]]
  conf --arg n "$B/net" '.linux.namespaces |= map(if .type == "network" then .path = $n else . end)'
  touch "$B/net"
  run inner 'unshare -n sh -c "mount --bind /proc/self/ns/net $B/net"; $RT run --bundle $B $ID; umount $B/net'
  [[ $output == 1 ]]
}

@test "the host's own namespace is refused" {
  devices '{"kt0": {}}'
  args true
  conf '.linux.namespaces |= map(select(.type != "network"))'
  fails_with 1 'linux.netDevices: needs a network namespace' rt run --bundle "$B" "$ID"
  conf '.linux.namespaces += [{type: "network", path: "/proc/self/ns/net"}]'
  fails_with 1 "network namespace '/proc/self/ns/net' is the host's own" rt run --bundle "$B" "$ID"
}

@test "a class of service needs resctrl" {
  ! grep -q ' - resctrl ' /proc/self/mountinfo || skip "resctrl is mounted"
  conf '.linux.intelRdt = {closID: "gold"}'
  args true
  fails_with 1 'linux.intelRdt: resctrl is not mounted' rt run --bundle "$B" "$ID"
  nothing_left
}
