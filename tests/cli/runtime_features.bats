#!/usr/bin/env bats
# kist-runtime features: what the document says is what this kernel and this build do.

load lib

features() { "$KIST_BUILD/kist-runtime" features; }

setup() { need jq; }

@test "the document follows its schema" {
  local schema=$BATS_TEST_DIRNAME/../../../shared/data/runtime-spec-schema
  [[ -d $schema ]] || skip "no schemas at hand"
  python3 -c 'import jsonschema' 2>/dev/null || skip "python3-jsonschema is not installed"
  features >"$BATS_TEST_TMPDIR/doc"
  python3 -W ignore - "$schema" "$BATS_TEST_TMPDIR/doc" <<'END'
import json, pathlib, sys, jsonschema
top = pathlib.Path(sys.argv[1]).resolve()
s = json.load(open(top / 'features-schema.json'))
r = jsonschema.RefResolver((top / 'features-schema.json').as_uri(), s)
jsonschema.validate(json.load(open(sys.argv[2])), s, resolver=r)
END
}

@test "namespaces, file systems, modules of security are those of the kernel" {
  local k
  for k in cgroup:cgroup ipc:ipc mount:mnt network:net pid:pid time:time user:user uts:uts; do
    [[ $(features | jq --arg k "${k%:*}" '.linux.namespaces | any(. == $k)') == \
      $([[ -e /proc/self/ns/${k#*:} ]] && echo true || echo false) ]]
  done
  [[ $(features | jq .linux.cgroup.v2) == $(grep -qw cgroup2 /proc/filesystems && echo true || echo false) ]]
  [[ $(features | jq .linux.intelRdt.enabled) == $(grep -qw resctrl /proc/filesystems && echo true || echo false) ]]
  [[ $(features | jq .linux.apparmor.enabled) == \
    $([[ $(cat /sys/module/apparmor/parameters/enabled 2>/dev/null) == Y ]] && echo true || echo false) ]]
  [[ $(features | jq .linux.selinux.enabled) == $([[ -e /sys/fs/selinux/enforce ]] && echo true || echo false) ]]
  [[ $(features | jq .linux.cgroup.rdma) == "$(grep -q ^rdma /proc/cgroups && echo true || echo false)" ]]
}

@test "actions and architectures of filters are those of the kernel and of libseccomp" {
  [[ -r /proc/sys/kernel/seccomp/actions_avail ]] || skip "a kernel without seccomp"
  local a
  for a in $(cat /proc/sys/kernel/seccomp/actions_avail); do
    a=${a^^}
    [[ $a != USER_NOTIF ]] || a=NOTIFY
    features | jq -e --arg a "SCMP_ACT_$a" '.linux.seccomp.actions | any(. == $a)'
  done
  features | jq -e '.linux.seccomp | .enabled and (.archs | length > 3) and (.operators | length == 7)
    and (.supportedFlags - .knownFlags == [])'
}

@test "memory policies that are named can be set" {
  need_root
  need busybox
  [[ -e /proc/self/numa_maps ]] || skip "a kernel without NUMA"
  KIST_ROOT=$BATS_TEST_TMPDIR
  busybox_rootfs "$KIST_ROOT/rootfs"
  "$KIST_BUILD/kist-runtime" spec --bundle "$KIST_ROOT"
  local mode nodes
  for mode in $(features | jq -r '.linux.memoryPolicy.modes[]'); do
    nodes='"0"'
    [[ $mode != MPOL_DEFAULT && $mode != MPOL_LOCAL ]] || nodes='""'
    jq --arg m "$mode" --argjson n "$nodes" '.linux.memoryPolicy = {mode: $m, nodes: $n} | .process.args = ["true"]
      | .process.terminal = false' "$KIST_ROOT/config.json" >"$KIST_ROOT/new"
    "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" run --bundle "$KIST_ROOT" --config "$KIST_ROOT/new" "f$$"
  done
}
