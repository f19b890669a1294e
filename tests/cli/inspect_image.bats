#!/usr/bin/env bats
# inspect of images: docker's document. (Containers: inspect.bats.)

load lib

setup_file() {
  kist_setup_file
  need_root
  tiny_image docker.io/library/one:1 one
}
teardown_file() { kist_teardown_file; }

@test "an image's document has docker's shape" {
  kist inspect one:1 | jq -e '.[0]
    | (.Id | test("^sha256:[0-9a-f]{64}$")) and .RepoTags == ["one:1"] and .Os == "linux"
    and .Architecture == "amd64" and .Size == 3 and .Created == "2024-05-01T10:00:00Z"
    and .Config.Env == ["PATH=/bin"] and .Config.Cmd == ["sh"] and .Config.Labels["made.by"] == "test"
    and .RootFS.Type == "layers" and (.RootFS.Layers | length) == 1'
}

@test "by id and prefix, formats, types" {
  id=$(kist images -q one:1)
  [ "$(kist inspect -f '{{.Id}}' "$id")" = "$(kist images -q --no-trunc one:1)" ]
  [ "$(kist inspect -f '{{json .Config.Cmd}}' --type image one:1)" = '["sh"]' ]
  [ "$(kist inspect --format json one:1 | wc -l)" -eq 1 ]
  fails_with 1 "no such container or image: nope" kist inspect nope
  fails_with 1 "no such container" kist inspect --type container one:1
  fails_with 1 "no field '.Nope'" kist inspect -f '{{.Nope}}' one:1
}
