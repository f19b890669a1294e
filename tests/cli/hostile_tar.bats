#!/usr/bin/env bats
# Hostile tars come in three ways: as a root file system (import), as a layer of an image (load),
# as an archive that ADD unpacks. Each is refused by name or stays inside, and leaves nothing.
bats_require_minimum_version 1.5.0
load lib

setup_file() {
  kist_setup_file
  need_root
  need python3
  busybox_image localhost/base:1
  export W=$KIST_ROOT/work
  mkdir -p "$W"
  python3 - "$W" <<'PY'
import hashlib, io, json, sys, tarfile
out = sys.argv[1]
R, S, L, D, C = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.CHRTYPE

def make(name, *entries):
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w", format=tarfile.PAX_FORMAT) as t:
        for kind, path, extra, *attributes in entries:
            i = tarfile.TarInfo(path)
            i.type, i.mode = kind, 0o755
            for k, v in (attributes[0] if attributes else {}).items():
                setattr(i, k, v)
            if kind == R:
                i.size = len(extra)
                t.addfile(i, io.BytesIO(extra))
                continue
            if kind == C:
                i.devmajor, i.devminor = extra
            else:
                i.linkname = extra
            t.addfile(i)
    layer = b.getvalue()
    open(f"{out}/{name}.tar", "wb").write(layer)
    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"Env": ["PATH=/bin"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]}})
    manifest = json.dumps([{"Config": "c.json", "RepoTags": [f"load-{name}:1"], "Layers": ["l.tar"]}])
    with tarfile.open(f"{out}/{name}.image", "w") as t:
        for n, data in (("manifest.json", manifest.encode()), ("c.json", config.encode()), ("l.tar", layer)):
            i = tarfile.TarInfo(n)
            i.size = len(data)
            t.addfile(i, io.BytesIO(data))

make("dotdot", (R, "a/../../../escaped", b"x"))
make("onlydots", (R, "..", b"x"))
make("hardout", (L, "p", "../../../etc/passwd"))
make("hardabsolute", (L, "p", "/etc/passwd"))
make("hardthrough", (S, "s", "/etc"), (L, "p", "s/shadow"))
make("hardself", (L, "p", "p"))
make("harddir", (D, "d", ""), (L, "p", "d"))
make("component", (R, "c" * 4096, b"x"))
make("path", (R, "/".join(["d" * 200] * 25), b"x"))
make("deep", (R, "d/" * 50000 + "f", b"x"))
make("target", (S, "s", "t" * 5000))
make("nolink", (S, "s", ""))
make("whiteout", (R, ".wh.", b""))
make("xattr", (R, "f", b"1", {"pax_headers": {"SCHILY.xattr.user.x": "1" * 3000000}}))
make("negative", (R, "f", b"1", {"pax_headers": {"size": "-1"}}))
make("enormous", (R, "f", b"1", {"pax_headers": {"size": "99999999999999999999"}}))
make("uid", (R, "f", b"1", {"pax_headers": {"uid": "99999999999999"}}))
# these are taken, and stay inside
make("absolute", (R, "/abs", b"inside"), (R, "//etc//abs", b"inside"))
make("symlink", (D, "d", ""), (S, "d/l", "/d"), (R, "d/l/f", b"inside"))
make("duplicates", (R, "f", b"one"), (R, "f", b"second"), (D, "g", ""), (R, "g/x", b"1"), (R, "g", b"file"))
make("devices", (C, "null2", (1, 3)))
make("names", (R, "new\nline", b"x"), (R, "esc\x1b[31m", b"x"), (R, "back\\slash", b"x"))
PY
  before=$(ls -di /etc/passwd /tmp /var/tmp)
  export before
}
teardown_file() { kist_teardown_file; }

refused="dotdot onlydots hardout hardabsolute hardthrough hardself harddir component path deep target
  nolink whiteout xattr negative enormous uid"

layers() { ls "$KIST_ROOT/root/layers" | wc -l; }
nothing_left() { # LAYERS
  [[ $(layers) == "$1" ]] || { echo "$(layers) layers instead of $1"; return 1; }
  [[ -z $(ls -A "$KIST_ROOT/root/tmp") ]] || { ls "$KIST_ROOT/root/tmp"; return 1; }
  [[ ! -e $KIST_ROOT/escaped && ! -e $KIST_ROOT/root/escaped && ! -e /escaped ]]
}
# The message is one line of a length that a person can read and names the entry.
readable() { [[ $output == kist:*"tar entry"* && ${#output} -lt 2500 ]] || { echo "$output"; return 1; }; }

@test "import refuses them" {
  n=$(layers)
  for t in $refused; do
    run -1 kist import "$W/$t.tar" "$t:1"
    readable
  done
  nothing_left "$n"
  [[ -z $(kist images -q dotdot:1 2>/dev/null) ]]
}

@test "load refuses them, from a file and from a pipe" {
  n=$(layers)
  for t in $refused; do
    run -1 kist load -i "$W/$t.image"
    readable
    run -1 kist load < <(cat "$W/$t.image")
    readable
  done
  nothing_left "$n"
}

@test "ADD refuses them, with the line" {
  n=$(layers)
  mkdir -p "$W/ctx"
  for t in $refused; do
    cp "$W/$t.tar" "$W/ctx/it.tar"
    printf 'FROM base:1\nADD it.tar /x/\n' >"$W/ctx/Dockerfile"
    run -1 kist build -q "$W/ctx"
    [[ $output == *"Dockerfile:2:1: unpack 'it.tar': tar entry"* ]] || { echo "$t: $output"; return 1; }
  done
  nothing_left "$n"
}

# in_image NAME COMMAND...: in the image that holds a tar of /bin beside the hostile one
in_image() {
  local name=$1
  shift
  printf 'FROM %s\nCOPY --from=base:1 /bin /bin\nENV PATH=/bin\n' "$name" >"$W/ctx/Dockerfile"
  kist build -q -t "with-bin:1" "$W/ctx" >/dev/null
  kist run --rm --network none with-bin:1 "$@"
}

@test "what is odd but harmless stays inside: import, load and ADD agree" {
  mkdir -p "$W/ctx"
  for way in import load add; do
    for t in absolute symlink duplicates devices names; do
      case $way in
        import) kist import "$W/$t.tar" "odd-$t:1" >/dev/null ;;
        load) kist load -qi "$W/$t.image" && kist tag "load-$t:1" "odd-$t:1" ;;
        add)
          cp "$W/$t.tar" "$W/ctx/it.tar"
          printf 'FROM scratch\nADD it.tar /\n' >"$W/ctx/Dockerfile"
          kist build -q -t "odd-$t:1" "$W/ctx" >/dev/null
          ;;
      esac
    done
    [[ $(in_image odd-absolute:1 sh -c 'cat /abs /etc/abs') == insideinside ]]
    # ADD puts a directory in the link's place, the others go through it
    [[ $(in_image odd-symlink:1 sh -c 'cat /d/f 2>/dev/null || cat /d/l/f') == inside ]]
    [[ $(in_image odd-duplicates:1 sh -c 'cat /f /g') == secondfile ]]
    # a device node of an image is there, and what the container may open is the runtime's affair
    [[ $(in_image odd-devices:1 stat -c %F /null2) == "character special file" ]]
    [[ $(in_image odd-names:1 sh -c 'ls / | grep -c "line\|slash\|31m"') == 3 ]]
  done
  [[ ! -e /abs && ! -e /etc/abs ]]
}

@test "a truncated and a corrupted archive of ADD are named" {
  mkdir -p "$W/ctx"
  n=$(layers)
  head -c 3000000 /dev/urandom >"$W/noise"
  tar -C "$W" -cf - noise | gzip -1 | head -c 1000000 >"$W/ctx/it.tar"
  printf 'FROM base:1\nADD it.tar /x/\n' >"$W/ctx/Dockerfile"
  fails_with 1 "Dockerfile:2:1: unpack 'it.tar'" kist build -q "$W/ctx"
  tar -C "$W" -cf - noise | gzip -1 >"$W/ctx/it.tar"
  printf XXXX | dd of="$W/ctx/it.tar" bs=1 seek=500000 conv=notrunc status=none
  fails_with 1 "Dockerfile:2:1: unpack 'it.tar'" kist build -q "$W/ctx"
  nothing_left "$n"
}

@test "ADD of a decompression bomb ends at once" {
  need zstd
  mkdir -p "$W/ctx"
  n=$(layers)
  { python3 -c '
import tarfile, sys
i = tarfile.TarInfo("zeros"); i.size = 10 << 30
sys.stdout.buffer.write(i.tobuf())'; head -c 2G /dev/zero; } | zstd -q -3 >"$W/ctx/it.tar"
  printf 'FROM base:1\nADD it.tar /x/\n' >"$W/ctx/Dockerfile"
  fails_with 1 "decompression bomb" timeout 20 "$KIST_BUILD/kist" --root "$KIST_ROOT/root" \
    --runroot "$KIST_ROOT/run" build -q "$W/ctx"
  nothing_left "$n"
}

@test "a hundred thousand entries fit into little memory" {
  need zstd
  python3 - <<'PY' | zstd -q >"$W/many.tar.zst"
import sys, tarfile
w = sys.stdout.buffer.write
for n in range(100000):
    w(tarfile.TarInfo("d%d/f%d" % (n // 100, n)).tobuf(tarfile.USTAR_FORMAT))
w(bytes(1024))
PY
  # shellcheck disable=SC2016
  run -0 python3 -c 'import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
sys.exit(f"{kilobytes} kB" if kilobytes > 40000 else 0)' "$KIST_BUILD/kist" --root "$KIST_ROOT/root" \
    --runroot "$KIST_ROOT/run" import "$W/many.tar.zst" many:1
}
