"""One of two values by a comparison."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor

from signbit.pack._draft import RealForm, Step
from signbit.pack._layout import Placed, as_map, as_row
from signbit.pack._nodes import ADD, MASKED, affine, scaled
from signbit.pack._place import Place
from signbit.pack._pointwise import Slope, laid_out, of_one_base, pointwise
from signbit.pack._rule import RuleCall, then

_NOT = affine(-1.0, 1.0)


def chosen(
    c: RuleCall, condition: str, one: str, other: str, slopes: Mapping[str, Slope]
) -> Placed:
    """`one` where the condition holds, else `other`: their names among the arguments.

    As real numbers, the sum of both, each 0 where the other is chosen: whatever is not chosen may
    be infinite or no number.
    """
    names = [name for name in (condition, one, other) if c.is_value(name)]
    if not c.is_value(condition):
        c.refuse("a choice that does not depend on the input, of values that do; choose before")
    given = {name: c.constant(name).float() for name in (one, other) if not c.is_value(name)}
    placed, constants = laid_out(c, _mapped(c, c.value(condition, c.shape)), given)
    moved = placed.index is not None
    if of_one_base(c, *names) and (len(names) == 1 or not moved):
        return pointwise(c, slopes, lambda **found: _form(c, condition, (one, other), found), given)
    layout = _as_row if moved else as_map
    parts = []
    for name, before in ((one, ()), (other, (_NOT,))):
        gate = then(c, placed.step, before)
        if c.is_value(name):
            step = layout(c.value(name, c.shape), c.place)
            parts.append(c.real("binary", (step, gate), gate.size, function="masked"))
        else:
            parts.append(_constant_where(c, gate, constants[name]))
    chosen = c.real("binary", parts, placed.step.size, function="add")
    return Placed(chosen, placed.shape, placed.index)


def _mapped(c: RuleCall, value: Placed) -> Placed:
    """In the usual layout; as one row where there is none."""
    if len(value.shape) > 3:
        return as_row(value, c.place)
    return Placed(as_map(value, c.place), value.shape)


def _as_row(value: Placed, place: Place) -> Step:
    return as_row(value, place).step


def _constant_where(c: RuleCall, gate: Step, constant: Tensor) -> Step:
    if bool(constant.isfinite().all()):
        return then(c, gate, [scaled(constant)])
    filled = then(c, gate, [affine(0.0, constant)])
    return c.real("binary", (filled, gate), gate.size, function="masked")


def _form(c: RuleCall, condition: str, names: tuple[str, str], constants: Any) -> RealForm:
    """The same, of arguments that are functions of one number; their order is torch's."""
    places = [name for name in c.call.arguments if c.is_value(name)]
    parts: list[RealForm] = []
    for name, before in zip(names, ((), (_NOT,)), strict=True):
        gate = RealForm((places.index(condition),), before)
        if not c.is_value(name) and bool(constants[name].isfinite().all()):
            parts.append(RealForm((gate,), (scaled(constants[name]),)))
            continue
        chosen = places.index(name) if c.is_value(name) else constants[name]
        parts.append(RealForm((chosen, gate), (MASKED,)))
    return RealForm(tuple(parts), (ADD,))
