#!/usr/bin/env bats
# Which image of an index a build takes: --platform, FROM --platform, BUILDPLATFORM; from the registry,
# and again from the store.
# shellcheck disable=SC2034,SC2154
bats_require_minimum_version 1.5.0
load lib.bash
load registry.bash

setup_file() {
  need skopeo jq
  kist_setup_file
  registry_start
  local arch
  for arch in amd64 arm64; do
    mkdir -p "$KIST_ROOT/$arch"
    echo "made for $arch" >"$KIST_ROOT/$arch/arch"
    printf 'FROM scratch\nCOPY arch /\n' | kist build -q -f - --platform "linux/$arch" \
      -t "localhost/base:$arch" "$KIST_ROOT/$arch" >/dev/null
    kist push -q "localhost/base:$arch" "$REGISTRY/base:$arch"
  done
  kist manifest create "$REGISTRY/base:1" "docker://$REGISTRY/base:amd64" "docker://$REGISTRY/base:arm64" >/dev/null
  kist manifest push "$REGISTRY/base:1" >/dev/null
  kist manifest rm "$REGISTRY/base:1" >/dev/null
  kist rmi -f localhost/base:amd64 localhost/base:arm64 >/dev/null
}
teardown_file() {
  servers_stop
  kist_teardown_file
}
setup() {
  cd "$BATS_TEST_TMPDIR" || return
  case $(uname -m) in x86_64) OTHER=arm64 HOST=amd64 ;; aarch64) OTHER=amd64 HOST=arm64 ;; *) skip "this machine is neither amd64 nor arm64" ;; esac
}
file_of() { kist export "$(kist create "$1" /x)" | tar -xO "$2"; }
platform_of() { kist inspect -f '{{.Os}}/{{.Architecture}}' "$1"; }

@test "--platform chooses the base, and is the platform of the image and of TARGETPLATFORM" {
  cat >Dockerfile <<EOF
FROM $REGISTRY/base:1
ARG TARGETPLATFORM TARGETARCH BUILDPLATFORM
COPY --chmod=644 <<END /platforms
\$TARGETPLATFORM \$TARGETARCH \$BUILDPLATFORM
END
EOF
  kist build -q -t host . >/dev/null
  kist build -q -t other --platform "linux/$OTHER" . >/dev/null
  [[ $(platform_of host) == "linux/$HOST" && $(platform_of other) == "linux/$OTHER" ]]
  [[ $(file_of host arch) == "made for $HOST" && $(file_of other arch) == "made for $OTHER" ]]
  [[ $(file_of other platforms) == "linux/$OTHER $OTHER linux/$HOST" ]]
}

@test "what was fetched for one platform does not stand in for another, and is found without network" {
  printf 'FROM %s/base:1\n' "$REGISTRY" >Dockerfile
  kist build -q --platform "linux/$OTHER" -t b1 . >/dev/null
  kist build -q --platform "linux/$HOST" -t b2 . >/dev/null
  kist build -q --pull=never --platform "linux/$OTHER" -t b3 . >/dev/null
  kist build -q --pull=never --platform "linux/$HOST" -t b4 . >/dev/null
  [[ $(file_of b1 arch) == "made for $OTHER" && $(file_of b2 arch) == "made for $HOST" ]]
  [[ $(file_of b3 arch) == "made for $OTHER" && $(file_of b4 arch) == "made for $HOST" ]]
}

@test "a name that --platform has moved does not decide for the next build" {
  printf 'FROM %s/base:1\nENV A=B\n' "$REGISTRY" >Dockerfile
  kist build -q --platform "linux/$OTHER" -t other . >/dev/null
  [[ $(platform_of "$REGISTRY/base:1") == "linux/$OTHER" ]]
  run -0 kist build -t ours .
  [[ $(platform_of ours) == "linux/$HOST" && $(file_of ours arch) == "made for $HOST" && $output != *"this machine is"* ]]
  # one that was built here for another machine is meant as it is, with a word about it
  printf 'FROM other\nENV B=C\n' >Dockerfile
  run -0 kist build -t other2 .
  [[ $(platform_of other2) == "linux/$OTHER" && $output == *"'other' is an image for linux/$OTHER, this machine is linux/$HOST"* ]]
}

@test "FROM --platform wins over --platform, for its stage alone" {
  cat >Dockerfile <<EOF
FROM --platform=\$BUILDPLATFORM $REGISTRY/base:1 AS tools
FROM $REGISTRY/base:1
COPY --from=tools /arch /tools-arch
EOF
  kist build -q --platform "linux/$OTHER" -t both . >/dev/null
  [[ $(file_of both tools-arch) == "made for $HOST" && $(file_of both arch) == "made for $OTHER" ]]
}

@test "scratch gets the platform; one that the index has not is an error that lists what there is" {
  printf 'FROM scratch\nCOPY Dockerfile /\n' >Dockerfile
  kist build -q --platform linux/arm/v7 -t s . >/dev/null
  [[ $(kist inspect -f '{{.Architecture}}/{{.Variant}}' s) == arm/v7 ]]
  printf 'FROM --platform=linux/s390x %s/base:1\n' "$REGISTRY" >Dockerfile
  fails_with 1 "linux/$OTHER" kist build .
  printf 'FROM s\n' >Dockerfile
  fails_with 1 "Dockerfile:1:6: image 's' is for linux/arm/v7, not for linux/$OTHER" \
    kist build --pull=never --platform "linux/$OTHER" .
}

@test "RUN for a machine that is not emulated says so" {
  local handlers
  handlers=$(cat /proc/sys/fs/binfmt_misc/qemu-* 2>/dev/null || true)
  [[ -z $handlers ]] || skip "this host emulates other machines"
  need_root
  printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xf3\0\x01\0\0\0' >sh
  head -c 100 /dev/zero >>sh
  chmod 755 sh
  printf 'FROM scratch\nCOPY sh /bin/sh\nRUN true\n' >Dockerfile
  fails_with 1 "for another machine" kist build --network none --platform linux/riscv64 .
}
