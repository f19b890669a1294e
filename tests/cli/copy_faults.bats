#!/usr/bin/env bats
# kist copy and sync on a bad day, and what they show: cuts within a blob, partial blobs that the next
# command goes on with, layers that are packed anew while they are sent, several at a time.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need_root
  need curl
  faulty_image
  export L=oci:$KIST_ROOT/layout:1 SRC=docker://$FAULTY/app:1
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() { faulty_setup; }
teardown() { rm -rf "$T"; }

digest() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "$1"; }
# partial_of DIR|store: the bytes of the big layer that have stayed, 0 when there are none
partial_of() {
  local f=$1/.partial-${BIG#sha256:}
  [[ $1 != store ]] || f=$KIST_ROOT/root/blobs/partial/${BIG#sha256:}
  stat -c %s "$f" 2>/dev/null || echo 0
}
# right TRANSPORT:PLACE: the image is whole there
right() {
  [[ $1 != store:* ]] || return 0
  [[ $(digest "$1") == "$DIGEST" ]]
  skopeo copy -q --src-tls-verify=false "$1" "dir:$T/check"
  rm -rf "$T/check"
}

@test "a connection that is cut within a blob is taken up, whatever the destination" {
  # slowly: a reset loses what the client has not read yet
  for to in "dir:$T/d" "oci:$T/o:1" "oci-archive:$T/o.tar:1" "docker://$REGISTRY/cut:1" store:cut; do
    fault "GET /blobs/$BIG cut=6000000 rate=30000000 times=1" "GET /blobs/$BIG cut=3000000 rate=30000000 times=1"
    fault_reset
    kist copy -q "$SRC" "$to"
    (($(received) < ALL_SIZE + 1000000))
    right "$to"
  done
  fault "GET /blobs/$BIG cut=6000000 rate=30000000 times=1"
  fault_reset
  kist copy -q "$SRC" "docker-archive:$T/d.tar:x"
  (($(received) < ALL_SIZE + 1000000))
  kist load -qi "$T/d.tar"
}

@test "what has come stays in directories and the store: the next copy transfers the rest" {
  for to in "dir:$T/d" "oci:$T/o:1" store:next; do
    local place=${to#*:}
    [[ $to == store:* ]] && place=store
    place=${place%:1}
    fault "GET /blobs/$BIG cut=8000000 rate=30000000 times=1" "GET /blobs/$BIG hang-up"
    fails_with 1 "$BIG" kist copy --retry 1 "$SRC" "$to"
    have=$(partial_of "$place")
    # a reset may lose what the kernel has not handed out yet
    ((have > 1000000 && have <= 8000000))
    [[ ! -e $place/manifest.json && ! -e $place/index.json && -z $(kist images -aq) ]]
    fault ''
    fault_reset
    run -0 --separate-stderr kist copy "$SRC" "$to"
    [[ $stderr == *"resumed at "* && $stderr == *"were here"* ]]
    right "$to"
    (($(received) < BIG_SIZE - have + 200000))
    [[ $(partial_of "$place") == 0 ]]
  done
  [[ -z $(find "$T" -name '.partial*') ]]
}

@test "after kill -9 and Ctrl-C, too" {
  for signal in TERM KILL; do
    for to in "dir:$T/d.$signal" "oci:$T/o.$signal"; do
      place=${to#*:}
      fault "GET /blobs/$BIG rate=6000000"
      "$KIST_BUILD/kist-transport" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" copy "$SRC" "$to" >"$T/out" 2>&1 3>&- &
      pid=$!
      for _ in $(seq 200); do
        (($(partial_of "$place") > 1000000)) && break
        sleep 0.05
      done
      kill -$signal $pid
      status=0
      wait $pid || status=$?
      [[ $signal == KILL ]] || { [[ $status == 143 ]] && grep -q "^kist: interrupted" "$T/out"; }
      have=$(partial_of "$place")
      ((have > 1000000))
      fault ''
      fault_reset
      kist copy -q "$SRC" "$to"
      right "$to"
      (($(received) < ALL_SIZE - have + 200000))
    done
  done
}

@test "a partial blob that is torn, too long, or no file" {
  mkdir -p "$T/o/blobs/sha256"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$T/o/oci-layout"
  head -c 5000000 /dev/urandom >"$T/o/.partial-${BIG#sha256:}"
  run -0 --separate-stderr kist copy "$SRC" "oci:$T/o:1"
  [[ $stderr == *"fetched anew"* ]]
  right "oci:$T/o:1"
  rm "$T/o/blobs/sha256/${BIG#sha256:}"
  truncate -s 900m "$T/o/.partial-${BIG#sha256:}"
  kist copy -q "$SRC" "oci:$T/o:1"
  right "oci:$T/o:1"
  rm "$T/o/blobs/sha256/${BIG#sha256:}"
  touch "$T/elsewhere"
  ln -s "$T/elsewhere" "$T/o/.partial-${BIG#sha256:}"
  fails_with 1 ".partial-${BIG#sha256:}" kist copy "$SRC" "oci:$T/o:1"
  [[ ! -s $T/elsewhere ]]
}

@test "wrong bytes of a registry are refused at the second time, and not kept" {
  fault "GET /blobs/$BIG corrupt=12345"
  fails_with 1 "have the digest" kist copy "$SRC" "oci:$T/o:1"
  [[ ! -e $T/o/index.json && -z $(find "$T" -name '.partial*' -o -name "${BIG#sha256:}") ]]
  fault "GET /blobs/$BIG corrupt=12345 times=1"
  kist copy -q "$SRC" "oci:$T/o:1"
  right "oci:$T/o:1"
}

@test "two copies into one layout, and what a week-old cut has left" {
  kist copy -q "$L" "oci:$T/o:1"
  rm "$T/o/blobs/sha256/${BIG#sha256:}"
  touch -d '9 days ago' "$T/o/.partial-$(printf '%064d' 1)"
  touch -d '2 days ago' "$T/o/.partial-$(printf '%064d' 2)"
  # the other one holds the partial blob: this one needs none
  touch "$T/o/.partial-${BIG#sha256:}"
  flock "$T/o/.partial-${BIG#sha256:}" "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" copy -q "$SRC" "oci:$T/o:1"
  right "oci:$T/o:1"
  [[ ! -e $T/o/.partial-$(printf '%064d' 1) && -e $T/o/.partial-$(printf '%064d' 2) ]]
}

@test "layers are packed anew while they are sent, without a file in between" {
  local want
  skopeo copy -q "$L" "oci:$T/in:1"
  kist copy -q --compression zstd "oci:$T/in:1" "oci:$T/want:1"
  want=$(digest "oci:$T/want:1")
  # whoever put something aside would fail
  export TMPDIR=$T/absent
  kist copy -q --compression zstd "oci:$T/in:1" "docker://$FAULTY/anew:1"
  [[ $(fault_stats '.by["PATCH uploads"]') == 2 ]]
  for to in "dir:$T/d" "oci:$T/o:1" "oci-archive:$T/o.tar:1" "docker://$REGISTRY/anew:2"; do
    kist copy -q --compression zstd "oci:$T/in:1" "$to"
    unset TMPDIR
    [[ $(digest "$to") == "$want" ]]
    skopeo copy -q --src-tls-verify=false "$to" "dir:$T/check"
    rm -rf "$T/check"
    export TMPDIR=$T/absent
  done
  kist copy -q --compression zstd "oci:$T/in:1" store:anew
  kist copy -q "oci:$T/in:1" "docker-archive:$T/d.tar:x"
  unset TMPDIR
  [[ $(digest "docker://$REGISTRY/anew:1") == "$want" ]]
  kist load -qi "$T/d.tar"
  kist copy -q "docker-archive:$T/d.tar" "dir:$T/plain"
  # into a pipe
  kist copy -q "oci:$T/in:1" docker-archive:/dev/stdout:x | cmp - "$T/d.tar"
  kist copy -q "oci:$T/in:1" docker-archive:/dev/stdout:x >>"$T/appended"
  cmp "$T/appended" "$T/d.tar"
}

@test "an upload of layers that are packed anew is cut: the same bytes are made again" {
  kist copy -q --compression zstd "$L" "oci:$T/want:1"
  fault "PATCH /uploads/ cut-request=5000000 times=1"
  kist copy -q --compression zstd "$L" "docker://$FAULTY/again:1"
  [[ $(digest "docker://$REGISTRY/again:1") == $(digest "oci:$T/want:1") ]]
  # both sides at once
  fault "GET /blobs/$BIG cut=6000000 times=1" "PATCH /uploads/ cut-request=3000000 times=1"
  kist copy -q --compression zstd "$SRC" "docker://$FAULTY/both:1"
  [[ $(digest "docker://$REGISTRY/both:1") == $(digest "oci:$T/want:1") ]]
  fault "PATCH /uploads/ cut-request=5000000"
  fails_with 1 "$FAULTY/never" kist copy --retry 1 --compression zstd:5 "$L" "docker://$FAULTY/never:1"
  run ! skopeo inspect --tls-verify=false "docker://$REGISTRY/never:1"
}

@test "the store: what a copy has packed once is asked for by its digest, layers go side by side" {
  kist copy -q "$L" store:app:1
  for _ in 1 2; do
    fault "POST /uploads/ delay=1"
    fault_reset
    kist copy -q --compression zstd store:app:1 "docker://$FAULTY/packed:1"
    fault_stats .together >>"$T/together"
    fault_stats '.by["PATCH uploads"] // 0' >>"$T/patches"
  done
  (($(head -1 "$T/together") >= 2))
  [[ $(tr '\n' ' ' <"$T/patches") == "2 0 " ]]
  [[ $(digest "docker://$REGISTRY/packed:1") == "$(kist copy --compression zstd "$L" "oci:$T/o:1")" ]]
  # as they came: plain uploads, also at once
  fault "POST /uploads/ delay=1"
  fault_reset
  kist copy -q store:app:1 "docker://$FAULTY/plain:1"
  (($(fault_stats .together) >= 2))
  fault_reset
  kist copy -q --jobs 1 store:app:1 "docker://$FAULTY/plain1:1"
  (($(fault_stats .together) == 1))
  right "docker://$REGISTRY/plain:1"
}

@test "many small layers through the store, eight at a time" {
  local l=()
  for i in $(seq 24); do l+=(--layer $((i * 7))k); done
  want=$("$BATS_TEST_DIRNAME/../tools/mkimage.py" "$T/many" "${l[@]}")
  kist copy -q --jobs 8 "oci:$T/many:1" store:many:1
  kist copy -q --jobs 8 store:many:1 "oci:$T/out:1"
  [[ $(digest "oci:$T/out:1") == "$want" ]]
  kist copy -q --jobs 8 --compression zstd store:many:1 "oci:$T/z:1"
  kist copy -q --jobs 8 --compression none "oci:$T/z:1" store:z:1
  [[ $(kist images -q z:1) == "$(kist images -q many:1)" ]]
  kist copy -q store:many:1 store:other:1
}

@test "one line a blob, and plain lines where there is no terminal" {
  fault "GET /blobs/$BIG rate=20000000"
  run -0 --separate-stderr kist copy "$SRC" "oci:$T/o:1"
  fault ''
  [[ $output == "$DIGEST" && $stderr != *$'\033'* ]]
  grep -q "copying [0-9]* %.* / " <<<"$stderr"
  [[ $(grep -c ' done ' <<<"$stderr") == 3 ]]
  grep -q '^total  *[0-9.]* MB copied, ' <<<"$stderr"
  run -0 --separate-stderr kist copy "$SRC" "oci:$T/o:1"
  [[ $(grep -c exists <<<"$stderr") == 3 && $stderr != *total* ]]
  run -0 --separate-stderr kist copy -q "$SRC" "dir:$T/d"
  [[ -z $output && -z $stderr ]]
  run -0 --separate-stderr kist sync --src docker --dest dir "$FAULTY/app" "$T/usb"
  [[ $output == *"1 image, 0 failed" && $(grep -c ' done ' <<<"$stderr") == 3 && $stderr == *"copied, "* ]]
  run -0 --separate-stderr kist sync -q --src docker --dest dir "$FAULTY/app" "$T/usb2"
  [[ -z $output && -z $stderr ]]
  need script
  script -qec "'$KIST_BUILD/kist' --root '$KIST_ROOT/root' --runroot '$KIST_ROOT/run' copy $SRC dir:$T/tty.d" /dev/null >"$T/tty"
  grep -q 'done' "$T/tty"
  grep -q 'total  .* of 3 ' "$T/tty"
}

@test "a blob is mounted where prefixes are rewritten, and from a mirror" {
  kist copy -q "$SRC" "docker://$REGISTRY/deep/cache/app:1"
  export KIST_CONFIG=$T/config.yaml
  cat >"$KIST_CONFIG" <<YAML
registries:
  hub.invalid:
    location: 127.0.0.1:1/none
    mirrors: ["$REGISTRY/deep/cache"]
  other.invalid/team:
    location: $REGISTRY/deep
YAML
  run -0 kist copy "docker://hub.invalid/app:1" "docker://$REGISTRY/mine/app:1"
  [[ $(grep -c mounted <<<"$output") == 3 ]]
  run -0 kist copy "docker://$REGISTRY/mine/app:1" "docker://other.invalid/team/new/app:1"
  [[ $(grep -c mounted <<<"$output") == 3 ]]
  run -0 kist copy "docker://other.invalid/team/new/app:1" "docker://$REGISTRY/deep/new/app:2"
  [[ $(grep -c exists <<<"$output") == 3 ]]
  # pull remembers the place on the wire, push mounts from there
  kist pull -q hub.invalid/app:1 >/dev/null
  kist tag hub.invalid/app:1 "$REGISTRY/pushed/app:1"
  run -0 kist push "$REGISTRY/pushed/app:1"
  [[ $(grep -c mounted <<<"$output") == 2 ]]
  run -0 kist push hub.invalid/app:1 other.invalid/team/pushed/app:2
  [[ $(grep -c mounted <<<"$output") == 2 ]]
}
