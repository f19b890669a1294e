# shellcheck shell=bash
# For the tests of engines that drive kist-runtime: daemons of our own, and what they leave.

# Limits that this host lets an engine set: their defaults may be above.
engine_nofile() { ulimit -Hn | sed 's/unlimited/1048576/'; }

# background COMMAND...: a daemon in a session of its own; its pid in $DAEMON, its output in $E/log
background() {
  setsid "$@" >"$E/log" 2>&1 </dev/null 3>&- &
  DAEMON=$!
  echo "$DAEMON" >"$E/daemon"
}
await() { # COMMAND...: up to 20 s
  for _ in $(seq 100); do
    "$@" >/dev/null 2>&1 && return
    sleep 0.2
  done
  return 1
}
# processes with a path of ours on their command line: shims, conmon and its cleanup
strays() { grep -lsF "$E/" /proc/[0-9]*/cmdline | cut -d/ -f3 | grep -vx -e $$ -e "$BASHPID"; }
# ends the daemon, waits for what is about to end, and ends what is not
end_daemon() {
  local pid
  if [[ -s $E/daemon ]]; then
    pid=$(<"$E/daemon")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do
      [[ -d /proc/$pid ]] || break
      sleep 0.2
    done
  fi
  for _ in $(seq 25); do
    [[ -n $(strays) ]] || return 0
    sleep 0.2
  done
  for pid in $(strays); do kill -9 "$pid" 2>/dev/null || true; done
  sleep 0.2
}
unmount_below() { # DIR
  local m
  awk -v d="$1/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do
    umount -l "$m" 2>/dev/null || true
  done
}
# engine_setup NAME: $E, a directory with a root file system and its tar
engine_setup() {
  need_root
  need busybox jq
  kist_setup_file
  E=$KIST_ROOT/engine
  mkdir -p "$E"
  export E KR=$KIST_BUILD/kist-runtime
  busybox_rootfs "$KIST_ROOT/rootfs"
  tar -C "$KIST_ROOT/rootfs" --sort=name --owner=0 --group=0 --numeric-owner -cf "$E/rootfs.tar" .
}
engine_teardown() {
  [[ -n ${E-} && -d $E ]] || return 0
  end_daemon
  unmount_below "$KIST_ROOT"
  kist_teardown_file
}
# terminal COMMAND: its output on a terminal of its own, without what terminals add
# (its input stays open: at an end of file script types one into the terminal, which ends what reads it)
terminal() { script -qec "$1" /dev/null < <(exec sleep 3 3>&-) 2>&1 | stdbuf -oL tr -d '\r\000'; }
