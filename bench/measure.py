"""Measure packed networks, for docs/benchmark.md.

    python bench/measure.py [--threads 1] [--rounds 50]
    python -m tools.tables docs/benchmark.md

It writes bench/measured/ISA.json and docs/pictures/benchmark_ISA.png, where ISA is the fastest
instruction set of the processor. So the page shows machines of different kinds.

For each network, one run measures in turn: signbit on the fastest instruction set, and the peers
that are installed. The other instruction sets, except scalar, run the networks of 32x32 by
themselves.
"""

import argparse
import json
import platform
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
from torch import nn

from signbit.bench import Benchmark, bench
from signbit.format import PackedModel, Preprocessing
from signbit.layers import BinaryConv2d, BinaryLinear
from signbit.models import create
from signbit.pack import pack
from signbit.progress import progress_bar
from signbit.runtime.engine import available_isas

ROOT = Path(__file__).resolve().parents[1]
# `tools/tables/benchmark.py` makes the tables of the page from its files.
RESULTS = ROOT / "bench" / "measured"
# Channels and kernel of each binary convolution, and whether max pooling follows.
SHAPES = [
    (64, 3, False),
    (128, 3, True),
    (128, 3, False),
    (256, 3, False),
    (256, 1, False),
    (512, 1, True),
    (512, 1, False),
    (512, 3, True),
]


def _every_shape() -> nn.Module:
    """Binary layers of the common shapes, and one of 8192 x 1024."""
    layers: list[nn.Module] = [BinaryConv2d(3, 64, 3, padding=1, input_quantizer=None)]
    before = 64
    for channels, kernel, pools in SHAPES:
        layers += [
            nn.BatchNorm2d(before),
            BinaryConv2d(before, channels, kernel, padding=kernel // 2),
        ]
        layers += [nn.MaxPool2d(2)] if pools else []
        before = channels
    layers += [nn.BatchNorm2d(before), nn.Flatten(), BinaryLinear(8192, 1024)]
    return nn.Sequential(*layers, nn.BatchNorm1d(1024), BinaryLinear(1024, 10))


def _mobile() -> nn.Module:
    """Depthwise and pointwise binary layers, as in a MobileNet, from 64 to 256 channels."""
    layers: list[nn.Module] = [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64)]
    before = 64
    for channels, stride in [(128, 1), (128, 2), (256, 1), (256, 2), (256, 1)]:
        layers += [
            BinaryConv2d(before, before, 3, stride=stride, padding=1, groups=before),
            nn.BatchNorm2d(before),
            BinaryConv2d(before, channels, 1),
            nn.BatchNorm2d(channels),
        ]
        before = channels
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 10), nn.LogSoftmax(1)
    )


def _grouped() -> nn.Module:
    """Two binary layers of 8 groups and two depthwise ones, with 128 channels each."""
    layers: list[nn.Module] = [nn.Conv2d(3, 128, 1, bias=False), nn.BatchNorm2d(128)]
    for groups in (8, 8, 128, 128):
        layers += [BinaryConv2d(128, 128, 3, padding=1, groups=groups), nn.BatchNorm2d(128)]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10))


def _pixels(size: int, channels: int = 3) -> Preprocessing:
    return Preprocessing([1 / 128] * channels, [-1.0] * channels, (size, size))


def _of_imagenet(name: str, **options: Any) -> nn.Module:
    return create(name, num_classes=1000, input_size=(224, 224), **options)


NETWORKS: dict[str, tuple[Callable[[], nn.Module], Preprocessing]] = {
    "vgg_cifar10_binary": (lambda: create("vgg_cifar10_binary"), _pixels(32)),
    "mlp_binary": (lambda: create("mlp_binary"), _pixels(28, 1)),
    "every shape": (_every_shape, _pixels(32)),
    "vgg_small": (lambda: create("vgg_small"), _pixels(32)),
    "resnet20": (lambda: create("resnet20"), _pixels(32)),
    "resnet18": (lambda: create("resnet18"), _pixels(32)),
    "groups": (_grouped, _pixels(32)),
    "depthwise and pointwise": (_mobile, _pixels(32)),
    "quicknet, 224x224": (lambda: _of_imagenet("quicknet"), _pixels(224)),
    "resnet18, 224x224": (lambda: _of_imagenet("resnet18", stem="imagenet"), _pixels(224)),
    "reactnet18, 224x224": (lambda: _of_imagenet("reactnet18", stem="imagenet"), _pixels(224)),
}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    fastest, *others = [isa for isa in available_isas() if isa != "scalar"] or ["scalar"]
    results: dict[str, list[Benchmark]] = {}
    for name, (make, pixels) in NETWORKS.items():
        model = pack(make().eval(), pixels)
        runs = [(fastest, threads, True) for threads in options.threads]
        if pixels.size == (32, 32):
            runs += [(isa, threads, False) for isa in others for threads in options.threads]
        results[name] = [_measure(name, model, options.rounds, *run) for run in runs]
    threads = " ".join(map(str, options.threads))
    measured = {
        "command": f"python bench/measure.py --threads {threads} --rounds {options.rounds}",
        "date": datetime.now(UTC).date().isoformat(),
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "networks": {name: _shortened(runs) for name, runs in results.items()},
    }
    (RESULTS / f"{fastest}.json").write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    _draw(results, ROOT / "docs" / "pictures" / f"benchmark_{fastest}.png")


def _measure(
    name: str, model: PackedModel, rounds: int, isa: str, threads: int, with_peers: bool
) -> Benchmark:
    batches = (1, 32) if model.types[0].height < 224 else (1,)
    with progress_bar(f"{name}, {isa}, {threads} threads", rounds) as advance:
        return bench(
            model, threads, batches, rounds=rounds, isa=isa, with_peers=with_peers, advance=advance
        )


def _shortened(runs: list[Benchmark]) -> list[dict[str, Any]]:
    """The tables show the steps of the first run alone."""
    first, *others = (run.to_dict() for run in runs)
    return [first, *({**run, "steps": []} for run in others)]


def _draw(results: dict[str, list[Benchmark]], path: Path) -> None:
    figure, grid = plt.subplots(
        -(-len(results) // 3), 3, figsize=(15, 2.6 * -(-len(results) // 3)), squeeze=False
    )
    axes = grid.ravel()
    for axis in axes[len(results) :]:
        axis.axis("off")
    for axis, (name, runs) in zip(axes, results.items(), strict=False):
        run = runs[0]
        times = {f"signbit, {run.isa}": run.seconds[1]}
        times |= {peer: seconds[1] for peer, seconds in run.peers.items()}
        bars = axis.barh(list(times), [1e3 * seconds for seconds in times.values()])
        bars[0].set_color("tab:orange")
        axis.bar_label(bars, fmt="%.2f", padding=2)
        axis.margins(x=0.22)
        axis.invert_yaxis()
        axis.set_title(f"{name}, batch 1, {run.threads} thread", fontsize=9)
        axis.set_xlabel("ms an image")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
