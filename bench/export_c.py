"""Time the C of `signbit export --to c` and the engine in turn, one thread each.

    python bench/export_c.py FILE.signbit [--cc gcc] [--flags "-O3 -march=native"] [--runs 200]

The C becomes a shared library, so both run in one process on the same pixels. Their scores must be
the same, except for the last bits of `expf` and `logf`.
"""

import argparse
import ctypes
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np

import signbit
from signbit.export import export, make_request
from signbit.format import PackedModel


def main() -> None:
    """Compile, compare the scores, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--cc", default="gcc")
    parser.add_argument("--flags", default="-O3 -march=native")
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()
    model = PackedModel.load(options.file)
    engine = signbit.load(options.file, threads=1)
    size = (1, *model.preprocessing.size, model.preprocessing.channels)
    pixels = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        compiled = _compiled(model, Path(folder) / "c", options.cc, options.flags, pixels)
        np.testing.assert_allclose(compiled(), engine(pixels)[0], rtol=1e-5, atol=1e-6)
        seconds = _in_turn([compiled, lambda: engine(pixels)], options.runs)
    c, own = (median(each) for each in seconds)
    print(f"{options.file}: batch 1, 1 thread, medians of {options.runs}, engine {engine.isa}")
    print(f"C, {options.cc} {options.flags}: {1e3 * c:.3f} ms")
    print(f"engine: {1e3 * own:.3f} ms; the C takes {c / own:.2f} times as long")


def _compiled(
    model: PackedModel, folder: Path, compiler: str, flags: str, pixels: np.ndarray
) -> Callable[[], np.ndarray]:
    export(make_request(model, "network"), "c", folder)
    command = [compiler, "-std=c99", *shlex.split(flags), "-shared", "-fPIC"]
    subprocess.run([*command, "network.c", "-o", "network.so", "-lm"], cwd=folder, check=True)
    function = ctypes.CDLL(str(folder / "network.so")).network_scores
    scores = np.empty(model.types[-1].channels, np.float32)
    arguments = [array.ctypes.data_as(ctypes.c_void_p) for array in (pixels, scores)]

    def run() -> np.ndarray:
        function(*arguments)
        return scores

    return run


def _in_turn(functions: list[Callable[[], object]], runs: int) -> list[list[float]]:
    seconds: list[list[float]] = [[] for _ in functions]
    for _ in range(runs):
        for function, taken in zip(functions, seconds, strict=True):
            start = time.perf_counter()
            function()
            taken.append(time.perf_counter() - start)
    return seconds


if __name__ == "__main__":
    main()
