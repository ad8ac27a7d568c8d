"""Writes operators.safetensors: PyTorch's value of every operator at a few shapes, double precision rounded to f32.

Tensors `<case>.x`, `<case>.weight`, `<case>.bias`, `<case>.y`; what a case is stands in tests/goldens.rs. Seed 1:  python make.py
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.manual_seed(1)
tensors = {}


def case(name, function, *shape, weight=None, bias=None):
    x = torch.randn(*shape, dtype=torch.float64).float().double()
    arguments = []
    for part, dims in [("weight", weight), ("bias", bias)]:
        if dims is not None:
            value = torch.randn(*dims).float()
            tensors[f"{name}.{part}"] = value
            arguments.append(value.double())
    tensors[f"{name}.x"] = x.float()
    tensors[f"{name}.y"] = function(x, *arguments).float()


def zero_border(x, h, w):
    """Half-pixel bilinear with zeros outside: grid_sample of the source coordinates."""
    source = lambda size, target: ((torch.arange(target, dtype=torch.float64) + 0.5) * size / target - 0.5) * 2 / (size - 1) - 1
    rows, columns = torch.meshgrid(source(x.shape[2], h), source(x.shape[3], w), indexing="ij")
    grid = torch.stack([columns, rows], -1).expand(x.shape[0], h, w, 2)
    return F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


case("conv_same", lambda x, w, b: F.conv2d(x, w, b, padding=1), 2, 5, 7, 9, weight=(18, 5, 3, 3), bias=(18,))
case("conv_wide", lambda x, w, b: F.conv2d(x, w, b, stride=(3, 2), padding=(1, 3), dilation=(2, 1)), 2, 3, 12, 15, weight=(5, 3, 2, 5), bias=(5,))
case("conv_groups", lambda x, w: F.conv2d(x, w, stride=2, padding=1, groups=3), 2, 6, 8, 7, weight=(9, 2, 3, 3))
case("max_pool", lambda x: F.max_pool2d(x, 3, 2, 1), 2, 3, 13, 17)
case("average_pool", lambda x: F.avg_pool2d(x, (3, 2), (2, 3), 1), 2, 3, 9, 14)
case("adaptive_average_pool", lambda x: F.adaptive_avg_pool2d(x, (7, 19)), 2, 3, 8, 13)
case("linear", F.linear, 3, 20, weight=(7, 20), bias=(7,))
case("softmax", lambda x: F.softmax(x * 10, 1) , 2, 9, 4, 5)
tensors["softmax.x"] *= 10
case("upsample_zero", lambda x: zero_border(x, 28, 17), 2, 3, 7, 5)
case("upsample_edge", lambda x: F.interpolate(x, (9, 21), mode="bilinear", align_corners=False), 2, 3, 14, 6)
save_file({name: value.contiguous() for name, value in tensors.items()}, Path(__file__).parent / "operators.safetensors",
          {"torch": torch.__version__, "seed": "1"})
