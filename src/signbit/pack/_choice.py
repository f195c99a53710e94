"""A choice between two values by a comparison."""

from collections.abc import Mapping
from typing import Any

import torch

from signbit.pack._draft import RealForm, Step, base_of
from signbit.pack._functions import evaluated
from signbit.pack._layout import Placed, as_map
from signbit.pack._nodes import ADD, MULTIPLY, affine, scaled
from signbit.pack._pointwise import Slope, of_one_base, pointwise
from signbit.pack._rule import RuleCall, then

# In float32, exp(80) is finite.
_ORDINARY = [sign * size for sign in (-1.0, 1.0) for size in (0.0, 1e-3, 0.5, 1.0, 2.0, 20.0, 80.0)]
_NOT = affine(-1.0, 1.0)


def chosen(
    c: RuleCall, condition: str, one: str, other: str, slopes: Mapping[str, Slope]
) -> Placed:
    """`one` where the condition holds, else `other`. All three are names of arguments.

    As real numbers it is condition * one + (1 - condition) * other, with a condition of 0 or 1.
    """
    names = [name for name in (condition, one, other) if c.is_value(name)]
    if not c.is_value(condition):
        c.refuse("a choice that does not depend on the input, of values that do; choose before")
    if of_one_base(c, *names):
        return pointwise(c, slopes, lambda: _form(c, condition, one, other))
    size: Any = None
    parts = []
    mask = as_map(c.value(condition, c.shape), c.place)
    for name, before in ((one, ()), (other, (_NOT,))):
        gate = then(c, mask, before)
        size = gate.size
        parts.append(_gated(c, gate, name))
    return c.usual(c.real("binary", parts, size, function="add"))


def _one_number(c: RuleCall, name: str) -> float | None:
    """A constant that is one finite number everywhere."""
    constants = c.constant(name).unique()
    one = constants.numel() == 1 and bool(constants.isfinite())
    return float(constants) if one else None


def _is_finite(c: RuleCall, name: str) -> bool:
    """Whether a value is finite also where it is not chosen: 0 times infinity would be NaN."""
    step = c.value(name, c.shape).step
    rows = torch.tensor(_ORDINARY)[:, None].expand(-1, step.size[2])
    return bool(evaluated(step, {base_of(step): rows})[step].isfinite().all())


def _gated(c: RuleCall, gate: Step, name: str) -> Step:
    if c.is_value(name):
        value = as_map(c.value(name, c.shape), c.place)
        if not _is_finite(c, name):
            c.refuse(
                "a choice of a value that may be infinite or no number where it is not chosen; "
                "clamp what it is made of"
            )
        return c.real("binary", (gate, value), gate.size, function="multiply")
    constant = _one_number(c, name)
    if constant is None:
        c.refuse("a choice between a value and constants; one finite number can be packed")
    return then(c, gate, [scaled(constant)])


def _form(c: RuleCall, condition: str, one: str, other: str) -> RealForm | None:
    """The same choice, where the arguments are functions of one number, in torch's order."""
    places = [name for name in c.call.arguments if c.is_value(name)]
    mask = places.index(condition)
    parts: list[RealForm] = []
    for name, before in ((one, ()), (other, (_NOT,))):
        gate = RealForm((mask,), before)
        if c.is_value(name):
            if not _is_finite(c, name):
                return None
            parts.append(RealForm((gate, places.index(name)), (MULTIPLY,)))
            continue
        constant = _one_number(c, name)
        if constant is None:
            return None
        parts.append(RealForm((gate,), (scaled(constant),)))
    return RealForm(tuple(parts), (ADD,))
