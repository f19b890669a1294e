#!/usr/bin/env bats
# kist build: where COPY and ADD put things, with which owner and mode.

load lib

setup_file() {
  kist_setup_file
  need_root
  busybox_image base
}
teardown_file() { kist_teardown_file; }
setup() { CTX=$BATS_TEST_TMPDIR && cd "$CTX" || return 1; }

@test "files and directories: names, contents, parents" {
  mkdir -p src/sub empty
  echo a >src/a && echo b >src/sub/b && chmod 750 src/sub && chmod 755 src/a && ln -s a src/link
  cat >Dockerfile <<'END'
FROM base
WORKDIR /w
COPY src dst
RUN test -x dst/a && test -L dst/link && test "$(stat -c %a dst/sub)" = 750 && test ! -e dst/src
COPY src/a renamed
COPY src/a dir/
COPY src/a src/sub/b two/
COPY empty made/by/copy
COPY src /
RUN test -f renamed && test -f dir/a && test -f two/a && test -f two/b && test -d made/by/copy && test -f /sub/b
RUN test "$(stat -c %u:%g dst/a)" = 0:0 && test "$(stat -c %a /w/made)" = 755
COPY ["src/a", "with space"]
RUN test -f "with space"
END
  chown 12:34 src/a
  kist build -t copy . 2>&1
}

@test "directories of the image keep their mode and owner" {
  echo f >f
  cat >Dockerfile <<'END'
FROM base
RUN mkdir -p /own/er && chown 5:6 /own && chmod 700 /own
COPY f /tmp/f
COPY f /own/er/f
RUN test "$(stat -c %a /tmp)" = 1777 && test "$(stat -c %u:%g:%a /own)" = 5:6:700
END
  kist build -q . >/dev/null
}

@test "what comes from a stage or an image keeps its owner, and a change of it is seen" {
  for owner in 5:6 7:8; do
    cat >Dockerfile <<END
FROM base AS made
RUN mkdir -p /o/d && echo 1 >/o/d/f && ln -s f /o/d/l && chown -hR $owner /o
FROM base
COPY --from=made /o /o
COPY --from=made --chown=1:2 /o /p
COPY --from=made /o/d/f /q
RUN echo made of \$(stat -c %u:%g /o/d /o/d/f /o/d/l /q) and \$(stat -c %u:%g /p/d /p/d/f /p/d/l)
END
    run kist build --progress plain -t owned:1 .
    [ "$status" -eq 0 ]
    [[ $output == *"made of $owner $owner $owner $owner and 1:2 1:2 1:2"* ]]
  done
  printf 'FROM base\nCOPY --from=owned:1 /q /x\nRUN test $(stat -c %%u:%%g /x) = 7:8\n' >Dockerfile
  kist build -q . >/dev/null
  # a context's owners are the host's affair: they change nothing, not even the cache
  echo f >f && printf 'FROM base\nCOPY f /\nRUN test $(stat -c %%u:%%g /f) = 0:0\n' >Dockerfile
  chown 3:4 f && id=$(kist build -q .)
  chown 5:6 f && [ "$(kist build -q .)" = "$id" ]
}

@test "--chown and --chmod" {
  mkdir d && echo f >d/f
  cat >Dockerfile <<'END'
FROM base
RUN echo 'app:x:77:78::/:/bin/sh' >> /etc/passwd && echo 'grp:x:99:' >> /etc/group
COPY --chown=12 --chmod=640 d/f /n/f
COPY --chown=app d /a
COPY --chown=app:grp --chmod=u=rwX,go= d /b
ARG OWNER=1:2
COPY --chown=$OWNER d/f /c
RUN test "$(stat -c %u:%g:%a /n/f)" = 12:12:640 && test "$(stat -c %u:%g /n)" = 12:12
RUN test "$(stat -c %u:%g /a/f)" = 77:78
RUN test "$(stat -c %u:%g:%a /b)" = 77:99:700 && test "$(stat -c %u:%g:%a /b/f)" = 77:99:600
RUN test "$(stat -c %u:%g /c)" = 1:2
END
  kist build -q . >/dev/null
  printf 'FROM base\nCOPY --chown=nobody-here d /x\n' >Dockerfile
  fails_with 1 "Dockerfile:2" kist build .
  printf 'FROM base\nCOPY --chmod=9 d /x\n' >Dockerfile
  fails_with 1 "--chmod=9" kist build .
}

@test "wildcards" {
  mkdir -p d/x.dir && echo 1 >d/1.txt && echo 2 >d/2.txt && echo 3 >d/3.md && echo i >d/x.dir/inside
  cat >Dockerfile <<'END'
FROM base
COPY d/*.txt /t/
COPY d/?.md /m/
COPY d/[12].txt /c/
COPY d/*.dir /dirs/
COPY d/3* /one
RUN test "$(ls /t)" = "$(printf '1.txt\n2.txt')" && test -f /m/3.md && test "$(ls /c | wc -l)" = 2
RUN test -f /dirs/inside && test -f /one
END
  kist build -q . >/dev/null
  printf 'FROM base\nCOPY d/*.txt /one\n' >Dockerfile
  fails_with 1 "2 files match" kist build .
  printf 'FROM base\nCOPY d/*.nope /one/\n' >Dockerfile
  fails_with 1 "no name matches" kist build .
}

@test "links: sources are followed in the context, destinations in the image" {
  mkdir -p real/etc && echo f >real/f && ln -s real/f link && ln -s real dirlink && echo t >real/etc/t
  cat >Dockerfile <<'END'
FROM base
RUN mkdir -p /usr/lib && ln -s usr/lib /lib && ln -s /usr/lib /abs && ln -s ../../../../up /esc && rm -rf /etc2 && ln -s etc /etc2
COPY link /copied
COPY dirlink /dir
COPY real/f /lib/
COPY real/f /abs/g
COPY real/f /esc/h
COPY real /tree
RUN mkdir -p /deep && ln -s /usr/lib /deep/etc
COPY real /deep
RUN test -f /copied && ! test -L /copied && test -f /dir/f && ! test -L /dir
RUN test -L /lib && test -f /usr/lib/f && test -L /abs && test -f /usr/lib/g && test -f /up/h
RUN test -L /deep/etc && test -f /usr/lib/t
END
  kist build -q . >/dev/null
  [ ! -e /up ]
}

@test "a link of the context that leads outside is refused, by name" {
  ln -s /etc/passwd outside && mkdir d && ln -s ../../../etc d/up
  printf 'FROM base\nCOPY outside /x\n' >Dockerfile
  fails_with 1 "the link 'outside' points to '/etc/passwd'" kist build .
  [[ $output == *Dockerfile:2* ]]
  printf 'FROM base\nCOPY d/up/passwd /x\n' >Dockerfile
  fails_with 1 "leads out of the build context" kist build .
  # inside a copied directory a link is only a text
  printf 'FROM base\nCOPY d /x\nRUN test -L /x/up\n' >Dockerfile
  kist build -q . >/dev/null
}

@test "files do not replace directories, nor the other way round" {
  mkdir -p d/bin && echo f >f && echo x >d/bin/x
  printf 'FROM base\nCOPY f /tmp/\nCOPY d/bin/x /bin/busybox/\n' >Dockerfile
  fails_with 1 "Dockerfile:3" kist build .
  mkdir e && echo f >e/bin
  printf 'FROM base\nCOPY e /\n' >Dockerfile
  fails_with 1 "the directory '/bin' cannot be replaced" kist build .
}

@test "ADD unpacks local archives, whatever their name" {
  need tar gzip bzip2 xz zstd
  mkdir -p t/sub && echo a >t/a && echo b >t/sub/b && ln t/a t/hard && ln -s a t/soft && chmod 4755 t/a
  tar -C t --owner=7 --group=8 --numeric-owner -cf plain.bin .
  gzip -k <plain.bin >gz.bin; bzip2 <plain.bin >bz.bin; xz <plain.bin >xz.bin; zstd -q <plain.bin >zst.bin
  printf 'not an archive' >text.tar.gz
  cat >Dockerfile <<'END'
FROM base
ADD plain.bin /plain/
ADD gz.bin /gz
ADD bz.bin xz.bin zst.bin /many/
ADD text.tar.gz /text/
ADD --chown=3:4 gz.bin /own/
COPY gz.bin /copied
RUN for d in plain gz many; do test "$(cat /$d/sub/b)" = b && test -L /$d/soft || exit 1; done
RUN test "$(stat -c %u:%g:%a /plain/a)" = 7:8:4755 && test "$(stat -c %h /gz/hard)" = 2
RUN test -f /text/text.tar.gz && test "$(stat -c %u:%g /own/sub)" = 3:4 && test -f /copied
END
  kist build -t add . 2>&1
}

@test "ADD: an archive cannot leave its destination" {
  need python3
  python3 - <<'END'
import io, tarfile
with tarfile.open("evil.tar", "w") as t:
    def add(name, **kw):
        i = tarfile.TarInfo(name)
        for k, v in kw.items(): setattr(i, k, v)
        data = b"x" if i.isreg() else b""
        i.size = len(data)
        t.addfile(i, io.BytesIO(data))
    add("link", type=tarfile.SYMTYPE, linkname="/../../../../kist-escape")
    add("link/f")
END
  printf 'FROM base\nADD evil.tar /in/\n' >Dockerfile
  run kist build .
  [ ! -e /kist-escape ]
  printf 'FROM base\nADD http://example.invalid/x /y\n' >Dockerfile
  fails_with 1 "Dockerfile:2" kist build .
  printf 'FROM base\nADD git@example.invalid:x.git /y\n' >Dockerfile
  fails_with 1 "Dockerfile:2" kist build .
}

@test "heredocs become files" {
  cat >Dockerfile <<'END'
FROM base
ARG V=7
COPY <<one <<"two" /h/
value $V
one
value $V
two
COPY --chmod=755 <<script /bin/hello
#!/bin/sh
echo hello
script
RUN test "$(cat /h/one)" = "value 7" && test "$(cat /h/two)" = 'value $V' && test "$(hello)" = hello
END
  kist build -q . >/dev/null
}
