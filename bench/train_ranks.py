#!/usr/bin/env python3
"""Measure images per second of training in one process and in several that torchrun starts.

    bench/train_ranks.py --data folder:PATH [--model vgg_cifar10_binary] [--ranks 2] ...

It compares one process with one thread, one process with as many threads as ranks, and the ranks
with one thread each. All have the same joint batch. The rate is that of the last epoch, without
validation. The result is the median of the rounds, and all cases take turns.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from signbit.machine import processor
from signbit.train import read_metrics


def rate(arguments: argparse.Namespace, ranks: int, threads: int) -> float:
    """Images a second of a run of two epochs."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "run")
        options = ["--model", arguments.model, "--data", arguments.data, "--out", str(out)]
        options += ["--recipe", arguments.recipe, "--epochs", "2", "--val-size", arguments.val_size]
        options += ["--batch-size", str(arguments.batch_size), "--set", "evaluate_every=2"]
        for setting in arguments.set:
            options += ["--set", setting]
        start = ["-m"]
        if ranks > 1:
            start += ["torch.distributed.run", "--standalone", "--nproc-per-node", str(ranks), "-m"]
        subprocess.run(
            [sys.executable, *start, "signbit", "train", *options],
            check=True,
            capture_output=True,
            env={**os.environ, "OMP_NUM_THREADS": str(threads)},
        )
        return read_metrics(out)[-1]["images_per_second"]


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model", default="vgg_cifar10_binary")
    parser.add_argument("--data", required=True, help="a few thousand images are enough")
    parser.add_argument("--recipe", default="quick")
    parser.add_argument("--val-size", default="0.02")
    parser.add_argument("--batch-size", type=int, default=128)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    count = arguments.ranks
    ways = {
        "1 process, 1 thread": (1, 1),
        f"1 process, {count} threads": (1, count),
        f"{count} processes, 1 thread each": (count, 1),
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(arguments.rounds):
        for name, (ranks, threads) in ways.items():
            rates[name].append(rate(arguments, ranks, threads))
    print(f"{processor()}, load {os.getloadavg()[0]:.1f}; images a second, median of the rounds")
    for name, found in rates.items():
        print(f"{name:28} {statistics.median(found):10,.1f}   {[round(one, 1) for one in found]}")


if __name__ == "__main__":
    main()
