#!/usr/bin/env bats
# kist build: input that cannot be built. Each error names what and where, and leaves nothing.

load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image base
}
teardown_file() { kist_teardown_file; }
setup() { CTX=$BATS_TEST_TMPDIR && cd "$CTX" || return 1; }
teardown() {
  [[ -z $(ls -A "$KIST_ROOT/root/tmp" 2>/dev/null) ]] || { ls -l "$KIST_ROOT/root/tmp"; return 1; }
  ! grep -q "$KIST_ROOT" /proc/self/mounts
}

# refuses TEXT DOCKERFILE-LINE...: the build fails and says so
refuses() {
  local text=$1
  shift
  printf '%s\n' "$@" >Dockerfile
  fails_with 1 "$text" kist build .
}

@test "syntax: the line is shown, with a caret" {
  refuses "Dockerfile:3:" "FROM base" "RUN true" "COPY --chmod=755 a"
  [[ $output == *"3 | COPY --chmod=755 a"* && $output == *"^"* ]]
  refuses "Dockerfile:2:" "FROM base" "CPOY a b"
  [[ $output == *COPY* ]]
  refuses "Dockerfile" ""
  refuses "Dockerfile" "RUN true"
  refuses "Dockerfile:2:" "FROM base" "ENV A"
  refuses "EOF" "FROM base" "RUN <<EOF" "x"
}

@test "flags that are not done are refused by name" {
  refuses "--mount" "FROM base" "RUN --mount=type=cache,target=/x true"
  [[ $output == *Dockerfile:2* ]]
  refuses "--link" "FROM base" "COPY --link a b"
  refuses "--parents" "FROM base" "COPY --parents a b"
  refuses "--exclude" "FROM base" "COPY --exclude=x a b"
  refuses "--security" "FROM base" "RUN --security=insecure true"
  refuses "--checksum" "FROM base" "ADD --checksum=sha256:00 x y"
  fails_with 1 "secret" kist build --secret id=x .
}

@test "stages: unknown, circular, a target that is not there" {
  refuses "did you mean the stage 'build'?" "FROM base AS build" "FROM biuld"
  refuses "a → a" "FROM base AS a" "COPY --from=a /x /"
  refuses "b → a → b" "FROM base AS a" "COPY --from=b /x /" "FROM a AS b"
  refuses "no stage number 5" "FROM base" "COPY --from=5 /x /"
  printf 'FROM base AS build\n' >Dockerfile
  fails_with 1 "did you mean 'build'?" kist build --target biuld .
}

@test "FROM: an image that is not there, a variable without a value" {
  refuses "there is no image 'nothing:1' in the store (looked for localhost/nothing:1, docker.io/library/nothing:1)" "FROM nothing:1"
  [[ $output == *Dockerfile:1* && $output == *"docker.io/library/nothing"* ]]
  refuses "FROM uses the variable 'TAG', which has no value" "ARG TAG" "FROM base:\$TAG"
  [[ $output == *"--build-arg TAG=VALUE"* ]]
  refuses "FROM uses the variable 'X'" "FROM \${X}"
}

@test "a missing file; a file that an ignore rule hides" {
  refuses "'nope' is not there, in the build context" "FROM base" "COPY nope /"
  [[ $output == *Dockerfile:2* ]]
  mkdir -p docs/deep && echo s >docs/deep/secret && printf '# comment\n*.log\ndocs\n' >.dockerignore
  refuses "left out of the build context by the pattern 'docs' (.dockerignore:3)" \
    "FROM base" "COPY docs/deep/secret /"
  [[ $output == *--print-context* ]]
  refuses "left out of the build context by the pattern 'docs'" "FROM base" "COPY docs /"
  refuses "is not there, in 'base'" "FROM scratch" "COPY --from=base /nope /"
}

@test "a RUN that fails: tail, status, line, log, how to look around" {
  refuses "RUN ended with exit status 7" "FROM base" "RUN seq 1 30; echo last; exit 7"
  [[ $output == *"Dockerfile:2:1"* && $output == *"2 | RUN seq"* && $output == *last* ]]
  [[ $output == *"/logs/"* && $output == *"--on-error=shell"* ]]
  printf 'FROM base\nRUN seq 1 100; exit 3\n' >Dockerfile
  run kist build -q .
  [ "$status" -eq 1 ]
  [[ $output == *$'\n100\n'* && $output == *$'\n81\n'* && $output != *$'\n80\n'* ]]
  refuses "status 137 (killed by SIGKILL)" "FROM base" "RUN sh -c 'kill -9 \$\$'; exit \$?"
  refuses "no-such-program" "FROM base" 'RUN ["no-such-program"]'
  [[ $output == *Dockerfile:2* ]]
  [ -z "$(kist images -q --filter dangling=true)" ]
}

@test "two stages at once: the one that fails ends the other" {
  cat >Dockerfile <<'END'
FROM base AS slow
RUN sleep 60
FROM base AS bad
RUN sleep 0.2; exit 5
FROM base
COPY --from=slow /bin /a
COPY --from=bad /bin /b
END
  local t=$SECONDS
  fails_with 1 "exit status 5" kist build .
  ((SECONDS - t < 20))
}

@test "the command line" {
  printf 'FROM base\n' >Dockerfile
  fails_with 1 "kist build -f Other ." kist build -f Other
  fails_with 1 "no Dockerfile 'Other'" kist build -f Other .
  mkdir empty
  fails_with 1 "there is no Dockerfile in 'empty'" kist build empty
  fails_with 1 "is not a directory" kist build Dockerfile
  fails_with 1 "nowhere" kist build nowhere
  fails_with 1 "must be bridge, none or host" kist build --network what .
  fails_with 1 "must be auto, plain" kist build --progress what .
  fails_with 1 "needs a terminal" kist build --on-error=shell .
  fails_with 1 "only images for linux" kist build --platform plan9/mips .
  fails_with 1 "one platform is built at a time" kist build --platform linux/amd64,linux/arm64 .
  fails_with 1 "SOURCE_DATE_EPOCH=x" env SOURCE_DATE_EPOCH=x "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" build .
  fails_with 1 "UPPER" kist build -t UPPER .
}

@test "a file that grows too large, a directory as Dockerfile" {
  mkdir dir
  fails_with 1 "is not a file" kist build -f dir .
  head -c 2000000 /dev/zero | tr '\0' '#' >Dockerfile
  fails_with 1 "larger than" kist build .
}

@test "a full disk: an error, and nothing left behind" {
  mkdir small
  mount -t tmpfs -o size=24m tmpfs small || skip "cannot mount a tmpfs"
  local k=("$KIST_BUILD/kist" --root "$CTX/small/root" --runroot "$CTX/small/run")
  "${k[@]}" import "$KIST_ROOT/rootfs.tar" base >/dev/null
  head -c 30000000 /dev/urandom >big
  printf 'FROM base\nCOPY big /big\n' >Dockerfile
  run "${k[@]}" build .
  echo "$output"
  local ok=0
  [[ $status -eq 1 && $output == *"o space left"* && -z $(ls -A small/root/tmp) ]] && ok=1
  printf 'FROM base\nRUN head -c 30000000 /dev/urandom > /big\n' >Dockerfile
  run "${k[@]}" build --network host .
  echo "$output"
  [[ $status -eq 1 && -z $(ls -A small/root/tmp) ]] || ok=0
  printf 'FROM base\nRUN echo fits > /x\n' >Dockerfile
  "${k[@]}" build --network host -q . || ok=0
  # what was removed is gone, but the kernel lets go of a container's mounts a tick after its end
  for _ in $(seq 50); do umount small 2>/dev/null && break || sleep 0.1; done
  ! mountpoint -q small
  ((ok))
}
