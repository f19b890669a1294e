#!/usr/bin/env bats
# kist copy, inspect --remote, tags, delete: every transport with every other, peers in both directions,
# the same digests at every hop; formats, compressions, artifacts, foreign layers.
bats_require_minimum_version 1.5.0
load lib
load registry

setup_file() {
  kist_setup_file
  need skopeo jq zstd
  registry_start
  export R=$REGISTRY
  busybox_image localhost/base:1
  kist copy -q store:localhost/base:1 "oci:$KIST_ROOT/layout:1"
  kist copy -q --digestfile "$KIST_ROOT/digest" "oci:$KIST_ROOT/layout:1" "docker://$R/base:1"
  export L=oci:$KIST_ROOT/layout:1 DIGEST
  DIGEST=$(<"$KIST_ROOT/digest")
}
teardown_file() {
  servers_stop
  kist_teardown_file
}

setup() { T=$(mktemp -d "$KIST_ROOT/t.XXXXXX"); }
teardown() { rm -rf "$T"; }

digest() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "$1"; }
raw_digest() { echo "sha256:$(kist inspect --remote --raw "$1" | sha256sum | cut -d' ' -f1)"; }

@test "one image through all transports keeps its digest" {
  kist copy -q "docker://$R/base:1" "dir:$T/dir"
  kist copy -q "dir:$T/dir" "oci:$T/oci:a"
  kist copy -q "oci:$T/oci" "oci-archive:$T/o.tar:a"
  kist copy -q "oci-archive:$T/o.tar" "docker://$R/hop:1"
  kist copy -q "docker://$R/hop:1" store:hop:1
  kist copy -q store:hop:1 "docker://$R/hop:2"
  for p in "dir:$T/dir" "oci:$T/oci:a" "oci-archive:$T/o.tar:a" "docker://$R/hop:1" "docker://$R/hop:2"; do
    [[ $(digest "$p") == "$DIGEST" ]]
    [[ $(raw_digest "$p") == "$DIGEST" ]]
  done
  [[ $(kist images -q hop:1) == "$(kist images -q localhost/base:1)" ]]
}

@test "skopeo reads what kist writes, kist what skopeo writes, in all transports" {
  local places=("dir:$T/%d" "oci:$T/%o:x" "oci-archive:$T/%a.tar:x" "docker-archive:$T/%da.tar:x/y:1" "docker://$R/%r:1")
  for p in "${places[@]}"; do
    kist copy -q "$L" "${p//%/k}"
    skopeo copy -q --src-tls-verify=false "${p//%/k}" "dir:$T/check"
    rm -rf "$T/check"
    skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "$L" "${p//%/s}"
    kist copy -q "${p//%/s}" "dir:$T/check"
    rm -rf "$T/check"
    config=$(skopeo inspect --tls-verify=false --config --raw "${p//%/k}" | sha256sum)
    [[ $config == "$(kist inspect --remote --config --raw "${p//%/s}" | sha256sum)" ]]
  done
  [[ $(digest "docker://$R/kr:1") == "$(digest "docker://$R/sr:1")" ]]
  diff -r "$T/ko/blobs" "$T/so/blobs"
}

@test "archives through pipes" {
  kist copy -q "$L" oci-archive:/dev/stdout:1 | gzip | kist copy -q oci-archive:/dev/stdin:1 "dir:$T/a"
  [[ $(digest "dir:$T/a") == "$DIGEST" && -L /dev/stdout ]]
  kist copy -q "$L" docker-archive:/dev/stdout:x:1 | kist copy -q docker-archive:/dev/stdin store:piped:1
  [[ $(kist inspect -f '{{json .RootFS}}' piped:1) == "$(kist inspect -f '{{json .RootFS}}' localhost/base:1)" ]]
  kist copy -q --digestfile >(cat >"$T/digest") "$L" "dir:$T/b"
  for _ in $(seq 100); do [[ ! -s $T/digest ]] || break; sleep 0.05; done
  [[ $(<"$T/digest") == "$DIGEST" ]]
}

@test "what came by an archive leaves with compressed layers" {
  kist copy -q "$L" "docker-archive:$T/d.tar:x:1"
  k() { "$KIST_BUILD/kist" --root "$T/root" --runroot "$T/run" "$@"; }
  k copy -q "docker-archive:$T/d.tar" store:x:1
  k copy -q store:x:1 store:y:1
  k copy -q store:y:1 "oci:$T/o:1"
  [[ $(digest "oci:$T/o:1") == "$DIGEST" ]]
  k push -q y:1 "$R/y:1" >/dev/null
  [[ $(digest "docker://$R/y:1") == "$DIGEST" ]]
}

@test "umoci, podman and buildah read what kist writes" {
  need umoci podman buildah
  kist copy -q "docker://$R/base:1" "oci:$T/oci:x"
  umoci unpack --image "$T/oci:x" "$T/bundle"
  [[ -x $T/bundle/rootfs/bin/busybox ]]
  umoci config --image "$T/oci:x" --tag y --config.env A=b
  kist copy -q "oci:$T/oci:y" store:umoci
  [[ $(kist inspect -f '{{json .Config.Env}}' umoci) == *A=b* ]]
  kist copy -q "$L" "docker-archive:$T/d.tar:x:1"
  local p=(podman --root "$T/p" --runroot "$T/pr" --storage-driver vfs)
  "${p[@]}" load -qi "$T/d.tar"
  "${p[@]}" pull -q --tls-verify=false "$R/base:1"
  "${p[@]}" push -q --tls-verify=false x:1 "$R/podman:1"
  kist copy -q "docker://$R/podman:1" store:podman
  [[ $(kist images -q podman) == "$(kist images -q localhost/base:1)" ]]
  buildah --root "$T/p" --runroot "$T/pr" --storage-driver vfs push -q --tls-verify=false x:1 "dir:$T/b"
  kist copy -q "dir:$T/b" "oci:$T/b2:x"
  "${p[@]}" rmi -af >/dev/null
}

@test "what is there is not sent, what another repository has is mounted" {
  run -0 kist copy "$L" "docker://$R/base:again"
  [[ $(grep -c exists <<<"$output") == 2 && $output != *copied* ]]
  run -0 kist copy "docker://$R/base:1" "docker://$R/elsewhere/base:1"
  [[ $(grep -c mounted <<<"$output") == 2 ]]
  run -0 kist copy "$L" "oci:$T/o:1"
  run -0 kist copy "$L" "oci:$T/o:2"
  [[ $(grep -c exists <<<"$output") == 2 ]]
  [[ $(jq '.manifests | length' "$T/o/index.json") == 2 ]]
  kist copy -q "$L" "oci:$T/o:2"
  [[ $(jq '.manifests | length' "$T/o/index.json") == 2 ]]
}

@test "formats: docker's schema 2 and OCI's, there and back" {
  kist copy -q --format docker "$L" "docker://$R/docker:1"
  [[ $(kist inspect --remote -f '{{.MediaType}}' "$R/docker:1") == application/vnd.docker.distribution.manifest.v2+json ]]
  skopeo inspect --tls-verify=false "docker://$R/docker:1" >/dev/null
  kist copy -q "docker://$R/docker:1" "dir:$T/d"
  [[ $(digest "dir:$T/d") == "$(digest "docker://$R/docker:1")" ]]
  # a layout takes OCI's types only: back it is what it was
  kist copy -q "docker://$R/docker:1" "oci:$T/o:1"
  [[ $(digest "oci:$T/o:1") == "$DIGEST" ]]
  fails_with 1 "--preserve-digests forbids it" kist copy --preserve-digests "docker://$R/docker:1" "oci:$T/p:1"
  [[ ! -e $T/p ]]
  kist copy -q --preserve-digests "docker://$R/docker:1" "docker://$R/docker2:1"
  fails_with 1 "no --format docker" kist copy --format docker "$L" "oci:$T/p:1"
  skopeo copy -q --format v2s2 "$L" "dir:$T/s"
  [[ $(skopeo inspect --raw "dir:$T/s" | jq -cS .) == "$(kist inspect --remote --raw "dir:$T/d" | jq -cS .)" ]]
}

@test "compressions" {
  for c in zstd zstd:19 none gzip; do
    kist copy -q --compression $c "$L" "oci:$T/${c/:/-}:1"
    type=$(kist inspect --remote "oci:$T/${c/:/-}:1" | jq -r '.[0].LayersData[0].MIMEType')
    case $c in none) [[ $type == *.tar ]] ;; *) [[ $type == *+${c%:*} ]] ;; esac
    skopeo copy -q "oci:$T/${c/:/-}:1" "dir:$T/s${c/:/-}"
    kist copy -q "oci:$T/${c/:/-}:1" "docker-archive:$T/${c/:/-}.tar:x"
    cmp "$T/zstd.tar" "$T/${c/:/-}.tar"
  done
  [[ $(digest "oci:$T/gzip:1") == "$DIGEST" ]]
  a=$(stat -c %s "$T/zstd/blobs/sha256/"* | sort -n | tail -1) b=$(stat -c %s "$T/zstd-19/blobs/sha256/"* | sort -n | tail -1)
  ((b < a))
  # docker's format has no word for zstd: OCI's takes its place, unless docker's is asked for
  kist copy -q --format docker "$L" "dir:$T/v2"
  kist copy -q --compression zstd "dir:$T/v2" "dir:$T/v2z"
  cmp "$T/v2z/manifest.json" <(skopeo inspect --raw "oci:$T/zstd:1")
  fails_with 1 "has no word for" kist copy --format docker --compression zstd "$L" "dir:$T/x"
  fails_with 1 "has no word for" kist copy --format docker "oci:$T/zstd:1" "dir:$T/x"
  kist copy -q --format docker --compression gzip "oci:$T/zstd:1" "dir:$T/y"
  fails_with 1 "plain layers" kist copy --compression gzip "$L" "docker-archive:$T/x.tar"
  fails_with 1 "only zstd has levels" kist copy --compression gzip:9 "$L" "dir:$T/x"
  [[ ! -e $T/x && ! -e $T/x.tar ]]
}

@test "artifacts with a subject travel as they are, but not into the store" {
  local d=$T/a config=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a m
  mkdir -p "$d/blobs/sha256"
  printf '{}' >"$d/blobs/sha256/$config"
  printf 'sbom' >"$T/f"
  f=$(sha256sum <"$T/f" | cut -d' ' -f1)
  cp "$T/f" "$d/blobs/sha256/$f"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","artifactType":"text/sbom","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":"sha256:%s","size":2},"layers":[{"mediaType":"text/plain","digest":"sha256:%s","size":4,"x":[1]}],"subject":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"%s","size":%s}}' \
    $config "$f" "$DIGEST" "$(kist inspect --remote --raw "$L" | wc -c)" >"$T/m"
  m=$(sha256sum <"$T/m" | cut -d' ' -f1)
  cp "$T/m" "$d/blobs/sha256/$m"
  printf '{"imageLayoutVersion":"1.0.0"}' >"$d/oci-layout"
  printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s}]}' "$m" "$(stat -c %s "$T/m")" >"$d/index.json"
  kist copy -q "oci:$d" "docker://$R/base:sbom"
  kist copy -q "docker://$R/base:sbom" "oci:$T/b:x"
  cmp "$T/m" "$T/b/blobs/sha256/$m"
  [[ $(kist inspect --remote -f '{{.ArtifactType}} {{.Subject}}' "$R/base:sbom") == "text/sbom $DIGEST" ]]
  # a registry without the referrers API finds it by the tag schema
  kist tags "$R/base" | grep -x "sha256-${DIGEST#sha256:}"
  fails_with 1 "is an artifact" kist copy "oci:$d" store:x
  fails_with 1 "is an artifact" kist copy "oci:$d" "docker-archive:$T/x.tar"
  fails_with 1 "no artifacts" kist copy --format docker "oci:$d" "dir:$T/x"
}

@test "an entry of an index whose config is no image's travels as it is" {
  "$BATS_TEST_DIRNAME/../tools/mkimage.py" "$T/index" --layer 20k --platform linux/amd64 --platform linux/arm64 --attestation >"$T/digest"
  local to from=oci:$T/index:1
  for to in "docker://$R/attested:1" "dir:$T/d" "oci-archive:$T/a.tar:1" "oci:$T/o:1"; do
    kist copy -q --all --preserve-digests --digestfile "$T/d2" "$from" "$to"
    [[ $(<"$T/d2") == "$(<"$T/digest")" ]]
    from=$to
  done
  skopeo copy -q --all "$from" "dir:$T/s"
  kist copy -q "$from" store:attested:1
  # and alone
  local one
  one=$(kist inspect --remote --raw "$R/attested:1" | jq -r '.manifests[2].digest')
  kist copy -q --preserve-digests "docker://$R/attested@$one" "oci:$T/one:1"
  fails_with 1 "no rootfs" kist copy "docker://$R/attested@$one" store:x
}

@test "foreign layers stay references" {
  kist copy -q "$L" "dir:$T/d"
  layer=$(jq -r '.layers[0].digest' "$T/d/manifest.json")
  jq -c '.layers[0].mediaType = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip" | .layers[0].urls = ["http://127.0.0.1:1/layer"]' "$T/d/manifest.json" >"$T/m"
  mv "$T/m" "$T/d/manifest.json"
  rm "$T/d/${layer#sha256:}"
  # Debian's docker-registry refuses such manifests, so they travel through files
  run -0 kist copy "dir:$T/d" "oci:$T/o:1"
  [[ $output == *"foreign: its reference only"* ]]
  [[ $(kist inspect --remote --raw "oci:$T/o:1" | jq -r '.layers[0].urls[0]') == http://127.0.0.1:1/layer ]]
  [[ $(raw_digest "oci:$T/o:1") == "$(raw_digest "dir:$T/d")" ]]
  fails_with 1 "is foreign: its bytes lie at http://127.0.0.1:1/layer" kist copy "oci:$T/o:1" store:foreign
  fails_with 1 "is not there" kist copy --foreign "oci:$T/o:1" "dir:$T/f"
}

@test "a layout with several images: by name, by number, by digest" {
  kist copy -q "$L" "oci:$T/o:one"
  kist copy -q --compression zstd "$L" "oci:$T/o:two"
  two=$(jq -r '.manifests[1].digest' "$T/o/index.json")
  fails_with 1 "2 images: name one" kist copy "oci:$T/o" "dir:$T/x"
  [[ $output == *"@0 one, @1 two"* ]]
  [[ $(raw_digest "oci:$T/o:two") == "$two" && $(raw_digest "oci:$T/o:@1") == "$two" && $(raw_digest "oci:$T/o:@$two") == "$two" ]]
  fails_with 1 "no such image" kist copy "oci:$T/o:three" "dir:$T/x"
  fails_with 1 "no such image" kist copy "oci:$T/o:@7" "dir:$T/x"
  kist save -o "$T/two.tar" localhost/base:1
  kist tag localhost/base:1 other:2
  kist save -o "$T/two.tar" localhost/base:1 other:2
  kist copy -q "docker-archive:$T/two.tar:localhost/other:2" "dir:$T/y"
  fails_with 1 "no such image" kist copy "docker-archive:$T/two.tar:absent:2" "dir:$T/x"
  gzip -k "$T/two.tar"
  kist copy -q "docker-archive:$T/two.tar.gz:localhost/other:2" "dir:$T/z"
  diff -r "$T/y" "$T/z"
}

@test "inspect --remote" {
  run -0 kist inspect --remote "$R/base:1"
  [[ $(jq -r '.[0].Digest' <<<"$output") == "$DIGEST" && $(jq -r '.[0].Name' <<<"$output") == "$R/base" ]]
  [[ $(jq -r '.[0].Env[0]' <<<"$output") == PATH=/bin && $(jq -r '.[0].RepoTags | index("1") != null' <<<"$output") == true ]]
  [[ $(kist inspect --remote -f '{{.Digest}} {{.Os}}' "docker://$R/base:1") == "$DIGEST linux" ]]
  [[ $(kist inspect --remote --no-tags "$R/base:1" | jq '.[0] | has("RepoTags")') == false ]]
  [[ $(kist inspect --remote --config "$R/base:1" | jq -r '.[0].config.Cmd[0]') == /bin/sh ]]
  [[ $(kist inspect --remote -f '{{.Digest}}' store:localhost/base:1) == sha256:* ]]
  fails_with 1 "goes with --remote" kist inspect --raw localhost/base:1
  run -1 kist inspect --remote "$R/absent:1" "$R/base:1"
  [[ $output == *absent* && $output == *"$DIGEST"* ]]
}

@test "tags and delete" {
  kist copy -q "$L" "docker://$R/gone:1"
  kist copy -q "$L" "docker://$R/gone:2"
  [[ $(kist tags "$R/gone" | sort | tr '\n' ' ') == "1 2 " ]]
  [[ $(kist list-tags --format json "$R/gone" | jq -c '.Tags | sort') == '["1","2"]' ]]
  [[ $(kist search-tags --limit 1 "$R/gone" | wc -l) == 1 ]]
  fails_with 1 "name the repository" kist tags "$R/gone:1"
  fails_with 1 "say --remote" kist delete "$R/gone:1"
  fails_with 1 "does not remove a tag alone" kist delete --remote "$R/gone:1"
  kist delete --remote --all-tags "$R/gone:1"
  run -1 kist inspect --remote "$R/gone:2"
  fails_with 1 "gone" kist delete --remote "$R/gone:2"
  fails_with 1 "names no registry" kist delete --remote gone:1
}

@test "what cannot be is refused, and leaves nothing" {
  fails_with 1 "does not begin with a transport" kist copy "$R/base:1" "dir:$T/x"
  [[ $output == *"docker://$R/base:1"* ]]
  fails_with 1 "names no place" kist copy oci: "dir:$T/x"
  fails_with 1 "docker://" kist copy "docker:$R/base" "dir:$T/x"
  fails_with 1 "$R/absent" kist copy "docker://$R/absent:1" "dir:$T/x"
  fails_with 1 "$R/absent" kist copy "docker://$R/absent:1" "oci-archive:$T/x.tar"
  fails_with 1 "has no registry" kist copy "$L" docker://base:1
  fails_with 1 "exclude" kist copy --all --platform linux/arm64 "$L" "dir:$T/x"
  fails_with 1 "--jobs" kist copy --jobs 0 "$L" "dir:$T/x"
  fails_with 1 "create '$T/none/d'" kist copy --digestfile "$T/none/d" "$L" "dir:$T/x"
  fails_with 1 "it is a directory" kist copy --digestfile "$T" "$L" "dir:$T/x"
  mkdir "$T/full"
  touch "$T/full/f"
  fails_with 1 "not empty" kist copy "$L" "dir:$T/full"
  fails_with 1 "No such file" kist copy "$L" "dir:$T/none/x"
  run -1 bash -c "ulimit -f 100; trap '' XFSZ; '$KIST_BUILD/kist' copy -q '$L' 'dir:$T/x'"
  [[ -z $(find "$T" -name 'x*') ]]
  fails_with 1 "the name says" kist copy "$L" "docker://$R/base@sha256:$(printf '%064d' 0)"
}

@test "--platform chooses from what came along, and refuses an image that is for another one" {
  "$BATS_TEST_DIRNAME/../tools/mkimage.py" "$T/index" --layer 20k --platform linux/amd64 --platform linux/arm64
  kist copy -q --all "oci:$T/index:1" store:many:1
  local to want
  want=$(jq -r '.manifests[1].digest' "$T/index/blobs/sha256/$(jq -r '.manifests[0].digest[7:]' "$T/index/index.json")")
  for to in "dir:$T/d" "oci:$T/o:1" "docker://$R/arm:1" store:arm:1; do
    kist copy -q --platform linux/arm64 --digestfile "$T/digest" store:many:1 "$to"
    [[ $(<"$T/digest") == "$want" ]]
  done
  [[ $(kist inspect -f '{{.Architecture}}' arm:1) == arm64 ]]
  fails_with 1 "has no 'many:1' for linux/s390x" kist copy --platform linux/s390x store:many:1 "dir:$T/x"
  for from in "dir:$T/d" "oci:$T/o:1" "docker://$R/arm:1"; do
    fails_with 1 "it is for linux/arm64 only" kist copy --platform linux/amd64 "$from" "dir:$T/x"
    for what in "" --raw --config; do
      fails_with 1 "it is for linux/arm64 only" kist inspect --remote $what --platform linux/amd64 "$from"
    done
  done
  [[ ! -e $T/x ]]
  [[ $(kist inspect --remote --platform linux/arm64 -f '{{.Name}} {{.Architecture}}' store:many:1) == "localhost/many arm64" ]]
  fails_with 1 "for linux/amd64 only" kist sync --src dir --dest dir --platform linux/arm64 "$(mkdir "$T/tree" && kist copy -q --platform linux/amd64 "oci:$T/index:1" "dir:$T/tree/a:1" && echo "$T/tree")" "$T/out"
}

@test "Ctrl-C ends with the status of the signal, and leaves nothing" {
  faultproxy_start "$R" --rule "GET /blobs delay=20"
  local to pid
  for to in "oci-archive:$T/x.tar" "docker-archive:$T/x.tar" "dir:$T/x"; do
    # bash starts jobs in the background with SIGINT ignored: SIGTERM stands for Ctrl-C
    "$KIST_BUILD/kist-transport" copy "docker://$FAULTY/base:1" "$to" >"$T/out" 2>&1 3>&- &
    pid=$!
    for _ in $(seq 100); do
      (($(curl -fsS "http://$FAULTY/_fault/stats" | jq .requests) > 0)) && break
      sleep 0.05
    done
    kill -TERM $pid
    status=0
    wait $pid || status=$?
    [[ $status == 143 && $(<"$T/out") == "kist: interrupted" ]]
    [[ -z $(find "$T" -name 'x*') ]]
    fault_reset
  done
}
