"""Writes decode.safetensors: small image files of every kind and the RGB that Pillow makes of them.

    python tests/golden/decode/make.py

Made with Pillow 13.0.0 and numpy 2.4.6, seed 2. Tensors `<case>.file`, the bytes of the file, and `<case>.rgb`, u8
[h, w, 3]. Upright by `ImageOps.exif_transpose`. Case `grey16` holds the high byte instead of Pillow's value (see
`src/data/decode.rs`); `rgb16` is written by hand because Pillow cannot write it.
"""

import io
import json
import pathlib
import struct
import zlib

import numpy as np
from PIL import Image, ImageOps

random = np.random.default_rng(2)
y, x = np.mgrid[0:13, 0:17]
# Smooth and asymmetric: JPEG keeps it well, and no turn leaves it unchanged.
smooth = np.stack([x * 14 + 10, y * 18 + 5, (x + y) * 7 + 20], -1).astype(np.uint8)
noise = random.integers(0, 256, (13, 17, 4), dtype=np.uint8)
tensors = {}


def encoded(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def add(name, file, rgb=None):
    if rgb is None:
        rgb = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(file))).convert("RGB"))
    tensors[f"{name}.file"] = np.frombuffer(file, np.uint8)
    tensors[f"{name}.rgb"] = rgb


def png16(values):
    """A 16-bit RGB PNG of [h, w, 3] values."""
    h, w, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", w, h, 16, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


rgb, rgba = Image.fromarray(noise[..., :3]), Image.fromarray(noise)
add("rgb", encoded(rgb, "PNG"))
add("rgba", encoded(rgba, "PNG"))
add("grey", encoded(rgb.convert("L"), "PNG"))
add("grey_alpha", encoded(rgba.convert("LA"), "PNG"))
add("one_bit", encoded(rgb.convert("1"), "PNG"))
add("palette", encoded(rgb.quantize(13), "PNG"))
add("palette_transparent", encoded(rgb.quantize(13), "PNG", transparency=3))
deep = random.integers(0, 65536, (13, 17, 3), dtype=np.uint16)
deep[0, :6, 0] = [0, 127, 128, 255, 256, 65535]
add("rgb16", png16(deep))
add("grey16", encoded(Image.fromarray(deep[..., 0]), "PNG"), np.repeat(deep[..., :1] >> 8, 3, -1).astype(np.uint8))
add("webp_lossless", encoded(rgb, "WEBP", lossless=True))
for turn in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = turn
    add(f"turn{turn}", encoded(rgb, "PNG", exif=exif))
exif = Image.Exif()
exif[0x0112] = 6
photo = Image.fromarray(smooth)
add("jpeg", encoded(photo, "JPEG", quality=95))
add("jpeg_turn6", encoded(photo, "JPEG", quality=95, exif=exif))
add("jpeg_progressive", encoded(photo, "JPEG", quality=95, progressive=True))
add("jpeg_grey", encoded(photo.convert("L"), "JPEG", quality=95))
add("jpeg_cmyk", encoded(photo.convert("CMYK"), "JPEG", quality=95))
add("webp_lossy", encoded(photo, "WEBP", quality=95))

header, data = {}, b""
for name, tensor in tensors.items():
    header[name] = {"dtype": "U8", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + tensor.nbytes]}
    data += tensor.tobytes()
text = json.dumps(header).encode()
text += b" " * (-len(text) % 8)
path = pathlib.Path(__file__).with_name("decode.safetensors")
path.write_bytes(struct.pack("<Q", len(text)) + text + data)
