"""Shapes that files compute. The number of samples stays a mark, so no number comes from it.

A file may compute a shape from the shape of a value, as old exporters of torch do. The first number
of that shape is the number of samples in a batch, which is not known. It may be copied to the
first place of another shape. Anything else would give a network for one size of batch only.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class _Samples:
    """Stands for the number of samples."""

    def __repr__(self) -> str:
        return "N"


SAMPLES = _Samples()

Shape = NDArray[Any]
"""An array of objects: whole numbers, and SAMPLES."""


def has_samples(shape: Shape) -> bool:
    """Whether one of the numbers is the number of samples."""
    return any(one is SAMPLES for one in shape.flat)


def shape_array(entries: Any) -> Shape:
    """An array of these numbers, in which SAMPLES may be one."""
    return np.array(entries, object)


def resolved(
    wanted: list[Any], sizes: list[int], batch: int | None, zero_copies: bool
) -> list[int]:
    """The sizes after the first axis that a reshape of a batch of values gives.

    wanted: the numbers of the file; SAMPLES, -1, and 0 for a copy.
    sizes: those of the value after its first axis.
    batch: the number of samples for which the file was made; None where that is open.

    Raises: ValueError where samples would be joined or divided.
    """
    shown = f"from [N, {', '.join(map(str, sizes))}] to {wanted}"
    filled = [
        ([SAMPLES, *sizes][axis : axis + 1] or [0])[0] if one == 0 and zero_copies else one
        for axis, one in enumerate(wanted)
    ]
    if not filled or any(one is SAMPLES for one in filled[1:]):
        raise ValueError(f"{shown}: the first axis must stay the number of samples")
    elements, rest = int(np.prod(sizes, dtype=object)), filled[1:]
    if any(one < -1 for one in rest) or rest.count(-1) > 1:
        raise ValueError(f"{shown}: not a shape")
    if -1 in rest:
        known = int(np.prod([one for one in rest if one != -1], dtype=object))
        is_first = filled[0] is SAMPLES or filled[0] == batch
        if is_first and known and elements % known == 0:
            return [elements // known if one == -1 else one for one in rest]
    elif int(np.prod(rest, dtype=object)) == elements and filled[0] in (SAMPLES, -1, batch):
        return rest
    raise ValueError(f"{shown}: the first axis must stay the number of samples")
