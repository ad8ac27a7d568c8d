#!/usr/bin/env python3
"""The segmenters at their published sizes, with seeded weights, held against PyTorch in double precision.

segmenters.py make DIR                       writes encoders, decoders and labels.json in the published layouts and containers
segmenters.py compare DIR IMAGES SCORES.safetensors ... [--maps SEGMENTED]
    IMAGES     a folder of pictures that go in as they are
    SCORES     what `netdissect activations --as-is` wrote of them: object, part, material or color
    SEGMENTED  what `netdissect segment --as-is` wrote of them with both segmenters

Scores: relative L2 error of each picture and head at most 1e-4. Maps of objects, materials, parts and colours: equal at 99.99 % of the
positions of each head. Needs torch, numpy, pillow and safetensors.
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors import safe_open

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "golden" / "upernet"))
import reference as R  # noqa: E402

OBJECTS, OWNERS, PARTS, MATERIALS, COLORS = 336, 77, 427, 26, 11
SIDE = 256


def names():
    """Lists of the published lengths; parts of different objects have different names, so that none is another's label."""
    lengths = np.full(OWNERS, PARTS // OWNERS)
    lengths[: PARTS - lengths.sum()] += 1
    parts = {f"object {4 * owner + 2}": ["-"] + [f"part {owner}.{n}" for n in range(1, length)] for owner, length in enumerate(lengths)}
    upernet = {
        "object": ["-"] + [f"object {n}" for n in range(1, OBJECTS)],
        "material": ["-"] + [f"material {n}" for n in range(1, MATERIALS)],
        "object_part": parts,
    }
    colors = {
        "labels": [{"name": f"color {n}", "category": "color"} for n in range(COLORS)],
        "imageformat": {"byteorder": "BGR", "mean": [0.403844, 0.454692, 0.481458], "stdev": [1 / 255] * 3},
    }
    return upernet, colors


def make(folder):
    folder.mkdir(parents=True, exist_ok=True)
    stages = ((3, 64, 256), (4, 128, 512), (6, 256, 1024), (3, 512, 2048))
    encoder, outs = R.seeded_encoder(11, (64, 64, 128), stages, True, synchronised=True)
    torch.save(encoder, folder / "upernet-encoder.pth", _use_new_zipfile_serialization=False)
    decoder = R.seeded_upernet_decoder(12, outs, 512, (OBJECTS, PARTS, MATERIALS), synchronised=True)
    torch.save(decoder, folder / "upernet-decoder.pth", _use_new_zipfile_serialization=False)
    stages = tuple((2, width, width) for width in (64, 128, 256, 512))
    encoder, outs = R.seeded_encoder(13, (64, 64, 128), stages, False)
    torch.save(encoder, folder / "color-encoder.pth")
    torch.save(R.seeded_color_decoder(14, outs[3], 512, COLORS), folder / "color-decoder.pth")
    for stem, lists in zip(("upernet", "color"), names()):
        (folder / f"{stem}-labels.json").write_text(json.dumps(lists))


def wanted(folder, path, networks):
    """Scores and labels of a picture."""
    rgb = np.asarray(Image.open(path).convert("RGB"))
    image = torch.from_numpy(rgb.transpose(2, 0, 1).copy()).double()[None] / 255 * 2 - 1
    seen = R.brought(image, SIDE)
    load = lambda name: torch.load(folder / f"{name}.pth")
    scores = {}
    if "upernet" in networks:
        scores |= R.upernet(load("upernet-encoder"), load("upernet-decoder"), R.upernet_input(seen))
    if "color" in networks:
        scores |= R.colors(load("color-encoder"), load("color-decoder"), R.color_input(seen, names()[1]["imageformat"]))
    lists, first, blocks = names()[0], 0, []
    for name in lists["object"]:
        parts = lists["object_part"].get(name)
        blocks.append(parts and (first, first + len(parts)))
        first += len(parts or [])
    return scores, lambda grid: R.labels(scores, blocks, grid)


def numbered(raw):
    """Channels 0, 1, 2 and 5 of the label maps, from the winning channels."""
    lists = names()[0]
    materials = 1 + 5 * (OBJECTS - 1)
    parts, number = [0], materials + MATERIALS - 1
    for block in lists["object_part"].values():
        parts.append(0)
        for _ in block[1:]:
            parts.append(number)
            number += 1
    material = np.where(raw["material"] > 0, raw["material"] + materials - 1, 0)
    return {0: raw["object"], 1: material, 2: np.array(parts)[raw["part"]], 5: raw["color"] + number + 1}


def compare(folder, images, paths, segmented):
    torch.set_grad_enabled(False)
    got, heads = {}, set()
    for path in paths:
        with safe_open(path, "np") as file:
            listed = json.loads(file.metadata()["images"])
            for head in file.keys():
                heads.add(head)
                for name, scores in zip(listed, file.get_tensor(head)):
                    got[name, head] = scores
    networks = {"color" if head == "color" else "upernet" for head in heads} | ({"upernet", "color"} if segmented else set())
    complaints, equal, positions = [], {}, 0
    for name in sorted({name for name, _ in got}):
        scores, labels = wanted(folder, images / name, networks)
        for head in sorted(heads):
            want = scores[head][0].numpy()
            error = np.linalg.norm(got[name, head] - want) / np.linalg.norm(want)
            print(f"{name} {head} {want.shape}: relative L2 error {error:.2e}", flush=True)
            if not error <= 1e-4:
                complaints.append(f"{name} {head}: relative L2 error {error:.2e}")
        if segmented is None:
            continue
        for channel, want in numbered(labels((Image.open(images / name).height // 4, Image.open(images / name).width // 4))).items():
            rgb = np.asarray(Image.open(segmented / Path(name).with_suffix(f".{channel}.png")).convert("RGB"), dtype=int)
            equal[channel] = equal.get(channel, 0) + (rgb[:, :, 0] + 256 * rgb[:, :, 1] == want).sum()
        positions += want.size
    for channel, count in equal.items():
        print(f"label channel {channel}: {positions - count} of {positions} positions differ")
        if count < 0.9999 * positions:
            complaints.append(f"label channel {channel}: {positions - count} of {positions} positions differ")
    return complaints


if sys.argv[1] == "make":
    make(Path(sys.argv[2]))
else:
    words = sys.argv[2:]
    maps = Path(words[words.index("--maps") + 1]) if "--maps" in words else None
    words = words[: words.index("--maps")] if maps else words
    found = compare(Path(words[0]), Path(words[1]), words[2:], maps)
    print("\n".join(found) if found else "everything agrees")
    sys.exit(bool(found))
