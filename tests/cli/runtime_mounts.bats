#!/usr/bin/env bats
# Root, mounts, devices, masked and read-only paths of kist-runtime (config.md, config-linux.md).

load lib
load runtime_lib

own_root() { # a root file system for this test alone, writable, in $ROOTFS
  ROOTFS=$B/root
  mkdir "$ROOTFS" && cp -a "$KIST_ROOT/rootfs/." "$ROOTFS"
  conf --arg r "$ROOTFS" '.root = {path: $r}'
}
mounts() { conf --arg b "$B" ".mounts += [$1]"; }
# options of the mount at PATH inside, as /proc/self/mountinfo has them: "ro,nosuid,relatime shared:3"
see() { script "awk '\$5 == \"$1\" { print \$6, \$7 }' /proc/self/mountinfo"; }
in_user_ns() {
  chmod 711 "$KIST_ROOT" "$B"
  conf '.linux.namespaces += [{type: "user"}]
    | .linux.uidMappings = [{containerID: 0, hostID: 100000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
}

@test "every attribute of a mount, and its contrary" {
  own_root
  local pair
  for pair in ro:ro nosuid:nosuid nodev:nodev noexec:noexec nodiratime:nodiratime noatime:noatime \
    nosymfollow:nosymfollow ro,rw:rw nosuid,suid:rw nodev,dev:rw noexec,exec:rw nodiratime,diratime:rw \
    noatime,atime:relatime noatime,relatime:relatime nosymfollow,symfollow:rw noatime,nostrictatime:relatime; do
    conf --arg o "${pair%:*}" '.mounts = [.mounts[] | select(.destination != "/t")]
      + [{destination: "/t", type: "tmpfs", source: "t", options: ($o | split(","))}]'
    see /t
    run rt run --bundle "$B" "$ID"
    [[ ,${output% *}, == *,${pair#*:},* ]] || { echo "$pair: $output"; return 1; }
    [[ ${pair%%:*} != *,* || $output != *"${pair%%,*}"* ]] || { echo "$pair: $output"; return 1; }
  done
  conf '.mounts[-1].options = ["strictatime"]'
  run rt run --bundle "$B" "$ID"
  [[ $output != *relatime* && $output != *noatime* ]] || { echo "$output"; return 1; }
}

@test "attributes of a bind: of the top alone, or recursive" {
  own_root
  mkdir -p "$B/src/sub"
  mount -t tmpfs t "$B/src/sub"
  script "awk '\$5 ~ \"^/[ab]\" { print \$5, \$6 }' /proc/self/mountinfo | sort"
  mounts '{destination: "/a", source: ($b + "/src"), options: ["rbind", "ro", "noexec"]},
    {destination: "/b", source: ($b + "/src"), options: ["rbind", "rro", "rnosuid", "rnodev", "rnoexec", "rnoatime"]}'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == /a\ ro,*noexec* && ${lines[1]} == /a/sub\ rw,* && ${lines[1]} != *noexec* ]] || { echo "$output"; return 1; }
  [[ ${lines[2]} == '/b ro,nosuid,nodev,noexec,noatime' && ${lines[3]} == '/b/sub ro,nosuid,nodev,noexec,noatime' ]] || { echo "$output"; return 1; }
  conf '.mounts[-1].options = ["rbind", "ro", "rnoatime", "rrw", "rrelatime"]'
  run rt run --bundle "$B" "$ID"
  umount "$B/src/sub"
  [[ ${lines[2]} == '/b rw,relatime' && ${lines[3]} == '/b/sub rw,relatime' ]] || { echo "$output"; return 1; }
}

@test "options for the superblock reach the file system" {
  own_root
  mounts '{destination: "/t", type: "tmpfs", source: "t", options: ["sync", "dirsync", "lazytime", "silent", "nomand", "noiversion", "defaults", "noauto"]}'
  script 'grep " /t " /proc/self/mountinfo'
  run rt run --bundle "$B" "$ID"
  [[ $output == *sync,dirsync* && $output == *lazytime* ]] || { echo "$output"; return 1; }
  conf '.mounts[-1].options = ["sync", "async", "lazytime", "nolazytime", "loud", "noexec", "iversion"]'
  run rt run --bundle "$B" "$ID"
  [[ $output != *sync* && $output != *lazytime* && $output == *' rw,noexec,'* ]] || { echo "$output"; return 1; }
  conf '.mounts[-1] = {destination: "/t", source: "/tmp", options: ["bind", "sync", "size=3"]}'
  run rt run --bundle "$B" "$ID"
  [[ $output == *'mean nothing for a bind and are left out: sync,size=3'* ]] || { echo "$output"; return 1; }
}

@test "propagation of a mount" {
  own_root
  mkdir "$B/src"
  mount -t tmpfs t "$B/src" && mount --make-shared "$B/src"
  mounts '{destination: "/a", source: ($b + "/src"), options: ["rbind"]}'
  see /a
  local word
  for word in private slave shared unbindable rprivate rslave rshared runbindable; do
    conf --arg w "$word" '.mounts[-1].options = ["rbind", $w]'
    run rt run --bundle "$B" "$ID"
    case $word in
      *private) [[ $output == *' -' ]] ;;
      *slave) [[ $output == *' master:'* ]] ;;
      *shared) [[ $output == *' shared:'* ]] ;;
      *unbindable) [[ $output == *' unbindable' ]] ;;
    esac || { umount "$B/src"; echo "$word: $output"; return 1; }
  done
  umount "$B/src"
}

@test "rootfsPropagation: each kind, and a shared root gives mounts back to the host" {
  own_root
  local word
  see /
  for word in slave private unbindable shared rslave rprivate runbindable rshared; do
    conf --arg w "$word" '.linux.rootfsPropagation = $w'
    run rt run --bundle "$B" "$ID"
    case $word in
      *private) [[ $output == *' -' ]] ;;
      *slave) [[ $output == *' -' || $output == *' master:'* ]] ;;
      *shared) [[ $output == *' shared:'* ]] ;;
      *unbindable) [[ $output == *' unbindable' ]] ;;
    esac || { echo "$word: $output"; return 1; }
  done
  mkdir "$B/vol"
  mount -t tmpfs t "$B/vol" && mount --make-shared "$B/vol" && mkdir "$B/vol/m"
  local before
  before=$(wc -l </proc/self/mountinfo)
  mounts '{destination: "/vol", source: ($b + "/vol"), options: ["rbind", "rshared"]}'
  conf '.linux.rootfsPropagation = "rshared" | .process.capabilities |= map_values(. + ["CAP_SYS_ADMIN"])'
  script 'mount -t tmpfs inner /vol/m && touch /vol/m/seen'
  rt run --bundle "$B" "$ID"
  local seen=no after
  [[ -e $B/vol/m/seen ]] && seen=yes
  umount "$B/vol/m" || true
  after=$(wc -l </proc/self/mountinfo)
  umount "$B/vol"
  [[ $seen == yes && $after == "$before" ]] || { echo "$output"; return 1; }
}

@test "a shared root on a shared host leaves no mount of the container behind" {
  # the host's mounts in a namespace of the test: all of them shared
  own_root
  conf '.linux.rootfsPropagation = "rshared"'
  script true
  run unshare -m --propagation shared sh -c '
    before=$(wc -l </proc/self/mountinfo)
    "$1" --root "$2" run --bundle "$3" "$4" || exit 1
    after=$(wc -l </proc/self/mountinfo)
    echo "$before $after"' x "$KIST_BUILD/kist-runtime" "$KIST_ROOT/rt" "$B" "$ID"
  [ "$status" -eq 0 ]
  [[ ${output% *} == "${output#* }" ]] || { echo "$output"; return 1; }
}

@test "under a shared root what is masked is no peer of the host's /dev" {
  # a mount over it inside would come over the host's /dev/null
  own_root
  conf '.linux.rootfsPropagation = "rshared" | .linux.maskedPaths = ["/proc/keys"]'
  script 'grep " /proc/keys " /proc/self/mountinfo'
  run unshare -m --propagation shared sh -c '
    grep -E " /(dev)? " /proc/self/mountinfo
    "$1" --root "$2" run --bundle "$3" "$4"' x "$KIST_BUILD/kist-runtime" "$KIST_ROOT/rt" "$B" "$ID"
  [ "$status" -eq 0 ]
  masked=$(sed -n 's/.* \/proc\/keys .*\(shared:[0-9]*\).*/\1/p' <<<"$output")
  [[ $masked == shared:* && $(grep -c "$masked " <<<"$output") == 1 ]]
}

@test "destinations: relative, missing parents, files onto nothing, over what exists, in order" {
  own_root
  echo one >"$B/one"
  echo two >"$B/two"
  mounts '{destination: "relative/dir", type: "tmpfs", source: "t"},
    {destination: "/new/deep/file", source: ($b + "/one"), options: ["bind"]},
    {destination: "/etc/passwd", source: ($b + "/one"), options: ["bind"]},
    {destination: "/etc/passwd", source: ($b + "/two"), options: ["bind"]},
    {destination: "/relative/dir/in", type: "tmpfs", source: "t"}'
  script 'cat /new/deep/file /etc/passwd; grep -c relative /proc/self/mountinfo'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'one\ntwo\n2' ]] || { echo "$output"; return 1; }
  nothing_left
}

@test "a relative source is in the bundle" {
  own_root
  echo here >"$B/file"
  mounts '{destination: "/f", source: "file", options: ["bind"]}'
  script 'cat /f'
  cd /
  run rt run --bundle "$B" "$ID"
  [[ $output == here ]] || { echo "$output"; return 1; }
}

@test "what fails is named by its place in the config" {
  own_root
  local n
  n=$(jq '.mounts | length' "$B/config.json")
  mounts '{destination: "/x", source: "/no/such/source", options: ["bind"]}'
  fails_with 1 "mounts[$n] '/x': bind '/no/such/source': No such file or directory" rt run --bundle "$B" "$ID"
  conf '.mounts[-1] = {destination: "/x", type: "nosuchfs", source: "x"}'
  fails_with 1 "mounts[$n] '/x': type 'nosuchfs' is no file system" rt run --bundle "$B" "$ID"
  conf '.mounts[-1] = {destination: "/bin/busybox/x", type: "tmpfs", source: "x"}'
  fails_with 1 "mounts[$n] '/bin/busybox/x': " rt run --bundle "$B" "$ID"
  conf '.mounts[-1] = {destination: "/x", type: "tmpfs", options: ["idmap"]}'
  fails_with 1 "mounts[$n]: only a bind mount can be id-mapped" rt run --bundle "$B" "$ID"
  conf '.mounts[-1] = {destination: "/x", source: "/tmp", options: ["bind", "tmpcopyup"]}'
  fails_with 1 "tmpcopyup is for a tmpfs" rt run --bundle "$B" "$ID"
  conf '.mounts[-1] = {destination: "/x", source: "/tmp", options: ["bind", "idmap"]}'
  fails_with 1 "mounts[$n] '/x': idmap without mappings" rt run --bundle "$B" "$ID"
  conf '.mounts[-1] = {destination: "/x", source: "/tmp", options: ["bind", "idmap=uids=1-2"]}'
  fails_with 1 "'1-2' is no list of ranges" rt run --bundle "$B" "$ID"
  conf '.mounts[-1] = {destination: "/x", source: "/tmp", options: ["bind"], uidMappings: [{containerID: 0, hostID: 1, size: 1}]}'
  fails_with 1 "uidMappings and gidMappings go together" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "idmap and ridmap: mappings of the mount, of the container, of crun's form" {
  own_root
  mkdir -p "$B/src/sub" "$B/other"
  touch "$B/src/f" && chown 3:4 "$B/src/f"
  mount --bind "$B/other" "$B/src/sub" # not a tmpfs: Linux before 6.3 cannot map it
  touch "$B/src/sub/g" && chown 3:4 "$B/src/sub/g"
  script 'stat -c "%u:%g" /m/f /m/sub/g'
  mounts '{destination: "/m", source: ($b + "/src"), options: ["rbind", "idmap"],
    uidMappings: [{containerID: 0, hostID: 1000, size: 100}], gidMappings: [{containerID: 0, hostID: 2000, size: 100}]}'
  run rt run --bundle "$B" "$ID"
  if [[ $output == *'cannot be id-mapped'* ]]; then umount "$B/src/sub"; skip "$output"; fi
  [[ $output == $'1003:2004\n3:4' ]] || { echo "$output"; return 1; }
  conf '.mounts[-1].options = ["rbind", "ridmap"]'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'1003:2004\n1003:2004' ]] || { echo "$output"; return 1; }
  conf 'del(.mounts[-1].options, .mounts[-1].uidMappings, .mounts[-1].gidMappings)
    | .mounts[-1].options = ["rbind", "ridmap=uids=0-1000-3#3-70-5;gids=0-2000-10"]'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'70:2004\n70:2004' ]] || { echo "$output"; return 1; }
  # in a user namespace: no mappings means its own, "@" counts in it
  conf '.mounts[-1].options = ["rbind", "ridmap"]'
  in_user_ns
  run rt run --bundle "$B" "$ID"
  [[ $output == $'3:4\n3:4' ]] || { echo "$output"; return 1; }
  conf '.mounts[-1].options = ["rbind", "ridmap=uids=@0-10-100;gids=@0-20-100"]'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'13:24\n13:24' ]] || { echo "$output"; return 1; }
  conf '.mounts[-1].options = ["rbind", "ridmap=uids=@0-65530-100;gids=@0-20-100"]'
  fails_with 1 "ids 65530 to 65629 are not one range" rt run --bundle "$B" "$ID"
  umount "$B/src/sub"
  nothing_left
}

@test "a source that only the host's root can reach, in a user namespace" {
  own_root
  mkdir -m 700 "$B/private" && mkdir "$B/private/vol" && echo text >"$B/private/vol/f"
  mounts '{destination: "/m", source: ($b + "/private/vol"), options: ["bind", "ro"]}'
  in_user_ns
  mkdir "$ROOTFS/m"
  script 'cat /m/f; touch /m/g'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == text && ${lines[1]} == *'Read-only file system'* ]] || { echo "$output"; return 1; }
}

@test "tmpcopyup: the tmpfs begins as a copy of what it covers" {
  own_root
  mkdir -p "$ROOTFS/data/sub" && chmod 755 "$ROOTFS/data" && chown 7:8 "$ROOTFS/data"
  echo text >"$ROOTFS/data/sub/f" && chown 3:4 "$ROOTFS/data/sub/f" && chmod 644 "$ROOTFS/data/sub/f"
  ln -s sub/f "$ROOTFS/data/link"
  mkfifo "$ROOTFS/data/fifo"
  mounts '{destination: "/data", type: "tmpfs", source: "t", options: ["tmpcopyup", "ro"]}'
  script 'cat /data/link; stat -c "%a %u:%g" /data /data/sub/f; test -p /data/fifo && touch /data/x'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[*]:0:3} == 'text 755 7:8 644 3:4' && ${lines[3]} == *'Read-only file system'* ]] || { echo "$output"; return 1; }
  # what does not fit is an error, not a half of it
  head -c 100000 /dev/zero >"$ROOTFS/data/big"
  conf '.mounts[-1].options = ["tmpcopyup", "size=16k"]'
  fails_with 1 "'/data': tmpcopyup: copy 'big': No space left" rt run --bundle "$B" "$ID"
  nothing_left
}

@test "a tmpfs has the mode of the directory that it covers, or that of its options" {
  own_root
  mkdir -m 2750 "$ROOTFS/data"
  mounts '{destination: "/data", type: "tmpfs", source: "t"}, {destination: "/none", type: "tmpfs", source: "t"}'
  script 'stat -c %a /data /none'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'2750\n1777' ]] || { echo "$output"; return 1; }
  rmdir "$ROOTFS/none"
  conf '.mounts[-2].options = ["mode=0700"]'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'700\n1777' ]] || { echo "$output"; return 1; }
}

@test "copy-symlink makes the link again" {
  own_root
  ln -s ../usr/share/zone "$B/localtime"
  echo plain >"$B/file"
  mounts '{destination: "/etc/localtime", source: ($b + "/localtime"), options: ["bind", "copy-symlink"]},
    {destination: "/etc/plain", source: ($b + "/file"), options: ["bind", "copy-symlink"]}'
  script 'readlink /etc/localtime; cat /etc/plain'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'../usr/share/zone\nplain' ]] || { echo "$output"; return 1; }
  run rt run --bundle "$B" "$ID" # it is there already
  [[ $output == $'../usr/share/zone\nplain' ]] || { echo "$output"; return 1; }
  ln -sf /other "$ROOTFS/etc/localtime"
  fails_with 1 "copy-symlink: something else than a link to '../usr/share/zone' is there" rt run --bundle "$B" "$ID"
}

@test "remount changes what is mounted there" {
  own_root
  mounts '{destination: "/t", type: "tmpfs", source: "t", options: ["size=64k", "nosuid"]},
    {destination: "/t", type: "tmpfs", source: "t", options: ["remount", "size=128k", "noexec"]}'
  script 'grep " /t " /proc/self/mountinfo | cut -d" " -f 5,6,10-'
  run rt run --bundle "$B" "$ID"
  [[ $output == '/t rw,noexec,'*size=128k* && $output != *nosuid* ]] || { echo "$output"; return 1; }
  conf '.mounts[-1] = {destination: "/t", options: ["bind", "remount", "ro", "nosuid"]}'
  run rt run --bundle "$B" "$ID"
  [[ $output == '/t ro,nosuid,'*size=64k* ]] || { echo "$output"; return 1; }
  conf '.mounts[-1].destination = "/tmp"'
  fails_with 1 "remount: nothing is mounted there" rt run --bundle "$B" "$ID"
}

@test "proc and sysfs in a user namespace, with the host's network and without" {
  own_root
  chown -R 100000:100000 "$ROOTFS"
  in_user_ns
  script 'cat /proc/1/comm; ls /sys/kernel >/dev/null && touch /sys/x'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == sh && ${lines[1]} == *'Read-only file system'* ]] || { echo "$output"; return 1; }
  conf '.linux.namespaces |= map(select(.type != "network"))'
  script 'ls /sys/kernel >/dev/null && touch /sys/x; grep -c "/sys sysfs" /proc/mounts'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == *'Read-only file system'* && ${lines[1]} == 1 ]] || { echo "$output"; return 1; }
  conf '.linux.namespaces |= map(select(.type != "pid" and .type != "ipc")) | del(.linux.maskedPaths)'
  grep -q ' /dev/mqueue ' /proc/self/mountinfo || conf '.mounts |= map(select(.type != "mqueue"))'
  script 'test -d /proc/1 && echo fine'
  run rt run --bundle "$B" "$ID"
  [[ $output == fine ]] || { echo "$output"; return 1; }
}

@test "a mount of type cgroup shows the container's own groups" {
  own_root
  conf '.mounts = [.mounts[] | select(.type != "cgroup")]'
  mounts '{destination: "/sys/fs/cgroup", type: "cgroup", source: "cgroup", options: ["nosuid", "noexec", "nodev", "ro"]}'
  script 'ls /sys/fs/cgroup | head -1; head -1 "$(find /sys/fs/cgroup -name cgroup.procs | head -1)"; mkdir /sys/fs/cgroup/x'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[1]} == 1 && ${lines[2]} == *'Read-only file system'* ]] || { echo "$output"; return 1; }
  conf '.linux.namespaces |= map(select(.type != "cgroup"))'
  script 'head -1 "$(find /sys/fs/cgroup -name cgroup.procs | head -1)"'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == 1 ]] || { echo "$output"; return 1; }
}

@test "default devices, devices of the config with mode and owner, links" {
  own_root
  conf '.linux.devices = [{path: "/dev/my/null", type: "c", major: 1, minor: 3, fileMode: 384, uid: 5, gid: 6},
    {path: "/dev/pipe", type: "p"}, {path: "/opt/zero", type: "u", major: 1, minor: 5}]'
  script 'cd /dev; stat -c "%n %F %a %u:%g %t:%T" null zero full random urandom tty my/null pipe /opt/zero; for l in fd stdin stdout stderr ptmx; do readlink $l; done'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[*]} == 'null character special file 666 0:0 1:3 zero character special file 666 0:0 1:5 full character special file 666 0:0 1:7 random character special file 666 0:0 1:8 urandom character special file 666 0:0 1:9 tty character special file 666 0:0 5:0 my/null character special file 600 5:6 1:3 pipe fifo 666 0:0 0:0 /opt/zero character special file 666 0:0 1:5 /proc/self/fd /proc/self/fd/0 /proc/self/fd/1 /proc/self/fd/2 pts/ptmx' ]] || { echo "$output"; return 1; }
}

@test "a device that is there already: the same is taken, another is an error" {
  own_root
  mknod "$ROOTFS/zero" c 1 5
  conf '.linux.devices = [{path: "/zero", type: "c", major: 1, minor: 5, fileMode: 438}]'
  script 'stat -c %F /zero'
  run rt run --bundle "$B" "$ID"
  [[ $output == 'character special file' ]] || { echo "$output"; return 1; }
  conf '.linux.devices[0].minor = 3'
  fails_with 1 "linux.devices: '/zero': something else is there" rt run --bundle "$B" "$ID"
  rm "$ROOTFS/zero" && echo >"$ROOTFS/zero"
  fails_with 1 "linux.devices: '/zero': something else is there" rt run --bundle "$B" "$ID"
}

@test "devices in a user namespace are those of the host" {
  own_root
  chown -R 100000:100000 "$ROOTFS"
  in_user_ns
  script 'echo x >/dev/null && head -c 3 /dev/zero | wc -c; stat -c %t:%T /dev/full'
  run rt run --bundle "$B" "$ID"
  [[ $output == $'3\n1:7' ]] || { echo "$output"; return 1; }
  conf '.linux.devices = [{path: "/dev/zero", type: "c", major: 1, minor: 3}]'
  fails_with 1 "linux.devices: '/dev/zero': the host's is another device" rt run --bundle "$B" "$ID"
  conf '.linux.devices = [{path: "/dev/kist-none", type: "c", major: 1, minor: 3}]'
  fails_with 1 "linux.devices: '/dev/kist-none': " rt run --bundle "$B" "$ID"
}

@test "masked and read-only paths: files, directories, links, nothing there" {
  own_root
  mkdir -p "$ROOTFS/secret/dir" && echo s >"$ROOTFS/secret/file" && ln -s secret/file "$ROOTFS/link"
  echo keep >"$ROOTFS/secret/kept"
  conf '.linux.maskedPaths = ["/secret/dir", "/link", "/none", "/proc/keys"] | .linux.readonlyPaths = ["/secret/kept", "/none", "/tmp"]'
  script 'wc -c </secret/file; ls -A /secret/dir | wc -l; touch /secret/dir/x; cat /secret/kept; echo x >/secret/kept; touch /tmp/x; wc -c </proc/keys'
  run rt run --bundle "$B" "$ID"
  [[ ${lines[0]} == 0 && ${lines[1]} == 0 && ${lines[3]} == keep && ${lines[6]} == 0 ]] || { echo "$output"; return 1; }
  [ "$(grep -c 'Read-only file system' <<<"$output")" -eq 3 ]
}

@test "a label for mounts needs SELinux" {
  [[ ! -e /sys/fs/selinux/enforce ]] || skip "this host has SELinux"
  conf '.linux.mountLabel = "system_u:object_r:container_file_t:s0"'
  fails_with 1 "linux.mountLabel 'system_u:object_r:container_file_t:s0': this host has no SELinux" rt run --bundle "$B" "$ID"
}
