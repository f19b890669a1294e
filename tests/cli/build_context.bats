#!/usr/bin/env bats
# kist build: contexts, ignore files, standard input.

load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image base
}
teardown_file() { kist_teardown_file; }
setup() { CTX=$BATS_TEST_TMPDIR && cd "$CTX" || return 1; }

tree() {
  mkdir -p docs src/a node_modules/x
  echo r >docs/readme.md && echo d >docs/draft.md && echo m >src/a/main.c && echo l >src/x.log && echo n >node_modules/x/y
}

@test ".dockerignore: patterns, negation inside an excluded directory" {
  tree
  printf '# words\nnode_modules\n**/*.log\ndocs\n!docs/readme.md\n' >.dockerignore
  cat >Dockerfile <<'END'
FROM base
COPY . /c
RUN test -f /c/docs/readme.md && ! test -e /c/docs/draft.md && ! test -e /c/node_modules
RUN test -f /c/src/a/main.c && ! test -e /c/src/x.log
COPY docs /d
RUN test "$(ls /d)" = readme.md
END
  kist build -q . >/dev/null
}

@test "NAME.dockerignore beside a named Dockerfile wins" {
  tree
  echo src >.dockerignore
  mkdir f && echo docs >f/Other.dockerignore
  printf 'FROM base\nCOPY . /c\nRUN test -d /c/src && ! test -e /c/docs\n' >f/Other
  kist build -q -f f/Other . >/dev/null
  printf 'FROM base\nCOPY . /c\nRUN ! test -d /c/src && test -e /c/docs\n' >Dockerfile
  kist build -q . >/dev/null
}

@test "--print-context: what is seen, and what hides the rest" {
  tree
  printf 'node_modules\n**/*.log\ndocs\n!docs/readme.md\n' >.dockerignore
  echo FROM base >Dockerfile
  run kist build --print-context .
  [ "$status" -eq 0 ]
  [[ $output == *"included  docs/readme.md"* && $output == *"included  src/a/main.c"* ]]
  [[ $output == *"excluded  docs/draft.md  (pattern 'docs', .dockerignore:3)"* ]]
  [[ $output == *"excluded  src/x.log  (pattern '**/*.log', .dockerignore:2)"* ]]
  [[ $output == *"excluded  node_modules/  (pattern 'node_modules', .dockerignore:1)"* ]]
  [[ $output != *node_modules/x* && $output == *"included  Dockerfile"* ]]
}

@test "a Dockerfile on standard input, without a context and with one" {
  printf 'FROM base\nRUN echo x > /x\n' | kist build -q -t in - >/dev/null
  printf 'FROM base\nCOPY f /f\n' >D
  run bash -c '"$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" build - <D'
  [ "$status" -eq 1 ]
  [[ $output == *"-:2"*"has no context"* ]]
  echo f >f
  kist build -q -f - . <D >/dev/null
  run bash -c '"$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" build -f - - <D'
  [ "$status" -eq 1 ]
  [[ $output == *"cannot both"* ]]
}

@test "a tar as context: plain, compressed, from a pipe and from a file, with -f" {
  mkdir c && echo f >c/f && echo ignored >c/g && echo g >c/.dockerignore
  printf 'FROM base\nCOPY . /c\nRUN test -f /c/f && ! test -e /c/g\n' | tee c/Dockerfile >c/Other
  tar -C c -cf c.tar .
  gzip -k c.tar && zstd -q c.tar -o c.tar.zst
  local f
  for f in c.tar c.tar.gz c.tar.zst; do
    kist build -q - <$f >/dev/null
    cat $f | kist build -q -f Other - >/dev/null
  done
  head -c 3000 c.tar >cut.tar
  run bash -c '"$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" build - <cut.tar'
  [ "$status" -eq 1 ]
  [[ $output == *"context from standard input"* ]]
  [ -z "$(ls -A "$KIST_ROOT/root/tmp")" ]
}

@test "from another directory, by an absolute path, through a link" {
  mkdir c elsewhere && echo f >c/f && ln -s c link
  printf 'FROM base\nCOPY f /f\n' >c/Dockerfile
  kist build -q c >/dev/null
  cd elsewhere
  run kist build "$CTX/c"
  [[ $output == *"2 of 2 steps from the cache"* ]]
  run kist build ../link
  [[ $output == *"2 of 2 steps from the cache"* ]]
}
