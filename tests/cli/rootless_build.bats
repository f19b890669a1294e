#!/usr/bin/env bats
# Without root: building images, and their trips through archives.
# shellcheck disable=SC2016

load lib
load rootless

setup_file() {
  rootless_setup_file
  rootless_image bb
}
teardown_file() { rootless_teardown_file; }

setup() {
  dir=$KIST_ROOT/home/ctx
  rm -rf "$dir"
  mkdir -p "$dir/sub"
  echo a >"$dir/a"
  echo b >"$dir/sub/b"
  chmod 4755 "$dir/a"
  tar -C "$dir/sub" --owner=5 --group=7 --numeric-owner -cf "$dir/t.tar" b
}

@test "RUN as root and as a user, COPY --chown and --from, ADD of an archive, whiteouts" {
  cat >"$dir/Dockerfile" <<'D'
FROM bb AS base
RUN echo hi >/hi && chown joe /hi && rm -rf /tmp && mkdir -p /d/e /home/joe && touch /d/e/old /d/g && chown joe /home/joe
RUN rm -rf /d/e && rm /d/g && mkdir /d/e && touch /d/e/new
FROM base AS two
USER joe
RUN touch /no || id -un >/home/joe/id
FROM base
COPY --chown=joe:33 a /a
ADD t.tar /t/
COPY --from=two /home/joe/id /id
COPY --chmod=600 sub/b /b
D
  kist build -q --network none -t app "$dir" >/dev/null
  run kist run --rm --network none app sh -c 'stat -c "%u %g %a %n" /a /t/b /b /hi /id; cat /id; ls /d /d/e; ls -d /tmp 2>/dev/null || echo gone'
  [[ $status == 0 ]]
  echo "$output"
  [[ $(xargs <<<"$output") == "1234 33 4755 /a 5 7 644 /t/b 0 0 600 /b 1234 0 644 /hi 1234 1234 644 /id joe /d: e /d/e: new gone" ]]
  run kist build --progress plain --network none -t app "$dir"
  [[ $status == 0 && $output == *"of "*" steps from the cache"* && $output != *" done in "* ]]
}

@test "the same context gives the same image as with root" {
  [[ $(id -u) == 0 ]] || skip "needs root"
  printf 'FROM scratch\nCOPY --chown=3:4 . /x\n' >"$dir/Dockerfile"
  own=$(SOURCE_DATE_EPOCH=1000 kist build -q --build-arg SOURCE_DATE_EPOCH=1000 "$dir")
  root=$("$KIST_BUILD/kist" --root "$KIST_ROOT/rootstore" --runroot "$KIST_ROOT/rootrun" build -q \
    --build-arg SOURCE_DATE_EPOCH=1000 "$dir")
  [[ -n $own && $own == "$root" ]]
}

@test "a network for RUN through the helper, none, and the host's" {
  command -v pasta slirp4netns >/dev/null || skip "neither pasta nor slirp4netns is installed"
  [[ -n $(ip route show default) ]] || skip "this host has no default route"
  printf 'FROM bb\nRUN ip -4 addr\nRUN --network=none ip addr | grep -c 10.0.2.100 || echo alone\nRUN --network=host ls /sys/class/net\n' \
    >"$dir/Dockerfile"
  run kist build --progress plain --no-cache "$dir"
  [[ $status == 0 && $output == *"inet 10.0.2.100/24"* && $output == *alone* ]]
  for i in /sys/class/net/*; do [[ $output == *"| ${i##*/}"* ]]; done
  [[ -z $(ls "$KIST_ROOT/xdg/kist/net") ]]
}

@test "commit, diff, export, save, load" {
  kist run --network none --name cc bb sh -c 'mkdir -p /new/x; rm -rf /etc/group; chown 99:98 /etc/passwd; rm -rf /root; mkdir /root; touch /root/f'
  run kist diff cc
  [[ $(sort <<<"$output" | xargs) == "A /new A /new/x A /root/f C /etc C /etc/passwd C /root D /etc/group" ]]
  kist commit cc changed >/dev/null
  as_user sh -c "'$KIST_BUILD/kist' export cc >'$KIST_ROOT/home/e.tar'"
  [[ $(tar -tvf "$KIST_ROOT/home/e.tar" --numeric-owner etc/passwd) == *" 99/98 "* ]]
  kist save -o "$KIST_ROOT/home/s.tar" changed
  kist rm cc
  kist rmi changed
  kist load -i "$KIST_ROOT/home/s.tar"
  [[ $(kist run --rm --network none changed sh -c 'stat -c "%u %g" /etc/passwd; ls /root; ls -d /new/x; ls /etc/group 2>&1 | grep -c such' | xargs) == "99 98 f /new/x 1" ]]
  kist rmi changed
}

@test "trees with files of other ids are removed" {
  kist run --name own --network none bb sh -c 'mkdir -m 700 /secret; touch /secret/f; chown -R joe /secret'
  [[ -d $KIST_ROOT/home/.local/share/kist/containers/$(kist inspect -f '{{.Id}}' own)/upper/secret ]]
  kist rm own
  [[ -z $(ls "$KIST_ROOT/home/.local/share/kist/containers") ]]
  kist prune -af >/dev/null 2>&1 || kist prune --help >/dev/null
}
