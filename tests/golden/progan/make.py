"""Writes slim generators of 16x16 pixels in the three published layouts, and PyTorch's values for two seeded latents.

layers.pth            current names
features.pth          old names, wrapped in {"state_dict": ...}, as the first release had them
tensorflow.npz        names, axes and orientation of the TensorFlow originals, with the coarser outputs and `lod` they keep
values.safetensors    latents (seed 1, rows 0 and 1), every layer, the image, and both again under two edits

Made with torch and numpy on the CPU (the versions are in the metadata of values.safetensors), seed 1:  python make.py
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

HERE = Path(__file__).parent
LATENT, WIDTHS = 24, [24, 24, 20, 20, 12, 12]  # layer1 ... layer6: 4, 4, 8, 8, 16, 16 pixels a side
OUTPUT = "output_16x16"
torch.manual_seed(1)

state = {}
channels = LATENT
for number, width in enumerate(WIDTHS, 1):
    kernel = 4 if number == 1 else 3
    state[f"layer{number}.conv.weight"] = torch.randn(width, channels, kernel, kernel)
    state[f"layer{number}.wscale.b"] = torch.randn(width) * 0.3
    channels = width
state[f"{OUTPUT}.conv.weight"] = torch.randn(3, channels, 1, 1)
state[f"{OUTPUT}.wscale.b"] = torch.randn(3) * 0.3


def norm(x):
    return x / torch.sqrt(torch.mean(x**2, dim=1, keepdim=True) + 1e-8)


def scaled(x, name, gain, padding):
    weight = state[f"{name}.conv.weight"].double()
    scale = gain / weight.shape[2] / weight.shape[1] ** 0.5
    return F.conv2d(x, weight, padding=padding) * scale + state[f"{name}.wscale.b"].double().view(1, -1, 1, 1)


def generate(z, prefix, edit=lambda number, x: x):
    """Double precision throughout, so that all of the error that is measured is ours."""
    x = z.double()
    for number in range(1, len(WIDTHS) + 1):
        x = norm(x)
        if number > 1 and number % 2 == 1:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        x = F.leaky_relu(scaled(x, f"layer{number}", 2**0.5, 3 if number == 1 else 1), 0.2)
        x = edit(number, x)
        values[f"{prefix}.layer{number}"] = x.float()
    values[f"{prefix}.{OUTPUT}"] = scaled(norm(x), OUTPUT, 1, 0).float()


def zero(number, x):
    """--zero layer4:0-4,7"""
    if number == 4:
        x[:, [0, 1, 2, 3, 4, 7]] = 0
    return x


def set_one(number, x):
    """--set layer4:3-5=3.5@2,6 --set layer2:0=-1.25"""
    if number == 4:
        x[:, 3:6, 2, 6] = 3.5
    if number == 2:
        x[:, 0] = -1.25
    return x


z = torch.from_numpy(np.random.RandomState(1).standard_normal(2 * LATENT).reshape(2, LATENT, 1, 1).astype(np.float32))
values = {"z": z}
generate(z, "plain")
generate(z, "zero", zero)
generate(z, "set", set_one)
for name, value in values.items():
    assert value.isfinite().all() and value.std() > 1e-3, name
save_file({name: value.contiguous() for name, value in values.items()}, HERE / "values.safetensors",
          {"torch": torch.__version__, "numpy": np.__version__, "seed": "1"})

torch.save(state, HERE / "layers.pth")
old = {}
for name, value in state.items():
    first, rest = name.split(".", 1)
    old[f"output.{rest}" if first == OUTPUT else f"features.{int(first[5:]) - 1}.{rest}"] = value
torch.save({"state_dict": old}, HERE / "features.pth")

original = {"lod": np.float32(0), "ToRGB_lod1/weight": np.zeros((1, 1, 20, 3), np.float32),
            "ToRGB_lod1/bias": np.zeros(3, np.float32)}
for number in range(1, len(WIDTHS) + 1):
    weight = state[f"layer{number}.conv.weight"].numpy()
    side = 4 * 2 ** ((number - 1) // 2)
    turned = weight[:, :, ::-1, ::-1]
    if number == 1:
        part, weight = "Dense", turned.transpose(1, 0, 2, 3).reshape(LATENT, -1)
    elif number % 2 == 1:
        part, weight = "Conv0_up", turned.transpose(2, 3, 0, 1)
    else:
        part, weight = "Conv" if number == 2 else "Conv1", weight.transpose(2, 3, 1, 0)
    original[f"{side}x{side}/{part}/weight"] = np.ascontiguousarray(weight)
    original[f"{side}x{side}/{part}/bias"] = state[f"layer{number}.wscale.b"].numpy()
original["ToRGB_lod0/weight"] = np.ascontiguousarray(state[f"{OUTPUT}.conv.weight"].numpy().transpose(2, 3, 1, 0))
original["ToRGB_lod0/bias"] = state[f"{OUTPUT}.wscale.b"].numpy()
np.savez(HERE / "tensorflow.npz", **original)
