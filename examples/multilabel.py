"""Several answers at once: which digits are on the canvas?

Up to three of the handwritten digits that come with signbit are in the quarters of a canvas. Each
of ten outputs answers its own question, such as "is there a 7?". An output above 0 means yes.
"""

import numpy as np
import torch
from shared import check, options, save_and_export, train
from torch import nn

from signbit.data import load
from signbit.format import Input
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.pack import OutputSpec, pack

SIDE, DIGITS = 16, 10


def canvases(split: str, count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Canvases, (N, side, side, 1) uint8, and the digits on each, (N, 10) with 0 or 1."""
    digits, generator = load("digits", split), np.random.default_rng(seed)
    images, labels = digits.images[:][..., 0], digits.labels
    canvas = np.zeros((count, SIDE, SIDE), np.uint8)
    answers = np.zeros((count, DIGITS), np.float32)
    for number in range(count):
        quarters = generator.permutation(4)[: generator.integers(1, 4)]
        for quarter, index in zip(quarters, generator.integers(0, len(labels), 4), strict=False):
            y, x = 8 * (quarter // 2), 8 * (quarter % 2)
            canvas[number, y : y + 8, x : x + 8] = images[index]
            answers[number, labels[index]] = 1
    return canvas[..., None], answers


def network(channels: int = 64) -> nn.Module:
    """The maximum over the map says whether a digit is anywhere."""
    return nn.Sequential(
        BinaryConv2d(1, channels, 3, padding=1, bias=False, input_quantizer=None),
        nn.BatchNorm2d(channels),
        BinaryConv2d(channels, channels, 3, padding=1, bias=False),
        nn.MaxPool2d(2),
        nn.BatchNorm2d(channels),
        BinaryConv2d(channels, 2 * channels, 4, bias=False),
        nn.AdaptiveMaxPool2d(1),
        nn.BatchNorm2d(2 * channels),
        nn.Flatten(),
        BinaryLinear(2 * channels, DIGITS, bias=False),
        nn.BatchNorm1d(DIGITS),
    )


def main(arguments: list[str] | None = None) -> float:
    """Train, pack, check, export; returns the F1 score on held-out canvases."""
    chosen = options("multilabel", 12, arguments, samples=3000)
    canvas, answers = canvases("train", chosen.samples, seed=0)
    # These digits are by other writers, and the network has not seen them.
    test, wanted = canvases("test", 1000, seed=1)

    image = Input.pixels("canvas", (SIDE, SIDE, 1), scale=[1 / 128], bias=[-1.0])

    def tensor(codes: np.ndarray) -> torch.Tensor:
        """scale * pixel + bias, channels first as in torch."""
        return torch.from_numpy(codes).permute(0, 3, 1, 2).float() / 128 - 1

    model, targets = network(), torch.from_numpy(answers)
    train(model, tensor(canvas), targets, "bce_with_logits", chosen)

    outputs = [OutputSpec("digits", "labels", names=[str(one) for one in range(DIGITS)])]
    packed = pack(model, inputs=[image], outputs=outputs)
    found = check(packed, model, test, tensor(test)) > 0
    true = wanted > 0
    both = (found & true).sum()
    f1 = float(2 * both / (found.sum() + true.sum()))
    print(
        f"{len(test)} held-out canvases: precision {both / max(found.sum(), 1):.1%}, recall "
        f"{both / true.sum():.1%}, F1 {f1:.1%}; {(found == true).all(axis=1).mean():.1%} of the "
        "canvases have all ten answers right"
    )
    save_and_export(packed, chosen.out, "multilabel", test[:10])
    return f1


if __name__ == "__main__":
    main()
