"""Mutate `.signbit` files: each is refused with a ModelFormatError, or loads and runs.

    python tests/fuzz/fuzz_file.py [--count N | --seconds T] [--seed S]

A crash, a hang of more than 5 seconds or another exception ends with code 1 and the mutated file.
Each mutation is made from its own number, so that it can be made again.
"""

import copy
import json
import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from fuzz.runner import Fuzzer, cut, flip_bytes, splice
from helpers.files import framed, parts, resealed

GOLDEN = Path(__file__).parents[1] / "format" / "golden"
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
    change = rng.choice([flip_bytes, cut, splice, _edit_graph, _edit_graph, _edit_graph])
    changed = change(rng, content)
    # Nearly always with a digest that fits, or nothing would reach the checks after that one.
    return resealed(changed) if rng.random() < 0.9 else changed


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


FUZZER = Fuzzer(__file__, __doc__ or "", mutated, try_one, ".signbit", SECONDS_EACH)

if __name__ == "__main__":
    sys.exit(FUZZER.main())
