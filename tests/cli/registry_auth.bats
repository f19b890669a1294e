#!/usr/bin/env bats
# Tokens, plain HTTP and proxies, from the command line. The fault proxy is the token server, and a
# forward proxy, too.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need jq curl openssl
  registry_start tls
  export TLS=$REGISTRY TLS_DIR=$REGISTRY_DIR/certs
  mkdir "$TLS_DIR"
  cp "$REGISTRY_DIR/ca.crt" "$TLS_DIR"
  registry_start
  tiny_image localhost/app:1 "text"
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() { own_home; }
teardown() { rm -rf "$T"; }

@test "a token server: nobody pulls, eve pushes, her identity token is kept in place of the password" {
  faultproxy_start "$REGISTRY" --token "eve:se cret" --public-pull
  fails_with 1 "kist login $FAULTY" kist push app:1 "$FAULTY/t/app:1"
  fails_with 1 "eve" kist login -u eve -p wrong "$FAULTY"
  kist login -u eve --password-stdin "$FAULTY" <<<"se cret"
  kist push -q app:1 "$FAULTY/t/app:1" >/dev/null
  run ! grep -r "$(printf 'eve:se cret' | base64)" "$HOME"
  kist logout "$FAULTY"
  kist rmi "$FAULTY/t/app:1" >/dev/null 2>&1 || true
  kist pull -q "$FAULTY/t/app:1" >/dev/null
  run -0 kist tags "$FAULTY/t/app"
  [[ $output == *1* ]]
}

@test "a token that is good for less than it says is renewed on the way" {
  faultproxy_start "$REGISTRY" --token "eve:se cret" --token-life 1 --token-says 300
  kist login -u eve -p "se cret" "$FAULTY"
  fault "HEAD /manifests/ delay=1.3" "POST /uploads/ delay=1.3" "PUT /manifests/ delay=1.3"
  kist push -q app:1 "$FAULTY/u/app:1" >/dev/null
  [[ $(fault_stats '[.by | to_entries[] | select(.key | test("_token")) | .value] | add') -ge 2 ]]
}

@test "nothing secret is in the debug output, which names every request" {
  faultproxy_start "$REGISTRY" --token "eve:se cret"
  kist login -u eve -p "se cret" "$FAULTY"
  run -0 kist --debug push app:1 "$FAULTY/v/app:1"
  [[ $output == *"PUT http://$FAULTY/v2/v/app/manifests/1"* ]]
  [[ $output != *"se cret"* && $output != *token-* && $output != *identity-* && $output != *"$(printf 'eve:se cret' | base64)"* ]]
}

@test "plain HTTP: to this machine, and elsewhere only when asked" {
  local name port=${REGISTRY##*:}
  kist push -q app:1 "$REGISTRY/app:1" >/dev/null
  name=$(hostname)
  [[ $(getent hosts "$name") == 127.* && $name != localhost* ]] || skip "the host's name is not 127.0.0.1"
  fails_with 1 "--tls-verify=false" kist pull "$name:$port/app:1"
  kist pull -q --tls-verify=false "$name:$port/app:1" >/dev/null
}

@test "proxies: a tunnel for https, no_proxy, one that refuses" {
  kist push -q --cert-dir "$TLS_DIR" app:1 "$TLS/app:1" >/dev/null
  faultproxy_start "$TLS"
  fails_with 1 "registry.invalid" kist pull --cert-dir "$TLS_DIR" registry.invalid/app:1
  https_proxy=http://$FAULTY kist pull -q --cert-dir "$TLS_DIR" registry.invalid/app:1 >/dev/null
  grep -q '^CONNECT registry.invalid:443' "$FAULTY_LOG"
  export https_proxy=http://$FAULTY
  no_proxy=registry.invalid fails_with 1 "registry.invalid" kist pull --cert-dir "$TLS_DIR" registry.invalid/app:2
  fault "CONNECT . status=407"
  fails_with 1 "the proxy refuses" kist pull --cert-dir "$TLS_DIR" registry.invalid/app:2
  [[ $output == *USER:PASSWORD@* ]]
}

@test "a proxy for plain HTTP, where that is allowed" {
  kist push -q app:1 "$REGISTRY/app:1" >/dev/null
  faultproxy_start "$REGISTRY"
  http_proxy=http://$FAULTY https_proxy=http://$FAULTY \
    kist pull -q --tls-verify=false registry.invalid/app:1 >/dev/null
  kist rmi registry.invalid/app:1 >/dev/null
  HTTP_PROXY=http://$FAULTY HTTPS_PROXY=http://$FAULTY \
    kist pull -q --tls-verify=false registry.invalid/app:1 >/dev/null
  ALL_PROXY=http://$FAULTY kist pull -q --tls-verify=false registry.invalid/app:1 >/dev/null
  REQUEST_METHOD=GET HTTP_PROXY=http://$FAULTY \
    fails_with 1 "registry.invalid" kist pull --tls-verify=false registry.invalid/app:1
  [[ $(fault_stats '.by | keys[] | select(test("manifests"))') == *manifests ]]
}
