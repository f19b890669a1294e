# shellcheck shell=bash
# Registries for .bats files: Debian's docker-registry and, before it, our fault proxy, each on a free
# port of loopback. They are ended by servers_stop (call it in teardown_file) and nothing else.
#   registry_start [tls] [htpasswd USER PASSWORD]   sets REGISTRY=127.0.0.1:PORT, REGISTRY_DIR
#   faultproxy_start UPSTREAM [OPTION...]           sets FAULTY=127.0.0.1:PORT, FAULTY_LOG
#   faulty_image           both, and an image in them
#   fault RULE...          replaces the proxy's rules (tests/tools/faultproxy.py has the words)
#   fault_stats [FILTER]   its counters, through jq
#   faulty_setup           for a test: a scratch directory T, an empty store, no faults, counters at 0
# In a setup_file, export what the tests shall see: they run in other processes.

servers_dir() { SERVERS_DIR=${SERVERS_DIR:-$(mktemp -d "${TMPDIR:-/var/tmp}/kist-servers.XXXXXX")} && export SERVERS_DIR; }

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# wait_port PORT: until something listens there, 10 s at most
wait_port() {
  local i
  for ((i = 0; i < 200; i++)); do
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return 0
    sleep 0.05
  done
  echo "nothing listens on port $1"
  return 1
}

# tls_files DIR: ca.crt, and server.crt with server.key for 127.0.0.1, localhost and registry.invalid
tls_files() {
  need openssl
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=kist-test-ca \
    -addext basicConstraints=critical,CA:TRUE -keyout "$1/ca.key" -out "$1/ca.crt" 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
    -keyout "$1/server.key" -out "$1/server.csr" 2>/dev/null
  openssl x509 -req -in "$1/server.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 2 \
    -extfile <(echo subjectAltName=IP:127.0.0.1,DNS:localhost,DNS:registry.invalid) -out "$1/server.crt" 2>/dev/null
}

registry_start() {
  local dir port
  need docker-registry python3
  servers_dir
  dir=$(mktemp -d "$SERVERS_DIR/registry.XXXXXX")
  port=$(free_port)
  {
    printf 'version: 0.1\nlog: {level: warn}\n'
    printf 'storage:\n  filesystem: {rootdirectory: %s/data}\n  delete: {enabled: true}\n' "$dir"
    printf 'http:\n  addr: 127.0.0.1:%s\n' "$port"
    if [[ ${1-} == tls ]]; then
      shift
      tls_files "$dir"
      printf '  tls: {certificate: %s/server.crt, key: %s/server.key}\n' "$dir" "$dir"
    fi
    if [[ ${1-} == htpasswd ]]; then
      need htpasswd
      htpasswd -Bbn "$2" "$3" >"$dir/htpasswd"
      printf 'auth:\n  htpasswd: {realm: kist, path: %s/htpasswd}\n' "$dir"
    fi
  } >"$dir/config.yml"
  docker-registry serve "$dir/config.yml" >"$dir/log" 2>&1 3>&- &
  echo $! >>"$SERVERS_DIR/pids"
  wait_port "$port" || { cat "$dir/log"; return 1; }
  export REGISTRY=127.0.0.1:$port REGISTRY_DIR=$dir
}

faultproxy_start() {
  local dir upstream=$1
  need python3
  shift
  servers_dir
  dir=$(mktemp -d "$SERVERS_DIR/proxy.XXXXXX")
  python3 "$BATS_TEST_DIRNAME/../tools/faultproxy.py" --upstream "$upstream" --port-file "$dir/port" \
    --log "$dir/log" "$@" >"$dir/out" 2>&1 3>&- &
  echo $! >>"$SERVERS_DIR/pids"
  local i
  for ((i = 0; i < 200; i++)); do
    [[ -s $dir/port ]] && break
    sleep 0.05
  done
  [[ -s $dir/port ]] || { cat "$dir/out"; return 1; }
  FAULTY=127.0.0.1:$(<"$dir/port")
  export FAULTY FAULTY_LOG=$dir/log
}

# faulty_image: a registry behind a fault proxy, with app:1 of two layers in it, which lies in the layout
# $KIST_ROOT/layout:1, too. Exports DIGEST, BIG (the digest of its larger layer), BIG_SIZE and ALL_SIZE.
faulty_image() {
  local manifest
  need skopeo jq
  registry_start
  faultproxy_start "$REGISTRY"
  "$BATS_TEST_DIRNAME/../tools/mkimage.py" "$KIST_ROOT/layout" --layer 20m --layer 3m >"$KIST_ROOT/digest"
  skopeo copy -q --preserve-digests --dest-tls-verify=false "oci:$KIST_ROOT/layout:1" "docker://$REGISTRY/app:1"
  DIGEST=$(<"$KIST_ROOT/digest")
  manifest=$KIST_ROOT/layout/blobs/sha256/${DIGEST#sha256:}
  BIG=$(jq -r '.layers[0].digest' "$manifest")
  BIG_SIZE=$(jq -r '.layers[0].size' "$manifest")
  ALL_SIZE=$(jq -r '[.layers[].size] | add' "$manifest")
  export DIGEST BIG BIG_SIZE ALL_SIZE
}

fault() { printf '%s\n' "$@" | curl -fsS --data-binary @- "http://$FAULTY/_fault/rules"; }
fault_reset() { curl -fsS -X POST "http://$FAULTY/_fault/reset"; }
fault_stats() { curl -fsS "http://$FAULTY/_fault/stats" | jq -r "${1-.}"; }

servers_stop() {
  local pid
  [[ -n ${SERVERS_DIR-} && -d $SERVERS_DIR ]] || return 0
  while read -r pid; do kill "$pid" 2>/dev/null || true; done <"$SERVERS_DIR/pids"
  rm -rf "$SERVERS_DIR"
}

faulty_setup() {
  T=$(mktemp -d "$KIST_ROOT/t.XXXXXX")
  rm -rf "$KIST_ROOT/root" "$KIST_ROOT/run"
  fault ''
  fault_reset
}
received() { fault_stats .to_client; } # bytes since then
