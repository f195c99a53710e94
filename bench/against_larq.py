"""Compare with Larq Compute Engine: two binary 3x3 layers, 64 to 64 channels, at 56 x 56.

    python -m venv larq-env
    larq-env/bin/pip install "numpy<2" "tensorflow-cpu<2.17" "tf_keras<2.17" larq \\
        larq-compute-engine
    python bench/against_larq.py --larq-python larq-env/bin/python

Larq needs its own environment, so it runs in its own process; the two take turns. Both read real
numbers, binarize them, and return real numbers: convolution and batch norm, twice. Larq runs with
use_indirect_bgemm, its fastest way. Each has one thread.
"""

import argparse
import subprocess
import time
from pathlib import Path
from statistics import median

import numpy as np
from torch import nn

from signbit.format import Input
from signbit.layers import BinaryConv2d
from signbit.machine import processor
from signbit.pack import OutputSpec, pack
from signbit.runtime.engine import Engine

SIDE, CHANNELS = 56, 64


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--larq-python", required=True, help="the Python of the environment that has Larq"
    )
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    engine = _engine()
    image = np.random.default_rng(0).normal(size=(1, SIDE, SIDE, CHANNELS)).astype(np.float32)
    given = {"image": image}
    ours, convolutions, theirs = [], [], []
    worker = Path(__file__).with_name("_larq_worker.py")
    with subprocess.Popen(
        [options.larq_python, worker, str(SIDE), str(CHANNELS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as larq:
        assert larq.stdin is not None
        assert larq.stdout is not None
        for _ in range(options.rounds):
            larq.stdin.write("run\n")
            larq.stdin.flush()
            answer = larq.stdout.readline()
            if not answer:
                raise SystemExit("Larq's process ended; the reason is above")
            theirs.append(float(answer))
            start = time.perf_counter()
            engine.run(given)
            ours.append(time.perf_counter() - start)
            convolutions.append(sum(list(engine.timed(given).values())[1:3]))
        larq.stdin.close()
    both, slow = median(ours), median(theirs)
    print(f"{processor()}, {engine.isa}, one thread, medians of {options.rounds}")
    print(f"Larq Compute Engine  {1e3 * slow:.3f} ms")
    print(f"signbit              {1e3 * both:.3f} ms, {slow / both:.1f} times faster")
    print(f"  its convolutions with their batch norms: {1e3 * median(convolutions):.3f} ms")


def _engine() -> Engine:
    layers = [
        layer
        for _ in range(2)
        for layer in (
            BinaryConv2d(CHANNELS, CHANNELS, 3, padding=1, bias=False),
            nn.BatchNorm2d(CHANNELS),
        )
    ]
    network = nn.Sequential(*layers).eval()
    image = Input.numbers("image", (SIDE, SIDE, CHANNELS))
    return Engine(pack(network, inputs=[image], outputs=[OutputSpec("map", "numbers")]))


if __name__ == "__main__":
    main()
