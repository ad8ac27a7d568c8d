"""A slim VGG-16 that tells scenes apart, from class labels alone.

    python classifier.py --scenes train --held-out held -o out

The thirteen convolutions have the names and the layout of the full network. It is trained with batch normalisation, which is folded into the
convolutions at the end, first on small pictures, then on whole ones.
"""

import json

import numpy as np
import torch
from torch import nn

from common import Log, Scenes, arguments, batch, schedule

GROUPS = [2, 2, 3, 3, 3]


class Slim(nn.Module):
    def __init__(self, widths, hidden, classes):
        super().__init__()
        self.features = nn.ModuleDict()
        channels = 3
        for group, (count, width) in enumerate(zip(GROUPS, widths), 1):
            for position in range(1, count + 1):
                layer = nn.Sequential(nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
                nn.init.kaiming_normal_(layer[0].weight, nonlinearity="relu")
                self.features[f"conv{group}_{position}"] = layer
                channels = width
        self.classifier = nn.ModuleDict({
            "fc6": nn.Linear(channels * 49, hidden), "fc7": nn.Linear(hidden, hidden), "fc8a": nn.Linear(hidden, classes)})

    def forward(self, x):
        for name, layer in self.features.items():
            x = torch.relu(layer(x))
            group, position = int(name[4]), int(name[6])
            if position == GROUPS[group - 1]:
                x = torch.max_pool2d(x, 2)
        x = torch.nn.functional.adaptive_avg_pool2d(x, 7).flatten(1)
        drop = lambda x: torch.dropout(torch.relu(x), 0.3, self.training)
        return self.classifier["fc8a"](drop(self.classifier["fc7"](drop(self.classifier["fc6"](x)))))

    def folded(self):
        """Weights under the names of the full network, normalisation multiplied in."""
        tensors = {}
        for name, (convolution, norm) in self.features.items():
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            tensors[f"features.{name}.weight"] = convolution.weight * scale.view(-1, 1, 1, 1)
            tensors[f"features.{name}.bias"] = norm.bias - norm.running_mean * scale
        for name, layer in self.classifier.items():
            tensors[f"classifier.{name}.weight"], tensors[f"classifier.{name}.bias"] = layer.weight, layer.bias
        return tensors


def accuracy(model, scenes, side=None, limit=None):
    """Share of pictures whose class is first, and by class."""
    model.eval()
    index = np.arange(len(scenes.classes))[:: max(1, len(scenes.classes) // (limit or len(scenes.classes)))]
    right = np.zeros(len(index), bool)
    with torch.no_grad():
        for start in range(0, len(index), 100):
            part = index[start:start + 100]
            right[start:start + 100] = model(batch(scenes.images, part, side)).argmax(1).numpy() == scenes.classes[part]
    model.train()
    by_class = {name: round(float(right[scenes.classes[index] == place].mean()), 3) for place, name in enumerate(scenes.names)}
    return float(right.mean()), by_class


def main():
    given = arguments(__doc__, widths="8,16,32,64,128", hidden=192, small_epochs=10, epochs=4, batch=32, rate=3e-3)
    train, held = Scenes(given.scenes), Scenes(given.held_out)
    widths = [int(width) for width in given.widths.split(",")]
    model = Slim(widths, given.hidden, len(train.names))
    log = Log(given, "classifier")
    random = np.random.default_rng(given.seed)
    loss_of = nn.CrossEntropyLoss(label_smoothing=0.05)
    for side, epochs, rate in [(train.side // 2, given.small_epochs, given.rate), (train.side, given.epochs, given.rate / 3)]:
        optimizer = torch.optim.AdamW(model.parameters(), rate, weight_decay=0.02)
        steps = len(train.classes) // given.batch
        scheduler = schedule(optimizer, steps * epochs)
        for epoch in range(epochs):
            order, losses = random.permutation(len(train.classes)), []
            for step in range(steps):
                index = np.sort(order[step * given.batch:(step + 1) * given.batch])
                x, y = batch(train.images, index, side), torch.from_numpy(train.classes[index])
                if random.random() < 0.5:
                    x = x.flip(3)
                # Shifted by up to a sixteenth, edges repeated.
                by = side // 16
                top, left = random.integers(0, 2 * by + 1, 2)
                x = torch.nn.functional.pad(x, (by,) * 4, "replicate")[:, :, top:top + side, left:left + side]
                loss = loss_of(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                scheduler.step()
                losses.append(loss.item())
            log.say(side=side, epoch=epoch + 1, loss=round(float(np.mean(losses)), 4),
                    held_out=round(accuracy(model, held, side, 600)[0], 4))
            torch.save(model.state_dict(), given.output / "classifier.checkpoint")
    share, by_class = accuracy(model, held)
    metadata = {"model": "vgg16", "preprocess": "torch", "body": "false", "class_names": json.dumps(train.names)}
    log.finish(values=log.save(model.folded(), metadata), held_out_accuracy=share, by_class=by_class, pictures=len(train.classes),
               held_out_pictures=len(held.classes))


if __name__ == "__main__":
    main()
