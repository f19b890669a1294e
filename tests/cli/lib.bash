# shellcheck shell=bash
# What every .bats file loads: the programs under test and a store of its own.
#   KIST_BUILD  the build tree (default: build/ of this tree)

KIST_BUILD=${KIST_BUILD:-$(cd "$BATS_TEST_DIRNAME/../.." && pwd)/build}

# A store for this file alone; call it in setup_file, and kist_teardown_file in teardown_file.
kist_setup_file() {
  KIST_ROOT=$(mktemp -d "${TMPDIR:-/var/tmp}/kist-test.XXXXXX")
  export KIST_ROOT KIST_BUILD
}

kist_teardown_file() {
  local id
  if [[ -d ${KIST_ROOT-} ]]; then
    for id in $(kist ps -aq 2>/dev/null); do kist rm -f "$id" >/dev/null 2>&1 || true; done
    rm -rf "$KIST_ROOT"
  fi
}

kist() { "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" "$@"; }

# own_home: a scratch directory T, and in it a home without credentials; remove T in teardown
own_home() {
  T=$(mktemp -d "$KIST_ROOT/t.XXXXXX")
  export HOME=$T/home XDG_RUNTIME_DIR=$T/run XDG_CONFIG_HOME=$T/home/.config
  unset REGISTRY_AUTH_FILE DOCKER_CONFIG
  mkdir -p "$HOME" "$XDG_RUNTIME_DIR"
}

need_root() { [[ $(id -u) == 0 ]] || skip "needs root"; }
need() { # COMMAND...: skips with the name of what is missing
  local c
  for c; do command -v "$c" >/dev/null || skip "$c is not installed"; done
}

# busybox_rootfs DIR: a root file system of static busybox alone.
busybox_rootfs() {
  local busybox applet
  busybox=$(command -v busybox) || skip "busybox is not installed"
  mkdir -p "$1"/{bin,dev,proc,sys,tmp,etc,root}
  chmod 1777 "$1/tmp"
  cp "$busybox" "$1/bin/busybox"
  for applet in $("$busybox" --list); do
    [[ $applet == busybox ]] || ln -sf busybox "$1/bin/$applet"
  done
  echo root:x:0:0:root:/root:/bin/sh >"$1/etc/passwd"
  echo root:x:0: >"$1/etc/group"
}

# busybox_image NAME: imports that tree as an image.
busybox_image() {
  need_root
  busybox_rootfs "$KIST_ROOT/rootfs"
  tar -C "$KIST_ROOT/rootfs" --sort=name --owner=0 --group=0 --numeric-owner \
    -cf "$KIST_ROOT/rootfs.tar" .
  kist import -c 'CMD ["/bin/sh"]' -c 'ENV PATH=/bin' "$KIST_ROOT/rootfs.tar" "$1" >/dev/null
}

# fails_with STATUS TEXT COMMAND...: exit status and a part of the message
fails_with() {
  local want=$1 text=$2
  shift 2
  status=0
  output=$("$@" 2>&1) || status=$?
  mapfile -t lines <<<"$output"
  if [[ $status != "$want" || $output != *"$text"* ]]; then
    echo "wanted status $want and '$text', got $status: $output"
    return 1
  fi
}

# tiny_image NAME TEXT [HISTORY]: a docker archive of one layer (file /etc/text holding TEXT), loaded
# under NAME. HISTORY: the config's history as JSON; without it there is none.
tiny_image() {
  local dir=$KIST_ROOT/tiny.$BASHPID diff config history=
  mkdir -p "$dir/etc"
  printf '%s' "$2" >"$dir/etc/text"
  tar -C "$dir" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$dir/layer.tar" etc
  diff=$(sha256sum <"$dir/layer.tar" | cut -d' ' -f1)
  [[ -z ${3-} ]] || history=",\"history\":$3"
  printf '{"architecture":"amd64","os":"linux","created":"2024-05-01T10:00:00Z",%s%s%s}' \
    '"config":{"Env":["PATH=/bin"],"Cmd":["sh"],"Labels":{"made.by":"test","text":"'"$2"'"}},' \
    "\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$diff\"]}" "$history" >"$dir/config"
  config=$(sha256sum <"$dir/config" | cut -d' ' -f1)
  mv "$dir/config" "$dir/$config.json"
  printf '[{"Config":"%s.json","RepoTags":["%s"],"Layers":["layer.tar"]}]' "$config" "$1" \
    >"$dir/manifest.json"
  tar -C "$dir" -cf "$dir.tar" manifest.json "$config.json" layer.tar
  kist load -q -i "$dir.tar" >/dev/null
  rm -rf "$dir" "$dir.tar"
}
