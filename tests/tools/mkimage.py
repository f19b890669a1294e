#!/usr/bin/env python3
"""Writes an OCI layout with an image whose layers have a given size: for tests of pulls and pushes.

  mkimage.py DIR [--layer SIZE[:gzip|zstd|none]]... [--platform OS/ARCH[/VARIANT]]... [--tag TAG]
             [--seed N] [--attestation] [--docker]

SIZE: of the file in the layer, with k or m behind it. Half of its bytes are random, half zero, so
that it compresses to about half. Several platforms: an index of images that share no layer;
--attestation adds an entry "unknown/unknown". The same arguments give the same bytes.
"""

import argparse
import gzip
import hashlib
import io
import json
import os
import random
import subprocess
import tarfile

OCI = "application/vnd.oci.image."
DOCKER = "application/vnd.docker."
PIECE = 1 << 20


def size_of(text):
    units = {"k": 1 << 10, "m": 1 << 20}
    return int(text[:-1]) * units[text[-1]] if text[-1] in units else int(text)


class Layout:
    def __init__(self, path, docker):
        self.blobs = os.path.join(path, "blobs/sha256")
        self.path, self.docker = path, docker
        os.makedirs(self.blobs)

    def put(self, data, media_type):
        digest = hashlib.sha256(data).hexdigest()
        with open(os.path.join(self.blobs, digest), "wb") as f:
            f.write(data)
        return {"mediaType": media_type, "digest": "sha256:" + digest, "size": len(data)}

    def put_json(self, value, media_type):
        return self.put(json.dumps(value).encode(), media_type)


def make_tar(name, size, rng):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as t:
        half = size // 2
        pieces = [rng.randbytes(min(PIECE, half - at)) for at in range(0, half, PIECE)]
        data = b"".join(pieces) + bytes(size - half)
        info = tarfile.TarInfo(name)
        info.size = len(data)
        t.addfile(info, io.BytesIO(data))
    return out.getvalue()


def compress(data, how):
    if how == "gzip":
        return gzip.compress(data, 1, mtime=0)
    if how == "zstd":
        return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    return data


def layer_type(how, docker):
    if docker:
        return DOCKER + "image.rootfs.diff.tar" + ("" if how == "none" else "." + how)
    return OCI + "layer.v1.tar" + ("" if how == "none" else "+" + how)


def make_image(layout, options, platform, rng):
    parts = platform.split("/")
    layers, diff_ids = [], []
    for i, text in enumerate(options.layer):
        size, _, how = text.partition(":")
        how = how or "gzip"
        tar = make_tar(f"file{i}-{parts[1]}", size_of(size), rng)
        diff_ids.append("sha256:" + hashlib.sha256(tar).hexdigest())
        layers.append(layout.put(compress(tar, how), layer_type(how, layout.docker)))
    config = {
        "created": "2024-05-01T10:00:00Z",
        "architecture": parts[1],
        "os": parts[0],
        "config": {"Env": ["PATH=/bin"], "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    if len(parts) > 2:
        config["variant"] = parts[2]
    docker = layout.docker
    kind = DOCKER + "distribution.manifest.v2+json" if docker else OCI + "manifest.v1+json"
    what = DOCKER + "container.image.v1+json" if docker else OCI + "config.v1+json"
    manifest = {"schemaVersion": 2, "mediaType": kind, "config": layout.put_json(config, what), "layers": layers}
    entry = layout.put_json(manifest, kind)
    entry["platform"] = {"os": parts[0], "architecture": parts[1]}
    if len(parts) > 2:
        entry["platform"]["variant"] = parts[2]
    return entry


def make_attestation(layout, subject):
    layer = layout.put_json({"_type": "https://in-toto.io/Statement/v0.1"}, "application/vnd.in-toto+json")
    config = layout.put_json({"architecture": "unknown", "os": "unknown"}, OCI + "config.v1+json")
    manifest = {"schemaVersion": 2, "mediaType": OCI + "manifest.v1+json", "config": config, "layers": [layer]}
    entry = layout.put_json(manifest, OCI + "manifest.v1+json")
    entry["platform"] = {"os": "unknown", "architecture": "unknown"}
    entry["annotations"] = {"vnd.docker.reference.type": "attestation-manifest",
                            "vnd.docker.reference.digest": subject["digest"]}
    return entry


def main():
    p = argparse.ArgumentParser()
    p.add_argument("dir")
    p.add_argument("--layer", action="append", default=[])
    p.add_argument("--platform", action="append", default=[])
    p.add_argument("--tag", default="1")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--attestation", action="store_true")
    p.add_argument("--docker", action="store_true")
    options = p.parse_args()
    rng = random.Random(options.seed)
    layout = Layout(options.dir, options.docker)
    platforms = options.platform or ["linux/amd64"]
    entries = [make_image(layout, options, platform, rng) for platform in platforms]
    top = entries[0]
    if len(entries) > 1 or options.attestation:
        kind = DOCKER + "distribution.manifest.list.v2+json" if options.docker else OCI + "index.v1+json"
        if options.attestation:
            entries.append(make_attestation(layout, entries[0]))
        top = layout.put_json({"schemaVersion": 2, "mediaType": kind, "manifests": entries}, kind)
    top.setdefault("annotations", {})["org.opencontainers.image.ref.name"] = options.tag
    with open(os.path.join(options.dir, "index.json"), "w", encoding="utf-8") as f:
        json.dump({"schemaVersion": 2, "manifests": [top]}, f)
    with open(os.path.join(options.dir, "oci-layout"), "w", encoding="utf-8") as f:
        f.write('{"imageLayoutVersion":"1.0.0"}')
    print(top["digest"])


main()
