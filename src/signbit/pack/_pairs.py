"""Operators of two values: a function of one number where both are of the same, else real."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from signbit.pack._draft import RealForm, RealNode
from signbit.pack._layout import Placed, as_map, as_row
from signbit.pack._nodes import binary
from signbit.pack._pointwise import Slope, of_one_base, pointwise
from signbit.pack._rule import RuleCall, then


def pair(
    c: RuleCall,
    name: str,
    slopes: Mapping[str, Slope],
    before: Sequence[Sequence[RealNode]] = ((), ()),
    names: tuple[str, str] = ("self", "other"),
) -> Placed:
    """The function `binary` of two values, or of a value and itself.

    slopes: the slope for each, used where both are functions of one number.
    before: the operations that are applied to each first.
    """
    if of_one_base(c, *names):
        last = 0 if names[0] == names[1] else 1
        form = RealForm((RealForm((0,), before[0]), RealForm((last,), before[1])), (binary(name),))
        return pointwise(c, slopes, lambda: form)
    left, right = aligned(c, names)
    steps = [then(c, value.step, nodes) for value, nodes in zip((left, right), before, strict=True)]
    size: Any = tuple(max(sides) for sides in zip(steps[0].size, steps[1].size, strict=True))
    return Placed(c.real("binary", steps, size, function=name), c.image_shape, left.index)


def aligned(c: RuleCall, names: Sequence[str]) -> list[Placed]:
    """Two values in one layout. Each keeps its size; their sides are equal, or one is 1."""
    rank = len(c.shape)
    if rank <= 4 and all(len(c[name].shape) == rank for name in names):
        values = [c.value(name) for name in names]
        if values[0].shape != values[1].shape or not _alike(values):
            return [Placed(as_map(value, c.place), value.shape) for value in values]
    else:
        values = [c.value(name, c.shape) for name in names]
    if _alike(values):
        return values
    make = as_row if rank > 4 else lambda value, place: Placed(as_map(value, place), value.shape)
    return [make(value, c.place) for value in values]


def _alike(values: Sequence[Placed]) -> bool:
    return (
        all(value.covers and value.step.size == values[0].step.size for value in values)
        and values[0].shape == values[1].shape
        and torch.equal(values[0].places(), values[1].places())
    )
