#!/usr/bin/env bats
# kist-runtime as an ordinary user: bundles with a user namespace, and under an engine without root.
# shellcheck disable=SC2016 # $ is for the shells inside

load lib
load rootless

setup_file() {
  rootless_setup_file
  busybox_rootfs "$KIST_ROOT/home/bundle/rootfs"
  chown -R "$ROOTLESS_UID" "$KIST_ROOT/home/bundle"
}
teardown_file() { rootless_teardown_file; }

runtime() { as_user "$KIST_BUILD/kist-runtime" "$@"; }

# configure PYTHON: changes what `spec --rootless` wrote; c is the config
configure() {
  local file=$KIST_ROOT/home/bundle/config.json
  rm -f "$file"
  runtime spec --rootless --bundle "$KIST_ROOT/home/bundle"
  python3 - "$file" <<P
import json, sys
c = json.load(open(sys.argv[1]))
c["process"]["terminal"] = False
$1
json.dump(c, open(sys.argv[1], "w"))
P
}

setup() { need python3; }

@test "what spec --rootless writes runs, and root inside is the user" {
  configure 'c["process"]["args"] = ["sh", "-c", "id -u; cat /proc/self/uid_map"]'
  run runtime run --bundle "$KIST_ROOT/home/bundle" one
  [[ $status == 0 && ${lines[0]} == 0 && $(xargs <<<"${lines[1]}") == "0 $ROOTLESS_UID 1" ]]
  [[ -z $(runtime list -q) && -d $KIST_ROOT/xdg/kist/runtime ]]
}

@test "runc's own words run, too" {
  need runc
  configure 'pass'
  rm "$KIST_ROOT/home/bundle/config.json"
  as_user sh -c "cd '$KIST_ROOT/home/bundle' && runc spec --rootless"
  sed -i 's/"terminal": true/"terminal": false/; s/"sh"$/"hostname"/' "$KIST_ROOT/home/bundle/config.json"
  run runtime --rootless true run --bundle "$KIST_ROOT/home/bundle" two
  [[ $status == 0 && $output == runc ]]
}

@test "subordinate ids, another user, additional groups" {
  first=$(mapped 1)
  configure "
for k in ('uidMappings', 'gidMappings'):
    c['linux'][k] = [{'containerID': 0, 'hostID': $ROOTLESS_UID, 'size': 1},
                     {'containerID': 1, 'hostID': $first, 'size': 1000}]
c['process']['user'] = {'uid': 33, 'gid': 34, 'additionalGids': [44]}
c['process']['args'] = ['id']"
  run runtime run --bundle "$KIST_ROOT/home/bundle" three
  [[ $status == 0 && $output == "uid=33 gid=34 groups=44" ]]
}

@test "sysctls of namespaces of its own, with the host's processes" {
  configure '
c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "pid"] + [{"type": "network"}]
c["mounts"] = [m for m in c["mounts"] if m["destination"] != "/proc"]
c["linux"]["maskedPaths"] = c["linux"]["readonlyPaths"] = []
c["mounts"].append({"destination": "/proc", "type": "bind", "source": "/proc", "options": ["rbind"]})
c["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "4242"}
c["process"]["args"] = ["cat", "/proc/sys/net/ipv4/ip_forward", "/proc/sys/kernel/msgmax"]'
  run runtime run --bundle "$KIST_ROOT/home/bundle" sysctls
  [[ $status == 0 && $(xargs <<<"$output") == "1 4242" ]]
  [[ $(</proc/sys/kernel/msgmax) != 4242 ]]
}

@test "ids of others are refused, with the file that would give them" {
  configure "
for k in ('uidMappings', 'gidMappings'):
    c['linux'][k] = [{'containerID': 0, 'hostID': $ROOTLESS_UID, 'size': 1},
                     {'containerID': 1, 'hostID': 4000000, 'size': 1000}]"
  fails_with 1 "newuidmap" runtime run --bundle "$KIST_ROOT/home/bundle" four
  [[ $output == *"'/etc/subuid' must give the mapped ids to this user"* ]]
  [[ -z $(runtime list -q) ]]
}

@test "create, start, exec, kill, delete" {
  configure 'c["process"]["args"] = ["sleep", "100"]'
  runtime create --bundle "$KIST_ROOT/home/bundle" five </dev/null >/dev/null 2>&1
  runtime start five
  [[ $(runtime state five) == *'"status": "running"'* ]]
  [[ $(runtime exec five id -u) == 0 ]]
  runtime kill five KILL
  stopped() { [[ $(runtime state five) == *stopped* ]]; }
  eventually stopped
  runtime delete five
}

@test "a limit that no delegated group can hold is an error that says so" {
  [[ $(kist info -f '{{.CgroupDelegated}}') == false ]] || skip "a control group is delegated here"
  configure 'c["linux"]["resources"] = {"pids": {"limit": 20}}'
  fails_with 1 "delegated to this user" runtime run --bundle "$KIST_ROOT/home/bundle" six
}

@test "namespaces that the host does not give: what to write and what to set" {
  configure 'c["linux"]["namespaces"] = [n for n in c["linux"]["namespaces"] if n["type"] != "user"]
c["linux"].pop("uidMappings"); c["linux"].pop("gidMappings")'
  run runtime run --bundle "$KIST_ROOT/home/bundle" six
  [[ $status == 1 && $output == *"Operation not permitted"*'need a user namespace'*'spec --rootless'* ]]
  [[ $(id -u) == 0 ]] || return 0
  configure 'pass'
  run as_user unshare --map-auto -r bash -c '
    echo 0 >/proc/sys/user/max_user_namespaces
    mkdir -p "$HOME/inner" && chown 1000 "$HOME/inner"
    XDG_RUNTIME_DIR=$HOME/inner exec setpriv --reuid 1000 --clear-groups "$@"' x "$KIST_BUILD/kist-runtime" run --bundle "$KIST_ROOT/home/bundle" seven
  [[ $status == 1 && $output == *"this host gives no user namespace"*"sysctl -w user.max_user_namespaces="* ]]
}

@test "podman without root drives it" {
  need podman slirp4netns
  [[ $(id -u) == 0 ]] || skip "needs root, for a home of its own"
  pod() {
    as_user podman --root "$KIST_ROOT/home/pod" --runroot "$KIST_ROOT/xdg/pod" --storage-driver vfs \
      --cgroup-manager cgroupfs --runtime "$KIST_BUILD/kist-runtime" "$@" 2>/dev/null
  }
  pod info >/dev/null || skip "podman does not work without root here"
  [[ $(pod run --rm --network none --rootfs "$KIST_ROOT/home/bundle/rootfs" id -u) == 0 ]]
  pod run -d --name p --network none --rootfs "$KIST_ROOT/home/bundle/rootfs" sleep 100
  [[ $(pod exec p hostname) == "$(pod inspect -f '{{.Config.Hostname}}' p)" ]]
  pod rm -f -t 0 p
}
