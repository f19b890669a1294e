# shellcheck shell=bash
# For the tests without root: a user with subordinate ids. As root it is one that only the tests'
# mount namespaces know (a passwd, subuid and subgid of their own, bound over the host's), so that
# nothing of the host changes; as an ordinary user it is oneself.

ROOTLESS_UID=$(id -u)
((ROOTLESS_UID)) || ROOTLESS_UID=4711

rootless_setup_file() {
  kist_setup_file
  command -v newuidmap newgidmap >/dev/null || skip "newuidmap is not installed (uidmap)"
  if [[ $(id -u) == 0 ]]; then
    command -v setpriv >/dev/null || skip "setpriv is not installed"
    chmod 755 "$KIST_ROOT"
    mkdir -p "$KIST_ROOT"/{etc,home,xdg}
    { cat /etc/passwd; echo "kisttest:x:$ROOTLESS_UID:$ROOTLESS_UID::$KIST_ROOT/home:/bin/sh"; } \
      >"$KIST_ROOT/etc/passwd"
    { cat /etc/group; echo "kisttest:x:$ROOTLESS_UID:"; } >"$KIST_ROOT/etc/group"
    echo "kisttest:700000:65536" | tee "$KIST_ROOT/etc/subuid" >"$KIST_ROOT/etc/subgid"
    : >"$KIST_ROOT/etc/empty"
    mknod -m 666 "$KIST_ROOT/tun" c 10 200
    chown "$ROOTLESS_UID:$ROOTLESS_UID" "$KIST_ROOT"/{home,xdg}
    chmod 700 "$KIST_ROOT/xdg"
  else
    grep -q "^$(id -un):" /etc/subuid || skip "this user has no subordinate ids"
    mkdir -p "$KIST_ROOT"/{home,xdg}
  fi
}

# as_user COMMAND...: as that user. SUBIDS=empty: without subordinate ids; TUN=no: the host's own
# /dev/net/tun; RUNTIME_DIR: instead of a directory of the tests, "" none.
as_user() {
  local run=${RUNTIME_DIR-$KIST_ROOT/xdg}
  local -a vars=(PATH="${USER_PATH:-$PATH}" HOME="$KIST_ROOT/home" LANG=C TMPDIR=/var/tmp
    ASAN_OPTIONS="${ASAN_OPTIONS-}")
  [[ -z $run ]] || vars+=(XDG_RUNTIME_DIR="$run")
  if [[ $(id -u) != 0 ]]; then
    env -i "${vars[@]}" "$@"
    return
  fi
  # CGROUP=delegated: a host with cgroup v2 alone that has given the caller's group to the user
  # shellcheck disable=SC2016
  CGROUP=${CGROUP-} SUBIDS=${SUBIDS-} TUN=${TUN-} unshare -m --propagation slave bash -c '
    for f in passwd group; do mount --bind "$0/etc/$f" "/etc/$f"; done
    for f in subuid subgid; do mount --bind "$0/etc/${SUBIDS:-$f}" "/etc/$f"; done
    [[ $TUN == no ]] || mount --bind "$0/tun" /dev/net/tun
    if [[ $CGROUP == delegated ]]; then
      [[ ! -d /sys/fs/cgroup/unified ]] || mount --bind /sys/fs/cgroup/unified /sys/fs/cgroup
      mkdir -p "/sys/fs/cgroup/kist-test-$1/shell"
      chown "$1" "/sys/fs/cgroup/kist-test-$1"{,/shell}{,/cgroup.procs,/cgroup.subtree_control}
      echo $$ >"/sys/fs/cgroup/kist-test-$1/shell/cgroup.procs"
    fi
    exec setpriv --reuid "$1" --regid "$1" --clear-groups -- env -i "${@:2}"' \
    "$KIST_ROOT" "$ROOTLESS_UID" "${vars[@]}" "$@"
}

kist() { as_user "$KIST_BUILD/kist" "$@"; }

rootless_teardown_file() {
  local id
  for id in $(kist ps -aq 2>/dev/null); do kist rm -f "$id" >/dev/null 2>&1 || true; done
  # trees of subordinate ids: only who may be their owner removes them
  if [[ $(id -u) == 0 ]]; then rm -rf "$KIST_ROOT"; else unshare --map-auto -r rm -rf "$KIST_ROOT"; fi
}

# rootless_image NAME: static busybox, imported by the user
rootless_image() {
  busybox_rootfs "$KIST_ROOT/rootfs"
  printf '%s\n' joe:x:1234:1234::/:/bin/sh www-data:x:33:33::/:/bin/sh >>"$KIST_ROOT/rootfs/etc/passwd"
  printf '%s\n' joe:x:1234: www-data:x:33: >>"$KIST_ROOT/rootfs/etc/group"
  tar -C "$KIST_ROOT/rootfs" --sort=name --owner=0 --group=0 --numeric-owner \
    -cf "$KIST_ROOT/rootfs.tar" .
  chmod 644 "$KIST_ROOT/rootfs.tar"
  kist import -c 'CMD ["/bin/sh"]' -c 'ENV PATH=/bin' "$KIST_ROOT/rootfs.tar" "$1" >/dev/null
}

# mapped ID: which id of the host an id of a container is
mapped() {
  local first
  first=$(sed -n "s/^\(kisttest\|$(id -un)\):\([0-9]*\):.*/\2/p" "$KIST_ROOT/etc/subuid" /etc/subuid 2>/dev/null | head -1)
  (($1 == 0)) && echo "$ROOTLESS_UID" || echo $((first + $1 - 1))
}

# eventually COMMAND...: within five seconds
eventually() {
  local i
  for ((i = 0; i < 100; i++)); do
    "$@" && return
    sleep 0.05
  done
  echo "never: $*"
  return 1
}
