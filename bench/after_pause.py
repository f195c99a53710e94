"""The time of a call that comes after a pause, as of a camera's next picture.

    python bench/after_pause.py NET.signbit [--threads 1 2] [--rounds 30]

While nothing runs, an engine's threads sleep, and so do cores. Prints medians for each pause.
"""

import argparse
import time
from pathlib import Path
from statistics import median

from signbit.format import PackedModel
from signbit.machine import processor
from signbit.runtime.engine import Engine
from signbit.runtime.samples import random_inputs

PAUSES = (0.0, 0.001, 0.02, 0.1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    model = PackedModel.load(options.network)
    samples = random_inputs(model, 1)
    for threads in options.threads:
        engine = Engine(model, threads)
        times = (1e3 * _seconds(engine, samples, pause, options.rounds) for pause in PAUSES)
        shown = ", ".join(
            f"{1e3 * pause:g} ms: {ms:.2f}" for pause, ms in zip(PAUSES, times, strict=True)
        )
        print(f"{processor()}, {engine.isa}, {threads} threads, ms of a call after {shown}")


def _seconds(engine: Engine, samples: dict, pause: float, rounds: int) -> float:
    engine.run(samples)
    seconds = []
    for _ in range(rounds):
        time.sleep(pause)
        start = time.perf_counter()
        engine.run(samples)
        seconds.append(time.perf_counter() - start)
    return median(seconds)


if __name__ == "__main__":
    main()
