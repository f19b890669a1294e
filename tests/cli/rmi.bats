#!/usr/bin/env bats
# rmi: names first, the image with its last one.

load lib

setup_file() { kist_setup_file; }
teardown_file() { kist_teardown_file; }

@test "the last name takes the image and its layers along" {
  need_root
  tiny_image docker.io/library/a:1 a
  kist tag a:1 a:2
  run kist rmi a:1
  [ "$status" -eq 0 ]
  [ "$output" = "Untagged: a:1" ]
  run kist rmi a:2
  [ "$status" -eq 0 ]
  [[ ${lines[0]} == "Untagged: localhost/a:2" ]]
  [[ $output =~ Deleted:\ sha256:[0-9a-f]{64} ]]
  [ -z "$(kist images -q)" ]
  [ -z "$(ls "$KIST_ROOT/root/layers" "$KIST_ROOT/root/blobs/sha256" "$KIST_ROOT/root/tmp" |
    grep -v :)" ]
}

@test "a shared layer stays" {
  need_root
  tiny_image docker.io/library/a:1 same
  tiny_image docker.io/library/b:1 same '[{"created_by":"x"}]'
  [ "$(kist images -q | sort -u | wc -l)" -eq 2 ]
  kist rmi a:1
  [ "$(ls "$KIST_ROOT/root/layers" | wc -l)" -eq 1 ]
  kist rmi b:1
  [ "$(ls "$KIST_ROOT/root/layers" | wc -l)" -eq 0 ]
}

@test "by id: one repository goes, several need --force" {
  need_root
  tiny_image docker.io/library/a:1 a
  kist tag a:1 other/a:1
  id=$(kist images -q a:1)
  fails_with 1 "must be forced" kist rmi "$id"
  [ "$(kist images -q | wc -l)" -eq 2 ]
  run kist rmi -f "$id"
  [ "$status" -eq 0 ]
  [ -z "$(kist images -q)" ]
}

@test "what is not there is named; the others go all the same" {
  need_root
  tiny_image docker.io/library/a:1 a
  fails_with 1 "no such image: nope" kist rmi nope a:1
  [ -z "$(kist images -q)" ]
  run kist rmi -f nope
  [ "$status" -eq 0 ]
}

@test "a damaged database is named, and nothing is overwritten" {
  need_root
  mkdir -p "$KIST_ROOT/bad"
  printf 'not a database, but long enough to be read as the header of one, and then some more %s' \
    "$(head -c 4096 /dev/zero | tr '\0' x)" >"$KIST_ROOT/bad/kist.db"
  sum=$(sha256sum <"$KIST_ROOT/bad/kist.db")
  fails_with 1 "is damaged" "$KIST_BUILD/kist" --root "$KIST_ROOT/bad" --runroot "$KIST_ROOT/run" images
  [ "$sum" = "$(sha256sum <"$KIST_ROOT/bad/kist.db")" ]
}
