#!/usr/bin/env bats
# kist manifest: indexes of several platforms, from images of the store and of registries.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need skopeo jq
  registry_start
  R=$REGISTRY
  export R
  tiny_image localhost/app:amd64 "for amd64"
  # the same for another machine, by its config
  kist save --format docker-archive -o "$KIST_ROOT/a.tar" app:amd64
  mkdir "$KIST_ROOT/arm"
  tar -C "$KIST_ROOT/arm" -xf "$KIST_ROOT/a.tar"
  (
    cd "$KIST_ROOT/arm"
    config=$(jq -r '.[0].Config' manifest.json)
    jq -c '.architecture = "arm64"' "$config" >c.json
    new=$(sha256sum c.json | cut -d' ' -f1).json
    mv c.json "$new"
    jq -c ".[0].Config = \"$new\" | .[0].RepoTags = [\"localhost/app:arm64\"]" manifest.json >m
    mv m manifest.json
    tar -cf "$KIST_ROOT/arm.tar" manifest.json "$new" ./*.tar
  )
  kist load -qi "$KIST_ROOT/arm.tar" >/dev/null
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() { T=$(mktemp -d "$KIST_ROOT/t.XXXXXX"); }
teardown() { rm -rf "$T"; }

@test "create, add, annotate, inspect, push, rm" {
  [[ $(kist manifest create "$R/multi:1" app:amd64) == "$R/multi:1" ]]
  arm=$(kist manifest add "$R/multi:1" app:arm64)
  kist manifest annotate --variant v8 --annotation who=me "$R/multi:1" "$arm"
  kist manifest annotate --os-features a,b "$R/multi:1" app:amd64
  kist manifest inspect "$R/multi:1" >"$T/list"
  [[ $(jq -r .mediaType "$T/list") == application/vnd.oci.image.index.v1+json ]]
  [[ $(jq -c '[.manifests[].platform.architecture]' "$T/list") == '["amd64","arm64"]' ]]
  [[ $(jq -c '.manifests[0].platform["os.features"]' "$T/list") == '["a","b"]' ]]
  [[ $(jq -r '.manifests[1].platform.variant' "$T/list") == v8 ]]
  [[ $(jq -r '.manifests[1].annotations.who' "$T/list") == me ]]
  [[ $(jq -c '[.manifests[] | has("source")] | any' "$T/list") == false ]]
  kist manifest push -q --digestfile "$T/digest" "$R/multi:1"
  [[ $(<"$T/digest") == "$(skopeo inspect --tls-verify=false --raw "docker://$R/multi:1" | sha256sum | sed 's/^/sha256:/; s/ .*//')" ]]
  [[ $(skopeo inspect --tls-verify=false --override-arch arm64 "docker://$R/multi:1" | jq -r .Architecture) == arm64 ]]
  cmp <(kist manifest inspect "$R/multi:1") <(kist manifest inspect "docker://$R/multi:1")
  # every platform is there, whole
  skopeo copy -q --all --src-tls-verify=false "docker://$R/multi:1" "oci:$T/out:1"
  run -0 kist manifest exists "$R/multi:1"
  [[ $(kist manifest rm "$R/multi:1") == "$R/multi:1" ]]
  run -1 kist manifest exists "$R/multi:1"
  fails_with 1 "no such manifest list" kist manifest push "$R/multi:1"
}

@test "copies of a list keep every digest" {
  kist manifest create -q "$R/multi:2" app:amd64 app:arm64
  kist manifest push -q --purge --digestfile "$T/digest" "$R/multi:2"
  digest=$(<"$T/digest")
  [[ $(kist copy -q --all --digestfile "$T/d" "docker://$R/multi:2" "oci:$T/l:2"; cat "$T/d") == "$digest" ]]
  kist copy -q --all "oci:$T/l:2" "dir:$T/dir"
  kist copy -q --all "dir:$T/dir" "oci-archive:$T/o.tar:2"
  kist copy -q --all --preserve-digests "oci-archive:$T/o.tar" "docker://$R/other/multi:2"
  [[ $(skopeo inspect --tls-verify=false --raw "docker://$R/other/multi:2" | sha256sum | cut -d' ' -f1) == "${digest#sha256:}" ]]
  # one platform alone
  kist copy -q --platform linux/arm64 "oci:$T/l:2" "docker-archive:$T/arm.tar:app:arm"
  [[ $(skopeo inspect --config "docker-archive:$T/arm.tar" | jq -r .architecture) == arm64 ]]
  fails_with 1 "no image for linux/s390x" kist copy --platform linux/s390x "oci:$T/l:2" "dir:$T/no"
  [[ ! -e $T/no ]]
  fails_with 1 "holds one platform" kist copy --all "oci:$T/l:2" "docker-archive:$T/no.tar"
  [[ ! -e $T/no.tar ]]
  # in our own store the name is this machine's; the others stay known to the index
  kist copy -q --all "oci:$T/l:2" store:multi:2
  [[ $(kist images -q --no-trunc multi:2) == "$(kist images -q --no-trunc app:amd64)" ]]
}

@test "the store gives back the whole index that came" {
  kist manifest create -q "$R/multi:3" app:amd64 app:arm64
  kist manifest push -q --purge --digestfile "$T/digest" "$R/multi:3"
  k() { "$KIST_BUILD/kist" --root "$T/root" --runroot "$T/run" "$@"; }
  k copy -q --all "docker://$R/multi:3" store:multi:3
  k copy -q --all --preserve-digests --digestfile "$T/d" store:multi:3 "oci:$T/l:3"
  [[ $(<"$T/d") == "$(<"$T/digest")" ]]
  k copy -q store:multi:3 "dir:$T/one"
  [[ $(jq 'has("layers")' "$T/one/manifest.json") == true ]]
}

@test "a list of what is in registries: nothing is fetched before the push" {
  kist push -q app:amd64 "$R/one:amd64" >/dev/null
  kist push -q app:arm64 "$R/two:arm64" >/dev/null
  kist manifest create -q list:1 "docker://$R/one:amd64" "$R/two:arm64"
  kist manifest push -q list:1 "docker://$R/three:1"
  [[ $(skopeo inspect --tls-verify=false --raw "docker://$R/three:1" | jq '.manifests | length') == 2 ]]
  kist manifest create -q all:1
  [[ $(kist manifest add --all all:1 "docker://$R/three:1" | wc -l) == 2 ]]
  [[ $(kist manifest add --platform linux/arm64 all:1 "docker://$R/three:1" | wc -l) == 1 ]]
  [[ $(kist manifest inspect all:1 | jq '.manifests | length') == 2 ]]
  kist manifest push -q --format docker all:1 "docker://$R/docker:1"
  [[ $(skopeo inspect --tls-verify=false --raw "docker://$R/docker:1" | jq -r .mediaType) == *manifest.list.v2* ]]
  skopeo copy -q --all --src-tls-verify=false "docker://$R/docker:1" "dir:$T/d"
  kist manifest push -q all:1 "oci:$T/layout:x"
  skopeo copy -q --all "oci:$T/layout:x" "dir:$T/e"
  kist manifest remove all:1 "$(kist manifest inspect all:1 | jq -r '.manifests[0].digest')"
  [[ $(kist manifest inspect all:1 | jq '.manifests | length') == 1 ]]
  kist manifest rm -q all:1 list:1
}

@test "what cannot be is refused" {
  kist manifest create -q bad:1
  fails_with 1 "is there already" kist manifest create bad:1
  kist manifest create -q --amend bad:1
  fails_with 1 "is empty" kist manifest push bad:1 "docker://$R/bad:1"
  fails_with 1 "no such manifest list" kist manifest add absent:1 app:amd64
  fails_with 1 "has no entry" kist manifest annotate bad:1 abcdef012345
  fails_with 1 "NAME=VALUE" kist manifest add --annotation x bad:1 app:amd64
  fails_with 1 "images of the store and of registries" kist manifest add bad:1 "oci:$T/x"
  fails_with 1 "it is create, add" kist manifest frobnicate bad:1
  fails_with 1 "holds one image" kist manifest push bad:1 "docker-archive:$T/x.tar"
  tiny_image localhost/gone:1 "gone soon"
  kist manifest add -q bad:1 gone:1
  kist rmi gone:1 >/dev/null
  fails_with 1 "no such image" kist manifest push bad:1 "docker://$R/bad:1"
  run -1 kist tags "$R/bad"
  kist manifest rm -q bad:1
}

@test "push: other layers, or no other digests" {
  kist manifest create -q "$R/forms:1" app:amd64 app:arm64
  kist manifest push -q --preserve-digests --digestfile "$T/as-it-is" "$R/forms:1"
  kist manifest push -q --compression zstd "$R/forms:1" "$R/forms:z"
  local d
  for d in $(skopeo inspect --raw --tls-verify=false "docker://$R/forms:z" | jq -r '.manifests[].digest'); do
    [[ $(skopeo inspect --raw --tls-verify=false "docker://$R/forms@$d" | jq -r '.layers[0].mediaType') == *tar+zstd ]]
  done
  fails_with 1 "goes with neither" kist manifest push --preserve-digests --compression zstd "$R/forms:1" "$R/forms:z"
}
