#!/usr/bin/env bats
# kist build: what comes from the cache, and why the rest does not.

load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image base
}
teardown_file() { kist_teardown_file; }
setup() { CTX=$BATS_TEST_TMPDIR && cd "$CTX" || return 1; }

# why WANT COMMAND...: the output has this line
says() {
  local want=$1
  shift
  run "$@"
  if [[ $status != 0 || $output != *"$want"* ]]; then
    echo "wanted '$want', got $status: $output"
    return 1
  fi
}

@test "a second build is all from the cache, with the same id" {
  echo 1 >f
  printf 'FROM base\nENV A=1\nCOPY f /f\nRUN cat /f > /g\nCMD ["x"]\n' >Dockerfile
  says "never built here" kist build --iidfile a -t c .
  says "5 of 5 steps from the cache" kist build --iidfile b -t c .
  cmp a b
  says "nothing would run" kist build --explain .
  touch f # another time is no change
  says "5 of 5 steps from the cache" kist build .
}

@test "a changed file, mode, name; a new and a removed file" {
  mkdir d && echo 1 >d/a && echo 2 >d/b
  printf 'FROM base\nCOPY d /d\nRUN ls /d\n' >Dockerfile
  kist build -q . >/dev/null
  echo 22 >d/b
  run kist build .
  [[ $output =~ \[2/3\]\ RUN\ +COPY\ d\ /d\ \ \(file\ d/b\ changed\ \(sha256\ [0-9a-f]{8}…\ →\ [0-9a-f]{8}…\)\) ]]
  [[ $output == *"RUN ls /d  (parent step 2 changed)"* ]]
  chmod 600 d/a
  says "file d/a changed (mode 0644 → 0600)" kist build .
  echo 3 >d/c && rm d/a
  run kist build --explain .
  [[ $output == *"because file d/a removed"*"because file d/c added"*"because parent step 2 changed"* ]]
  # --explain has built nothing
  says "file d/c added" kist build .
}

@test "many files: the one that changed is named" {
  mkdir d && for i in $(seq 300); do echo "$i" >"d/f$i"; done
  printf 'FROM base\nCOPY d /d\n' >Dockerfile
  kist build -q . >/dev/null
  echo changed >d/f77
  says "(file d/f77 changed (sha256" kist build .
  rm d/f1 d/f2 d/f3 d/f4 d/f5
  run kist build .
  [[ $output == *"because file d/f1 removed"*"and 2 more reasons"* ]]
}

@test "arguments, environment, instructions, base images" {
  printf 'FROM base\nARG V=1\nENV E=$V\nRUN echo $V > /v\n' >Dockerfile
  kist build -q . >/dev/null
  run kist build --build-arg V=2 .
  [[ $output == *"build argument V: 1 → 2"* && $output == *"environment variable E: 1 → 2"* ]]
  kist build -q . >/dev/null
  sed -i 's/echo/echo -n/' Dockerfile
  says "instruction changed (was: RUN echo" kist build .
  printf 'FROM base\nARG V=1\nENV E=$V\nRUN true\nRUN echo -n $V > /v\n' >Dockerfile
  run kist build .
  [[ $output == *"RUN true  (never built here)"* ]]
  kist tag base other
  printf 'FROM base\nRUN echo new > /new\n' | kist build -q -t other - >/dev/null
  printf 'FROM other\nRUN echo x\n' >Dockerfile
  kist build -q . >/dev/null
  printf 'FROM base\nRUN echo newer > /new\n' | kist build -q -t other - >/dev/null
  says "(base image other changed)" kist build .
}

@test "a stage that changed, and one that came out the same" {
  echo 1 >in
  cat >Dockerfile <<'END'
FROM base AS build
COPY in /in
FROM base AS mid
COPY in /in
COPY --from=build /in /out
RUN cat /out
END
  kist build -q . >/dev/null
  echo 2 >in
  run kist build .
  [[ $output == *"because stage build changed"* || $output == *"(stage build changed)"* ]]
  # back again: every result is still there
  echo 1 >in
  says "6 of 6 steps from the cache" kist build .
}

@test "a stage that was built again: what is copied from it decides" {
  echo built-first >in
  cat >Dockerfile <<'END'
FROM base AS build
COPY in /in
RUN echo same > /out; cat /in > /other; sleep 1.1
FROM base
COPY --from=build /out /out
RUN cat /out
END
  kist build -q . >/dev/null
  echo built-second >in
  run kist build .
  [[ $output == *"file in changed"* && $output == *"CACHED  COPY --from=build /out"* ]]
  [[ $output == *"CACHED  RUN cat /out"* ]]
  says "6 of 6 steps from the cache" kist build .
  sed -i 's/echo same/echo else/' Dockerfile
  run kist build .
  [[ $output == *"stage build changed"* && $output == *"file out changed (sha256 "*" in build"* ]]
}

@test "a parent that was built again with the same result lets later steps hit" {
  echo 1 >in
  printf 'FROM base\nCOPY in /in\nRUN cat /in > /out\n' >Dockerfile
  SOURCE_DATE_EPOCH=1700000000 kist build -q . >/dev/null
  printf 'FROM base\nCOPY ./in /in\nRUN cat /in > /out\n' >Dockerfile
  SOURCE_DATE_EPOCH=1700000000 run kist build .
  [[ $output == *"instruction changed (was: COPY in /in)"* && $output == *"CACHED  RUN cat"* ]]
}

@test "--no-cache runs every step and says so" {
  printf 'FROM base\nRUN echo 1\n' >Dockerfile
  kist build -q . >/dev/null
  says "RUN echo 1  (--no-cache)" kist build --no-cache .
}

@test "a collected entry says when and by what" {
  printf 'FROM base\nRUN echo collected > /x\n' >Dockerfile
  kist build -q . >/dev/null
  kist prune --build-cache --force >/dev/null
  run kist build .
  [[ $output == *"cache entry collected on "*" by "*prune* ]]
}

@test "another directory is another build: reasons do not mix" {
  mkdir one two && echo 1 >one/f && echo 2 >two/f
  printf 'FROM base\nCOPY f /f\n' | tee one/Dockerfile >two/Dockerfile
  kist build -q one >/dev/null
  says "never built here" kist build two
}

@test "the output of every RUN is kept, for the last builds" {
  printf 'FROM base AS s\nRUN seq 1 5000; echo oops >&2\n' >Dockerfile
  kist build --no-cache -q . >/dev/null
  local log
  log=$(find "$KIST_ROOT/root/logs" -name 's-2.log' | sort | tail -1)
  [ "$(wc -l <"$log")" -eq 5001 ]
  [ "$(tail -1 "$log")" = oops ]
  for i in $(seq 22); do kist build --no-cache --network host -q . >/dev/null; done
  [ "$(find "$KIST_ROOT/root/logs" -mindepth 1 -maxdepth 1 | wc -l)" -le 20 ]
}
