"""Mutate `.tflite` files: each is refused with a ConvertError, or is read and runs.

    python tests/fuzz/fuzz_larq.py [--count N | --seconds T] [--seed S]

A crash, a hang, another exception, or more than 4 GB of memory ends with code 1 and the mutated
file. Each mutation is made from its own number, so that it can be made again.
"""

import random
import resource
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fuzz.runner import Fuzzer, cut, flip_bytes, splice

GOLDEN = Path(__file__).parents[1] / "importers" / "data" / "lce"
# Small files: with one of these, an import takes less than a tenth of a second.
LARGEST = 10_000
SECONDS_EACH, PIECE = 60, 100
NUMBERS = (0, 1, 2, 0xFF, 0x7FFF, 0xFFFF, 1 << 28, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def mutated(number: int) -> bytes:
    """The mutation of that number."""
    rng = random.Random(number)
    small = (path for path in GOLDEN.glob("*.tflite") if path.stat().st_size < LARGEST)
    change = rng.choice([flip_bytes, flip_bytes, cut, splice, _set_number, _set_number])
    return change(rng, rng.choice(sorted(small)).read_bytes())


def _set_number(rng: random.Random, content: bytes) -> bytes:
    """Set some aligned words, such as sizes and offsets, to numbers at the ends of ranges."""
    changed = bytearray(content)
    for _ in range(rng.choice([1, 1, 2])):
        place = 4 * rng.randrange(len(changed) // 4)
        changed[place : place + 4] = rng.choice(NUMBERS).to_bytes(4, "little")
    return bytes(changed)


def try_one(content: bytes) -> bool:
    """Whether the file is read; then the engine has run it."""
    import numpy as np
    import torch

    from signbit.errors import ConvertError
    from signbit.importers import read
    from signbit.runtime.engine import Engine
    from signbit.runtime.samples import random_inputs

    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, 4 << 30))
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        path = Path(folder) / "mutated.tflite"
        path.write_bytes(content)
        try:
            model = read(path)
        except ConvertError as error:
            message = str(error)
            assert message.isprintable(), message
            return False
        Engine(model).run(random_inputs(model, 1))
    return True


FUZZER = Fuzzer(__file__, __doc__ or "", mutated, try_one, ".tflite", SECONDS_EACH)

if __name__ == "__main__":
    sys.exit(FUZZER.main(PIECE))
