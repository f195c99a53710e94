"""Mutate `.onnx` files: each is refused with a ConvertError, or becomes a network that runs.

    python tests/fuzz/fuzz_onnx.py [--count N | --seconds T] [--seed S]

A crash, a hang or another exception ends with code 1 and the mutated file.
Each mutation is made from its own number, so that it can be made again.
"""

import copy
import random
import sys
import tempfile
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))
from fuzz.runner import Fuzzer, cut, flip_bytes, splice

GOLDEN = Path(__file__).parents[1] / "importers" / "data" / "qonnx"
SECONDS_EACH, PIECE = 60, 100
NUMBERS = [-1, 0, 1, 2, 3, 7, 8, 64, 255, 1 << 16, 1 << 31, (1 << 62) + 1, -(1 << 63)]
FLOATS = [0.0, -1.0, 1.0, 0.5, 1e30, float("inf"), float("nan")]


def mutated(number: int) -> bytes:
    """The mutation of that number."""
    rng = random.Random(number)
    content = rng.choice(_contents())
    if rng.random() < 0.2:
        return rng.choice([flip_bytes, cut, splice, _shortened])(rng, content)
    import onnx

    model = onnx.ModelProto.FromString(content)
    for _ in range(rng.choice([1, 1, 2, 4])):
        _change_message(rng, model)
    return model.SerializeToString()


@cache
def _contents() -> list[bytes]:
    """Files of Brevitas, one in the style of FINN, and our own exports of all kinds of inputs."""
    from helpers import signatures
    from helpers.onnx_files import finn_style

    from signbit.export.onnx.exporter import to_proto

    own = [to_proto(signatures.network(name), name) for name in ("ends", "class_map", "points")]
    files = [path.read_bytes() for path in sorted(GOLDEN.glob("*.onnx"))]
    return [*files, *(one.SerializeToString() for one in (finn_style(), *own))]


def _shortened(rng: random.Random, content: bytes) -> bytes:
    return content[: rng.randrange(len(content))]


def _change_message(rng: random.Random, message: Any) -> None:
    """Change one field somewhere in a message, by its schema."""
    while True:
        fields = [field for field, _ in message.ListFields() if field.name != "raw_data"]
        if not fields:
            return
        field = rng.choice(fields)
        value: Any = getattr(message, field.name)
        repeated = not isinstance(value, int | float | str | bytes) and hasattr(value, "append")
        if field.message_type is not None and rng.random() < 0.9:
            message = value[rng.randrange(len(value))] if repeated else value  # pyright: ignore
            continue
        if repeated:
            _change_list(rng, value, field.message_type is not None)
        elif rng.random() < 0.1 or field.message_type is not None:
            message.ClearField(field.name)
        else:
            # Not all numbers are those of an enumeration.
            with suppress(ValueError):
                setattr(message, field.name, _other(rng, value))
        return


def _change_list(rng: random.Random, values: Any, of_messages: bool) -> None:
    place, other = rng.randrange(len(values)), rng.randrange(len(values))
    if of_messages:
        change = rng.choice(["leave out", "copy", "repeat"])
        if change == "leave out":
            del values[place]
        elif change == "copy":
            values[place].CopyFrom(copy.deepcopy(values[other]))
        else:
            values.add().CopyFrom(copy.deepcopy(values[other]))
    elif rng.random() < 0.2:
        del values[place]
    elif rng.random() < 0.2:
        values.append(values[other])
    else:
        values[place] = values[other] if rng.random() < 0.3 else _other(rng, values[place])


def _other(rng: random.Random, value: Any) -> Any:
    if isinstance(value, float):
        return rng.choice(FLOATS)
    if isinstance(value, int):
        number = value + rng.choice([-1, 1]) if rng.random() < 0.5 else rng.choice(NUMBERS)
        return max(min(number, (1 << 31) - 1), -(1 << 31)) if abs(value) < 1 << 31 else number
    words = ["", "x", "Add", "Mul", "Reshape", "Quant", "onnx.brevitas", "NHWC", "SAME_UPPER", "1"]
    return rng.choice(words) if isinstance(value, str) else rng.choice(words).encode()


def try_one(content: bytes) -> bool:
    """Whether the file becomes a network; then the engine and the reference agree about it."""
    import numpy as np

    from signbit.convert import read
    from signbit.errors import ConvertError
    from signbit.runtime import reference
    from signbit.runtime.engine import Engine
    from signbit.runtime.samples import random_inputs

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "net.onnx"
        path.write_bytes(content)
        try:
            model = read(path)
        except ConvertError as error:
            message = str(error)
            assert message.isprintable(), message
            assert len(message) < 4000, message
            return False
    given = random_inputs(model, 2)
    with np.errstate(all="ignore"):
        wanted = reference.outputs(model, given)
    found = Engine(model).run(given)
    for one, other in zip(found.values(), wanted.values(), strict=True):
        assert one.shape == other.shape
    return True


FUZZER = Fuzzer(__file__, __doc__ or "", mutated, try_one, ".onnx", SECONDS_EACH)

if __name__ == "__main__":
    sys.exit(FUZZER.main(PIECE))
