#!/usr/bin/env bats
# kist parse: trees, positions, errors with their place.

load lib

setup_file() { kist_setup_file; }
teardown_file() { kist_teardown_file; }

setup() { cd "$BATS_TEST_TMPDIR" || return 1; }

@test "prints an instruction a line, from a file and from standard input" {
  printf 'FROM a AS b\nRUN --network=none echo "x" \\\n  y\nENV k=v\nonbuild copy . /\n' >Dockerfile
  run kist parse Dockerfile
  [ "$status" -eq 0 ]
  [ "${lines[0]}" = '(from "a" "AS" "b")' ]
  [ "${lines[1]}" = '(run ["--network=none"] "echo \"x\"   y")' ]
  [ "${lines[2]}" = '(env "k" "v" "=")' ]
  [ "${lines[3]}" = '(onbuild (copy "." "/"))' ]
  diff <(kist parse Dockerfile) <(kist parse - <Dockerfile)
  diff <(kist parse Dockerfile) <(kist parse --format sexp Dockerfile)
}

@test "every pair of the shared parser data" {
  local data=$BATS_TEST_DIRNAME/../../../shared/data/dockerfile d n=0
  [ -d "$data" ] || skip "no shared data"
  for d in "$data"/parser/*/; do
    diff <(kist parse "$d/Dockerfile") <(sed -e '$a\' "$d/result") || {
      echo "in $d"
      return 1
    }
    n=$((n + 1))
  done
  [ "$n" -ge 30 ]
  for d in "$data"/parser-negative/*/; do
    run kist parse "$d/Dockerfile"
    [ "$status" -eq 1 ]
  done
}

@test "an unknown instruction is syntax, too: a build refuses it" {
  printf 'FROM a\nFOO bar  baz\n' >Dockerfile
  run kist parse Dockerfile
  [ "$status" -eq 0 ]
  [ "${lines[1]}" = '(foo "bar  baz")' ]
}

@test "JSON has every position" {
  need jq
  printf '# escape=`\n# about\nFROM a\nRUN <<E `\n  x\n\xff"\n\x01\nE\n' >Dockerfile
  kist parse --format json Dockerfile >tree
  jq -e '.name == "Dockerfile" and .escape == "`" and (.instructions | length) == 2' tree
  jq -e '.directives[0] | .name.text == "escape" and .value.start.column == 10' tree
  jq -e '.comments[0].text.text == "about"' tree
  jq -e '.instructions[0].comments[0].text.start | .line == 2 and .column == 3' tree
  jq -e '.instructions[1].heredocs[0] | .name == "E" and .body.start.line == 6' tree
  jq -e '.instructions[1].end | .line == 8 and .column == 2' tree
  [ "$(jq -r '.instructions[1].start.offset' tree)" -eq 26 ]
}

@test "errors show the line and a caret" {
  printf 'FROM a\nCMD [ "b", [ "c" ] ]\n' >Dockerfile
  run kist parse Dockerfile
  [ "$status" -eq 1 ]
  [ "${lines[0]}" = 'kist: Dockerfile:2:12: a JSON array here holds strings only' ]
  [ "${lines[1]}" = '     2 | CMD [ "b", [ "c" ] ]' ]
  [ "${lines[2]}" = '       |            ^~~~~~~' ]
  fails_with 1 "no instruction in the file" kist parse - </dev/null
  printf 'RUN <<E\nx\n' >Dockerfile
  fails_with 1 "Dockerfile:1:5: the heredoc is not closed" kist parse Dockerfile
}

@test "bad command lines and files" {
  fails_with 1 "No such file" kist parse nowhere
  fails_with 1 "--format is 'sexp' or 'json'" kist parse --format yaml Dockerfile
  fails_with 1 "" kist parse
  head -c 2000000 /dev/zero >big
  fails_with 1 "larger than" kist parse big
}
