"""Binary layers in groups, and depthwise ones, next to the same layers of other runtimes.

    pip install '.[peers]'
    python bench/grouped_layers.py [--rounds 50]

A network of five such layers and one of a single layer are measured one after the other; a layer
takes a quarter of the difference. So what comes before and after the layers does not count. All are
3x3, of 128 channels at 32x32, one image at a time, on one thread.
"""

import argparse

import torch
from torch import nn

from signbit.bench import bench
from signbit.format import Preprocessing
from signbit.layers import BinaryConv2d
from signbit.machine import processor
from signbit.pack import pack
from signbit.runtime.engine import available_isas

SIDE, CHANNELS = 32, 128
GROUPS = (4, 8, 32, 128)
PIXELS = Preprocessing([1 / 128] * 3, [-1.0] * 3, (SIDE, SIDE))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    rounds = parser.parse_args().rounds
    print(f"{processor()}, {available_isas()[0]}, one thread, medians of {rounds}")
    torch.manual_seed(0)
    for groups in GROUPS:
        one, five = (_seconds(layers, groups, rounds) for layers in (1, 5))
        layer = {name: (five[name] - one[name]) / 4 for name in five}
        own = layer["signbit"]
        times = (f"{name} {1e6 * time:.1f} µs ({time / own:.1f})" for name, time in layer.items())
        print(f"{groups} groups: {', '.join(times)}")


def _seconds(layers: int, groups: int, rounds: int) -> dict[str, float]:
    measured = bench(pack(_network(layers, groups).eval(), PIXELS), batches=[1], rounds=rounds)
    return {"signbit": measured.seconds[1]} | {
        peer: seconds[1] for peer, seconds in measured.peers.items()
    }


def _network(layers: int, groups: int) -> nn.Module:
    parts: list[nn.Module] = [nn.Conv2d(3, CHANNELS, 1, bias=False), nn.BatchNorm2d(CHANNELS)]
    for _ in range(layers):
        parts.append(BinaryConv2d(CHANNELS, CHANNELS, 3, padding=1, groups=groups))
        parts.append(nn.BatchNorm2d(CHANNELS))
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS, 10))


if __name__ == "__main__":
    main()
