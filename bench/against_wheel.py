"""Time the engine of a wheel beside the one built from source, one thread each, in turn.

    python bench/against_wheel.py dist/signbit-VERSION-TAG.whl [--runs 300] [--isa avx2]

Two processes hold an engine of each network of the zoo; one call is timed here, then one there, so
that other work of the machine slows both.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from statistics import median

from signbit import zoo

# The editable installation answers imports of the package before any path does.
WORKER = """
import json, sys, time
if len(sys.argv) > 2:
    sys.meta_path = [f for f in sys.meta_path if type(f).__name__ != "ScikitBuildRedirectingFinder"]
    sys.path.insert(0, sys.argv[2])
import numpy as np
from signbit import zoo
from signbit.format import PackedModel
from signbit.runtime.engine import Engine, _engine
print(json.dumps(_engine.__file__), flush=True)
calls = {}
for name in zoo.names():
    engine = Engine(PackedModel.load(zoo.read(name)), 1, sys.argv[1] or None)
    size = (1, *engine.preprocessing.size, engine.preprocessing.channels)
    calls[name] = engine, np.random.default_rng(0).integers(0, 256, size, np.uint8)
for line in sys.stdin:
    engine, pixels = calls[line.strip()]
    start = time.perf_counter()
    scores = engine(pixels)
    seconds = time.perf_counter() - start
    print(json.dumps([seconds, scores.tolist()]), flush=True)
"""


class Worker:
    """A process that times one call when it is asked."""

    def __init__(self, isa: str, package: Path | None = None):
        command = [sys.executable, "-c", WORKER, isa, *([str(package)] if package else [])]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.engine_file = Path(self._read())

    def ask(self, network: str) -> tuple[float, list[list[float]]]:
        """Seconds of one call, and its scores."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{network}\n")
        self._process.stdin.flush()
        return self._read()

    def _read(self):
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())


def main() -> None:
    """Unpack the wheel, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--isa", default="")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        with zipfile.ZipFile(options.wheel) as archive:
            archive.extractall(folder)
        wheel, source = Worker(options.isa, Path(folder)), Worker(options.isa)
        assert wheel.engine_file.is_relative_to(folder), wheel.engine_file
        assert not source.engine_file.is_relative_to(folder), source.engine_file
        for network in zoo.names():
            seconds: dict[Worker, list[float]] = {wheel: [], source: []}
            for _ in range(options.runs):
                scores = []
                for worker, times in seconds.items():
                    took, answer = worker.ask(network)
                    times.append(took)
                    scores.append(answer)
                assert scores[0] == scores[1], network
            ours, theirs = (1e3 * median(times) for times in seconds.values())
            fast, slow = (1e3 * min(times) for times in seconds.values())
            print(
                f"{network}: wheel {ours:.3f} ms, source {theirs:.3f} ms, ratio "
                f"{ours / theirs:.3f}; fastest {fast:.3f} and {slow:.3f} ms, {fast / slow:.3f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
