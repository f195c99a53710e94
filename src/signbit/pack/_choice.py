"""One of two values by a comparison."""

from collections.abc import Mapping
from typing import Any

import torch

from signbit.pack._draft import RealForm, RealNode, Step
from signbit.pack._layout import Placed, as_map
from signbit.pack._rule import RuleCall, Slope, of_one_base, pointwise, then

_ADD = RealNode("binary", {"function": "add"})
_MULTIPLY = RealNode("binary", {"function": "multiply"})


def _affine(scale: float, bias: float) -> RealNode:
    return RealNode("affine", {}, {"scale": torch.tensor(scale), "bias": torch.tensor(bias)})


_NOT = _affine(-1.0, 1.0)


def chosen(
    c: RuleCall, condition: str, one: str, other: str, slopes: Mapping[str, Slope]
) -> Placed:
    """`one` where the condition holds, else `other`: their names among the arguments.

    As real numbers, the condition, 0 or 1, times one and the opposite times the other.
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


def _gated(c: RuleCall, gate: Step, name: str) -> Step:
    if c.is_value(name):
        value = as_map(c.value(name, c.shape), c.place)
        return c.real("binary", (gate, value), gate.size, function="multiply")
    constant = c.constant(name)
    if constant.numel() != 1:
        c.refuse("a choice between a value and constants that differ; give one constant")
    return then(c, gate, [_affine(float(constant), 0.0)])


def _form(c: RuleCall, condition: str, one: str, other: str) -> RealForm | None:
    """The same, of arguments that are functions of one number; their order is torch's."""
    places = [name for name in c.call.arguments if c.is_value(name)]
    mask = places.index(condition)
    parts: list[RealForm] = []
    for name, before in ((one, ()), (other, (_NOT,))):
        gate = RealForm((mask,), before)
        if c.is_value(name):
            parts.append(RealForm((gate, places.index(name)), (_MULTIPLY,)))
            continue
        constant = c.constant(name)
        if constant.numel() != 1:
            return None
        parts.append(RealForm((gate,), (_affine(float(constant), 0.0),)))
    return RealForm(tuple(parts), (_ADD,))
