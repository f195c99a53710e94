"""Operators of several values. Torch is asked where they are functions of one number."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from signbit.pack._draft import Move, RealForm, RealNode, RealStep, Step
from signbit.pack._layout import FILL, Placed, as_map, as_row
from signbit.pack._nodes import affine, binary
from signbit.pack._pointwise import Slope, fits_as_it_lies, laid_out, of_one_base, pointwise
from signbit.pack._rule import RuleCall


def several(
    c: RuleCall,
    slopes: Mapping[str, Slope],
    form: Callable[..., RealForm],
    constants: Mapping[str, Tensor] | None = None,
    exact: bool = True,
) -> Placed:
    """An operator that combines the numbers at the same place of its arguments.

    slopes, form, constants, exact: as `pointwise` reads them. The form's sources are the arguments
        that depend on the input, in their order.
    """
    names = c.value_names
    given = dict(constants or {})
    if of_one_base(c, *names) and (len(names) == 1 or fits_as_it_lies(c, names[0], given)):
        return pointwise(c, slopes, form, given, exact=exact)
    values, found = _laid_out(c, names, given)
    step = _made(c, form(**found), [value.step for value in values], exact)
    return Placed(step, c.image_shape, values[0].index)


def pair(
    c: RuleCall,
    name: str,
    slopes: Mapping[str, Slope],
    before: Sequence[Sequence[RealNode]] = ((), ()),
    names: tuple[str, str] = ("self", "other"),
    exact: bool = True,
) -> Placed:
    """The function `binary` of two values, or of a value and itself.

    slopes: for each value, where both are functions of one number.
    before: for each value, the operations that it goes through first.
    exact: whether these are rounded where torch rounds.
    """
    last = 0 if names[0] == names[1] else 1
    form = RealForm((RealForm((0,), before[0]), RealForm((last,), before[1])), (binary(name),))
    return several(c, slopes, lambda: form, exact=exact)


def aligned(c: RuleCall, names: Sequence[str]) -> list[Placed]:
    """Values in one layout. Each keeps its own size; their sides are equal or 1."""
    rank = len(c.shape)
    if rank <= 4 and all(len(c[name].shape) == rank for name in names):
        values = [c.value(name) for name in names]
        return values if _alike(values) else [_usual(c, value) for value in values]
    return _of_one_shape(c, names)


def _laid_out(
    c: RuleCall, names: Sequence[str], constants: Mapping[str, Tensor]
) -> tuple[Sequence[Placed], dict[str, Tensor]]:
    """Values in one layout, and constants with a number for each of its channels."""
    if all(constant.numel() == 1 for constant in constants.values()):
        return aligned(c, names), {name: one.reshape(()) for name, one in constants.items()}
    values = _of_one_shape(c, names)
    first, found = laid_out(c, values[0], constants)
    if first is not values[0]:
        layout = _usual if first.index is None else _row
        values = [first, *(layout(c, value) for value in values[1:])]
    return values, found


def _of_one_shape(c: RuleCall, names: Sequence[str]) -> list[Placed]:
    values = [c.value(name, c.shape) for name in names]
    if _alike(values):
        return values
    return [_row(c, value) if len(c.shape) > 4 else _usual(c, value) for value in values]


def _usual(c: RuleCall, value: Placed) -> Placed:
    return Placed(as_map(value, c.place), value.shape)


def _row(c: RuleCall, value: Placed) -> Placed:
    return as_row(value, c.place)


def _alike(values: Sequence[Placed]) -> bool:
    first = values[0]
    return all(
        value.covers
        and value.step.size == first.step.size
        and value.shape == first.shape
        and torch.equal(value.places(), first.places())
        for value in values
    )


def _made(c: RuleCall, form: RealForm, sources: Sequence[Step], exact: bool) -> Step:
    """The steps that compute a form."""
    operands: list[Step] = []
    for operand in form.operands:
        if isinstance(operand, RealForm):
            operands.append(_made(c, operand, sources, exact))
        elif isinstance(operand, Tensor):
            operands.append(constant_step(c, operand, sources[0]))
        else:
            operands.append(sources[operand])
    for node in form.nodes:
        size: Any = tuple(map(max, zip(*(one.size for one in operands), strict=True)))
        operands = [RealStep(c.place, tuple(operands), size, node, exact=exact)]
    return operands[0]


def constant_step(c: RuleCall, values: Tensor, source: Step) -> Step:
    """One position with constants, which goes with all positions of another value."""
    count = values.numel()
    nowhere = torch.full((1,), FILL)
    # Nothing of the source is read.
    zeros = Move(c.place, (source,), (1, 1, count), nowhere, nowhere, nowhere.expand(count), 0.0)
    return RealStep(c.place, (zeros,), zeros.size, affine(1.0, values.reshape(-1)))
