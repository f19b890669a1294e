#!/usr/bin/env bats
# images, tag, history: what is there, under which names, made how.

load lib

setup_file() {
  kist_setup_file
  need_root
  tiny_image docker.io/library/one:1 one '[
    {"created":"2024-05-01T09:00:00Z","created_by":"ADD a very long instruction that does not fit /"},
    {"created":"2024-05-01T10:00:00Z","created_by":"CMD [\"sh\"]","empty_layer":true,"comment":"words"}]'
  tiny_image docker.io/library/two:latest two
}
teardown_file() { kist_teardown_file; }

@test "images prints docker's columns" {
  run kist images
  [ "$status" -eq 0 ]
  [[ ${lines[0]} =~ ^REPOSITORY\ +TAG\ +IMAGE\ ID\ +CREATED\ +SIZE$ ]]
  [ "${#lines[@]}" -eq 3 ]
  [[ $output =~ one\ +1\ +[0-9a-f]{12}\ +[0-9]+\ years?\ ago\ +3B ]]
  [[ $output =~ two\ +latest\ +[0-9a-f]{12} ]]
}

@test "images: -q, --no-trunc, --digests, --format" {
  [ "$(kist images -q | wc -l)" -eq 2 ]
  [[ $(kist images -q --no-trunc one:1) =~ ^sha256:[0-9a-f]{64}$ ]]
  [[ $(kist images --digests) == *DIGEST* ]]
  [ "$(kist images --format '{{.Repository}}|{{.Tag}}|{{.Size}}' one:1)" = "one|1|3B" ]
  kist images --format json | jq -se 'any(.Repository == "two" and .Layers == 1 and .Os == "linux")'
  fails_with 1 "there is no field '.Nope'" kist images --format '{{.Nope}}'
}

@test "images: filters" {
  [ "$(kist images -q --filter reference='t*' | wc -l)" -eq 1 ]
  [ "$(kist images -q --filter reference='one:1' | wc -l)" -eq 1 ]
  [ "$(kist images -q --filter label=text=two | wc -l)" -eq 1 ]
  [ "$(kist images -q --filter label=made.by | wc -l)" -eq 2 ]
  [ -z "$(kist images -q --filter dangling=true)" ]
  fails_with 1 "unknown filter 'what=1'" kist images --filter what=1
  fails_with 1 "not true or false" kist images --filter dangling=maybe
}

@test "tag gives another name, and moves one" {
  kist tag one:1 extra
  [ "$(kist images -q extra)" = "$(kist images -q one:1)" ]
  [[ $(kist images) == *localhost/extra* ]]
  kist tag two extra:latest
  [ "$(kist images -q extra)" = "$(kist images -q two)" ]
  kist tag "$(kist images -q two)" registry.example:5000/a/b:v1
  [ "$(kist images --format '{{.Reference}}' registry.example:5000/a/b)" = registry.example:5000/a/b:v1 ]
  kist rmi extra registry.example:5000/a/b:v1
  fails_with 1 "no such image: nothing" kist tag nothing x
  fails_with 1 "UPPER" kist tag two UPPER
}

@test "history shows steps beside layers, the last one first" {
  run kist history one:1
  [ "$status" -eq 0 ]
  [[ ${lines[0]} =~ ^IMAGE\ +CREATED\ +CREATED\ BY\ +SIZE\ +COMMENT$ ]]
  [[ ${lines[1]} =~ ^[0-9a-f]{12}\ .*CMD.*0B\ +words$ ]]
  [[ ${lines[2]} == "<missing>"*"ADD a very long instruction that does not fi…"*3B* ]]
  [[ $(kist history --no-trunc one:1) == *"that does not fit /"* ]]
  [ "$(kist history -q one:1 | wc -l)" -eq 2 ]
  [ "$(kist history --human=false --format '{{.Size}}' one:1 | tail -1)" = 3 ]
  kist history --format json one:1 | jq -se '.[1].CreatedBy | startswith("ADD")'
}

@test "an image without a history is legal" {
  run kist history two
  [ "$status" -eq 0 ]
  [ "${#lines[@]}" -eq 2 ]
  [[ ${lines[1]} =~ ^[0-9a-f]{12}.*3B ]]
  fails_with 1 "no such image: three" kist history three
}
