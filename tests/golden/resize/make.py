"""Writes resize.safetensors: small 8-bit RGB images before and after Pillow's antialiased bilinear resize.

    python tests/golden/resize/make.py

Made with Pillow 13.0.0 and numpy 2.4.6, seed 1. Tensors `<case>.before` and `<case>.after`, u8 [h, w, 3].
"""

import json
import pathlib
import struct

import numpy as np
from PIL import Image

CASES = {  # name: rows and columns before, rows and columns after
    "up": (5, 7, 16, 16),
    "down": (31, 29, 8, 8),
    "ragged": (23, 17, 11, 29),
    "one_pixel": (1, 1, 4, 5),
    "to_one_pixel": (9, 13, 1, 1),
    "extreme_wide": (2, 401, 7, 3),
    "extreme_tall": (401, 2, 3, 7),
    "rows_only": (19, 6, 8, 6),
    "columns_only": (6, 19, 6, 8),
    "unchanged": (6, 5, 6, 5),
    "nearly_same": (20, 21, 21, 20),
    "squash": (12, 48, 24, 24),
    "at_twice_the_loss": (45, 28, 21, 16),
    "beyond_twice_the_loss": (46, 28, 21, 16),
}

random = np.random.default_rng(1)
tensors = {}
for name, (h, w, out_h, out_w) in CASES.items():
    # Half noise, half black and white: rounding is tried in the middle and at both ends.
    image = random.integers(0, 256, (h, w, 3), dtype=np.uint8)
    hard = random.integers(0, 2, (h, w, 1), dtype=np.uint8)
    image = np.where(hard == 1, np.where(image > 127, 255, 0), image).astype(np.uint8)
    after = np.asarray(Image.fromarray(image).resize((out_w, out_h), Image.Resampling.BILINEAR))
    tensors[f"{name}.before"], tensors[f"{name}.after"] = image, after

header, data = {}, b""
for name, tensor in tensors.items():
    header[name] = {"dtype": "U8", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + tensor.nbytes]}
    data += tensor.tobytes()
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
path = pathlib.Path(__file__).with_name("resize.safetensors")
path.write_bytes(struct.pack("<Q", len(text)) + text + data)
