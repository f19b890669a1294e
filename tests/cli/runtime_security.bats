#!/usr/bin/env bats
# Past escapes of runc, crun and containerd, tried on kist-runtime. Every test says how it was seen
# to fail without the defence.

load lib
load runtime_lib

own_root() { # a root file system for this test alone, writable, in $ROOTFS
  ROOTFS=$B/root
  mkdir "$ROOTFS" && cp -a "$KIST_ROOT/rootfs/." "$ROOTFS"
  conf --arg r "$ROOTFS" '.root = {path: $r}'
}

# The kernel starts /proc/self/exe, which is the host's runtime, with the program interpreter of the
# image: code of the attacker, which could then open /proc/self/exe to overwrite the runtime. The
# script cannot be read by its user, so that no look at it beforehand can tell.
# Before the runtime hid its executable (child_final.c) the exec succeeded and the image's interpreter
# ran (status 139 from this one); without that file in the image: 127, the kernel looked for it.
@test "CVE-2019-5736: the runtime's executable is not there for a program that is /proc/self/exe" {
  own_root
  printf '#!/proc/self/exe\n' >"$ROOTFS/evil"
  chmod 0111 "$ROOTFS/evil"
  local interpreter
  interpreter=$(LC_ALL=C readelf -l "$KIST_BUILD/kist-runtime" | sed -n 's/.*program interpreter: \(.*\)]/\1/p')
  [[ -n $interpreter ]] || skip "kist-runtime is static here"
  mkdir -p "$ROOTFS$(dirname "$interpreter")"
  cp "$ROOTFS/bin/busybox" "$ROOTFS$interpreter"
  chmod 711 "$KIST_ROOT"
  conf '.process.user.uid = 1000'
  args /evil
  fails_with 1 'exec format error' rt run --bundle "$B" "$ID"
  args sleep 100
  rt create --bundle "$B" "$ID" && rt start "$ID"
  fails_with 255 'exec format error' rt exec "$ID" /evil
  rt delete -f "$ID"
  # links and scripts that can be read are named before
  args /proc/self/exe
  fails_with 1 'permission denied' rt run --bundle "$B" "$ID"
  nothing_left
}

# The command line of the runtime (paths of the host) is not what a process of the container sees of
# one that is about to run there, and its capabilities are the container's: the one that was needed
# to hide the executable is gone.
@test "what hides the executable leaves nothing behind" {
  script 'grep -E "Cap(Prm|Eff|Bnd|Amb)" /proc/self/status; readlink /proc/self/exe; ls /proc/self/fd'
  conf '.process.capabilities = {bounding: ["CAP_KILL"], permitted: ["CAP_KILL"], effective: ["CAP_KILL"]}'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == CapPrm:*0020 && ${lines[1]} == CapEff:*0020 && ${lines[2]} == CapBnd:*0020 && ${lines[3]} == CapAmb:*0000 ]]
  [[ ${lines[4]} == /bin/busybox ]]
  [[ ${lines[*]:5} == '0 1 2 3' ]]
}
