#!/usr/bin/env bats
# The frame of the command line: help, unknown words, completion, man pages.

load lib

setup_file() { kist_setup_file; }
teardown_file() { kist_teardown_file; }

@test "help lists the commands, and each has a page and a man page" {
  run kist help
  [ "$status" -eq 0 ]
  [[ $output == *"Commands:"* ]]
  local c n=0
  for c in $(kist help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p'); do
    kist "$c" --help >"$BATS_TEST_TMPDIR/page"
    grep -q "^Usage: kist $c" "$BATS_TEST_TMPDIR/page"
    kist help --format man "$c" >"$BATS_TEST_TMPDIR/page.1"
    if command -v groff >/dev/null; then
      [ -z "$(groff -k -man -ww -Tutf8 -z "$BATS_TEST_TMPDIR/page.1" 2>&1)" ]
    fi
    n=$((n + 1))
  done
  [ "$n" -gt 1 ]
}

@test "a wrong command or option names itself and the next best" {
  fails_with 1 "'hepl' is not a kist command" kist hepl
  [[ $output == *"did you mean 'kist help'"* ]]
  fails_with 1 "unknown option '--formta'" kist help --formta
  [[ $output == *"did you mean '--format'"* ]]
  fails_with 1 "unknown global option '--rooot'" kist --rooot x help
  fails_with 1 "needs a value" kist help --format
  fails_with 1 "unexpected argument 'b'" kist help a b
}

@test "completion scripts parse" {
  kist completion bash | bash -n
  if command -v zsh >/dev/null; then kist completion zsh | zsh -n; fi
  if command -v fish >/dev/null; then kist completion fish | fish -n; fi
  fails_with 1 "no completion for 'tcsh'" kist completion tcsh
}

@test "output that cannot be written is an error" {
  run bash -c '"$1" help >/dev/full' _ "$KIST_BUILD/kist"
  [ "$status" -ne 0 ]
  [[ $output == *"write to standard output"* ]]
}

@test "options that move images: every command of registries takes them, or says why not" {
  local cmd option why n=0
  for cmd in pull push login logout tags copy inspect delete sync manifest; do
    for option in --platform=linux/arm64 --all --preserve-digests --compression=gzip --tls-verify=false \
      --cert-dir=/ --authfile=/f --retry=1 --jobs=1 --quiet --digestfile=/f; do
      run kist "$cmd" "$option"
      [[ $output != *"unknown option"* ]] || { echo "$cmd $option: $output"; return 1; }
      why=${output#*is not supported: }
      [[ $output != *"is not supported"* ]] || { ((${#why} > 10)) && n=$((n + 1)); }
    done
  done
  ((n > 20))
}
