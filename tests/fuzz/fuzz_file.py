"""Mutate `.signbit` files: each is refused with a ModelFormatError, or loads and runs.

    python tests/fuzz/fuzz_file.py [--count N | --seconds T] [--seed S]

A crash, a hang of more than 5 seconds or another exception ends with code 1 and the mutated file.
Each mutation is made from its own number, so that it can be made again.
"""

import argparse
import copy
import json
import mmap
import random
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from helpers.files import framed, parts, resealed

GOLDEN = Path(__file__).parents[1] / "format" / "golden"
PIECE = 2000
# Networks that would run longer than a test should are only loaded.
MAX_ELEMENTS = 1 << 18
SECONDS_EACH = 5
VALUES = [-1, 0, 1, 2, 3, 7, 63, 64, 65, 255, 65535, 1 << 31, 1 << 64, 1.5, "inf", None, [], {}]
VALUES += [
    "u8",
    "f32",
    "bits",
    "classes",
    "labels",
    "numbers",
    "wave",
    "n3",
    [5],
    [3, 2],
    [1, 1, 2],
]


def mutated(number: int) -> bytes:
    """The mutation of that number."""
    rng = random.Random(number)
    content = rng.choice(sorted(GOLDEN.glob("*.signbit"))).read_bytes()
    change = rng.choice([_flip_bytes, _cut, _splice, _edit_graph, _edit_graph, _edit_graph])
    changed = change(rng, content)
    # Nearly always with a digest that fits, or nothing would reach the checks after that one.
    return resealed(changed) if rng.random() < 0.9 else changed


def _flip_bytes(rng: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2, 8])):
        changed[rng.randrange(len(changed))] = rng.randrange(256)
    return bytes(changed)


def _cut(rng: random.Random, content: bytes) -> bytes:
    start = rng.randrange(len(content))
    return content[:start] + content[start + rng.randrange(64) :]


def _splice(rng: random.Random, content: bytes) -> bytes:
    start, place = rng.randrange(len(content)), rng.randrange(len(content))
    return content[:place] + content[start : start + rng.randrange(64)] + content[place:]


def _edit_graph(rng: random.Random, content: bytes) -> bytes:
    """Change some values of the metadata, which stays JSON."""
    header, graph, data = parts(content)
    for _ in range(rng.choice([1, 1, 2, 4])):
        _edit_value(rng, graph)
    header["__metadata__"]["signbit"] = json.dumps(graph)
    return framed(header, data)


def _edit_value(rng: random.Random, place) -> None:
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            return
        if rng.random() < 0.05:
            _rearrange(rng, place)
            return
        key = rng.choice(list(keys))
        inner = isinstance(place[key], dict | list) and place[key]
        if not inner or rng.random() < 0.1:
            small = rng.random() < 0.7 and type(place[key]) is int
            # A copy, as another edit may change the list.
            value = copy.deepcopy(rng.choice(VALUES))
            place[key] = place[key] + rng.choice([-1, 1]) if small else value
            return
        place = place[key]


def _rearrange(rng: random.Random, place) -> None:
    """Leave out an entry of an object or a list, give one the value of another, or repeat one."""
    keys = list(place) if isinstance(place, dict) else list(range(len(place)))
    one, other = rng.choice(keys), rng.choice(keys)
    change = rng.choice(["leave out", "copy", "repeat"])
    if change == "leave out":
        del place[one]
    elif change == "copy" or isinstance(place, dict):
        place[one] = copy.deepcopy(place[other])
    else:
        place.insert(one, copy.deepcopy(place[other]))


def try_one(content: bytes) -> bool:
    """Whether the file loads; then reference and engine have run it, and agreed on the kind."""
    import numpy as np

    from signbit.errors import ModelFormatError
    from signbit.format import PackedModel
    from signbit.runtime import reference
    from signbit.runtime.engine import Engine
    from signbit.runtime.samples import random_inputs

    try:
        model = PackedModel.load(content)
    except ModelFormatError as error:
        message = str(error)
        assert message.isprintable(), message
        return False
    if sum(one.elements for one in model.types) <= MAX_ELEMENTS:
        given = random_inputs(model, 2)
        with np.errstate(all="ignore"):
            wanted = reference.outputs(model, given)
        # A threshold may turn on a last bit.
        exact = not any(
            model.operation(number).last_bits_vary(node) for number, node in model.numbered()
        )
        for threads in (1, 2):
            found = Engine(model, threads).run(given)
            assert list(found) == list(wanted)
            for one, other in zip(found.values(), wanted.values(), strict=True):
                assert (one.shape, one.dtype) == (other.shape, other.dtype)
                if exact:
                    assert np.allclose(one, other, 1e-4, 1e-4, equal_nan=True)
    return True


def work(start: int, end: int, progress_path: str) -> None:
    """Try a range, noting each number before it is tried."""
    loaded = 0
    with Path(progress_path).open("r+b") as file, mmap.mmap(file.fileno(), 8) as progress:
        for number in range(start, end):
            progress[:8] = struct.pack("<q", number)
            signal.alarm(SECONDS_EACH)
            loaded += try_one(mutated(number))
    signal.alarm(0)
    print(loaded)


def main() -> int:
    """Run pieces in processes of their own, so that a crash is seen and told."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1 << 62)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.work:
        work(int(options.work[0]), int(options.work[1]), options.work[2])
        return 0
    progress = Path("fuzz-progress.tmp")
    progress.write_bytes(bytes(8))
    begin, done, loaded = time.monotonic(), 0, 0
    while done < options.count and time.monotonic() - begin < options.seconds:
        start = options.seed * (1 << 32) + done
        end = start + min(PIECE, options.count - done)
        command = [sys.executable, __file__, "--work", str(start), str(end), str(progress)]
        piece = subprocess.run(command, capture_output=True, text=True)
        if piece.returncode:
            (number,) = struct.unpack("<q", progress.read_bytes())
            Path("fuzz-failure.signbit").write_bytes(mutated(number))
            print(piece.stderr, f"mutation {number}: code {piece.returncode}; fuzz-failure.signbit")
            return 1
        done, loaded = done + end - start, loaded + int(piece.stdout)
    progress.unlink()
    seconds = time.monotonic() - begin
    print(f"{done} mutations in {seconds:.0f} s: {loaded} loaded and ran, the rest were refused")
    return 0


if __name__ == "__main__":
    sys.exit(main())
