"""Scenes as arrays, and what every training run keeps: its arguments, its seed, its figures."""

import argparse
import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file


def arguments(text, **extra):
    """The words that every script takes, and its own: name -> default."""
    parser = argparse.ArgumentParser(description=text)
    parser.add_argument("--scenes", type=Path, required=True, help="folder that `netdissect scenes` wrote, to learn from")
    parser.add_argument("--held-out", type=Path, required=True, help="another, of another seed, to test on")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for weights and figures")
    parser.add_argument("--seed", type=int, default=1)
    for name, default in extra.items():
        kind = type(default)
        parser.add_argument("--" + name.replace("_", "-"), type=kind, default=default)
    given = parser.parse_args()
    given.output.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(given.seed)
    np.random.seed(given.seed)
    return given


class Scenes:
    """Pictures [n, side, side, 3] uint8, classes [n], and label channels on demand, in the order of their paths."""

    def __init__(self, folder):
        self.folder = Path(folder)
        about = json.loads((self.folder / "scenes.json").read_text())
        self.side, self.names = about["size"], list(about["classes"])
        self.paths = sorted(path.relative_to(self.folder / "images") for path in (self.folder / "images").glob("*/*.png"))
        self.classes = np.array([self.names.index(path.parent.name) for path in self.paths])
        self.images = self._cached("images", self._image, (self.side, self.side, 3))

    def labels(self, channel):
        """Label numbers [n, side, side] of a channel: 0 object, 1 part, 2 material, 3 colour."""
        return self._cached(f"labels-{channel}", lambda path: self._label(path, channel), (self.side, self.side))

    def concepts(self):
        """Name and category by label number; 0 is none."""
        rows = (self.folder / "labels" / "labels.csv").read_text().splitlines()[1:]
        return [("-", "-")] + [tuple(row.split(",")[1:]) for row in rows]

    def _image(self, path):
        return np.asarray(Image.open(self.folder / "images" / path).convert("RGB"))

    def _label(self, path, channel):
        return np.asarray(Image.open(self.folder / "labels" / path.parent / f"{path.stem}.{channel}.png"))

    def _cached(self, name, read, shape):
        names = "\n".join(map(str, self.paths)).encode()
        key = hashlib.sha256(names + (self.folder / "scenes.json").read_bytes()).hexdigest()[:12]
        file = self.folder / f"cache-{name}-{key}.npy"
        if not file.exists():
            with ThreadPoolExecutor(2) as pool:
                np.save(file, np.stack(list(pool.map(read, self.paths))).reshape(-1, *shape))
        return np.load(file, mmap_mode="r")


# ImageNet's, which `netdissect weights import --preprocess torch` stands for.
MEAN = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
DEVIATION = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)


def batch(images, index, side=None):
    """Pictures of an index as a normalised tensor [n, 3, side, side]."""
    x = torch.from_numpy(np.ascontiguousarray(images[np.sort(index)])).permute(0, 3, 1, 2).float() / 255
    if side and side != x.shape[-1]:
        x = torch.nn.functional.interpolate(x, size=side, mode="area")
    return (x - MEAN) / DEVIATION


class Log:
    """One line of JSON a step of a run, and the final figures beside the weights."""

    def __init__(self, given, name):
        self.folder, self.name, self.start = given.output, name, time.time()
        self.given = {key: str(value) for key, value in vars(given).items() if key not in ("scenes", "held_out", "output")}
        self.file = open(self.folder / f"{name}.log", "a", buffering=1)
        self.say(began=self.given, torch=torch.__version__)

    def say(self, **figures):
        line = json.dumps({"seconds": round(time.time() - self.start), **figures})
        self.file.write(line + "\n")
        print(line, flush=True)

    def save(self, tensors, metadata, name=None):
        """Saves weights, matrices and filters in half precision; the number of values."""
        kept = {}
        for key, value in tensors.items():
            value = value.detach()
            kept[key] = (value.half() if value.ndim > 1 else value.float()).contiguous()
        save_file(kept, self.folder / f"{name or self.name}.safetensors", metadata=metadata)
        return sum(value.numel() for value in kept.values())

    def finish(self, **figures):
        """Keeps what a run achieved, beside its weights."""
        figures = {"arguments": self.given, **figures}
        (self.folder / f"{self.name}.json").write_text(json.dumps(figures, indent=1) + "\n")
        self.say(**figures)


def schedule(optimizer, steps, warm=0.15):
    """Up in a straight line, down along a cosine."""
    def factor(step):
        part = step / max(steps, 1)
        return part / warm if part < warm else 0.5 * (1 + np.cos(np.pi * (part - warm) / (1 - warm)))
    return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: max(float(factor(step)), 1e-3))
