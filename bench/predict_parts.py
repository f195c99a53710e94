#!/usr/bin/env python3
"""Measure images per second of `predict --out FOLDER`: in one process, and on 1, 2, ... workers.

    bench/predict_parts.py MODEL SOURCE [--workers 1 2] [--rounds 3]

MODEL is a .signbit file. SOURCE is what `signbit predict` accepts; its images should make at least
20 parts. Each engine has one thread. The cluster is started first, with one CPU for each worker.
"Whole" counts from the call to the end. "Steady" counts from the first part to the last, without
the start of the workers. The table has the median of the rounds, and all ways take turns.
"""

import argparse
import os
import statistics
import tempfile
import time
from pathlib import Path

import numpy

from signbit.machine import processor
from signbit.scoring.parts import Job, PartAnswerer, find_parts, predict_parts
from signbit.scoring.ray import runner


def here(job, run, parts):
    """Compute the parts in this process."""
    return map(PartAnswerer(job, run), parts)


def measure(parts, job, run) -> tuple[float, float]:
    """Rows a second, whole and steady."""
    times: list[float] = []
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:

        def advance(count: int) -> None:
            if count:
                times.append(time.perf_counter())

        summary = predict_parts(parts, job, Path(folder, "out"), run, advance)
    whole = summary.rows / (time.perf_counter() - start)
    return whole, summary.rows / len(parts) * (len(times) - 1) / (times[-1] - times[0])


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("model", type=Path)
    parser.add_argument("source")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    import ray

    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init("local", num_cpus=max(arguments.workers), include_dashboard=False, log_to_driver=False)
    job, parts = Job(arguments.model.read_bytes()), find_parts(arguments.source)
    ways = {"one process": here}
    for count in arguments.workers:
        ways[f"{count} worker{'s' if count > 1 else ''}"] = runner(workers=count)
    rates: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    loads = []
    for _ in range(arguments.rounds):
        for name, run in ways.items():
            loads.append(os.getloadavg()[0])
            rates[name].append(measure(parts, job, run))
    cores = len(os.sched_getaffinity(0))
    print(f"{processor()}, {cores} cores; load before runs {min(loads):.1f} to {max(loads):.1f}")
    print("| where | whole, images/s | steady, images/s |\n|---|---|---|")
    for name, found in rates.items():
        whole, steady = (statistics.median(column) for column in numpy.array(found).T)
        print(f"| {name} | {whole:,.0f} | {steady:,.0f} |")


if __name__ == "__main__":
    main()
