# shellcheck shell=bash
# What every runtime*.bats file loads after lib: a root file system of busybox for the file, a bundle
# ($B) and a container id ($ID) of its own for each test, and short names for what tests do with them.

setup_file() {
  kist_setup_file
  need_root
  need busybox jq
  busybox_rootfs "$KIST_ROOT/rootfs"
  B=$KIST_ROOT
  rt spec --bundle "$B"
  conf '.root.path = env.KIST_ROOT + "/rootfs" | .process.terminal = false'
}
teardown_file() {
  local id
  for id in $(rt list -q 2>/dev/null); do rt delete -f "$id" || true; done
  kist_teardown_file
}

setup() {
  need_root
  need busybox jq
  B=$KIST_ROOT/bundle-$BATS_TEST_NUMBER
  ID=kist-test-$$-$BATS_TEST_NUMBER
  mkdir -p "$B"
  cp "$KIST_ROOT/config.json" "$B/"
}
teardown() {
  if [[ $(id -u) == 0 && -n ${ID-} ]]; then rt delete -f "$ID"; fi
}

rt() { "$KIST_BUILD/kist-runtime" --root "$KIST_ROOT/rt" "$@"; }
conf() { # JQ-ARGUMENTS...: changes the bundle's config
  jq "$@" "$B/config.json" >"$B/new" && mv "$B/new" "$B/config.json"
}
args() {
  jq '.process.args = $ARGS.positional' "$B/config.json" --args -- "$@" >"$B/new" && mv "$B/new" "$B/config.json"
}
script() { args sh -c "$1"; }
started() { # a running container whose main process waits
  args sleep 100
  rt create --bundle "$B" "$ID" && rt start "$ID"
}
saved_config() { sed 1,2d "$KIST_ROOT/rt/$ID/state"; } # what the runtime keeps of it
nothing_left() {
  [[ ! -e $KIST_ROOT/rt/$ID ]]
  [[ -z $(find /sys/fs/cgroup -type d -name "$ID") ]]
  ! grep -q "$B" /proc/self/mountinfo
}
