"""A slim Progressive GAN of outdoor scenes, in the layout of the published generators.

    python generator.py --scenes train --held-out held -o out --classes church --features out/classifier.checkpoint

Blocks: pixel norm, nearest doubling (odd blocks from the third on), convolution times a constant of its shape, bias, leaky ReLU (Karras et al.
2018). All blocks are trained at once. A critic for each group of layers of the trained classifier, which learns nothing more, and one for the
pixels tell made pictures from drawn ones (Sauer et al. 2021, "Projected GANs converge faster"); the loss is the hinge. The weights kept are the
running mean of the generator's.
"""

import copy
import json

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from classifier import GROUPS, Slim
from common import DEVIATION, MEAN, Log, Scenes, arguments


class Scaled(nn.Module):
    """A convolution whose weights are drawn with deviation 1 and multiplied by a constant at run time."""

    def __init__(self, channels, width, kernel, padding, gain=2 ** 0.5):
        super().__init__()
        self.conv = nn.Conv2d(channels, width, kernel, padding=padding, bias=False)
        nn.init.normal_(self.conv.weight)
        self.wscale = nn.Module()
        self.wscale.b = nn.Parameter(torch.zeros(width))
        self.scale = gain / kernel / channels ** 0.5

    def forward(self, x):
        return self.conv(x * self.scale) + self.wscale.b.view(1, -1, 1, 1)


def pixel_norm(x):
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class Generator(nn.Module):
    def __init__(self, z, widths):
        super().__init__()
        self.z, self.stages = z, len(widths)
        channels = z
        for stage, width in enumerate(widths):
            first = Scaled(channels, width, 4, 3) if stage == 0 else Scaled(channels, width, 3, 1)
            self.add_module(f"layer{2 * stage + 1}", first)
            self.add_module(f"layer{2 * stage + 2}", Scaled(width, width, 3, 1))
            channels = width
        self.last = f"output_{2 << self.stages}x{2 << self.stages}"
        self.add_module(self.last, Scaled(channels, 3, 1, 0, gain=1))

    def forward(self, x):
        for layer in range(1, 2 * self.stages + 1):
            x = pixel_norm(x)
            if layer % 2 and layer > 1:
                x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = functional.leaky_relu(getattr(self, f"layer{layer}")(x), 0.2)
        return getattr(self, self.last)(pixel_norm(x))


class Features(nn.Module):
    """A picture, -1 to 1, and what the classifier makes of it after each of its five groups."""

    def __init__(self, checkpoint):
        super().__init__()
        state = torch.load(checkpoint)
        self.widths = [state[f"features.conv{group}_1.0.weight"].shape[0] for group in range(1, 6)]
        model = Slim(self.widths, state["classifier.fc7.weight"].shape[0], state["classifier.fc8a.weight"].shape[0])
        model.load_state_dict(state)
        self.layers, folded = nn.ModuleDict(), model.folded()
        for name, (convolution, _) in model.features.items():
            self.layers[name] = nn.Conv2d(convolution.in_channels, convolution.out_channels, 3, padding=1)
            self.layers[name].weight.data = folded[f"features.{name}.weight"].detach()
            self.layers[name].bias.data = folded[f"features.{name}.bias"].detach()
        self.requires_grad_(False)

    def forward(self, image):
        x, maps = ((image + 1) / 2 - MEAN) / DEVIATION, [image]
        for name, layer in self.layers.items():
            x = torch.relu(layer(x))
            if int(name[6]) == GROUPS[int(name[4]) - 1]:
                maps.append(x)
                x = functional.max_pool2d(x, 2)
        return maps


class Critic(nn.Module):
    """Judges maps by halving them to 4x4: a score of the whole, sixteen times, and one of each of the sixteen places."""

    def __init__(self, channels, side, width):
        super().__init__()
        layers = []
        while side > 4:
            layers += [spectral_norm(nn.Conv2d(channels, width, 4, 2, 1)), nn.LeakyReLU(0.2)]
            channels, side = width, side // 2
        self.body = nn.Sequential(*layers)
        self.mid = spectral_norm(nn.Conv2d(channels + 1, width, 3, 1, 1))
        self.whole = spectral_norm(nn.Conv2d(width, 1, 4))
        self.each = spectral_norm(nn.Conv2d(width, 1, 1))

    def forward(self, x):
        x = self.body(x)
        # How much the pictures of a batch differ, so that they may not all be the same.
        spread = x.float().var(0, unbiased=False).add(1e-8).sqrt().mean()
        spread = spread.to(x.dtype).expand(len(x), 1, *x.shape[2:])
        x = functional.leaky_relu(self.mid(torch.cat([x, spread], 1)), 0.2)
        return torch.cat([self.whole(x).flatten(1).expand(-1, 16), self.each(x).flatten(1)], 1).float()


def critics(widths, side):
    """One for the pixels and one for each of the classifier's groups."""
    sizes = [48, 32, 48, 64, 96, 128]
    return nn.ModuleList(Critic(width, side >> max(place - 1, 0), sizes[place]) for place, width in enumerate([3] + widths))


def half():
    return torch.autocast("cpu", dtype=torch.bfloat16)


def latents(given, count):
    return torch.randn(count, given.z, 1, 1)


def compete(generator, critic, features, optimizers, real, given):
    """A step of the critics and one of the generator; both losses, mean over critics."""
    with half():
        fake = generator(latents(given, given.batch))
    with half():
        of_fake = features(fake.float())
        with torch.no_grad():
            of_real = features(real)
        on_real = [judge(x) for judge, x in zip(critic, of_real)]
        on_fake = [judge(x.detach()) for judge, x in zip(critic, of_fake)]
    loss = sum(functional.relu(1 - r).mean() + functional.relu(1 + f).mean() for r, f in zip(on_real, on_fake))
    optimizers[1].zero_grad()
    loss.backward()
    optimizers[1].step()
    critic.requires_grad_(False)
    with half():
        against = -sum(judge(x).mean() for judge, x in zip(critic, of_fake))
    optimizers[0].zero_grad()
    against.backward()
    optimizers[0].step()
    critic.requires_grad_(True)
    return np.array([loss.item(), against.item()]) / len(critic)


def main():
    given = arguments(__doc__, features="out/classifier.checkpoint", classes="church", side=64, z=128, widths="128,128,64,32,16",
                      thousands=250, batch=32, rate=1.5e-3, critic_rate=5e-4, threads=1)
    torch.set_num_threads(given.threads)
    scenes = Scenes(given.scenes)
    chosen = np.isin(scenes.classes, [scenes.names.index(name) for name in given.classes.split(",")])
    whole = torch.from_numpy(scenes.images[chosen]).permute(0, 3, 1, 2)
    whole = functional.interpolate(whole.float(), size=given.side, mode="area").round().byte()
    log, random = Log(given, "generator"), np.random.default_rng(given.seed)
    generator = Generator(given.z, [int(width) for width in given.widths.split(",")])
    features = Features(given.features)
    critic = critics(features.widths, given.side)
    for model in (generator, features, critic):
        model.to(memory_format=torch.channels_last)
    mean = copy.deepcopy(generator)
    rates = given.rate, given.critic_rate
    optimizers = [torch.optim.Adam(model.parameters(), rate, betas=(0.0, 0.99)) for model, rate in zip((generator, critic), rates)]
    steps, losses = given.thousands * 1000 // given.batch, np.zeros(2)
    for step in range(steps):
        # Both rates fall to a twentieth over the last third.
        for optimizer, rate in zip(optimizers, rates):
            optimizer.param_groups[0]["lr"] = rate * min(1.0, (1 - step / steps) / 0.3 + 0.05)
        real = whole[random.integers(0, len(whole), given.batch)].float() / 127.5 - 1
        real = (real.flip(3) if random.random() < 0.5 else real).contiguous(memory_format=torch.channels_last)
        losses += compete(generator, critic, features, optimizers, real, given)
        with torch.no_grad():
            for kept, new in zip(mean.parameters(), generator.parameters()):
                kept.lerp_(new, 0.003 if step > 300 else 0.05)
        if step % 100 == 99:
            log.say(pictures=(step + 1) * given.batch, critic=round(losses[0] / 100, 3), generator=round(losses[1] / 100, 3))
            losses[:] = 0
        if step % 500 == 499:
            sheet(mean, given)
            torch.save([mean.state_dict(), generator.state_dict(), critic.state_dict()], given.output / "generator.checkpoint")
    values = log.save(mean.state_dict(), {"model": "progan", "classes": json.dumps(given.classes.split(","))})
    log.finish(values=values, sliced_distance=distance(mean, whole, given))


def sheet(model, given):
    """Pictures of latents 0 to 63 of seed 1, side by side."""
    from PIL import Image
    z = np.random.RandomState(1).standard_normal((64, given.z)).astype(np.float32)
    with torch.no_grad():
        image = model(torch.from_numpy(z)[:, :, None, None])
    image = (image * 127.5 + 127.5).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    side = image.shape[1]
    Image.fromarray(image.reshape(8, 8, side, side, 3).transpose(0, 2, 1, 3, 4).reshape(8 * side, 8 * side, 3)).save(given.output / "generator.png")


def distance(model, whole, given):
    """Sliced Wasserstein distance between 512 made and 512 real pictures in random directions of pixels, -1 to 1."""
    torch.manual_seed(1)
    with torch.no_grad():
        made = torch.cat([model(torch.randn(64, given.z, 1, 1)) for _ in range(8)]).flatten(1)
        real = whole[torch.randint(len(whole), (512,))].float().div(127.5).sub(1).flatten(1)
        ways = functional.normalize(torch.randn(made.shape[1], 256), dim=0)
        return round(float(((made @ ways).sort(0)[0] - (real @ ways).sort(0)[0]).abs().mean()), 4)


if __name__ == "__main__":
    main()
