"""The segmenters of the reference in PyTorch, in double precision, on state dicts in the published layout.

UPerNet: Xiao et al. 2018, ResNet with a deep stem, PrRoI pooling over the whole map. Colours: dilated ResNet, pyramid pooling (Zhao et al. 2017).
`seeded` makes state dicts of any widths; the functions below read depth and widths from the dict, as a program has to.
"""

import numpy as np
import torch
import torch.nn.functional as F

PYRAMID = (1, 2, 3, 6)


class Maker:
    """Seeded tensors in the published layout."""

    def __init__(self, seed, synchronised):
        self.random = torch.Generator().manual_seed(seed)
        self.synchronised = synchronised
        self.state = {}

    def normal(self, *dims):
        return torch.randn(*dims, generator=self.random)

    def conv(self, stem, out, into, kernel, norm=None):
        self.state[f"{stem}.weight"] = self.normal(out, into, kernel, kernel) * (2 / (into * kernel * kernel)) ** 0.5
        if norm is None:
            self.state[f"{stem}.bias"] = self.normal(out) * 0.1
            return out
        self.state[f"{norm}.weight"] = 1 + 0.2 * self.normal(out)
        self.state[f"{norm}.bias"] = 0.2 * self.normal(out)
        self.state[f"{norm}.running_mean"] = 0.2 * self.normal(out)
        self.state[f"{norm}.running_var"] = 0.5 + self.normal(out) ** 2
        if self.synchronised:
            # What synchronised batch normalisation left behind in its day.
            self.state[f"{norm}._tmp_running_mean"] = self.normal(out)
            self.state[f"{norm}._tmp_running_var"] = self.normal(out) ** 2
            self.state[f"{norm}._running_iter"] = torch.tensor([7.0])
        else:
            self.state[f"{norm}.num_batches_tracked"] = torch.tensor(7)
        return out


def seeded_encoder(seed, stem, stages, bottleneck, synchronised=False):
    """`stages` holds (blocks, width, channels out) of each stage; returns the state and the channels of each stage."""
    make = Maker(seed, synchronised)
    into = 3
    for number, width in enumerate(stem, 1):
        into = make.conv(f"conv{number}", width, into, 3, f"bn{number}")
    outs = []
    for stage, (blocks, width, out) in enumerate(stages, 1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            if bottleneck:
                make.conv(f"{name}.conv1", width, into, 1, f"{name}.bn1")
                make.conv(f"{name}.conv2", width, width, 3, f"{name}.bn2")
                make.conv(f"{name}.conv3", out, width, 1, f"{name}.bn3")
            else:
                make.conv(f"{name}.conv1", out, into, 3, f"{name}.bn1")
                make.conv(f"{name}.conv2", out, out, 3, f"{name}.bn2")
            if block == 0 and (stage > 1 or into != out):
                make.conv(f"{name}.downsample.0", out, into, 1, f"{name}.downsample.1")
            into = out
        outs.append(out)
    make.state["fc.weight"] = make.normal(5, into)
    return make.state, outs


def seeded_upernet_decoder(seed, outs, width, classes, synchronised=False):
    """`classes` holds the numbers of objects, parts and materials."""
    make = Maker(seed, synchronised)
    for scale in range(4):
        make.conv(f"ppm_conv.{scale}.0", width, outs[3], 1, f"ppm_conv.{scale}.1")
    make.conv("ppm_last_conv.0", width, outs[3] + 4 * width, 3, "ppm_last_conv.1")
    for level in range(3):
        make.conv(f"fpn_in.{level}.0", width, outs[level], 1, f"fpn_in.{level}.1")
        make.conv(f"fpn_out.{level}.0.0", width, width, 3, f"fpn_out.{level}.0.1")
    make.conv("conv_fusion.0", width, 4 * width, 3, "conv_fusion.1")
    for head, count in zip(("object", "part", "material"), classes):
        make.conv(f"{head}_head.0.0", width, width, 3, f"{head}_head.0.1")
        make.conv(f"{head}_head.1", count, width, 1)
    make.conv("scene_head.0.0", width, width, 3, "scene_head.0.1")
    make.conv("scene_head.2", 3, width, 1)
    return make.state


def seeded_color_decoder(seed, out, width, classes, synchronised=False):
    make = Maker(seed, synchronised)
    for scale in range(4):
        make.conv(f"ppm.{scale}.1", width, out, 1, f"ppm.{scale}.2")
    make.conv("conv_last.0", width, out + 4 * width, 3, "conv_last.1")
    make.conv("conv_last.4", classes, width, 1)
    make.conv("cbr_deepsup.0", width, out, 3, "cbr_deepsup.1")
    make.conv("conv_last_deepsup", classes, width, 1)
    return make.state


class Run:
    """Applies the convolutions of a state dict, in double precision."""

    def __init__(self, state):
        self.state = {name: tensor.double() for name, tensor in state.items()}

    def has(self, stem):
        return f"{stem}.weight" in self.state

    def conv(self, x, stem, norm=None, stride=1, padding=None, dilation=1, relu=True):
        weight = self.state[f"{stem}.weight"]
        padding = weight.shape[2] // 2 if padding is None else padding
        x = F.conv2d(x, weight, self.state.get(f"{stem}.bias"), stride, padding, dilation)
        if norm is not None:
            parts = [self.state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")]
            x = F.batch_norm(x, *parts, eps=1e-5)
        return F.relu(x) if relu else x


def encode(state, x, dilated):
    run = Run(state)
    for number, stride in ((1, 2), (2, 1), (3, 1)):
        x = run.conv(x, f"conv{number}", f"bn{number}", stride)
    x = F.max_pool2d(x, 3, 2, 1)
    outs = []
    for stage in range(1, 5):
        block = 0
        while run.has(f"layer{stage}.{block}.conv1"):
            name = f"layer{stage}.{block}"
            stride = 2 if block == 0 and stage > 1 else 1
            first = other = 1
            if dilated and stage > 2:
                other = {3: 2, 4: 4}[stage]
                first = other // 2 if stride == 2 else other
                stride = 1
            if run.has(f"{name}.conv3"):
                y = run.conv(x, f"{name}.conv1", f"{name}.bn1")
                y = run.conv(y, f"{name}.conv2", f"{name}.bn2", stride, first, first)
                y = run.conv(y, f"{name}.conv3", f"{name}.bn3", relu=False)
            else:
                y = run.conv(x, f"{name}.conv1", f"{name}.bn1", stride, first, first)
                y = run.conv(y, f"{name}.conv2", f"{name}.bn2", 1, other, other, relu=False)
            if run.has(f"{name}.downsample.0"):
                x = run.conv(x, f"{name}.downsample.0", f"{name}.downsample.1", stride, relu=False)
            x = F.relu(x + y)
            block += 1
        outs.append(x)
    return outs


def roi_weights(size, bins):
    """Integral of the hat at each position over each bin, over the bin's width."""
    area = lambda t: np.where(t <= 0, np.maximum(t + 1, 0) ** 2 / 2, 1 - np.maximum(1 - t, 0) ** 2 / 2)
    edges = np.arange(bins + 1) * size / bins
    upto = area(edges[:, None] - np.arange(size)[None])
    return torch.from_numpy((upto[1:] - upto[:-1]) * bins / size)


def resize(x, size):
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False)


def upernet(encoder, decoder, x):
    """Scores of objects, parts and materials."""
    c1, c2, c3, c4 = encode(encoder, x, False)
    run = Run(decoder)
    pooled = [c4]
    for scale, bins in enumerate(PYRAMID):
        p = torch.einsum("pi,ncij,qj->ncpq", roi_weights(c4.shape[2], bins), c4, roi_weights(c4.shape[3], bins))
        pooled.append(run.conv(resize(p, c4.shape[2:]), f"ppm_conv.{scale}.0", f"ppm_conv.{scale}.1"))
    f = run.conv(torch.cat(pooled, 1), "ppm_last_conv.0", "ppm_last_conv.1")
    levels = [f]
    for level, c in ((2, c3), (1, c2), (0, c1)):
        lateral = run.conv(c, f"fpn_in.{level}.0", f"fpn_in.{level}.1")
        f = lateral + resize(f, lateral.shape[2:])
        levels.insert(0, run.conv(f, f"fpn_out.{level}.0.0", f"fpn_out.{level}.0.1"))
    size = levels[0].shape[2:]
    fused = torch.cat([levels[0]] + [resize(level, size) for level in levels[1:]], 1)
    fused = run.conv(fused, "conv_fusion.0", "conv_fusion.1")
    scores = {}
    for head, base in (("object", fused), ("part", fused), ("material", levels[0])):
        y = run.conv(base, f"{head}_head.0.0", f"{head}_head.0.1")
        scores[head] = run.conv(y, f"{head}_head.1", relu=False)
    return scores


def colors(encoder, decoder, x):
    c4 = encode(encoder, x, True)[3]
    run = Run(decoder)
    pooled = [c4]
    for scale, bins in enumerate(PYRAMID):
        p = run.conv(F.adaptive_avg_pool2d(c4, bins), f"ppm.{scale}.1", f"ppm.{scale}.2")
        pooled.append(resize(p, c4.shape[2:]))
    y = run.conv(torch.cat(pooled, 1), "conv_last.0", "conv_last.1")
    return {"color": run.conv(y, "conv_last.4", relu=False)}


def brought(image, side):
    """An image from -1 to 1, `[1, 3, h, w]`, brought to the square that the networks see."""
    return image if image.shape[2:] == (side, side) else F.adaptive_avg_pool2d(image, side)


def upernet_input(image):
    mean = torch.tensor([102.9801, 115.9465, 122.7717], dtype=torch.float64).view(1, 3, 1, 1)
    return ((image.double() + 1) / 2 * 255).flip(1) - mean


def color_input(image, labels):
    mean, deviation = (torch.tensor(labels[key], dtype=torch.float64).view(1, 3, 1, 1) for key in ("mean", "stdev"))
    return (((image.double() + 1) / 2).flip(1) - mean) / deviation


def labels(scores, blocks, grid):
    """Winning channel of each head on a grid; parts as channel + 1 within the winning object's block, 0 where it has none.

    `blocks` holds, for each object, first part channel and end, or None.
    """
    maps = {}
    for head, y in scores.items():
        maps[head] = torch.softmax(resize(y, grid), 1)[0].argmax(0).numpy()
    if "part" in scores:
        y = resize(scores["part"], grid)[0]
        part = np.zeros(grid, int)
        for index, block in enumerate(blocks):
            if block is not None:
                first, end = block
                best = torch.softmax(y[first:end], 0).argmax(0).numpy() + first + 1
                part = np.where(maps["object"] == index, best, part)
        maps["part"] = part
    return maps
