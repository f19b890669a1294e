#!/usr/bin/env bats
# kist build: interrupted, killed, reproduced, on a terminal.

load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image base
}
teardown_file() { kist_teardown_file; }
setup() { CTX=$BATS_TEST_TMPDIR && cd "$CTX" || return 1; }

# The processes that a build has started below pid $1, it included.
family() {
  local p
  for p in $(pgrep -P "$1"); do family "$p"; done
  echo "$1"
}

start_build() { # in the background, as the program itself; its pid in $pid
  "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" build "$@" >out 2>&1 3>&- &
  pid=$!
}

wait_for() { # COMMAND...: up to 10 s
  local i
  for i in $(seq 200); do
    "$@" && return 0
    sleep 0.05
  done
  echo "waited in vain for: $*"
  return 1
}

# Neither process nor mount nor image is left of the build whose processes were $all.
nothing_left() {
  local p
  for p in $all; do
    [[ ! -d /proc/$p || $(cut -d' ' -f3 /proc/$p/stat 2>/dev/null) == [ZX] ]] || return 1
  done
}

running() { grep -q "RUN     $1" out && pgrep -P "$pid" >/dev/null; }

@test "an interrupt ends the build: status 130, nothing left" {
  printf 'FROM base AS a\nRUN sleep 77\nFROM base\nRUN sleep 78\nCOPY --from=a /etc /e\n' >Dockerfile
  start_build -t never .
  wait_for running "RUN sleep 78"
  sleep 0.3
  all=$(family "$pid")
  [ "$(wc -w <<<"$all")" -ge 3 ]
  kill -INT "$pid"
  local status=0
  wait "$pid" || status=$?
  cat out
  [ "$status" -eq 130 ]
  wait_for nothing_left
  [ -z "$(kist images -q never)" ]
  [ -z "$(ls -A "$KIST_ROOT/root/tmp")" ]
  grep -q "interrupted" out
  ! grep "$KIST_ROOT" /proc/self/mounts
}

@test "kill -9 at any moment: no process, no mount, no image; the next build works" {
  head -c 3000000 /dev/urandom >data
  mkdir d && for i in $(seq 200); do echo "$i" >"d/$i"; done
  printf 'FROM base\nCOPY data d /d/\nRUN cat /d/* > /all; sleep 0.2; ls / > /list\nCOPY data /x\nRUN rm /x\n' >Dockerfile
  local ms
  for ms in 005 020 040 070 110 160 230 300 350 400; do
    rm -f out
    start_build --no-cache -t killed .
    sleep 0.$ms
    all=$(family "$pid")
    kill -9 "$pid" 2>/dev/null || true
    wait "$pid" || true
    wait_for nothing_left
    ! grep -q "$KIST_ROOT" /proc/self/mounts
  done
  kist build -q -t killed . >/dev/null
  [ -z "$(ls -A "$KIST_ROOT/root/tmp")" ]
  kist rmi killed >/dev/null
}

@test "kill -9 while a RUN works: its processes die with the build" {
  printf 'FROM base\nRUN (sleep 4321 &); sleep 4321\n' >Dockerfile
  start_build .
  wait_for pgrep -f "sleep 4321" >/dev/null
  kill -9 "$pid"
  wait "$pid" || true
  gone() { ! pgrep -f "^sleep 4321" >/dev/null; }
  wait_for gone
  printf 'FROM base\nRUN true\n' >Dockerfile
  kist build --no-cache -q . >/dev/null
  [ -z "$(find /sys/fs/cgroup -path "*kist/build/$pid-*" -type d 2>/dev/null)" ]
  [ -z "$(ls -A "$KIST_ROOT/run/build")" ]
}

@test "two builds of one Dockerfile at the same time" {
  mkdir d && for i in $(seq 100); do echo "$i" >"d/$i"; done
  printf 'FROM base\nCOPY d /d\nRUN cat /d/* > /all\nCOPY d /e\n' >Dockerfile
  start_build -t both .
  local first=$pid
  kist build -t both . >second 2>&1
  wait "$first"
  [[ -n $(kist images -q both) ]]
  kist build . | grep -q "4 of 4 steps"
}

@test "the same inputs and SOURCE_DATE_EPOCH: the same image in another store, another time" {
  mkdir -p d/sub && echo 1 >d/f && echo 2 >d/sub/g && ln -s f d/l
  (cd d && tar -cf ../a.tar .)
  cat >Dockerfile <<'END'
FROM base AS b
RUN echo built > /out && mkdir -p /made/by/run
FROM base
ENV A=1
WORKDIR /new/dir
COPY d /d
COPY d/f deep/er/
ADD a.tar /a
COPY --from=b /out /out
RUN echo x > /d/f && touch /tmp/t
COPY <<EOT /h
text
EOT
LABEL l=1
END
  export SOURCE_DATE_EPOCH=1600000000
  local one two
  one=$(kist build -q -t r .)
  sleep 1.1
  find d -exec touch {} +
  local k=("$KIST_BUILD/kist" --root "$CTX/other/root" --runroot "$CTX/other/run")
  # the archive's times are its content: it stays as it is
  "${k[@]}" import -c 'CMD ["/bin/sh"]' -c 'ENV PATH=/bin' "$KIST_ROOT/rootfs.tar" base >/dev/null
  kist save base | "${k[@]}" load -q >/dev/null
  two=$("${k[@]}" build -q -t r .)
  [ "$one" = "$two" ]
  [ "$one" = "$(kist build -q --no-cache .)" ]
  jq -e '.created == "2020-09-13T12:26:40Z" and ([.history[] | select(.comment == "kist") | .created] | unique == ["2020-09-13T12:26:40Z"])' \
    "$KIST_ROOT/root/blobs/sha256/${one#sha256:}"
  local d
  for d in $(jq -r '.rootfs.diff_ids[1:][]' "$KIST_ROOT/root/blobs/sha256/${one#sha256:}"); do
    TZ=UTC tar --full-time -tvf "$KIST_ROOT/root/layers/${d#sha256:}/tar"
  done | awk '$4 > "2020-09-13" || ($4 == "2020-09-13" && $5 > "12:26:40") {print; bad = 1} END {exit bad}'
  unset SOURCE_DATE_EPOCH
  [ "$one" = "$(kist build -q --build-arg SOURCE_DATE_EPOCH=1600000000 .)" ]
}

@test "on a terminal: live lines" {
  need script
  printf 'FROM base\nRUN echo some output; sleep 0.3\n' >Dockerfile
  script -qec "$KIST_BUILD/kist --root $KIST_ROOT/root --runroot $KIST_ROOT/run build --no-cache ." typed </dev/null >/dev/null
  grep -q "some output" typed
  grep -q $'\033\[' typed
  grep -q "Built sha256:" typed
}

@test "--on-error=shell opens a shell where the step failed" {
  need script
  printf 'FROM base\nENV E=entered\nWORKDIR /w\nRUN echo half > done-so-far; exit 4\n' >Dockerfile
  local status=0
  { sleep 1.5; echo 'cat done-so-far; echo $E in $(pwd)'; sleep 0.5; echo exit; sleep 0.5; } |
    script -qec "$KIST_BUILD/kist --root $KIST_ROOT/root --runroot $KIST_ROOT/run build --on-error=shell ." typed >/dev/null || status=$?
  cat typed
  [ "$status" -eq 1 ]
  grep -q half typed
  grep -q "entered in /w" typed
  grep -q "exit status 4" typed
}

@test "a killed build's place on the network is taken back by the next one" {
  printf 'FROM base\nRUN sleep 60\n' >Dockerfile
  start_build .
  wait_for running "RUN sleep 60"
  sleep 0.3
  [ "$(grep -c build- "$KIST_ROOT/run/network/table")" -eq 1 ] || { ls "$KIST_ROOT/run/network"; false; }
  kill -9 "$pid"
  wait "$pid" || true
  printf 'FROM base\nRUN true\n' >Dockerfile
  kist build --no-cache -q . >/dev/null
  sleep 0.6
  ! grep -rq build- "$KIST_ROOT/run/network"
}
