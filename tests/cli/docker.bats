#!/usr/bin/env bats
# Docker itself, with a daemon of this test's own, against a registry: it reads what kist pushed and
# writes what kist reads; ids and digests agree. No container is run.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need_root
  need dockerd jq skopeo
  [[ -x /usr/bin/docker ]] || skip "docker's client is not installed"
  busybox_image localhost/base:1
  registry_start
  export D=$KIST_ROOT/docker
  mkdir "$D"
  dockerd --data-root "$D/data" --exec-root "$D/exec" --pidfile "$D/pid" -H "unix://$D/sock" --bridge none \
    --iptables=false --ip-forward=false --storage-driver vfs >"$D/log" 2>&1 3>&- &
  echo $! >"$D/started"
  export DOCKER_HOST=unix://$D/sock DOCKER_CONFIG=$D/config
  for _ in $(seq 150); do
    /usr/bin/docker version >/dev/null 2>&1 && return 0
    kill -0 "$(<"$D/started")" 2>/dev/null || break
    sleep 0.1
  done
  skip "dockerd does not start here: $(tail -1 "$D/log")"
}
teardown_file() {
  local pid
  if [[ -s ${D-}/started ]]; then
    pid=$(<"$D/started")
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 100); do
      kill -0 "$pid" 2>/dev/null || break
      sleep 0.1
    done
  fi
  servers_stop
  kist_teardown_file
}

docker() { /usr/bin/docker "$@"; }

@test "docker pulls what kist pushed: OCI and schema 2, gzip and plain, zstd where it can" {
  id=$(kist images -q --no-trunc localhost/base:1)
  forms=("--format oci" "--format v2s2" "--compression none")
  # older ones know no zstd layers
  [[ $(docker version -f '{{.Server.Version}}') =~ ^(1|20|2[0-2])\. ]] || forms+=("--compression zstd")
  for how in "${forms[@]}"; do
    # shellcheck disable=SC2086
    kist push -q $how --digestfile "$D/digest" localhost/base:1 "$REGISTRY/kist:1"
    docker pull -q "$REGISTRY/kist:1" >/dev/null
    [[ $(docker images -q --no-trunc "$REGISTRY/kist:1") == "$id" ]]
    [[ $(docker inspect "$REGISTRY/kist:1" | jq -r '.[0].RepoDigests[]') == *"$REGISTRY/kist@$(<"$D/digest")"* ]]
    docker rmi "$REGISTRY/kist:1" >/dev/null
  done
}

@test "kist pulls what docker pushed, and gives it back with its digest" {
  kist save localhost/base:1 | docker load -q >/dev/null
  docker tag localhost/base:1 "$REGISTRY/docker:1"
  digest=$(docker push -q "$REGISTRY/docker:1" >/dev/null && skopeo inspect --tls-verify=false "docker://$REGISTRY/docker:1" | jq -r .Digest)
  other() { "$KIST_BUILD/kist" --root "$D/root" --runroot "$D/run" "$@"; }
  run -0 --separate-stderr other pull "$REGISTRY/docker:1"
  [[ ${lines[0]} == "Digest: $digest" ]]
  [[ $(other images -q --no-trunc "$REGISTRY/docker:1") == "$(kist images -q --no-trunc localhost/base:1)" ]]
  other push -q --digestfile "$D/back" "$REGISTRY/docker:1" "$REGISTRY/back:1"
  [[ $(<"$D/back") == "$digest" ]]
}
