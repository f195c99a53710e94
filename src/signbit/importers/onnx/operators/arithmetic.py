"""Sums, products, quotients and powers, and the lower or higher of several."""

from collections.abc import Callable
from functools import reduce

import torch
from torch import Tensor

from signbit.importers.onnx._call import Call
from signbit.importers.onnx._operators import MANY, reads


def _divide(x: Tensor, y: Tensor) -> Tensor:
    """Whole numbers are divided towards zero."""
    return torch.div(x, y, rounding_mode=None if x.is_floating_point() else "trunc")


def _mean(*values: Tensor) -> Tensor:
    return reduce(torch.add, values) / len(values)


_OF_TWO: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Add": torch.add,
    "Sub": torch.sub,
    "Mul": torch.mul,
    "Div": _divide,
}
_OF_MANY: dict[str, Callable[..., Tensor]] = {
    "Sum": lambda *values: reduce(torch.add, values),
    "Mean": _mean,
    "Max": lambda *values: reduce(torch.maximum, values),
    "Min": lambda *values: reduce(torch.minimum, values),
}


@reads(*_OF_TWO, inputs=(2, 2))
def _two(call: Call) -> None:
    _elementwise(call, _OF_TWO[call.node.kind])


@reads(*_OF_MANY, inputs=(1, MANY))
def _many(call: Call) -> None:
    _elementwise(call, _OF_MANY[call.node.kind])


@reads("Pow", inputs=(2, 2))
def _power(call: Call) -> None:
    """The exponent may have a type of its own; the result has that of the base."""
    call.require_float(0, 1)
    call.require_samples_first(0, 1)
    call.emit(lambda x, y: torch.pow(x, y.to(x.dtype)), 0, 1)


def _elementwise(call: Call, compute: Callable[..., Tensor]) -> None:
    positions = call.positions
    call.require_float(*positions)
    call.require_one_type(*positions)
    call.require_samples_first(*positions)
    call.emit(compute, *positions)
