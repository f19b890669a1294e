#!/usr/bin/env bats
# What only the machine of tools/vm has: AppArmor, a kernel before 6.12 (loop mounts). KIST_VM is set
# there.

load lib
load runtime_lib

setup() {
  [[ -n ${KIST_VM-} ]] || skip "only in the machine of tools/vm"
  need_root
  B=$KIST_ROOT/bundle-$BATS_TEST_NUMBER
  ID=kist-test-$$-$BATS_TEST_NUMBER
  mkdir -p "$B"
  cp "$KIST_ROOT/config.json" "$B/"
}

@test "an AppArmor profile confines the program; one that is not loaded is an error" {
  need apparmor_parser
  [[ $(cat /sys/module/apparmor/parameters/enabled) == Y ]] || skip "AppArmor is off"
  printf '%s\n' '#include <tunables/global>' 'profile kist-test flags=(attach_disconnected,mediate_deleted) {' \
    '  file,' '  capability,' '  signal,' '  deny /etc/passwd r,' '}' >"$B/profile"
  apparmor_parser -r -K "$B/profile"
  conf '.process.apparmorProfile = "kist-test"'
  script 'cat /proc/self/attr/current; cat /etc/group; cat /etc/passwd'
  run rt run --bundle "$B" "$ID"
  [[ $output == 'kist-test (enforce)'*root:x:0:*'Permission denied'* ]]
  args sleep 100
  rt create --bundle "$B" "$ID"
  rt start "$ID"
  [[ $(cat "/proc/$(rt state "$ID" | jq .pid)/attr/current") == 'kist-test (enforce)' ]]
  run rt exec --apparmor kist-test "$ID" cat /etc/passwd
  [[ $output == *'Permission denied'* ]]
  rt delete -f "$ID"
  conf '.process.apparmorProfile = "kist-nosuch"'
  run rt run --bundle "$B" "$ID"
  [ "$status" -ne 0 ]
  nothing_left
}

@test "kist run from its store, layers mounted by the kernel through loop devices" {
  busybox_image box
  [[ $(uname -r) == 6.1.* ]]
  run kist run --rm --network none --memory 64m --pids-limit 20 box sh -c 'echo hi; grep " / / " /proc/self/mountinfo; cd /sys/fs/cgroup; cat memory.max memory/memory.limit_in_bytes 2>/dev/null; exit 3'
  echo "$output"
  [ "$status" -eq 3 ]
  [[ $output == hi* && $output == *overlay*67108864 ]]
  run find /sys/fs/cgroup -path '*/kist/*' -type d
  echo "$output"
  [[ -z $output ]]
}
