"""A map of classes: which pixels belong to a disk, which to a square, and which to neither?

The script makes the pictures: disks and squares of any brightness on a noisy ground. The network
returns a class for each pixel. All its layers keep the size of the map. A growing dilation lets the
last ones see a whole shape.
"""

import numpy as np
import torch
from shared import check, options, save_and_export, train
from torch import nn

from signbit.format import Input
from signbit.layers import BinaryConv2d
from signbit.pack import OutputSpec, pack

SIDE = 32
REGIONS = ["ground", "disk", "square"]


def picture(generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Pixels 0 to 255 and the class of each, (side, side)."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    pixels = generator.normal(generator.uniform(60, 110), 12, (SIDE, SIDE))
    regions = np.zeros((SIDE, SIDE), np.int64)
    for shape in generator.permutation([1, 1, 2, 2])[: generator.integers(1, 4)]:
        y, x = generator.uniform(5, SIDE - 5, 2)
        size = generator.uniform(4, 7)
        dy, dx = np.abs(rows - y), np.abs(columns - x)
        inside = np.hypot(dy, dx) < size if shape == 1 else np.maximum(dy, dx) < size * 0.9
        if (regions[inside] > 0).any():
            continue
        pixels[inside] += generator.uniform(60, 110)
        regions[inside] = shape
    return pixels.clip(0, 255).astype(np.uint8), regions


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` pictures, (N, side, side, 1), and their regions, (N, side, side)."""
    generator = np.random.default_rng(seed)
    pixels, regions = zip(*(picture(generator) for _ in range(count)), strict=True)
    return np.stack(pixels)[..., None], np.stack(regions)


def block(channels: int, dilation: int) -> list[nn.Module]:
    """A convolution that keeps the size of the map, and a batch norm for the next sign."""
    layer = BinaryConv2d(channels, channels, 3, padding=dilation, dilation=dilation, bias=False)
    return [layer, nn.BatchNorm2d(channels)]


def network(channels: int = 32) -> nn.Module:
    """Five binary convolutions of 3x3, and one of 1x1 for the scores of each pixel."""
    return nn.Sequential(
        BinaryConv2d(1, channels, 3, padding=1, bias=False, input_quantizer=None),
        nn.BatchNorm2d(channels),
        *block(channels, 1),
        *block(channels, 2),
        *block(channels, 4),
        *block(channels, 2),
        BinaryConv2d(channels, len(REGIONS), 1, bias=False),
        nn.BatchNorm2d(len(REGIONS)),
    )


def overlaps(found: np.ndarray, wanted: np.ndarray) -> list[float]:
    """Intersection over union of each class."""
    classes = range(len(REGIONS))
    pairs = [(found == one, wanted == one) for one in classes]
    return [float((one & other).sum() / (one | other).sum()) for one, other in pairs]


def main(arguments: list[str] | None = None) -> float:
    """Train, pack, check, export; returns the mean intersection over union on held-out pictures."""
    chosen = options("segmentation", 10, arguments, samples=1200)
    (pixels, regions), (test, answers) = pictures(chosen.samples, seed=0), pictures(200, seed=1)

    image = Input.pixels("image", (SIDE, SIDE, 1), scale=[1 / 128], bias=[-1.0])

    def tensor(codes: np.ndarray) -> torch.Tensor:
        """scale * pixel + bias, channels first as in torch."""
        return torch.from_numpy(codes).permute(0, 3, 1, 2).float() / 128 - 1

    model, targets = network(), torch.from_numpy(regions)
    train(model, tensor(pixels), targets, "cross_entropy", chosen, batch_size=16)

    outputs = [OutputSpec("regions", "classes", names=REGIONS)]
    packed = pack(model, inputs=[image], outputs=outputs)
    scores = check(packed, model, test, tensor(test))  # (N, side, side, classes)
    found = scores.argmax(axis=-1)
    each = overlaps(found, answers)
    print(f"{len(test)} held-out pictures: {(found == answers).mean():.1%} of the pixels right")
    shown = ", ".join(f"{name} {one:.1%}" for name, one in zip(REGIONS, each, strict=True))
    print(f"intersection over union: {shown}; mean {np.mean(each):.1%}")
    save_and_export(packed, chosen.out, "segmentation", test[:4])
    return float(np.mean(each))


if __name__ == "__main__":
    main()
