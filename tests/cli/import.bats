#!/usr/bin/env bats
# kist import: tars in all compressions, --change, hostile tars.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  mkdir -p "$KIST_ROOT/t/etc" "$KIST_ROOT/t/bin"
  echo hello >"$KIST_ROOT/t/etc/f"
  ln -s ../etc/f "$KIST_ROOT/t/bin/l"
  tar -C "$KIST_ROOT/t" --sort=name -cf "$KIST_ROOT/t.tar" .
}
teardown_file() { kist_teardown_file; }
setup() { T=$(mktemp -d "$KIST_ROOT/x.XXXXXX"); }
teardown() { rm -rf "$T"; }

config() { kist save "$1" | tar -xO --wildcards '*.json' --exclude=manifest.json; }

@test "plain and compressed tars give the same layer" {
  want=sha256:$(sha256sum <"$KIST_ROOT/t.tar" | cut -d' ' -f1)
  for tool in cat gzip bzip2 xz zstd; do
    command -v $tool >/dev/null || continue
    $tool <"$KIST_ROOT/t.tar" >"$T/in"
    id=$(kist import "$T/in" "c-$tool:1")
    [[ $(config "$id" | jq -r '.rootfs.diff_ids[0]') == "$want" ]]
  done
  kist import - <"$KIST_ROOT/t.tar" >/dev/null
}

@test "the id is printed, the tag set, the date SOURCE_DATE_EPOCH's" {
  export SOURCE_DATE_EPOCH=1700000000
  a=$(kist import "$KIST_ROOT/t.tar" dated:1)
  b=$(kist import "$KIST_ROOT/t.tar" dated:2)
  [[ $a == "$b" && $a == sha256:* ]]
  [[ $(config dated:1 | jq -r .created) == 2023-11-14T22:13:20Z ]]
  SOURCE_DATE_EPOCH=soon fails_with 1 "SOURCE_DATE_EPOCH" kist import "$KIST_ROOT/t.tar"
}

@test "changes in the order in which they are given" {
  kist import -m 'my words' -c 'ENV A=1 B=2' -c 'ENV C=$A$B' -c 'LABEL k="a b"' -c 'EXPOSE 80 53/udp' \
    -c 'VOLUME /v' -c 'WORKDIR /w' -c 'WORKDIR x' -c 'USER u:g' -c 'ENTRYPOINT ["e"]' -c 'CMD c d' \
    "$KIST_ROOT/t.tar" changed:1 >/dev/null
  run -0 config changed:1
  [[ $(jq -c .config.Env <<<"$output") == '["A=1","B=2","C=12"]' ]]
  [[ $(jq -c .config.Labels <<<"$output") == '{"k":"a b"}' ]]
  [[ $(jq -c .config.ExposedPorts <<<"$output") == '{"53/udp":{},"80/tcp":{}}' ]]
  [[ $(jq -r .config.WorkingDir <<<"$output") == /w/x ]]
  [[ $(jq -c .config.Cmd <<<"$output") == '["/bin/sh","-c","c d"]' ]]
  [[ $(jq -c .config.Entrypoint <<<"$output") == '["e"]' ]]
  [[ $(jq -r '.history[0].comment' <<<"$output") == 'my words' ]]
}

@test "changes that are none" {
  fails_with 1 "RUN is no change" kist import -c 'RUN x' "$KIST_ROOT/t.tar"
  fails_with 1 "EXPSE" kist import -c 'EXPSE 80' "$KIST_ROOT/t.tar"
  fails_with 1 "port" kist import -c 'EXPOSE 99999' "$KIST_ROOT/t.tar"
}

@test "URLs, bad names, absent and empty files" {
  fails_with 1 "curl" kist import https://example.org/x.tar
  fails_with 1 "lower case" kist import "$KIST_ROOT/t.tar" Upper
  fails_with 1 "No such file" kist import "$T/absent"
  fails_with 1 "empty" kist import - </dev/null
  head -c 3000 /dev/urandom >"$T/noise"
  fails_with 1 "not a tar" kist import "$T/noise"
  head -c 3000 "$KIST_ROOT/t.tar" >"$T/cut"
  fails_with 1 "truncated" kist import "$T/cut"
}

@test "hostile tars stay inside or are refused, and leave nothing" {
  need python3
  before=$(find "$KIST_ROOT/root/layers" -mindepth 1 -maxdepth 1 | wc -l)
  python3 - "$T" <<'PY'
import io, sys, tarfile
def make(name, *entries):
    with tarfile.open(f"{sys.argv[1]}/{name}", "w") as t:
        for kind, path, extra in entries:
            i = tarfile.TarInfo(path)
            i.type = kind
            if kind == tarfile.REGTYPE:
                i.size = len(extra)
                t.addfile(i, io.BytesIO(extra))
            else:
                i.linkname = extra
                t.addfile(i)
R, S, L = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
make("dotdot", (R, "../../../escaped", b"x"))
make("hardlink", (L, "a", "../../../../etc/passwd"))
make("component", (R, "a" * 300, b"x"))
make("path", (R, "/".join(["d" * 200] * 25), b"x"))
PY
  for t in dotdot hardlink component path; do
    run ! kist import "$T/$t"
    [[ $output == kist:* ]]
  done
  [[ $(find "$KIST_ROOT/root/layers" -mindepth 1 -maxdepth 1 | wc -l) == "$before" ]]
  [[ -z $(find "$KIST_ROOT/root/tmp" -mindepth 1) ]]
  [[ ! -e $KIST_ROOT/escaped ]]
}

@test "ten gigabytes of zeros in ten kilobytes" {
  need zstd
  { python3 - <<'PY'
import tarfile, sys
i = tarfile.TarInfo("zeros"); i.size = 10 << 30
sys.stdout.buffer.write(i.tobuf())
PY
    head -c 10737418240 /dev/zero; } 2>/dev/null | zstd -q -3 >"$T/bomb.zst" &
  wait $! || skip "cannot make the bomb"
  fails_with 1 "decompression bomb" timeout 20 "$KIST_BUILD/kist" --root "$KIST_ROOT/root" --runroot "$KIST_ROOT/run" import "$T/bomb.zst"
  [[ -z $(find "$KIST_ROOT/root/tmp" -mindepth 1) ]]
}
