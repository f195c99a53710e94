"""Measure packed networks and write docs/benchmark.md and its picture.

    python bench/measure.py [--threads 1] [--rounds 50] [--docs docs]

For each network, one run measures in turn: signbit on every instruction set of the machine except
scalar, and the peers that are installed.
"""

import argparse
import datetime
import platform
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
    parser.add_argument("--docs", type=Path, default=Path(__file__).parents[1] / "docs")
    options = parser.parse_args()
    isas = [isa for isa in available_isas() if isa != "scalar"] or ["scalar"]
    results: dict[str, list[Benchmark]] = {}
    for name, make in NETWORKS.items():
        results[name] = [
            _measure(name, make(), threads, options.rounds, isa)
            for isa in isas
            for threads in options.threads
        ]
    sections = [_section(name, runs) for name, runs in results.items()]
    (options.docs / "benchmark.md").write_text("\n".join([_head(options), *sections]))
    _draw(results, options.docs / "pictures" / "benchmark.png")


def _measure(name: str, model: PackedModel, threads: int, rounds: int, isa: str) -> Benchmark:
    with progress_bar(f"{name}, {isa}, {threads} threads", rounds) as advance:
        return bench(model, threads, rounds=rounds, isa=isa, advance=advance)


def _head(options: argparse.Namespace) -> str:
    threads = " ".join(str(count) for count in options.threads)
    command = f"python bench/measure.py --threads {threads} --rounds {options.rounds}"
    today = datetime.datetime.now(tz=datetime.UTC).date()
    return f"""# Benchmark

Written by `{command}` on {today}, {platform.system()}, Python {platform.python_version()}.
Medians; signbit, the limit of its instructions on registers alone, and the peers are measured in
turn in every round. The limit of a layer with a single position is reading its weights. Peers run
float32 or int8 networks of the same shapes. uint8 pixels to scores.

![Milliseconds of an image](pictures/benchmark.png)
"""


def _section(name: str, runs: list[Benchmark]) -> str:
    lines = [f"## {name}", "", f"{runs[0].processor}", ""]
    lines += [
        "| threads | batch | runtime | ms an image | signbit is faster |",
        "|---|---|---|---|---|",
    ]
    for run in runs:
        for batch, seconds in run.seconds.items():
            lines.append(
                f"| {run.threads} | {batch} | signbit, {run.isa} | {1e3 * seconds:.3f} | |"
            )
            for peer, times in run.peers.items():
                faster = times[batch] / seconds
                lines.append(f"| | | {peer} | {1e3 * times[batch]:.3f} | {faster:.1f} |")
    run = runs[0]
    lines += ["", f"By layer, {run.isa}, {run.threads} thread, batch 1"]
    lines[-1] += f"; limit {run.limit:.2e} MAC/s ({run.limit_is}):" if run.limit else ":"
    lines += [
        "",
        "| operation | gives | µs | share | MAC/s | of the limit |",
        "|---|---|---|---|---|---|",
    ]
    for step in run.steps:
        limit = f"{step.of_limit:.0%}" if step.of_limit else ""
        speed = f"{step.macs_per_second:.2e}" if step.macs else ""
        lines.append(
            f"| {step.op} | {step.gives} | {1e6 * step.seconds:.1f} | {step.share:.0%} "
            f"| {speed} | {limit} |"
        )
    return "\n".join([*lines, ""])


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
