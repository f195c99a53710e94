"""What the fuzzers share: try mutations by number, in processes of their own."""

import argparse
import mmap
import random
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

PIECE = 2000


@dataclass(frozen=True)
class Fuzzer:
    """Mutates files, each from its own number, and tries them.

    script: the file that is run.  what: its docstring.
    mutated: the mutation of a number.  try_one: whether it loads; raises for a fault.
    suffix: of the file with a fault.  seconds_each: a mutation that takes longer is a fault.
    """

    script: str
    what: str
    mutated: Callable[[int], bytes]
    try_one: Callable[[bytes], bool]
    suffix: str
    seconds_each: int

    def _work(self, start: int, end: int, progress_path: str) -> None:
        """Try a range, noting each number before it is tried."""
        loaded = 0
        with Path(progress_path).open("r+b") as file, mmap.mmap(file.fileno(), 8) as progress:
            for number in range(start, end):
                progress[:8] = struct.pack("<q", number)
                signal.alarm(self.seconds_each)
                loaded += self.try_one(self.mutated(number))
        signal.alarm(0)
        print(loaded)

    def main(self, piece: int = PIECE) -> int:
        """Run pieces in processes of their own, so that a crash is seen and told."""
        parser = argparse.ArgumentParser(
            description=self.what, formatter_class=argparse.RawTextHelpFormatter
        )
        parser.add_argument("--count", type=int, default=1 << 62)
        parser.add_argument("--seconds", type=float, default=float("inf"))
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
        options = parser.parse_args()
        if options.work:
            self._work(int(options.work[0]), int(options.work[1]), options.work[2])
            return 0
        progress = Path("fuzz-progress.tmp")
        progress.write_bytes(bytes(8))
        begin, done, loaded = time.monotonic(), 0, 0
        while done < options.count and time.monotonic() - begin < options.seconds:
            start = options.seed * (1 << 32) + done
            end = start + min(piece, options.count - done)
            command = [sys.executable, self.script, "--work", str(start), str(end), str(progress)]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                (number,) = struct.unpack("<q", progress.read_bytes())
                fault = Path(f"fuzz-failure{self.suffix}")
                fault.write_bytes(self.mutated(number))
                print(run.stderr, f"mutation {number}: code {run.returncode}; {fault}")
                return 1
            done, loaded = done + end - start, loaded + int(run.stdout)
        progress.unlink()
        seconds = time.monotonic() - begin
        print(
            f"{done} mutations in {seconds:.0f} s: {loaded} loaded and ran, the rest were refused"
        )
        return 0


def flip_bytes(rng: random.Random, content: bytes) -> bytes:
    """Change one or a few bytes."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def cut(rng: random.Random, content: bytes) -> bytes:
    """Leave out some bytes."""
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randrange(64) :]


def splice(rng: random.Random, content: bytes) -> bytes:
    """Repeat some bytes at another place."""
    start, place = rng.randrange(len(content)), rng.randrange(len(content))
    return content[:place] + content[start : start + rng.randrange(64)] + content[place:]
