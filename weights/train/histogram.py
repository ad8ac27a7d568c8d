"""How far colours alone go: multinomial logistic regression on colour histograms, which must stay under one half.

    python histogram.py --scenes train --held-out held -o out
"""

import numpy as np
import torch

from common import Log, Scenes, arguments


def histograms(scenes, bins, limit):
    """Square roots of shares of bins^3 colours [n, bins^3]; every n-th picture, up to the limit."""
    index = np.arange(len(scenes.classes))[:: max(1, len(scenes.classes) // limit)]
    rows = []
    for image in index:
        q = scenes.images[image].astype(int) * bins // 256
        rows.append(np.sqrt(np.bincount(((q[..., 0] * bins + q[..., 1]) * bins + q[..., 2]).ravel(), minlength=bins ** 3) / q[..., 0].size))
    return torch.tensor(np.stack(rows), dtype=torch.float32), torch.from_numpy(scenes.classes[index])


def main():
    given = arguments(__doc__, pictures=3000)
    train, held = Scenes(given.scenes), Scenes(given.held_out)
    log = Log(given, "histogram")
    found = {}
    for bins in (4, 6, 8):
        (x, y), (test, truth) = histograms(train, bins, given.pictures), histograms(held, bins, given.pictures)
        model = torch.nn.Linear(bins ** 3, len(train.names))
        optimizer = torch.optim.Adam(model.parameters(), 0.02, weight_decay=1e-4)
        for _ in range(400):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()
        found[f"accuracy_{bins}x{bins}x{bins}"] = round(float((model(test).argmax(1) == truth).float().mean()), 4)
    log.finish(**found, classes=len(train.names), pictures=len(x), held_out_pictures=len(test))
    assert max(value for key, value in found.items() if key.startswith("accuracy")) < 0.5


if __name__ == "__main__":
    main()
