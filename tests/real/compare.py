#!/usr/bin/env python3
"""Holds the program's results against PyTorch and numpy: compare.py WEIGHTS ACTIVATIONS IMAGES [RUN LAYER ...]
   compare.py --self-test

WEIGHTS      what `netdissect weights import` wrote
ACTIVATIONS  what `netdissect activations` wrote of IMAGES, with `--as-is` images of one size
RUN          what `netdissect dissect --save-labels` wrote of the same images; each LAYER is among ACTIVATIONS

Activations: relative L2 error of each layer at most 1e-5. Levels: numpy's quantile over the program's own activations.
Counts: equal as integers. Needs torch, numpy, pillow and safetensors.
"""

import csv
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open
from safetensors.numpy import load_file

GROUPS = [2, 2, 3, 3, 3]


def names():
    return [f"conv{group + 1}_{index + 1}" for group, count in enumerate(GROUPS) for index in range(count)]


def images_of(folder, listed, preprocess):
    from PIL import Image

    batch = []
    for name in listed:
        rgb = np.asarray(Image.open(Path(folder) / name).convert("RGB"), dtype=np.float32)
        if preprocess == "caffe":
            x = rgb[:, :, ::-1] - np.array([103.939, 116.779, 123.68], dtype=np.float32)
        else:
            x = rgb / np.float32(255)
            if preprocess == "torch":
                x = (x - np.array([0.485, 0.456, 0.406], dtype=np.float32)) / np.array([0.229, 0.224, 0.225], dtype=np.float32)
        batch.append(np.ascontiguousarray(x.transpose(2, 0, 1)))
    return np.stack(batch)


def forward(weights, x):
    import torch
    import torch.nn.functional as F

    get = {name: torch.from_numpy(value) for name, value in weights.items()}
    x, values = torch.from_numpy(x), {}
    for name in names():
        if name.endswith("_1") and name != "conv1_1":
            x = F.max_pool2d(x, 2)
        x = F.relu(F.conv2d(x, get[f"features.{name}.weight"], get[f"features.{name}.bias"], padding=1))
        values[name] = x.numpy()
    if "classifier.fc6.weight" in get:
        x = F.adaptive_avg_pool2d(F.max_pool2d(x, 2), 7).flatten(1)
        for name in ["fc6", "fc7", "fc8a"]:
            x = F.linear(x, get[f"classifier.{name}.weight"], get[f"classifier.{name}.bias"])
            x = x if name == "fc8a" else F.relu(x)
            values[name] = x.numpy()[:, :, None, None]
    return values


def relative_error(got, want):
    difference = np.linalg.norm((got.astype(np.float64) - want).ravel())
    return float(difference / np.linalg.norm(want.astype(np.float64).ravel()))


def upsample(maps, grid):
    """Half-pixel bilinear with zeros outside, in f32: nw a + ne b + sw c + se d from left to right."""
    n, units, h, w = maps.shape
    padded = np.zeros((n, units, h + 2, w + 2), dtype=np.float32)
    padded[:, :, 1:-1, 1:-1] = maps

    def axis(size, target):
        source = (np.arange(target, dtype=np.float32) + np.float32(0.5)) * np.float32(size / target) - np.float32(0.5)
        low = np.floor(source)
        return np.clip(low.astype(int) + 1, 0, size + 1), np.clip(low.astype(int) + 2, 0, size + 1), source - low

    top, bottom, fy = axis(h, grid[0])
    left, right, fx = axis(w, grid[1])
    fy, fx, one = fy[:, None], fx[None, :], np.float32(1)
    take = lambda rows, columns: padded[:, :, rows][:, :, :, columns]
    value = (one - fy) * (one - fx) * take(top, left)
    value = value + (one - fy) * fx * take(top, right)
    value = value + fy * (one - fx) * take(bottom, left)
    return value + fy * fx * take(bottom, right)


def label_maps(run, listed, grid):
    from PIL import Image

    with open(run / "labels" / "labels.csv", newline="") as table:
        labels = 1 + max(int(row["number"]) for row in csv.DictReader(table))
    maps = []
    for name in listed:
        path = run / "labels" / name
        paths = [path.with_suffix(".png")] if path.with_suffix(".png").exists() else sorted(path.parent.glob(f"{path.stem}.[0-9].png"))
        rgb = np.stack([np.asarray(Image.open(path).convert("RGB"), dtype=np.int64) for path in paths])
        maps.append(rgb[..., 0] + 256 * rgb[..., 1])
    maps = np.stack(maps)
    assert maps.shape[2:] == tuple(grid), maps.shape
    # A label in two channels of a position counts once.
    for channel in range(maps.shape[1]):
        for other in range(channel):
            maps[:, channel][maps[:, channel] == maps[:, other]] = 0
    return maps, labels


def check_layer(layer, tally, maps, labels, count):
    """Complaints about a layer's levels and counts."""
    complaints = []
    for unit in range(maps.shape[1]):
        values = maps[:, unit]
        level = tally["threshold"][unit]
        want = np.quantile(values.astype(np.float64).ravel(), 0.99, method="hazen")
        if abs(level - want) > 1e-6 * max(abs(want), 1e-6):
            complaints.append(f"{layer} unit {unit}: level {level}, numpy {want}")
        fires = values > level
        if tally["unit_area"][unit] != fires.sum():
            complaints.append(f"{layer} unit {unit}: area {tally['unit_area'][unit]}, brute force {fires.sum()}")
        both = np.bincount(np.moveaxis(labels, 1, -1)[fires].ravel(), minlength=count)
        both[0] = 0
        if (tally["intersection"][unit] != both).any():
            complaints.append(f"{layer} unit {unit}: intersections differ")
    areas = np.bincount(labels.ravel(), minlength=count)
    areas[0] = 0
    if (tally["concept_area"] != areas).any() or tally["positions"][0] != labels[:, 0].size:
        complaints.append(f"{layer}: concept areas or positions differ")
    return complaints


def compare(weights_path, activations_path, folder, run=None, layers=()):
    weights, got = load_file(weights_path), load_file(activations_path)
    with safe_open(weights_path, "np") as file:
        preprocess = file.metadata()["preprocess"]
    with safe_open(activations_path, "np") as file:
        listed = json.loads(file.metadata()["images"])
    errors = {}
    for start in range(0, len(listed), 4):
        want = forward(weights, images_of(folder, listed[start:start + 4], preprocess))
        for name in got:
            errors.setdefault(name, []).append(relative_error(got[name][start:start + 4], want[name]))
    complaints = []
    for name, found in errors.items():
        print(f"{name}: relative L2 error {max(found):.2e} over {len(listed)} images")
        if not max(found) <= 1e-5:
            complaints.append(f"{name}: relative L2 error {max(found):.2e}")
    for layer in layers:
        run = Path(run)
        grid = json.loads((run / "run.json").read_text())["settings"]["grid"]
        labels, count = label_maps(run, listed, grid)
        maps = upsample(got[layer], grid)
        found = check_layer(layer, load_file(run / layer / "tally.safetensors"), maps, labels, count)
        print(f"{layer}: {maps.shape[1]} units, {count - 1} concepts, {labels[:, 0].size} positions: {len(found)} differences")
        complaints += found
    return complaints


def self_test():
    """Every check notices what it is there for."""
    random = np.random.default_rng(1)
    maps = upsample(np.maximum(random.standard_normal((3, 2, 5, 7), dtype=np.float32), 0), (20, 28))
    labels = random.integers(0, 4, (3, 2, 20, 28))
    labels[:, 1][labels[:, 0] == labels[:, 1]] = 0
    level = np.array([np.quantile(maps[:, unit].astype(np.float64), 0.99, method="hazen") for unit in range(2)], dtype=np.float32)
    fires = maps > level[None, :, None, None]
    counted = lambda unit: np.concatenate([labels[:, channel][fires[:, unit]] for channel in range(2)])
    both = np.stack([np.bincount(counted(unit), minlength=4) * [0, 1, 1, 1] for unit in range(2)])
    tally = {"threshold": level, "unit_area": fires.sum((0, 2, 3)), "intersection": both,
             "concept_area": np.bincount(labels.ravel(), minlength=4) * [0, 1, 1, 1], "positions": np.array([labels[:, 0].size])}
    assert check_layer("whole", tally, maps, labels, 4) == []
    for name in tally:
        broken = {key: value.copy() for key, value in tally.items()}
        broken[name].flat[-1] += 1
        assert check_layer(name, broken, maps, labels, 4), name
    want = random.standard_normal(1000)
    assert relative_error(want, want) == 0
    want[0] += 0.01
    assert relative_error(np.where(np.arange(1000) == 0, 0, want), want) > 1e-5
    print("every broken result was noticed")


if sys.argv[1:] == ["--self-test"]:
    self_test()
else:
    found = compare(*sys.argv[1:4], *(sys.argv[4:5] or [None]), layers=sys.argv[5:])
    print("\n".join(found) if found else "everything agrees")
    sys.exit(bool(found))
