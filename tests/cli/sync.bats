#!/usr/bin/env bats
# kist sync: lists with patterns, repositories, trees of directories and layouts, there and back.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need skopeo jq
  registry_start
  FROM=$REGISTRY
  registry_start
  TO=$REGISTRY
  export FROM TO
  local v
  for v in 1.0.0 1.1.0 1.2.3 2.0.0-rc1 2.0.0 latest; do
    tiny_image "localhost/app:$v" "text $v"
    kist push -q "localhost/app:$v" "$FROM/team/app:$v" >/dev/null
  done
  kist push -q localhost/app:latest "$FROM/team/other:latest" >/dev/null
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() { T=$(mktemp -d "$KIST_ROOT/t.XXXXXX"); }
teardown() { rm -rf "$T"; }

digest() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "$1"; }

@test "a list: tags, all tags, regular expressions, versions" {
  cat >"$T/list.yaml" <<YAML
$FROM:
  images:
    team/other: []
  images-by-tag-regex:
    team/app: ^1\.[01]
YAML
  run -0 kist sync "$T/list.yaml" "$TO/a"
  [[ ${lines[-1]} == "3 images, 0 failed" ]]
  [[ $(kist tags "$TO/a/app" | sort | tr '\n' ' ') == "1.0.0 1.1.0 " ]]
  [[ $(digest "docker://$TO/a/app:1.1.0") == "$(digest "docker://$FROM/team/app:1.1.0")" ]]
  printf '%s:\n  images-by-semver:\n    team/app: ">= 1.1, < 2 || 2.0.0"\n' "$FROM" >"$T/list.yaml"
  run -0 kist sync --dry-run "$T/list.yaml" "$TO/b"
  [[ $output == *"would copy docker://$FROM/team/app:1.2.3 -> docker://$TO/b/app:1.2.3"* ]]
  [[ $output == *app:2.0.0\ -* && $output != *rc1* && $output != *1.0.0* ]]
  run -1 kist tags "$TO/b/app"
  printf '%s:\n  images:\n    team/app: ["1.0.0", "%s"]\n' "$FROM" "$(digest "docker://$FROM/team/app:latest")" >"$T/list.yaml"
  kist sync -q "$T/list.yaml" "$TO/c"
  [[ $(kist tags "$TO/c/app") == 1.0.0 ]]
  skopeo inspect --tls-verify=false "docker://$TO/c/app@$(digest "docker://$FROM/team/app:latest")" >/dev/null
}

@test "out into directories and in again; skopeo reads and writes the same tree" {
  kist sync -q --src docker --dest dir "$FROM/team/app" "$T/usb"
  [[ -f $T/usb/app:1.0.0/manifest.json ]]
  [[ $(skopeo inspect --format '{{.Digest}}' "dir:$T/usb/app:1.2.3") == "$(digest "docker://$FROM/team/app:1.2.3")" ]]
  kist sync -q --src dir "$T/usb" "$TO/d"
  [[ $(kist tags "$TO/d/app" | wc -l) == 6 ]]
  [[ $(digest "docker://$TO/d/app:2.0.0") == "$(digest "docker://$FROM/team/app:2.0.0")" ]]
  skopeo sync --src docker --dest dir --src-tls-verify=false "$FROM/team/app" "$T/skopeo" 2>/dev/null
  kist sync -q --src dir "$T/skopeo" "$TO/e"
  [[ $(digest "docker://$TO/e/app:1.0.0") == "$(digest "docker://$FROM/team/app:1.0.0")" ]]
  skopeo sync --src dir --dest docker --dest-tls-verify=false "$T/usb" "$TO/f" 2>/dev/null
  [[ $(digest "docker://$TO/f/app:1.0.0") == "$(digest "docker://$FROM/team/app:1.0.0")" ]]
}

@test "--scoped keeps the whole name" {
  kist sync -q --scoped --src docker --dest dir "$FROM/team/other" "$T/usb"
  [[ -f $T/usb/$FROM/team/other:latest/manifest.json ]]
  kist sync -q --scoped --src dir "$T/usb" "$TO/g"
  [[ $(kist tags "$TO/g/${FROM/:/-}/team/other") == latest ]]
}

@test "layouts" {
  kist sync -q --src docker --dest oci "$FROM/team/app" "$T/layouts"
  [[ $(jq '.manifests | length' "$T/layouts/app/index.json") == 6 ]]
  kist sync -q --src oci "$T/layouts" "$TO/h"
  [[ $(digest "docker://$TO/h/app:1.0.0") == "$(digest "docker://$FROM/team/app:1.0.0")" ]]
}

@test "a failure ends it, or is counted" {
  printf '%s:\n  images:\n    team/app: ["1.0.0", "absent", "1.1.0"]\n' "$FROM" >"$T/list.yaml"
  fails_with 1 "absent" kist sync -q "$T/list.yaml" "$TO/i"
  [[ $(kist tags "$TO/i/app") == 1.0.0 ]]
  run -1 kist sync --keep-going "$T/list.yaml" "$TO/j"
  [[ $output == *"2 images, 1 failed"* ]]
  [[ $(kist tags "$TO/j/app" | wc -l) == 2 ]]
}

@test "lists that are wrong name their line" {
  bad() {
    printf '%b' "$1" >"$T/list.yaml"
    fails_with 1 "$2" kist sync "$T/list.yaml" "$TO/x"
  }
  bad "" "list.yaml:1: the list is empty"
  bad "registry.example.org:\n  image: {}\n" "list.yaml:2: registry.example.org: 'image' is not known"
  bad "registry.example.org:\n  images:\n    a:1: []\n" "list.yaml:3: 'a:1' is no repository"
  bad "registry.example.org:\n  images:\n    a: ['b c']\n" "list.yaml:3: a: 'b c' is neither a tag nor a digest"
  bad "registry.example.org:\n  images-by-tag-regex:\n    a: '('\n" "list.yaml:3: a: '(' is no regular expression"
  bad "registry.example.org:\n  images-by-semver:\n    a: '>= x'\n" "list.yaml:3: a: '>= x' is no range"
  bad "registry.example.org:\n  credentials: {username: u}\n" "belong together"
  bad "nohost:\n  images: {a: []}\n" "'nohost' is no registry"
  fails_with 1 "absent.yaml" kist sync "$T/absent.yaml" "$TO/x"
  fails_with 1 "--src 'x'" kist sync --src x a b
}

@test "--digestfile names each image with its digest" {
  kist sync -q --src docker --digestfile "$T/d" "$FROM/team/app" "$TO/digests"
  [[ $(wc -l <"$T/d") == 6 ]]
  local digest name
  while read -r digest name; do
    [[ $name == "docker://$TO/digests/app:"* && $digest == "$(digest "$name")" ]]
  done <"$T/d"
}
