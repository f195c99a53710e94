"""Compare with Larq Compute Engine: the same .tflite file in both engines, one thread each.

    python -m venv larq-env
    larq-env/bin/pip install "numpy<2" "tensorflow-cpu<2.17" "tf_keras<2.17" larq \\
        larq-compute-engine
    python bench/against_larq.py two_layers --larq-python larq-env/bin/python
    python bench/against_larq.py quicknet --larq-python larq-env/bin/python

two_layers: two binary 3x3 convolutions with batch norm, 64 to 64 channels, at 56 x 56, from real
numbers to real numbers. quicknet: the layers of QuickNet, for images of 224 x 224 pixels.

Larq needs its own environment, so it runs in its own process; the two take turns. Larq runs with
use_indirect_bgemm, its fastest way.
"""

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median

import numpy as np

from signbit.importers import read
from signbit.machine import processor
from signbit.runtime.engine import Engine


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("network", choices=["two_layers", "quicknet"])
    parser.add_argument(
        "--larq-python", required=True, help="the Python of the environment that has Larq"
    )
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        worker = [Path(__file__).with_name("_larq_worker.py"), options.network, folder]
        with subprocess.Popen(
            [options.larq_python, *worker], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as larq:
            _answer(larq)
            engine = Engine(read(folder / f"{options.network}.tflite"))
            given = {engine.inputs[0].name: np.load(folder / "input.npy")}
            (found,) = engine.run(given).values()
            wanted = np.load(folder / "output.npy")
            ours, theirs = _take_turns(engine, given, larq, options.rounds)
    print(f"{processor()}, {engine.isa}, one thread, medians of {options.rounds}")
    print(f"Larq Compute Engine  {1e3 * theirs:.3f} ms")
    print(f"signbit              {1e3 * ours:.3f} ms, {theirs / ours:.1f} times faster")
    print(f"results differ by {np.abs(found - wanted).max():.1e}, of {np.abs(wanted).max():.1e}")


def _take_turns(engine: Engine, given, larq, rounds: int) -> tuple[float, float]:
    """The median seconds of a run, of signbit and of Larq."""
    ours, theirs = [], []
    for _ in range(rounds):
        larq.stdin.write("run\n")
        larq.stdin.flush()
        theirs.append(float(_answer(larq)))
        start = time.perf_counter()
        engine.run(given)
        ours.append(time.perf_counter() - start)
    larq.stdin.close()
    return median(ours), median(theirs)


def _answer(larq) -> str:
    answer = larq.stdout.readline()
    if not answer:
        raise SystemExit("Larq's process ended; the reason is above")
    return answer


if __name__ == "__main__":
    main()
