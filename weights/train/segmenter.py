"""A slim UPerNet for objects, parts and materials, and a slim colour network, from the label maps of scenes.

    python segmenter.py --scenes train --held-out held -o out --net upernet
    python segmenter.py --scenes train --held-out held -o out --net upernet --start out/upernet.checkpoint --fine 2 --rarity 0.1 --rate 1e-3 --epochs 8
    python segmenter.py --scenes train --held-out held -o out --net color

The second goes on from the first, and has objects twice as fine.

Layout, order of operations and names are those of the published networks (Xiao et al. 2018; Zhou et al. 2018), with narrower layers and the
concepts of scenes: a ResNet-50 with a deep stem under a pyramid decoder, and a dilated ResNet-18 under pyramid pooling. `labels.json` lists the
concepts in the published form.
"""

import json

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from common import Log, Scenes, arguments, schedule

# Byte order BGR, from 0 to 255, less the mean; no division.
MEAN = torch.tensor([102.9801, 115.9465, 122.7717]).view(1, 3, 1, 1)
SCALES = [1, 2, 3, 6]


def norm_relu(*layers, relu=True):
    width = layers[-1].out_channels
    return nn.Sequential(*layers, nn.BatchNorm2d(width), *([nn.ReLU()] if relu else []))


def conv(channels, width, kernel=3, stride=1, dilation=1, bias=False):
    padding = dilation * (kernel // 2)
    return nn.Conv2d(channels, width, kernel, stride, padding, dilation, bias=bias)


def resize(x, size):
    return functional.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)


class Block(nn.Module):
    """Of a ResNet: two 3x3 convolutions, or a bottleneck whose output is four times as wide."""

    def __init__(self, channels, width, stride, bottleneck, dilations):
        super().__init__()
        out = width * (4 if bottleneck else 1)
        kernels = [1, 3, 1] if bottleneck else [3, 3]
        strides = [1, stride, 1] if bottleneck else [stride, 1]
        widths = [width, width, out] if bottleneck else [width, width]
        self.count = len(kernels)
        at = channels
        for place in range(self.count):
            dilation = dilations[min(place, 1)] if kernels[place] == 3 else 1
            self.add_module(f"conv{place + 1}", conv(at, widths[place], kernels[place], strides[place], dilation))
            self.add_module(f"bn{place + 1}", nn.BatchNorm2d(widths[place]))
            at = widths[place]
        if stride != 1 or channels != out:
            self.downsample = nn.Sequential(conv(channels, out, 1, stride), nn.BatchNorm2d(out))

    def forward(self, x):
        y = x
        for place in range(1, self.count + 1):
            y = getattr(self, f"bn{place}")(getattr(self, f"conv{place}")(y))
            y = torch.relu(y) if place < self.count else y
        return torch.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class Encoder(nn.Module):
    """Maps at strides 4, 8, 16, 32 (dilated: 4, 8, 8, 8); `base` is 64 in the published networks."""

    def __init__(self, base, counts, bottleneck, dilated):
        super().__init__()
        self.conv1, self.bn1 = conv(3, base, stride=2), nn.BatchNorm2d(base)
        self.conv2, self.bn2 = conv(base, base), nn.BatchNorm2d(base)
        self.conv3, self.bn3 = conv(base, 2 * base), nn.BatchNorm2d(2 * base)
        channels, self.widths = 2 * base, []
        for level, count in enumerate(counts):
            width, rate = base << level, {2: 2, 3: 4}.get(level, 1) if dilated else 1
            blocks = []
            for place in range(count):
                stride = 2 if place == 0 and level and rate == 1 else 1
                # Where a stride was taken away, the convolution that had it is dilated half as much.
                first = rate // 2 if place == 0 and rate > 1 else rate
                blocks.append(Block(channels, width, stride, bottleneck, (first, rate)))
                channels = width * (4 if bottleneck else 1)
            self.add_module(f"layer{level + 1}", nn.Sequential(*blocks))
            self.widths.append(channels)

    def forward(self, x):
        for place in (1, 2, 3):
            x = torch.relu(getattr(self, f"bn{place}")(getattr(self, f"conv{place}")(x)))
        x = functional.max_pool2d(x, 3, 2, 1)
        maps = []
        for level in (1, 2, 3, 4):
            x = getattr(self, f"layer{level}")(x)
            maps.append(x)
        return maps


def precise_pool(x, bins):
    """Precise RoI pooling of the whole map to bins x bins: integrals of the bilinear surface whose pixels sit at whole coordinates."""
    def weights(size):
        edge = torch.arange(bins + 1, dtype=torch.float64) * size / bins
        t = edge[:, None] - torch.arange(size, dtype=torch.float64)[None]
        # Integral of max(0, 1 - |t|) from minus infinity.
        integral = torch.where(t <= 0, (1 + t).clamp(min=0) ** 2 / 2, 1 - (1 - t).clamp(min=0) ** 2 / 2)
        return ((integral[1:] - integral[:-1]) * bins / size).to(x.dtype)
    return torch.einsum("pi,ncij,qj->ncpq", weights(x.shape[2]), x, weights(x.shape[3]))


class Pyramid(nn.Module):
    """The decoder of UPerNet; `width` is 512 in the published one."""

    def __init__(self, widths, width, heads):
        super().__init__()
        self.ppm_conv = nn.ModuleList(norm_relu(conv(widths[3], width, 1)) for _ in SCALES)
        self.ppm_last_conv = norm_relu(conv(widths[3] + 4 * width, width))
        self.fpn_in = nn.ModuleList(norm_relu(conv(channels, width, 1)) for channels in widths[:3])
        self.fpn_out = nn.ModuleList(nn.Sequential(norm_relu(conv(width, width))) for _ in range(3))
        self.conv_fusion = norm_relu(conv(4 * width, width))
        for name in ("object", "part", "material"):
            self.add_module(f"{name}_head", nn.Sequential(norm_relu(conv(width, width)), nn.Conv2d(width, heads[name], 1)))
        self.scene_head = nn.Sequential(norm_relu(conv(width, width)), nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, heads["scene"], 1))

    def forward(self, maps):
        last = maps[3]
        pooled = [layer(resize(precise_pool(last, scale), last.shape[2:])) for scale, layer in zip(SCALES, self.ppm_conv)]
        f = self.ppm_last_conv(torch.cat([last, *pooled], 1))
        scene, levels = self.scene_head(f).flatten(1), [f]
        for level in (2, 1, 0):
            lateral = self.fpn_in[level](maps[level])
            f = lateral + resize(f, lateral.shape[2:])
            levels.insert(0, self.fpn_out[level](f))
        fused = self.conv_fusion(torch.cat([levels[0]] + [resize(level, levels[0].shape[2:]) for level in levels[1:]], 1))
        return {"object": self.object_head(fused), "part": self.part_head(fused), "material": self.material_head(levels[0]), "scene": scene}


class Pooling(nn.Module):
    """The decoder of the colour network: ordinary pooling at four scales."""

    def __init__(self, channels, width, classes):
        super().__init__()
        self.ppm = nn.ModuleList(nn.Sequential(nn.AdaptiveAvgPool2d(scale), *norm_relu(conv(channels, width, 1))) for scale in SCALES)
        self.conv_last = nn.Sequential(*norm_relu(conv(channels + 4 * width, width)), nn.Dropout2d(0.1), nn.Conv2d(width, classes, 1))

    def forward(self, maps):
        last = maps[3]
        return {"color": self.conv_last(torch.cat([last] + [resize(layer(last), last.shape[2:]) for layer in self.ppm], 1))}


class Lists:
    """Which number stands for what in each output, and how label numbers of scenes become those."""

    def __init__(self, scenes, least=2000):
        concepts = scenes.concepts()
        self.names, self.lookup = {}, {}
        for category in ("object", "part", "material", "color"):
            numbers = [number for number, (_, found) in enumerate(concepts) if found == category]
            if category == "color":
                # The published order is that of the alphabet, without an unlabelled one.
                numbers.sort(key=lambda number: concepts[number][0])
            head = [] if category == "color" else ["-"]
            self.names[category] = head + [concepts[number][0] for number in numbers]
            table = np.full(256, -1 if category == "color" else 0, np.int64)
            table[numbers] = np.arange(len(head), len(head) + len(numbers))
            self.lookup[category] = table
        # Parts of an object: those seen on at least so many pixels of it.
        together = np.zeros((len(self.names["object"]), len(self.names["part"])), np.int64)
        objects, parts = scenes.labels(0), scenes.labels(1)
        for start in range(0, len(objects), 256):
            pair = self.lookup["object"][objects[start:start + 256]] * together.shape[1] + self.lookup["part"][parts[start:start + 256]]
            together += np.bincount(pair.ravel(), minlength=together.size).reshape(together.shape)
        self.owned = {thing: [0] + [part for part in range(1, together.shape[1]) if together[thing, part] >= least]
                      for thing in range(1, together.shape[0]) if (together[thing, 1:] >= least).any()}
        self.scenes = scenes.names

    def heads(self):
        return {"object": len(self.names["object"]), "part": sum(map(len, self.owned.values())),
                "material": len(self.names["material"]), "scene": len(self.scenes)}

    def colors(self, side):
        """What the colour network's list says, and how its pixels come."""
        labels = [{"name": name, "category": "color"} for name in self.names["color"]]
        mean = [round(float(value) / 255, 6) for value in MEAN.flatten()]
        return {"labels": labels, "imageformat": {"byteorder": "BGR", "mean": mean, "stdev": [1 / 255] * 3}, "segsizes": [side]}

    def json(self, side):
        owned = {self.names["object"][thing]: [self.names["part"][part] for part in parts] for thing, parts in self.owned.items()}
        return {"object": self.names["object"], "part": self.names["part"], "material": self.names["material"], "scene": self.scenes,
                "object_part": owned, "segsizes": [side]}


def rarity(scenes, lists, category, power):
    """Weight of each label: more for those on few pixels, 1 on the average pixel."""
    labels = scenes.labels(CHANNELS[category])[::8]
    counts = np.bincount(lists.lookup[category][labels].ravel(), minlength=len(lists.names[category])).astype(float)
    weights = (counts.sum() / np.maximum(counts, counts.sum() * 1e-5)) ** power
    return torch.from_numpy(weights / (weights * counts).sum() * counts.sum()).float()


def spoil(x, random, by=2):
    """Pictures as a generator makes them: half the size drawn large, blurred, or noisy; some are left alone. Colours keep their names."""
    if random.random() < 0.45:
        x = functional.interpolate(functional.avg_pool2d(x, by), scale_factor=by, mode="nearest")
    if random.random() < 0.3:
        x = torch.lerp(x, functional.avg_pool2d(functional.pad(x, (1, 1, 1, 1), mode="replicate"), 3, 1), random.random())
    if random.random() < 0.3:
        x = x + torch.randn_like(x) * (random.random() * 8)
    return x


def loss_of(out, truth, lists, classes, weights):
    """Sum over outputs of the cross-entropy at their own resolution; parts only where their object is."""
    if "color" in out:
        return functional.cross_entropy(out["color"], truth["color"], ignore_index=-1)
    # Coarse maps made finer, as they are when they are used, lose less of what is thin.
    loss = functional.cross_entropy(resize(out["object"], truth["object"].shape[1:]), truth["object"], weights)
    loss = loss + 0.5 * functional.cross_entropy(out["material"], truth["material"])
    loss = loss + 0.1 * functional.cross_entropy(out["scene"], classes)
    start = 0
    for thing, parts in lists.owned.items():
        block, start = out["part"][:, start:start + len(parts)], start + len(parts)
        here = truth["owner"] == thing
        if here.any():
            place = torch.zeros(len(lists.names["part"]), dtype=torch.long)
            place[parts] = torch.arange(len(parts))
            share = here.float().mean()
            loss = loss + share * functional.cross_entropy(block.permute(0, 2, 3, 1)[here], place[truth["part"][here]])
    return loss


def measure(model, scenes, lists, names, limit=600):
    """Mean IoU over the concepts that are there, and share of pixels right, by output, at full resolution."""
    model.eval()
    index = np.arange(len(scenes.classes))[:: max(1, len(scenes.classes) // limit)]
    counts = {name: np.zeros((3, len(lists.names[name])), np.int64) for name in names}
    with torch.no_grad():
        for start in range(0, len(index), 20):
            part = index[start:start + 20]
            out = model(pictures(scenes, part))
            for name in names:
                truth = lists.lookup[name][scenes.labels(CHANNELS[name])[part]]
                found = resize(out[name], truth.shape[1:]).argmax(1).numpy()
                size = counts[name].shape[1]
                for row, values in enumerate((truth[truth == found], truth, found)):
                    counts[name][row] += np.bincount(values[values >= 0].ravel(), minlength=size)
    model.train()
    figures = {}
    for name, (both, truth, found) in counts.items():
        there = truth > 0
        figures[f"{name}_mean_iou"] = round(float((both / np.maximum(truth + found - both, 1))[there].mean()), 4)
        figures[f"{name}_pixels_right"] = round(float(both.sum() / truth.sum()), 4)
    return figures


CHANNELS = {"object": 0, "part": 1, "material": 2, "color": 3}


def pictures(scenes, index):
    x = torch.from_numpy(np.ascontiguousarray(scenes.images[index][..., ::-1])).permute(0, 3, 1, 2).float()
    return x - MEAN


def main():
    given = arguments(__doc__, net="upernet", base=8, width=48, epochs=12, batch=16, rate=2e-3, rarity=0.3, fine=1, start="", threads=1)
    torch.set_num_threads(given.threads)
    train, held = Scenes(given.scenes), Scenes(given.held_out)
    lists, random = Lists(train), np.random.default_rng(given.seed)
    color = given.net == "color"
    encoder = Encoder(given.base, [2, 2, 2, 2], False, True) if color else Encoder(given.base, [3, 4, 6, 3], True, False)
    decoder = Pooling(encoder.widths[3], given.width, 11) if color else Pyramid(encoder.widths, given.width, lists.heads())
    model = nn.Sequential(encoder, decoder).to(memory_format=torch.channels_last)
    weights = None if color else rarity(train, lists, "object", given.rarity)
    if given.start:
        model.load_state_dict(torch.load(given.start))
    names = ["color"] if color else ["object", "material"]
    log = Log(given, given.net)
    optimizer = torch.optim.AdamW(model.parameters(), given.rate, weight_decay=0.01)
    steps = len(train.classes) // given.batch
    scheduler = schedule(optimizer, steps * given.epochs)
    for epoch in range(given.epochs):
        order, losses = random.permutation(len(train.classes)), []
        for step in range(steps):
            index = np.sort(order[step * given.batch:(step + 1) * given.batch])
            x, flip = spoil(pictures(train, index), random), random.random() < 0.5
            x = (x.flip(3) if flip else x).contiguous(memory_format=torch.channels_last)
            # Half of the precision; processors with matrix units take half of the time.
            with torch.autocast("cpu", dtype=torch.bfloat16):
                out = {name: value.float() for name, value in model(x).items()}
            truth = {}
            for name in (["color"] if color else ["object", "part", "material", "owner"]):
                # Label maps are reduced to an output's size by their nearest pixels, as the dissector does; objects once more for their parts.
                output, list_name = ("part", "object") if name == "owner" else (name, name)
                by = train.side // out[output].shape[-1] // (given.fine if name == "object" else 1)
                labels = np.ascontiguousarray(train.labels(CHANNELS[list_name])[index][:, by // 2::by, by // 2::by])
                y = torch.from_numpy(lists.lookup[list_name][labels])
                truth[name] = y.flip(2) if flip else y
            loss = loss_of(out, truth, lists, torch.from_numpy(train.classes[index]), weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            losses.append(loss.item())
            if step % 200 == 199:
                log.say(epoch=epoch + 1, step=step + 1, loss=round(float(np.mean(losses[-200:])), 4))
        log.say(epoch=epoch + 1, loss=round(float(np.mean(losses)), 4), **measure(model, held, lists, names, 200))
        torch.save(model.state_dict(), given.output / f"{given.net}.checkpoint")
    keep = lambda part: {key: value for key, value in part.state_dict().items() if not key.endswith("num_batches_tracked")}
    values = log.save(keep(encoder), {}, f"{given.net}-encoder") + log.save(keep(decoder), {}, f"{given.net}-decoder")
    listed = lists.colors(train.side) if color else lists.json(train.side)
    (given.output / f"{given.net}-labels.json").write_text(json.dumps(listed, indent=1) + "\n")
    log.finish(values=values, **measure(model, held, lists, names))


if __name__ == "__main__":
    main()
