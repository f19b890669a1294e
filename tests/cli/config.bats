#!/usr/bin/env bats
# kist's configuration: which file counts, mirrors, rewriting, blocked and offline registries, short
# names, certificates; and that files that are wrong name their line.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need jq curl
  registry_start tls
  export TLS=$REGISTRY TLS_DIR=$REGISTRY_DIR
  registry_start
  export R=$REGISTRY
  registry_start
  export M=$REGISTRY
  tiny_image localhost/app:1 "text one"
  tiny_image localhost/app:2 "text two"
  kist push -q app:1 "$R/team/app:1" >/dev/null
  kist push -q app:1 "$M/cache/team/app:1" >/dev/null
  kist push -q app:2 "$M/cache/team/app:2" >/dev/null
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() {
  T=$(mktemp -d "$KIST_ROOT/t.XXXXXX")
  export KIST_CONFIG=$T/config.yaml
}
teardown() { rm -rf "$T"; }

config() { cat >"$KIST_CONFIG"; }

@test "mirrors come first, the registry answers for what they have not" {
  config <<YAML
registries:
  example.invalid:
    location: $R
    mirrors: ["$M/cache"]
YAML
  kist pull -q example.invalid/team/app:2 >/dev/null
  kist push -q app:2 "$R/only/here:1" >/dev/null
  kist pull -q example.invalid/only/here:1 >/dev/null
  [[ $(kist images -q example.invalid/team/app:2) == "$(kist images -q app:2)" ]]
  # pushed is to the registry itself, at its new place
  kist push -q app:1 example.invalid/pushed/app:1 >/dev/null
  curl -fsS "http://$R/v2/pushed/app/tags/list" >/dev/null
  run ! curl -fsS "http://$M/v2/cache/pushed/app/tags/list"
}

@test "a mirror for digests only is not asked what a tag means" {
  config <<YAML
registries:
  example.invalid:
    location: $R
    mirrors: [{location: "$M/cache", only: digests}]
YAML
  fails_with 1 "example.invalid/team/app" kist pull example.invalid/team/app:2
  digest=$(kist inspect --remote -f '{{.Digest}}' "$M/cache/team/app:2")
  kist pull -q "example.invalid/team/app@$digest" >/dev/null
}

@test "blocked and offline" {
  config <<YAML
registries:
  $R/team: {blocked: true}
  $M: {offline: true}
YAML
  fails_with 1 "is blocked by $KIST_CONFIG:2" kist pull "$R/team/app:1"
  fails_with 1 "is blocked" kist push app:1 "$R/team/app:9"
  fails_with 1 "is blocked" kist copy "docker://$R/team/app:1" "dir:$T/x"
  kist pull -q "$R/only/here:1" >/dev/null
  fails_with 1 "is offline by $KIST_CONFIG:3, and it has no mirror" kist tags "$M/cache/team/app"
}

@test "short names: nothing is guessed, the list and the aliases count" {
  echo >"$KIST_CONFIG"
  fails_with 1 "no registry is configured for short names" kist pull team/app:1
  [[ $output == *docker.io/team/app:1* && $output == *short-names:* && $output == *"$KIST_CONFIG"* ]]
  config <<YAML
short-names:
  registries: ["$R", "$M/cache"]
  aliases:
    mine: $R/team/app
YAML
  kist pull -q team/app:2 >/dev/null
  [[ $(kist images -q "$M/cache/team/app:2") ]]
  kist pull -q mine:1 >/dev/null
  kist copy -q "docker://team/app:2" "dir:$T/d"
  fails_with 1 "$M/cache/absent" kist pull absent
  [[ $output == *"$R/absent"* ]]
}

@test "certificates: unknown, named in the configuration, by option, not looked at" {
  echo >"$KIST_CONFIG"
  kist push -q --tls-verify=false app:1 "$TLS/app:1" >/dev/null
  fails_with 1 "certificate" kist pull "$TLS/app:1"
  fails_with 1 "certificate" kist copy "docker://$TLS/app:1" "dir:$T/x"
  config <<<"registries: {\"$TLS\": {ca: $TLS_DIR/ca.crt}}"
  kist pull -q "$TLS/app:1" >/dev/null
  mkdir "$T/certs"
  cp "$TLS_DIR/ca.crt" "$T/certs"
  config <<<"registries: {\"$TLS\": {cert-dir: $T/certs}}"
  kist pull -q "$TLS/app:1" >/dev/null
  config <<<"registries: {\"$TLS\": {insecure: true}}"
  kist pull -q "$TLS/app:1" >/dev/null
  fails_with 1 "certificate" kist pull --tls-verify "$TLS/app:1"
  echo >"$KIST_CONFIG"
  kist pull -q --cert-dir "$T/certs" "$TLS/app:1" >/dev/null
  kist copy -q --src-cert-dir "$T/certs" "docker://$TLS/app:1" "docker://$R/from/tls:1"
  kist copy -q --dest-tls-verify=false "docker://$R/from/tls:1" "docker://$TLS/back:1"
  fails_with 1 "certificate" kist copy --src-tls-verify=false "docker://$TLS/app:1" "docker://$TLS/x:1"
  fails_with 1 "does not exist" kist pull --cert-dir "$T/none" "$TLS/app:1"
}

@test "certificates: one for other names, one of yesterday" {
  echo >"$KIST_CONFIG"
  mkdir "$T/ca"
  cp "$TLS_DIR/ca.crt" "$T/ca"
  faultproxy_start "$R" --listen 127.0.0.2:0 --cert "$TLS_DIR/server.crt" --key "$TLS_DIR/server.key"
  fails_with 1 "none of the names in its certificate" kist tags --cert-dir "$T/ca" "127.0.0.2:${FAULTY#*:}/app"
  openssl x509 -req -in "$TLS_DIR/server.csr" -CA "$TLS_DIR/ca.crt" -CAkey "$TLS_DIR/ca.key" -CAcreateserial -days -1 \
    -extfile <(echo subjectAltName=IP:127.0.0.1) -out "$T/old" 2>/dev/null
  faultproxy_start "$R" --cert "$T/old" --key "$TLS_DIR/server.key"
  fails_with 1 "has to be renewed" kist tags --cert-dir "$T/ca" "$FAULTY/app"
}

@test "which file counts" {
  config <<<"registries: {$R: {blocked: true}}"
  fails_with 1 "blocked" kist tags "$R/team/app"
  echo >"$T/other.yaml"
  "$KIST_BUILD/kist" --config "$T/other.yaml" tags "$R/team/app"
  fails_with 1 "absent.yaml" "$KIST_BUILD/kist" --config "$T/absent.yaml" tags "$R/team/app"
  unset KIST_CONFIG
  export HOME=$T/home XDG_CONFIG_HOME=
  kist tags "$R/team/app"
  mkdir -p "$HOME/.config/kist"
  echo "registries: {$R: {blocked: true}}" >"$HOME/.config/kist/config.yaml"
  fails_with 1 "blocked by $HOME/.config/kist/config.yaml:1" kist tags "$R/team/app"
  # what needs no registry does not read it
  echo "[" >"$HOME/.config/kist/config.yaml"
  kist images >/dev/null
}

@test "files that are wrong name their line, and what was meant" {
  config <<<$'registries:\n  a.example:\n    mirror: []\n'
  fails_with 1 "$KIST_CONFIG:3: registries.a.example: 'mirror' is not known" kist tags "$R/team/app"
  [[ $output == *"did you mean 'mirrors'?"* ]]
  config <<<$'registries:\n  a.example: {blocked: perhaps}\n'
  fails_with 1 "$KIST_CONFIG:2: registries.a.example.blocked: expected true or false" kist tags "$R/team/app"
  config <<<$'registries: [\n'
  fails_with 1 "not valid YAML" kist tags "$R/team/app"
  head -c 2000000 /dev/zero | tr '\0' '#' >"$KIST_CONFIG"
  fails_with 1 "larger than" kist tags "$R/team/app"
}

@test "the example is valid" {
  KIST_CONFIG=$BATS_TEST_DIRNAME/../../examples/config.yaml
  kist tags "$R/team/app"
}
