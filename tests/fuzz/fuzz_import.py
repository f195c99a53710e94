"""Mutate files of other tools: each is refused with a ConvertError, or is read and runs.

    python tests/fuzz/fuzz_import.py [--count N | --seconds T] [--seed S]

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

DATA = Path(__file__).parents[1] / "importers" / "data"
# Small files: with one of these, an import takes less than a tenth of a second.
LARGEST = 10_000
SECONDS_EACH, PIECE = 60, 100
NUMBERS = (0, 1, 2, 0xFF, 0x7FFF, 0xFFFF, 1 << 28, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


def files() -> list[Path]:
    """The files that are mutated, of every importer."""
    every = (path for path in DATA.rglob("*") if path.suffix in (".tflite", ".onnx"))
    return sorted(path for path in every if path.stat().st_size < LARGEST)


def mutated(number: int) -> bytes:
    """The mutation of that number, after a byte that says which kind of file it is."""
    rng = random.Random(number)
    path = rng.choice(files())
    change = rng.choice([flip_bytes, flip_bytes, cut, splice, _set_number, _set_number])
    content = change(rng, path.read_bytes())
    return (b"t" if path.suffix == ".tflite" else b"o") + content


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
    suffix = ".tflite" if content[:1] == b"t" else ".onnx"
    with tempfile.TemporaryDirectory() as folder, np.errstate(all="ignore"):
        path = Path(folder) / f"mutated{suffix}"
        path.write_bytes(content[1:])
        try:
            model = read(path)
        except ConvertError as error:
            message = str(error)
            assert message.isprintable(), message
            return False
        Engine(model).run(random_inputs(model, 1))
    return True


FUZZER = Fuzzer(__file__, __doc__ or "", mutated, try_one, ".file", SECONDS_EACH)

if __name__ == "__main__":
    sys.exit(FUZZER.main(PIECE))
