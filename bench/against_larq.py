"""Compare with Larq Compute Engine: two binary layers at 56 x 56, or QuickNet at 224 x 224.

    python -m venv larq-env
    larq-env/bin/pip install "numpy<2" "tensorflow-cpu<2.17" "tf_keras<2.17" larq \\
        larq-compute-engine larq-zoo
    python bench/against_larq.py --larq-python larq-env/bin/python [--network quicknet]

Both run the same file, written by Larq's converter and imported here, on the same image. Weights
are random. The outputs must agree. Larq needs its own environment, so it runs in its own process;
the two take turns. Larq runs with use_indirect_bgemm, its fastest way. Each has one thread.
"""

import argparse
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from statistics import median
from typing import IO

import numpy as np
from numpy.typing import NDArray

from signbit.importers import read
from signbit.machine import processor
from signbit.runtime.engine import Engine


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--larq-python", required=True, help="the Python of the environment that has Larq"
    )
    parser.add_argument("--network", choices=("layers", "quicknet"), default="layers")
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args()
    worker = Path(__file__).with_name("_larq_worker.py")
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [options.larq_python, worker, options.network, folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as larq,
    ):
        assert larq.stdin is not None
        assert larq.stdout is not None
        _answer(larq.stdout)
        engine, image = _engine(Path(folder))
        ours, theirs = [], []
        for _ in range(options.rounds):
            larq.stdin.write("run\n")
            larq.stdin.flush()
            theirs.append(float(_answer(larq.stdout)))
            start = time.perf_counter()
            engine.run(image)
            ours.append(time.perf_counter() - start)
        larq.stdin.close()
    mine, other = median(ours), median(theirs)
    print(f"{processor()}, {engine.isa}, one thread, medians of {options.rounds}")
    print(f"Larq Compute Engine  {1e3 * other:.3f} ms")
    print(f"signbit              {1e3 * mine:.3f} ms, {other / mine:.2f} times as fast")
    for operation, seconds in _operations(engine, image, options.rounds):
        print(f"  {operation:18} {1e3 * seconds:.3f} ms")


def _answer(output: IO[str]) -> str:
    answer = output.readline()
    if not answer:
        raise SystemExit("Larq's process ended; the reason is above")
    return answer


def _engine(folder: Path) -> tuple[Engine, NDArray[np.float32]]:
    """The imported network, which answers as Larq does, and the image."""
    engine = Engine(read(folder / "network.tflite"))
    image, expected = np.load(folder / "image.npy"), np.load(folder / "output.npy")
    found = engine.scores(image)
    print(f"largest difference {abs(found - expected).max():.2g} of {abs(expected).max():.2g}")
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * abs(expected).max())
    return engine, image


def _operations(engine: Engine, image: NDArray[np.float32], rounds: int) -> list[tuple[str, float]]:
    """Median seconds in each kind of operation; a step counts as the first that it computes."""
    runs = []
    for _ in range(rounds):
        runs.append(Counter[str]())
        for number, seconds in engine.timed(image).items():
            runs[-1][engine.model.node(number).op] += seconds
    kinds = {kind: median(run[kind] for run in runs) for kind in runs[0]}
    return sorted(kinds.items(), key=lambda one: -one[1])


if __name__ == "__main__":
    main()
