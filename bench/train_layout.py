"""Time of a training step in contiguous memory and in channels_last, on the CPU.

    python bench/train_layout.py [--model vgg_cifar10_binary] [--set inflation=0.25]
        [--batch-size 64] [--rounds 20]

Forward and backward on random images, in float32 with one thread. The layouts take turns. The
medians are of CPU time, so other work on the machine counts little.
"""

import argparse
import statistics
import time

import torch
import torch.nn.functional as F

from signbit.cli._options import parse_settings
from signbit.machine import processor
from signbit.models import create
from signbit.train._memory_format import in_layout

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="vgg_cifar10_binary")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    torch.set_num_threads(1)
    module = create(options.model, **parse_settings(options.set)).train()
    images = torch.randn(options.batch_size, 3, 32, 32)
    classes = torch.randint(10, (options.batch_size,))
    seconds: dict[str, list[float]] = {name: [] for name in LAYOUTS}
    for _ in range(options.rounds + 1):
        for name, layout in LAYOUTS.items():
            module.to(memory_format=layout)  # pyright: ignore
            module.zero_grad()
            start = time.process_time()
            F.cross_entropy(module(in_layout(images, layout)), classes).backward()
            seconds[name].append(time.process_time() - start)
    medians = {name: statistics.median(times[1:]) for name, times in seconds.items()}
    print(f"{processor()}, one thread, {options.model}, batch {options.batch_size}")
    for name, median in medians.items():
        print(f"{name}: {1e3 * median:.1f} ms a step, {options.batch_size / median:,.0f} images/s")


if __name__ == "__main__":
    main()
