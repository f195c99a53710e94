"""Measure temperature scaling: one half of the test images calibrates, the other is measured.

    python bench/calibration.py NAME... [--data cifar10] [--data-dir DIR] [--seed 0]

NAME is a network of the zoo. The seed decides which image is in which half. The table shows the
expected calibration error (15 bins), the mean negative log-likelihood and the accuracy on the
second half.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from signbit import zoo
from signbit.data import load
from signbit.format import PackedModel
from signbit.runtime.engine import Engine
from signbit.scoring.calibration import expected_calibration_error, negative_log_likelihood
from signbit.scoring.temperature import calibrated

HEADER = "| network | temperature | ECE before | ECE after | NLL before | NLL after | top-1 |"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("names", metavar="NAME", nargs="+")
    parser.add_argument("--data", default="cifar10")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    test = load(options.data, "test", data_dir=options.data_dir)
    images, labels = test.images[:], np.asarray(test.labels)
    order = np.random.default_rng(options.seed).permutation(len(labels))
    first, second = np.split(order, [len(order) // 2])
    print(HEADER, "|---|" + "---|" * 6, sep="\n")
    for name in options.names:
        network = PackedModel.load(zoo.read(name))
        threads = len(os.sched_getaffinity(0))
        result = calibrated(network, images[first], labels[first], threads=threads)
        before, after = (Engine(one, threads).scores(images[second]) for one in (network, result))
        right = [one.argmax(axis=1) == labels[second] for one in (before, after)]
        assert np.array_equal(*right)
        print(_row(name, result.info["calibration"]["temperature"], before, after, labels[second]))


def _row(
    name: str, temperature: float, before: np.ndarray, after: np.ndarray, labels: np.ndarray
) -> str:
    errors = [100 * expected_calibration_error(one, labels) for one in (before, after)]
    likelihoods = [negative_log_likelihood(one, labels) for one in (before, after)]
    cells = [f"`{name}`", f"{temperature:.3f}", *(f"{one:.2f} %" for one in errors)]
    cells += [f"{one:.4f}" for one in likelihoods]
    top1 = (after.argmax(axis=1) == labels).mean()
    return f"| {' | '.join([*cells, f'{100 * top1:.2f} %'])} |"


if __name__ == "__main__":
    main()
