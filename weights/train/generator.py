"""A slim Progressive GAN of outdoor scenes, in the layout of the published generators.

    python generator.py --scenes train --held-out held -o out --classes church,street --side 64

Blocks: pixel norm, nearest doubling (odd blocks from the third on), convolution times a constant of its shape, bias, leaky ReLU. It grows from 4x4
on; losses are the non-saturating one with a penalty on the gradient at real pictures (Karras et al. 2018; Mescheder et al. 2018). The weights kept
are the running mean of the generator's.
"""

import copy
import json

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from common import Log, Scenes, arguments


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
            self.add_module(f"output_{4 << stage}x{4 << stage}", Scaled(width, 3, 1, 0, gain=1))
            channels = width

    def forward(self, x, stage, mix=1.0):
        """Pictures of 4 << stage pixels; below `mix` 1 the stage before is faded out."""
        before = None
        for layer in range(1, 2 * stage + 3):
            if layer == 2 * stage + 1 and stage:
                before = x
            x = pixel_norm(x)
            if layer % 2 and layer > 1:
                x = functional.interpolate(x, scale_factor=2, mode="nearest")
            x = functional.leaky_relu(getattr(self, f"layer{layer}")(x), 0.2)
        image = self.picture(x, stage)
        if mix < 1 and before is not None:
            low = functional.interpolate(self.picture(before, stage - 1), scale_factor=2, mode="nearest")
            image = low + (image - low) * mix
        return image

    def picture(self, x, stage):
        return getattr(self, f"output_{4 << stage}x{4 << stage}")(pixel_norm(x))


class Critic(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.blocks, self.enter = nn.ModuleList(), nn.ModuleList()
        for stage, width in enumerate(widths):
            narrower = widths[stage - 1] if stage else width
            self.enter.append(Scaled(3, width, 1, 0))
            first = Scaled(width + (stage == 0), width, 3, 1)
            second = Scaled(width, width, 4, 0) if stage == 0 else Scaled(width, narrower, 3, 1)
            self.blocks.append(nn.ModuleList([first, second]))
        self.score = Scaled(widths[0], 1, 1, 0, gain=1)

    def forward(self, image, stage, mix=1.0):
        act = lambda x: functional.leaky_relu(x, 0.2)
        x = act(self.enter[stage](image))
        for at in range(stage, -1, -1):
            if at == 0:
                # How much the pictures of a batch differ, so that they may not all be the same.
                spread = x.var(0, unbiased=False).add(1e-8).sqrt().mean()
                x = torch.cat([x, spread.expand(len(x), 1, *x.shape[2:])], 1)
            x = act(self.blocks[at][1](act(self.blocks[at][0](x))))
            if at:
                x = functional.avg_pool2d(x, 2)
                if at == stage and mix < 1:
                    low = act(self.enter[stage - 1](functional.avg_pool2d(image, 2)))
                    x = low + (x - low) * mix
        return self.score(x).flatten()


def main():
    given = arguments(__doc__, classes="church", side=64, z=128, widths="128,128,64,32,16", thousands="20,30,40,50,60", batch=16,
                      rate=1.5e-3, penalty=4.0, threads=1)
    torch.set_num_threads(given.threads)
    scenes = Scenes(given.scenes)
    chosen = np.isin(scenes.classes, [scenes.names.index(name) for name in given.classes.split(",")])
    whole = torch.from_numpy(scenes.images[chosen]).permute(0, 3, 1, 2)
    whole = functional.interpolate(whole.float(), size=given.side, mode="area").round().byte()
    widths = [int(width) for width in given.widths.split(",")]
    log, random = Log(given, "generator"), np.random.default_rng(given.seed)
    generator, critic = Generator(given.z, widths), Critic(widths)
    mean = copy.deepcopy(generator)
    adam = lambda model: torch.optim.Adam(model.parameters(), given.rate, betas=(0.0, 0.99))
    optimizers = adam(generator), adam(critic)
    latents = lambda count: torch.randn(count, given.z, 1, 1)
    for stage, thousands in enumerate(int(count) for count in given.thousands.split(",")):
        steps, side = thousands * 1000 // given.batch, 4 << stage
        real_of = functional.interpolate(whole.float(), size=side, mode="area") / 127.5 - 1
        for step in range(steps):
            mix = 1.0 if stage == 0 else min(1.0, 2.5 * step / steps)
            real = real_of[random.integers(0, len(whole), given.batch)]
            if random.random() < 0.5:
                real = real.flip(3)
            if mix < 1:
                low = functional.interpolate(functional.avg_pool2d(real, 2), scale_factor=2, mode="nearest")
                real = low + (real - low) * mix
            penalised = step % 8 == 0
            real.requires_grad_(penalised)
            with torch.no_grad():
                fake = generator(latents(given.batch), stage, mix)
            on_real, on_fake = critic(real, stage, mix), critic(fake, stage, mix)
            loss = functional.softplus(on_fake).mean() + functional.softplus(-on_real).mean()
            total = loss
            if penalised:
                slope, = torch.autograd.grad(on_real.sum(), real, create_graph=True)
                total = loss + 8 * given.penalty / 2 * slope.square().sum((1, 2, 3)).mean()
            optimizers[1].zero_grad()
            total.backward()
            optimizers[1].step()
            against = functional.softplus(-critic(generator(latents(given.batch), stage, mix), stage, mix)).mean()
            optimizers[0].zero_grad()
            against.backward()
            optimizers[0].step()
            with torch.no_grad():
                for kept, new in zip(mean.parameters(), generator.parameters()):
                    kept.lerp_(new, 0.002 if step > 200 else 0.05)
            if step % 250 == 249:
                log.say(side=side, pictures=(step + 1) * given.batch, critic=round(loss.item(), 3), generator=round(against.item(), 3))
                sheet(mean, stage, given)
        torch.save([mean.state_dict(), generator.state_dict(), critic.state_dict()], given.output / f"generator-{side}.checkpoint")
    last = f"output_{given.side}x{given.side}"
    tensors = {key: value for key, value in mean.state_dict().items() if not key.startswith("output") or key.startswith(last)}
    values = log.save(tensors, {"model": "progan", "classes": json.dumps(given.classes.split(","))})
    log.finish(values=values, sliced_distance=distance(mean, len(widths) - 1, whole, given))


def sheet(model, stage, given):
    """Pictures of latents 0 to 63 of seed 1, side by side."""
    from PIL import Image
    z = np.random.RandomState(1).standard_normal((64, given.z)).astype(np.float32)
    with torch.no_grad():
        image = model(torch.from_numpy(z)[:, :, None, None], stage)
    image = (image * 127.5 + 127.5).clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()
    side = image.shape[1]
    Image.fromarray(image.reshape(8, 8, side, side, 3).transpose(0, 2, 1, 3, 4).reshape(8 * side, 8 * side, 3)).save(given.output / "generator.png")


def distance(model, stage, whole, given):
    """Sliced Wasserstein distance between 512 made and 512 real pictures in random directions of pixels, -1 to 1."""
    torch.manual_seed(1)
    with torch.no_grad():
        made = torch.cat([model(torch.randn(64, given.z, 1, 1), stage) for _ in range(8)]).flatten(1)
        real = whole[torch.randint(len(whole), (512,))].float().div(127.5).sub(1).flatten(1)
        ways = functional.normalize(torch.randn(made.shape[1], 256), dim=0)
        return round(float(((made @ ways).sort(0)[0] - (real @ ways).sort(0)[0]).abs().mean()), 4)


if __name__ == "__main__":
    main()
