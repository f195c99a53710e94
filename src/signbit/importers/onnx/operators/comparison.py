"""Comparisons, truth values, choices between two values, and other types."""

from collections.abc import Callable

import torch
from torch import Tensor

from signbit.importers.onnx._attributes import Kind
from signbit.importers.onnx._call import BOOL, FLOAT, Call
from signbit.importers.onnx._operators import reads
from signbit.importers.onnx._shapes import SAMPLES, has_samples, shape_array
from signbit.importers.onnx._tensors import DTYPES, type_name

_COMPARISONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "Greater": torch.gt,
    "GreaterOrEqual": torch.ge,
    "Less": torch.lt,
    "LessOrEqual": torch.le,
}
_OF_TRUTHS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "And": torch.logical_and,
    "Or": torch.logical_or,
    "Xor": torch.logical_xor,
}
_WHOLE = (torch.uint8, torch.int8, torch.int32, torch.int64)


@reads(*_COMPARISONS, inputs=(2, 2))
def _compare(call: Call) -> None:
    _of_numbers(call, _COMPARISONS[call.node.kind])


@reads("Equal", inputs=(2, 2))
def _equal(call: Call) -> None:
    shapes = [call.shape_of_samples(position) for position in call.positions]
    if all(shape is None for shape in shapes):
        _of_numbers(call, torch.eq)
        return
    one, other = (
        shape_array(call.whole(n)) if shape is None else shape for n, shape in enumerate(shapes)
    )
    if (has_samples(one) and has_samples(other)) or one.shape != other.shape:
        raise call.error("it compares the number of samples of a batch")
    pairs = list(zip(one.flat, other.flat, strict=True))
    # The number of samples is 1 or more.
    if any(SAMPLES in pair and min(n for n in pair if n is not SAMPLES) > 0 for pair in pairs):
        raise call.error("it compares the number of samples of a batch")
    call.give(torch.tensor([a is not SAMPLES and b is not SAMPLES and a == b for a, b in pairs]))


def _of_numbers(call: Call, compare: Callable[[Tensor, Tensor], Tensor]) -> None:
    call.require_float(0, 1)
    call.require_one_type(0, 1)
    call.require_samples_first(0, 1)
    call.emit(compare, 0, 1)


@reads(*_OF_TRUTHS, inputs=(2, 2))
def _of_truths(call: Call) -> None:
    _require_truths(call, 0, 1)
    call.require_samples_first(0, 1)
    call.emit(_OF_TRUTHS[call.node.kind], 0, 1)


@reads("Not")
def _not(call: Call) -> None:
    _require_truths(call, 0)
    call.emit(torch.logical_not, 0)


def _require_truths(call: Call, *positions: int) -> None:
    if any(call.type(position) != BOOL for position in positions):
        raise call.error("its inputs must be truth values")


@reads("Where", inputs=(3, 3))
def _where(call: Call) -> None:
    """The second input where the first is true, else the third."""
    _require_truths(call, 0)
    if call.shape_of_samples(1) is not None or call.shape_of_samples(2) is not None:
        _where_of_shapes(call)
        return
    call.require_float(1, 2)
    call.require_one_type(1, 2)
    call.require_samples_first(0, 1, 2)
    call.emit(torch.where, 0, 1, 2)


def _where_of_shapes(call: Call) -> None:
    shapes = [call.shape_of_samples(position) for position in (1, 2)]
    one, other = (
        shape_array(call.whole(n)) if shape is None else shape for n, shape in enumerate(shapes, 1)
    )
    chosen = call.constant(0).tolist()
    if not one.shape == other.shape == (len(chosen),):
        raise call.error("it chooses between shapes with different numbers of axes")
    pairs = zip(chosen, one, other, strict=True)
    call.give_shape(shape_array([a if choice else b for choice, a, b in pairs]))


@reads("Cast", attributes={"to": Kind.INT, "saturate": 1, "round_mode": "up"})
def _cast(call: Call) -> None:
    """Numbers become whole numbers by cutting off their fraction."""
    wanted = DTYPES.get(call["to"] or 0)
    if wanted is None:
        raise call.error(f"{type_name(call['to'] or 0)} cannot be computed exactly; use FLOAT")
    if call.shape_of_samples(0) is not None:
        if wanted not in (torch.int64, torch.int32):
            raise call.error("it computes with the number of samples of a batch")
        call.pass_on(0)
    elif call.is_constant(0):
        call.emit(lambda x: x.to(wanted), 0)
    else:
        _cast_value(call, wanted)


def _cast_value(call: Call, wanted: torch.dtype) -> None:
    found = call.type(0)
    if wanted == torch.float64:
        raise call.error("it computes in float64; the packed network has float32 there")
    if wanted == found:
        call.pass_on(0)
    elif wanted == BOOL:
        call.emit(lambda x: x != 0, 0)
    elif found == BOOL:
        call.emit(lambda x: x.to(FLOAT), 0, type=wanted)
    elif found == FLOAT:
        call.emit(torch.trunc, 0, type=wanted)
    elif wanted == FLOAT or _holds(wanted, found):
        call.pass_on(0, wanted)
    else:
        raise call.error(f"numbers of {found} may not fit into {wanted}")


def _holds(wide: torch.dtype, narrow: torch.dtype) -> bool:
    """Whether a type of whole numbers has all numbers of another one."""
    one, other = torch.iinfo(wide), torch.iinfo(narrow)
    return one.min <= other.min and one.max >= other.max
