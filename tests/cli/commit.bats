#!/usr/bin/env bats
# kist commit: a container's changes as an image.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  command -v busybox >/dev/null || skip "busybox is not installed"
  busybox_image base:1
  kist run --name work --network none -e FOO=bar -w /tmp base:1 sh -c 'echo new >/new; rm /etc/group'
}
teardown_file() { kist_teardown_file; }

@test "changes become a layer over the image's" {
  run -0 kist commit work out:1
  [[ $output == sha256:* ]]
  [[ $(kist run --rm --network none out:1 cat /new) == new ]]
  run ! kist run --rm --network none out:1 test -e /etc/group
  [[ $(kist diff --format json base:1 out:1 | jq -r 'map(.path) | sort | join(" ")') == "/etc/group /new" ]]
}

@test "the container's settings, author, message and changes" {
  kist commit -a "A B <a@b>" -m "my words" -c 'LABEL k=$FOO' -c 'CMD ["cat","/new"]' work out:2 >/dev/null
  run -0 bash -c "'$KIST_BUILD/kist' --root '$KIST_ROOT/root' --runroot '$KIST_ROOT/run' save out:2 | tar -xO --wildcards '*.json' --exclude=manifest.json"
  [[ $(jq -r .author <<<"$output") == "A B <a@b>" ]]
  [[ $(jq -r '.history[-1].comment' <<<"$output") == "my words" ]]
  [[ $(jq -r '.history | length' <<<"$output") == 2 ]]
  [[ $(jq -r .config.WorkingDir <<<"$output") == /tmp ]]
  [[ $(jq -r .config.Labels.k <<<"$output") == bar ]]
  [[ $(jq -c '.config.Env | index("FOO=bar") != null' <<<"$output") == true ]]
  [[ $(kist run --rm --network none out:2) == new ]]
}

@test "without changes there is no new layer" {
  kist create --name idle base:1 >/dev/null
  kist commit idle out:3 >/dev/null
  [[ $(kist save out:3 | tar -xO manifest.json | jq '.[0].Layers | length') == 1 ]]
  kist rm idle >/dev/null
}

@test "a running container, paused or not" {
  kist run -d --name runs --network none base:1 sh -c 'echo r >/r; sleep 60' >/dev/null
  sleep 0.3
  kist commit runs out:4 >/dev/null
  kist commit --pause=false runs out:5 >/dev/null
  [[ $(kist run --rm --network none out:4 cat /r) == r ]]
  kist rm -f runs >/dev/null
}

@test "errors" {
  fails_with 1 "no such container" kist commit absent x:1
  fails_with 1 "lower case" kist commit work Upper
  fails_with 1 "COPY is no change" kist commit -c 'COPY a b' work
}
