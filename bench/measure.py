"""Measure packed networks, for docs/benchmark.md; writes bench/measured.json and the picture.

    python bench/measure.py [--threads 1] [--rounds 50]
    python -m tools.tables docs/benchmark.md

For each network, one run measures in turn: signbit on every instruction set of the machine except
scalar, and the peers that are installed.
"""

import argparse
import json
import platform
from datetime import UTC, datetime
from pathlib import Path

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
# `tools/tables/benchmark.py` makes the tables of the page from it.
RESULT = ROOT / "bench" / "measured.json"
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


PIXELS = Preprocessing([1 / 128] * 3, [-1.0] * 3, (32, 32))
NETWORKS = {
    "vgg_cifar10_binary": lambda: pack(create("vgg_cifar10_binary").eval(), PIXELS),
    "mlp_binary": lambda: pack(
        create("mlp_binary").eval(), Preprocessing([1 / 128], [-1.0], (28, 28))
    ),
    "every shape": lambda: pack(_every_shape().eval(), PIXELS),
}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=50)
    options = parser.parse_args()
    isas = [isa for isa in available_isas() if isa != "scalar"] or ["scalar"]
    results: dict[str, list[Benchmark]] = {}
    for name, make in NETWORKS.items():
        results[name] = [
            _measure(name, make(), threads, options.rounds, isa)
            for isa in isas
            for threads in options.threads
        ]
    threads = " ".join(map(str, options.threads))
    measured = {
        "command": f"python bench/measure.py --threads {threads} --rounds {options.rounds}",
        "date": datetime.now(UTC).date().isoformat(),
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "networks": {name: [run.to_dict() for run in runs] for name, runs in results.items()},
    }
    RESULT.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    _draw(results, ROOT / "docs" / "pictures" / "benchmark.png")


def _measure(name: str, model: PackedModel, threads: int, rounds: int, isa: str) -> Benchmark:
    with progress_bar(f"{name}, {isa}, {threads} threads", rounds) as advance:
        return bench(model, threads, rounds=rounds, isa=isa, advance=advance)


def _draw(results: dict[str, list[Benchmark]], path: Path) -> None:
    figure, axes = plt.subplots(1, len(results), figsize=(5 * len(results), 2.6), squeeze=False)
    for axis, (name, runs) in zip(axes[0], results.items(), strict=True):
        run = runs[0]
        times = {f"signbit, {run.isa}": run.seconds[1]}
        times |= {peer: seconds[1] for peer, seconds in run.peers.items()}
        bars = axis.barh(list(times), [1e3 * seconds for seconds in times.values()])
        bars[0].set_color("tab:orange")
        axis.bar_label(bars, fmt="%.2f", padding=2)
        axis.margins(x=0.18)
        axis.invert_yaxis()
        axis.set_title(f"{name}, batch 1, {run.threads} thread", fontsize=9)
        axis.set_xlabel("ms an image")
    figure.tight_layout()
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
