"""Writes vgg16.safetensors: a narrow VGG-16, two inputs, and PyTorch's value of every layer after ReLU.

Made with torch 2.x on the CPU (the version is in the metadata), seed 1:  python make.py
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(1)
WIDTHS, HIDDEN, CLASSES, SIDE = [4, 6, 8, 10, 12], 16, 10, 64
tensors = {}


def weight(name, *dims):
    fan_in = torch.tensor(dims[1:]).prod().item()
    tensors[f"{name}.weight"] = torch.randn(*dims) * (2 / fan_in) ** 0.5
    tensors[f"{name}.bias"] = torch.randn(dims[0]) * 0.1


x = torch.randn(2, 3, SIDE, SIDE)
tensors["input"] = x
channels = 3
for group, (count, width) in enumerate(zip([2, 2, 3, 3, 3], WIDTHS), 1):
    for index in range(1, count + 1):
        weight(f"features.conv{group}_{index}", width, channels, 3, 3)
        channels = width
inputs = channels * 49
for name, outputs in [("fc6", HIDDEN), ("fc7", HIDDEN), ("fc8a", CLASSES)]:
    weight(f"classifier.{name}", outputs, inputs)
    inputs = outputs

for group, count in enumerate([2, 2, 3, 3, 3], 1):
    for index in range(1, count + 1):
        name = f"conv{group}_{index}"
        x = F.relu(F.conv2d(x, tensors[f"features.{name}.weight"], tensors[f"features.{name}.bias"], padding=1))
        tensors[f"value.{name}"] = x
    x = F.max_pool2d(x, 2)
x = F.adaptive_avg_pool2d(x, 7).flatten(1)
for name in ["fc6", "fc7", "fc8a"]:
    x = F.linear(x, tensors[f"classifier.{name}.weight"], tensors[f"classifier.{name}.bias"])
    x = x if name == "fc8a" else F.relu(x)
    tensors[f"value.{name}"] = x
for name, value in tensors.items():
    assert value.isfinite().all() and value.std() > 1e-3, name
save_file({name: value.contiguous() for name, value in tensors.items()}, Path(__file__).parent / "vgg16.safetensors",
          {"torch": torch.__version__, "seed": "1"})
