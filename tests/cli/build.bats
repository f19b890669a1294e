#!/usr/bin/env bats
# kist build: instructions, images, names. What a step does is asserted by RUN steps themselves.

load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image base
}
teardown_file() { kist_teardown_file; }
setup() { CTX=$BATS_TEST_TMPDIR && cd "$CTX" || return 1; }

config() { jq "${@:2}" "$KIST_ROOT/root/blobs/sha256/$(kist images -q --no-trunc "$1" | head -1 | cut -d: -f2)"; }

@test "RUN: shell, exec and heredoc forms, environment, user, directory, SHELL" {
  cat >Dockerfile <<'END'
ARG BASE=base
FROM ${BASE} AS one
ARG V=7
ARG BASE
ENV A=1 B="two words"
RUN test "$A" = 1 && test "$B" = "two words" && test "$V" = 7 && test "$BASE" = base
WORKDIR /w
WORKDIR deep/er
RUN test "$(pwd)" = /w/deep/er && test "$HOME" = /root
RUN ["/bin/sh", "-c", "echo exec $A > /exec"]
RUN test "$(cat /exec)" = "exec 1"
RUN <<EOT
set -e
echo one > /multi
echo two >> /multi
EOT
RUN <<EOT
#!/bin/busybox sh
test "$0" = /dev/pipes/EOT
echo three >> /multi
EOT
RUN test "$(wc -l < /multi)" = 3
SHELL ["/bin/busybox", "sh", "-ec"]
RUN false || true; test -e /multi
USER 1000:1000
RUN test "$(id -u):$(id -g)" = 1000:1000
USER root
RUN test "$(id -u)" = 0 && ! test -s /etc/resolv.conf.none && grep -q localhost /etc/hosts
END
  kist build -t forms . 2>&1
  [ "$(config forms -r '.config.WorkingDir')" = /w/deep/er ]
  [ "$(config forms -c .config.Shell)" = '["/bin/busybox","sh","-ec"]' ]
}

@test "the image: config, history, labels, tags, iidfile, quiet" {
  cat >Dockerfile <<'END'
FROM base
LABEL a="b c" d=e
EXPOSE 80 53/udp
VOLUME /data
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD true
ONBUILD RUN echo triggered
RUN echo x > /x
USER app:app
ENTRYPOINT ["/bin/echo"]
CMD ["hello"]
END
  run kist build -q -t image -t image:two --label l=m --iidfile iid .
  [ "$status" -eq 0 ]
  [[ $output =~ ^sha256:[0-9a-f]{64}$ ]]
  [ "$(cat iid)" = "$output" ]
  [ "$(kist images -q image:two)" = "$(kist images -q image:latest)" ]
  config image -e '.config.Labels == {"a":"b c","d":"e","l":"m"} and .config.User == "app:app"
    and (.config.ExposedPorts | keys) == ["53/udp","80/tcp"] and .config.StopSignal == "SIGINT"
    and (.config.Volumes | keys) == ["/data"] and .config.Cmd == ["hello"]
    and .config.Entrypoint == ["/bin/echo"] and .config.OnBuild == ["RUN echo triggered"]
    and .config.Healthcheck == {"Test":["CMD-SHELL","true"],"Interval":5000000000}'
  config image -e '(.history | map(select(.empty_layer | not)) | length) == (.rootfs.diff_ids | length)
    and .history[-1].created_by == "CMD [\"hello\"]" and .created == .history[-1].created
    and (.history | map(.created_by) | index("RUN /bin/sh -c echo x > /x")) != null'
}

@test "ONBUILD triggers of the base run behind FROM, and once" {
  printf 'FROM base\nONBUILD COPY f /f\nONBUILD RUN test -f /f && echo t > /t\n' >Dockerfile
  kist build -q -t trigger . >/dev/null
  echo f >f
  printf 'FROM trigger\nRUN test -f /t\n' >Dockerfile
  kist build -q -t triggered . >/dev/null
  config triggered -e '.config.OnBuild == null'
  printf 'FROM triggered\nRUN rm /t\n' >Dockerfile
  kist build -q . >/dev/null
}

@test "stages: only those that the target needs; by name, by number, from an image" {
  cat >Dockerfile <<'END'
FROM base AS build
RUN mkdir -p /out/dir && echo a > /out/a && ln -s a /out/link && echo b > /out/dir/b && chmod 700 /out/dir
FROM base AS unused
RUN exit 9
FROM scratch AS small
COPY --from=build /out /all
COPY --from=0 /out/a /out/dir/b /two/
COPY --from=base /bin/busybox /bin/busybox
CMD ["/bin/busybox"]
FROM base AS check
COPY --from=small / /s
RUN test "$(cat /s/all/a)$(cat /s/all/dir/b)" = ab && test -L /s/all/link && test -f /s/two/b
RUN test "$(stat -c %a /s/all/dir)" = 700 && test -x /s/bin/busybox
END
  run kist build -t check .
  [ "$status" -eq 0 ]
  [[ $output == *"[unused] SKIPPED 2 steps"* ]]
  run kist build --target small -t small .
  [ "$status" -eq 0 ]
  [[ $output == *"[check] SKIPPED"* && $output == *"CACHED  COPY --from=build"* ]]
  [ "$(config small '.rootfs.diff_ids | length')" = 3 ]
  kist build -q --target 0 . >/dev/null
}

@test "a stage on a stage: ARGs and config are inherited" {
  cat >Dockerfile <<'END'
FROM base AS a
ARG V=1
ENV E=e
WORKDIR /w
FROM a
RUN test "$V" = 2 && test "$E" = e && test "$(pwd)" = /w
END
  kist build -q --build-arg V=2 -t b . >/dev/null
}

@test "--build-arg: from the environment, proxies, an unused one" {
  printf 'FROM base\nARG FROM_ENV\nRUN test "$FROM_ENV" = yes && test "$http_proxy" = http://p\n' >Dockerfile
  FROM_ENV=yes run kist build --build-arg FROM_ENV --build-arg http_proxy=http://p \
    --build-arg FROM_ENVV=1 -t args .
  [ "$status" -eq 0 ]
  [[ $output == *"'FROM_ENVV' is not used: did you mean 'FROM_ENV'?"* ]]
  [ "$(config args -c .config)$(config args -r ".history[].created_by" | grep -c "http_proxy=")" = "$(config args -c .config)0" ]
}

@test "networks of RUN: bridge, none, host, --add-host" {
  cat >Dockerfile <<'END'
FROM base
RUN ip addr show eth0 | grep -q 'inet 10\.' && grep -q '1.2.3.4.*other' /etc/hosts
RUN --network=none ! ip addr show eth0 2>/dev/null && ip addr show lo | grep -q 127.0.0.1
END
  kist build -q --add-host other:1.2.3.4 . >/dev/null
  printf 'FROM base\nRUN cat /proc/net/dev > /dev.txt\n' >Dockerfile
  kist build -q --network host . >/dev/null
}

@test "mount points of the runtime do not get into a layer" {
  printf 'FROM scratch\nCOPY busybox /busybox\nRUN ["/busybox", "true"]\nRUN ["/busybox", "touch", "/f"]\n' >Dockerfile
  cp "$(command -v busybox)" busybox
  kist build -q -t bare . >/dev/null
  config bare -e '(.rootfs.diff_ids | length) == 2 and .history[1].empty_layer'
  kist save bare | tar -xO --wildcards '*/layer.tar' 2>/dev/null | tar -t | sort >list || true
  local d
  d=$(config bare -r '.rootfs.diff_ids[1]' | cut -d: -f2)
  [ "$(tar -tf "$KIST_ROOT/root/layers/$d/tar")" = f ]
}

@test "a deleted file and a replaced directory travel through layers" {
  cat >Dockerfile <<'END'
FROM base
RUN mkdir -p /d/sub && echo 1 > /d/f && echo 2 > /d/sub/g
RUN rm /d/f && rm -r /d/sub && mkdir /d/sub && echo 3 > /d/sub/h
RUN ! test -e /d/f && ! test -e /d/sub/g && test "$(cat /d/sub/h)" = 3
END
  kist build -q . >/dev/null
}

@test "RUN as a user by name, with groups of the image" {
  cat >Dockerfile <<'END'
FROM base
RUN echo 'app:x:77:78::/home/app:/bin/sh' >> /etc/passwd && echo 'extra:x:99:app' >> /etc/group
USER app
RUN test "$(id -u):$(id -g)" = 77:78 && id -G | grep -q 99 && test "$HOME" = /home/app
END
  kist build -q . >/dev/null
  printf 'FROM base\nUSER nobody-here\nRUN true\n' >Dockerfile
  fails_with 1 "Dockerfile:3" kist build .
  [[ $output == *nobody-here* ]]
}
