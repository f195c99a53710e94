"""Time and memory for a first image: start of Python, import, load, one image, without torch.

    python bench/startup.py FILE.signbit [--runs 20]

The package and what it imports are compiled to bytecode first, as pip does when it installs.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

FIRST_IMAGE = """
import resource, sys
import numpy as np
import signbit
engine = signbit.load(sys.argv[1])
size, channels = engine.preprocessing.size, engine.preprocessing.channels
engine.classify(np.zeros((1, *size, channels), np.uint8))
assert "torch" not in sys.modules
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--runs", type=int, default=20)
    options = parser.parse_args()
    command = [sys.executable, "-c", FIRST_IMAGE, str(options.file)]
    # The first run writes the bytecode.
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
    seconds, kilobytes = [], []
    for _ in range(options.runs):
        start = time.perf_counter()
        done = subprocess.run(
            command, check=True, stdout=subprocess.PIPE, text=True, env=environment
        )
        seconds.append(time.perf_counter() - start)
        kilobytes.append(int(done.stdout))
    print(
        f"{median(seconds):.3f} s, the fastest {min(seconds):.3f} s; medians of {options.runs} runs"
    )
    print(f"{median(kilobytes) / 1024:.1f} MB resident")


if __name__ == "__main__":
    main()
