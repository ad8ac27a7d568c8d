"""Writes slim segmenters in the published layout and file containers, and PyTorch's scores and labels for two pictures.

upernet-encoder.pth        legacy container, left-overs of synchronised batch normalisation, a classifier head
upernet-decoder.pth        zip container, in {"state_dict": ...}, with `module.` names
upernet-labels.json
color-encoder.pth          zip container
color-decoder.pth          legacy container, with the auxiliary scores
color-labels.json
values.safetensors         two pieces of a photograph, 64x64 and 45x77, from -1 to 1; scores and labels of each head, in double precision

The photograph is NASA's portrait of Eileen Collins as scikit-image ships it (public domain).
Made with torch, numpy and scikit-image (versions are in the metadata of values.safetensors):  python make.py
"""

import json
from pathlib import Path

import numpy as np
import skimage
import torch
from safetensors.torch import save_file
from skimage import data, transform

import reference as R

HERE = Path(__file__).parent
SIDE = 64

NAMES = {
    "object": ["-", "wall", "sky", "door", "car", "tree", "house"],
    "part": ["-", "knob", "wheel", "roof"],
    "material": ["-", "wood", "brick", "glass"],
    "scene": ["attic", "street", "beach"],
    "object_part": {"house": ["-", "door", "roof", "wall"], "door": ["-", "knob"], "car": ["-", "door", "wheel"]},
    "segsizes": [SIDE],
}
COLORS = {
    "labels": [{"name": name, "category": "color"} for name in ("black", "blue", "brown", "grey", "green")],
    "categories": [{"name": "color"}],
    "imageformat": {"byteorder": "BGR", "mean": [0.403844, 0.454692, 0.481458], "stdev": [1 / 255] * 3},
    "segsizes": [SIDE],
}


def picture(rows, columns, h, w):
    """A piece of the photograph, from -1 to 1."""
    piece = transform.resize(data.astronaut()[rows, columns] / 255, (h, w), anti_aliasing=True)
    return torch.from_numpy(np.ascontiguousarray(piece.transpose(2, 0, 1))).float()[None] * 2 - 1


pictures = {
    "square": picture(slice(0, 300), slice(100, 400), SIDE, SIDE),
    "odd": picture(slice(20, 320), slice(0, 512), 45, 77),
}
encoder, outs = R.seeded_encoder(1, (6, 5, 10), ((2, 4, 12), (1, 6, 16), (2, 6, 20), (1, 8, 24)), True, synchronised=True)
decoder = R.seeded_upernet_decoder(2, outs, 14, (7, 9, 4), synchronised=True)
color_encoder, color_outs = R.seeded_encoder(3, (5, 6, 12), ((1, 8, 8), (2, 10, 10), (2, 12, 12), (2, 14, 14)), False)
color_decoder = R.seeded_color_decoder(4, color_outs[3], 9, 5)

torch.save(encoder, HERE / "upernet-encoder.pth", _use_new_zipfile_serialization=False)
torch.save({"state_dict": {f"module.{name}": t for name, t in decoder.items()}}, HERE / "upernet-decoder.pth")
torch.save(color_encoder, HERE / "color-encoder.pth")
torch.save(color_decoder, HERE / "color-decoder.pth", _use_new_zipfile_serialization=False)
(HERE / "upernet-labels.json").write_text(json.dumps(NAMES))
(HERE / "color-labels.json").write_text(json.dumps(COLORS))

# By rising object index.
blocks, first = [None] * len(NAMES["object"]), 0
for index, name in enumerate(NAMES["object"]):
    if name in NAMES["object_part"]:
        end = first + len(NAMES["object_part"][name])
        blocks[index] = (first, end)
        first = end

values = {}
for name, image in pictures.items():
    values[f"{name}.image"] = image[0]
    seen = R.brought(image.double(), SIDE)
    scores = R.upernet(encoder, decoder, R.upernet_input(seen))
    scores |= R.colors(color_encoder, color_decoder, R.color_input(seen, COLORS["imageformat"]))
    grid = (image.shape[2] // 4, image.shape[3] // 4)
    for head, y in scores.items():
        values[f"{name}.{head}.scores"] = y[0].float().contiguous()
    for head, labels in R.labels(scores, blocks, grid).items():
        values[f"{name}.{head}.labels"] = torch.from_numpy(labels.astype(np.int32))
        print(name, head, np.unique(labels))
versions = {"torch": torch.__version__, "numpy": np.__version__, "scikit-image": skimage.__version__}
save_file({name: tensor.contiguous() for name, tensor in values.items()}, HERE / "values.safetensors", versions)
