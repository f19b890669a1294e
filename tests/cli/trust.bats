#!/usr/bin/env bats
# policy.json on the way in: what is trusted comes, the rest leaves nothing behind. Signatures are
# made by openssl (as cosign lays them out) and by skopeo with gpg.
# shellcheck disable=SC2034,SC2154
bats_require_minimum_version 1.5.0
load lib.bash
load registry.bash

setup_file() {
  need openssl jq curl skopeo
  kist_setup_file
  registry_start
  export HOME=$KIST_ROOT/home XDG_CONFIG_HOME=$KIST_ROOT/config
  mkdir -p "$HOME" "$XDG_CONFIG_HOME/containers/registries.d"
  printf 'docker:\n  %s:\n    use-sigstore-attachments: true\n    lookaside: file://%s/sigs\n' \
    "$REGISTRY" "$KIST_ROOT" >"$XDG_CONFIG_HOME/containers/registries.d/test.yaml"
  openssl ecparam -name prime256v1 -genkey -noout -out "$KIST_ROOT/key.pem"
  openssl ec -in "$KIST_ROOT/key.pem" -pubout -out "$KIST_ROOT/key.pub" 2>/dev/null
  openssl ecparam -name prime256v1 -genkey -noout -out "$KIST_ROOT/other.pem"
  tiny_image localhost/tiny:1 one
  for name in signed other unsigned moved; do
    kist push -q localhost/tiny:1 "$REGISTRY/$name:1"
  done
  kist rmi -f localhost/tiny:1 >/dev/null
  cosign signed "$KIST_ROOT/key.pem" "$REGISTRY/signed:1"
  cosign other "$KIST_ROOT/other.pem" "$REGISTRY/other:1"
  cosign moved "$KIST_ROOT/key.pem" "$REGISTRY/signed:1"
}
teardown_file() {
  servers_stop
  kist_teardown_file
}
setup() { P=$BATS_TEST_TMPDIR/policy.json; }

digest_of() { # NAME:TAG
  curl -fsS -I -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
    -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
    -H 'Accept: application/vnd.oci.image.index.v1+json' "http://$REGISTRY/v2/${1%:*}/manifests/${1#*:}" |
    tr -d '\r' | sed -n 's/^[Dd]ocker-[Cc]ontent-[Dd]igest: //p'
}
put_blob() { # REPOSITORY FILE: prints its digest
  local digest at
  digest=sha256:$(sha256sum <"$2" | cut -d' ' -f1)
  at=$(curl -fsS -X POST -o /dev/null -D - "http://$REGISTRY/v2/$1/blobs/uploads/" | tr -d '\r' |
    sed -n 's/^[Ll]ocation: //p')
  curl -fsS -X PUT -H 'Content-Type: application/octet-stream' --data-binary "@$2" "$at&digest=$digest"
  echo "$digest"
}
# cosign REPOSITORY KEY REFERENCE [DIGEST]: signs what :1 of the repository is, as cosign does
cosign() {
  local d=$KIST_ROOT/cosign.$1 digest=${4-}
  mkdir -p "$d"
  [[ -n $digest ]] || digest=$(digest_of "$1:1")
  jq -ncj --arg r "$3" --arg d "$digest" '{critical: {identity: {"docker-reference": $r},
    image: {"docker-manifest-digest": $d}, type: "cosign container image signature"}, optional: null}' >"$d/payload"
  openssl dgst -sha256 -sign "$2" -out "$d/sig" "$d/payload"
  printf '{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' \
    "$(sha256sum <"$d/payload" | cut -d' ' -f1)" >"$d/config"
  jq -nc --arg c "$(put_blob "$1" "$d/config")" --arg p "$(put_blob "$1" "$d/payload")" \
    --argjson cs "$(stat -c %s "$d/config")" --argjson ps "$(stat -c %s "$d/payload")" \
    --arg s "$(base64 -w0 "$d/sig")" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: {mediaType: "application/vnd.oci.image.config.v1+json", digest: $c, size: $cs},
      layers: [{mediaType: "application/vnd.dev.cosign.simplesigning.v1+json", digest: $p, size: $ps,
        annotations: {"dev.cosignproject.cosign/signature": $s}}]}' >"$d/manifest"
  curl -fsS -X PUT -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' \
    --data-binary "@$d/manifest" "http://$REGISTRY/v2/$1/manifests/${digest/:/-}.sig"
}
policy() { printf '{"default": [{"type": "reject"}], "transports": {%s}}' "$1" >"$P"; }
sigstore_policy() {
  policy "$(printf '"docker": {"%s": [{"type": "sigstoreSigned", "keyPath": "%s"%s}]}' \
    "$REGISTRY" "$KIST_ROOT/key.pub" "${1-}")"
}
nothing_came() { [[ -z $(kist images -q) && -z $(ls "$KIST_ROOT/root/layers" 2>/dev/null) ]]; }

@test "without a policy everything is accepted; reject refuses, and says which clause" {
  kist pull -q "$REGISTRY/unsigned:1"
  kist rmi "$REGISTRY/unsigned:1" >/dev/null
  policy ''
  fails_with 1 "policy '$P', default: all of its images are rejected" \
    kist pull --signature-policy "$P" "$REGISTRY/unsigned:1"
  nothing_came
  policy "\"docker\": {\"$REGISTRY/unsigned\": [{\"type\": \"insecureAcceptAnything\"}]}"
  kist pull -q --signature-policy "$P" "$REGISTRY/unsigned:1"
  kist rmi "$REGISTRY/unsigned:1" >/dev/null
}

@test "the user's policy.json counts without being named, the broken one too" {
  policy ''
  cp "$P" "$XDG_CONFIG_HOME/containers/policy.json"
  fails_with 1 rejected kist pull "$REGISTRY/unsigned:1"
  echo '{"default": [{"type": "acceptAnything"}]}' >"$XDG_CONFIG_HOME/containers/policy.json"
  fails_with 1 "default[0].type: 'acceptAnything' is none of" kist pull "$REGISTRY/unsigned:1"
  rm "$XDG_CONFIG_HOME/containers/policy.json"
  fails_with 1 "No such file" kist pull --signature-policy /nonexistent "$REGISTRY/unsigned:1"
  nothing_came
}

@test "a sigstore signature by the key lets the image in; another key, another name, none do not" {
  sigstore_policy
  kist pull -q --signature-policy "$P" "$REGISTRY/signed:1"
  kist rmi "$REGISTRY/signed:1" >/dev/null
  fails_with 1 "not made with this key" kist pull --signature-policy "$P" "$REGISTRY/other:1"
  fails_with 1 "and there is none" kist pull --signature-policy "$P" "$REGISTRY/unsigned:1"
  fails_with 1 "it is for '$REGISTRY/signed:1', not for '$REGISTRY/moved:1'" \
    kist pull --signature-policy "$P" "$REGISTRY/moved:1"
  nothing_came
}

@test "a signature of the index counts for its images" {
  kist copy -q "docker://$REGISTRY/unsigned:1" "oci:$BATS_TEST_TMPDIR/l:1"
  local d
  d=$(digest_of unsigned:1)
  curl -fsS -H 'Accept: application/vnd.oci.image.manifest.v1+json' \
    -H 'Accept: application/vnd.docker.distribution.manifest.v2+json' \
    "http://$REGISTRY/v2/unsigned/manifests/1" >"$BATS_TEST_TMPDIR/m"
  jq -nc --arg d "$d" --argjson s "$(stat -c %s "$BATS_TEST_TMPDIR/m")" \
    --arg t "$(jq -r .mediaType "$BATS_TEST_TMPDIR/m")" '{schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json", manifests: [{mediaType: $t, digest: $d, size: $s,
    platform: {os: "linux", architecture: "amd64"}}]}' >"$BATS_TEST_TMPDIR/index"
  curl -fsS -X PUT -H 'Content-Type: application/vnd.oci.image.index.v1+json' \
    --data-binary "@$BATS_TEST_TMPDIR/index" "http://$REGISTRY/v2/unsigned/manifests/index"
  sigstore_policy
  fails_with 1 "and there is none" kist pull --signature-policy "$P" --platform linux/amd64 "$REGISTRY/unsigned:index"
  cosign unsigned "$KIST_ROOT/key.pem" "$REGISTRY/unsigned:index" \
    "sha256:$(sha256sum <"$BATS_TEST_TMPDIR/index" | cut -d' ' -f1)"
  kist pull -q --signature-policy "$P" --platform linux/amd64 "$REGISTRY/unsigned:index"
  kist rmi -f "$REGISTRY/unsigned:index" >/dev/null
  fails_with 1 "and there is none" kist pull --signature-policy "$P" "$REGISTRY/unsigned:1"
}

@test "run and build accept no more than pull does" {
  sigstore_policy
  mkdir -p "$XDG_CONFIG_HOME/containers"
  cp "$P" "$XDG_CONFIG_HOME/containers/policy.json"
  run -125 kist run --rm "$REGISTRY/other:1" true
  [[ $output == *"not made with this key"* ]]
  printf 'FROM %s/other:1\n' "$REGISTRY" >"$BATS_TEST_TMPDIR/Dockerfile"
  fails_with 1 "not made with this key" kist build "$BATS_TEST_TMPDIR"
  rm "$XDG_CONFIG_HOME/containers/policy.json"
  fails_with 1 "not made with this key" kist build --signature-policy "$P" "$BATS_TEST_TMPDIR"
  run -125 kist run --rm --signature-policy "$P" "$REGISTRY/other:1" true
  [[ $output == *"not made with this key"* ]]
  nothing_came
}

@test "copy and sync ask the policy of its source: registry, directory, layout" {
  sigstore_policy
  kist copy -q --signature-policy "$P" "docker://$REGISTRY/signed:1" "oci:$BATS_TEST_TMPDIR/l:1"
  fails_with 1 "not made with this key" \
    kist copy --signature-policy "$P" "docker://$REGISTRY/other:1" "oci:$BATS_TEST_TMPDIR/l2:1"
  fails_with 1 "default: all of its images are rejected" \
    kist copy --signature-policy "$P" "oci:$BATS_TEST_TMPDIR/l:1" "dir:$BATS_TEST_TMPDIR/x"
  [[ ! -e $BATS_TEST_TMPDIR/x/manifest.json ]]
  policy "\"oci\": {\"$BATS_TEST_TMPDIR\": [{\"type\": \"insecureAcceptAnything\"}]}"
  kist copy -q --signature-policy "$P" "oci:$BATS_TEST_TMPDIR/l:1" "dir:$BATS_TEST_TMPDIR/x"
  sigstore_policy
  kist sync -q --signature-policy "$P" --src docker --dest dir "$REGISTRY/signed:1" "$BATS_TEST_TMPDIR/s"
  fails_with 1 "not made with this key" \
    kist sync --signature-policy "$P" --src docker --dest dir "$REGISTRY/other:1" "$BATS_TEST_TMPDIR/s"
}

@test "load and import ask for the transport of what they find, copy for the one that is named" {
  local t=$BATS_TEST_TMPDIR accept='[{"type": "insecureAcceptAnything"}]' reject='[{"type": "reject"}]' from
  mkdir "$t/sub"
  t=$t/sub
  skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/unsigned:1" "docker-archive:$t/d.tar:x:1"
  skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/unsigned:1" "oci-archive:$t/o.tar:1"
  skopeo copy -q --src-tls-verify=false "docker://$REGISTRY/unsigned:1" "oci:$t/o:1"
  gzip -k "$t/d.tar"
  tar -C "$t" -cf "$t/root.tar" d.tar.gz
  files() { find "$KIST_ROOT/root/blobs" "$KIST_ROOT/root/tmp" -type f | sort; }
  before=$(files)
  # refused by default: nothing is there, whether it is a file, compressed, or a pipe
  policy ''
  for from in d.tar d.tar.gz o.tar o; do
    fails_with 1 "default: all of its images are rejected" kist load --signature-policy "$P" -i "$t/$from"
    nothing_came
  done
  fails_with 1 "are rejected" kist load --signature-policy "$P" < <(cat "$t/d.tar")
  fails_with 1 "tarball" kist import --signature-policy "$P" "$t/root.tar" r:1
  nothing_came
  [[ $(files) == "$before" ]]
  # each transport by itself; the user's file counts without being named
  policy "\"docker-archive\": {\"\": $reject}, \"oci-archive\": {\"\": $accept}, \"oci\": {\"\": $accept}, \"tarball\": {\"\": $accept}"
  cp "$P" "$XDG_CONFIG_HOME/containers/policy.json"
  fails_with 1 'docker-archive' kist load -i "$t/d.tar"
  fails_with 1 'docker-archive' kist copy "docker-archive:$t/d.tar" "dir:$t/x"
  [[ ! -e $t/x/manifest.json ]]
  nothing_came
  kist load -qi "$t/o.tar"
  kist load -qi "$t/o"
  kist import "$t/root.tar" r:1 >/dev/null
  rm "$XDG_CONFIG_HOME/containers/policy.json"
  mapfile -t from < <(kist images -q)
  kist rmi -f "${from[@]}" >/dev/null
  # scopes: the file's path, a directory above it; standard input has none
  policy "\"docker-archive\": {\"$t/d.tar\": $accept}, \"oci\": {\"$t\": $accept}, \"oci-archive\": {\"$t/o.tar:1\": $accept}"
  ln -s d.tar "$t/link.tar"
  (cd "$t" && kist load -q --signature-policy "$P" -i link.tar)
  kist load -q --signature-policy "$P" -i "$t/o"
  kist load -q --signature-policy "$P" -i "$t/o.tar"
  kist copy -q --signature-policy "$P" "oci-archive:$t/o.tar:1" "dir:$t/y"
  fails_with 1 "are rejected" kist load --signature-policy "$P" -i "$t/d.tar.gz"
  fails_with 1 "are rejected" kist load --signature-policy "$P" <"$t/d.tar"
  # what needs a signature is not met by what can have none
  policy "\"docker-archive\": {\"\": [{\"type\": \"sigstoreSigned\", \"keyPath\": \"$KIST_ROOT/key.pub\"}]}"
  fails_with 1 "$P" kist load --signature-policy "$P" -i "$t/d.tar"
  mapfile -t from < <(kist images -q)
  kist rmi -f "${from[@]}" >/dev/null
}

@test "OpenPGP signatures that skopeo made, from a lookaside and in a directory" {
  need gpg
  export GNUPGHOME=$BATS_TEST_TMPDIR/gpg
  mkdir -m 700 "$GNUPGHOME"
  gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key 'T <t@x>' rsa2048 sign 0
  gpg --batch --armor --export t@x >"$BATS_TEST_TMPDIR/t.asc"
  skopeo --insecure-policy copy -q --src-tls-verify=false "docker://$REGISTRY/unsigned:1" "dir:$BATS_TEST_TMPDIR/d"
  skopeo standalone-sign -o "$BATS_TEST_TMPDIR/d/signature-1" "$BATS_TEST_TMPDIR/d/manifest.json" \
    "$REGISTRY/unsigned:1" "$(gpg --batch --list-keys --with-colons t@x | awk -F: '/^fpr/ {print $10; exit}')" ||
    skip "this skopeo cannot sign"
  gpgconf --kill gpg-agent
  policy "$(printf '"docker": {"": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "%s"}]},
    "dir": {"": [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": "%s",
      "signedIdentity": {"type": "exactReference", "dockerReference": "%s"}}]}' \
    "$BATS_TEST_TMPDIR/t.asc" "$BATS_TEST_TMPDIR/t.asc" "$REGISTRY/unsigned:1")"
  fails_with 1 "an OpenPGP signature (signedBy) is wanted, and there is none" \
    kist pull --signature-policy "$P" "$REGISTRY/unsigned:1"
  local at
  at=$KIST_ROOT/sigs/unsigned@$(digest_of unsigned:1 | tr : =)
  mkdir -p "$at"
  cp "$BATS_TEST_TMPDIR/d/signature-1" "$at/signature-1"
  kist pull -q --signature-policy "$P" "$REGISTRY/unsigned:1"
  kist rmi "$REGISTRY/unsigned:1" >/dev/null
  kist copy -q --signature-policy "$P" "dir:$BATS_TEST_TMPDIR/d" "oci:$BATS_TEST_TMPDIR/l:1"
  # over http, from a server of static files
  local server port
  port=$(free_port)
  python3 -m http.server --bind 127.0.0.1 --directory "$KIST_ROOT/sigs" "$port" >/dev/null 2>&1 3>&- &
  server=$!
  wait_port "$port"
  cp "$XDG_CONFIG_HOME/containers/registries.d/test.yaml" "$BATS_TEST_TMPDIR/test.yaml"
  sed -i "s|file://.*|http://127.0.0.1:$port|" "$XDG_CONFIG_HOME/containers/registries.d/test.yaml"
  kist pull -q --signature-policy "$P" "$REGISTRY/unsigned:1"
  kist rmi "$REGISTRY/unsigned:1" >/dev/null
  # spoilt by a byte
  printf X | dd of="$at/signature-1" bs=1 seek=100 conv=notrunc status=none
  fails_with 1 "none of 1 counts" kist pull --signature-policy "$P" "$REGISTRY/unsigned:1"
  kill "$server"
  mv "$BATS_TEST_TMPDIR/test.yaml" "$XDG_CONFIG_HOME/containers/registries.d/test.yaml"
  nothing_came
}
