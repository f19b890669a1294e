#!/usr/bin/env bats
# Volumes and binds: -v, --mount, VOLUME of an image, and kist volume.

load lib

setup_file() {
  kist_setup_file
  busybox_image bb
  mkdir -p "$KIST_ROOT/rootfs/seeded/sub"
  echo from-image >"$KIST_ROOT/rootfs/seeded/sub/file"
  ln -s sub/file "$KIST_ROOT/rootfs/seeded/link"
  chown -R 11:12 "$KIST_ROOT/rootfs/seeded"
  chmod 750 "$KIST_ROOT/rootfs/seeded"
  tar -C "$KIST_ROOT/rootfs" --numeric-owner -cf "$KIST_ROOT/seeded.tar" .
  kist import -c 'ENV PATH=/bin' -c 'VOLUME /seeded' -c 'CMD ["sh"]' "$KIST_ROOT/seeded.tar" seeded >/dev/null
}
teardown_file() { kist_teardown_file; }

@test "a bind, read-write and read-only" {
  mkdir "$BATS_TEST_TMPDIR/d"
  echo host >"$BATS_TEST_TMPDIR/d/f"
  [ "$(kist run --rm --network none -v "$BATS_TEST_TMPDIR/d:/d" bb sh -c 'echo in >/d/g; cat /d/f')" = host ]
  [ "$(cat "$BATS_TEST_TMPDIR/d/g")" = in ]
  fails_with 1 'Read-only' kist run --rm --network none -v "$BATS_TEST_TMPDIR/d:/d:ro" bb touch /d/h
  fails_with 1 'Read-only' kist run --rm --network none --mount "type=bind,src=$BATS_TEST_TMPDIR/d,dst=/d,readonly" bb touch /d/h
  [ "$(kist run --rm --network none -v "$BATS_TEST_TMPDIR/d/f:/etc/motd" bb cat /etc/motd)" = host ]
}

@test "a missing source: -v makes it, --mount does not" {
  kist run --rm --network none -v "$BATS_TEST_TMPDIR/new/dir:/d" bb touch /d/f
  [ -f "$BATS_TEST_TMPDIR/new/dir/f" ]
  fails_with 125 'No such file' kist run --rm --mount "type=bind,src=$BATS_TEST_TMPDIR/none,dst=/d" bb true
  [ -z "$(kist ps -aq)" ]
}

@test "a named volume outlives its containers" {
  kist run --rm --network none -v data:/d bb sh -c 'echo kept >/d/f'
  [ "$(kist run --rm --network none --mount type=volume,src=data,dst=/e bb cat /e/f)" = kept ]
  [ "$(kist volume ls -q)" = data ]
  kist create --name user -v data:/d bb true
  fails_with 1 'in use' kist volume rm data
  kist rm -v user
  [ "$(kist volume ls -q)" = data ]
  [ "$(kist volume rm data)" = data ]
  fails_with 1 'no such volume' kist volume rm data
}

@test "an empty volume takes over what the image has there" {
  run kist run --rm --network none -v fill:/seeded seeded sh -c \
    'cat /seeded/link; stat -c %u:%g:%a /seeded /seeded/sub/file; echo mine >/seeded/sub/file'
  [ "${lines[0]}" = from-image ]
  [ "${lines[1]}" = 11:12:750 ]
  [[ ${lines[2]} == 11:12:* ]]
  [ "$(kist run --rm --network none -v fill:/seeded seeded cat /seeded/link)" = mine ]
  [ "$(kist run --rm --network none -v plain:/seeded:nocopy seeded ls -A /seeded)" = "" ]
  kist volume rm fill plain
}

@test "anonymous volumes: kept with the container, gone with --rm and rm -v" {
  kist run --name anon --network none seeded sh -c 'echo x >/seeded/new'
  [ "$(kist volume ls -q | wc -l)" -eq 1 ]
  kist start -a anon
  kist rm anon
  [ "$(kist volume ls -q | wc -l)" -eq 1 ]
  [ "$(kist volume prune | wc -l)" -eq 1 ]
  kist run --rm --network none -v /more seeded true
  [ -z "$(kist volume ls -q)" ]
  kist run --name anon --network none seeded true
  kist rm -v anon
  [ -z "$(kist volume ls -q)" ]
}

@test "specifications that are wrong name themselves" {
  fails_with 125 "must be absolute" kist run --rm -v data:relative bb true
  fails_with 125 "cannot be '/'" kist run --rm -v data:/ bb true
  fails_with 125 "unknown option 'rx'" kist run --rm -v data:/d:rx bb true
  fails_with 125 "neither an absolute path nor" kist run --rm -v 'a b:/d' bb true
  fails_with 125 "unexpected field 'sorce=x'" kist run --rm --mount type=bind,sorce=x,dst=/d bb true
  fails_with 125 "type 'nfs' is not supported" kist run --rm --mount type=nfs,dst=/d bb true
  [ -z "$(kist volume ls -q)" ]
}

@test "a destination that leads out of the image by a link stays inside" {
  ln -sfn /../../../../tmp "$KIST_ROOT/rootfs/escape"
  tar -C "$KIST_ROOT/rootfs" -cf "$KIST_ROOT/escape.tar" .
  kist import -c 'ENV PATH=/bin' "$KIST_ROOT/escape.tar" escape >/dev/null
  kist run --rm --network none -v inside:/escape/deep escape sh -c 'touch /tmp/deep/f; ls /tmp/deep' >"$BATS_TEST_TMPDIR/o"
  [ "$(cat "$BATS_TEST_TMPDIR/o")" = f ]
  [ ! -e /tmp/deep ]
  kist volume rm inside
}
